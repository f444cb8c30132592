/**
 * What the conformance tests work with: a test runner, assertions and fast-check, given from outside, and one store
 * with a clock that the tests move.
 */

import type fastCheck from "fast-check";
import type { Change, Entry, Store } from "../store.ts";

/** The tools of the tests, by the shape in which `node:test`, `node:assert/strict` and fast-check offer them. */
export interface Tools {
  readonly describe: (title: string, body: () => void) => unknown;
  readonly test: (title: string, body: () => Promise<void>) => unknown;
  readonly assert: {
    equal(actual: unknown, expected: unknown, message?: string): void;
    deepEqual(actual: unknown, expected: unknown, message?: string): void;
    rejects(promise: Promise<unknown>, expected: new (...values: never[]) => Error): Promise<void>;
  };
  readonly fc: typeof fastCheck;
}

export interface Bench {
  store(): Promise<Store>;
  now(): number;
  advance(milliseconds: number): void;
  /** A kind no other test uses. */
  kind(): string;
}

/** A change that inserts. */
export function insert(kind: string, id: string, more: Partial<Entry> = {}): Change {
  return { do: "insert", entry: { kind, id, version: 0, data: null, ...more } };
}

/** A change that replaces the entry at this version. */
export function replace(kind: string, id: string, version: number, more: Partial<Entry> = {}): Change {
  return { do: "replace", entry: { kind, id, version, data: null, ...more } };
}

/** A change that removes the entry at this version. */
export function remove(kind: string, id: string, version: number): Change {
  return { do: "remove", entry: { kind, id, version, data: null } };
}
