/**
 * Commits as one flat list of texts and numbers, for the way from one thread to another.
 *
 * Objects are copied member by member, names included, which cost more than what they hold. The one property: `unflatten` gives what
 * `flatten` was given.
 */

import type { Write } from "./row.ts";

type Cell = string | number | null;

/** For each commit how many changes it has, then their columns, one after the other. */
export type FlatWrites = readonly Cell[];

export function flatten(commits: readonly (readonly Write[])[]): FlatWrites {
  const cells: Cell[] = [];
  for (const commit of commits) {
    cells.push(commit.length);
    for (const { do: verb, row } of commit) {
      cells.push(verb, row.kind, row.id, row.version, row.client, row.subject, row.expiresAt, row.data);
    }
  }
  return cells;
}

export function unflatten(cells: FlatWrites): Write[][] {
  const commits: Write[][] = [];
  const rest = cells.values();
  const next = <Type extends Cell>() => rest.next().value as Type;
  for (let { value, done } = rest.next(); done !== true; { value, done } = rest.next()) {
    const commit: Write[] = [];
    for (let count = Number(value); count > 0; count--) {
      commit.push({
        do: next<Write["do"]>(),
        row: {
          kind: next<string>(),
          id: next<string>(),
          version: next<number>(),
          client: next<string | null>(),
          subject: next<string | null>(),
          expiresAt: next<number | null>(),
          data: next<string>(),
        },
      });
    }
    commits.push(commit);
  }
  return commits;
}
