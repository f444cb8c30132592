/**
 * `npm start`: builds, then runs the example in this very process, so that whoever ends `npm start` ends all of it.
 */
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const tsc = resolve(root, "node_modules/typescript/bin/tsc");
const build = spawnSync(process.execPath, [tsc, "-b"], { cwd: root, stdio: "inherit" });
if (build.status !== 0) process.exit(build.status ?? 1);
await import(resolve(root, "examples/sign-in/dist/start.js"));
