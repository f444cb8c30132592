import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import {
  decodeUnverified,
  decryptText,
  encryptText,
  generateKey,
  importKey,
  type JwsAlgorithm,
  JwtError,
  type JwtErrorCode,
  signJwt,
  thumbprint,
  type VerifyOptions,
  verifyJwt,
} from "./jose.ts";

const now = Date.UTC(2026, 10, 20, 12);
const seconds = now / 1000;
const es = await generateKey("ES256");
const ed = await generateKey("EdDSA");
const rs = await generateKey("RS256");
const good = { iss: "https://as.test", aud: "https://rs.test", sub: "alice", exp: seconds + 60, iat: seconds };
const expected: VerifyOptions = {
  keys: { keys: [es.publicJwk] },
  algorithms: ["ES256"],
  issuer: "https://as.test",
  audience: "https://rs.test",
  now,
};
const sign = (claims: Record<string, unknown>, typ?: string) =>
  signJwt(claims, { key: es.privateJwk, alg: "ES256", kid: es.kid, ...(typ === undefined ? {} : { typ }) });
const encode = (value: unknown) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const fails = (token: string | Promise<string>, code: JwtErrorCode, options: Partial<VerifyOptions> = {}, note = "") =>
  assert.rejects(
    async () => verifyJwt(await token, { ...expected, ...options }),
    (e) => {
      assert.ok(e instanceof JwtError, `${note}: ${String(e)}`);
      assert.equal(e.code, code, note);
      return true;
    },
  );

test("what is signed verifies, for every kind of key, imported or as JWK", async () => {
  for (const alg of ["RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"] as const) {
    const { publicJwk, privateJwk, kid } = await generateKey(alg);
    for (const key of [privateJwk, await importKey(privateJwk)]) {
      const token = await signJwt(good, { key, alg, kid, typ: "at+jwt" });
      const { header, claims } = await verifyJwt(token, {
        ...expected,
        keys: { keys: [publicJwk] },
        algorithms: [alg],
        typ: "at+jwt",
      });
      assert.deepEqual(header, { alg, typ: "at+jwt", kid });
      assert.deepEqual(claims, good);
    }
  }
});

test("a generated key is named by its thumbprint and published without its private half (RFC 7638)", async () => {
  for (const key of [es, ed, rs]) {
    assert.equal(key.kid, await thumbprint(key.publicJwk));
    assert.equal(key.publicJwk.kid, key.kid);
    assert.equal(key.publicJwk.use, "sig");
    for (const member of ["d", "p", "q", "dp", "dq", "qi"]) assert.equal(member in key.publicJwk, false);
    assert.equal(typeof key.privateJwk.d, "string");
  }
});

test("the example of RFC 7515 Appendix A.3 verifies", async () => {
  const token =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ" +
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
  const key = {
    kty: "EC",
    crv: "P-256",
    x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
  };
  const options = { ...expected, keys: { keys: [key] }, issuer: "joe", audience: undefined };
  const { claims } = await verifyJwt(token, { ...options, now: 1_300_819_379_000 });
  assert.equal(claims["http://example.com/is_root"], true);
  await assert.rejects(verifyJwt(token, options), (e) => e instanceof JwtError && e.code === "expired");
});

test("an unsigned token is refused in every spelling (RFC 8725 §2.1)", async () => {
  for (const alg of ["none", "None", "NONE", "nOnE", ["ES256"], undefined, null, "", "HS256", "es256"]) {
    for (const signature of ["", "AAAA", (await sign(good)).split(".")[2] ?? ""]) {
      await fails(`${encode({ alg, kid: es.kid })}.${encode(good)}.${signature}`, "algorithm", {}, String(alg));
    }
  }
  await fails(`${encode({ alg: "ES256", kid: es.kid })}.${encode(good)}.`, "signature");
});

test("the algorithm comes from the caller's list and fits the key, whatever the header says (RFC 8725 §3.1)", async () => {
  const token = await signJwt(good, { key: rs.privateJwk, alg: "RS256", kid: rs.kid });
  await fails(token, "algorithm", { keys: { keys: [rs.publicJwk] } });
  await fails(token, "key_not_found", {
    keys: { keys: [{ ...rs.publicJwk, alg: "PS256" }] },
    algorithms: ["RS256", "PS256"],
  });
  // The public key as an HMAC secret.
  const input = `${encode({ alg: "HS256", kid: rs.kid })}.${encode(good)}`;
  const forged = `${input}.${createHmac("sha256", JSON.stringify(rs.publicJwk)).update(input).digest("base64url")}`;
  await fails(forged, "algorithm", { keys: { keys: [rs.publicJwk] }, algorithms: ["RS256"] });
  for (const algorithms of [[], ["none"], ["HS256"], ["RS256", "HS512"]]) {
    await assert.rejects(verifyJwt(token, { ...expected, algorithms: algorithms as JwsAlgorithm[] }), TypeError);
  }
  await assert.rejects(signJwt(good, { key: { kty: "oct", k: "AAAA" }, alg: "HS256" as JwsAlgorithm }), TypeError);
  await assert.rejects(importKey({ kty: "oct", k: "AAAA", alg: "HS256" }), TypeError);
});

