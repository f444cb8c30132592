/**
 * What every store must do, as tests: run it against your own backend to know that it may stand behind the provider.
 *
 * It imports no test runner; give it yours. The one property it is about: a lost race is reported, and what was not
 * promised to happen left no trace.
 *
 * @example
 *   import assert from "node:assert/strict";
 *   import { describe, test } from "node:test";
 *   import fc from "fast-check";
 *   import { storeConformance } from "@valetkey/store/conformance";
 *   import { memoryStore } from "@valetkey/store/memory";
 *
 *   storeConformance({
 *     name: "memory",
 *     async open(now) {
 *       const store = memoryStore({ now });
 *       return { store, close: () => store.close() };
 *     },
 *     tools: { describe, test, assert, fc },
 *   });
 */

import { commitsAreAllOrNothing } from "./lib/conformance-commits.ts";
import { entriesComeBack } from "./lib/conformance-entries.ts";
import { historiesMatchModel } from "./lib/conformance-histories.ts";
import { racesHaveOneWinner } from "./lib/conformance-races.ts";
import type { Bench, Tools } from "./lib/conformance-tools.ts";
import type { Store } from "./store.ts";

export type { Tools } from "./lib/conformance-tools.ts";

export interface Candidate {
  /** Title of the tests. */
  readonly name: string;
  /** Opens an empty store that reads the time from `now`, which the tests move. */
  open(now: () => number): Promise<{ readonly store: Store; close(): Promise<void> }>;
  /** `describe` and `test` of `node:test` (or alike), `node:assert/strict`, and fast-check's default export. */
  readonly tools: Tools;
}

/** Declares the tests. */
export function storeConformance({ name, open, tools }: Candidate): void {
  const { describe, test } = tools;
  // The clock starts in the past, so that a backend which reads another clock than the one it was given is found out.
  let time = Date.UTC(2001, 0, 1);
  let kinds = 0;
  let opened: Promise<{ store: Store; close(): Promise<void> }> | undefined;
  const bench: Bench = {
    store: async () => {
      opened ??= open(() => time);
      return (await opened).store;
    },
    now: () => time,
    advance: (milliseconds) => {
      time += milliseconds;
    },
    // One store serves all tests: each keeps to kinds of its own.
    kind: () => {
      kinds += 1;
      return `kind-${kinds}`;
    },
  };
  describe(`${name}: a store`, () => {
    entriesComeBack(bench, tools);
    commitsAreAllOrNothing(bench, tools);
    racesHaveOneWinner(bench, tools);
    historiesMatchModel(bench, tools);
    test("lets go when it is closed", async () => {
      await (await opened)?.close();
    });
  });
}
