/**
 * `npm run bench`: all benchmarks, one after the other, and the report; `npm run bench -- <name>`: one of them, against what the last build
 * made.
 *
 * Nothing here is a part of `npm run check`: figures of a busy machine say nothing, and ratios only something.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";

const benchmarks = {
  servers: "ours and its peers on the same work, with ratios",
  resource: "an API's check of a token, beside express-oauth2-jwt-bearer",
  concurrency: "throughput and latency against requests at a time",
  start: "start-up and memory",
  growth: "the same work against ten million entries",
  sweep: "latency while a million expired entries are swept",
  soak: "memory by the minute",
  durability: "how often each server syncs its file",
  kill: "what was answered is there after kill -9 under load",
  report: "writes docs/performance.md and its plots from the last runs",
} as const;

const [name] = process.argv.slice(2);
if (name === undefined) runAll();
else if (name in benchmarks) await import(resolve(import.meta.dirname, `${name}.ts`));
else {
  console.error(`no benchmark "${name}". There is:`);
  for (const [known, what] of Object.entries(benchmarks)) console.error(`  ${known.padEnd(12)} ${what}`);
  process.exitCode = 1;
}

/** Each in a process of its own; one that fails does not keep the others from running. */
function runAll(): void {
  const results = join(import.meta.dirname, "dist/results");
  mkdirSync(results, { recursive: true });
  for (const one of Object.keys(benchmarks)) {
    const out = ["resource", "report"].includes(one) ? [] : ["--out", join(results, `${one}.json`)];
    console.log(`\n== ${one} ==`);
    const { status } = spawnSync(process.execPath, [import.meta.filename, one, ...out], { stdio: "inherit" });
    if (status !== 0) process.exitCode = 1;
  }
}
