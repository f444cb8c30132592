/**
 * A cache of so many entries, each until its time.
 *
 * Guarantees its bound: the entry that was used longest ago makes room for a new one.
 */

export interface BoundedCache<Value> {
  /** Finds what was kept, unless its time (milliseconds since the epoch) is over. */
  get(key: string, now: number): Value | undefined;
  set(key: string, value: Value, until: number): void;
  delete(key: string): void;
}

/** Creates a cache of at least one entry. */
export function createBoundedCache<Value>(entries: number): BoundedCache<Value> {
  const kept = new Map<string, { readonly value: Value; readonly until: number }>();
  return {
    get(key, now) {
      const found = kept.get(key);
      if (found === undefined) return undefined;
      kept.delete(key);
      if (found.until <= now) return undefined;
      // Back in at the end: the order of a Map is that of insertion.
      kept.set(key, found);
      return found.value;
    },
    set(key, value, until) {
      kept.delete(key);
      if (kept.size >= entries) kept.delete(kept.keys().next().value ?? "");
      kept.set(key, { value, until });
    },
    delete: (key) => void kept.delete(key),
  };
}
