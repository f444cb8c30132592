/**
 * Finds what was configured: flags, environment (and `.env`), configuration file, in this order of precedence.
 *
 * Nothing is opened or made here, so `config print` and `doctor` work anywhere. The one property: a value's origin is
 * known, and what cannot be read is a mistake among the others, not the end of the search.
 */

import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseEnv } from "node:util";
import type { Mistake } from "./config-schema.ts";
import { closest } from "./did-you-mean.ts";
import type { Sourced } from "./settings.ts";

export interface ConfigSources {
  /** Values of command line flags by key, e.g. `{ port: 0 }`. */
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Folder to look in; the working folder unless given. */
  readonly folder?: string;
  /** A file named by `--config`: it must be there. */
  readonly file?: string;
}

export interface FoundConfig {
  readonly given: ReadonlyMap<string, Sourced>;
  readonly mistakes: readonly Mistake[];
  /** Path of the configuration file that was read. */
  readonly path?: string;
}

const names = ["ts", "mts", "js", "mjs", "json"].map((extension) => `valetkey.config.${extension}`);

const asText = (text: string): unknown => text;
const asNumber = (text: string): unknown => (/^\d+$/.test(text) ? Number(text) : text);
const asList = (text: string): unknown =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
const oneOrMore = (text: string): unknown => (text.includes(",") ? asList(text) : text);

/** Variable → key. The first that is set counts. */
const variables: readonly { name: string; key: string; read: (text: string) => unknown; secret?: true }[] = [
  { name: "VALETKEY_ISSUER", key: "issuer", read: asText },
  { name: "PORT", key: "port", read: asNumber },
  { name: "HOST", key: "host", read: asText },
  { name: "VALETKEY_WORKERS", key: "workers", read: asNumber },
  { name: "VALETKEY_DATABASE_URL", key: "database", read: asText, secret: true },
  { name: "DATABASE_URL", key: "database", read: asText, secret: true },
  { name: "VALETKEY_SECRET", key: "secret", read: oneOrMore, secret: true },
  { name: "VALETKEY_PROFILE", key: "profile", read: asText },
  { name: "VALETKEY_REGISTRATION", key: "registration", read: asText },
  { name: "VALETKEY_TRUSTED_PROXIES", key: "trustedProxies", read: asList },
  { name: "VALETKEY_HELP_URL", key: "helpUrl", read: asText },
  { name: "LOG_LEVEL", key: "log", read: (level) => ({ level }) },
];

/** Reads all sources. Never throws for what a person wrote. */
export async function findConfig(sources: ConfigSources): Promise<FoundConfig> {
  const folder = resolve(sources.folder ?? ".");
  const given = new Map<string, Sourced>();
  const mistakes: Mistake[] = [];
  const file = await readConfigFile(folder, sources.file, mistakes);
  for (const [key, value] of Object.entries(file?.values ?? {})) {
    if (value !== undefined) given.set(key, { value, origin: file?.name ?? "" });
  }
  const env = { ...(await readDotEnv(folder)), ...definedOf(sources.env ?? {}) };
  for (const [key, sourced] of await readEnvironment(env, mistakes)) given.set(key, sourced);
  for (const [key, value] of Object.entries(sources.flags ?? {})) {
    if (value !== undefined) given.set(key, { value, origin: `--${key === "log" ? "log-level" : key}` });
  }
  return { given, mistakes, ...(file === undefined ? {} : { path: file.path }) };
}

