/**
 * `npm run bench -- report [--from bench/dist/results]`: writes what the last runs measured into docs/performance.md, between its marks,
 * and draws the plots beside it.
 */
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { drawPlots } from "./plots.ts";
import { readFlags } from "./stage.ts";
import { type Saved, tableOf } from "./tables.ts";

const flags = readFlags({ from: resolve(import.meta.dirname, "dist/results") });
const docs = resolve(import.meta.dirname, "../docs");
const page = join(docs, "performance.md");
const plots = join(docs, "performance");
mkdirSync(plots, { recursive: true });

let text = existsSync(page) ? readFileSync(page, "utf8") : "";
for (const file of globSync("*.json", { cwd: flags.from }).sort()) {
  const saved = JSON.parse(readFileSync(join(flags.from, file), "utf8")) as Saved;
  const drawn = drawPlots(saved);
  for (const { name, svg } of drawn) writeFileSync(join(plots, `${name}.svg`), svg);
  const images = drawn.map(({ name, title }) => `![${title}](performance/${name}.svg)\n`).join("");
  const [open, close] = [`<!-- bench:${saved.kind} -->`, `<!-- /bench:${saved.kind} -->`];
  const [start, end] = [text.indexOf(open), text.indexOf(close)];
  if (start < 0 || end < start) {
    console.log(`docs/performance.md has no place for ${saved.kind}: ${open} … ${close}`);
    continue;
  }
  text = `${text.slice(0, start + open.length)}\n\n${tableOf(saved)}${images === "" ? "" : `\n${images}`}\n${text.slice(end)}`;
  console.log(`${saved.kind}: measured ${saved.environment.date}`);
}
writeFileSync(page, text);
