import assert from "node:assert/strict";
import { test } from "node:test";
import { openLog } from "./log.ts";

test("a log line is JSON; secrets by name are not in it, nor what a driver hangs on its errors", () => {
  const lines: string[] = [];
  const log = openLog("info", (line) => lines.push(line));
  const cause = Object.assign(new Error("duplicate key"), { detail: "Key (email)=(hunter2)", code: "23505" });
  log.info({ event: "x", code: "hunter2", form: { password: "hunter2", client_id: "wiki" } }, "happened");
  log.error({ event: "y", error: new Error("outer", { cause }) }, "failed");
  log.debug({ event: "z" }, "not at this level");
  const fields = { event: "w", token: "hunter2", cause: { error: new Error("inner"), secret: "hunter2" } };
  log.warn(fields, "looked at");
  assert.equal(fields.token, "hunter2", "what was handed in is left as it is");
  assert.equal(lines.length, 3);
  assert.doesNotMatch(lines.join(""), /hunter2/);
  const [first, second, third] = lines.map((line) => JSON.parse(line));
  assert.equal(first.form.client_id, "wiki");
  assert.equal(first.msg, "happened");
  assert.equal(second.error.cause.message, "duplicate key");
  assert.equal(second.error.cause.errorCode, "23505");
  assert.equal(third.cause.error.message, "inner");
  assert.equal(third.token, "[redacted]");
});
