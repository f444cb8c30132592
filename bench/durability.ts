/**
 * `npm run bench -- durability [--only …] [--jobs token,code-ES256] [--seconds 3] [--concurrency 32]`: counts the calls that put a file on
 * disk (`strace -f -c`) while each server works, and how many answers one call is for.
 *
 * The servers are several times slower under strace: no rate is printed.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ContenderName, contenderKinds, startContender } from "./contenders.ts";
import { load } from "./load.ts";
import { familyOf } from "./processes.ts";
import { onStage, readContenders, readFlags, readJobs } from "./stage.ts";

const flags = readFlags({
  only: "ours,oidc-provider,node-oauth,better-auth,authlib",
  jobs: "token,code-ES256",
  seconds: "3",
  concurrency: "32",
  out: "",
});
const names = readContenders(flags.only);
const concurrency = Number(flags.concurrency);
if (spawnSync("strace", ["-V"]).status !== 0) throw new Error("there is no strace: apt-get install strace");
const results: { contender: ContenderName; title: string; answers: number; syncs: number }[] = [];

await onStage({ kind: "durability", names, out: flags.out, shown: { concurrency } }, async (stage) => {
  for (const name of names) {
    for (const job of readJobs(flags.jobs)) {
      const server = await startContender(name, stage.place);
      if (!server.target.able.includes(job.name)) {
        await server.stop();
        continue;
      }
      const unit = await job.prepare({ server, sessions: [] }, { concurrency, expected: 6_000 });
      // Whatever starts with the first requests is there when strace looks for threads and children.
      await load(server, unit, { concurrency, milliseconds: 500 });
      const file = join(stage.place.folder, "strace.txt");
      const trace = await attach(server.pid, file);
      const { count } = await load(server, unit, { concurrency, milliseconds: Number(flags.seconds) * 1000 });
      await trace.end();
      const syncs = countSyncs(readFileSync(file, "utf8"));
      console.log(
        `  ${contenderKinds[name].title.padEnd(42)} ${job.title.padEnd(32)} ${count} answers, ${syncs} syncs, ${(count / syncs).toFixed(1)} answers for each`,
      );
      results.push({ contender: name, title: job.title, answers: count, syncs });
      await stage.save(results);
      await server.stop();
    }
  }
});

/** Follows a server, its threads and its children. Resolves when it does. */
async function attach(pid: number, file: string): Promise<{ end(): Promise<void> }> {
  const whom = familyOf(pid).flatMap((one) => ["-p", String(one)]);
  const args = ["-f", "-c", "-e", "trace=fsync,fdatasync", "-o", file, ...whom];
  const strace = spawn("strace", args, { stdio: ["ignore", "ignore", "pipe"] });
  await once(strace.stderr, "data");
  strace.stderr.resume();
  return {
    async end() {
      const ended = once(strace, "exit");
      strace.kill("SIGINT");
      await ended;
    },
  };
}

/** Lines of the summary end with the count of calls, perhaps that of errors, and the name. */
function countSyncs(summary: string): number {
  const lines = summary.matchAll(/^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(?:fsync|fdatasync)$/gm);
  return [...lines].reduce((sum, [, calls]) => sum + Number(calls), 0);
}
