import assert from "node:assert/strict";
import { test } from "node:test";
import { isOAuthError } from "./errors.ts";
import { formatScope, intersect, isSubset, parseScope, without } from "./scope.ts";

test("scopes are names separated by single spaces, in order, each once (RFC 6749 §3.3)", () => {
  assert.deepEqual(parseScope("openid profile openid api:read https://api.test/x"), [
    "openid",
    "profile",
    "api:read",
    "https://api.test/x",
  ]);
  assert.deepEqual(parseScope(undefined), []);
  assert.deepEqual(parseScope(""), []);
  assert.deepEqual(parseScope("__proto__ constructor"), ["__proto__", "constructor"]);
  assert.equal(formatScope(["a", "b"]), "a b");
});

test("other characters, stray spaces and too much are invalid_scope", () => {
  const long = Array.from({ length: 201 }, (_, at) => `s${at}`).join(" ");
  for (const scope of [
    " a",
    "a ",
    "a  b",
    'a"b',
    "a\\b",
    "a\tb",
    "a\nb",
    "é",
    "a\u00a0b",
    "a\0",
    long,
    "x".repeat(8193),
  ]) {
    assert.throws(
      () => parseScope(scope),
      (e) => isOAuthError(e, "invalid_scope"),
      scope.slice(0, 20),
    );
  }
});

test("sets of scopes are compared as exact text", () => {
  assert.equal(isSubset(["a"], ["a", "b"]), true);
  assert.equal(isSubset(["A"], ["a", "b"]), false);
  assert.equal(isSubset([], []), true);
  assert.equal(isSubset(["ab"], ["a", "b"]), false);
  assert.deepEqual(intersect(["b", "a", "c"], ["a", "b"]), ["b", "a"]);
  assert.deepEqual(without(["b", "a", "c"], ["a"]), ["b", "c"]);
});
