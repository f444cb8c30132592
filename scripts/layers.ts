/**
 * Fails when an import points the wrong way (docs/design: protocol, store <- client, resource, provider <- valetkey), when
 * files import each other in a circle, when `node:` appears where code must run anywhere or is loaded from there, or when `jose`
 * is imported outside protocol/src/jose.ts. Reads import specifiers as text; runs nothing.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";

const root = resolve(import.meta.dirname, "..");
const mayImport: Record<string, readonly string[]> = {
  protocol: [],
  store: [],
  client: ["protocol", "store"],
  resource: ["protocol"],
  provider: ["protocol", "store"],
  valetkey: ["protocol", "store", "client", "resource", "provider"],
};
/** Packages from outside that each may load while running; types are free. */
const mayLoad: Record<string, readonly string[]> = {
  protocol: ["jose"],
  store: ["pg"],
  client: [],
  resource: [],
  provider: [],
  valetkey: ["hono", "kysely", "pg", "zod", "commander", "pino", "rate-limiter-flexible", "undici", "ipaddr.js"],
};
/** Signing in from a terminal listens, starts a browser and writes a file: docs/decisions/008-terminal.md. */
const terminal = (file: string) => /^packages\/client\/src\/cli-login(\.ts$|\/)/.test(file);
const nodeAllowed = (file: string) =>
  file.startsWith("packages/valetkey/") ||
  /^packages\/store\/src\/(lib\/)?(sqlite|postgres)/.test(file) ||
  terminal(file);
/** What one part of a package may load, and the rest of it may not. */
const mayLoadHere = (file: string): readonly string[] => (terminal(file) ? ["uqr"] : []);

const problems: string[] = [];
const files = globSync("packages/*/src/**/*.{ts,tsx}", { cwd: root })
  .map((file) => file.split(sep).join("/"))
  .filter((file) => !/\.(test|spec)(\.child)?\.tsx?$/.test(file));
const graph = new Map<string, string[]>();

for (const file of files) {
  const own = file.split("/")[1] ?? "";
  const text = readFileSync(join(root, file), "utf8").replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const inner: string[] = [];
  const imports =
    /(?:^|[;\n])\s*(?:import|export)\s[^;"']*?from\s*["']([^"']+)["']|import\s*\(\s*["']([^"']+)["']\s*\)/g;
  for (const match of text.matchAll(imports)) {
    const statement = match[0];
    const from = match[1] ?? match[2] ?? "";
    const typeOnly = /(?:import|export)\s+type\s/.test(statement);
    if (from.startsWith(".")) {
      const target = relative(root, resolve(root, dirname(file), from))
        .split(sep)
        .join("/");
      if (!existsSync(join(root, target))) problems.push(`${file}: ${from} does not exist`);
      if (!target.startsWith(`packages/${own}/`))
        problems.push(`${file}: reaches into another package by path: ${from}`);
      if (!typeOnly) inner.push(target);
      // Whoever loads such a file needs Node too, whatever it imports itself.
      if (!typeOnly && nodeAllowed(target) && !nodeAllowed(file))
        problems.push(`${file}: must run anywhere, and ${target} needs Node`);
    } else if (from.startsWith("@valetkey/") || from === "valetkey" || from.startsWith("valetkey/")) {
      const other = from.startsWith("@") ? (from.split("/")[1] ?? "") : "valetkey";
      if (other !== own && !mayImport[own]?.includes(other)) problems.push(`${file}: ${own} must not import ${from}`);
    } else if (from.startsWith("node:")) {
      if (!nodeAllowed(file)) problems.push(`${file}: ${from} in code that must run anywhere`);
    } else if (!typeOnly) {
      const name = from
        .split("/")
        .slice(0, from.startsWith("@") ? 2 : 1)
        .join("/");
      if (![...(mayLoad[own] ?? []), ...mayLoadHere(file)].includes(name))
        problems.push(`${file}: ${name} is not a dependency ${own} may have`);
      if (name === "jose" && file !== "packages/protocol/src/jose.ts")
        problems.push(`${file}: jose belongs in one file`);
    }
  }
  graph.set(file, inner);
  const lines = text.length === 0 ? 0 : readFileSync(join(root, file), "utf8").split("\n").length;
  if (lines > 400) problems.push(`${file}: ${lines} lines; a file that wants more than 400 is two files`);
}

const state = new Map<string, "open" | "done">();
function visit(file: string, path: readonly string[]): void {
  if (state.get(file) === "done") return;
  if (state.get(file) === "open") {
    problems.push(`import cycle: ${[...path.slice(path.indexOf(file)), file].join(" -> ")}`);
    return;
  }
  state.set(file, "open");
  for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
  state.set(file, "done");
}
for (const file of graph.keys()) visit(file, []);

if (problems.length > 0) {
  console.error(problems.join("\n"));
  console.error(`layers: ${problems.length} problem(s) in ${files.length} files`);
  process.exit(1);
}
console.log(`layers: ${files.length} files, no problem`);
