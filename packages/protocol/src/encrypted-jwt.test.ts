import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import { CompactEncrypt } from "jose";
import { decryptJwt, encryptJwt, type Jwk, JwtError } from "./jose.ts";
import { jweAlgorithms, jweEncryptions } from "./jwk.ts";

const jwt = "eyJhbGciOiJFUzI1NiJ9.e30.AA";
const pairOf = (
  pair: { privateKey: { export(o: { format: "jwk" }): object }; publicKey: { export(o: { format: "jwk" }): object } },
  kid: string,
) => ({
  privateJwk: { ...pair.privateKey.export({ format: "jwk" }), kid, use: "enc" } as Jwk,
  publicJwk: { ...pair.publicKey.export({ format: "jwk" }), kid, use: "enc" } as Jwk,
});
const rsa = pairOf(generateKeyPairSync("rsa", { modulusLength: 2048 }), "rsa");
const ec = pairOf(generateKeyPairSync("ec", { namedCurve: "P-256" }), "ec");
const refused = (e: unknown) => e instanceof JwtError && e.code === "decryption";

describe("nested, encrypted JWTs", () => {
  it("what is encrypted for a key is decrypted with its private half (RFC 7516, RFC 7519 §5.2)", async () => {
    for (const alg of jweAlgorithms) {
      for (const enc of jweEncryptions) {
        const { publicJwk: key } = alg.startsWith("RSA") ? rsa : ec;
        const token = await encryptJwt(jwt, { key, alg, enc });
        assert.equal(await decryptJwt(token, { keys: [rsa.privateJwk, ec.privateJwk] }), jwt);
      }
    }
  });

  it("refuses what is not agreed on, other keys, damage, and a token that is only signed (JW-10)", async () => {
    const token = await encryptJwt(jwt, { key: ec.publicJwk, alg: "ECDH-ES", enc: "A256GCM" });
    const keys = [ec.privateJwk];
    await assert.rejects(decryptJwt(token, { keys, algorithms: ["RSA-OAEP-256"] }), refused);
    await assert.rejects(decryptJwt(token, { keys, encryptions: ["A128GCM"] }), refused);
    await assert.rejects(decryptJwt(token, { keys: [rsa.privateJwk] }), refused);
    await assert.rejects(decryptJwt(token, { keys: [{ ...ec.privateJwk, use: "sig" }] }), refused);
    await assert.rejects(decryptJwt(token, { keys: [{ ...ec.privateJwk, kid: "other" }] }), refused);
    await assert.rejects(decryptJwt(token, { keys: [] }), refused);
    for (const bad of [`${token.slice(0, -4)}AAAA`, jwt, "", "a.b.c.d.e", "x".repeat(200_000)]) {
      await assert.rejects(decryptJwt(bad, { keys }), refused);
    }
  });

  it("without a kid the key that fits the algorithm is found among several (OpenID Connect Core §10.2)", async () => {
    const { kid: _, ...key } = ec.publicJwk;
    const token = await encryptJwt(jwt, { key, alg: "ECDH-ES+A128KW", enc: "A128GCM" });
    const { kid: __, ...plain } = ec.privateJwk;
    assert.equal(await decryptJwt(token, { keys: [rsa.privateJwk, ec.privateJwk] }), jwt);
    assert.equal(await decryptJwt(token, { keys: [rsa.privateJwk, plain] }), jwt);
    const named = await encryptJwt(jwt, { key: ec.publicJwk, alg: "ECDH-ES", enc: "A128GCM" });
    assert.equal(await decryptJwt(named, { keys: [plain] }), jwt);
  });

  it("a compressed token is refused although the library could unpack it (JW-10, RFC 8725 §3.6)", async () => {
    const recipient = await crypto.subtle.importKey(
      "jwk",
      { ...rsa.publicJwk, key_ops: ["encrypt"] } as JsonWebKey,
      { name: "RSA-OAEP", hash: "SHA-256" },
      false,
      ["encrypt"],
    );
    const seal = (zip: object) =>
      new CompactEncrypt(new TextEncoder().encode(jwt))
        .setProtectedHeader({ alg: "RSA-OAEP-256", enc: "A256GCM", ...zip })
        .encrypt(recipient);
    assert.equal(await decryptJwt(await seal({}), { keys: [rsa.privateJwk] }), jwt);
    await assert.rejects(decryptJwt(await seal({ zip: "DEF" }), { keys: [rsa.privateJwk] }), refused);
  });

  it("refuses direct keys, passwords, RSA1_5 and compression before any work is done (JW-10, RFC 8725 §3.6)", async () => {
    const token = await encryptJwt(jwt, { key: ec.publicJwk, alg: "ECDH-ES", enc: "A256GCM" });
    const rest = token.slice(token.indexOf("."));
    const header = JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()) as object;
    const odd = [
      { alg: "dir" },
      { alg: "PBES2-HS256+A128KW", p2c: 2 ** 31, p2s: "AAAA" },
      { alg: "RSA1_5" },
      { zip: "DEF" },
    ];
    for (const more of odd) {
      const part = Buffer.from(JSON.stringify({ ...header, ...more })).toString("base64url");
      await assert.rejects(decryptJwt(part + rest, { keys: [ec.privateJwk, { kty: "oct", k: "AAAA" }] }), refused);
    }
  });
});
