/**
 * The store's tables in SQLite: made when they are missing, left alone when a newer version has changed them.
 */

import type { DatabaseSync } from "node:sqlite";
import { checkSchemaVersion, schemaVersion } from "../schema-version.ts";

const schema = `
create table if not exists entry (
  kind text not null,
  id text not null,
  version integer not null,
  client text,
  subject text,
  expires_at real,
  data text not null,
  primary key (kind, id)
) strict, without rowid;
create index if not exists entry_by_subject on entry (kind, subject, id) where subject is not null;
create index if not exists entry_by_client on entry (kind, client, id) where client is not null;
create index if not exists entry_by_expiry on entry (expires_at) where expires_at is not null;
create table if not exists store_meta (name text primary key, value text not null) strict, without rowid;
insert or ignore into store_meta values ('schema_version', '${schemaVersion}');
`;

/** Brings the tables up to date. Throws `NewerSchema`. */
export function prepareSchema(database: DatabaseSync, file: string): void {
  const current = readSchemaVersion(database);
  checkSchemaVersion(current, file);
  if (current === schemaVersion) return;
  database.exec("begin immediate");
  database.exec(schema);
  database.exec("commit");
}

function readSchemaVersion(database: DatabaseSync): number {
  const table = database.prepare("select 1 from sqlite_schema where type = 'table' and name = 'store_meta'").get();
  if (!table) return 0;
  const row = database.prepare("select value from store_meta where name = 'schema_version'").get();
  return Number(row?.value ?? 0);
}
