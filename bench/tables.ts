/**
 * Results as Markdown: one table for each kind of benchmark, with what it was measured on.
 */
import { type ContenderName, contenderKinds } from "./contenders.ts";
import type { Environment } from "./environment.ts";
import { type Line, middleOf, spreadOf } from "./side-by-side.ts";

interface Common {
  readonly environment: Environment;
  readonly options: Readonly<Record<string, string | number>>;
}
export interface JobLines {
  readonly job: string;
  readonly title: string;
  readonly lines: readonly Line[];
}
type Latency = Readonly<Record<"perSecond" | "p50" | "p99", number>>;

/** What `--out` keeps, by benchmark. */
export type Saved = Common &
  (
    | { readonly kind: "servers"; readonly results: readonly JobLines[] }
    | { readonly kind: "concurrency"; readonly results: readonly (JobLines & { readonly concurrency: number })[] }
    | {
        readonly kind: "growth";
        readonly results: readonly (JobLines & { readonly rows: number; readonly bytes: number })[];
      }
    | {
        readonly kind: "sweep";
        readonly results: Readonly<Record<"before" | "during" | "after", Latency>> & { readonly seconds: number };
      }
    | {
        readonly kind: "start";
        readonly results: readonly Readonly<{
          contender: ContenderName;
          start: number;
          idle: number;
          loaded: number;
        }>[];
      }
    | {
        readonly kind: "soak";
        readonly results: readonly Readonly<{ contender: ContenderName; minutes: readonly { memory: number }[] }>[];
      }
    | {
        readonly kind: "durability";
        readonly results: readonly Readonly<{
          contender: ContenderName;
          title: string;
          answers: number;
          syncs: number;
        }>[];
      }
    | {
        readonly kind: "kill";
        readonly results: readonly Readonly<{ database: string; answered: number; lost: number }>[];
      }
  );

/** The table of one result. */
export function tableOf(saved: Saved): string {
  return `${table(saved)}\n${about(saved)}\n`.trimStart();
}

function table(saved: Saved): string {
  switch (saved.kind) {
    case "servers":
      return `${ratesTable(saved.results)}\n${ratiosTable(saved.results)}`;
    case "concurrency":
      return "";
    case "growth":
      return growthTable(saved.results);
    case "sweep":
      return rows(
        ["", "token requests a second", "p50 ms", "p99 ms"],
        (["before", "during", "after"] as const).map((when) => {
          const { perSecond, p50, p99 } = saved.results[when];
          return [when, whole(perSecond), p50.toFixed(2), p99.toFixed(2)];
        }),
      );
    case "start":
      return rows(
        ["server", "start, ms", "idle, MB", "after load, MB"],
        saved.results.map(({ contender, start, idle, loaded }) => [
          title(contender),
          whole(start),
          whole(idle),
          whole(loaded),
        ]),
      );
    case "durability":
      return rows(
        ["server", "work", "answers", "syncs", "answers for each sync"],
        saved.results.map(({ contender, title: job, answers, syncs }) => [
          title(contender),
          job,
          whole(answers),
          whole(syncs),
          (answers / syncs).toFixed(1),
        ]),
      );
    case "kill":
      return rows(
        ["database", "kill", "tokens answered before it", "lost"],
        saved.results.map(({ database, answered, lost }, at) => [
          database,
          whole(at + 1),
          whole(answered),
          whole(lost),
        ]),
      );
    case "soak":
      return rows(
        ["server", ...(saved.results[0]?.minutes ?? []).map((_, minute) => `${minute} min`)],
        saved.results.map(({ contender, minutes }) => [
          title(contender),
          ...minutes.map(({ memory }) => whole(memory)),
        ]),
      );
  }
}

/** Rates, and in brackets microseconds of processor time. */
function ratesTable(results: readonly JobLines[]): string {
  const names = [...new Set(results.flatMap(({ lines }) => lines.map(({ contender }) => contender)))];
  const titles = [...new Set(names.map(title))];
  return rows(
    ["server", ...results.map((one) => one.title)],
    titles.map((name) => [
      name,
      ...results.map(({ lines }) => {
        const line = lines.find(({ contender }) => title(contender) === name);
        if (line === undefined) return "–";
        const { perSecond, cpu } = middleOf(line.rounds);
        return `${whole(perSecond)} (${cpu < 100 ? cpu.toFixed(1) : whole(cpu)})`;
      }),
    ]),
  );
}

/** Ours ÷ each peer: the rate, with its spread. */
function ratiosTable(results: readonly JobLines[]): string {
  const peers = [
    ...new Set(results.flatMap(({ lines }) => lines.filter(({ ratios }) => ratios).map(({ contender }) => contender))),
  ];
  return rows(
    ["ours ÷", ...results.map((one) => one.title)],
    peers.map((peer) => [
      title(peer),
      ...results.map(({ lines }) => {
        const ratios = lines.find(({ contender }) => contender === peer)?.ratios;
        if (ratios === undefined) return "–";
        const { median, least, most } = spreadOf(ratios.rate);
        return `**${ratio(median)}** (${ratio(least)}–${ratio(most)})`;
      }),
    ]),
  );
}

function growthTable(results: readonly (JobLines & { readonly rows: number; readonly bytes: number })[]): string {
  const sizes = [...new Set(results.map((one) => one.rows))];
  const jobs = [...new Set(results.map((one) => one.title))];
  return rows(
    ["entries", "file, GB", ...jobs],
    sizes.map((size) => [
      whole(size),
      ((results.find((one) => one.rows === size)?.bytes ?? 0) / 2 ** 30).toFixed(2),
      ...jobs.map((job) => {
        const found = results.find((one) => one.rows === size && one.title === job);
        const ratios = found?.lines.find((line) => line.ratios)?.ratios;
        if (ratios === undefined) return "–";
        const { median, least, most } = spreadOf(ratios.rate);
        return `${ratio(median)} (${ratio(least)}–${ratio(most)})`;
      }),
    ]),
  );
}

function about({ environment, options }: Common): string {
  const { date, node, cpu, cores, memory, pinning, versions } = environment;
  const how = Object.entries(options).map(([name, value]) => `${name} ${value}`);
  const known = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `Measured ${date.replace("T", " ")} UTC on ${cpu}, ${cores} cores, ${memory}, Node ${node}; ${pinning}; ${how.join(", ")}. ${known.join(", ")}.`;
}

const title = (name: ContenderName): string =>
  contenderKinds[name === "better-auth-rs256" ? "better-auth" : name === "ours-api" ? "ours" : name].title;
const whole = (value: number): string => Math.round(value).toLocaleString("en");
const ratio = (value: number): string => (value < 10 ? value.toFixed(2) : value.toFixed(1));
const rows = (head: readonly string[], body: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...body].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
