/**
 * Measures contenders in alternating rounds: A, B, C, A, B, C … so that whatever else the machine does hits all of them alike.
 *
 * The one property: what is printed as a ratio was measured within the same round, and its spread is printed with it.
 */

/** What one contender did in one round. */
export interface Round {
  readonly perSecond: number;
  /** Microseconds of processor time for each, of the process that did the work. */
  readonly cpu: number;
}

export interface Contender {
  readonly name: string;
  /** Works for about so many milliseconds. */
  run(milliseconds: number): Promise<Round>;
}

export type Results = ReadonlyMap<string, readonly Round[]>;

/** Runs all contenders once to warm up, then so many rounds. */
export async function alternate(
  contenders: readonly Contender[],
  { rounds, milliseconds }: { readonly rounds: number; readonly milliseconds: number },
): Promise<Results> {
  const results = new Map<string, Round[]>(contenders.map(({ name }) => [name, []]));
  for (const { run } of contenders) await run(milliseconds / 2);
  for (let round = 0; round < rounds; round++)
    for (const { name, run } of contenders) results.get(name)?.push(await run(milliseconds));
  return results;
}

/** Prints rates and processor time: medians of the rounds. */
export function printRates(title: string, results: Results): void {
  console.log(`\n${title}`);
  const width = Math.max(...[...results.keys()].map((name) => name.length));
  for (const [name, rounds] of results) {
    const rate = Math.round(median(rounds.map(({ perSecond }) => perSecond))).toLocaleString("en");
    const cpu = median(rounds.map((round) => round.cpu)).toFixed(1);
    console.log(`  ${name.padEnd(width)}  ${rate.padStart(9)}/s  ${cpu.padStart(7)} µs`);
  }
}

/** Prints how many times the rate of another each pair has, and how many times less processor time: medians, least to most. */
export function printRatios(results: Results, pairs: readonly (readonly [string, string])[]): void {
  const spread = (ours: readonly number[], others: readonly number[]): string => {
    const ratios = ours.map((one, at) => one / (others[at] ?? Number.NaN));
    const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map((one) => one.toFixed(2));
    return `${median(ratios).toFixed(2)} (${least} to ${most})`;
  };
  for (const [ours, other] of pairs) {
    const [mine, theirs] = [results.get(ours) ?? [], results.get(other) ?? []];
    const rates = [mine, theirs].map((rounds) => rounds.map(({ perSecond }) => perSecond));
    const times = [theirs, mine].map((rounds) => rounds.map(({ cpu }) => cpu));
    const [rate, time] = [rates, times].map(([one = [], another = []]) => spread(one, another));
    console.log(`  ${ours} ÷ ${other}: rate ${rate}, processor time ${time}`);
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
