/**
 * Connections to PostgreSQL that are never waited on for long and never trusted after a failure.
 *
 * The one property: a server that is gone, silent or has become a read-only standby costs a caller at most the time
 * limits of `postgres-pool.ts`, and its connections are all replaced, so that the next attempt finds whoever serves the address now.
 */

import type { Pool, PoolClient } from "pg";
import { createPool, loadPg } from "../postgres-pool.ts";
import { StoreUnavailable } from "../store.ts";

export interface Connections {
  /** Lends a connection. If `run` rejects, the connection is closed, not reused; the error becomes `StoreUnavailable`. */
  use<Value>(run: (client: PoolClient) => Promise<Value>): Promise<Value>;
  close(): Promise<void>;
}

// Every query of ours has an index. On a fresh table without statistics the planner would scan it instead, and keep that
// plan for prepared statements while the table grows.
const session = {
  enable_seqscan: "off",
  enable_hashjoin: "off",
  enable_mergejoin: "off",
  default_transaction_isolation: "read committed",
};

/** Loads `pg`, and connects when the first connection is asked for. */
export async function openConnections(url: string, max: number): Promise<Connections> {
  const pg = await loadPg();
  const create = () => createPool(pg, { url, max, pipeline: true, session });
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
