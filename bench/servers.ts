/**
 * `npm run bench -- servers [--only ours,oidc-provider] [--jobs token,flow] [--rounds 5] [--seconds 3] [--concurrency 32] [--out file]`:
 * ours and its peers on the same work, side by side.
 *
 * What is printed: requests a second, microseconds of the server's processor per request, latency, and ratios with their spread.
 */
import { type Line, sideBySide } from "./side-by-side.ts";
import {
  allContenders,
  allJobs,
  onStage,
  printLines,
  readContenders,
  readFlags,
  readJobs,
  roundsOf,
  startAll,
} from "./stage.ts";

const flags = readFlags({ only: allContenders, jobs: allJobs, rounds: "5", seconds: "3", concurrency: "32", out: "" });
const { rounds, seconds, concurrency } = flags;
const names = readContenders(flags.only);
const shown = { rounds, "seconds each": seconds, concurrency };
const results: { job: string; title: string; lines: Line[] }[] = [];

await onStage({ kind: "servers", names, out: flags.out, shown }, async (stage) => {
  const worlds = await startAll(stage, names);
  for (const job of readJobs(flags.jobs)) {
    const lines = await sideBySide(job, worlds, roundsOf(flags));
    if (lines.length === 0) continue;
    printLines(job.title, lines);
    results.push({ job: job.name, title: job.title, lines });
    // After each: a run that is cut short has shown what it has.
    await stage.save(results);
  }
});
