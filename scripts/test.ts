/**
 * Runs every test with Node's own runner on what the build made: unit tests beside the sources, the provider's spec
 * files, and the black box. `npm test -- store` runs only the files whose path contains "store". An output whose source
 * is gone is not run.
 */
import { spawnSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { resolve } from "node:path";

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
// Many files wait for other processes most of the time: four at once keep two cores busy.
const run = spawnSync(process.execPath, ["--test", "--test-timeout=120000", "--test-concurrency=4", ...files], {
  cwd: root,
  stdio: "inherit",
  // Several hundred processes load the same modules: compiled once, they start sooner.
  env: { ...process.env, NODE_COMPILE_CACHE: resolve(root, "node_modules/.cache/compiled") },
  // A test that failed may have left something running that nothing waits for.
  timeout: 1_200_000,
});
process.exit(run.status ?? 1);
