/**
 * Judges a group of commits against a picture of the entries they touch, in order of arrival.
 *
 * Pure. The one property: an entry is changed at most once in a group, so that the group can be written as one insert,
 * one update and one delete of many rows, and every expectation is checked against the database itself.
 */

import { type Row, rowKey, type Write } from "./row.ts";

/** Versions of the live entries, by `rowKey`; what is absent or expired is not in it. */
export type Picture = ReadonlyMap<string, number>;

export interface Judgement {
  /** For each commit: accepted, refused, or to be judged again after this group has been written. */
  readonly answers: readonly (boolean | "again")[];
  readonly inserts: readonly Row[];
  readonly replaces: readonly Row[];
  readonly removes: readonly Row[];
}

/** Decides. A refusal may rest on what an earlier commit of the group changed. */
export function judge(commits: readonly (readonly Write[])[], picture: Picture): Judgement {
  const versions = new Map(picture);
  const changed = new Set<string>();
  const postponed = new Set<string>();
  const rows = { insert: [] as Row[], replace: [] as Row[], remove: [] as Row[] };
  const answers = commits.map((commit) => {
    const keys = commit.map(({ row }) => rowKey(row.kind, row.id));
    const holds = commit.every(({ do: verb, row }) => {
      const version = versions.get(rowKey(row.kind, row.id));
      return verb === "insert" ? version === undefined : version === row.version;
    });
    // Behind a commit that waits, others on the same entries wait too: calls take effect in the order they came.
    if (keys.some((key) => postponed.has(key)) || (holds && keys.some((key) => changed.has(key)))) {
      for (const key of keys) postponed.add(key);
      return "again";
    }
    if (!holds) return false;
    for (const { do: verb, row } of commit) {
      const key = rowKey(row.kind, row.id);
      changed.add(key);
      rows[verb].push(row);
      if (verb === "remove") versions.delete(key);
      else versions.set(key, verb === "insert" ? 1 : row.version + 1);
    }
    return true;
  });
  return { answers, inserts: rows.insert, replaces: rows.replace, removes: rows.remove };
}
