/**
 * The tables in PostgreSQL, created once however many servers start at the same time.
 *
 * Text is compared byte by byte (`collate "C"`): the order of ids must not depend on a locale. The one property: a
 * schema written by a newer version is refused before anything is read or written.
 */

import type { PoolClient } from "pg";
import { schemaVersion } from "../schema-version.ts";

const schema = `
create table if not exists entry (
  kind text collate "C" not null,
  id text collate "C" not null,
  version integer not null,
  client text collate "C",
  subject text collate "C",
  expires_at double precision,
  data text not null,
  primary key (kind, id)
);
create index if not exists entry_by_subject on entry (kind, subject, id) where subject is not null;
create index if not exists entry_by_client on entry (kind, client, id) where client is not null;
create index if not exists entry_by_expiry on entry (expires_at) where expires_at is not null;
create table if not exists store_meta (name text primary key, value text not null);
insert into store_meta values ('schema_version', '${schemaVersion}') on conflict do nothing;
`;

/** The number says nothing; it only has to be ours. */
const schemaLock = 7_160_382_194;

/** Creates what is missing. Resolves to the version of the tables, which may be one this version does not know. */
export async function prepareSchema(client: PoolClient): Promise<number> {
  await client.query("begin");
  await client.query("select pg_advisory_xact_lock($1)", [schemaLock]);
  const { rows } = await client.query<{ there: string | null }>("select to_regclass('store_meta')::text as there");
  if (!rows[0]?.there) await client.query(schema);
  const found = await client.query<{ value: string }>("select value from store_meta where name = 'schema_version'");
  await client.query("commit");
  return Number(found.rows[0]?.value ?? 0);
}
