/**
 * Runs every test with Node's own runner on what the build made: unit tests beside the sources, the provider's spec
 * files, and the black box. `npm test -- store` runs only the files whose path contains "store". An output whose source
 * is gone is not run.
 *
 * A file that starts programs, a browser or a database has a process of its own. The others share a few: most of what they
 * would cost is loading the same modules, file by file.
 */
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { run } from "node:test";
import { spec } from "node:test/reporters";

const root = resolve(import.meta.dirname, "..");
const wanted = process.argv.slice(2);
const files = globSync(
  [
    "packages/*/dist/**/*.test.js",
    "packages/provider/test/dist/*.spec.js",
    "test/dist/**/*.test.js",
    "examples/*/dist/**/*.test.js",
  ],
  {
    cwd: root,
  },
)
  .filter((file) => {
    const source = file
      .replace(/(test\/)?dist\//, (_, spec) => (spec && file.startsWith("packages") ? "test/" : `${spec ?? ""}src/`))
      .replace(/\.js$/, "");
    return existsSync(resolve(root, `${source}.ts`)) || existsSync(resolve(root, `${source}.tsx`));
  })
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  // The black box takes longest: begun first, it leaves no core idle at the end.
  .sort((a, b) => Number(b.startsWith("test/")) - Number(a.startsWith("test/")) || (a < b ? -1 : 1));
if (files.length === 0) {
  console.error(`no test file${wanted.length > 0 ? ` contains ${wanted.join(" or ")}` : ""}`);
  process.exit(1);
}
const startsPrograms = (file: string): boolean =>
  !file.startsWith("packages/") || readFileSync(resolve(root, file), "utf8").includes("@valetkey/test-support");
const alone = files.filter(startsPrograms);
const computing = files.filter((file) => !startsPrograms(file));
const folder = mkdtempSync(join(tmpdir(), "valetkey-tests-"));
const shared: string[] = [];
const loader = JSON.stringify(import.meta.resolve("./together.ts"));
for (let from = 0; from < computing.length; from += 25) {
  const path = join(folder, `together-${from}.mjs`);
  const list = JSON.stringify(computing.slice(from, from + 25));
  writeFileSync(path, `import { together } from ${loader};\ntogether(${JSON.stringify(root)}, ${list});\n`);
  shared.push(path);
}
// Several hundred processes load the same modules: compiled once, they start sooner.
process.env.NODE_COMPILE_CACHE = join(root, "node_modules/.cache/compiled");
const results = run({
  cwd: root,
  // In this order; the command line of Node would sort them.
  files: [...alone.map((file) => join(root, file)), ...shared],
  // Many files wait for other processes most of the time: four at once keep two cores busy.
  concurrency: 4,
  timeout: 120_000,
  // A test that failed may have left something running that nothing waits for.
  signal: AbortSignal.timeout(1_200_000),
});
let failed = false;
const unheardOf = new Set(computing);
results.on("test:pass", ({ name }) => unheardOf.delete(name));
results.on("test:fail", ({ name, todo }) => {
  unheardOf.delete(name);
  failed ||= todo === undefined;
});
await pipeline(results, new spec(), process.stdout, { end: false });
rmSync(folder, { recursive: true, force: true });
// One that ends the process it shares would end the others unseen.
if (unheardOf.size > 0) console.error(`without a result: ${[...unheardOf].join(" ")}`);
process.exit(failed || unheardOf.size > 0 ? 1 : 0);
