/**
 * Conformance: what was put in comes back unchanged, until it expires, and is listed in order.
 */

import type { Json } from "../store.ts";
import { type Bench, insert, remove, replace, type Tools } from "./conformance-tools.ts";

export function entriesComeBack(bench: Bench, { describe, test, assert }: Tools): void {
  describe("get", () => {
    test("finds what was inserted, with version 1 and every field", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      const entry = { kind, id: "a", client: "c", subject: "s", expiresAt: bench.now() + 1000, data: { scope: ["x"] } };
      assert.equal(await store.commit([{ do: "insert", entry: { ...entry, version: 77 } }]), true);
      assert.deepEqual(await store.get(kind, "a"), { ...entry, version: 1 });
    });

    test("leaves out the fields that were not given", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      await store.commit([insert(kind, "a")]);
      assert.deepEqual(await store.get(kind, "a"), { kind, id: "a", version: 1, data: null });
    });

    test("finds nothing under an unknown id, another kind, or an id no store can hold", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      await store.commit([insert(kind, "a")]);
      for (const id of ["b", "A", "a ", "", "\u0000", "a\u0000", "\ud800", "a".repeat(513)]) {
        assert.equal(await store.get(kind, id), undefined, JSON.stringify(id));
      }
      assert.equal(await store.get(bench.kind(), "a"), undefined);
    });

    test("finds an entry until the millisecond before it expires", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      await store.commit([insert(kind, "a", { expiresAt: bench.now() + 1000 })]);
      bench.advance(999);
      assert.equal((await store.get(kind, "a"))?.id, "a");
      bench.advance(1);
      assert.equal(await store.get(kind, "a"), undefined);
    });

    test("answers many reads at once, each with its own entry", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      const ids = Array.from({ length: 60 }, (_, index) => `id-${index}`);
      await store.commit(ids.filter((_, index) => index % 3 > 0).map((id) => insert(kind, id, { data: id })));
      const found = await Promise.all([...ids, ...ids].map((id) => store.get(kind, id)));
      assert.deepEqual(
        found.map((entry) => entry?.data),
        [...ids, ...ids].map((id, index) => (index % 3 > 0 ? id : undefined)),
      );
    });

    test("takes ids, clients and subjects of the greatest length together", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      // Characters without a pattern, so that no backend can compress them.
      const text = (length: number) =>
        String.fromCodePoint(...Array.from({ length }, (_, n) => 0x4e00 + ((n * 7919 + length * 31) % 20_000)));
      const [id, client, subject] = [text(341), text(340), text(339)];
      assert.equal(await store.commit([insert(kind, id, { client, subject })]), true);
      assert.deepEqual(await store.list(kind, { client, subject }), [
        { kind, id, version: 1, client, subject, data: null },
      ]);
    });

    const values: Record<string, Json> = {
      null: null,
      "an empty string": "",
      "text of every plane": "a\u0000b\u0001\u007f\u2028é日本🔑\ud800",
      numbers: [0, -1, 0.1, 1e308, 5e-324, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
      truth: [true, false],
      nesting: { a: [{ b: [[], {}, [null]] }], "": { "\u0000": "'; drop table entry; --" } },
      "odd names": JSON.parse('{"__proto__": 1, "constructor": 2, "key with \\"quotes\\"": 3}'),
      "100 KB": "0123456789".repeat(10_000),
    };
    for (const [what, data] of Object.entries(values)) {
      test(`gives back data unchanged: ${what}`, async () => {
        const [store, kind] = [await bench.store(), bench.kind()];
        assert.equal(await store.commit([insert(kind, "a", { data })]), true);
        assert.deepEqual((await store.get(kind, "a"))?.data, data);
        assert.equal(await store.commit([replace(kind, "a", 1, { data: { again: data } })]), true);
        assert.deepEqual((await store.get(kind, "a"))?.data, { again: data });
      });
    }

    test("does not share data with its callers", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      const data = { list: ["kept"] };
      await store.commit([insert(kind, "a", { data })]);
      data.list.push("added later");
      const found = (await store.get(kind, "a"))?.data as { list: string[] };
      found.list.push("added to the answer");
      assert.deepEqual((await store.get(kind, "a"))?.data, { list: ["kept"] });
    });

    test("keeps ids apart that only look alike", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      const ids = [
        "a",
        "A",
        " a",
        "a ",
        "é",
        "e\u0301",
        "a\nb",
        "%",
        "_",
        "'",
        '"',
        "\\",
        "{a,b}",
        "日本",
        "🔑",
        "x".repeat(512),
      ];
      assert.equal(await store.commit(ids.map((id) => insert(kind, id, { data: id, client: id, subject: id }))), true);
      for (const id of ids) {
        assert.deepEqual(await store.get(kind, id), { kind, id, version: 1, client: id, subject: id, data: id });
        assert.deepEqual(
          (await store.list(kind, { subject: id })).map((entry) => entry.id),
          [id],
        );
      }
    });
  });

  describe("list", () => {
    test("lists live entries of one kind by client, subject, or both, in order of id", async () => {
      const [store, kind, other] = [await bench.store(), bench.kind(), bench.kind()];
      await store.commit([
        insert(kind, "d", { client: "c1", subject: "s1" }),
        insert(kind, "b", { client: "c1", subject: "s2" }),
        insert(kind, "c", { client: "c2", subject: "s1" }),
        insert(kind, "a"),
        insert(kind, "e", { client: "c1", subject: "s1", expiresAt: bench.now() + 10 }),
        insert(other, "f", { client: "c1", subject: "s1" }),
      ]);
      bench.advance(10);
      const ids = async (filter: Parameters<typeof store.list>[1]) =>
        (await store.list(kind, filter)).map((entry) => entry.id).join("");
      assert.equal(await ids({}), "abcd");
      assert.equal(await ids({ client: "c1" }), "bd");
      assert.equal(await ids({ subject: "s1" }), "cd");
      assert.equal(await ids({ client: "c1", subject: "s1" }), "d");
      assert.equal(await ids({ client: "c3" }), "");
      assert.equal(await ids({ client: "\u0000" }), "");
    });

    test("orders by code points, not by UTF-16 units or by a locale", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      const inOrder = ["-", "1", "10", "2", "B", "_", "a", "aa", "b", "é", "\uff5e", "🔑", "🔑a"];
      await store.commit([...inOrder].reverse().map((id) => insert(kind, id)));
      assert.deepEqual(
        (await store.list(kind, {})).map((entry) => entry.id),
        inOrder,
      );
    });

    test("pages: 100 unless told, 1000 at most, each after the last id of the page before", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      const ids = Array.from({ length: 1005 }, (_, index) => `${index}`.padStart(5, "0"));
      await store.commit(ids.map((id) => insert(kind, id, { subject: "s" })));
      assert.equal((await store.list(kind, {})).length, 100);
      assert.equal((await store.list(kind, { limit: 5000 })).length, 1000);
      const seen: string[] = [];
      for (let after: string | undefined; ; after = seen.at(-1)) {
        const page = await store.list(kind, { subject: "s", limit: 250, ...(after === undefined ? {} : { after }) });
        if (page.length === 0) break;
        seen.push(...page.map((entry) => entry.id));
      }
      assert.deepEqual(seen, ids);
      for (const limit of [0, -1, 1.5, Number.NaN]) await assert.rejects(store.list(kind, { limit }), TypeError);
    });

    test("shows an entry under its new owner after a replacement, and not at all after removal", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      await store.commit([insert(kind, "a", { subject: "s1", client: "c1" })]);
      await store.commit([replace(kind, "a", 1, { subject: "s2" })]);
      assert.deepEqual(await store.list(kind, { subject: "s1" }), []);
      assert.deepEqual(await store.list(kind, { client: "c1" }), []);
      assert.deepEqual(await store.list(kind, { subject: "s2" }), [
        { kind, id: "a", version: 2, subject: "s2", data: null },
      ]);
      await store.commit([remove(kind, "a", 2)]);
      assert.deepEqual(await store.list(kind, { subject: "s2" }), []);
    });
  });

  describe("sweep", () => {
    test("deletes what has expired, however much, and nothing else; counts it", async () => {
      const [store, kind] = [await bench.store(), bench.kind()];
      await store.sweep();
      const expiresAt = bench.now() + 10;
      await store.commit(Array.from({ length: 1001 }, (_, index) => insert(kind, `old-${index}`, { expiresAt })));
      await store.commit([insert(kind, "stays"), insert(kind, "stays-a-while", { expiresAt: expiresAt + 1 })]);
      assert.equal(await store.sweep(), 0);
      bench.advance(10);
      assert.equal(await store.sweep(), 1001);
      assert.equal(await store.sweep(), 0);
      assert.deepEqual(
        (await store.list(kind, {})).map((entry) => entry.id),
        ["stays", "stays-a-while"],
      );
    });
  });
}
