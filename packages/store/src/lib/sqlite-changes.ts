/**
 * Judges and applies commits on an open SQLite transaction.
 *
 * Many commits share one transaction; each is judged on its own expectations, in order of arrival. The one property:
 * a commit that is refused leaves no trace, and its neighbours do not notice.
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Write } from "./row.ts";

export interface Changes {
  /**
   * Applies all or none of each commit, in order; `false`: an expectation did not hold. `at` is the time in milliseconds. Called
   * within a transaction, which it may begin anew.
   */
  apply(commits: readonly (readonly Write[])[], at: number): boolean[];
  /** Deletes at most `limit` expired entries; returns how many. */
  sweep(at: number, limit: number): number;
}

/** A commit failed after its first change: what it has written already must go. */
class HalfWritten extends Error {}

/** Prepares the statements on this connection. */
export function prepareChanges(database: DatabaseSync): Changes {
  // An expired row counts as absent: an insert takes its place.
  const insert = database.prepare(`
    insert into entry (kind, id, version, client, subject, expires_at, data) values (?1, ?2, 1, ?3, ?4, ?5, ?6)
    on conflict (kind, id) do update set version = 1, client = ?3, subject = ?4, expires_at = ?5, data = ?6
    where expires_at <= ?7`);
  const alive = "kind = ?1 and id = ?2 and version = ?3 and (expires_at is null or expires_at > ?8)";
  // Whose an entry is hardly ever changes: a column that is not mentioned costs nothing in its index.
  const replaceSameOwner = database.prepare(`
    update entry set version = version + 1, expires_at = ?6, data = ?7
    where ${alive} and client is ?4 and subject is ?5`);
  const replace = database.prepare(`
    update entry set version = version + 1, client = ?4, subject = ?5, expires_at = ?6, data = ?7 where ${alive}`);
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
    if (verb === "remove") return changed(remove, kind, id, version, at);
    return (
      changed(replaceSameOwner, kind, id, version, client, subject, expiresAt, data, at) ||
      changed(replace, kind, id, version, client, subject, expiresAt, data, at)
    );
  };
  const holds = ({ do: verb, row }: Write, at: number): boolean => {
    const version = find.get(row.kind, row.id, at)?.version;
    return verb === "insert" ? version === undefined : version === row.version;
  };

  /** Each statement carries its expectation: a commit whose first change is refused has written nothing. */
  const write = (commit: readonly Write[], at: number): boolean => {
    const [first, ...rest] = commit;
    if (first !== undefined && !run(first, at)) return false;
    for (const one of rest) if (!run(one, at)) throw new HalfWritten();
    return true;
  };
  const lookAndWrite = (commit: readonly Write[], at: number): boolean =>
    commit.every((one) => holds(one, at)) && write(commit, at);

  return {
    apply(commits, at) {
      try {
        return commits.map((commit) => write(commit, at));
      } catch (error) {
        if (!(error instanceof HalfWritten)) throw error;
        // Rare enough for all to begin again, each looked at before: no commit changes an entry twice, so what holds is written.
        database.exec("rollback; begin immediate");
        return commits.map((commit) => lookAndWrite(commit, at));
      }
    },
    sweep: (at, limit) => Number(expire.run(at, limit).changes),
  };
}

function changed(statement: StatementSync, ...values: (string | number | null)[]): boolean {
  return statement.run(...values).changes === 1;
}
