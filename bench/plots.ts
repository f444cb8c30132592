/**
 * Which plots a result gives: throughput and p99 against concurrency, one pair for each job, and against the number of stored entries.
 */
import { type Chart, drawChart, type Series } from "./chart.ts";
import { type ContenderName, contenderKinds } from "./contenders.ts";
import { type Line, middleOf } from "./side-by-side.ts";
import type { Saved } from "./tables.ts";

const measures = {
  rate: { key: "perSecond", words: "per second" },
  p99: { key: "p99", words: "p99, ms" },
} as const;
type Measure = keyof typeof measures;

interface Point {
  readonly x: number;
  readonly lines: readonly Line[];
}

export interface Plot {
  /** Of the file, without its ending. */
  readonly name: string;
  readonly title: string;
  readonly svg: string;
}

/** Draws what there is to draw. */
export function drawPlots(saved: Saved): readonly Plot[] {
  if (saved.kind === "concurrency") {
    return plotsOf(
      saved.results.map((one) => ({ ...one, x: one.concurrency })),
      "concurrency",
      "requests at a time",
    );
  }
  if (saved.kind === "growth") {
    return plotsOf(
      saved.results.map((one) => ({ ...one, x: one.rows })),
      "growth",
      "entries stored",
    );
  }
  return [];
}

function plotsOf(
  results: readonly (Point & { readonly job: string; readonly title: string })[],
  kind: string,
  x: string,
): Plot[] {
  const plots: Plot[] = [];
  for (const job of new Set(results.map((one) => one.job))) {
    const points = results.filter((one) => one.job === job);
    for (const measure of Object.keys(measures) as Measure[]) {
      const { words } = measures[measure];
      const title = `${points[0]?.title}: ${words}`;
      const chart: Chart = { title, x, y: words, series: seriesOf(points, measure) };
      plots.push({ name: `${kind}-${job}-${measure}`, title, svg: drawChart(chart) });
    }
  }
  return plots;
}

function seriesOf(points: readonly Point[], measure: Measure): Series[] {
  const names = [...new Set(points.flatMap(({ lines }) => lines.map(({ contender }) => contender)))];
  return names.map((name) => ({
    name: shortTitle(name),
    ours: name.startsWith("ours"),
    points: placesOf(points, name, measure),
  }));
}

function placesOf(points: readonly Point[], name: ContenderName, measure: Measure): [number, number][] {
  return points.flatMap(({ x, lines }): [number, number][] => {
    const line = lines.find(({ contender }) => contender === name);
    return line === undefined ? [] : [[x, middleOf(line.rounds)[measures[measure].key]]];
  });
}

const shortTitle = (name: ContenderName): string =>
  contenderKinds[name].title.replace(", Express", "").replace(", Flask, gunicorn", "");
