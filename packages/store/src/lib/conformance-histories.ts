/**
 * Conformance: random histories of commits, reads, lists, sweeps and time passing agree with a model of twenty lines.
 */

import type fastCheck from "fast-check";
import type { Change, Entry, Json, Store } from "../store.ts";
import { type Bench, insert, remove, replace, type Tools } from "./conformance-tools.ts";

interface Real {
  readonly store: Store;
  readonly bench: Bench;
  readonly kind: string;
}

/** The model: all entries ever put in, by id; the clock is the bench's. */
type Model = Map<string, Entry>;

type Command = fastCheck.AsyncCommand<Model, Real>;

/** Drawn numbers say which version a change expects: the current one most of the time. */
interface Step {
  readonly do: Change["do"];
  readonly id: string;
  readonly stale: boolean;
  readonly life: number | undefined;
  readonly owner: string | undefined;
  readonly data: Json;
}

export function historiesMatchModel(bench: Bench, { describe, test, assert, fc }: Tools): void {
  const live = (model: Model, id: string): Entry | undefined => {
    const entry = model.get(id);
    return entry && (entry.expiresAt === undefined || entry.expiresAt > bench.now()) ? entry : undefined;
  };

  const commit = (steps: readonly Step[]): Command => ({
    check: () => true,
    toString: () => `commit(${JSON.stringify(steps)})`,
    async run(model, { store, kind }) {
      const changes = steps.map((step): Change => {
        const version = (live(model, step.id)?.version ?? 1) + (step.stale ? 1 : 0);
        const more = {
          data: step.data,
          ...(step.life === undefined ? {} : { expiresAt: bench.now() + step.life }),
          ...(step.owner === undefined ? {} : { client: step.owner, subject: step.owner }),
        };
        if (step.do === "insert") return insert(kind, step.id, more);
        return step.do === "replace" ? replace(kind, step.id, version, more) : remove(kind, step.id, version);
      });
      const holds = changes.every(({ do: verb, entry }) => {
        const current = live(model, entry.id);
        return verb === "insert" ? !current : current?.version === entry.version;
      });
      assert.equal(await store.commit(changes), holds);
      if (!holds) return;
      for (const { do: verb, entry } of changes) {
        if (verb === "remove") model.delete(entry.id);
        else model.set(entry.id, { ...entry, version: verb === "insert" ? 1 : entry.version + 1 });
      }
    },
  });

  const get = (id: string): Command => ({
    check: () => true,
    toString: () => `get(${id})`,
    async run(model, { store, kind }) {
      assert.deepEqual(await store.get(kind, id), live(model, id));
    },
  });

  const list = (filter: { subject?: string; client?: string; after?: string; limit: number }): Command => ({
    check: () => true,
    toString: () => `list(${JSON.stringify(filter)})`,
    async run(model, { store, kind }) {
      const expected = [...model.keys()]
        .sort()
        .map((id) => live(model, id))
        .filter((entry) => entry !== undefined)
        .filter((entry) => filter.subject === undefined || entry.subject === filter.subject)
        .filter((entry) => filter.client === undefined || entry.client === filter.client)
        .filter((entry) => filter.after === undefined || entry.id > filter.after)
        .slice(0, filter.limit);
      assert.deepEqual(await store.list(kind, filter), expected);
    },
  });

  const sweep: Command = {
    check: () => true,
    toString: () => "sweep",
    async run(_model, { store }) {
      await store.sweep();
    },
  };

  const pass = (milliseconds: number): Command => ({
    check: () => true,
    toString: () => `pass(${milliseconds})`,
    async run() {
      bench.advance(milliseconds);
    },
  });

  // Few ids and owners, so that histories meet themselves.
  const id = fc.constantFrom("a", "b", "c", "d");
  const owner = fc.constantFrom("p", "q");
  const step = fc.record({
    do: fc.constantFrom("insert", "insert", "replace", "remove"),
    id,
    stale: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
    life: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }),
    owner: fc.option(owner, { nil: undefined }),
    data: fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as Json),
  }) as fastCheck.Arbitrary<Step>;
  const commands = [
    fc.uniqueArray(step, { minLength: 1, maxLength: 4, selector: (one) => one.id }).map(commit),
    id.map(get),
    fc
      .record(
        { subject: owner, client: owner, after: id, limit: fc.integer({ min: 1, max: 5 }) },
        { requiredKeys: ["limit"] },
      )
      .map(list),
    fc.constant(sweep),
    fc.integer({ min: 1, max: 4 }).map(pass),
  ];

  describe("histories", () => {
    test("agree with the model", async () => {
      const store = await bench.store();
      await fc.assert(
        fc.asyncProperty(fc.commands(commands, { maxCommands: 40 }), async (history) => {
          const kind = bench.kind();
          await fc.asyncModelRun(() => ({ model: new Map<string, Entry>(), real: { store, bench, kind } }), history);
        }),
        { numRuns: 40 },
      );
    });
  });
}
