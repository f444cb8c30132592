/**
 * The store in PostgreSQL, for several servers that share their memory.
 *
 * Commits that wait at the same time share a transaction (`lib/postgres-group`), reads share a query. The one property:
 * whichever server acknowledged a commit, all see it, and of two that contradict each other one is told so. Needs a
 * connection of its own for each session: a pooler in between must pool sessions, not transactions. A crash forgets
 * nothing that was acknowledged, since every connection has `synchronous_commit` on. With asynchronous replication, a
 * failover can forget the last commits, among them spent codes.
 */

import { inGroups } from "./lib/groups.ts";
import { listQuery } from "./lib/list-query.ts";
import { openConnections } from "./lib/postgres-connections.ts";
import { runGroup } from "./lib/postgres-group.ts";
import { prepareSchema } from "./lib/postgres-schema.ts";
import { canExist, canMatch, pageSize, type Row, readChanges, readEntry, rowKey, type Write } from "./lib/row.ts";
import { sweepInSteps } from "./lib/sweep-steps.ts";
import { checkSchemaVersion } from "./schema-version.ts";
import { type OpenStore, StoreUnavailable } from "./store.ts";

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`; TLS by `?sslmode=verify-full`. */
  readonly url: string;
  /** Connections at most; 10 unless told. */
  readonly connections?: number;
  /** The clock: milliseconds since the epoch. */
  readonly now?: () => number;
}

/** How often a commit is tried when PostgreSQL reports a conflict that says nothing about its expectations. */
const tries = 3;
/** Expired entries deleted by one statement at most. */
const sweepLimit = 500;

const find = {
  name: "valetkey_find",
  text: `select kind, id, version, client, subject, expires_at as "expiresAt", data from entry
    where (kind, id) in (select * from unnest($1::text[], $2::text[])) and (expires_at is null or expires_at > $3)`,
};

// What another transaction has locked is being changed right now: it can wait for the next sweep, and nobody for us.
const sweep = {
  name: "valetkey_sweep",
  text: `delete from entry where (kind, id) in
    (select kind, id from entry where expires_at <= $1 order by expires_at limit ${sweepLimit} for update skip locked)`,
};

/**
 * Connects, creates the tables that are missing, and resolves to the store. Rejects with `StoreUnavailable` when the
 * server cannot be reached, with `NewerSchema` when a newer version wrote the tables, with another Error when `pg` is not
 * installed.
 */
export async function postgresStore(options: PostgresOptions): Promise<OpenStore> {
  const now = options.now ?? Date.now;
  const connections = await openConnections(options.url, options.connections ?? 10);
  try {
    checkSchemaVersion(await connections.use(prepareSchema), "This database");
  } catch (error) {
    await connections.close();
    throw error;
  }

  const reads = inGroups<{ kind: string; id: string }, Row | undefined>({
    size: 256,
    atOnce: 4,
    waiting: 10_000,
    async run(keys) {
      const values = [keys.map((key) => key.kind), keys.map((key) => key.id), now()];
      const { rows } = await connections.use((client) => client.query<Row>({ ...find, values }));
      const found = new Map(rows.map((row) => [rowKey(row.kind, row.id), row]));
      return keys.map((key) => found.get(rowKey(key.kind, key.id)));
    },
  });

  const run = (commits: readonly (readonly Write[])[]) => connections.use((client) => runGroup(client, commits, now()));

  const runAlone = async (commit: readonly Write[]): Promise<boolean | StoreUnavailable> => {
    try {
      for (let attempt = 2; attempt <= tries; attempt++) {
        const answers = await run([commit]);
        if (answers !== "conflict") return answers[0] === true;
      }
      return new StoreUnavailable(`PostgreSQL reported a conflict ${tries} times.`);
    } catch (error) {
      if (error instanceof StoreUnavailable) return error;
      throw error;
    }
  };

  const runTogether = async (commits: readonly (readonly Write[])[]): Promise<(boolean | StoreUnavailable)[]> => {
    const answers = await run(commits);
    if (answers === "conflict") {
      // One by one, so that a commit which always meets a conflict takes no neighbour with it.
      const alone: (boolean | StoreUnavailable)[] = [];
      for (const commit of commits) alone.push(await runAlone(commit));
      return alone;
    }
    const again = commits.filter((_, index) => answers[index] === "again");
    if (again.length === 0) return answers.map((answer) => answer === true);
    // What is written stays written, whatever becomes of the others.
    const later = await runTogether(again).catch((error: StoreUnavailable) => again.map(() => error));
    return answers.map((answer) => (answer === "again" ? (later.shift() ?? false) : answer));
  };

  const writes = inGroups({ size: 256, atOnce: 2, waiting: 10_000, run: runTogether });

  let closed = false;
  const checkOpen = () => {
    if (closed) throw new StoreUnavailable("The store is closed.");
  };

  return {
    async get(kind, id) {
      checkOpen();
      if (!canExist(kind, id)) return undefined;
      const row = await reads.ask({ kind, id });
      return row && readEntry(row);
    },

    async list(kind, filter) {
      checkOpen();
      pageSize(filter);
      if (!canMatch(kind, filter)) return [];
      const { text, values } = listQuery(kind, filter, now(), "$");
      const { rows } = await connections.use((client) => client.query<Row>(text, [...values]));
      return rows.map(readEntry);
    },

    async commit(changes) {
      checkOpen();
      const answer = await writes.ask(readChanges(changes));
      if (answer instanceof StoreUnavailable) throw answer;
      return answer;
    },

    async sweep() {
      const step = async () => {
        const { rowCount } = await connections.use((client) => client.query({ ...sweep, values: [now()] }));
        return rowCount ?? 0;
      };
      return sweepInSteps(step, sweepLimit, () => closed);
    },

    async close() {
      closed = true;
      await Promise.all([reads.idle(), writes.idle()]);
      await connections.close();
    },
  };
}
