/**
 * The thread that writes to SQLite: waiting for the disk here never holds up the event loop of the server.
 *
 * It takes one group of commits at a time, runs them in one transaction and answers after COMMIT has reached the disk.
 * The one property: after any failure it gives up the connection and opens a new one before it acknowledges again,
 * because a failed fsync may have lost pages that the next one would report as written.
 */

import type { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { createFile, fileIdentity, openForWriting } from "../sqlite-file.ts";
import { NewerSchema } from "../store.ts";
import { type FlatWrites, unflatten } from "./flat-writes.ts";
import { type Changes, prepareChanges } from "./sqlite-changes.ts";
import { prepareSchema } from "./sqlite-schema.ts";

/** What this thread is told: a group of commits to run at time `at`, with a step of sweeping if asked for; or the end. */
export type Order = { readonly commits: FlatWrites; readonly at: number; readonly sweep: number } | "close";

/** What it answers: first `opened` or `failed`, then one `done` or `failed` for each order. */
export type Answer =
  | { readonly opened: string }
  | { readonly done: readonly boolean[]; readonly swept: number }
  | { readonly failed: string; readonly code?: string; readonly newer?: true };

const file = workerData as string;
const port = parentPort;
if (!port) throw new Error("This file runs as a worker thread.");
let open: { database: DatabaseSync; changes: Changes } | undefined;
let identity = "";

const answer = (message: Answer) => port.postMessage(message);

try {
  createFile(file);
  connect();
  identity = fileIdentity(file);
  answer({ opened: identity });
} catch (error) {
  answer(failure(error));
  port.close();
}

port.on("message", (order: Order) => {
  if (order === "close") {
    disconnect();
    port.close();
    return;
  }
  try {
    // Another file at our path means that nobody will ever see what we write to the one we hold.
    if (fileIdentity(file) !== identity) throw new Error(`${file} was moved, replaced or deleted while in use.`);
    const { database, changes } = open ?? connect();
    // IMMEDIATE: a transaction that reads first and writes later can fail without waiting when another process wrote.
    database.exec("begin immediate");
    const done = changes.apply(unflatten(order.commits), order.at);
    const swept = order.sweep > 0 ? changes.sweep(order.at, order.sweep) : 0;
    database.exec("commit");
    answer({ done, swept });
  } catch (error) {
    disconnect();
    answer(failure(error));
  }
});

function connect(): { database: DatabaseSync; changes: Changes } {
  const database = openForWriting(file);
  try {
    prepareSchema(database, file);
    open = { database, changes: prepareChanges(database) };
    return open;
  } catch (error) {
    database.close();
    throw error;
  }
}

function disconnect(): void {
  const last = open;
  open = undefined;
  try {
    // Closing rolls back what is not committed.
    last?.database.close();
  } catch {
    // Nothing is lost with a connection that cannot even be closed.
  }
}

function failure(error: unknown): Answer {
  if (!(error instanceof Error)) return { failed: String(error) };
  if (error instanceof NewerSchema) return { failed: error.message, newer: true };
  const code = "errcode" in error ? `SQLITE_${error.errcode}` : (error as NodeJS.ErrnoException).code;
  return { failed: error.message, ...(code === undefined ? {} : { code }) };
}
