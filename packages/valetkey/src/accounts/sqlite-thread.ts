/**
 * The thread that owns the directory's connection to the SQLite file: runs one statement after the other.
 *
 * Waiting for another process's lock and for the disk happens here, never on the event loop. The one property: what it
 * acknowledged is on disk, in the file that was opened and in no other. After any failure it gives up the connection
 * (closing rolls back), because a failed sync may have lost pages that the next one would report as written; of a
 * transaction that lost its connection nothing more runs.
 */

import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { createFile, fileIdentity, openForWriting } from "@valetkey/store/sqlite-file";

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

interface Connection {
  readonly database: DatabaseSync;
  readonly statements: Map<string, StatementSync>;
}

const statementsKept = 100;

function serve(file: string): void {
  const connect = (): Connection => ({ database: openForWriting(file), statements: new Map() });
  createFile(file);
  let connection: Connection | undefined = connect();
  const identity = fileIdentity(file);
  /** The transaction under way lost its connection: only its rollback is taken. */
  let broken = false;

  const disconnect = () => {
    const last = connection;
    connection = undefined;
    try {
      last?.database.close();
    } catch {
      // Nothing is lost with a connection that cannot even be closed.
    }
  };

  const execute = ({ id, sql, parameters }: Ask): Answer => {
    const rollback = sql === "rollback";
    if (rollback && !connection?.database.isTransaction) {
      broken = false;
      return { id, ok: true, rows: [] };
    }
    if (broken) throw new Error("The transaction has failed already.");
    if (fileIdentity(file) !== identity) throw new Error(`${file} was moved, replaced or deleted while in use.`);
    connection ??= connect();
    const statement = prepare(connection, sql);
    if (statement.columns().length > 0) return { id, ok: true, rows: statement.all(...parameters) };
    return { id, ok: true, rows: [], changes: statement.run(...parameters).changes };
  };

  const run = (ask: Ask): Answer => {
    try {
      return execute(ask);
    } catch (error) {
      broken ||= connection?.database.isTransaction === true;
      disconnect();
      return { id: ask.id, ok: false, message: error instanceof Error ? error.message : String(error) };
    }
  };

  parentPort?.on("message", (ask: Ask | "close") => {
    if (ask === "close") {
      disconnect();
      parentPort?.close();
    } else parentPort?.postMessage(run(ask));
  });
}

function prepare({ database, statements }: Connection, sql: string): StatementSync {
  const known = statements.get(sql);
  if (known) return known;
  const statement = database.prepare(sql);
  if (statements.size >= statementsKept) statements.clear();
  statements.set(sql, statement);
  return statement;
}

serve((workerData as { file: string }).file);
parentPort?.postMessage("open");
