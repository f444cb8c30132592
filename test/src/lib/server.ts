/**
 * Runs the server and its command line as somebody who installed it would: a process of its own, talked to over HTTP.
 *
 * Every server has a fresh folder (configuration, SQLite file) and a port of its own. The one property: nothing of it is
 * left when the test process ends.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Ended, type RunningProcess, runProcess, startProcess } from "@valetkey/test-support/process";

const bin = resolve(import.meta.dirname, "../../../packages/valetkey/bin/valetkey.js");

export interface ServerSetup {
  /** `sqlite`: a file in the server's own folder; otherwise a `postgres://` URL. `sqlite` unless given. */
  readonly database?: string;
  /** Added to, or taking the place of, what the server gets anyway; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** More arguments of `serve`. */
  readonly args?: readonly string[];
  /** Written to `valetkey.config.json`. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** The public URL, where it is not the address the process listens on: behind a TLS proxy. */
  readonly issuer?: string;
  /** Another server, to be a second process of the same: its issuer, secret and configuration. */
  readonly besides?: Pick<Installation, "issuer" | "secret" | "config">;
  /** A program that runs `node` for us, e.g. `["prlimit", "--nofile=64"]`. */
  readonly wrapper?: readonly string[];
}

/** How a command ended. `json` is its standard output, read; nothing if that is not JSON. */
export interface CommandResult {
  readonly code: number | null;
  // biome-ignore lint/suspicious/noExplicitAny: each command has its own document, and the tests say what they expect in it
  readonly json: any;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder with everything a server needs, before its first start. */
export interface Installation {
  readonly folder: string;
  /** The SQLite file; it exists only with SQLite and after the first start or command. */
  readonly databaseFile: string;
  readonly issuer: string;
  /** Where this process listens: the issuer's address unless it stands besides another. */
  readonly origin: string;
  readonly secret: string;
  readonly port: number;
  /** As in `valetkey.config.json`, if there is one. */
  readonly config: Readonly<Record<string, unknown>> | undefined;
  /** Runs the command line with the same configuration. */
  cli(args: readonly string[], stdin?: string): Promise<CommandResult>;
  /** Starts `serve`; resolves when it says that it is ready, rejects with its output if it ends instead. */
  start(options?: {
    args?: readonly string[];
    env?: Readonly<Record<string, string | undefined>>;
  }): Promise<RunningProcess>;
  /** Runs `serve` where it is expected to refuse to start. */
  refuse(options?: {
    args?: readonly string[];
    env?: Readonly<Record<string, string | undefined>>;
  }): Promise<CommandResult>;
  remove(): Promise<void>;
}

export interface RunningServer extends Installation {
  readonly process: () => RunningProcess;
  /** Everything the server printed, over all its starts. */
  output(): string;
  /** Asks it to end (SIGTERM); the folder stays until `remove`. */
  stop(): Promise<Ended>;
  kill(): Promise<Ended>;
  /** Ends it if it runs (SIGTERM unless it was killed before) and starts it with the same folder. */
  restart(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Prepares a folder, a port and a secret. Starts nothing. */
export async function install(setup: ServerSetup = {}): Promise<Installation> {
  const folder = await mkdtemp(join(tmpdir(), "valetkey-test-"));
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  const issuer = setup.issuer ?? setup.besides?.issuer ?? origin;
  const secret = setup.besides?.secret ?? randomBytes(32).toString("base64url");
  const data = join(folder, "data");
  const databaseFile = join(data, "valetkey.db");
  const database = setup.database ?? "sqlite";
  const config = setup.config ?? setup.besides?.config;
  if (config) await writeFile(join(folder, "valetkey.config.json"), JSON.stringify(config));
  await mkdir(join(folder, "home"));
  const env = (more: ServerSetup["env"] = {}) => ({
    PATH: process.env.PATH,
    HOME: join(folder, "home"),
    NO_COLOR: "1",
    PORT: `${port}`,
    HOST: "127.0.0.1",
    VALETKEY_ISSUER: issuer,
    VALETKEY_SECRET: secret,
    VALETKEY_DATABASE_URL: database === "sqlite" ? `file:${databaseFile}` : database,
    ...setup.env,
    ...more,
  });
  const [command = process.execPath, ...before] = [...(setup.wrapper ?? []), process.execPath, bin];
  const run = async (args: readonly string[], more: ServerSetup["env"], input?: string): Promise<CommandResult> => {
    const result = await runProcess(command, [...before, ...args], {
      env: env(more),
      cwd: folder,
      timeout: 30_000,
      ...(input === undefined ? {} : { input }),
    });
    return { code: result.code, stdout: result.stdout, stderr: result.stderr, json: readJson(result.stdout) };
  };
  return {
    folder,
    databaseFile,
    issuer,
    origin,
    secret,
    port,
    config,
    cli: (args, stdin) => run(args, {}, stdin),
    start: (options = {}) =>
      startProcess(command, [...before, "serve", ...(setup.args ?? []), ...(options.args ?? [])], {
        env: env(options.env),
        cwd: folder,
        ready: `ready ${issuer}`,
        timeout: 30_000,
      }),
    refuse: (options = {}) => run(["serve", ...(setup.args ?? []), ...(options.args ?? [])], options.env ?? {}),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Installs and starts a server. */
export async function startServer(setup: ServerSetup = {}): Promise<RunningServer> {
  return serve(await install(setup));
}

/** Starts an installation that was prepared before. Its folder goes if it does not start. */
export async function serve(installation: Installation): Promise<RunningServer> {
  let running = await installation.start().catch(async (error: unknown) => {
    await installation.remove();
    throw error;
  });
  let printed = "";
  const keep = () => {
    printed += running.stdout() + running.stderr();
  };
  return {
    ...installation,
    process: () => running,
    output: () => printed + running.stdout() + running.stderr(),
    stop: () => running.stop(),
    kill: () => running.kill(),
    restart: async () => {
      await running.stop();
      keep();
      running = await installation.start();
    },
    [Symbol.asyncDispose]: async () => {
      await running.stop();
      await installation.remove();
    },
  };
}

/** A port nobody listens on, below the range the system gives to outgoing connections: a restart finds it free again. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; ; attempt++) {
    const port = 20_000 + (randomBytes(2).readUInt16BE() % 12_000);
    const server = createServer();
    const taken = once(server, "error");
    server.listen(port, "127.0.0.1");
    const result = await Promise.race([once(server, "listening").then(() => "free"), taken.then(() => "taken")]);
    if (result === "taken" && attempt < 50) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
