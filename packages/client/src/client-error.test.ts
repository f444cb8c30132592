import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { ClientError, type ClientErrorCode, clientErrors } from "./client-error.ts";

test("an error shows what is set and nothing else, printed, copied or as JSON", () => {
  const bare = new ClientError("state_missing", "the answer has no state");
  assert.deepEqual(Object.keys(bare).sort(), ["code", "hint", "name", "status", "what"]);
  assert.doesNotMatch(inspect(bare), /undefined|error_description|retryAfter/);
  const empty = { cause: undefined, error: undefined, error_description: undefined, retryAfter: undefined };
  assert.deepEqual({ ...new ClientError("state_missing", "the answer has no state", empty) }, { ...bare });
  assert.equal("cause" in new ClientError("state_missing", "x", empty), false);

  const cause = new TypeError("the reason");
  const full = new ClientError("token_refused", "no", { cause, error: "invalid_grant", retryAfter: 0 });
  const printed = inspect(full);
  for (const shown of ["token_refused", "error: 'invalid_grant'", "retryAfter: 0", "[cause]: TypeError: the reason"]) {
    assert.ok(printed.includes(shown), `${shown} in\n${printed}`);
  }
  assert.doesNotMatch(printed, /undefined|error_description/);
});

test("what is said to people names nothing only developers know; that is in the fix, which the cause at hand replaces", () => {
  for (const [code, { hint }] of Object.entries(clientErrors)) {
    assert.doesNotMatch(hint, /\w_\w|\(\)|[a-z][A-Z]|metadata|scope|NTP|POST|RFC|configuration/, code);
  }
  const codes = ["configuration_invalid", "metadata_invalid", "token_refused", "url_not_allowed", "no_refresh_token"];
  for (const code of codes as ClientErrorCode[]) assert.ok(new ClientError(code, "x").fix, code);
  assert.equal(new ClientError("url_not_allowed", "x", { fix: "add resource" }).fix, "add resource");
});