test("any changed character breaks the signature", async () => {
  const token = await sign(good);
  const [header = "", payload = "", signature = ""] = token.split(".");
  await fails(`${header}.${encode({ ...good, sub: "mallory" })}.${signature}`, "signature");
  const zero = Buffer.alloc(64).toString("base64url");
  const der = Buffer.concat([Buffer.from("3044", "hex"), Buffer.alloc(68, 1)]).toString("base64url");
  for (const bad of [zero, der, signature.slice(0, -6), `${signature}AAAA`])
    await fails(`${header}.${payload}.${bad}`, "signature");
  await fails(token, "key_not_found", { keys: { keys: [ed.publicJwk] } });
  await fails(token, "signature", { keys: { keys: [{ ...(await generateKey("ES256")).publicJwk, kid: es.kid }] } });
});

test("a signed token has one spelling: bits that encode nothing are refused in the signature too (RFC 4648 §3.5)", async () => {
  const token = await sign(good);
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const last = alphabet.indexOf(token.slice(-1));
  // 64 bytes end in a character of which two bits count.
  assert.equal(last % 16, 0);
  for (const spare of [1, 2, 15]) await fails(token.slice(0, -1) + alphabet.charAt(last + spare), "malformed");
});

test("crit, b64 and headers of the wrong shape are refused (RFC 7515 §4.1.11)", async () => {
  const headers = [
    { crit: ["bork"], bork: 1 },
    { crit: ["b64"], b64: false },
    { crit: [] },
    { b64: false },
    { kid: 7 },
    { typ: {} },
  ];
  for (const extra of headers)
    await fails(
      `${encode({ alg: "ES256", kid: es.kid, ...extra })}.${encode(good)}.AAAA`,
      "header",
      {},
      JSON.stringify(extra),
    );
});

test("keys inside the token are not used (RFC 8725 §3.10)", async () => {
  const mine = await generateKey("ES256");
  const header = { alg: "ES256", jwk: mine.publicJwk, jku: "https://evil.test/jwks", x5u: "https://evil.test/x" };
  const input = `${encode(header)}.${encode(good)}`;
  const key = await importKey(mine.privateJwk);
  const signature = Buffer.from(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, Buffer.from(input)));
  await fails(`${input}.${signature.toString("base64url")}`, "signature");
});

test("what is not a signed JWT is malformed", async () => {
  const [header, payload, signature] = (await sign(good)).split(".");
  const texts = [
    "",
    ".",
    "..",
    "a.b",
    `${header}.${payload}`,
    `${header}.${payload}.${signature}.x.y`,
    `${header}.${payload}.${signature} `,
    "a".repeat(100_000),
  ];
  const jsons = [
    `${encode("[]")}.${payload}.x`,
    `${encode("{")}.${payload}.x`,
    `${header}.${encode("[]")}.x`,
    `${header}.${encode("7")}.x`,
    `${header}.${encode("null")}.x`,
  ];
  for (const text of [...texts, ...jsons, `${header}=.${payload}.${signature}`])
    await fails(text, "malformed", {}, text.slice(0, 60));
});

test("a kid selects; without one the keys that suit are tried, at most four (OpenID Connect Core §10.1)", async () => {
  const other = await generateKey("ES256");
  const both = { keys: [other.publicJwk, rs.publicJwk, es.publicJwk] };
  await verifyJwt(await sign(good), { ...expected, keys: both });
  const anonymous = await signJwt(good, { key: es.privateJwk, alg: "ES256" });
  await verifyJwt(anonymous, { ...expected, keys: both });
  await fails(anonymous, "key_not_found", {
    keys: { keys: [es, es, es, es, es].map(({ publicJwk }) => ({ ...publicJwk })) },
  });
  await fails(sign(good), "key_not_found", { keys: { keys: [{ ...es.publicJwk, kid: "other" }] } });
  await fails(sign(good), "key_not_found", { keys: { keys: [{ ...es.publicJwk, use: "enc" }] } });
  const twins = [{ ...other.publicJwk, kid: es.kid }, es.publicJwk];
  await verifyJwt(await sign(good), { ...expected, keys: { keys: twins } });
  const asked: unknown[] = [];
  const keys = async (header: unknown) => {
    asked.push(header);
    return [es.publicJwk];
  };
  await verifyJwt(await sign(good), { ...expected, keys });
  assert.deepEqual(asked, [{ alg: "ES256", kid: es.kid }]);
});

