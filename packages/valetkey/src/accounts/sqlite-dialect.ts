/**
 * Kysely over `node:sqlite` in a thread of its own (`sqlite-thread.ts`).
 *
 * The one property: transactions of this process never interleave. The thread has one connection, and whoever holds it
 * holds it alone; transactions begin as writers (`begin immediate`), so none fails half-way because another process wrote.
 */

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import type { Answer, Ask } from "./sqlite-thread.ts";

/** Statements in, rows out, in order. */
interface Thread {
  run(sql: string, parameters: readonly unknown[]): Promise<QueryResult<unknown>>;
  close(): Promise<void>;
}

/** Makes the dialect for a file. The thread starts with the first statement. */
export function sqliteDialect(file: string): Dialect {
  return {
    createAdapter: () => new TransactionalSchema(),
    createDriver: () => driver(file),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

/** SQLite can change a schema inside a transaction: a migration is then all or nothing, for one process at a time. */
class TransactionalSchema extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

function driver(file: string): Driver {
  let thread: Thread | undefined;
  let free: Promise<void> = Promise.resolve();
  let release = () => {};

  const connection: DatabaseConnection = {
    async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
      if (!thread) throw new Error("The database is closed.");
      return (await thread.run(query.sql, query.parameters)) as QueryResult<Row>;
    },
    async *streamQuery() {
      yield Promise.reject(new Error("The directory does not stream."));
    },
  };
  const run = async (sql: string) => void (await connection.executeQuery(CompiledQuery.raw(sql)));

  return {
    async init() {
      thread = await startThread(file);
    },
    async acquireConnection() {
      const before = free;
      const held = Promise.withResolvers<void>();
      free = held.promise;
      await before;
      release = held.resolve;
      return connection;
    },
    async releaseConnection() {
      release();
    },
    beginTransaction: () => run("begin immediate"),
    commitTransaction: () => run("commit"),
    rollbackTransaction: () => run("rollback"),
    async destroy() {
      await free;
      await thread?.close();
      thread = undefined;
    },
  };
}

async function startThread(file: string): Promise<Thread> {
  const worker = new Worker(new URL("./sqlite-thread.js", import.meta.url), { workerData: { file } });
  // Rejects with the thread's own error when the file cannot be opened.
  await once(worker, "message");
  const waiting = new Map<number, PromiseWithResolvers<QueryResult<unknown>>>();
  let asked = 0;
  let ended: Error | undefined;

  const fail = (error: Error) => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  worker.on("error", fail);
  worker.on("exit", () => fail(new Error("The database is closed.")));
  worker.on("message", (answer: Answer) => {
    const asker = waiting.get(answer.id);
    waiting.delete(answer.id);
    // An idle connection does not keep the process running; one that owes an answer does.
    if (waiting.size === 0) worker.unref();
    if (!answer.ok) asker?.reject(new Error(answer.message));
    else
      asker?.resolve({
        rows: answer.rows,
        ...(answer.changes === undefined ? {} : { numAffectedRows: BigInt(answer.changes) }),
      });
  });
  worker.unref();

  return {
    run(sql, parameters) {
      if (ended) return Promise.reject(ended);
      const asker = Promise.withResolvers<QueryResult<unknown>>();
      const id = ++asked;
      waiting.set(id, asker);
      worker.ref();
      worker.postMessage({ id, sql, parameters: parameters as Ask["parameters"] } satisfies Ask);
      return asker.promise;
    },
    async close() {
      if (ended) return;
      worker.ref();
      const gone = once(worker, "exit");
      worker.postMessage("close");
      await gone;
    },
  };
}
