/**
 * The thread that owns the directory's connection to the SQLite file: runs one statement after the other.
 *
 * Waiting for another process's lock and for the disk happens here, never on the event loop. The one property: what it
 * acknowledged is on disk (write-ahead log, `synchronous = FULL`), in the file that was opened and in no other.
 */

import { closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";

/** A statement to run. `id` comes back in the answer. */
export interface Ask {
  readonly id: number;
  readonly sql: string;
  readonly parameters: readonly SQLInputValue[];
}

/** How a statement ended. */
export type Answer =
  | { readonly id: number; readonly ok: true; readonly rows: unknown[]; readonly changes?: number | bigint }
  | { readonly id: number; readonly ok: false; readonly message: string };

const statementsKept = 100;

function open(file: string): DatabaseSync {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  try {
    // Exclusively: closing a file SQLite has open elsewhere in this process would drop SQLite's locks on it.
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const database = new DatabaseSync(file, { timeout: 5_000 });
  database.exec("pragma journal_mode = wal; pragma synchronous = full; pragma fullfsync = on");
  // A file that cannot be written is refused now, not at the first sign-up.
  database.exec("begin immediate; rollback");
  return database;
}

function serve(file: string): void {
  const database = open(file);
  const identity = fileIdentity(file);
  const statements = new Map<string, StatementSync>();

  const prepare = (sql: string): StatementSync => {
    const known = statements.get(sql);
    if (known) return known;
    const statement = database.prepare(sql);
    if (statements.size >= statementsKept) statements.clear();
    statements.set(sql, statement);
    return statement;
  };

  const run = ({ id, sql, parameters }: Ask): Answer => {
    try {
      if (fileIdentity(file) !== identity) throw new Error(`${file} was moved, replaced or deleted while in use.`);
      const statement = prepare(sql);
      if (statement.columns().length > 0) return { id, ok: true, rows: statement.all(...parameters) };
      return { id, ok: true, rows: [], changes: statement.run(...parameters).changes };
    } catch (error) {
      return { id, ok: false, message: error instanceof Error ? error.message : String(error) };
    }
  };

  parentPort?.on("message", (ask: Ask | "close") => {
    if (ask === "close") {
      database.close();
      parentPort?.close();
    } else parentPort?.postMessage(run(ask));
  });
}

function fileIdentity(file: string): string {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  return found ? `${found.dev}:${found.ino}` : "nothing";
}

serve((workerData as { file: string }).file);
parentPort?.postMessage("open");
