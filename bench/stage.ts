/**
 * What all benchmarks of servers begin and end with: flags, the generator's core, a folder, servers that are surely stopped.
 *
 * The one property: whatever happens, no server and no file is left.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  type ContenderName,
  contenderKinds,
  contenderNames,
  type Place,
  placeIn,
  startContender,
} from "./contenders.ts";
import { type Environment, environmentOf, printEnvironment } from "./environment.ts";
import { type Job, jobs, type World } from "./jobs.ts";
import { pinGenerator } from "./processes.ts";
import { type Line, middleOf, type RoundOptions, spreadOf } from "./side-by-side.ts";

/** Flags with their defaults, all of them texts. Refuses others. */
export function readFlags<Flags extends Readonly<Record<string, string>>>(
  defaults: Flags,
): Record<keyof Flags, string> {
  const options = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, { type: "string" as const, default: value }]),
  );
  return parseArgs({ args: process.argv.slice(3), options }).values as Record<keyof Flags, string>;
}

/** Reads a list of names. Throws with what there is. */
export function readContenders(list: string): readonly ContenderName[] {
  return wanted(list, contenderNames) as ContenderName[];
}

export function readJobs(list: string): readonly Job[] {
  const names = wanted(
    list,
    jobs.map(({ name }) => name),
  );
  return jobs.filter(({ name }) => names.includes(name));
}

export const allJobs = jobs.map(({ name }) => name).join(",");
export const allContenders = contenderNames.join(",");

function wanted(list: string, known: readonly string[]): string[] {
  const names = list.split(",");
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`no ${unknown}. There is: ${known.join(", ")}`);
  return names;
}

export interface Stage {
  readonly environment: Environment;
  readonly place: Place;
  /** Starts one; it is stopped at the end. */
  start(name: ContenderName, folder?: string): Promise<World>;
  /** Keeps results so far, if a file was named. */
  save(results: unknown): Promise<void>;
}

/** Prints the environment, runs the work, and cleans up. What goes wrong ends the process with it. */
export async function onStage(
  options: {
    readonly kind: string;
    readonly names: readonly ContenderName[];
    readonly out: string;
    readonly shown: Readonly<Record<string, string | number>>;
  },
  work: (stage: Stage) => Promise<void>,
): Promise<never> {
  const { kind, names, out, shown } = options;
  buildPeers(names);
  const environment = environmentOf(names);
  printEnvironment(environment, shown);
  pinGenerator();
  const folder = mkdtempSync(join(tmpdir(), "valetkey-bench-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const place = placeIn(folder);
  const worlds: World[] = [];
  const end = async () => {
    await Promise.all(worlds.map(({ server }) => server.stop()));
    await place.end();
  };
  const interrupted = () => void end().finally(() => process.exit(130));
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
  try {
    await work({
      environment,
      place,
      async start(name, inside = folder) {
        const world: World = { server: await startContender(name, { ...place, folder: inside }), sessions: [] };
        worlds.push(world);
        return world;
      },
      async save(results) {
        if (out === "") return;
        await writeFile(out, `${JSON.stringify({ kind, environment, options: shown, results }, undefined, 1)}\n`);
      },
    });
  } finally {
    await end();
  }
  process.exit();
}

/** The peers' servers are built here: without them `npm run check` must not miss what only they need. */
function buildPeers(names: readonly ContenderName[]): void {
  const folder = join(import.meta.dirname, "peers");
  const some = names.some((name) => contenderKinds[name].needs?.file.startsWith(folder));
  if (!some || !existsSync(join(folder, "node_modules"))) return;
  const tsc = join(import.meta.dirname, "../node_modules/typescript/bin/tsc");
  const { status } = spawnSync(process.execPath, [tsc, "-p", folder], { stdio: "inherit" });
  if (status !== 0) throw new Error("bench/peers does not compile");
}

/** Starts all of them. */
export async function startAll(stage: Stage, names: readonly ContenderName[]): Promise<Map<ContenderName, World>> {
  const worlds = new Map<ContenderName, World>();
  for (const name of names) worlds.set(name, await stage.start(name));
  return worlds;
}

/** Prints what one job came to. */
export function printLines(title: string, lines: readonly Line[]): void {
  console.log(`\n${title}`);
  for (const { contender, rounds, ratios } of lines) {
    const { perSecond, cpu, p50, p99 } = middleOf(rounds);
    const rate = Math.round(perSecond).toLocaleString("en").padStart(8);
    const figures = `${rate}/s  ${cpu.toFixed(1).padStart(7)} µs  p50 ${p50.toFixed(2)} p99 ${p99.toFixed(2)} ms`;
    const compared = ratios && `ours ÷ it: rate ${words(ratios.rate)}, processor time ${words(ratios.cpu)}`;
    console.log(`  ${contenderKinds[contender].title.padEnd(42)} ${figures}  ${compared ?? ""}`);
  }
}

/** A ratio with its spread. */
export function words(values: readonly number[]): string {
  const { median, least, most } = spreadOf(values);
  return `${median.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`;
}

/** Reads what flags say about rounds. */
export const roundsOf = (flags: Readonly<Record<"rounds" | "seconds" | "concurrency", string>>): RoundOptions => ({
  rounds: Number(flags.rounds),
  milliseconds: Number(flags.seconds) * 1000,
  concurrency: Number(flags.concurrency),
});
