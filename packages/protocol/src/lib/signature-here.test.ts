import assert from "node:assert/strict";
import { test } from "node:test";
import { base64url, fromBase64url } from "../digest.ts";
import { generateBoundKey, generateKey, importKey, JwtError, signJwt, verifyJwt } from "../jose.ts";
import type { Jwk, JwsAlgorithm } from "../jwk.ts";
import { checkHere, checkingKeyHere, signHere, signingKeyHere } from "./signature-here.ts";

const text = new TextEncoder().encode("what is signed");
const webName: Partial<Record<JwsAlgorithm, object>> = {
  ES256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  EdDSA: { name: "Ed25519" },
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
  PS256: { name: "RSA-PSS", hash: "SHA-256", saltLength: 32 },
};
const web = (alg: JwsAlgorithm) => webName[alg] as { name: string };
const unnamed = ({ alg: _, use: __, kid: ___, ...jwk }: Record<string, unknown>) => jwk as JsonWebKey;

test("signatures are those of WebCrypto, both ways, numbers with leading zeros among them (RFC 7518 §3.4)", async () => {
  for (const [alg, count] of [
    ["ES256", 100],
    ["EdDSA", 20],
  ] as const) {
    const { publicJwk, privateJwk } = await generateKey(alg);
    const [key, checking] = [signingKeyHere(privateJwk, alg), checkingKeyHere(publicJwk, alg)];
    const mine = await crypto.subtle.importKey("jwk", unnamed(privateJwk), web(alg), false, ["sign"]);
    const theirs = await crypto.subtle.importKey("jwk", unnamed(publicJwk), web(alg), false, ["verify"]);
    assert.ok(key && checking);
    let short = 0;
    // Until there was one whose first byte is zero: every 256th is.
    for (let time = 0; time < count || (alg === "ES256" && short === 0); time++) {
      const made: Uint8Array<ArrayBuffer> = new Uint8Array(signHere(key, alg, text) ?? []);
      assert.equal(made.length, 64);
      assert.ok(await crypto.subtle.verify(web(alg), theirs, made, text), `${alg} ${base64url(made)}`);
      const given = new Uint8Array(await crypto.subtle.sign(web(alg), mine, text));
      assert.ok(checkHere(checking, alg, text, given), `${alg} ${base64url(given)}`);
      for (const one of [made, given]) if (one[0] === 0 || one[32] === 0) short++;
    }
  }
});

test("what WebCrypto refuses is refused: another text, key, length, zeros, numbers that are too large", async () => {
  for (const alg of ["ES256", "EdDSA", "RS256", "PS256"] as const) {
    const { publicJwk, privateJwk } = await generateKey(alg);
    const other = checkingKeyHere((await generateKey(alg)).publicJwk, alg);
    const key = checkingKeyHere(publicJwk, alg);
    assert.ok(key && other);
    const mine = await crypto.subtle.importKey("jwk", unnamed(privateJwk), web(alg), false, ["sign"]);
    const good = new Uint8Array(await crypto.subtle.sign(web(alg), mine, text));
    assert.ok(checkHere(key, alg, text, good), alg);
    assert.ok(!checkHere(other, alg, text, good), alg);
    assert.ok(!checkHere(key, alg, text.subarray(1), good), alg);
    const zeros = new Uint8Array(good.length);
    const longer = Uint8Array.from([...good, 0]);
    for (const bad of [good.subarray(1), longer, zeros, zeros.map(() => 255), new Uint8Array()])
      assert.ok(!checkHere(key, alg, text, bad), alg);
    for (const at of [0, good.length - 1])
      assert.ok(!checkHere(key, alg, text, good.with(at, (good[at] ?? 0) ^ 1)), alg);
  }
});

test("what is slow or odd is left to jose", async () => {
  const rsa = await generateKey("RS256");
  assert.equal(signingKeyHere(rsa.privateJwk, "RS256"), undefined);
  const { publicJwk, privateJwk } = await generateKey("ES256");
  assert.equal(signingKeyHere(publicJwk, "ES256"), undefined);
  assert.equal(checkingKeyHere(privateJwk, "ES256"), undefined, "a private key checks nothing");
  assert.equal(checkingKeyHere({ ...publicJwk, x: "AAAA" }, "ES256"), undefined);
  for (const [alg, crv] of [
    ["ES256", "P-384"],
    ["EdDSA", "X25519"],
    ["EdDSA", "P-256"],
  ] as const) {
    const name = crv === "X25519" ? { name: "X25519" } : { name: "ECDH", namedCurve: crv };
    const pair = (await crypto.subtle.generateKey(name, true, ["deriveBits"])) as CryptoKeyPair;
    const exported = (key: CryptoKey) =>
      crypto.subtle.exportKey("jwk", key).then((jwk) => unnamed({ ...jwk }) as unknown as Jwk);
    assert.equal(checkingKeyHere(await exported(pair.publicKey), alg), undefined, `${alg} ${crv}`);
    assert.equal(signingKeyHere(await exported(pair.privateKey), alg), undefined, `${alg} ${crv}`);
  }
  assert.equal(checkingKeyHere({ ...rsa.publicJwk, e: "Aw" }, "RS256"), undefined);
  const n = fromBase64url(rsa.publicJwk.n ?? "") ?? assert.fail();
  assert.equal(checkingKeyHere({ ...rsa.publicJwk, n: base64url(n.slice(0, 128)) }, "RS256"), undefined);
  assert.equal(checkingKeyHere((await generateKey("ES384")).publicJwk, "ES384"), undefined);
});

test("what Node throws is no verdict", () => {
  assert.equal(signHere({}, "ES256", text), undefined);
  assert.equal(checkHere({}, "ES256", text, new Uint8Array(64)), undefined);
});

test("a token is the same token, wherever it was signed and is checked", async () => {
  const options = { issuer: undefined, audience: undefined, now: 0 };
  for (const alg of ["ES256", "EdDSA", "Ed25519", "RS256"] as const) {
    const { publicJwk, privateJwk, kid } = await generateKey(alg);
    const claims = { sub: "alice", exp: 60 };
    for (const key of [await importKey(privateJwk), privateJwk]) {
      const token = await signJwt(claims, { key, alg, kid, typ: "x+jwt" });
      const verified = await verifyJwt(token, { ...options, keys: { keys: [publicJwk] }, algorithms: [alg] });
      assert.deepEqual(verified, { header: { alg, typ: "x+jwt", kid }, claims });
      const [head, body, signature = ""] = token.split(".");
      const tampered = `${head}.${body}.${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`;
      await assert.rejects(
        verifyJwt(tampered, { ...options, keys: { keys: [publicJwk] }, algorithms: [alg] }),
        (error) => error instanceof JwtError && error.code === "signature",
      );
    }
  }
  const bound = await generateBoundKey("ES256");
  const token = await signJwt({ exp: 60 }, { key: bound.privateKey, alg: "ES256" });
  await verifyJwt(token, { ...options, keys: { keys: [bound.publicJwk] }, algorithms: ["ES256"] });
});
