import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import fc from "fast-check";
import {
  createDpopProof,
  type DpopChecks,
  type DpopKey,
  dpopThumbprint,
  generateDpopJwk,
  generateDpopKey,
  normalHtu,
  readDpopHeader,
  readDpopJwk,
  verifyDpopProof,
} from "./dpop.ts";
import { dpopNonce, isDpopNonce } from "./dpop-nonce.ts";
import { type ErrorCode, isOAuthError } from "./errors.ts";
import { decodeUnverified, generateKey, type Jwk, type SigningKey, signJwt } from "./jose.ts";
import { signJwtWithSecret } from "./secret-jwt.ts";

const now = 1_800_000_000_000;
const seconds = now / 1000;
const htu = "https://as.example/token";
const refused = (error: ErrorCode) => (e: unknown) => isOAuthError(e, error);

describe("DPoP proofs", () => {
  let key: DpopKey;
  let signer: SigningKey;
  let good: Record<string, unknown>;
  before(async () => {
    key = await generateDpopKey();
    signer = await generateKey("ES256");
    good = { jti: "one", htm: "POST", htu, iat: seconds };
  });

  const publicOf = ({ kty, crv, x, y }: Jwk) => JSON.parse(JSON.stringify({ kty, crv, x, y })) as Jwk;
  const checks = (more: Partial<DpopChecks> = {}): DpopChecks => ({
    htm: "POST",
    htu,
    now,
    algorithms: ["ES256", "EdDSA", "RS256"],
    ...more,
  });
  /** A proof with these claims and this header, signed by `signer`. */
  const forge = (
    claims: Record<string, unknown>,
    header: { typ?: string | null; jwk?: unknown; kid?: string } = {},
  ) => {
    const { typ = "dpop+jwt", kid } = header;
    const jwk = "jwk" in header ? header.jwk : publicOf(signer.publicJwk);
    const options = { key: signer.privateJwk, alg: signer.alg, ...(jwk === undefined ? {} : { jwk: jwk as Jwk }) };
    return signJwt(claims, { ...options, ...(typ === null ? {} : { typ }), ...(kid === undefined ? {} : { kid }) });
  };

  it("a proof made here verifies, and names the key by its thumbprint (RFC 9449 §4.2, §4.3, §6.1)", async () => {
    for (const alg of ["ES256", "EdDSA", "RS256"] as const) {
      const one = await generateDpopKey(alg);
      const proof = await createDpopProof({ key: one, htm: "POST", htu: `${htu}?a=1#b`, now });
      const { jkt, jti, expiresAt } = await verifyDpopProof(proof, checks());
      assert.equal(jkt, await dpopThumbprint(one));
      assert.equal(expiresAt, now + 70_000);
      const { header, claims } = decodeUnverified(proof);
      assert.equal(header.typ, "dpop+jwt");
      assert.equal(claims.jti, jti);
      assert.equal(claims.htu, htu);
      assert.equal("ath" in claims || "nonce" in claims, false);
    }
  });

  it("the private half of a generated key cannot be exported, and is not in the proof (§11.4)", async () => {
    assert.equal(key.privateKey.extractable, false);
    await assert.rejects(crypto.subtle.exportKey("jwk", key.privateKey));
    const { header } = decodeUnverified(await createDpopProof({ key, htm: "GET", htu, now }));
    assert.deepEqual(Object.keys(header.jwk as object).sort(), ["crv", "kty", "x", "y"]);
  });

  it("a key kept as a JWK with its private half publishes the public one only (§4.2)", async () => {
    const kept: DpopKey = { alg: "ES256", privateKey: key.privateKey, publicJwk: signer.privateJwk };
    const { header } = decodeUnverified(await createDpopProof({ key: kept, htm: "GET", htu, now }));
    assert.equal("d" in (header.jwk as object), false);
  });

  it("refuses a proof without one of its parts, or with another in its place (DP-01)", async () => {
    for (const name of ["jti", "htm", "htu", "iat"]) {
      const { [name]: _, ...rest } = good;
      await assert.rejects(verifyDpopProof(await forge(rest), checks()), refused("invalid_dpop_proof"), name);
    }
    for (const [name, values] of Object.entries({
      jti: ["", 1, null, "x".repeat(257)],
      htm: ["GET", "post", 1, null, ["POST"]],
      htu: [1, null, "", "/token", "as.example/token", "https://u:p@as.example/token", [htu]],
      iat: ["1", null, -1, 1e300, [seconds]],
    })) {
      for (const value of values) {
        const proof = await forge({ ...good, [name]: value });
        await assert.rejects(verifyDpopProof(proof, checks()), refused("invalid_dpop_proof"), `${name}: ${value}`);
      }
    }
    for (const typ of [null, "JWT", "at+jwt"]) {
      await assert.rejects(verifyDpopProof(await forge(good, { typ }), checks()), refused("invalid_dpop_proof"));
    }
    assert.ok(await verifyDpopProof(await forge(good), checks()));
  });

  it("refuses a jwk that is absent, private, symmetric, weak, enormous or another's (DP-01, DP-11)", async () => {
    const other = await generateKey("ES256");
    const big = Buffer.alloc(2048, 255).toString("base64url");
    const weak = Buffer.alloc(128, 255).toString("base64url");
    const jwks: unknown[] = [
      undefined,
      "key",
      signer.privateJwk,
      { kty: "oct", k: "c2VjcmV0" },
      { kty: "RSA", n: big, e: "AQAB" },
      { kty: "RSA", n: weak, e: "AQAB" },
      { ...publicOf(signer.publicJwk), y: publicOf(other.publicJwk).y },
      publicOf(other.publicJwk),
      { ...publicOf(signer.publicJwk), use: "enc" },
    ];
    for (const jwk of jwks) {
      await assert.rejects(verifyDpopProof(await forge(good, { jwk }), checks()), refused("invalid_dpop_proof"));
    }
    await assert.rejects(verifyDpopProof(`${"a".repeat(9000)}.b.c`, checks()), refused("invalid_dpop_proof"));
  });

  it("refuses algorithms outside the list, none and HMAC among them (DP-01)", async () => {
    const proof = await forge(good);
    await assert.rejects(verifyDpopProof(proof, checks({ algorithms: ["RS256"] })), refused("invalid_dpop_proof"));
    const [, payload = "", signature = ""] = proof.split(".");
    for (const alg of ["none", "NONE", "HS256"]) {
      const header = { alg, typ: "dpop+jwt", jwk: publicOf(signer.publicJwk) };
      const part = Buffer.from(JSON.stringify(header)).toString("base64url");
      for (const end of ["", signature]) {
        await assert.rejects(verifyDpopProof(`${part}.${payload}.${end}`, checks()), refused("invalid_dpop_proof"));
      }
    }
    const shared = await signJwtWithSecret(good, { secret: "s".repeat(32), alg: "HS256", typ: "dpop+jwt" });
    await assert.rejects(verifyDpopProof(shared, checks()), refused("invalid_dpop_proof"));
  });

  it("a kid beside the jwk changes nothing (§4.2)", async () => {
    assert.ok(await verifyDpopProof(await forge(good, { kid: "mine" }), checks()));
  });

  it("compares URLs as RFC 3986 says: case, port, dots and escapes do not matter, path, host and scheme do (DP-04)", async () => {
    const equal = ["HTTPS://AS.example/token", "https://as.example:443/token", `${htu}?x=1`, `${htu}#f`];
    equal.push("https://as.example/a/../token", "https://as.example/%74oken");
    for (const one of equal) assert.ok(await verifyDpopProof(await forge({ ...good, htu: one }), checks()), one);
    const different = ["https://as.example/Token", "https://as.example/token/", "http://as.example/token"];
    different.push("https://as.example:8443/token", "https://as.example.evil/token", "https://evil/token");
    for (const one of different) {
      await assert.rejects(
        verifyDpopProof(await forge({ ...good, htu: one }), checks()),
        refused("invalid_dpop_proof"),
      );
    }
    assert.equal(normalHtu("https://a.example/%7Euser/%2f"), "https://a.example/~user/%2F");
  });

  it("counts from 10 seconds before to a minute after its iat, on clocks that may differ by 10 seconds (DP-05)", async () => {
    for (const iat of [seconds - 10, seconds + 10, seconds - 0.5]) {
      assert.ok(await verifyDpopProof(await forge({ ...good, iat }), checks()), `${iat}`);
    }
    for (const iat of [seconds - 70, seconds + 11, seconds - 3600, seconds + 3600]) {
      await assert.rejects(verifyDpopProof(await forge({ ...good, iat }), checks()), refused("invalid_dpop_proof"));
    }
  });

  it("at an API the proof is for the very token that is sent (§7.1, DP-06)", async () => {
    const proof = await createDpopProof({ key, htm: "POST", htu, now, access_token: "token-1" });
    assert.ok(await verifyDpopProof(proof, checks({ access_token: "token-1" })));
    for (const access_token of ["token-2", ""]) {
      await assert.rejects(verifyDpopProof(proof, checks({ access_token })), refused("invalid_dpop_proof"));
    }
    const bare = await createDpopProof({ key, htm: "POST", htu, now });
    await assert.rejects(verifyDpopProof(bare, checks({ access_token: "token-1" })), refused("invalid_dpop_proof"));
  });

  it("wants its own nonce, current or the one before, and says so only to who holds a key (§8, DP-10)", async () => {
    const secret = "a secret that nobody else has, 1234567890";
    const checkNonce = (nonce: string) => isDpopNonce(secret, nonce, now);
    const withNonce = async (nonce: string | undefined) =>
      verifyDpopProof(await createDpopProof({ key, htm: "POST", htu, now, nonce }), checks({ checkNonce }));
    assert.ok(await withNonce(await dpopNonce(secret, now)));
    assert.ok(await withNonce(await dpopNonce(secret, now - 120_000)));
    const stale = await dpopNonce(secret, now - 360_000);
    const ahead = await dpopNonce(secret, now + 120_000);
    const foreign = await dpopNonce("the secret of the API, which is another", now);
    for (const nonce of [undefined, "guess", stale, ahead, foreign]) {
      await assert.rejects(withNonce(nonce), refused("use_dpop_nonce"), nonce);
    }
    const broken = `${(await createDpopProof({ key, htm: "POST", htu, now })).slice(0, -8)}AAAAAAAA`;
    await assert.rejects(verifyDpopProof(broken, checks({ checkNonce })), refused("invalid_dpop_proof"));
  });

  it("reads one proof from a request; two, joined or not, are refused (§4.3 step 1, DP-09)", async () => {
    const proof = await createDpopProof({ key, htm: "POST", htu, now });
    assert.equal(readDpopHeader(new Headers()), undefined);
    assert.equal(readDpopHeader(new Headers({ DPoP: proof })), proof);
    const twice = new Headers({ DPoP: proof });
    twice.append("dpop", proof);
    for (const headers of [twice, new Headers({ DPoP: `${proof},${proof}` }), new Headers({ DPoP: "" })]) {
      assert.throws(() => readDpopHeader(headers), refused("invalid_dpop_proof"));
    }
  });

  it("whatever is sent as a proof is refused as one, and nothing crashes", async () => {
    const header = Buffer.from(JSON.stringify({ alg: "ES256", typ: "dpop+jwt" })).toString("base64url");
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.json().map((j) => `${header}.${Buffer.from(j).toString("base64url")}.AA`),
        ),
        async (text) => assert.rejects(verifyDpopProof(text, checks()), refused("invalid_dpop_proof")),
      ),
      { numRuns: 200 },
    );
  });
});

describe("a key that is kept as a JWK", () => {
  it("makes proofs again wherever it is read, and shows only its public half in them (RFC 9449 §4.2)", async () => {
    for (const alg of ["ES256", "Ed25519", "ES384", "ES512"] as const) {
      const kept = JSON.stringify(await generateDpopJwk(alg));
      const [one, two] = [await readDpopJwk(JSON.parse(kept)), await readDpopJwk(JSON.parse(kept))];
      assert.equal(await dpopThumbprint(one), await dpopThumbprint(two));
      assert.equal("d" in one.publicJwk, false);
      const proof = await createDpopProof({ key: two, htm: "GET", htu: "https://api.example/", now: 0 });
      const checks = { htm: "GET", htu: "https://api.example/", now: 0, algorithms: [alg] };
      assert.equal((await verifyDpopProof(proof, checks)).jkt, await dpopThumbprint(one));
      // Six of them fit into the cookies of sign-ins under way.
      assert.ok(kept.length < 400, kept);
    }
    assert.notDeepEqual(await generateDpopJwk(), await generateDpopJwk());
  });
});
