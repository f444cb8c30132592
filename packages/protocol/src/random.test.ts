import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { createHandle, createId, deriveHandle, digestOf, matchesDigest, randomToken, readHandle } from "./random.ts";

const now = Date.UTC(2026, 10, 20);

test("a token has as many random bits as asked for", () => {
  assert.match(randomToken(), /^[A-Za-z0-9_-]{43}$/);
  assert.match(randomToken(24), /^[A-Za-z0-9_-]{32}$/);
  assert.notEqual(randomToken(), randomToken());
});

test("ids sort by time, also across centuries", () => {
  const times = [0, 1, now, now + 1, now + 1000, Date.UTC(2038, 0, 19, 3, 14, 8), Date.UTC(2100, 1, 28), 2 ** 48 - 1];
  const ids = times.map(createId);
  assert.deepEqual(ids.toSorted(), ids);
  for (const id of ids) assert.match(id, /^[0-7][0-9a-hjkmnp-tv-z]{25}$/);
  for (const time of [-1, 2 ** 48, Number.NaN, Number.POSITIVE_INFINITY])
    assert.throws(() => createId(time), RangeError);
});

test("a handle is read back into id and secret, and its digest is that of the secret", async () => {
  for (const kind of ["code", "access", "refresh-token"]) {
    const born = await createHandle(kind, now);
    const read = readHandle(born.handle, kind);
    assert.equal(read?.id, born.id);
    assert.equal(born.digest, await digestOf(read?.secret ?? ""));
    assert.equal(await matchesDigest(read?.secret ?? "", born.digest), true);
    assert.equal(await matchesDigest(randomToken(24), born.digest), false);
    assert.equal(born.handle.includes(born.digest), false);
  }
});

test("the checksum is CRC-32 of everything before it, in base 62", async () => {
  const { handle } = await createHandle("code", now);
  const digits = [...handle.slice(-6)].map((digit) =>
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".indexOf(digit),
  );
  assert.equal(
    digits.reduce((value, digit) => value * 62 + digit, 0),
    crc32(handle.slice(0, -6)),
  );
});

test("a secret with - and _ in it is read by position", async () => {
  for (let round = 0; round < 200; round++) {
    const born = await createHandle("a", now);
    assert.equal(readHandle(born.handle, "a")?.id, born.id);
  }
});

test("another kind, any changed character, and other lengths are nothing", async () => {
  const { handle } = await createHandle("code", now);
  for (const kind of ["access", "user", "cod", "codes"]) assert.equal(readHandle(handle, kind), undefined, kind);
  for (let at = 0; at < handle.length; at++) {
    const changed = handle.slice(0, at) + (handle[at] === "1" ? "2" : "1") + handle.slice(at + 1);
    assert.equal(readHandle(changed, "code"), undefined, changed);
  }
  for (const text of [
    "",
    handle.slice(1),
    `${handle} `,
    handle.toUpperCase(),
    "vk_code_",
    `${handle.slice(0, -1)}é`,
    "\ud800".repeat(72),
  ]) {
    assert.equal(readHandle(text, "code"), undefined, text);
  }
});

test("a kind that would make handles ambiguous is refused", async () => {
  for (const kind of ["", "a_b", "Code", "é", "x".repeat(33)])
    await assert.rejects(createHandle(kind, now), TypeError, kind);
});

test("a derived handle is the same for the same key and message, and different for any other", async () => {
  const id = createId(now);
  const first = await deriveHandle("refresh", id, "key", "message");
  assert.deepEqual(await deriveHandle("refresh", id, "key", "message"), first);
  assert.equal(await digestOf(readHandle(first.handle, "refresh")?.secret ?? ""), first.digest);
  for (const [key, message] of [
    ["key2", "message"],
    ["key", "message2"],
  ] as const) {
    assert.notEqual((await deriveHandle("refresh", id, key, message)).digest, first.digest);
  }
  await assert.rejects(deriveHandle("refresh", "not-an-id", "key", "message"), TypeError);
});
