/**
 * `valetkey serve`: runs the server until it is asked to end.
 *
 * The one property: standard output gets exactly one line, `ready <issuer>` (`{"ready": "<issuer>"}` with `--json`), at the
 * moment requests are answered.
 */
import { availableParallelism } from "node:os";
import { type Command, InvalidArgumentError } from "commander";
import { readDatabaseUrl } from "../accounts/database.ts";
import { openLog } from "../log.ts";
import { secretPath } from "../secret-file.ts";
import { startWith } from "../serve.ts";
import { onlyThisMachine, type Settings } from "../settings.ts";
import { startWorkers, WorkerFailed } from "../workers.ts";
import { CliError, Interrupted, type ProblemCode, problemPages } from "./errors.ts";
import { type McpScope, mcpLines, mcpScope, mcpUrl, usualMcpScope, withMcp } from "./mcp-flags.ts";
import { columns, type Terminal } from "./terminal.ts";
import { type CommonFlags, settingsOf, shownDatabase, wholeNumber, withCommonFlags } from "./with-provider.ts";

export interface ServeFlags extends CommonFlags {
  readonly port?: number;
  readonly host?: string;
  readonly workers?: number | "auto";
  readonly registration?: string;
  readonly logLevel?: string;
  readonly mcp?: string;
  readonly mcpScope?: readonly McpScope[];
}

export function addServe(serve: Command, terminal: Terminal, version: string): void {
  withCommonFlags(serve)
    .option("--port <number>", "port to listen on; 0 takes a free one", wholeNumber)
    .option("--host <address>", "address to listen on")
    .option(
      "--workers <number>",
      "processes that answer; auto is one per core; more than one needs PostgreSQL",
      workersFlag,
    )
    .option("--registration <mode>", "off, open or token: whether applications may register themselves")
    .option("--mcp <url>", "be the authorization server of the MCP server at this URL", mcpUrl)
    .option("--mcp-scope <scope>", "a scope of it, or scope=words; the first is for every request", mcpScope)
    .option("--log-level <level>", "debug, info, warn, error or silent")
    .action(async (flags: ServeFlags, command: Command) => {
      const { mcp } = flags;
      if (mcp === undefined && flags.mcpScope !== undefined) command.error("error: --mcp-scope needs --mcp");
      const { settings, path } = await serveSettings(terminal, flags);
      const workers = workersOf(settings);
      const server =
        workers === 1 ? await startWith(settings) : await startTogether(terminal, flags, settings, workers);
      const lines = [
        ["  issuer", server.issuer],
        ["  listening", `${settings.host} port ${server.port}`],
        ["  database", shownDatabase(settings)],
        ...workersLine(settings, workers),
        ...(path === undefined ? [] : [["  configuration", path]]),
        ...(mcp === undefined ? [] : mcpLines(server.issuer, mcp, scopesOf(flags), settings.registration)),
        ...(server.setupUrl === undefined ? [] : [["  first account", `${server.setupUrl}   (works once)`]]),
        ...warnings(settings).map((warning) => ["  warning", warning]),
      ];
      // Before anybody is told that it runs, and so may ask it to end.
      const asked = terminal.untilEnd();
      for (const line of [`Valetkey ${version}`, ...columns(lines)]) terminal.say(line);
      terminal.out(flags.json === true ? JSON.stringify({ ready: server.issuer }) : `ready ${server.issuer}`);
      const signal = await asked;
      await server.close();
      // Everything is closed; whoever pressed Ctrl-C is told so in the status, as by any program.
      if (signal === "SIGINT") throw new Interrupted();
    });
}

/** Reads what these flags and the rest of the configuration come to: in the parent and in each worker the same. */
export function serveSettings(terminal: Terminal, flags: ServeFlags) {
  const { port, host, workers, registration, logLevel, mcp } = flags;
  const log = logLevel === undefined ? undefined : { level: logLevel };
  return settingsOf(terminal, flags, { port, host, workers, registration, log }, (given) =>
    mcp === undefined ? given : withMcp(given, mcp, scopesOf(flags)),
  );
}

const scopesOf = ({ mcpScope: scopes = [{ scope: usualMcpScope }] }: ServeFlags): readonly McpScope[] => scopes;

/** One per core, where they can share a database. */
export function workersOf({ workers, database }: Pick<Settings, "workers" | "database">): number {
  if (workers !== "auto") return workers;
  return readDatabaseUrl(database)?.kind === "postgres" ? availableParallelism() : 1;
}

async function startTogether(terminal: Terminal, flags: ServeFlags, settings: Settings, count: number) {
  const { host, port, log } = settings;
  const { env, folder } = terminal;
  try {
    return await startWorkers({ count, flags, host, port, env, folder, log: openLog(log.level) });
  } catch (error) {
    if (!(error instanceof WorkerFailed)) throw error;
    const { code, details, fix, stack } = error.failure;
    const known = Object.hasOwn(problemPages, code) ? (code as ProblemCode) : "VK1000";
    const problem = new CliError(known, details, fix);
    if (stack !== undefined) problem.stack = stack;
    throw problem;
  }
}

function workersFlag(value: string): number | "auto" {
  if (value === "auto") return value;
  if (!/^[1-9]\d{0,8}$/.test(value))
    throw new InvalidArgumentError("It must be a whole number of at least 1, or auto.");
  return Number(value);
}

/** Nothing where there is one, but that `auto` came to it may surprise. */
function workersLine({ workers, database }: Settings, count: number): string[][] {
  if (count > 1) return [["  workers", String(count)]];
  const auto = workers === "auto" && readDatabaseUrl(database)?.kind === "sqlite";
  return auto ? [["  workers", "1   (auto is one with SQLite; more need PostgreSQL)"]] : [];
}

function warnings({ issuer, host, secret, database, registration, clientIdDocuments, profile }: Settings): string[] {
  const all: string[] = [];
  if (secret === undefined) all.push(`the secret is one made for development, in ${secretPath(database)}`);
  if (issuer.startsWith("http:") && !onlyThisMachine(host))
    all.push(`${issuer} works on this computer only, but ${host} is open to others`);
  if (registration === "open") all.push("anybody may register applications");
  if (clientIdDocuments === true || (clientIdDocuments === undefined && profile === "mcp"))
    all.push("applications from anywhere may ask people for access");
  return all;
}