async function readEnvironment(
  env: Readonly<Record<string, string>>,
  mistakes: Mistake[],
): Promise<Map<string, Sourced>> {
  const found = new Map<string, Sourced>();
  for (const { name, key, read, secret } of variables) {
    if (found.has(key)) continue;
    const text = env[name];
    if (text !== undefined && text !== "") found.set(key, { value: read(text), origin: `env ${name}` });
    else if (secret && env[`${name}_FILE`]) {
      const path = env[`${name}_FILE`] ?? "";
      try {
        found.set(key, { value: read((await readFile(path, "utf8")).trim()), origin: `env ${name}_FILE` });
      } catch (error) {
        mistakes.push({
          key,
          origin: `env ${name}_FILE`,
          what: "names a file that cannot be read",
          got: path,
          why: reasonOf(error),
          fix: `name a file this process may read, or set ${name} itself`,
        });
      }
    }
  }
  const known = variables.flatMap(({ name, secret }) => (secret ? [name, `${name}_FILE`] : [name]));
  for (const name of Object.keys(env)) {
    if (!name.startsWith("VALETKEY_") || known.includes(name)) continue;
    // Only what is close to a name of ours: other programs may have variables that begin like ours.
    const meant = closest(
      name.slice("VALETKEY_".length),
      known.filter((one) => one.startsWith("VALETKEY_")).map((one) => one.slice(9)),
    );
    if (meant !== undefined)
      mistakes.push({
        key: name,
        origin: "env",
        what: "is not a variable we read",
        fix: `did you mean VALETKEY_${meant}?`,
      });
  }
  return found;
}

async function readDotEnv(folder: string): Promise<Record<string, string>> {
  try {
    return definedOf(parseEnv(await readFile(join(folder, ".env"), "utf8")));
  } catch {
    return {};
  }
}

async function readConfigFile(folder: string, named: string | undefined, mistakes: Mistake[]) {
  for (const name of named === undefined ? names : [named]) {
    const path = resolve(folder, name);
    let source: string;
    try {
      source = await readFile(path, "utf8");
    } catch (error) {
      if (named === undefined && (error as NodeJS.ErrnoException).code === "ENOENT") continue;
      const fix = "name one that is there with --config, or let npx valetkey init write one";
      mistakes.push({ key: name, what: "cannot be read", why: reasonOf(error), fix });
      return undefined;
    }
    try {
      const values: unknown = path.endsWith(".json")
        ? JSON.parse(source)
        : ((await import(pathToFileURL(path).href)) as { default?: unknown }).default;
      if (typeof values === "object" && values !== null && !Array.isArray(values)) {
        return { name, path, values: values as Record<string, unknown> };
      }
      mistakes.push({ key: name, what: "has no configuration in it", fix: "export default { issuer: … }" });
    } catch (error) {
      mistakes.push({ key: name, what: "cannot be loaded", why: reasonOf(error), ...whereIn(path, source, error) });
    }
    return undefined;
  }
  return undefined;
}

function definedOf(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s+/g, " ").slice(0, 300);
}

/** Says where in the file to look, as far as Node says it, and what Node cannot read where it is that. */
function whereIn(path: string, source: string, error: unknown): { fix?: string } {
  const { message = "", stack = "", code } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  // The line is good: what is wrong stands in the package.json above it. `npm init` writes "commonjs".
  if (/^Cannot use import statement outside a module|^Unexpected token 'export'/.test(message))
    return {
      fix: 'say "type": "module" in package.json (npm pkg set type=module), or name the file valetkey.config.mts',
    };
  const at = [path, pathToFileURL(path).href]
    .map((one) => stack.split(one)[1] ?? "")
    .map((rest) => /^:(\d+)/.exec(rest)?.[1])
    .find((line) => line !== undefined);
  const line = at ?? /\(line (\d+) column/.exec(message)?.[1] ?? lineOf(source, /at position (\d+)/.exec(message)?.[1]);
  const limits =
    code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX" || code === "ERR_MODULE_NOT_FOUND"
      ? "Node itself reads TypeScript: no enums, no path aliases, imports with their extension"
      : undefined;
  const words = [line === undefined ? undefined : `look at line ${line}`, limits].filter((part) => part !== undefined);
  return words.length === 0 ? {} : { fix: words.join("; ") };
}

function lineOf(source: string, position: string | undefined): string | undefined {
  return position === undefined ? undefined : String(source.slice(0, Number(position)).split("\n").length);
}
