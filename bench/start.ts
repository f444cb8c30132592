/**
 * `npm run bench -- start [--only …] [--times 5] [--seconds 60] [--out file]`: how long each server takes to start with the database it
 * made before, its memory when idle, and its memory after so many seconds of token requests.
 */
import { contenderKinds } from "./contenders.ts";
import { jobs, limit } from "./jobs.ts";
import { load } from "./load.ts";
import { memoryOf } from "./processes.ts";
import { median } from "./rounds.ts";
import { allContenders, onStage, readContenders, readFlags } from "./stage.ts";

const flags = readFlags({ only: allContenders, times: "5", seconds: "60", out: "" });
const names = readContenders(flags.only).filter((name) => !["ours-api", "better-auth-rs256"].includes(name));
const shown = { times: flags.times, "seconds of load": flags.seconds };
const results: { contender: string; start: number; idle: number; loaded: number }[] = [];

await onStage({ kind: "start", names, out: flags.out, shown }, async (stage) => {
  for (const name of names) {
    const times: number[] = [];
    // The first makes the database.
    for (let n = 0; n <= Number(flags.times); n++) {
      const { server } = await stage.start(name);
      if (n > 0) times.push(server.startedIn);
      await server.stop();
    }
    const world = await stage.start(name);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const idle = memoryOf(world.server.pid);
    const job = name === "bare" ? limit : jobs[0];
    const unit = await job?.prepare(world, { concurrency: 32, expected: 1 });
    if (unit !== undefined)
      await load(world.server, unit, { concurrency: 32, milliseconds: Number(flags.seconds) * 1000 });
    const loaded = memoryOf(world.server.pid);
    await world.server.stop();
    const start = median(times);
    console.log(
      `  ${contenderKinds[name].title.padEnd(42)} start ${start.toFixed(0).padStart(5)} ms  idle ${idle.toFixed(0).padStart(4)} MB  after load ${loaded.toFixed(0).padStart(4)} MB`,
    );
    results.push({ contender: name, start, idle, loaded });
    await stage.save(results);
  }
});
