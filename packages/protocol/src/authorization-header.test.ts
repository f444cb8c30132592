import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { basicHeader, challenge, readBasic, readBearer } from "./authorization-header.ts";
import { isOAuthError } from "./errors.ts";

const bearer = (header?: string) =>
  readBearer(new Request("https://rs.test/", header === undefined ? {} : { headers: { Authorization: header } }));

test("the example of RFC 6749 §2.3.1 is read and written", () => {
  assert.deepEqual(readBasic("Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW"), { id: "s6BhdRkqt3", secret: "gX1fBat3bV" });
  assert.equal(basicHeader("s6BhdRkqt3", "gX1fBat3bV"), "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW");
});

test("both halves are form-encoded, so any character may be in them (RFC 6749 §2.3.1)", () => {
  const id = "https://client.test/a b";
  const secret = ": % + / é & = 😀";
  assert.deepEqual(readBasic(basicHeader(id, secret)), { id, secret });
  assert.equal(atob(basicHeader(id, secret).slice(6)).split(":").length, 2);
});

test("the first colon splits: a raw secret may contain more", () => {
  assert.deepEqual(readBasic(`basic ${btoa("id:se:cr:et")}`), { id: "id", secret: "se:cr:et" });
  assert.deepEqual(readBasic(`BASIC ${btoa("id:")}`), { id: "id", secret: "" });
});

test("no header and other schemes are nothing; malformed Basic is invalid_client with the challenge", () => {
  for (const header of [null, undefined, "", "Bearer x", "Basically x"]) assert.equal(readBasic(header), undefined);
  const malformed = [
    "",
    "%%%",
    btoa("nocolon"),
    btoa(":secret"),
    btoa("id:%zz"),
    btoa("id:\xff"),
    btoa("id:%00"),
    "aWQ6eA==, x",
    "aWQ6eA== x",
  ];
  for (const credentials of malformed) {
    assert.throws(
      () => readBasic(`Basic ${credentials}`),
      (e) =>
        isOAuthError(e, "invalid_client") && e.status === 401 && /^Basic /.test(e.headers?.["WWW-Authenticate"] ?? ""),
      credentials,
    );
  }
});

test("property: any id and secret survive the header", () => {
  const text = fc.string({ unit: "grapheme" }).filter((one) => one.isWellFormed() && !/\p{Cc}/u.test(one));
  fc.assert(
    fc.property(
      text.filter((id) => id !== ""),
      text,
      (id, secret) => assert.deepEqual(readBasic(basicHeader(id, secret)), { id, secret }),
    ),
  );
});

test("a bearer token is read whatever the case of its scheme (RFC 6750 §2.1)", () => {
  assert.equal(bearer("Bearer mF_9.B5f-4.1JqM"), "mF_9.B5f-4.1JqM");
  assert.equal(bearer("bEaReR abc+/~=="), "abc+/~==");
  assert.equal(bearer(), undefined);
  assert.equal(bearer("Basic eDp5"), undefined);
});

test("two tokens or a malformed one are invalid_request (RFC 6750 §3.1)", () => {
  for (const header of [
    "Bearer",
    "Bearer ",
    "Bearer a b",
    "Bearer a, Bearer b",
    "Bearer a,b",
    "Bearer é",
    "Bearer =a",
  ]) {
    assert.throws(
      () => bearer(header),
      (e) => isOAuthError(e, "invalid_request"),
      header,
    );
  }
  const headers = new Headers({ Authorization: "Bearer a" });
  headers.append("Authorization", "Bearer b");
  assert.throws(
    () => readBearer(new Request("https://rs.test/", { headers })),
    (e) => isOAuthError(e, "invalid_request"),
  );
});

test("a challenge quotes its values, so that none can break out (RFC 9110 §11.2)", () => {
  assert.equal(challenge("Bearer"), "Bearer");
  assert.equal(challenge("Bearer", { error: "invalid_token", scope: undefined }), 'Bearer error="invalid_token"');
  assert.equal(challenge("DPoP", { a: 'x", b="y\\' }), 'DPoP a="x\\", b=\\"y\\\\"');
  assert.equal(
    challenge("Bearer", { realm: "a\r\nSet-Cookie: x=1", name: "é" }),
    'Bearer realm="a??Set-Cookie: x=1", name="?"',
  );
  assert.throws(() => challenge("Bearer", { 'a="': "x" }), TypeError);
  assert.throws(() => challenge("Bearer x"), TypeError);
});
