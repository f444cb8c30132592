/**
 * `npm run bench -- growth [--rows 100000,1000000,10000000] [--jobs …] [--rounds 3] [--seconds 3] [--concurrency 32] [--out file]`:
 * the same work against a store full of live entries and against an empty one. A tenth as many clients as entries.
 */
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { countEntries, fill } from "./fill.ts";
import { jobs } from "./jobs.ts";
import { load } from "./load.ts";
import { type Line, sideBySide } from "./side-by-side.ts";
import { onStage, printLines, readFlags, readJobs, roundsOf } from "./stage.ts";

const flags = readFlags({
  rows: "100000,1000000,10000000",
  jobs: "token,introspect,code-ES256,refresh,userinfo,flow",
  rounds: "3",
  seconds: "3",
  concurrency: "32",
  out: "",
});
const { rows, rounds, seconds, concurrency } = flags;
const shown = { rows, rounds, "seconds each": seconds, concurrency };
const results: { rows: number; bytes: number; job: string; title: string; lines: Line[] }[] = [];

await onStage({ kind: "growth", names: ["ours"], out: flags.out, shown }, async (stage) => {
  const full = join(stage.place.folder, "full");
  await mkdir(full);
  const file = join(full, "ours", "valetkey.db");
  // One of each kind, to copy.
  const first = await stage.start("ours", full);
  for (const name of ["token", "flow"]) {
    const unit = await jobs.find((job) => job.name === name)?.prepare(first, { concurrency: 1, expected: 1 });
    if (unit !== undefined) await load(first.server, unit, { concurrency: 1, milliseconds: 100 });
  }
  await first.server.stop();
  for (const size of rows.split(",").map(Number)) {
    const began = performance.now();
    fill(file, { entries: size, clients: Math.ceil(size / 10) });
    const entries = countEntries(file);
    const { size: bytes } = await stat(file);
    const took = Math.round((performance.now() - began) / 1000);
    console.log(`\n${entries.toLocaleString("en")} entries, ${Math.round(bytes / 2 ** 20)} MB, filled in ${took} s`);
    const worlds = new Map([
      ["ours" as const, await stage.start("ours", full)],
      ["ours-empty" as const, await stage.start("ours-empty")],
    ]);
    for (const job of readJobs(flags.jobs)) {
      const lines = await sideBySide(job, worlds, roundsOf(flags));
      printLines(`${job.title}, full and empty`, lines);
      results.push({ rows: entries, bytes, job: job.name, title: job.title, lines });
      await stage.save(results);
    }
    for (const { server } of worlds.values()) await server.stop();
  }
});
