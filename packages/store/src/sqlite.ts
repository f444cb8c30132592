/**
 * The store in one SQLite file, for one process: no other program to run, and fast, because commits share transactions.
 *
 * Writes go to a thread of their own (`lib/sqlite-queue`), reads run at once on a read-only connection. The one
 * property: an acknowledged commit is on disk. A second process on the same file is safe (the file lock orders their
 * transactions, each waits up to 5 s), but the two slow each other down: for several processes use PostgreSQL.
 */

import { resolve as absolutePath } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { setInterval } from "node:timers";
import { listQuery } from "./lib/list-query.ts";
import { canExist, canMatch, pageSize, type Row, readChanges, readEntry } from "./lib/row.ts";
import { startWriter, type Writer } from "./lib/sqlite-queue.ts";
import { type Lookups, startLookups } from "./lib/sqlite-reader.ts";
import { fileIdentity, openForReading } from "./sqlite-file.ts";
import { type OpenStore, StoreUnavailable } from "./store.ts";

export interface SqliteOptions {
  /** Path of the database file. It is created (0600, its folder 0700) if it is not there. Other tables may live in it. */
  readonly file: string;
  /** The clock: milliseconds since the epoch. */
  readonly now?: () => number;
}

/** How often, in milliseconds, we look whether the file is still the one we opened. Writes look each time. */
const watchInterval = 1_000;

/**
 * Opens the file and resolves to its store. Rejects with `NewerSchema` when a newer version wrote it, and with an Error
 * that names the file when it cannot be created, is no database or cannot be written.
 */
export async function sqliteStore(options: SqliteOptions): Promise<OpenStore> {
  if (options.file === "" || options.file.startsWith(":") || options.file.startsWith("file:")) {
    throw new TypeError(`sqliteStore needs the path of a file, not ${JSON.stringify(options.file)}.`);
  }
  const file = absolutePath(options.file);
  const now = options.now ?? Date.now;
  const writer = await startWriter(file, now);
  let refusal: string | undefined;
  const { reader, lookups } = await openReader(file, writer, now, () => refusal);

  const watch = setInterval(() => {
    const gone = fileIdentity(file) !== writer.identity;
    refusal = gone ? `${file} was moved, replaced or deleted while in use.` : undefined;
  }, watchInterval);
  watch.unref();

  const read = <Value>(query: () => Value): Value => {
    if (refusal !== undefined) throw new StoreUnavailable(refusal);
    try {
      return query();
    } catch (cause) {
      throw new StoreUnavailable(`The database cannot be read: ${cause instanceof Error ? cause.message : cause}`, {
        cause,
      });
    }
  };

  return {
    async get(kind, id) {
      return canExist(kind, id) ? lookups.get(kind, id) : undefined;
    },

    async list(kind, filter) {
      pageSize(filter);
      if (!canMatch(kind, filter)) return [];
      const { text, values } = listQuery(kind, filter, now(), "?");
      const rows = read(() => reader.prepare(text).all(...values)) as unknown as Row[];
      return rows.map(readEntry);
    },

    async commit(changes) {
      const writes = readChanges(changes);
      if (refusal !== undefined) throw new StoreUnavailable(refusal);
      return writer.commit(writes);
    },

    async sweep() {
      if (refusal !== undefined) throw new StoreUnavailable(refusal);
      return writer.sweep();
    },

    async close() {
      clearInterval(watch);
      lookups.flush();
      refusal = "The store is closed.";
      // The reader first: the connection that closes last empties the write-ahead log into the file.
      if (reader.isOpen) reader.close();
      await writer.close();
    },
  };
}

/** Opens what answers look-ups. If that fails, the writing thread ends with it. */
async function openReader(
  file: string,
  writer: Writer,
  now: () => number,
  refusal: () => string | undefined,
): Promise<{ reader: DatabaseSync; lookups: Lookups }> {
  let reader: DatabaseSync | undefined;
  try {
    reader = openForReading(file);
    return { reader, lookups: startLookups(reader, now, refusal) };
  } catch (error) {
    reader?.close();
    await writer.close();
    throw error;
  }
}