test("the type is compared without application/ and case, when one is expected (RFC 8725 §3.11)", async () => {
  for (const typ of ["at+jwt", "AT+JWT", "application/at+jwt"])
    await verifyJwt(await sign(good, typ), { ...expected, typ: "at+jwt" });
  for (const typ of ["JWT", undefined, "at+jwt2", ""]) await fails(sign(good, typ), "typ", { typ: "at+jwt" });
});

test("the issuer is compared as exact text (RFC 9068 §4)", async () => {
  for (const iss of [
    "https://as.test/",
    "http://as.test",
    "https://AS.test",
    "https://as.test/tenant",
    "",
    undefined,
  ]) {
    await fails(sign({ ...good, iss }), "issuer", {}, iss);
  }
  for (const iss of [7, ["https://as.test"], {}]) await fails(sign({ ...good, iss }), "claims");
  await verifyJwt(await sign(good), { ...expected, issuer: ["https://other.test", "https://as.test"] });
});

test("the audience must be an exact member (RFC 9068 §4)", async () => {
  for (const aud of [
    "https://rs.test/",
    "https://rs.tes",
    "https://rs.test.evil.test",
    "HTTPS://RS.TEST",
    [],
    ["x"],
    undefined,
  ]) {
    await fails(sign({ ...good, aud }), "audience");
  }
  for (const aud of [7, [7, "https://rs.test"], { 0: "https://rs.test" }, null])
    await fails(sign({ ...good, aud }), "claims");
  await verifyJwt(await sign({ ...good, aud: ["x", "https://rs.test"] }), expected);
  await verifyJwt(await sign(good), { ...expected, audience: ["https://rs.test", "y"] });
});

test("times count to the second, within the tolerance (RFC 7519 §4.1.4 to §4.1.6)", async () => {
  const tolerance = { clockTolerance: 5 };
  const ok = (claims: object, options: Partial<VerifyOptions> = tolerance) =>
    sign({ ...good, ...claims }).then((token) => verifyJwt(token, { ...expected, ...options }));
  await ok({ exp: seconds - 4 });
  await fails(sign({ ...good, exp: seconds - 5 }), "expired", tolerance);
  await fails(sign({ ...good, exp: seconds }), "expired", { clockTolerance: 0 });
  await ok({ nbf: seconds + 5 });
  await fails(sign({ ...good, nbf: seconds + 6 }), "not_yet_valid", tolerance);
  await ok({ iat: seconds + 5 });
  await fails(sign({ ...good, iat: seconds + 6 }), "not_yet_valid", tolerance);
  await ok({ exp: 2 ** 31 + 0.5, iat: seconds - 0.5 });
  await ok({ exp: Number.MAX_SAFE_INTEGER });
  for (const clockTolerance of [61, -1, Number.NaN]) await assert.rejects(ok({}, { clockTolerance }), RangeError);
});

test("a time that is no time is refused (F-21)", async () => {
  for (const name of ["exp", "nbf", "iat"]) {
    for (const value of ["1800000000", 1e308, 2 ** 53, -1, true, [], {}, [seconds + 60]]) {
      await fails(sign({ ...good, [name]: value }), "claims", {}, `${name} ${JSON.stringify(value)}`);
    }
  }
  // JSON has no infinity, but a number that overflows reads as one.
  const payload = JSON.stringify(good).replace(/"exp":\d+/, '"exp":1e999');
  const input = `${encode({ alg: "ES256", kid: es.kid })}.${encode(payload)}`;
  const key = await importKey(es.privateJwk);
  const signature = Buffer.from(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, Buffer.from(input)));
  await fails(`${input}.${signature.toString("base64url")}`, "claims");
});

test("exp is required unless the caller says otherwise, and so is what the caller lists", async () => {
  const { exp, ...eternal } = good;
  await fails(sign(eternal), "claims");
  await fails(sign({ ...good, exp: null }), "claims");
  await verifyJwt(await sign(eternal), { ...expected, exp: "optional" });
  await fails(sign(eternal), "claims", { requiredClaims: ["sub"] });
  await fails(sign(good), "claims", { requiredClaims: ["jti"] });
  await fails(sign(good), "claims", { requiredClaims: ["constructor"] });
});

