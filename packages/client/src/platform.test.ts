/**
 * The package runs wherever there are Web APIs: what it loads, through all the packages it is made of, is followed import by
 * import. What the tests themselves load does not count.
 */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const dist = import.meta.dirname;

/** Every import of a file that is left when types are gone, as it stands there. */
const importsOf = (file: string): string[] => {
  const text = readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
  const imports = /^(?:import|export)\s(?:[^;"']*?from\s*)?["']([^"']+)["']|import\s*\(\s*["']([^"']+)["']\s*\)/gm;
  return [...text.matchAll(imports)].map((match) => match[1] ?? match[2] ?? "");
};

/** The one entry that is for Node: docs/decisions/008-terminal.md. */
const terminal = "cli-login.js";

test("nothing the client loads comes from node:, nor from a framework, but for signing in from a terminal", () => {
  const all = globSync("{*,providers/*}.js", { cwd: dist }).filter((file) => !file.endsWith(".test.js"));
  const entries = all.filter((file) => file !== terminal);
  assert.ok(entries.length > 40, `${entries.length} entries`);
  assert.equal(all.length - entries.length, 1);
  const waiting = entries.map((file) => join(dist, file));
  const seen = new Set<string>();
  const foreign = new Set<string>();
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    for (const from of importsOf(file)) {
      assert.ok(!isBuiltin(from), `${file} imports ${from}`);
      if (from.startsWith(".")) waiting.push(join(dirname(file), from));
      else if (from.startsWith("@valetkey/")) waiting.push(fileURLToPath(import.meta.resolve(from)));
      else foreign.add(from);
    }
  }
  assert.ok([...seen].some((file) => file.includes("protocol")));
  assert.ok([...seen].some((file) => file.includes("store")));
  assert.deepEqual([...foreign], ["jose"]);
  assert.deepEqual(
    [...seen].filter((file) => relative(dist, file).startsWith("cli-login")),
    [],
  );
});
