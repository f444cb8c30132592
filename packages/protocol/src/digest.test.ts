import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { base64url, constantTimeEqual, fromBase64url, hkdf, hmacSha256, sha256, sha256Base64url } from "./digest.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("SHA-256 of FIPS 180-4's abc", async () => {
  assert.equal(hex(await sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

test("HMAC-SHA-256 of RFC 4231 case 2", async () => {
  const mac = await hmacSha256("Jefe", "what do ya want for nothing?");
  assert.equal(hex(mac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
});

test("HKDF-SHA-256 of RFC 5869 case 3", async () => {
  const derived = await hkdf("\x0b".repeat(22), "", 42);
  assert.equal(hex(derived), "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
});

test("an empty key is refused, not used", async () => {
  await assert.rejects(hmacSha256("", "text"), TypeError);
  await assert.rejects(hkdf("", "info", 32), TypeError);
});

test("property: base64url is that of Buffer and reads back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      assert.equal(base64url(bytes), Buffer.from(bytes).toString("base64url"));
      assert.deepEqual([...(fromBase64url(base64url(bytes)) ?? [])], [...bytes]);
    }),
  );
  assert.equal(base64url(new Uint8Array(100_000)).length, Math.ceil((100_000 * 4) / 3));
});

test("property: only one text stands for a value (RFC 4648 §3.5)", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("A", "B", "-", "_", "9", "+", "/", "=", " ") }), (text) => {
      const bytes = fromBase64url(text);
      if (bytes !== undefined) assert.equal(base64url(bytes), text);
    }),
    { numRuns: 2000 },
  );
  for (const text of ["A", "AB", "AAB", "AA==", "A+", "A/", "AA\n", "é"])
    assert.equal(fromBase64url(text), undefined, text);
});

test("comparison is right for equal, different and differently long values", () => {
  assert.equal(constantTimeEqual("abc", "abc"), true);
  assert.equal(constantTimeEqual("abc", "abd"), false);
  assert.equal(constantTimeEqual("abc", "abcd"), false);
  assert.equal(constantTimeEqual("", ""), true);
  assert.equal(constantTimeEqual("é", new TextEncoder().encode("é")), true);
});

test("without Node's hashes the results are the same", async () => {
  const { getBuiltinModule } = process;
  process.getBuiltinModule = () => undefined as never;
  try {
    const web = (await import(`${import.meta.resolve("./digest.js")}?web`)) as typeof import("./digest.ts");
    for (const text of ["", "abc", "é \u{1f511}", "x".repeat(1000)]) {
      assert.deepEqual(await web.sha256(text), await sha256(text));
      assert.equal(await web.sha256Base64url(text), await sha256Base64url(text));
      assert.deepEqual(await web.hmacSha256("key", text), await hmacSha256("key", text));
    }
  } finally {
    process.getBuiltinModule = getBuiltinModule;
  }
});
