/**
 * `npm run bench -- sweep [--rows 1000000] [--concurrency 32] [--out file]`: latency of token requests before and while the server sweeps
 * away what has expired. The server does that by itself, a minute after it started.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { addExpired } from "./fill.ts";
import { jobs } from "./jobs.ts";
import { load, type Measured } from "./load.ts";
import { middleOf } from "./side-by-side.ts";
import { onStage, readFlags } from "./stage.ts";

const flags = readFlags({ rows: "1000000", concurrency: "32", out: "" });
const concurrency = Number(flags.concurrency);
const token = jobs[0];

await onStage(
  { kind: "sweep", names: ["ours"], out: flags.out, shown: { rows: flags.rows, concurrency } },
  async (stage) => {
    const folder = join(stage.place.folder, "swept");
    await mkdir(folder);
    const file = join(folder, "ours", "valetkey.db");
    const first = await stage.start("ours", folder);
    const oneToken = await token?.prepare(first, { concurrency: 1, expected: 1 });
    if (oneToken === undefined) throw new Error("no work");
    await load(first.server, oneToken, { concurrency: 1, milliseconds: 100 });
    await first.server.stop();
    addExpired(file, Number(flags.rows));

    const world = await stage.start("ours", folder);
    const unit = await token?.prepare(world, { concurrency, expected: 1 });
    if (unit === undefined) throw new Error("no work");
    const database = new DatabaseSync(file, { readOnly: true });
    const oldest = database.prepare("select min(expires_at) as at from entry where expires_at is not null");
    const end = Date.now() - 1_800_000;
    const oldestNow = () => Number(oldest.get()?.at ?? Number.POSITIVE_INFINITY);
    const begin = oldestNow();
    const [before, during, after]: [Measured[], Measured[], Measured[]] = [[], [], []];
    // The first seconds warm up; after the sweep, five more.
    for (let second = 0; second < 600 && after.length < 5; second++) {
      const measured = await load(world.server, unit, { concurrency, milliseconds: 1_000 });
      const at = oldestNow();
      if (at > end && during.length > 0) after.push(measured);
      else if (at > begin) during.push(measured);
      else if (second >= 10) before.push(measured);
    }
    database.close();
    const results = {
      before: middleOf(before),
      during: middleOf(during),
      after: middleOf(after),
      seconds: during.length,
    };
    for (const [when, { perSecond, p50, p99 }] of Object.entries({
      before: results.before,
      during: results.during,
      after: results.after,
    }))
      console.log(`  ${when.padEnd(7)} ${Math.round(perSecond)}/s  p50 ${p50.toFixed(2)} p99 ${p99.toFixed(2)} ms`);
    const ratio = results.during.p99 / results.before.p99;
    console.log(
      `  swept in ${during.length} s; p99 during ÷ before ${ratio.toFixed(2)}; worst second ${Math.max(...during.map(({ p99 }) => p99)).toFixed(2)} ms`,
    );
    await stage.save(results);
  },
);
