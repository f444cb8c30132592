/**
 * `npm run bench -- soak [--minutes 10] [--only ours] [--concurrency 32] [--out file]`: resident memory by the minute under all kinds of work.
 */
import { contenderKinds } from "./contenders.ts";
import { jobs } from "./jobs.ts";
import { load } from "./load.ts";
import { memoryOf } from "./processes.ts";
import { onStage, readContenders, readFlags } from "./stage.ts";

const flags = readFlags({ minutes: "10", only: "ours", concurrency: "32", out: "" });
const names = readContenders(flags.only);
const concurrency = Number(flags.concurrency);
const results: { contender: string; minutes: { memory: number; count: number }[] }[] = [];

await onStage(
  { kind: "soak", names, out: flags.out, shown: { minutes: flags.minutes, concurrency } },
  async (stage) => {
    for (const name of names) {
      const world = await stage.start(name);
      const { pid, target } = world.server;
      const able = jobs.filter((job) => target.able.includes(job.name) && !job.name.startsWith("code-"));
      const minutes = [{ memory: memoryOf(pid), count: 0 }];
      const tell = ({ memory, count }: { memory: number; count: number }) =>
        console.log(
          `  ${String(minutes.length - 1).padStart(3)} min  ${memory.toFixed(0).padStart(5)} MB  ${count.toLocaleString("en")} done`,
        );
      console.log(`\n${contenderKinds[name].title}`);
      tell(minutes[0] ?? { memory: 0, count: 0 });
      results.push({ contender: name, minutes });
      for (let minute = 1; minute <= Number(flags.minutes); minute++) {
        const end = performance.now() + 60_000;
        let count = 0;
        for (let turn = 0; performance.now() < end; turn++) {
          const job = able[turn % able.length];
          const unit = await job?.prepare(world, { concurrency, expected: concurrency });
          const milliseconds = Math.min(60_000 / able.length, Math.max(1, end - performance.now()));
          if (unit !== undefined) count += (await load(world.server, unit, { concurrency, milliseconds })).count;
        }
        minutes.push({ memory: memoryOf(pid), count });
        tell({ memory: memoryOf(pid), count });
        await stage.save(results);
      }
      await world.server.stop();
    }
  },
);
