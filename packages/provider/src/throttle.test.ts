import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryThrottle } from "./throttle.ts";

test("blocks a key after so many failures, until its window ends, and no other key", async () => {
  const clock = { now: 0 };
  const throttle = memoryThrottle({ limit: { attempts: 2, seconds: 10 }, now: () => clock.now });
  await throttle.failed("a");
  assert.equal(await throttle.blocked("a"), 0);
  clock.now = 4000;
  await throttle.failed("a");
  assert.equal(await throttle.blocked("a"), 6);
  assert.equal(await throttle.blocked("b"), 0);
  clock.now = 10_000;
  assert.equal(await throttle.blocked("a"), 0);
});

test("judges by the limit that is asked about", async () => {
  const throttle = memoryThrottle({ now: () => 0 });
  const limit = { attempts: 1, seconds: 3600 };
  await throttle.failed("register:x", limit);
  assert.equal(await throttle.blocked("register:x", limit), 3600);
  assert.equal(await throttle.blocked("register:x"), 0);
});

test("remembers at most maxKeys keys: the oldest are forgotten (F-39)", async () => {
  const throttle = memoryThrottle({ limit: { attempts: 1, seconds: 10 }, maxKeys: 3, now: () => 0 });
  for (const key of ["a", "b", "c", "d"]) await throttle.failed(key);
  assert.equal(await throttle.blocked("a"), 0);
  for (const key of ["b", "c", "d"]) assert.equal(await throttle.blocked(key), 10);
});
