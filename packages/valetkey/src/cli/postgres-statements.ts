/**
 * What Valetkey asks of a PostgreSQL database, or of another one that speaks its protocol: each kind of statement, tried on a scratch entry.
 *
 * The one property: everything happens in one transaction that is rolled back, so nothing of it is seen by anybody, or left.
 */
import { randomUUID } from "node:crypto";
import { insert, lock, remove, replace } from "@valetkey/store/postgres-statements";
import type { Client } from "pg";

/** A kind of statement the server sends. `what`: for people. `gives`: how many rows it must return or change, where that is known. */
export interface Trial {
  readonly what: string;
  readonly sql: string;
  readonly values?: readonly unknown[];
  readonly gives?: number;
}

/** Of its own kind, so that it is nobody's entry even while it is there. */
const kind = "doctor";

/** Makes the tables of the store if they are missing: as the first start does it. */
export const tables: Trial = {
  what: "tables made in a transaction",
  sql: `create table if not exists entry (
      kind text collate "C" not null, id text collate "C" not null, version integer not null, client text collate "C",
      subject text collate "C", expires_at double precision, data text not null, primary key (kind, id));
    create index if not exists entry_by_expiry on entry (expires_at) where expires_at is not null`,
};

/** Lists the trials in their order, for an entry with this id. */
export function trials(id: string): readonly Trial[] {
  const keys = [[kind], [id]];
  const row = [...keys, [null], ["somebody"], [-1], ["{}"]];
  return [
    {
      what: "locks held until the end of a transaction",
      sql: "select pg_advisory_xact_lock($1)",
      values: [7_160_382_195],
    },
    {
      what: "settings of a session",
      sql: `select pg_is_in_recovery() as standby, set_config('synchronous_commit',
          case current_setting('synchronous_commit') when 'remote_apply' then 'remote_apply' else 'on' end, false),
        set_config('enable_seqscan', 'off', false), set_config('enable_hashjoin', 'off', false),
        set_config('enable_mergejoin', 'off', false), set_config('default_transaction_isolation', 'read committed', false)`,
      gives: 1,
    },
    {
      what: "many rows inserted at once, unless they are there",
      sql: insert.text,
      values: [...row, 0],
      gives: 1,
    },
    {
      what: "many rows locked in one order",
      sql: lock.text,
      values: [...keys, 0],
      gives: 1,
    },
    {
      what: "many rows replaced at once",
      sql: replace.text,
      values: row,
      gives: 1,
    },
    {
      what: "many rows found at once",
      sql: `select kind, id, version, client, subject, expires_at as "expiresAt", data from entry
        where (kind, id) in (select * from unnest($1::text[], $2::text[])) and (expires_at is null or expires_at > $3)`,
      values: [...keys, -2],
      gives: 1,
    },
    {
      what: "a page of rows in the order of their bytes",
      sql: `select kind, id, version, client, subject, expires_at as "expiresAt", data from entry
        where kind = $1 and (expires_at is null or expires_at > $2) and subject = $3 and id > $4 order by id limit $5`,
      values: [kind, -2, "somebody", "", 10],
      gives: 1,
    },
    {
      what: "expired rows deleted, but those that are locked",
      sql: `delete from entry where (kind, id) in
        (select kind, id from entry where expires_at <= $1 and kind = $2 order by expires_at limit 500 for update skip locked)`,
      values: [0, kind],
      gives: 1,
    },
    {
      what: "many rows deleted at once",
      sql: remove.text,
      values: keys,
      gives: 0,
    },
  ];
}

/** Tries all of them. Gives what each that failed is for, and what the database said; and the isolation they ran at. */
export async function tryStatements(
  client: Client,
): Promise<{ readonly failed: readonly string[]; readonly tried: number; readonly isolation: string }> {
  const all = trials(`doctor-${randomUUID()}`);
  const failed: string[] = [];
  let isolation = "";
  await client.query("begin isolation level read committed");
  try {
    const attempt = async ({ what, sql, values, gives }: Trial): Promise<void> => {
      await client.query("savepoint trial");
      try {
        const { rowCount } = await client.query(values === undefined ? sql : { text: sql, values: [...values] });
        if (gives !== undefined && rowCount !== gives) failed.push(`${what}: ${rowCount} rows instead of ${gives}`);
      } catch (error) {
        failed.push(`${what}: ${error instanceof Error ? error.message : error}`);
        await client.query("rollback to savepoint trial");
      }
    };
    const { rows } = await client.query(
      "select to_regclass('entry')::text as entry, current_setting('transaction_isolation') as isolation",
    );
    isolation = String(rows[0]?.isolation);
    if (rows[0]?.entry === null) await attempt(tables);
    // Without the tables all else fails for one reason, which is told.
    if (failed.length === 0) for (const trial of all) await attempt(trial);
  } finally {
    await client.query("rollback");
  }
  return { failed, tried: all.length, isolation };
}
