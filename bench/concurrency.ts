/**
 * `npm run bench -- concurrency [--only …] [--jobs token,code-ES256] [--levels 1,4,8,32,128] [--rounds 3] [--seconds 2] [--out file]`:
 * throughput and latency against the number of requests at a time.
 */
import { contenderKinds } from "./contenders.ts";
import { type Line, middleOf, sideBySide } from "./side-by-side.ts";
import { onStage, readContenders, readFlags, readJobs, roundsOf, startAll } from "./stage.ts";

const flags = readFlags({
  only: "ours,ours-postgres,oidc-provider,node-oauth,better-auth,authlib",
  jobs: "token,code-ES256",
  levels: "1,4,8,32,128",
  rounds: "3",
  seconds: "2",
  out: "",
});
const names = readContenders(flags.only);
const shown = { rounds: flags.rounds, "seconds each": flags.seconds, "requests at a time": flags.levels };
const results: { job: string; title: string; concurrency: number; lines: Line[] }[] = [];

await onStage({ kind: "concurrency", names, out: flags.out, shown }, async (stage) => {
  const worlds = await startAll(stage, names);
  for (const job of readJobs(flags.jobs)) {
    console.log(`\n${job.title}`);
    for (const level of flags.levels.split(",")) {
      const lines = await sideBySide(job, worlds, roundsOf({ ...flags, concurrency: level }));
      for (const { contender, rounds } of lines) {
        const { perSecond, p50, p99 } = middleOf(rounds);
        const rate = Math.round(perSecond).toLocaleString("en").padStart(8);
        const name = contenderKinds[contender].title.padEnd(42);
        console.log(
          `  ${level.padStart(4)} at a time  ${name} ${rate}/s  p50 ${p50.toFixed(2)} p99 ${p99.toFixed(2)} ms`,
        );
      }
      results.push({ job: job.name, title: job.title, concurrency: Number(level), lines });
      await stage.save(results);
    }
  }
});
