import assert from "node:assert/strict";
import { test } from "node:test";
import { isHashable, isOutdated, passwords } from "./password.ts";

test("a hash is argon2id with at least 19 MiB, two passes, and a salt of its own", async () => {
  const { hash, verify } = passwords();
  const [one, two] = await Promise.all([hash("correct horse"), hash("correct horse")]);
  assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  assert.notEqual(one, two);
  assert.equal(await verify("correct horse", one), true);
  assert.equal(await verify("Correct horse", one), false);
  assert.equal(isOutdated(one), false);
  assert.equal(isOutdated(one.replace("m=19456", "m=8192")), true);
});

test("every character counts: the 73rd byte, NUL, trailing spaces; composed and decomposed letters are the same", async () => {
  const { hash, verify } = passwords();
  const long = "x".repeat(72);
  assert.equal(await verify(`${long}b`, await hash(`${long}a`)), false);
  assert.equal(await verify("abc\0def", await hash("abc\0deg")), false);
  assert.equal(await verify("password ", await hash("password")), false);
  assert.equal(await verify("cafe\u0301 au lait", await hash("café au lait")), true);
});

test("without a stored hash the same work is done and the answer is no", async () => {
  const { verify } = passwords();
  await verify("warm up", undefined);
  const started = process.cpuUsage();
  assert.equal(await verify("anything", undefined), false);
  const { user, system } = process.cpuUsage(started);
  assert.ok(user + system > 5_000, `only ${user + system} µs`);
});

test("what does not fit in 4096 bytes, or has lone surrogates, is never hashed", () => {
  assert.equal(isHashable("a".repeat(4096)), true);
  assert.equal(isHashable("a".repeat(4097)), false);
  assert.equal(isHashable("€".repeat(2000)), false);
  assert.equal(isHashable("\ud800".repeat(10)), false);
});

test("a flood fills the queue and the rest is turned away; afterwards all is as before", async () => {
  const { verify } = passwords({ concurrency: 1, waiting: 2 });
  const results = await Promise.allSettled(Array.from({ length: 6 }, () => verify("x", undefined)));
  assert.equal(results.filter(({ status }) => status === "fulfilled").length, 3);
  for (const result of results) if (result.status === "rejected") assert.equal(result.reason.code, "busy");
  assert.equal(await verify("x", undefined), false);
});
