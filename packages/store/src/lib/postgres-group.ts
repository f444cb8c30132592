/**
 * Runs a group of commits as one transaction of a few statements over many rows, at READ COMMITTED.
 *
 * First all entries that are there are locked, in order of kind and id, and so seen as they are until the end; then the
 * commits are judged; then what was accepted is written. Locks first, in one order, then inserts in the same order: two
 * groups do not wait for each other in a circle. The one property: an entry that another server inserted after our look
 * makes the insert fall short, and then nothing of the group is written.
 */

import type { PoolClient } from "pg";
import { judge } from "./judge.ts";
import { type Row, rowKey, type Write } from "./row.ts";

interface Locked {
  readonly kind: string;
  readonly id: string;
  readonly version: number;
  readonly live: boolean;
}

const lock = {
  name: "valetkey_lock",
  text: `select kind, id, version, (expires_at is null or expires_at > $3) as live from entry
    where (kind, id) in (select * from unnest($1::text[], $2::text[])) order by kind, id for update`,
};

const insert = {
  name: "valetkey_insert",
  text: `insert into entry (kind, id, version, client, subject, expires_at, data)
    select kind, id, 1, client, subject, expires_at, data
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::float8[], $6::text[])
      as new (kind, id, client, subject, expires_at, data) order by kind collate "C", id collate "C"
    on conflict (kind, id) do update set version = 1, client = excluded.client, subject = excluded.subject,
      expires_at = excluded.expires_at, data = excluded.data
    where entry.expires_at <= $7`,
};

const replace = {
  name: "valetkey_replace",
  text: `update entry set version = entry.version + 1, client = new.client, subject = new.subject,
      expires_at = new.expires_at, data = new.data
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::float8[], $6::text[])
      as new (kind, id, client, subject, expires_at, data)
    where entry.kind = new.kind and entry.id = new.id`,
};

const remove = {
  name: "valetkey_remove",
  text: "delete from entry where (kind, id) in (select * from unnest($1::text[], $2::text[]))",
};

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
