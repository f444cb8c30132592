import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { basicHeader } from "@valetkey/protocol/authorization-header";
import { decodeUnverified, decryptJwt, verifyJwt } from "@valetkey/protocol/jose";
import type { Jwk } from "@valetkey/protocol/jwk";
import { createKeys } from "@valetkey/provider/keys";
import {
  encryptedIdTokens,
  encryptedIntrospection,
  encryptedUserinfo,
  signedIntrospection,
  signedUserinfo,
} from "@valetkey/provider/protected-answers";
import { memoryStore } from "@valetkey/store/memory";
import { createWorld, issuer, keys, rp, secret, start, type TestClient } from "./op.ts";
import { claimsOf, post, service, signedApi, tokensFor, tokensOf, userinfo } from "./token-side.ts";

const answers = [signedUserinfo, encryptedUserinfo, encryptedIdTokens, signedIntrospection, encryptedIntrospection];
let publicJwk: Jwk;
let privateJwk: Jwk;
before(async () => {
  const pair = await crypto.subtle.generateKey(
    { name: "RSA-OAEP", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
    true,
    ["encrypt", "decrypt"],
  );
  const jwk = async (half: CryptoKey) => {
    const { key_ops, ext, alg, ...rest } = await crypto.subtle.exportKey("jwk", half);
    return { ...rest, use: "enc", kid: "enc-1" } as unknown as Jwk;
  };
  publicJwk = await jwk(pair.publicKey);
  privateJwk = await jwk(pair.privateKey);
});

const client = (more: Partial<TestClient>): TestClient => ({
  ...rp,
  client_id: "special",
  jwks: { keys: [publicJwk] },
  ...more,
});

async function readyWith(more: Partial<TestClient>) {
  const world = await createWorld({ answers });
  const special = client(more);
  await world.addClient(special);
  return { world, special, tokens: await tokensFor(world, {}, special) };
}

const opened = (jwe: string) => decryptJwt(jwe, { keys: [privateJwk] });
const verified = async (jwt: string, audience = "special") =>
  (
    await verifyJwt(jwt, {
      keys: await keys.published(),
      algorithms: ["RS256", "ES256"],
      issuer,
      audience,
      now: start,
      exp: "optional",
    })
  ).claims;

describe("ID tokens", () => {
  for (const alg of ["RS256", "PS256", "ES256", "EdDSA"] as const) {
    it(`are signed with ${alg} where the client registered it (Registration §2)`, async () => {
      const own = createKeys({
        store: memoryStore(),
        secret,
        algs: ["RS256", "PS256", "ES256", "EdDSA"],
        now: () => start,
      });
      const world = await createWorld({ keys: own });
      const special = client({ id_token_signed_response_alg: alg });
      await world.addClient(special);
      const { id_token = "" } = await tokensFor(world, {}, special);
      const { header } = await verifyJwt(id_token, {
        keys: await own.published(),
        algorithms: [alg],
        issuer,
        audience: "special",
        now: start,
      });
      assert.equal(header.alg, alg);
    });
  }

  it("are encrypted for the client that registered so, after they were signed (Core §16.14)", async () => {
    const { tokens } = await readyWith({
      id_token_encrypted_response_alg: "RSA-OAEP-256",
      id_token_encrypted_response_enc: "A256GCM",
    });
    assert.equal(tokens.id_token?.split(".").length, 5);
    assert.equal((await verified(await opened(tokens.id_token ?? ""))).sub, "alice");
  });

  it("whose key cannot be had: 503 and no token in the clear; the code can be redeemed later", async () => {
    const fetch: typeof globalThis.fetch = async () => new Response("", { status: 500 });
    const world = await createWorld({ answers, fetch });
    const { jwks, ...special } = client({ id_token_encrypted_response_alg: "RSA-OAEP-256" });
    await world.addClient({ ...special, jwks_uri: "https://rp.test/jwks" });
    await assert.rejects(tokensFor(world, {}, special), /temporarily_unavailable/);
  });
});

describe("userinfo (OpenID Connect Core §5.3.2)", () => {
  it("is JSON unless registered otherwise", async () => {
    const { world, tokens } = await readyWith({});
    assert.equal((await userinfo(world, tokens.access_token)).headers.get("content-type"), "application/json");
  });

  it("is signed, with issuer and audience", async () => {
    const { world, tokens } = await readyWith({ userinfo_signed_response_alg: "ES256" });
    const response = await userinfo(world, tokens.access_token);
    assert.equal(response.headers.get("content-type"), "application/jwt");
    const jwt = await response.text();
    assert.equal(decodeUnverified(jwt).header.alg, "ES256");
    assert.equal((await verified(jwt)).sub, "alice");
  });

  it("is encrypted", async () => {
    const { world, tokens } = await readyWith({ userinfo_encrypted_response_alg: "RSA-OAEP-256" });
    const jwe = await (await userinfo(world, tokens.access_token)).text();
    assert.equal((await verified(await opened(jwe))).sub, "alice");
  });
});

describe("introspection as a JWT (RFC 9701)", () => {
  const ask = (
    world: Awaited<ReturnType<typeof readyWith>>["world"],
    special: TestClient,
    token: string,
    accept: string,
  ) =>
    world.send("/introspect", {
      method: "POST",
      body: new URLSearchParams({ token }),
      headers: { authorization: basicHeader(special.client_id, special.client_secret ?? ""), accept },
    });

  it("for whoever asks by Accept: signed, typed, for the one who asked, all in one claim (§5)", async () => {
    const { world, special, tokens } = await readyWith({});
    const response = await ask(world, special, tokens.access_token, "application/token-introspection+jwt");
    assert.equal(response.headers.get("content-type"), "application/token-introspection+jwt");
    const jwt = await response.text();
    assert.equal(decodeUnverified(jwt).header.typ, "token-introspection+jwt");
    const { token_introspection, sub, exp } = await verified(jwt);
    // §5: top-level sub and exp would let it pass for an access token.
    assert.deepEqual([sub, exp], [undefined, undefined]);
    assert.equal((token_introspection as { active: boolean }).active, true);
    assert.equal(
      (await ask(world, special, tokens.access_token, "application/json")).headers.get("content-type"),
      "application/json",
    );
  });

  it("an inactive token is only that, signed too", async () => {
    const { world, special } = await readyWith({});
    const jwt = await (await ask(world, special, "nonsense", "application/token-introspection+jwt")).text();
    assert.deepEqual((await verified(jwt)).token_introspection, { active: false });
  });

  it("is encrypted for whoever registered so, whatever Accept says (§6)", async () => {
    const { world, special, tokens } = await readyWith({ introspection_encrypted_response_alg: "RSA-OAEP-256" });
    const jwe = await (await ask(world, special, tokens.access_token, "application/json")).text();
    assert.ok((await verified(await opened(jwe))).token_introspection);
  });

  it("is not there unless it is in the list", async () => {
    const world = await createWorld();
    assert.equal(world.provider.metadata.introspection_signing_alg_values_supported, undefined);
    const response = await ask(world, rp, "x", "application/token-introspection+jwt");
    assert.equal(response.headers.get("content-type"), "application/json");
    await post(world, "/introspect", { token: "x" });
  });
});

describe("at+jwt (RFC 9068 §2.1)", () => {
  it("each resource may have an algorithm of its own", async () => {
    const world = await createWorld({ resources: [{ ...signedApi, alg: "ES256" }] });
    const svc = { ...service, scope: "signed:read" };
    await world.addClient(svc);
    const { access_token } = await tokensOf(await post(world, "/token", { grant_type: "client_credentials" }, svc));
    assert.equal(decodeUnverified(access_token).header.alg, "ES256");
    assert.equal(claimsOf(access_token).aud, signedApi.resource);
  });

  it("one there is no key for is a mistake in the options", async () => {
    await assert.rejects(createWorld({ resources: [{ ...signedApi, alg: "PS256" }] }), /resources\[0\]\.alg/);
  });
});

describe("client metadata about protection (Registration §2)", () => {
  const table: [string, Partial<TestClient>, RegExp][] = [
    ["enc without alg", { userinfo_encrypted_response_enc: "A256GCM" }, /needs userinfo_encrypted_response_alg/],
    ["alg without keys", { userinfo_encrypted_response_alg: "RSA-OAEP-256", jwks: undefined as never }, /jwks/],
    ["an algorithm we do not have", { userinfo_encrypted_response_alg: "RSA1_5" }, /must be/],
    ["alg none", { userinfo_signed_response_alg: "none" }, /must be/],
    ["keys in two ways", { jwks_uri: "https://rp.test/jwks" }, /must not both/],
  ];
  for (const [title, more, says] of table) {
    it(`refuses ${title}`, async () => {
      const world = await createWorld({ answers });
      const { client_id, client_secret, ...metadata } = client(more);
      const given = Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== undefined));
      await assert.rejects(world.provider.clients.add(given, { provenance: "admin" }), says);
    });
  }
});
