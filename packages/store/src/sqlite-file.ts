/**
 * Opens a SQLite file: creates it with tight permissions, sets it up for durable commits, knows it again later.
 *
 * For the store and for whoever keeps tables of their own in the same file. The one property: a connection from here
 * keeps what it acknowledged (write-ahead log, `synchronous = FULL`). Backups: use `VACUUM INTO` or SQLite's backup; a
 * plain copy of the file without its `-wal` is not a backup.
 */

import { closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

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

/**
 * Opens a connection that writes; it waits at most 5 s for another process's lock. Throws SQLite's error for a file that
 * cannot be written or is no database. After any failed write close it and open a new one before the next: a failed sync
 * may have lost pages which the next sync would report as written.
 */
export function openForWriting(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 5_000 });
  try {
    const mode = switchToLog(database);
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
    // A file that cannot be written is refused now, not at the first commit.
    database.exec("begin immediate; rollback");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Switches to the write-ahead log. While another process does the same to a new file, SQLite refuses at once instead of waiting. */
function switchToLog(database: DatabaseSync): unknown {
  const last = Date.now() + 5_000;
  for (;;) {
    try {
      return database.prepare("pragma journal_mode = wal").get()?.journal_mode;
    } catch (error) {
      const isBusy = ((error as { errcode?: number }).errcode ?? 0) % 256 === 5;
      if (!isBusy || Date.now() >= last) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

/** Opens a connection that only reads. The file must have been opened for writing before. */
export function openForReading(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 250 });
  database.exec("pragma cache_size = -8000");
  return database;
}
