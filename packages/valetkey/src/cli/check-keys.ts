/**
 * Looks at tables and signing keys without changing them: of a version we know, and readable with the secret we have.
 *
 * The one property: it only reads. Tables, keys and the secret that are not there yet are left to the first start.
 */

import { createKeys } from "@valetkey/provider/keys";
import { type Entry, type Json, NewerSchema, type Store } from "@valetkey/store";
import { checkSchemaVersion } from "@valetkey/store/schema-version";
import pg from "pg";
import { readDatabaseUrl } from "../accounts/database.ts";
import { checkHistory, historyTable } from "../accounts/migrations.ts";
import { signingKeys } from "../config-checks.ts";
import { readSecret, secretPath } from "../secret-file.ts";
import type { Settings } from "../settings.ts";
import type { Check } from "./doctor.ts";
import { openToLook } from "./look-at-file.ts";

const patience = 5_000;

/** Checks the tables and the keys in a database that can be reached. */
export async function checkKeys(settings: Settings): Promise<Check> {
  const { database } = settings;
  try {
    const keyring = await reading(database, readKeyring);
    if (keyring === undefined) return { name: "keys", status: "note", detail: "none yet; the first start makes them" };
    const secret = settings.secret ?? (await readSecret(database));
    if (secret === undefined)
      return problem(`${secretPath(database)} is not there, and the keys cannot be read without it`);
    const { keys } = await createKeys({ ...signingKeys, store: holding(keyring), secret }).published();
    return { name: "keys", status: "ok", detail: `${keys.length} published` };
  } catch (error) {
    if (error instanceof KeysIncomplete)
      return { name: "keys", status: "note", detail: "some are missing; the next start makes them" };
    const detail = error instanceof Error ? error.message : String(error);
    if (!(error instanceof NewerSchema)) return problem(detail);
    return { name: "database", status: "problem", detail, fix: "start the newer version, or restore a backup" };
  }
}

type Query = (sql: string) => Promise<Record<string, unknown>[]>;

async function readKeyring(query: Query, tables: ReadonlySet<unknown>): Promise<Entry | undefined> {
  if (tables.has(historyTable)) {
    checkHistory((await query(`select name from ${historyTable}`)).map(({ name }) => String(name)));
  }
  if (!tables.has("store_meta") || !tables.has("entry")) return undefined;
  const [version] = await query("select value from store_meta where name = 'schema_version'");
  checkSchemaVersion(Number(version?.value ?? 0), "This database");
  const [row] = await query("select version, data from entry where kind = 'keyring' and id = 'main'");
  if (row === undefined) return undefined;
  return { kind: "keyring", id: "main", version: Number(row.version), data: JSON.parse(String(row.data)) as Json };
}

async function reading<T>(url: string, work: (query: Query, tables: ReadonlySet<unknown>) => Promise<T>): Promise<T> {
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
  const client = new pg.Client({
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

class KeysIncomplete extends Error {}

/** A store with one entry that takes nothing: keys that would be made are only said to be missing. */
function holding(entry: Entry): Store {
  return {
    get: async (kind, id) => (kind === entry.kind && id === entry.id ? entry : undefined),
    list: async () => [],
    commit: async () => {
      throw new KeysIncomplete();
    },
    sweep: async () => 0,
  };
}

function problem(detail: string): Check {
  const fix = "set VALETKEY_SECRET to the secret this database was made with";
  return { name: "keys", status: "problem", detail, fix };
}
