import assert from "node:assert/strict";
import { test } from "node:test";
import { randomBytes } from "./lib/entropy.ts";

test("bytes drawn many at a time are fresh, on a buffer of their own, and in the size asked for", () => {
  const drawn = Array.from({ length: 2000 }, () => randomBytes(16));
  assert.equal(new Set(drawn.map((bytes) => bytes.join())).size, drawn.length);
  for (const bytes of drawn.slice(0, 300)) assert.deepEqual([bytes.length, bytes.buffer.byteLength], [16, 16]);
  for (const size of [0, 1, 511, 512, 513, 5000]) assert.equal(randomBytes(size).length, size);
  // All of 256 values turn up: nothing was masked away, and no part of the pool is given out empty.
  assert.equal(new Set(drawn.flatMap((bytes) => [...bytes])).size, 256);
  assert.ok(drawn.every((bytes) => bytes.some((byte) => byte !== 0)));
});
