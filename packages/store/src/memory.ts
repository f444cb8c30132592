/**
 * The store in memory: for tests, for trials, for clients that need no memory beyond their process.
 *
 * It runs wherever JavaScript runs. A commit is judged and applied without a pause in between, so nothing can come
 * between the two: the one property is that it gives the same answers as the databases. Nothing survives the process.
 */

import { canExist, canMatch, pageSize, type Row, readChanges, readEntry, type Write } from "./lib/row.ts";
import type { Entry, Filter, OpenStore } from "./store.ts";

export interface MemoryOptions {
  /** The clock: milliseconds since the epoch. */
  readonly now?: () => number;
}

/**
 * Creates an empty store. Call `sweep` from time to time: expired entries take up memory until then. `close` does nothing:
 * it is there so that this store can stand wherever one of the databases can.
 */
export function memoryStore(options: MemoryOptions = {}): OpenStore {
  const now = options.now ?? Date.now;
  const kinds = new Map<string, Map<string, Row>>();

  const find = (kind: string, id: string, at: number): Row | undefined => {
    const row = kinds.get(kind)?.get(id);
    return row && isLive(row, at) ? row : undefined;
  };

  return {
    async get(kind, id) {
      const row = canExist(kind, id) ? find(kind, id, now()) : undefined;
      return row && readEntry(row);
    },

    async list(kind, filter) {
      const size = pageSize(filter);
      if (!canMatch(kind, filter)) return [];
      const at = now();
      const found = [...(kinds.get(kind)?.values() ?? [])].filter((row) => isLive(row, at) && matches(row, filter));
      return found
        .sort((a, b) => compareText(a.id, b.id))
        .slice(0, size)
        .map((row): Entry => readEntry(row));
    },

    async commit(changes) {
      const writes = readChanges(changes);
      const at = now();
      const holds = ({ do: verb, row }: Write) => {
        const current = find(row.kind, row.id, at);
        return verb === "insert" ? current === undefined : current?.version === row.version;
      };
      if (!writes.every(holds)) return false;
      for (const { do: verb, row } of writes) {
        const rows = kinds.get(row.kind) ?? new Map<string, Row>();
        kinds.set(row.kind, rows);
        if (verb === "insert") rows.set(row.id, row);
        if (verb === "replace") rows.set(row.id, { ...row, version: row.version + 1 });
        if (verb === "remove") rows.delete(row.id);
      }
      return true;
    },

    async sweep() {
      const at = now();
      let swept = 0;
      for (const rows of kinds.values()) {
        for (const row of rows.values()) {
          if (isLive(row, at)) continue;
          rows.delete(row.id);
          swept += 1;
        }
      }
      return swept;
    },

    async close() {},
  };
}

function isLive(row: Row, at: number): boolean {
  return row.expiresAt === null || row.expiresAt > at;
}

function matches(row: Row, filter: Filter): boolean {
  return (
    (filter.client === undefined || row.client === filter.client) &&
    (filter.subject === undefined || row.subject === filter.subject) &&
    (filter.after === undefined || compareText(row.id, filter.after) > 0)
  );
}

/** Orders by code points, as databases order the bytes of UTF-8; `<` orders by UTF-16 units, which differs. */
function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [unitA, unitB] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (unitA === unitB) continue;
    const [highA, highB] = [isSurrogate(unitA), isSurrogate(unitB)];
    return highA === highB ? unitA - unitB : highA ? 1 : -1;
  }
  return a.length - b.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}
