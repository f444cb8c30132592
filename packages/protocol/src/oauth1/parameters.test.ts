import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isOAuthError } from "../errors.ts";
import {
  encodePairs,
  formatPairs,
  normalizePairs,
  oauthHeader,
  parsePairs,
  percentDecode,
  percentEncode,
  readOAuthHeader,
  readProtocolParameters,
} from "./parameters.ts";

const refused = (e: unknown) => isOAuthError(e, "invalid_request");

test("only letters, digits and -._~ stay as they are, the rest is %XX in upper case over UTF-8 (RFC 5849 §3.6)", () => {
  assert.equal(percentEncode("AZaz09-._~"), "AZaz09-._~");
  assert.equal(percentEncode(" +%!*'()/:=&;,\""), "%20%2B%25%21%2A%27%28%29%2F%3A%3D%26%3B%2C%22");
  assert.equal(percentEncode("é漢𝄞\n"), "%C3%A9%E6%BC%A2%F0%9D%84%9E%0A");
  assert.throws(() => percentEncode("\ud800"), URIError);
});

test("any text survives being encoded and read as query, form and header", () => {
  const text = fc.string({ unit: "binary" });
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text)), (pairs) => {
      const encoded = pairs.map(([name, value]) => [percentEncode(name), percentEncode(value)] as const);
      assert.deepEqual(parsePairs(formatPairs(encoded)), encoded);
      assert.deepEqual(
        parsePairs(new URLSearchParams(pairs).toString()),
        encoded,
        "the form serializer of the URL standard",
      );
      const named = encoded.filter(([name]) => name !== "" && name !== "realm");
      assert.deepEqual(readOAuthHeader(oauthHeader(named, 'say "hi", \\o/')), named);
      for (const [at, [, value]] of encoded.entries()) assert.equal(percentDecode(value), pairs[at]?.[1]);
    }),
  );
});

test("one octet has one spelling: %7e, %c3 and raw characters are respelled (RFC 5849 §3.6)", () => {
  assert.deepEqual(parsePairs("%7e=%c3%A9&é=~&%61=%2d"), [
    ["~", "%C3%A9"],
    ["%C3%A9", "~"],
    ["a", "-"],
  ]);
});

test("octets that are no UTF-8 are signed as they are: values may be binary (RFC 5849 §3.6)", () => {
  assert.deepEqual(parsePairs("a=%ff%00"), [["a", "%FF%00"]]);
  assert.equal(percentDecode("%FF"), undefined);
});

test("in forms and queries a plus is a blank, in the header it is a plus (RFC 5849 §3.4.1.3.1)", () => {
  assert.deepEqual(parsePairs("a+b=c+d%2B"), [["a%20b", "c%20d%2B"]]);
  assert.deepEqual(readOAuthHeader('OAuth a="b+c"'), [["a", "b%2Bc"]]);
});

test("nothing is lost: no value, no name, repeated names, an equals sign in the value (RFC 5849 §3.4.1.3.1)", () => {
  assert.deepEqual(parsePairs("a&b=&=c&&a=1&a=1&d=e=f&"), [
    ["a", ""],
    ["b", ""],
    ["", "c"],
    ["a", "1"],
    ["a", "1"],
    ["d", "e%3Df"],
  ]);
  assert.deepEqual(parsePairs("__proto__=1"), [["__proto__", "1"]]);
});

test("a stray % and half a surrogate pair are refused: the other side might read them otherwise", () => {
  for (const text of ["a=%", "a=%4", "%zz=1", "a=100%&b", "a=\ud800"])
    assert.throws(() => parsePairs(text), refused, text);
});

test("parameters are sorted by encoded name, then by encoded value, by octets (RFC 5849 §3.4.1.3.2)", () => {
  assert.equal(normalizePairs(parsePairs("a1=x&a=2&a=10&a-=&Z=&a=%C3%A9&a=~")), "Z=&a=%C3%A9&a=10&a=2&a=~&a-=&a1=x");
});

