/**
 * Connections to PostgreSQL that are never waited on for long and never trusted after a failure.
 *
 * The one property: a server that is gone, silent or has become a read-only standby costs a caller at most the time
 * limits below, and its connections are all replaced, so that the next attempt finds whoever serves the address now.
 */

import type { Pool, PoolClient, PoolConfig } from "pg";
import { StoreUnavailable } from "../store.ts";

/** Milliseconds. The server gives up first, so that most slow statements end with a clear error. */
const limits = { connect: 5_000, statement: 4_000, answer: 5_000, idleInTransaction: 10_000 };

export interface Connections {
  /** Lends a connection. If `run` rejects, the connection is closed, not reused; the error becomes `StoreUnavailable`. */
  use<Value>(run: (client: PoolClient) => Promise<Value>): Promise<Value>;
  close(): Promise<void>;
}

/** Loads `pg`, and connects when the first connection is asked for. */
export async function openConnections(url: string, max: number): Promise<Connections> {
  const pg = await loadPg();
  const settings: PoolConfig = {
    connectionString: url,
    max,
    pipeline: true,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    connectionTimeoutMillis: limits.connect,
    statement_timeout: limits.statement,
    query_timeout: limits.answer,
    idle_in_transaction_session_timeout: limits.idleInTransaction,
    application_name: "valetkey",
    allowExitOnIdle: true,
    verify: (client, done) => {
      prepareConnection(client).then(() => done(), done);
    },
  };
  const create = () => {
    const pool = new pg.Pool(settings);
    // A connection that breaks while nobody uses it is simply gone; one in use reports it to its user.
    pool.on("error", () => {});
    pool.on("connect", (client) => void client.on("error", () => {}));
    return pool;
  };
  let pool = create();
  let closed = false;

  const replace = (old: Pool) => {
    if (pool !== old || closed) return;
    pool = create();
    old.end().catch(() => {});
  };

  return {
    async use(run) {
      if (closed) throw new StoreUnavailable("The store is closed.");
      const current = pool;
      let client: PoolClient | undefined;
      try {
        client = await current.connect();
        const value = await run(client);
        client.release();
        return value;
      } catch (cause) {
        client?.release(true);
        // 25006: a standby; anything that is not PostgreSQL's own error: the connection failed or timed out.
        if (!(cause instanceof pg.DatabaseError) || cause.code === "25006" || cause.code?.startsWith("57P")) {
          replace(current);
        }
        if (cause instanceof StoreUnavailable) throw cause;
        const reason = cause instanceof Error ? cause.message : `${cause}`;
        throw new StoreUnavailable(`PostgreSQL cannot answer: ${reason}`, { cause });
      }
    },
    async close() {
      if (closed) return;
      closed = true;
      await pool.end();
    },
  };
}

async function prepareConnection(client: PoolClient): Promise<void> {
  // Every query of ours has an index. On a fresh table without statistics the planner would scan it instead, and keep
  // that plan for prepared statements while the table grows.
  const { rows } = await client.query<{ standby: boolean }>(`
    select pg_is_in_recovery() as standby, set_config('enable_seqscan', 'off', false),
      set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false),
      set_config('default_transaction_isolation', 'read committed', false)`);
  // A standby lags behind: it may still show a token that was revoked.
  if (rows[0]?.standby) throw new StoreUnavailable("This PostgreSQL server is a read-only standby.");
}

async function loadPg(): Promise<typeof import("pg").default> {
  try {
    return (await import("pg")).default;
  } catch (cause) {
    throw new Error("postgresStore needs the package `pg`: npm install pg", { cause });
  }
}
