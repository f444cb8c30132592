/**
 * Builds and starts the examples that need a build of their own, as their `npm run build` and `npm start` do.
 *
 * They have their own `package-lock.json` and are no members of the workspace. Nothing is fetched here: who wants them installs
 * them with `npm run install:frameworks`. The one property: what runs was built from what lies there now.
 */
import assert from "node:assert/strict";
import { existsSync, globSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { type RunningProcess, runProcess, startProcess } from "@valetkey/test-support/process";

const root = resolve(import.meta.dirname, "../../..");

export interface FrameworkExample {
  /** Its folder in `examples`, and its client_id in the tests. */
  readonly name: string;
  /** What `npm run build` and `npm start` run. */
  readonly build: readonly (readonly string[])[];
  readonly start: (port: number) => readonly string[];
  /** It says this when it accepts requests. */
  readonly ready: string;
  /** Written by a build, and good for any port; without it there has to be a build for each. */
  readonly built?: string;
}

export const frameworkExamples: readonly FrameworkExample[] = [
  {
    name: "next",
    build: [["node_modules/next/dist/bin/next", "build"]],
    start: (port) => ["node_modules/next/dist/bin/next", "start", "--hostname", "localhost", "--port", `${port}`],
    ready: "Ready in",
    built: ".next/BUILD_ID",
  },
  {
    name: "sveltekit",
    build: [
      ["node_modules/vite/bin/vite.js", "build"],
      ["node_modules/typescript/bin/tsc", "--noEmit"],
    ],
    start: () => ["build"],
    ready: "Listening on",
  },
];

const folderOf = (name: string): string => resolve(root, "examples", name);

/** Why the examples cannot be run here; nothing if they can. */
export const notInstalled: string | undefined = frameworkExamples.every(({ name }) =>
  existsSync(resolve(folderOf(name), "node_modules/.package-lock.json")),
)
  ? undefined
  : "run npm run install:frameworks";

const environment = (port: number, more: Readonly<Record<string, string>> = {}) => ({
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  NO_COLOR: "1",
  CI: "1",
  NEXT_TELEMETRY_DISABLED: "1",
  HOST: "localhost",
  PORT: `${port}`,
  ...more,
});

/** Builds, unless a build is newer than everything that goes into it. */
export async function build({ name, build, built }: FrameworkExample, port: number): Promise<void> {
  const cwd = folderOf(name);
  if (built !== undefined && isNewest(resolve(cwd, built), cwd)) return;
  const options = { cwd, env: environment(port), timeout: 90_000 };
  for (const step of build) {
    const { code, stdout, stderr } = await runProcess(process.execPath, step, options);
    assert.equal(code, 0, `${name}: ${stdout}${stderr}`);
  }
}

/** Starts what was built. `env` names the provider and the credentials. */
export function start(
  { name, start, ready }: FrameworkExample,
  port: number,
  env: Readonly<Record<string, string>>,
): Promise<RunningProcess> {
  return startProcess(process.execPath, start(port), { cwd: folderOf(name), env: environment(port, env), ready });
}

function isNewest(file: string, folder: string): boolean {
  if (!existsSync(file)) return false;
  const { mtimeMs } = statSync(file);
  const sources = [
    ...globSync(["*.*", "app/**/*.*", "app/.well-known/**/*.*", "node_modules/.package-lock.json"], {
      cwd: folder,
    }).map((one) => resolve(folder, one)),
    ...globSync("packages/{client,protocol,resource,store}/dist/**/*.js", { cwd: root }).map((one) =>
      resolve(root, one),
    ),
  ];
  // A build writes next-env.d.ts itself; tests are not built in.
  return sources.every((one) => /\.(d\.ts|test\.js)$/.test(one) || statSync(one).mtimeMs < mtimeMs);
}
