import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isOAuthError } from "./errors.ts";
import { encodeForm, type Form, formValues, parseForm, readForm, readQuery } from "./form.ts";

const formType = { "Content-Type": "application/x-www-form-urlencoded" };
const post = (body: BodyInit | null, headers: Record<string, string> = formType) =>
  new Request("https://as.test/token", { method: "POST", headers, body });
const refused = (status = 400) => {
  return (e: unknown) => isOAuthError(e, "invalid_request") && e.status === status;
};

test("a form is read by name, form-decoded (RFC 6749 Appendix B)", async () => {
  const form = await readForm(post("grant_type=client_credentials&scope=a+b%20c&%C3%A9=%E2%82%AC"));
  assert.deepEqual({ ...form }, { grant_type: "client_credentials", scope: "a b c", é: "€", ...symbolsOf(form) });
});

test("a repeated parameter is refused, also when empty or spelled differently (RFC 6749 §3.2)", () => {
  for (const text of ["a=1&a=1", "a=1&b=2&a=3", "a=&a=1", "a&a", "a=1&%61=2", "__proto__=1&__proto__=2"]) {
    assert.throws(() => parseForm(text), refused(), text);
  }
});

test("a parameter without a value counts as absent (RFC 6749 §3.1)", () => {
  const form = parseForm("a=&b&c=1&&");
  assert.deepEqual(Object.keys(form), ["c"]);
});

test("names that mean something to JavaScript or to other parsers are just names", () => {
  const form = parseForm("__proto__=1&constructor=2&a[]=3&scope[$ne]=4&__proto__[admin]=5&toString=6");
  assert.equal(Object.getPrototypeOf(form), null);
  assert.equal(Object.getOwnPropertyDescriptor(form, "__proto__")?.value, "1");
  assert.equal(form["a[]"], "3");
  assert.equal(form.a, undefined);
  assert.equal(form.scope, undefined);
  assert.equal(parseForm("").constructor, undefined);
  assert.equal(({} as Record<string, unknown>).admin, undefined);
});

test("a parameter declared repeatable is a list and nothing else (RFC 8707 §2)", () => {
  const form = parseForm("resource=a&scope=x&resource=b", { repeatable: ["resource"] });
  assert.deepEqual(formValues(form, "resource"), ["a", "b"]);
  assert.equal(form.resource, undefined);
  assert.deepEqual(formValues(form, "scope"), ["x"]);
  assert.deepEqual(formValues(form, "nothing"), []);
  assert.throws(() => parseForm("resource=a&resource=b"), refused());
  const again = parseForm(encodeForm(form), { repeatable: ["resource"] });
  assert.deepEqual(formValues(again, "resource"), ["a", "b"]);
});

test("more than 200 parameters are refused", () => {
  const many = (count: number) => Array.from({ length: count }, (_, at) => `p${at}=1`).join("&");
  assert.equal(Object.keys(parseForm(many(200))).length, 200);
  assert.throws(() => parseForm(many(201)), refused());
  assert.throws(() => parseForm(`${"&".repeat(500)}a=1&a=2`), refused());
});

test("what is not form-encoded UTF-8 is refused", async () => {
  for (const text of ["a=%", "a=%zz", "a=%ff", "a=%c3", "a=%00", "%ed%a0%80=1"])
    assert.throws(() => parseForm(text), refused(), text);
  await assert.rejects(readForm(post(new Uint8Array([97, 61, 0xff]))), refused());
});

test("another type, charset or any compression is 415", async () => {
  const types = [
    "application/json",
    "multipart/form-data; boundary=x",
    "text/plain",
    "",
    "application/x-www-form-urlencoded; charset=utf-16",
  ];
  for (const type of types) await assert.rejects(readForm(post("a=1", { "Content-Type": type })), refused(415), type);
  await assert.rejects(readForm(post("a=1", { ...formType, "Content-Encoding": "gzip" })), refused(415));
  const spelled = { "Content-Type": 'Application/X-WWW-Form-Urlencoded ; Charset="UTF-8"' };
  assert.equal((await readForm(post("a=1", spelled))).a, "1");
});

