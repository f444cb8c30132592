import assert from "node:assert/strict";
import { test } from "node:test";
import * as errors from "./errors.ts";

const { errorCodes, invalidGrant, invalidClient, isOAuthError, jsonError, OAuthError, tooManyRequests } = errors;

test("every code has a constructor named after it that gives the table's status", () => {
  const all = errors as unknown as Record<string, unknown>;
  for (const [code, { status, citation }] of Object.entries(errorCodes)) {
    const name = code.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
    const made = (all[name] as errors.Constructor)("why");
    assert.equal(made.error, code, name);
    assert.equal(made.status, status);
    assert.match(citation, /§/);
  }
});

test("a description holds only the characters of RFC 6749 §5.2", () => {
  const { description } = invalidGrant('a "quoted" \\ line\r\nbreak, ünïcode \u0000');
  assert.match(description, /^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/);
  assert.match(description, /^a 'quoted' /);
  assert.equal(invalidGrant("x".repeat(100_000)).description.length, 500);
});

test("the cause is kept for the log and absent from the answer", async () => {
  const error = invalidGrant("the code is unknown or has expired", { cause: new Error("row 17 of codes") });
  assert.equal((error.cause as Error).message, "row 17 of codes");
  assert.deepEqual(await jsonError(error).json(), {
    error: "invalid_grant",
    error_description: "the code is unknown or has expired",
  });
});

test("an answer is JSON, never cached, with status and headers of the error (RFC 6749 §5.2)", () => {
  const answer = jsonError(invalidClient("no", { headers: { "WWW-Authenticate": 'Basic realm="x"' } }));
  assert.equal(answer.status, 401);
  assert.equal(answer.headers.get("content-type"), "application/json");
  assert.equal(answer.headers.get("cache-control"), "no-store");
  assert.equal(answer.headers.get("www-authenticate"), 'Basic realm="x"');
});

test("too many requests is 429 with whole seconds to wait (RFC 6585 §4)", () => {
  const answer = jsonError(tooManyRequests("slower", 0.2));
  assert.equal(answer.status, 429);
  assert.equal(answer.headers.get("retry-after"), "1");
});

test("a wrong method is 405 and names the right ones (RFC 9110 §15.5.6)", () => {
  const answer = errors.methodNotAllowed("POST");
  assert.equal(answer.status, 405);
  assert.equal(answer.headers.get("allow"), "POST");
});

test("isOAuthError tells errors and codes apart", () => {
  assert.equal(isOAuthError(invalidGrant("x")), true);
  assert.equal(isOAuthError(invalidGrant("x"), "invalid_grant"), true);
  assert.equal(isOAuthError(invalidGrant("x"), "invalid_client"), false);
  assert.equal(isOAuthError(new Error("x")), false);
  assert.equal(new OAuthError("server_error", "x").status, 500);
});
