import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { isOAuthError } from "./errors.ts";
import { generateKey, thumbprint } from "./jose.ts";
import { checkJwks, checkPublicJwk, suitsAlgorithm } from "./jwk.ts";

const rsa = (modulusLength: number, publicExponent = 65537) =>
  generateKeyPairSync("rsa", { modulusLength, publicExponent }).publicKey.export({ format: "jwk" });
const refused = (jwk: unknown, why: RegExp) =>
  assert.throws(
    () => checkPublicJwk(jwk),
    (e) => isOAuthError(e, "invalid_client_metadata") && why.test(e.description),
    JSON.stringify(jwk),
  );

test("public keys of every supported kind are accepted", async () => {
  for (const alg of ["RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"] as const) {
    const { publicJwk } = await generateKey(alg);
    assert.doesNotThrow(() => checkPublicJwk(publicJwk), alg);
    assert.equal(suitsAlgorithm(publicJwk, alg), true);
  }
});

test("private and symmetric keys are refused", async () => {
  const { publicJwk, privateJwk } = await generateKey("ES256");
  refused(privateJwk, /private/);
  refused({ kty: "oct", k: "c2VjcmV0" }, /private|symmetric/);
  refused({ kty: "oct" }, /type/);
  for (const member of ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
    refused({ ...publicJwk, [member]: "" }, /private/);
});

test("weak and odd RSA keys are refused (RFC 8725 §3.2, RFC 7518 §3.3)", () => {
  refused(rsa(1024), /2048/);
  refused(rsa(2048, 3), /exponent/);
  const key = rsa(2048);
  assert.doesNotThrow(() => checkPublicJwk(key));
  refused({ ...key, e: "AQ" }, /exponent/);
  refused({ ...key, e: "AQAA" }, /exponent/);
  refused({ ...key, e: "" }, /exponent/);
  refused({ ...key, n: `${key.n}=` }, /malformed/);
  refused({ ...key, n: Buffer.alloc(1025, 0xff).toString("base64url") }, /8192/);
  refused({ ...key, n: Buffer.concat([Buffer.alloc(200), Buffer.alloc(100, 0xff)]).toString("base64url") }, /2048/);
});

test("unknown curves, malformed points and contradicting algorithms are refused", async () => {
  const secp256k1 = generateKeyPairSync("ec", { namedCurve: "secp256k1" }).publicKey.export({ format: "jwk" });
  refused(secp256k1, /curve/);
  const { publicJwk } = await generateKey("ES256");
  refused({ ...publicJwk, x: "AAAA" }, /coordinates/);
  refused({ ...publicJwk, crv: "__proto__" }, /curve/);
  for (const alg of ["RS256", "ES384", "EdDSA", "HS256", "none", "NONE"]) refused({ ...publicJwk, alg }, /alg/);
  const ed = (await generateKey("EdDSA")).publicJwk;
  refused({ ...ed, alg: "RS256" }, /alg/);
  refused({ ...ed, x: "AA" }, /malformed/);
  refused({ ...ed, crv: "Ed448" }, /curve/);
  refused({ ...ed, kid: 7 }, /kid/);
  refused({ ...ed, kid: "x".repeat(257) }, /kid/);
  refused({ ...ed, use: "" }, /use/);
  refused({ ...ed, key_ops: "verify" }, /key_ops/);
  for (const jwk of [null, undefined, [], "key", 1, {}]) refused(jwk, /object|type/);
});

test("use, key_ops and alg decide what a key may verify (RFC 7517 §4.2 to §4.4)", async () => {
  const { publicJwk } = await generateKey("RS256");
  const { alg, use, ...bare } = publicJwk;
  assert.equal(suitsAlgorithm(bare, "PS256"), true);
  assert.equal(suitsAlgorithm({ ...bare, alg: "RS256" }, "PS256"), false);
  assert.equal(suitsAlgorithm({ ...bare, use: "enc" }, "RS256"), false);
  assert.equal(suitsAlgorithm({ ...bare, key_ops: ["encrypt"] }, "RS256"), false);
  assert.equal(suitsAlgorithm({ ...bare, key_ops: ["verify"] }, "RS256"), true);
  for (const other of ["ES256", "EdDSA", "HS256", "none", "", "__proto__", "rs256"])
    assert.equal(suitsAlgorithm(bare, other), false, other);
});

test("a set is an object with 1 to 100 keys", async () => {
  const { publicJwk } = await generateKey("EdDSA");
  assert.doesNotThrow(() => checkJwks({ keys: [publicJwk] }));
  const sparse: unknown[] = [];
  sparse[3] = publicJwk;
  const thousand = Array.from({ length: 1000 }, () => publicJwk);
  for (const set of [
    { keys: [] },
    [publicJwk],
    { keys: publicJwk },
    {},
    null,
    "x",
    { keys: thousand },
    { keys: sparse },
  ]) {
    assert.throws(
      () => checkJwks(set),
      (e) => isOAuthError(e, "invalid_client_metadata"),
    );
  }
});

test("the example of RFC 7638 §3.1 has its thumbprint", async () => {
  const n =
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W" +
    "-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08q" +
    "NLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
  const jwk = { kty: "RSA", n, e: "AQAB", alg: "RS256", kid: "2011-04-29" };
  assert.equal(await thumbprint(jwk), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
  assert.doesNotThrow(() => checkPublicJwk(jwk));
});