test("decoding believes nothing but the form", async () => {
  const { claims, header } = decodeUnverified(`${encode({ alg: "none" })}.${encode({ sub: "x" })}.`);
  assert.equal(claims.sub, "x");
  assert.equal(header.alg, "none");
});

test("header and claims are bounded in depth: what is kept of them is written level by level (CWE-674)", async () => {
  const nested = (levels: number) => JSON.parse("[".repeat(levels) + "]".repeat(levels));
  const malformed = (e: unknown) => e instanceof JwtError && e.code === "malformed";
  // The object itself is a level.
  await verifyJwt(await sign({ ...good, deep: nested(19) }), expected);
  await fails(sign({ ...good, deep: nested(20) }), "malformed");
  const deep = `{"alg":"ES256","deep":${"[".repeat(8000)}${"]".repeat(8000)}}`;
  assert.throws(() => decodeUnverified(`${encode({ alg: "ES256" })}.${encode(deep)}.x`), malformed);
  assert.throws(() => decodeUnverified(`${encode(deep)}.${encode({})}.x`), malformed);
  // A name that comes twice hides nothing.
  assert.throws(
    () => decodeUnverified(`${encode('{"alg":"ES256","alg":"ES256"}')}.${encode(`{"a":1,"a":${deep}}`)}.x`),
    malformed,
  );
});

test("a member __proto__ is left out of header and claims, however it is spelled (CWE-1321)", () => {
  for (const name of ["__proto__", "__\\u0070roto__", "\\u005F_proto__"]) {
    const hostile = `{"alg":"none","${name}":{"admin":true},"inner":{"${name}":{"admin":true}}}`;
    const { header, claims } = decodeUnverified(`${encode(hostile)}.${encode(hostile)}.`);
    for (const part of [header, claims, header.inner, claims.inner]) {
      assert.equal(Object.hasOwn(part as object, "__proto__"), false, name);
      assert.equal((Object.assign({}, part) as { admin?: boolean }).admin, undefined, name);
    }
  }
});

test("of a claim that is named twice the last one counts (RFC 7519 §4)", () => {
  assert.equal(decodeUnverified(`${encode({ alg: "none" })}.${encode('{"sub":"a","sub":"b"}')}.`).claims.sub, "b");
});

test("a part that is not base64url, not UTF-8, not JSON or no object is malformed, and the text is not quoted", () => {
  const parts = [
    "A",
    "e30=",
    Buffer.from([0x7b, 0xff, 0x7d]).toString("base64url"),
    encode("secret"),
    encode("[]"),
    encode("null"),
  ];
  for (const part of parts) {
    for (const token of [`${part}.${encode({})}.x`, `${encode({ alg: "none" })}.${part}.x`]) {
      assert.throws(
        () => decodeUnverified(token),
        (e) => e instanceof JwtError && e.code === "malformed" && e.cause === undefined,
        token,
      );
    }
  }
});

const secret = new Uint8Array(32).fill(7);
const former = new Uint8Array(32).fill(8);

test("text encrypted at rest is decrypted by whichever secret it was encrypted with", async () => {
  const token = await encryptText(former, "préservé");
  assert.equal(await decryptText([secret, former], token), "préservé");
  assert.equal(await decryptText(former, token), "préservé");
  assert.notEqual(await encryptText(former, "préservé"), token);
  assert.equal(token.split(".").length, 5);
});

test("a damaged text, a foreign one or the wrong secret is a decryption failure", async () => {
  const token = await encryptText(secret, "text");
  const failure = (e: unknown) => e instanceof JwtError && e.code === "decryption";
  await assert.rejects(decryptText(former, token), failure);
  await assert.rejects(decryptText([], token), failure);
  const parts = token.split(".");
  for (let part = 0; part < 5; part++) {
    const changed = parts.with(part, `${parts[part]}AAAA`).join(".");
    await assert.rejects(decryptText(secret, changed), failure, changed);
  }
  for (const text of ["", "text", await sign(good), "....", "a".repeat(100_000)])
    await assert.rejects(decryptText(secret, text), failure);
});

test("a secret of another length is refused, not stretched", async () => {
  for (const length of [0, 16, 31, 33]) await assert.rejects(encryptText(new Uint8Array(length), "x"), TypeError);
});
