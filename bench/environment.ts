/**
 * What a figure means nothing without: the machine, the versions, durability, algorithms, load.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { type ContenderName, contenderKinds } from "./contenders.ts";
import { pinning } from "./processes.ts";

export interface Environment {
  readonly date: string;
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memory: string;
  readonly kernel: string;
  readonly pinning: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly storage: Readonly<Record<string, string>>;
}

/** Reads it; versions of what is installed. */
export function environmentOf(names: readonly ContenderName[]): Environment {
  return {
    date: new Date().toISOString().slice(0, 16),
    node: process.version,
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memory: `${Math.round(totalmem() / 2 ** 30)} GB`,
    kernel: release(),
    pinning,
    versions: versions(),
    storage: Object.fromEntries(names.map((name) => [contenderKinds[name].title, contenderKinds[name].storage])),
  };
}

const packages = [
  "oidc-provider",
  "@node-oauth/oauth2-server",
  "better-auth",
  "@better-auth/oauth-provider",
  "express",
];

function versions(): Record<string, string> {
  const found: Record<string, string> = { valetkey: versionIn("../packages/valetkey") };
  for (const name of packages) found[name] = versionIn(`peers/node_modules/${name}`);
  const script =
    "import authlib,flask,gunicorn;from importlib.metadata import version;print(authlib.__version__,version('flask'),gunicorn.__version__)";
  const [authlib, flask, gunicorn] = (spawnSync("/usr/bin/python3", ["-c", script]).stdout?.toString() ?? "").split(
    /\s/,
  );
  return { ...found, authlib: authlib || "–", flask: flask ?? "–", gunicorn: gunicorn ?? "–" };
}

function versionIn(folder: string): string {
  try {
    const text = readFileSync(join(import.meta.dirname, folder, "package.json"), "utf8");
    return String((JSON.parse(text) as { version?: unknown }).version);
  } catch {
    return "–";
  }
}

/** Prints it. */
export function printEnvironment(environment: Environment, options: Readonly<Record<string, string | number>>): void {
  const { node, cpu, cores, memory, kernel, pinning: pins, versions: all, storage } = environment;
  console.log(`Node ${node}, ${cpu}, ${cores} cores, ${memory}, Linux ${kernel}; ${pins}`);
  console.log(
    Object.entries(all)
      .map(([name, version]) => `${name} ${version}`)
      .join(", "),
  );
  for (const [title, kept] of Object.entries(storage)) console.log(`  ${title}: ${kept}`);
  console.log(
    Object.entries(options)
      .map(([name, value]) => `${name} ${value}`)
      .join(", "),
  );
}
