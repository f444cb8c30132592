/**
 * Judges and applies commits on an open SQLite transaction.
 *
 * Many commits share one transaction; each is judged on its own expectations, in order of arrival. The one property:
 * a commit that is refused leaves no trace, so its neighbours need no savepoint.
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Write } from "./row.ts";

export interface Changes {
  /** Applies all or none; `false`: an expectation did not hold. `at` is the time in milliseconds. */
  apply(commit: readonly Write[], at: number): boolean;
  /** Deletes at most `limit` expired entries; returns how many. */
  sweep(at: number, limit: number): number;
}

/** Prepares the statements on this connection. */
export function prepareChanges(database: DatabaseSync): Changes {
  // An expired row counts as absent: an insert takes its place.
  const insert = database.prepare(`
    insert into entry (kind, id, version, client, subject, expires_at, data) values (?1, ?2, 1, ?3, ?4, ?5, ?6)
    on conflict (kind, id) do update set version = 1, client = ?3, subject = ?4, expires_at = ?5, data = ?6
    where expires_at <= ?7`);
  const replace = database.prepare(`
    update entry set version = version + 1, client = ?4, subject = ?5, expires_at = ?6, data = ?7
    where kind = ?1 and id = ?2 and version = ?3 and (expires_at is null or expires_at > ?8)`);
  const remove = database.prepare(
    "delete from entry where kind = ?1 and id = ?2 and version = ?3 and (expires_at is null or expires_at > ?4)",
  );
  const find = database.prepare(
    "select version from entry where kind = ?1 and id = ?2 and (expires_at is null or expires_at > ?3)",
  );
  const expire = database.prepare(`
    delete from entry where (kind, id) in (select kind, id from entry where expires_at <= ?1 order by expires_at limit ?2)`);

  const run = ({ do: verb, row }: Write, at: number): boolean => {
    const { kind, id, version, client, subject, expiresAt, data } = row;
    if (verb === "insert") return changed(insert, kind, id, client, subject, expiresAt, data, at);
    if (verb === "replace") return changed(replace, kind, id, version, client, subject, expiresAt, data, at);
    return changed(remove, kind, id, version, at);
  };
  const holds = ({ do: verb, row }: Write, at: number): boolean => {
    const version = find.get(row.kind, row.id, at)?.version;
    return verb === "insert" ? version === undefined : version === row.version;
  };

  return {
    apply(commit, at) {
      const [first, ...rest] = commit;
      if (!first) return true;
      // Each statement carries its expectation. Looking at all but the first beforehand leaves nothing to undo: if the
      // first does not hold, nothing was written; if it does, the others will, because no entry appears twice.
      if (!rest.every((write) => holds(write, at)) || !run(first, at)) return false;
      for (const write of rest) {
        if (!run(write, at)) throw new Error(`${write.row.kind}: an expectation changed within a transaction`);
      }
      return true;
    },
    sweep: (at, limit) => Number(expire.run(at, limit).changes),
  };
}

function changed(statement: StatementSync, ...values: (string | number | null)[]): boolean {
  return statement.run(...values).changes === 1;
}
