/**
 * Runs the unit tests of the packages that run anywhere (protocol, client) on Node 26, with the same outputs that
 * `npm test` runs on Node 24. The Node is an exact version from the registry, kept beside the other dependencies' caches;
 * where the registry has none for this machine it says so and fails.
 */
import { spawnSync } from "node:child_process";
import { existsSync, globSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";

const version = "26.10.0";
const root = resolve(import.meta.dirname, "..");
const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
const folder = join(root, "node_modules", ".cache", "node-26");
const node = join(folder, "node_modules", name, "bin", process.platform === "win32" ? "node.exe" : "node");

if (!existsSync(node)) {
  mkdirSync(folder, { recursive: true });
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const flags = ["--prefix", folder, "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"];
  const install = spawnSync(npm, ["install", ...flags, `${name}@${version}`], { cwd: folder, stdio: "inherit" });
  if (install.status !== 0 || !existsSync(node)) {
    console.error(`Node ${version} could not be installed: the registry must have the package ${name}@${version}`);
    process.exit(1);
  }
}
const files = globSync("packages/{protocol,client}/dist/**/*.test.js", { cwd: root }).sort();
if (files.length === 0) {
  console.error("nothing is built: run npm run build first");
  process.exit(1);
}
console.log(spawnSync(node, ["--version"], { encoding: "utf8" }).stdout.trim());
const run = spawnSync(
  node,
  ["--test", "--test-timeout=120000", "--test-concurrency=3", "--test-reporter=dot", ...files],
  {
    cwd: root,
    stdio: "inherit",
    timeout: 600_000,
  },
);
process.exit(run.status ?? 1);
