/**
 * Conformance: when commits meet, one wins, the others are told, and nobody waits for ever.
 */

import { type Bench, insert, remove, replace, type Tools } from "./conformance-tools.ts";

export function racesHaveOneWinner(bench: Bench, { describe, test, assert }: Tools): void {
  const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);
  const winners = (results: readonly boolean[]) => results.filter(Boolean).length;

  describe("commits at the same time", () => {
    test("50 redeem one code: one wins, and only its tokens exist", async () => {
      const [store, kind, token] = [await bench.store(), bench.kind(), bench.kind()];
      await store.commit([insert(kind, "code")]);
      const results = await Promise.all(
        numbers(50).map((n) => store.commit([replace(kind, "code", 1, { data: n }), insert(token, `t-${n}`)])),
      );
      assert.equal(winners(results), 1);
      const winner = results.indexOf(true);
      assert.equal((await store.get(kind, "code"))?.data, winner);
      assert.deepEqual(
        (await store.list(token, {})).map((entry) => entry.id),
        [`t-${winner}`],
      );
    });

    test("50 insert one mark: one wins", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      const results = await Promise.all(numbers(50).map((n) => store.commit([insert(kind, "jti", { data: n })])));
      assert.equal(winners(results), 1);
      assert.equal((await store.get(kind, "jti"))?.data, results.indexOf(true));
    });

    test("50 take over an expired mark: one wins", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      await store.commit([insert(kind, "jti", { expiresAt: bench.now() })]);
      const results = await Promise.all(numbers(50).map((n) => store.commit([insert(kind, "jti", { data: n })])));
      assert.equal(winners(results), 1);
    });

    test("one replaces, another removes: one wins", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      const ids = numbers(20).map((n) => `${n}`);
      await store.commit(ids.map((id) => insert(kind, id)));
      const results = await Promise.all(
        ids.map((id) => Promise.all([store.commit([replace(kind, id, 1)]), store.commit([remove(kind, id, 1)])])),
      );
      for (const pair of results) assert.equal(winners(pair), 1);
      const left = (await store.list(kind, {})).length;
      assert.equal(left, results.filter(([replaced]) => replaced).length);
    });

    test("the same entries in opposite order: no deadlock, and no commit takes effect in part", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      await store.commit([insert(kind, "a", { data: 0 }), insert(kind, "b", { data: 0 })]);
      let won = 0;
      for (let round = 1; round <= 20; round++) {
        const changes = (n: number) => [replace(kind, "a", round, { data: n }), replace(kind, "b", round, { data: n })];
        const results = await Promise.all(
          numbers(8).map((n) => store.commit(n % 2 === 0 ? changes(n) : changes(n).reverse())),
        );
        won += winners(results);
        const [a, b] = [await store.get(kind, "a"), await store.get(kind, "b")];
        assert.deepEqual([a?.data, a?.version], [results.indexOf(true), round + 1]);
        assert.deepEqual([b?.data, b?.version], [results.indexOf(true), round + 1]);
      }
      assert.equal(won, 20);
    });

    test("new entries in opposite order: one of each pair wins", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      for (let round = 0; round < 20; round++) {
        const pair = [insert(kind, `${round}-a`), insert(kind, `${round}-b`)];
        const results = await Promise.all([store.commit(pair), store.commit([...pair].reverse())]);
        assert.equal(winners(results), 1);
      }
    });

    test("neighbours are judged alone: every second one fails, the others hold", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      await store.commit([insert(kind, "taken")]);
      const results = await Promise.all(
        numbers(100).map((n) =>
          store.commit([insert(kind, `n-${n}`), ...(n % 2 === 0 ? [insert(kind, "taken")] : [insert(kind, `m-${n}`)])]),
        ),
      );
      assert.deepEqual(
        results,
        numbers(100).map((n) => n % 2 === 1),
      );
      assert.equal((await store.list(kind, { limit: 1000 })).length, 101);
    });

    test("a mistake among neighbours is refused alone", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      const good = numbers(10).map((n) => store.commit([insert(kind, `n-${n}`)]));
      await assert.rejects(store.commit([insert(kind, "")]), TypeError);
      assert.equal(winners(await Promise.all(good)), 10);
    });

    test("what one commit did the next one sees, also when nobody waited in between", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      const counted = await Promise.all(
        numbers(10).map(async (n) => {
          await store.commit([insert(kind, `${n}`, { data: 0 })]);
          for (let version = 1; version <= 5; version++) {
            const seen = await store.get(kind, `${n}`);
            assert.equal(seen?.version, version);
            assert.equal(await store.commit([replace(kind, `${n}`, version, { data: version })]), true);
          }
          assert.equal(await store.commit([remove(kind, `${n}`, 6)]), true);
          return store.get(kind, `${n}`);
        }),
      );
      assert.deepEqual(
        counted,
        numbers(10).map(() => undefined),
      );
    });

    test("a counter with 20 who try again loses no count", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      await store.commit([insert(kind, "counter", { data: 0 })]);
      await Promise.all(
        numbers(20).map(async () => {
          for (;;) {
            const seen = await store.get(kind, "counter");
            if (!seen) throw new Error("the counter is gone");
            if (await store.commit([replace(kind, "counter", seen.version, { data: Number(seen.data) + 1 })])) return;
          }
        }),
      );
      assert.deepEqual(await store.get(kind, "counter"), { kind, id: "counter", version: 21, data: 20 });
    });

    test("sweeping meanwhile takes nothing that lives", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      await store.commit(numbers(300).map((n) => insert(kind, `n-${n}`, { expiresAt: bench.now() + 10 })));
      bench.advance(10);
      const [, ...results] = await Promise.all([
        store.sweep(),
        ...numbers(300).map((n) => store.commit([insert(kind, `n-${n}`, { data: "new" })])),
      ]);
      assert.equal(winners(results), 300);
      await store.sweep();
      assert.equal((await store.list(kind, { limit: 1000 })).length, 300);
    });
  });
}
