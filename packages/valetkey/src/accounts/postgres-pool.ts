/**
 * The directory's connections to PostgreSQL: few, short-tempered, replaced when they are no good any more.
 *
 * The one property: no question waits longer than about five seconds for an answer, whatever the network does, and a
 * connection that went silent or leads to a server that became a standby is not used again.
 */

import { createPool, loadPg } from "@valetkey/store/postgres-pool";
import type { PostgresPool, PostgresPoolClient } from "kysely";

/** SQLSTATE 25006: the server only reads now (it became a standby); class 57: it shuts down; class 08: connection trouble. */
const badConnection = /^(25006|57P0.|08...)$/;

/** Connections to PostgreSQL that the directory of one process opens at most. */
export const directoryConnections = 4;

/** Opens the pool. Connections are made when needed, so an absent server is noticed at the first statement. */
export async function postgresPool(url: string): Promise<PostgresPool> {
  const pg = await loadPg();
  const pool = createPool(pg, {
    url,
    max: directoryConnections,
    idleTimeoutMillis: 30_000,
    // Addresses of a moved server are looked up again within a minute.
    maxLifetimeSeconds: 60,
    types: {
      // 20 is int8: our times fit a double for the next 280,000 years.
      getTypeParser: (oid: number, format?: "text" | "binary") =>
        oid === 20 ? Number : pg.types.getTypeParser(oid, format as "text"),
    },
  });

  return {
    options: pool.options,
    async connect() {
      const client = await pool.connect();
      let broken = false;
      const noteBroken = (error: unknown): never => {
        const code = (error as { code?: unknown }).code;
        // Without SQLSTATE the answer never came: time-out, reset, unexpected end.
        broken ||= typeof code !== "string" || badConnection.test(code) || !/^[0-9A-Z]{5}$/.test(code);
        throw error;
      };
      const query = (text: string, parameters: readonly unknown[]) =>
        client.query(text, [...parameters]).catch(noteBroken);
      // Kysely's other form of `query`, with a cursor, is for streaming, which the directory does not do.
      return { query: query as unknown as PostgresPoolClient["query"], release: () => client.release(broken) };
    },
    end: () => pool.end(),
  };
}
