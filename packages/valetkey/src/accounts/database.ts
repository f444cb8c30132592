/**
 * The directory's database: ordinary typed tables in the same SQLite file or PostgreSQL database as the store.
 *
 * The one property: `run` either gives what the work gave, or says `StoreUnavailable` with the cause, so that callers
 * answer 503 and never mistake an outage for an unknown person.
 */

import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { StoreUnavailable } from "@valetkey/store";
import { type Dialect, Kysely, PostgresDialect } from "kysely";
import { migrate } from "./migrations.ts";
import { postgresPool } from "./postgres-pool.ts";
import { sqliteDialect } from "./sqlite-dialect.ts";
import { openReader } from "./sqlite-reader.ts";
import type { Row, Tables } from "./tables.ts";

export interface Database {
  /** Runs statements. A serialization failure or deadlock is tried again, at most three times in all. */
  run<T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T>;
  /** Finds one account. Every request with a token asks this, so SQLite answers it without a thread in between. */
  find(subject: string): Promise<Row | undefined>;
  close(): Promise<void>;
}

/** Where a database is: `file:./data/valetkey.db`, `postgres://…`. */
export type DatabasePlace =
  | { readonly kind: "sqlite"; readonly file: string }
  | { readonly kind: "postgres"; readonly url: string };

/** Reads a database URL; nothing if it is neither. A relative file is taken from the working folder. */
export function readDatabaseUrl(url: string): DatabasePlace | undefined {
  if (/^postgres(ql)?:\/\/./.test(url)) return URL.canParse(url) ? { kind: "postgres", url } : undefined;
  if (!url.startsWith("file:")) return undefined;
  const path = url.slice("file:".length);
  if (path === "" || path.startsWith(":") || path.includes("?")) return undefined;
  if (!path.startsWith("//")) return { kind: "sqlite", file: resolve(path) };
  try {
    return { kind: "sqlite", file: fileURLToPath(url) };
  } catch {
    return undefined;
  }
}

/**
 * Opens the database and brings its schema up to date. Rejects with `NewerSchema` if a newer version was here, otherwise
 * with the driver's own error.
 */
export async function openDatabase(url: string): Promise<Database> {
  const place = readDatabaseUrl(url);
  if (!place) throw new TypeError("The database is written as file:<path> or postgres://user:password@host/name.");
  const db = new Kysely<Tables>({ dialect: dialectOf(place) });
  try {
    await migrate(db);
    const reader = place.kind === "sqlite" ? openReader(place.file) : undefined;
    const bySubject = db.selectFrom("valetkey_account").selectAll().where("subject", "=", "").compile();
    return {
      run: (work) => attempt(() => work(db)),
      find: (subject) =>
        attempt(async (): Promise<Row | undefined> => {
          if (reader) return reader.find(subject);
          return (await db.executeQuery<Row>({ ...bySubject, parameters: [subject] })).rows[0];
        }),
      async close() {
        // The connection that closes last empties the write-ahead log: the one that writes.
        reader?.close();
        await db.destroy();
      },
    };
  } catch (error) {
    await db.destroy().catch(() => {});
    throw error;
  }
}

async function attempt<T>(work: () => Promise<T>): Promise<T> {
  for (let count = 1; ; count++) {
    try {
      return await work();
    } catch (cause) {
      const code = (cause as { code?: unknown }).code;
      // Serialization failure, deadlock: nothing was done, and trying again can work.
      if ((code === "40001" || code === "40P01") && count < 3) continue;
      throw new StoreUnavailable("The directory's database did not answer.", { cause });
    }
  }
}

function dialectOf(place: DatabasePlace): Dialect {
  return place.kind === "sqlite"
    ? sqliteDialect(place.file)
    : new PostgresDialect({ pool: () => postgresPool(place.url) });
}
