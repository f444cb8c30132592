/**
 * Signatures that stand up to quantum computers, where the runtime has them: ML-DSA (FIPS 204), keys of type AKP.
 */
import assert from "node:assert/strict";
import { createHash, createPublicKey, type JsonWebKey, verify } from "node:crypto";
import { describe, it } from "node:test";
import { verifyIdToken } from "@valetkey/protocol/id-token";
import { decodeUnverified, generateKey, importKey, signJwt, verifyJwt } from "@valetkey/protocol/jose";
import { checkPublicJwk, type Jwk } from "@valetkey/protocol/jwk";
import { privateKeyJwt } from "@valetkey/provider/client-auth/private-key-jwt";
import { createKeys } from "@valetkey/provider/keys";
import { memoryStore } from "@valetkey/store/memory";
import { createWorld, issuer, rp, secret, start } from "./op.ts";
import { claimsOf, signedApi, tokensFor } from "./token-side.ts";

const algs = ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"] as const;
const has = await generateKey("ML-DSA-44").then(
  () => true,
  () => false,
);

describe("ML-DSA", { skip: has ? false : "this runtime does not have it" }, () => {
  for (const alg of algs) {
    it(`${alg}: generate, sign, verify; with another program, too`, async () => {
      const { publicJwk, privateJwk } = await generateKey(alg);
      assert.equal(publicJwk.kty, "AKP");
      assert.equal(publicJwk.alg, alg);
      assert.ok(!("priv" in publicJwk));
      checkPublicJwk(publicJwk);
      const jwt = await signJwt(
        { iss: issuer, aud: "x", exp: start / 1000 + 60 },
        { key: await importKey(privateJwk), alg },
      );
      const checks = { algorithms: [alg], issuer, audience: "x", now: start };
      await verifyJwt(jwt, { ...checks, keys: { keys: [publicJwk] } });
      const { publicJwk: another } = await generateKey(alg);
      await assert.rejects(verifyJwt(jwt, { ...checks, keys: { keys: [{ ...another, kid: publicJwk.kid ?? "" }] } }));
      const [head = "", body = "", signature = ""] = jwt.split(".");
      const key = createPublicKey({ key: publicJwk as unknown as JsonWebKey, format: "jwk" });
      assert.ok(verify(null, Buffer.from(`${head}.${body}`), key, Buffer.from(signature, "base64url")));
    });
  }

  it("a key that says another algorithm, is too short, or private, is refused", async () => {
    const { publicJwk, privateJwk } = await generateKey("ML-DSA-44");
    const bad: readonly Jwk[] = [
      privateJwk,
      { ...publicJwk, alg: "ML-DSA-65" },
      { ...publicJwk, alg: "ES256" },
      { kty: "AKP", pub: String(publicJwk.pub) },
      { ...publicJwk, pub: String(publicJwk.pub).slice(4) },
      { ...publicJwk, pub: 7 },
    ];
    for (const jwk of bad) assert.throws(() => checkPublicJwk(jwk), { error: "invalid_client_metadata" });
  });

  it("signs ID tokens with their at_hash, and access tokens, and clients prove themselves by it", async () => {
    const keys = createKeys({ store: memoryStore(), secret, algs: ["ML-DSA-65"], now: () => start });
    const world = await createWorld({
      keys,
      resources: [signedApi],
      clientAuth: [privateKeyJwt({ algorithms: ["ML-DSA-44"] })],
    });
    assert.deepEqual(world.provider.metadata.id_token_signing_alg_values_supported, ["ML-DSA-65"]);
    const { keys: published } = (await (await world.send("/jwks")).json()) as { keys: Jwk[] };
    assert.deepEqual([...new Set(published.map(({ kty }) => kty))], ["AKP"]);
    const plain = await createWorld({ keys, resources: [signedApi] });
    const { id_token = "", access_token } = await tokensFor(plain, { scope: "openid", nonce: "n" });
    const checked = await verifyIdToken(id_token, {
      issuer,
      client_id: "rp",
      keys: { keys: published },
      alg: "ML-DSA-65",
      now: start,
      nonce: "n",
      access_token,
    });
    assert.equal(checked.sub, "alice");
    // Left half of 512 bits of SHAKE256, computed by another program.
    const hash = createHash("shake256", { outputLength: 64 }).update(access_token).digest().subarray(0, 32);
    assert.equal(claimsOf(id_token).at_hash, hash.toString("base64url"));
    const signed = await tokensFor(plain, { scope: "signed:read", resource: signedApi.resource });
    assert.equal(decodeUnverified(signed.access_token).header.alg, "ML-DSA-65");
    assert.ok(await plain.provider.tokens.read(signed.access_token));

    const { publicJwk, privateJwk } = await generateKey("ML-DSA-44");
    await world.addClient({
      ...rp,
      client_id: "quantum",
      grant_types: ["client_credentials"],
      token_endpoint_auth_method: "private_key_jwt",
      jwks: { keys: [publicJwk] },
    });
    const claims = { iss: "quantum", sub: "quantum", aud: issuer, jti: "a", exp: start / 1000 + 60 };
    const client_assertion = await signJwt(claims, {
      key: privateJwk,
      alg: "ML-DSA-44",
      typ: "client-authentication+jwt",
    });
    const body = new URLSearchParams({
      grant_type: "client_credentials",
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion,
    });
    const answer = await world.send("/token", { method: "POST", body });
    assert.equal(answer.status, 200, await answer.text());
  });
});
