/**
 * Conformance: every change states what it expects; a commit happens as a whole or not at all.
 */

import type { Change } from "../store.ts";
import { type Bench, insert, remove, replace, type Tools } from "./conformance-tools.ts";

export function commitsAreAllOrNothing(bench: Bench, { describe, test, assert }: Tools): void {
  describe("commit", () => {
    test("inserts only where nothing is", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      assert.equal(await store.commit([insert(kind, "a", { data: 1 })]), true);
      assert.equal(await store.commit([insert(kind, "a", { data: 2 })]), false);
      assert.equal((await store.get(kind, "a"))?.data, 1);
    });

    test("replaces only the version that was seen, and counts it up", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      await store.commit([insert(kind, "a", { data: 1, client: "c", expiresAt: bench.now() + 5000 })]);
      for (const version of [0, 2, -1, 2 ** 40]) {
        assert.equal(await store.commit([replace(kind, "a", version)]), false, `version ${version}`);
      }
      assert.equal(await store.commit([replace(kind, "b", 1)]), false);
      assert.equal(await store.commit([replace(kind, "a", 1, { data: 2, subject: "s" })]), true);
      assert.deepEqual(await store.get(kind, "a"), { kind, id: "a", version: 2, subject: "s", data: 2 });
      assert.equal(await store.commit([replace(kind, "a", 1)]), false);
      assert.equal(await store.commit([replace(kind, "a", 2)]), true);
    });

    test("removes only the version that was seen; afterwards the id is free again", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      await store.commit([insert(kind, "a")]);
      assert.equal(await store.commit([remove(kind, "a", 2)]), false);
      assert.equal(await store.commit([remove(kind, "b", 1)]), false);
      assert.equal(await store.commit([remove(kind, "a", 1)]), true);
      assert.equal(await store.get(kind, "a"), undefined);
      assert.equal(await store.commit([remove(kind, "a", 1)]), false);
      assert.equal(await store.commit([insert(kind, "a", { data: "new" })]), true);
      assert.deepEqual(await store.get(kind, "a"), { kind, id: "a", version: 1, data: "new" });
    });

    test("takes an expired entry for absent, swept or not", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      const old = { expiresAt: bench.now() + 10, client: "c", subject: "s", data: "old" };
      await store.commit(["a", "b", "c"].map((id) => insert(kind, id, old)));
      assert.equal(await store.commit([insert(kind, "a")]), false);
      bench.advance(10);
      assert.equal(await store.commit([replace(kind, "b", 1)]), false);
      assert.equal(await store.commit([remove(kind, "c", 1)]), false);
      assert.equal(await store.commit([insert(kind, "a", { data: "new" })]), true);
      assert.deepEqual(await store.get(kind, "a"), { kind, id: "a", version: 1, data: "new" });
      assert.deepEqual(await store.list(kind, { client: "c" }), []);
      assert.equal(await store.commit([insert(kind, "b", { data: "one" }), insert(kind, "c", { data: "two" })]), true);
    });

    test("can extend the life of an entry, or end it", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      await store.commit([insert(kind, "a", { expiresAt: bench.now() + 10 })]);
      await store.commit([replace(kind, "a", 1, { expiresAt: bench.now() + 20 })]);
      bench.advance(15);
      assert.equal((await store.get(kind, "a"))?.version, 2);
      assert.equal(await store.commit([replace(kind, "a", 2, { expiresAt: bench.now() })]), true);
      assert.equal(await store.get(kind, "a"), undefined);
    });

    const position: Record<string, (good: Change[], bad: Change) => Change[]> = {
      first: (good, bad) => [bad, ...good],
      middle: ([head, ...tail], bad) => (head ? [head, bad, ...tail] : [bad]),
      last: (good, bad) => [...good, bad],
    };
    for (const [where, place] of Object.entries(position)) {
      test(`changes nothing when the ${where} expectation does not hold`, async () => {
        const [store, kind] = [await bench.store(), bench.kind()];
        const before = [
          insert(kind, "replaced", { data: 1 }),
          insert(kind, "removed", { data: 1 }),
          insert(kind, "there"),
        ];
        await store.commit(before);
        const good = [insert(kind, "new"), replace(kind, "replaced", 1, { data: 2 }), remove(kind, "removed", 1)];
        for (const bad of [
          insert(kind, "there"),
          replace(kind, "there", 2),
          remove(kind, "there", 2),
          remove(kind, "gone", 1),
        ]) {
          assert.equal(await store.commit(place(good, bad)), false, `${bad.do} ${bad.entry.id}`);
          assert.deepEqual(
            (await store.list(kind, {})).map(({ id, version, data }) => [id, version, data]),
            [
              ["removed", 1, 1],
              ["replaced", 1, 1],
              ["there", 1, null],
            ],
          );
        }
        assert.equal(await store.commit(good), true);
      });
    }

    test("spends a code and mints tokens in one act", async () => {
      const [store, kind, token] = [await bench.store(), bench.kind(), bench.kind()];
      await store.commit([insert(kind, "code", { data: { spent: false } })]);
      const redeem = (name: string) =>
        store.commit([
          replace(kind, "code", 1, { data: { spent: true } }),
          insert(token, `access-${name}`),
          insert(token, `refresh-${name}`),
        ]);
      assert.equal(await redeem("one"), true);
      assert.equal(await redeem("two"), false);
      assert.deepEqual(
        (await store.list(token, {})).map((entry) => entry.id),
        ["access-one", "refresh-one"],
      );
    });

    test("refuses what no caller can mean with a TypeError, and changes nothing", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      const mistakes: Record<string, Change[]> = {
        "no change": [],
        "an entry twice": [insert(kind, "a"), insert(kind, "b"), replace(kind, "a", 1)],
        "an empty id": [insert(kind, "ok"), insert(kind, "")],
        "a long id": [insert(kind, "ok"), insert(kind, "x".repeat(513))],
        "an id of many bytes": [insert(kind, "ok"), insert(kind, "日".repeat(342))],
        "a long client": [insert(kind, "ok", { client: "x".repeat(1025) })],
        "U+0000 in an id": [insert(kind, "ok"), insert(kind, "a\u0000")],
        "half a character in an id": [insert(kind, "ok"), insert(kind, "a\udc00")],
        "U+0000 in a subject": [insert(kind, "ok", { subject: "\u0000" })],
        "half a character in a client": [insert(kind, "ok", { client: "\ud800" })],
        "a kind in capitals": [insert(kind, "ok"), insert("Code", "a")],
        "a version that is no number": [insert(kind, "ok"), replace(kind, "a", Number.NaN)],
        "an expiry that is no number": [insert(kind, "ok", { expiresAt: Number.POSITIVE_INFINITY })],
        "data that is not JSON": [insert(kind, "ok"), insert(kind, "a", { data: (() => 1) as never })],
      };
      for (const changes of Object.values(mistakes)) await assert.rejects(store.commit(changes), TypeError);
      assert.deepEqual(await store.list(kind, {}), []);
    });
  });
}
