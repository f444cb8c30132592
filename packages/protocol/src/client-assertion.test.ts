import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import {
  type AssertionChecks,
  claimedClientId,
  createClientAssertion,
  verifyClientAssertion,
} from "./client-assertion.ts";
import { isOAuthError } from "./errors.ts";
import { decodeUnverified, generateKey, JwksUnavailable, type SigningKey, signJwt } from "./jose.ts";
import { signJwtWithSecret, verifyJwtWithSecret } from "./secret-jwt.ts";

const now = 1_800_000_000_000;
const seconds = now / 1000;
const client_id = "client";
const issuer = "https://as.example";
const secret = "0123456789abcdef0123456789abcdef";
const typ = "client-authentication+jwt";
const invalidClient = (e: unknown) => isOAuthError(e, "invalid_client");

describe("client assertions", () => {
  let key: SigningKey;
  let checks: AssertionChecks;
  const good = { iss: client_id, sub: client_id, aud: issuer, jti: "one", iat: seconds, exp: seconds + 60 };
  before(async () => {
    key = await generateKey("ES256");
    const verifier = { keys: { keys: [key.publicJwk] }, algorithms: ["ES256"] } as const;
    checks = { client_id, issuer, now, verifier };
  });
  const forge = (claims: Record<string, unknown>, header: { typ?: string; kid?: string } = { typ }) =>
    signJwt(claims, { key: key.privateJwk, alg: key.alg, ...header });
  const refuses = async (claims: Record<string, unknown>, header?: { typ?: string; kid?: string }) =>
    assert.rejects(
      verifyClientAssertion(await forge(claims, header), checks),
      invalidClient,
      JSON.stringify([claims, header]),
    );

  it("one made here verifies, has the issuer as its only audience and says what it is (RFC 10070, RP-27)", async () => {
    const signer = { private_key: key.privateJwk, alg: key.alg, kid: key.kid };
    const assertion = await createClientAssertion({ client_id, issuer, signer, now });
    const { header, claims } = decodeUnverified(assertion);
    assert.equal(header.typ, typ);
    assert.equal(header.kid, key.kid);
    assert.equal(claims.aud, issuer);
    assert.deepEqual([claims.iss, claims.sub, claims.exp], [client_id, client_id, seconds + 60]);
    const { jti, expiresAt } = await verifyClientAssertion(assertion, checks);
    assert.equal(jti, claims.jti);
    assert.equal(expiresAt, now + 70_000);
    assert.equal(claimedClientId(assertion), client_id);
    const again = decodeUnverified(await createClientAssertion({ client_id, issuer, signer, now })).claims;
    assert.notEqual(again.jti, jti);
  });

  it("the audience is the issuer alone: no endpoint, no second one, no near miss (RFC 10070)", async () => {
    assert.ok(await verifyClientAssertion(await forge({ ...good, aud: [issuer] }), checks));
    const endpoint = `${issuer}/token`;
    for (const aud of [endpoint, `${issuer}/`, "https://AS.example", [issuer, endpoint], [], undefined, 1, [1]]) {
      await refuses({ ...good, aud });
    }
    const former = { ...checks, formerAudiences: [endpoint] };
    assert.ok(await verifyClientAssertion(await forge({ ...good, aud: endpoint }), former));
    await assert.rejects(
      verifyClientAssertion(await forge({ ...good, aud: [issuer, endpoint] }), former),
      invalidClient,
    );
  });

  it("lives for minutes: an end is required, and one a day ahead is refused (TK-16)", async () => {
    const { exp: _, ...endless } = good;
    await refuses(endless);
    for (const more of [{ exp: seconds - 300 }, { exp: seconds + 86_400 }, { exp: "soon" }, { exp: 1e300 }]) {
      await refuses({ ...good, ...more });
    }
    await refuses({ ...good, nbf: seconds + 600 });
    await refuses({ ...good, iat: seconds + 600 });
    for (const more of [{ nbf: seconds + 8 }, { iat: seconds + 8 }, { exp: seconds + 600 }]) {
      assert.ok(await verifyClientAssertion(await forge({ ...good, ...more }), checks));
    }
  });

  it("has a jti, so that a replay can be seen (TK-16)", async () => {
    const { jti: _, ...rest } = good;
    for (const claims of [rest, { ...good, jti: "" }, { ...good, jti: 1 }, { ...good, jti: "x".repeat(257) }]) {
      await refuses(claims);
    }
  });

  it("iss and sub are the client, both (RFC 7523 §3, TK-17)", async () => {
    for (const more of [{ iss: "other" }, { sub: "other" }, { iss: "other", sub: "other" }, { sub: undefined }]) {
      await refuses({ ...good, ...more });
    }
    for (const more of [{ iss: "other" }, { sub: "" }, { sub: undefined }, { iss: 1, sub: 1 }]) {
      const assertion = await forge({ ...good, ...more });
      assert.throws(() => claimedClientId(assertion), invalidClient);
    }
    for (const text of ["", "x", "a.b.c", "e30.e30."]) assert.throws(() => claimedClientId(text), invalidClient);
  });

  it("a JWT of another kind, even from the same key, is no client assertion (RFC 8725 §3.11)", async () => {
    for (const other of ["at+jwt", "oauth-authz-req+jwt", "dpop+jwt", "logout+jwt"])
      await refuses(good, { typ: other });
    for (const header of [{}, { typ: "JWT" }, { typ: `application/${typ}` }]) {
      assert.ok(await verifyClientAssertion(await forge(good, header), checks));
    }
  });

  it("another client's key, or another kid, does not verify (TK-17)", async () => {
    const other = await generateKey("ES256");
    const stolen = await signJwt(good, { key: other.privateJwk, alg: "ES256", typ, kid: key.kid });
    await assert.rejects(verifyClientAssertion(stolen, checks), invalidClient);
    await refuses(good, { typ, kid: "unknown" });
  });

  it("keys that cannot be had are an outage, not a wrong client (TK-19)", async () => {
    const keys = async () => {
      throw new JwksUnavailable("down");
    };
    const failing = { ...checks, verifier: { keys, algorithms: ["ES256"] as const } };
    await assert.rejects(verifyClientAssertion(await forge(good), failing), JwksUnavailable);
  });

  it("client_secret_jwt: signed and verified with the secret, with every HMAC (OpenID Connect Core §9)", async () => {
    const long = secret + secret;
    for (const alg of ["HS256", "HS384", "HS512"] as const) {
      const signer = { client_secret: long, alg };
      const assertion = await createClientAssertion({ client_id, issuer, signer, now });
      const by = (client_secret: string) => ({ ...checks, verifier: { client_secret, algorithms: [alg] } });
      assert.ok(await verifyClientAssertion(assertion, by(long)));
      await assert.rejects(verifyClientAssertion(assertion, by(`${long}x`)), invalidClient);
      // What was agreed on is not changed by the header.
      await assert.rejects(verifyClientAssertion(assertion, checks), invalidClient);
    }
    const byKey = await forge(good);
    const verifier = { client_secret: secret, algorithms: ["HS256"] } as const;
    await assert.rejects(verifyClientAssertion(byKey, { ...checks, verifier }), invalidClient);
  });

  it("a short secret neither signs nor verifies (JW-04)", async () => {
    for (const short of ["", "12345678", "x".repeat(31)]) {
      const signer = { client_secret: short, alg: "HS256" } as const;
      await assert.rejects(createClientAssertion({ client_id, issuer, signer, now }), TypeError);
      const token = await signJwtWithSecret(good, { secret, alg: "HS256" });
      const verifier = { client_secret: short, algorithms: ["HS256"] } as const;
      await assert.rejects(verifyClientAssertion(token, { ...checks, verifier }), TypeError);
    }
  });

  it("an HMAC that was tampered with, or none, does not verify (JW-01)", async () => {
    const token = await signJwtWithSecret(good, { secret, alg: "HS256" });
    const options = { secret, algorithms: ["HS256"], issuer: client_id, audience: issuer, now } as const;
    assert.equal((await verifyJwtWithSecret(token, options)).claims.sub, client_id);
    const [header = "", payload = "", signature = ""] = token.split(".");
    const none = Buffer.from('{"alg":"none"}').toString("base64url");
    const flipped = (signature[0] === "A" ? "B" : "A") + signature.slice(1);
    for (const bad of [`${header}.${payload}.`, `${none}.${payload}.`, `${header}.${payload}.${flipped}`]) {
      await assert.rejects(verifyJwtWithSecret(bad, options));
    }
    await assert.rejects(verifyJwtWithSecret(token, { ...options, typ: "at+jwt" }));
  });

  it("computes what another implementation of HMAC computes (RFC 7515 Appendix A.1)", async () => {
    const { createHmac } = await import("node:crypto");
    const token = await signJwtWithSecret({ a: "ä" }, { secret, alg: "HS256" });
    const dot = token.lastIndexOf(".");
    const expected = createHmac("sha256", secret).update(token.slice(0, dot)).digest("base64url");
    assert.equal(token.slice(dot + 1), expected);
  });
});
