/**
 * One job, all who can do it, in one run: bare, ours, peer, ours, peer … and again, so many rounds.
 *
 * The one property: a ratio is always of two rounds that followed one another, ours and then the peer's.
 */
import type { ContenderName } from "./contenders.ts";
import { type Job, limit, type World } from "./jobs.ts";
import { load, type Measured } from "./load.ts";
import { median } from "./rounds.ts";

export interface RoundOptions {
  readonly rounds: number;
  readonly milliseconds: number;
  readonly concurrency: number;
}

/** What one contender did in the rounds. Without `ratios` it is ours, or the limit. */
export interface Line {
  readonly contender: ContenderName;
  readonly rounds: readonly Measured[];
  /** Ours ÷ it: rates; and it ÷ ours: processor time. One for each round. */
  readonly ratios?: { readonly rate: readonly number[]; readonly cpu: readonly number[] };
}

export type Worlds = ReadonlyMap<ContenderName, World>;
type Turn = (world: World, milliseconds: number) => Promise<Measured>;

/** Those who are compared with the rest: the first of them that can do the job. */
const oursNames: readonly ContenderName[] = ["ours", "ours-api"];

/** Measures everybody who can do the job. Nobody can: no lines. Rejects with whose answer was wrong, and how. */
export async function sideBySide(job: Job, worlds: Worlds, options: RoundOptions): Promise<Line[]> {
  const { rounds, milliseconds } = options;
  const able = [...worlds].filter(([, { server }]) => server.target.able.includes(job.name));
  if (able.length === 0) return [];
  const ours = oursNames.flatMap((name) => able.filter(([one]) => one === name))[0];
  const others = able.filter((one) => one !== ours);
  const bare = worlds.get("bare");
  const turns = new Map<World, Turn>();
  for (const [name, world] of [...worlds]) turns.set(world, turnOf(name === "bare" ? limit : job, name, options));
  const once = (world: World): Promise<Measured> => turns.get(world)?.(world, milliseconds) ?? Promise.reject();

  for (const [, world] of able) await once(world);
  const kept = new Map<ContenderName, Measured[]>();
  const beside = new Map<ContenderName, Measured[]>();
  const keep = (to: typeof kept, name: ContenderName, one: Measured) => to.set(name, [...(to.get(name) ?? []), one]);
  for (let round = 0; round < rounds; round++) {
    if (bare !== undefined) keep(kept, "bare", await once(bare));
    for (const [name, world] of others) {
      if (ours !== undefined) keep(beside, name, await once(ours[1]));
      keep(kept, name, await once(world));
    }
    if (ours !== undefined && others.length === 0) keep(beside, ours[0], await once(ours[1]));
  }
  const limits = kept.get("bare") ?? [];
  return [
    ...(limits.length === 0 ? [] : [{ contender: "bare" as const, rounds: limits }]),
    ...(ours === undefined ? [] : [{ contender: ours[0], rounds: [...beside.values()].flat() }]),
    ...others.map(([contender]) => lineOf(contender, kept.get(contender) ?? [], beside.get(contender) ?? [])),
  ];
}

/** One round of one contender. How many units to make ready for is known from its round before. */
function turnOf(job: Job, name: ContenderName, { concurrency }: RoundOptions): Turn {
  let rate = 1_000;
  return async (world, milliseconds) => {
    try {
      const expected = Math.ceil(Math.max(300, (rate * milliseconds * 1.2) / 1000));
      const unit = await job.prepare(world, { concurrency, expected });
      const measured = await load(world.server, unit, { concurrency, milliseconds });
      rate = measured.perSecond;
      return measured;
    } catch (cause) {
      throw new Error(`${name}, ${job.title}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    }
  };
}

function lineOf(contender: ContenderName, theirs: readonly Measured[], ours: readonly Measured[]): Line {
  if (ours.length === 0) return { contender, rounds: theirs };
  const rate = ours.map((one, at) => one.perSecond / (theirs[at]?.perSecond ?? Number.NaN));
  const cpu = ours.map((one, at) => (theirs[at]?.cpu ?? Number.NaN) / one.cpu);
  return { contender, rounds: theirs, ratios: { rate, cpu } };
}

/** The middle one, the least and the most. */
export function spreadOf(values: readonly number[]): { median: number; least: number; most: number } {
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) };
}

/** The medians of the rounds. */
export function middleOf(rounds: readonly Measured[]): Pick<Measured, "perSecond" | "cpu" | "p50" | "p99"> {
  const of = (key: "perSecond" | "cpu" | "p50" | "p99") => median(rounds.map((round) => round[key]));
  return { perSecond: of("perSecond"), cpu: of("cpu"), p50: of("p50"), p99: of("p99") };
}
