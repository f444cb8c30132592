/**
 * Runs a group of commits as one transaction of a few statements over many rows, at READ COMMITTED.
 *
 * First all entries that are there are locked, in order of kind and id, and so seen as they are until the end; then the
 * commits are judged; then what was accepted is written. Locks first, in one order, then inserts in the same order: two
 * groups do not wait for each other in a circle. The one property: an entry that another server inserted after our look
 * makes the insert fall short, and then nothing of the group is written.
 */

import type { PoolClient } from "pg";
import { insert, lock, remove, replace } from "../postgres-statements.ts";
import { judge } from "./judge.ts";
import { type Row, rowKey, type Write } from "./row.ts";

interface Locked {
  readonly kind: string;
  readonly id: string;
  readonly version: number;
  readonly live: boolean;
}

/**
 * Runs the group at time `at`. Resolves to one answer for each commit, or to `"conflict"`: another transaction came in
 * between, nothing was written, and the whole may be tried again. Rejects with what `pg` rejects with.
 */
export async function runGroup(
  client: PoolClient,
  commits: readonly (readonly Write[])[],
  at: number,
): Promise<readonly (boolean | "again")[] | "conflict"> {
  try {
    const touched = new Map(commits.flat().map(({ row }) => [rowKey(row.kind, row.id), row]));
    const keys = [...touched.values()];
    // The connection sends what is asked of it at once, and the server answers in order.
    const [, locked] = await Promise.all([
      client.query("begin"),
      client.query<Locked>({ ...lock, values: [keys.map((row) => row.kind), keys.map((row) => row.id), at] }),
    ]);
    const live = locked.rows.filter((row) => row.live);
    const { answers, inserts, replaces, removes } = judge(
      commits,
      new Map(live.map((row) => [rowKey(row.kind, row.id), row.version])),
    );
    const complete = await Promise.all([
      write(client, inserts, { ...insert, values: [...columns(inserts), at] }),
      write(client, replaces, { ...replace, values: columns(replaces) }),
      write(client, removes, { ...remove, values: columns(removes).slice(0, 2) }),
    ]);
    const ends = await client.query(complete.every(Boolean) ? "commit" : "rollback");
    return ends.command === "COMMIT" ? answers : "conflict";
  } catch (error) {
    // Serialization failure and deadlock: PostgreSQL asks to try again.
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code !== "40001" && code !== "40P01") throw error;
    await client.query("rollback");
    return "conflict";
  }
}

async function write(
  client: PoolClient,
  rows: readonly Row[],
  query: { name: string; text: string; values: unknown[] },
): Promise<boolean> {
  return rows.length === 0 || (await client.query(query)).rowCount === rows.length;
}

function columns(rows: readonly Row[]): unknown[][] {
  return [
    rows.map((row) => row.kind),
    rows.map((row) => row.id),
    rows.map((row) => row.client),
    rows.map((row) => row.subject),
    rows.map((row) => row.expiresAt),
    rows.map((row) => row.data),
  ];
}
