/**
 * Reads a database without changing it: is there one of ours, and may this version touch it.
 *
 * The one property: it only reads. Neither a file nor a table is made, and nothing is brought up to date.
 */

import { loadPg } from "@valetkey/store/postgres-pool";
import { checkSchemaVersion } from "@valetkey/store/schema-version";
import { readDatabaseUrl } from "../accounts/database.ts";
import { checkHistory, historyTable } from "../accounts/migrations.ts";
import { openToLook } from "./look-at-file.ts";

const patience = 5_000;

/** Asks the database with one statement. */
export type Query = (sql: string) => Promise<Record<string, unknown>[]>;

/** Opens a database to look at it. `tables`: the names of those it has. Rejects with the driver's error. */
export async function looking<T>(
  url: string,
  work: (query: Query, tables: ReadonlySet<unknown>) => Promise<T>,
): Promise<T> {
  const place = readDatabaseUrl(url);
  if (place === undefined) throw new TypeError("The database cannot be understood.");
  const start = async (query: Query, tables: string) =>
    work(query, new Set((await query(tables)).map(({ name }) => name)));
  if (place.kind === "sqlite") {
    const database = await openToLook(place.file);
    try {
      const query: Query = async (sql) => database.prepare(sql).all();
      return await start(query, "select name from sqlite_schema where type = 'table'");
    } finally {
      database.close();
    }
  }
  const { Client } = await loadPg();
  const client = new Client({
    connectionString: place.url,
    connectionTimeoutMillis: patience,
    query_timeout: patience,
  });
  client.on("error", () => {});
  await client.connect();
  try {
    const query: Query = async (sql) => (await client.query<Record<string, unknown>>(sql)).rows;
    return await start(query, "select tablename as name from pg_tables where schemaname = any(current_schemas(false))");
  } finally {
    await client.end().catch(() => {});
  }
}

/** Says whether the store's tables are there. Throws `NewerSchema` where a newer version was at work. */
export async function hasStore(query: Query, tables: ReadonlySet<unknown>): Promise<boolean> {
  if (tables.has(historyTable)) {
    checkHistory((await query(`select name from ${historyTable}`)).map(({ name }) => String(name)));
  }
  if (!tables.has("store_meta") || !tables.has("entry")) return false;
  const [version] = await query("select value from store_meta where name = 'schema_version'");
  checkSchemaVersion(Number(version?.value ?? 0), "This database");
  return true;
}
