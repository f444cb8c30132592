/**
 * Pools of connections to PostgreSQL, for the store and for whoever keeps tables of their own in the same database.
 *
 * The one property: no connection from here waits for long, works on a standby, or forgets what it acknowledged: every
 * new one is told to answer a commit only once it is on disk (`synchronous_commit`), whatever the role or the database
 * says, and one that breaks is dropped instead of ending the process.
 */

import type { Pool, PoolClient, PoolConfig } from "pg";
import { StoreUnavailable } from "./store.ts";

/** Milliseconds. The server gives up first, so that most slow statements end with a clear error. */
export const poolLimits = { connect: 5_000, statement: 4_000, answer: 5_000, idleInTransaction: 10_000 } as const;

export interface PoolOptions
  extends Pick<PoolConfig, "idleTimeoutMillis" | "maxLifetimeSeconds" | "pipeline" | "types"> {
  /** `postgres://user:password@host:port/database`. */
  readonly url: string;
  /** Connections at most. */
  readonly max: number;
  /** Settings of PostgreSQL for each connection, beside `synchronous_commit`. */
  readonly session?: Readonly<Record<string, string>>;
}

/** The package `pg`. */
export type Pg = typeof import("pg").default;

/** Loads `pg`. Rejects with an Error that says how to install it. */
export async function loadPg(): Promise<Pg> {
  try {
    return (await import("pg")).default;
  } catch (cause) {
    throw new Error("PostgreSQL needs the package `pg`: npm install pg", { cause });
  }
}

/** Makes a pool. It connects when the first connection is asked for; to a standby that is `StoreUnavailable`. */
export function createPool(pg: Pg, { url, max, session = {}, ...more }: PoolOptions): Pool {
  const pool = new pg.Pool({
    ...more,
    connectionString: url,
    max,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    connectionTimeoutMillis: poolLimits.connect,
    statement_timeout: poolLimits.statement,
    query_timeout: poolLimits.answer,
    idle_in_transaction_session_timeout: poolLimits.idleInTransaction,
    application_name: "valetkey",
    allowExitOnIdle: true,
    verify: (client, done) => {
      prepare(client, session).then(() => done(), done);
    },
  });
  // A connection that breaks while nobody uses it is simply gone; one in use tells its user, and besides raises an event
  // that would end the process unheard.
  pool.on("error", () => {});
  pool.on("connect", (client) => void client.on("error", () => {}));
  return pool;
}

async function prepare(client: PoolClient, session: Readonly<Record<string, string>>): Promise<void> {
  const settings = Object.entries(session).flat();
  const sets = settings.flatMap((_, at) => (at % 2 === 0 ? [`, set_config($${at + 1}, $${at + 2}, false)`] : []));
  // remote_apply waits for more than on does, and stays.
  const { rows } = await client.query<{ standby: boolean }>(
    `select pg_is_in_recovery() as standby, set_config('synchronous_commit',
       case current_setting('synchronous_commit') when 'remote_apply' then 'remote_apply' else 'on' end, false)${sets.join("")}`,
    settings,
  );
  // A standby lags behind: it may still show a token that was revoked, or an account that was disabled.
  if (rows[0]?.standby) throw new StoreUnavailable("This PostgreSQL server is a read-only standby.");
}
