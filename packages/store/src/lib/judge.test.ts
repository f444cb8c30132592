/** Judging a group of commits: in order of arrival, each entry changed at most once. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Change } from "../store.ts";
import { insert, remove, replace } from "./conformance-tools.ts";
import { judge } from "./judge.ts";
import { readChanges } from "./row.ts";

const answers = (picture: Record<string, number>, ...commits: Change[][]) =>
  judge(commits.map(readChanges), new Map(Object.entries(picture).map(([id, version]) => [`k ${id}`, version])))
    .answers;

test("each commit is judged on its own expectations", () => {
  assert.deepEqual(
    answers(
      { a: 1, b: 2 },
      [insert("k", "a")],
      [insert("k", "c")],
      [replace("k", "a", 2)],
      [replace("k", "b", 2)],
      [remove("k", "a", 1)],
    ),
    [false, true, false, true, true],
  );
});

test("of two that contradict each other the first wins, the second is refused", () => {
  assert.deepEqual(answers({ a: 1 }, [replace("k", "a", 1)], [replace("k", "a", 1)]), [true, false]);
  assert.deepEqual(answers({ a: 1 }, [remove("k", "a", 1)], [replace("k", "a", 1)]), [true, false]);
  assert.deepEqual(answers({}, [insert("k", "a")], [insert("k", "a")]), [true, false]);
});

test("what builds on a change of the same group waits until that is written", () => {
  assert.deepEqual(answers({}, [insert("k", "a")], [replace("k", "a", 1)]), [true, "again"]);
  assert.deepEqual(answers({ a: 3 }, [remove("k", "a", 3)], [insert("k", "a")]), [true, "again"]);
  // Others on the same entries wait behind it, so that all take effect in the order they came.
  assert.deepEqual(
    answers({}, [insert("k", "a")], [replace("k", "a", 1), insert("k", "b")], [insert("k", "b")], [insert("k", "c")]),
    [true, "again", "again", true],
  );
});

test("a refused commit leaves nothing behind", () => {
  const { answers, inserts, replaces, removes } = judge(
    [[insert("k", "a"), replace("k", "b", 9)], [insert("k", "a")]].map(readChanges),
    new Map([["k b", 1]]),
  );
  assert.deepEqual(answers, [false, true]);
  assert.deepEqual([inserts.length, replaces.length, removes.length], [1, 0, 0]);
});
