/**
 * The directory's connections to PostgreSQL: few, short-tempered, replaced when they are no good any more.
 *
 * The one property: no question waits longer than about five seconds for an answer, whatever the network does, and a
 * connection that went silent or leads to a server that became a standby is not used again.
 */

import type { PostgresPool, PostgresPoolClient } from "kysely";
import pg from "pg";

const patience = 5_000;

/** SQLSTATE 25006: the server only reads now (it became a standby); class 57: it shuts down; class 08: connection trouble. */
const badConnection = /^(25006|57P0.|08...)$/;

/** Opens the pool. Connections are made when needed, so an absent server is noticed at the first statement. */
export function postgresPool(url: string): PostgresPool {
  const pool = new pg.Pool({
    connectionString: url,
    max: 4,
    connectionTimeoutMillis: patience,
    query_timeout: patience,
    statement_timeout: patience,
    idle_in_transaction_session_timeout: 2 * patience,
    idleTimeoutMillis: 30_000,
    // Addresses of a moved server are looked up again within a minute.
    maxLifetimeSeconds: 60,
    keepAlive: true,
    allowExitOnIdle: true,
    application_name: "valetkey",
    types: {
      // 20 is int8: our times fit a double for the next 280,000 years.
      getTypeParser: (oid: number, format?: "text" | "binary") =>
        oid === 20 ? Number : pg.types.getTypeParser(oid, format as "text"),
    },
  });
  // An idle connection that breaks is dropped by the pool; nobody waits for it.
  pool.on("error", () => {});
  // One that breaks in use tells whoever waits on it, and besides raises an event that would end the process unheard.
  pool.on("connect", (client) => client.on("error", () => {}));

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
