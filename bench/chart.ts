/**
 * A line chart as SVG: logarithmic both ways, names at the ends of the lines, colours for light and dark pages in one file.
 *
 * The one property: it needs no script, no font and no other file, so that it shows wherever an image does.
 */

export interface Series {
  readonly name: string;
  /** Ours are drawn first in the eye: heavier. */
  readonly ours: boolean;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Chart {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
}

const size = { width: 760, height: 400, left: 72, right: 250, top: 48, bottom: 52 };
/** Light, then dark: told apart by lightness too, for those who do not see all colours. */
const colours = [
  ["#1d4ed8", "#7da7ff"],
  ["#0f766e", "#4fd1c5"],
  ["#b45309", "#f5b35c"],
  ["#a21caf", "#e48bf0"],
  ["#4d7c0f", "#a8d65c"],
  ["#b91c1c", "#ff8f8f"],
  ["#52525b", "#a1a1aa"],
] as const;

/** Draws it. */
export function drawChart({ title, x, y, series }: Chart): string {
  const all = series.flatMap(({ points }) => points);
  const across = scale(
    all.map(([at]) => at),
    size.left,
    size.width - size.right,
  );
  const up = scale(
    all.map(([, at]) => at),
    size.height - size.bottom,
    size.top,
  );
  const [right, bottom] = [size.width - size.right, size.height - size.bottom];
  const parts: string[] = [];
  for (const tick of up.ticks) {
    const at = up.place(tick);
    parts.push(`<path class="grid" d="M${size.left} ${at}H${right}"/>`);
    parts.push(text(size.left - 8, at + 4, number(tick), "end"));
  }
  for (const tick of [...new Set(all.map(([at]) => at))].sort((a, b) => a - b))
    parts.push(text(across.place(tick), bottom + 20, number(tick), "middle"));
  parts.push(text((size.left + right) / 2, size.height - 10, x, "middle"));
  parts.push(text(size.left - 60, size.top - 12, y, "start"));
  const ends = apart(series.map(({ points }) => up.place(points.at(-1)?.[1] ?? 1)));
  series.forEach(({ name, ours, points }, at) => {
    const places = points.map(([px, py]) => `${across.place(px)} ${up.place(py)}`);
    parts.push(`<path class="line c${at}${ours ? " ours" : ""}" d="M${places.join("L")}"/>`);
    for (const [px, py] of points)
      parts.push(`<circle class="dot c${at}" cx="${across.place(px)}" cy="${up.place(py)}" r="${ours ? 3.5 : 2.5}"/>`);
    parts.push(text(right + 12, (ends[at] ?? 0) + 4, name, "start", `name c${at}${ours ? " ours" : ""}`));
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label="${escaped(title)}">
<style>${style}</style>
<rect class="page" width="${size.width}" height="${size.height}"/>
${text(size.left - 60, 20, title, "start", "title")}
${parts.join("\n")}
</svg>
`;
}

const paint = (dark: 0 | 1): string =>
  colours.map((pair, at) => `.c${at}{stroke:${pair[dark]};fill:${pair[dark]}}`).join("");
const style = `text{font:13px system-ui,sans-serif;fill:#3f3f46}.title{font-weight:600;font-size:15px;fill:#18181b}
.page{fill:#fff}.grid{stroke:#e4e4e7;fill:none}path.line{fill:none;stroke-width:1.75}path.ours{stroke-width:3}
text.name{stroke:none}text.ours{font-weight:600}${paint(0)}text.name{stroke:none}path.line{fill:none}
@media(prefers-color-scheme:dark){text{fill:#d4d4d8}.title{fill:#fafafa}.page{fill:#0d1117}.grid{stroke:#30363d}
${paint(1)}text.name{stroke:none}path.line{fill:none}}`;

interface Scale {
  place(value: number): number;
  /** Powers of ten, or finer if there are few. */
  readonly ticks: readonly number[];
}

function scale(values: readonly number[], from: number, to: number): Scale {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const [low, high] = [Math.log10(least), Math.log10(most) + 0.02];
  const steps = high - low > 1.7 ? [1] : [1, 2, 5];
  const ticks: number[] = [];
  for (let power = Math.floor(low); power <= high; power++) for (const step of steps) ticks.push(step * 10 ** power);
  const bottom = Math.max(...ticks.filter((tick) => tick <= least), Number.NEGATIVE_INFINITY);
  const start = Number.isFinite(bottom) ? Math.log10(bottom) : low;
  return {
    place: (value) => round(from + ((Math.log10(value) - start) / (high - start || 1)) * (to - from)),
    ticks: ticks.filter((tick) => Math.log10(tick) >= start - 1e-9 && Math.log10(tick) <= high),
  };
}

/** Moves labels until none covers another, keeping their order. */
function apart(places: readonly number[], gap = 17): readonly number[] {
  const order = places.map((place, at) => ({ place, at })).sort((a, b) => a.place - b.place);
  for (let n = 1; n < order.length; n++) {
    const [above, below] = [order[n - 1], order[n]];
    if (above && below && below.place - above.place < gap) below.place = above.place + gap;
  }
  const over = (order.at(-1)?.place ?? 0) - (size.height - size.bottom + 6);
  const moved: number[] = [];
  for (const { place, at } of order) moved[at] = over > 0 ? place - over : place;
  return moved;
}

const round = (value: number): number => Math.round(value * 10) / 10;
const number = (value: number): string => value.toLocaleString("en");
const escaped = (value: string): string =>
  value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
const text = (x: number, y: number, words: string, anchor: string, kind = ""): string =>
  `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}"${kind === "" ? "" : ` class="${kind}"`}>${escaped(words)}</text>`;
