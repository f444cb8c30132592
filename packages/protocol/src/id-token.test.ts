import assert from "node:assert/strict";
import { test } from "node:test";
import { atHash, type IdTokenChecks, verifyIdToken } from "./id-token.ts";
import { generateKey, JwtError, type JwtErrorCode, signJwt } from "./jose.ts";

const now = Date.UTC(2026, 10, 20, 12);
const seconds = now / 1000;
const key = await generateKey("ES256");
const claims = {
  iss: "https://op.test",
  sub: "alice",
  aud: "client",
  exp: seconds + 60,
  iat: seconds,
  nonce: "n-0S6_WzA2Mj",
  auth_time: seconds - 100,
};
const checks: IdTokenChecks = {
  issuer: "https://op.test",
  client_id: "client",
  nonce: "n-0S6_WzA2Mj",
  keys: { keys: [key.publicJwk] },
  alg: "ES256",
  now,
};
const verify = async (changes: Record<string, unknown>, options: Partial<IdTokenChecks> = {}, typ?: string) => {
  const header = { key: key.privateJwk, alg: "ES256", kid: key.kid } as const;
  const token = await signJwt({ ...claims, ...changes }, typ === undefined ? header : { ...header, typ });
  return verifyIdToken(token, { ...checks, ...options });
};
const fails = (
  code: JwtErrorCode,
  changes: Record<string, unknown>,
  options: Partial<IdTokenChecks> = {},
  typ?: string,
) =>
  assert.rejects(verify(changes, options, typ), (e) => {
    assert.ok(e instanceof JwtError, String(e));
    assert.equal(e.code, code, JSON.stringify(changes));
    return true;
  });

test("at_hash and c_hash of the examples in OpenID Connect Core Appendix A.4 and A.6", async () => {
  assert.equal(await atHash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "RS256"), "77QmUPtjPfzWtF2AnpK9RQ");
  assert.equal(
    await atHash("Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk", "RS256"),
    "LDktKdoQak3Pk0cnXxCltA",
  );
});

test("the hash follows the algorithm; EdDSA uses SHA-512", async () => {
  for (const [alg, bytes] of [
    ["ES256", 16],
    ["PS384", 24],
    ["RS512", 32],
    ["EdDSA", 32],
    ["Ed25519", 32],
  ] as const) {
    assert.equal(Buffer.from(await atHash("token", alg), "base64url").length, bytes, alg);
  }
  await assert.rejects(atHash("token", "none"), TypeError);
});

test("a good ID token verifies and gives its claims", async () => {
  assert.deepEqual(await verify({}), claims);
  assert.equal((await verify({ aud: ["client"], azp: "client" })).sub, "alice");
  assert.equal((await verify({}, {}, "JWT")).sub, "alice");
});

test("issuer, audience, signature, algorithm and time are checked (§3.1.3.7 steps 2 to 10)", async () => {
  await fails("issuer", { iss: "https://op.test/" });
  await fails("audience", { aud: "client2" });
  await fails("audience", { aud: [] });
  await fails("algorithm", {}, { alg: "RS256" });
  await fails("signature", {}, { keys: { keys: [{ ...(await generateKey("ES256")).publicJwk, kid: key.kid }] } });
  await fails("expired", { exp: seconds - 60 });
  await fails("not_yet_valid", { iat: seconds + 60 });
  for (const name of ["iss", "sub", "aud", "exp", "iat"])
    await assert.rejects(verify({ [name]: undefined }), JwtError, name);
  for (const sub of ["", "x".repeat(256), 7]) await fails("claims", { sub });
});

test("a token of another kind is no ID token (RFC 8725 §3.11)", async () => {
  for (const typ of ["at+jwt", "application/at+jwt", "logout+jwt"]) await fails("typ", {}, {}, typ);
});

test("several audiences must be trusted, and azp must be the client (steps 3 to 5)", async () => {
  await fails("audience", { aud: ["client", "other"], azp: "client" });
  await fails("azp", { aud: ["client", "other"] }, { additionalAudiences: ["other"] });
  await fails("azp", { aud: ["client", "other"], azp: "other" }, { additionalAudiences: "any" });
  await fails("azp", { azp: "other" });
  await verify({ aud: ["client", "other"], azp: "client" }, { additionalAudiences: ["other"] });
  await verify({ aud: ["client", "other"], azp: "client" }, { additionalAudiences: "any" });
});

test("the nonce must be the one that was sent (step 11)", async () => {
  for (const nonce of [undefined, "", "n-0S6_WzA2MJ", 7, ["n-0S6_WzA2Mj"]]) await fails("nonce", { nonce });
});

test("max_age requires a recent auth_time (step 13)", async () => {
  await verify({}, { max_age: 100 });
  await verify({}, { max_age: 95, clockTolerance: 5 });
  await fails("auth_time", {}, { max_age: 94, clockTolerance: 5 });
  await fails("auth_time", { auth_time: undefined }, { max_age: 100 });
  await fails("claims", { auth_time: "now" });
});

test("nobody proved who they are in the future: milliseconds are no auth_time (§2)", async () => {
  for (const auth_time of [seconds * 1000, seconds + 30]) await fails("auth_time", { auth_time });
  await verify({ auth_time: seconds + 5 });
});

test("at_hash must fit if it is there, c_hash must be there (§3.1.3.8, §3.3.2.11)", async () => {
  const at_hash = await atHash("access", "ES256");
  await verify({ at_hash }, { access_token: "access" });
  await verify({}, { access_token: "access" });
  await fails("hash", { at_hash }, { access_token: "another" });
  await fails("hash", { at_hash: 7 }, { access_token: "access" });
  await verify({ c_hash: at_hash }, { code: "access" });
  // From the token endpoint, where the code was sent: it may be left out there, but not be wrong.
  await verify({}, { code: "access", c_hash: "optional" });
  await assert.rejects(verify({ c_hash: at_hash }, { code: "another", c_hash: "optional" }), { code: "hash" });
  await fails("hash", {}, { code: "access" });
});
