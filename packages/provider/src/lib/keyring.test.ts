import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { KeyData } from "../entries.ts";
import { isDue, rotateKey, tidyKeys, withoutKey } from "./keyring.ts";

const key = (kid: string, state: KeyData["state"], more: Partial<KeyData> = {}): KeyData => ({
  kid,
  alg: "ES256",
  state,
  publishedAt: 0,
  public: { kty: "EC" },
  private: "encrypted",
  ...more,
});
const told = (keys: readonly KeyData[]) => keys.map(({ kid, state, alg }) => `${kid} ${alg} ${state}`);
const [a, n, r] = [key("a", "active"), key("n", "next"), key("r", "retiring", { dropAt: 50 })];
const foreign = key("x", "active", { alg: "RS256" });

describe("the life of a key", () => {
  it("rotates one algorithm and leaves the others alone", () => {
    const turned = rotateKey([a, n, r, foreign], key("f", "next"), 10, 100);
    assert.deepEqual(told(turned), [
      "a ES256 retiring",
      "n ES256 active",
      "r ES256 retiring",
      "x RS256 active",
      "f ES256 next",
    ]);
    assert.deepEqual([turned[0]?.dropAt, turned[0]?.private, turned[1]?.activatedAt], [100, undefined, 10]);
  });

  it("replaces a key that is withdrawn by its next", () => {
    const fresh = key("f", "next");
    assert.deepEqual(told(withoutKey([a, n, r], "a", fresh, 10)), [
      "n ES256 active",
      "r ES256 retiring",
      "f ES256 next",
    ]);
    assert.deepEqual(told(withoutKey([a, n, r], "n", fresh, 10)), [
      "a ES256 active",
      "r ES256 retiring",
      "f ES256 next",
    ]);
    assert.deepEqual(told(withoutKey([a, n, r], "r", fresh, 10)), ["a ES256 active", "n ES256 next"]);
    assert.deepEqual(told(withoutKey([a, n, r], "none", fresh, 10)), told([a, n, r]));
  });

  it("drops what is over and retires what is no longer configured", () => {
    assert.deepEqual(told(tidyKeys([a, n, r, foreign], ["ES256"], 49, 100)), [
      "a ES256 active",
      "n ES256 next",
      "r ES256 retiring",
      "x RS256 retiring",
    ]);
    assert.deepEqual(told(tidyKeys([a, n, r], ["ES256"], 50, 100)), ["a ES256 active", "n ES256 next"]);
  });

  for (const [what, keys, due] of [
    [
      "old enough, next known for long enough",
      [key("a", "active", { activatedAt: 0 }), key("n", "next", { publishedAt: 89 })],
      true,
    ],
    ["not old enough", [key("a", "active", { activatedAt: 1 }), n], false],
    ["next not known for long enough", [a, key("n", "next", { publishedAt: 90 })], false],
    ["no next key", [a], false],
    ["no active key", [n], false],
    ["another algorithm", [foreign, key("n", "next", { alg: "RS256" })], false],
  ] as const) {
    it(`is due for rotation: ${what}: ${due}`, () => assert.equal(isDue(keys, "ES256", 100, 100, 10), due));
  }
});