test("a missing body is an empty form", async () => {
  assert.deepEqual(Object.keys(await readForm(post(null, {}))), []);
  assert.deepEqual(Object.keys(await readForm(post(null))), []);
});

test("a body over the limit is 413, announced or not, and reading stops there", async () => {
  await assert.rejects(readForm(post("a=1", { ...formType, "Content-Length": "70000" })), refused(413));
  await assert.rejects(readForm(post(`a=${"x".repeat(70_000)}`)), refused(413));
  assert.equal((await readForm(post(`a=${"x".repeat(65_534)}`))).a?.length, 65_534);
  let pulled = 0;
  let cancelled = false;
  const endless = new ReadableStream({
    pull(controller) {
      pulled++;
      controller.enqueue(new Uint8Array(10_000).fill(97));
    },
    cancel() {
      cancelled = true;
    },
  });
  const init = { method: "POST", headers: formType, body: endless, duplex: "half" } as RequestInit;
  await assert.rejects(readForm(new Request("https://as.test/", init)), refused(413));
  assert.ok(pulled < 12, `pulled ${pulled} times`);
  // Cancelling would cut the connection on which the refusal is still to be sent.
  assert.equal(cancelled, false);
});

test("a body that breaks off is invalid_request; one that was read before is our own mistake", async () => {
  const broken = new ReadableStream({ pull: (controller) => controller.error(new Error("reset")) });
  const init = { method: "POST", headers: formType, body: broken, duplex: "half" } as RequestInit;
  await assert.rejects(readForm(new Request("https://as.test/", init)), refused());
  const twice = post("a=1");
  await readForm(twice);
  await assert.rejects(readForm(twice), TypeError);
});

test("a query is read by the same rules", () => {
  assert.equal(readQuery(new URL("https://as.test/authorize?state=a%2Bb+c&é=ü")).state, "a+b c");
  assert.throws(() => readQuery(new URL("https://as.test/authorize?state=a&state=b")), refused());
});

test("encoding leaves absent values out and repeats lists", () => {
  assert.equal(encodeForm({ a: "1 &", b: undefined, resource: ["x", "y"] }), "a=1+%26&resource=x&resource=y");
});

const name = fc
  .string({ unit: "grapheme", minLength: 1 })
  .filter((text) => text.isWellFormed() && !text.includes("\0"));

test("property: what is encoded is read back unchanged", () => {
  const records = fc.dictionary(name, name, { maxKeys: 20, noNullPrototype: false });
  fc.assert(
    fc.property(records, (record) => {
      const form = parseForm(encodeForm(record));
      assert.deepEqual(Object.entries(form).sort(), Object.entries(record).sort());
    }),
  );
});

test("property: parsing any text gives a form or an OAuthError, and no name twice", () => {
  const noise = fc.string({
    unit: fc.constantFrom("a", "b", "=", "&", "%", "+", "6", "1", "[", "]", "é", "\0"),
    maxLength: 60,
  });
  fc.assert(
    fc.property(fc.oneof(noise, fc.string({ unit: "binary" })), (text) => {
      try {
        const form = parseForm(text);
        for (const key of Object.keys(form)) {
          const same = [...new URLSearchParams(text)].filter(([other]) => other === key);
          assert.equal(same.length, 1);
        }
      } catch (e) {
        if (!isOAuthError(e, "invalid_request")) throw e;
      }
    }),
    { numRuns: 2000 },
  );
});

test("property: a repeated parameter is always refused, wherever it stands", () => {
  fc.assert(
    fc.property(fc.array(name, { maxLength: 10 }), name, name, name, fc.nat(), (others, repeated, one, two, at) => {
      const pairs = others.filter((other) => other !== repeated).map((other) => [other, "x"] as [string, string]);
      pairs.splice(at % (pairs.length + 1), 0, [repeated, one]);
      pairs.push([repeated, two]);
      assert.throws(() => parseForm(new URLSearchParams(pairs).toString()), refused());
    }),
  );
});

function symbolsOf(form: Form): object {
  return Object.fromEntries(Object.getOwnPropertySymbols(form).map((symbol) => [symbol, Reflect.get(form, symbol)]));
}
