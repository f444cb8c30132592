/**
 * The store: what must be remembered, behind four methods.
 *
 * Codes, tokens, sessions, interactions and marks differ in payload, not in storage: an entry of some kind, under an id,
 * until a time, belonging to a client and a subject. Every change states what it expects to find, and a commit is all or
 * nothing. The one property every backend guarantees: a lost race is reported, never papered over.
 */

/** A JSON value: what `Entry.data` may hold, and what comes back from every backend unchanged. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json | undefined };

/** One remembered thing. */
export interface Entry<Data = Json> {
  /** What it is, e.g. `code`, `refresh`, `grant`. Lower-case letters, digits and `-`. */
  readonly kind: string;
  /** Its key within the kind. At most 512 characters. */
  readonly id: string;
  /** 1 when inserted, one more with each replacement. A `replace` or `remove` expects exactly the version it saw. */
  readonly version: number;
  /** `client_id` it belongs to, for listing. */
  readonly client?: string;
  /** Subject it belongs to, for listing. */
  readonly subject?: string;
  /** Milliseconds since the epoch from which on it counts as absent. Without it the entry stays until it is removed. */
  readonly expiresAt?: number;
  readonly data: Data;
}

/** An entry as it is to be written: a replacement takes the version that was seen; the store counts it up. */
export interface Change {
  /**
   * `insert` expects that no live entry has this kind and id (an expired one counts as absent);
   * `replace` and `remove` expect a live entry with exactly `entry.version`.
   */
  readonly do: "insert" | "replace" | "remove";
  /** For `insert` the version is ignored and becomes 1; for `replace` the stored version becomes `entry.version + 1`. */
  readonly entry: Entry;
}

/** Which live entries to list: all of a kind, or those of a subject, a client, or both; in order of id. */
export interface Filter {
  readonly client?: string;
  readonly subject?: string;
  /** Only ids after this one: the last id of the page before. */
  readonly after?: string;
  /** At most this many entries; 100 unless told, 1000 at most. */
  readonly limit?: number;
}

/**
 * Remembers entries.
 *
 * Every method rejects with `StoreUnavailable` when the backend cannot answer (busy, full, gone, corrupt):
 * the caller answers 503, never "unknown". An acknowledged commit is durable.
 */
export interface Store {
  /** Finds a live entry: `undefined` if there is none or `expiresAt` has passed. */
  get(kind: string, id: string): Promise<Entry | undefined>;
  /** Lists live entries of one kind in order of id. */
  list(kind: string, filter: Filter): Promise<Entry[]>;
  /** Applies all changes or none. `false`: some expectation did not hold, and nothing was changed. */
  commit(changes: readonly Change[]): Promise<boolean>;
  /** Deletes what has expired, in bounded batches; resolves to how many entries went. */
  sweep(): Promise<number>;
}

/** A store that holds resources of the process (files, connections, threads) until it is closed. */
export interface OpenStore extends Store {
  /**
   * Waits for commits under way, then lets go of everything. Later calls reject with `StoreUnavailable`, unless there was
   * nothing to let go of (memory).
   */
  close(): Promise<void>;
}

/** The backend could not answer. `cause` says why, for the log; a caller may try again after `retryAfter` seconds. */
export class StoreUnavailable extends Error {
  override readonly name = "StoreUnavailable";
  readonly retryAfter: number;
  constructor(message: string, options: { cause?: unknown; retryAfter?: number } = {}) {
    super(message, { cause: options.cause });
    this.retryAfter = options.retryAfter ?? 1;
  }
}

/** A newer version of Valetkey has changed this database in ways this version does not know: it is left alone. */
export class NewerSchema extends Error {
  override readonly name = "NewerSchema";
}