test("oauth_signature is left out, from wherever it came (RFC 5849 §3.4.1.3.1)", () => {
  assert.equal(
    normalizePairs(parsePairs("oauth_signature=x&oauth%5Fsignature=y&oauth_signature_method=z")),
    "oauth_signature_method=z",
  );
});

test("the realm of the header is no parameter; one in a query is (RFC 5849 §3.4.1.3.1)", () => {
  assert.deepEqual(readOAuthHeader('OAuth realm="a\\"b, c=\\"d", oauth_token=""'), [["oauth_token", ""]]);
  assert.deepEqual(parsePairs("realm=x"), [["realm", "x"]]);
});

test("the header's scheme has no case, its commas need no blanks (RFC 5849 §3.5.1)", () => {
  const expected = [
    ["a", "1"],
    ["b", "2"],
  ];
  for (const header of ['OAuth a="1",b="2"', 'oauth  a="1" ,\t b="2" ', 'OAUTH a="1", , b="2",'])
    assert.deepEqual(readOAuthHeader(header), expected, header);
  assert.deepEqual(readOAuthHeader("OAuth"), []);
  for (const other of [null, undefined, "", "Bearer x", "OAuth2 x", 'OAuthx a="1"'])
    assert.equal(readOAuthHeader(other), undefined);
});

test("a malformed header, or two in one, is refused (RFC 5849 §3.5.1)", () => {
  for (const rest of ["a=1", 'a="1" b="2"', 'a="1', "a", '="1"', 'a="%"', 'a="1", OAuth b="2"', 'a="1"; b="2"'])
    assert.throws(() => readOAuthHeader(`OAuth ${rest}`), refused, rest);
});

test("a realm cannot break out of the header (RFC 5849 §3.5.1)", () => {
  assert.equal(oauthHeader([["a", "1"]], 'x", oauth_token="y\\'), 'OAuth realm="x\\", oauth_token=\\"y\\\\", a="1"');
  for (const realm of ["a\r\nb: c", "é"]) assert.throws(() => oauthHeader([], realm), TypeError);
});

test("a protocol parameter that is repeated is refused, also under another spelling (RFC 5849 §3.1)", () => {
  assert.throws(() => readProtocolParameters(parsePairs("oauth_token=a&oauth_token=a")), refused);
  assert.throws(() => readProtocolParameters(parsePairs("oauth_token=&oauth%5ftoken=a")), refused);
  assert.throws(() => readProtocolParameters(parsePairs("oauth_token=%ff")), refused);
  assert.deepEqual(
    { ...readProtocolParameters(parsePairs("a=1&a=2&oauth_token=%C3%A9&oauth_x=")) },
    {
      oauth_token: "é",
      oauth_x: "",
    },
  );
});

test("absent parameters are left out, empty ones are written", () => {
  assert.deepEqual(encodePairs({ a: undefined, "b c": "" }), [["b%20c", ""]]);
});

test("100 KB of anything is read or refused in linear time (DO-05)", () => {
  const units = ["a", " ", "=", "&", ",", '"', "\\", "%", "%41", "+", "é", "a=1&", 'a="1",', '="', " ,", "\\\\", 'a="'];
  for (const unit of units) {
    const text = unit.repeat(100_000 / unit.length);
    for (const read of [
      parsePairs,
      (t: string) => readOAuthHeader(`OAuth ${t}`),
      (t: string) => readOAuthHeader(`OAuth realm="${t}`),
    ]) {
      let best = Number.POSITIVE_INFINITY;
      for (let round = 0; round < 8 && best > 100; round++) {
        const started = process.threadCpuUsage().user;
        try {
          read(text);
        } catch (e) {
          assert.ok(refused(e), unit);
        }
        best = Math.min(best, (process.threadCpuUsage().user - started) / 1000);
      }
      assert.ok(best <= 100, `${unit}: ${best} ms`);
    }
  }
});
