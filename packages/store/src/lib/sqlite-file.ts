/**
 * Opens the SQLite file: creates it with tight permissions, sets it up for durable commits, knows it again later.
 *
 * The one property: a connection from here keeps what it acknowledged (write-ahead log, `synchronous = FULL`), and it
 * never works on a schema it does not know. Backups: use `VACUUM INTO` or SQLite's backup; a plain copy of the file
 * without its `-wal` is not a backup.
 */

import { closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

const schemaVersion = 1;

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

/** Creates the file (0600) and its folder (0700) unless they are there. Permissions of what is there stay as they are. */
export function createFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  try {
    // Exclusively: closing a file that SQLite has open elsewhere in this process would drop SQLite's locks on it.
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** Names the file that is at this path now; another one, or none, gives another name. */
export function fileIdentity(file: string): string {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  return found ? `${found.dev}:${found.ino}` : "nothing";
}

/** Opens the connection that writes, and brings the schema up to date. */
export function openForWriting(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 5_000 });
  try {
    const mode = database.prepare("pragma journal_mode = wal").get()?.journal_mode;
    if (mode !== "wal") throw new Error(`${file}: this file system cannot hold SQLite's write-ahead log (${mode}).`);
    // A long reader elsewhere can make the log grow: give the space back afterwards. On macOS plain fsync does not
    // reach the disk.
    database.exec(`
      pragma synchronous = full;
      pragma fullfsync = on;
      pragma checkpoint_fullfsync = on;
      pragma journal_size_limit = 67108864;
      pragma cache_size = -8000;
      pragma temp_store = memory;
    `);
    prepareSchema(database, file);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Opens a connection that only reads. The file must have been opened for writing before. */
export function openForReading(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 250 });
  database.exec("pragma cache_size = -8000");
  return database;
}

function prepareSchema(database: DatabaseSync, file: string): void {
  const current = readSchemaVersion(database);
  if (current > schemaVersion) {
    throw new Error(
      `${file} was written by a newer version of Valetkey (store schema ${current}; this one knows ${schemaVersion}). ` +
        "Start the newer version, or restore a backup from before the upgrade.",
    );
  }
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
