import assert from "node:assert/strict";
import { test } from "node:test";
import { type CookieAttributes, readCookies, setCookie } from "./cookie.ts";

const cookies = (header?: string) =>
  readCookies(new Request("https://as.test/", header === undefined ? {} : { headers: { Cookie: header } }));
const plain: CookieAttributes = { secure: true, httpOnly: true, sameSite: "Lax", path: "/" };

test("cookies are read by name; of two with one name the first counts (RFC 6265 §5.4)", () => {
  assert.deepEqual(
    [...cookies("a=1; b=2=3;c=;  a=9 ; lonely; =x")],
    [
      ["a", "1"],
      ["b", "2=3"],
      ["c", ""],
    ],
  );
  assert.equal(cookies().size, 0);
  assert.equal(cookies("__proto__=1; constructor=2").get("__proto__"), "1");
});

test("no character but a blank or a tab is taken off a name: what browsers see no prefix in has none here (RFC 6265bis §4.1.3)", () => {
  assert.deepEqual(
    [...cookies("\ta =\t1 ; b=2")],
    [
      ["a", "1"],
      ["b", "2"],
    ],
  );
  // The header arrives as Latin-1; the others are for runtimes that decode UTF-8.
  const foreign = ["\u00a0", "\u0085", "\u2000", "\ufeff", "\u3000"];
  for (const blank of foreign) {
    const header = `${blank}__Host-sid=theirs; __Host-sid${blank}=theirs; __Host-sid=${blank}ours`;
    const request = { headers: { get: () => header } } as unknown as Request;
    assert.equal(readCookies(request).get("__Host-sid"), `${blank}ours`, JSON.stringify(blank));
  }
  assert.equal(cookies("\u00a0__Host-sid=theirs").get("__Host-sid"), undefined);
});

test("reading is bounded", () => {
  assert.equal(cookies(Array.from({ length: 500 }, (_, at) => `c${at}=1`).join("; ")).size, 100);
  assert.equal(cookies(`a=${"x".repeat(40_000)}`).size, 0);
});

test("a cookie is written with its attributes (RFC 6265 §4.1)", () => {
  assert.equal(
    setCookie("__Host-sid", "vk_session_x", plain),
    "__Host-sid=vk_session_x; Path=/; SameSite=Lax; Secure; HttpOnly",
  );
  assert.equal(
    setCookie("sid", "", { secure: false, httpOnly: false, sameSite: "Strict", path: "/authorize", maxAge: 0 }),
    "sid=; Path=/authorize; SameSite=Strict; Max-Age=0",
  );
});

test("no name, value, path or age can break out of its place", () => {
  for (const name of ["", "a b", "a=b", "a;b", "a\r\nb", "é", "x".repeat(129)])
    assert.throws(() => setCookie(name, "x", plain), TypeError, name);
  for (const value of ["a;b", "a,b", "a b", 'a"b', "a\\b", "a\r\nSet-Cookie: x", "é", "\0"])
    assert.throws(() => setCookie("n", value, plain), TypeError, value);
  for (const path of ["", "x", "/;Domain=evil.test", "/\n"])
    assert.throws(() => setCookie("n", "v", { ...plain, path }), TypeError, path);
  for (const maxAge of [1.5, Number.NaN, Number.POSITIVE_INFINITY])
    assert.throws(() => setCookie("n", "v", { ...plain, maxAge }), TypeError);
});

test("a prefix promises what it says (RFC 6265bis §4.1.3), and SameSite=None is secure", () => {
  assert.throws(() => setCookie("__Host-a", "v", { ...plain, secure: false }), TypeError);
  assert.throws(() => setCookie("__Host-a", "v", { ...plain, path: "/x" }), TypeError);
  assert.throws(() => setCookie("__Secure-a", "v", { ...plain, secure: false }), TypeError);
  assert.throws(() => setCookie("a", "v", { ...plain, secure: false, sameSite: "None" }), TypeError);
});
