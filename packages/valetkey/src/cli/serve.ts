/**
 * `valetkey serve`: runs the server until it is asked to end.
 *
 * The one property: standard output gets exactly one line, `ready <issuer>` (`{"ready": "<issuer>"}` with `--json`), at the
 * moment requests are answered.
 */
import type { Command } from "commander";
import { secretPath } from "../secret-file.ts";
import { startWith } from "../serve.ts";
import { onlyThisMachine, type Settings } from "../settings.ts";
import { Interrupted } from "./errors.ts";
import { type McpScope, mcpLines, mcpScope, mcpUrl, usualMcpScope, withMcp } from "./mcp-flags.ts";
import { columns, type Terminal, withoutPassword } from "./terminal.ts";
import { type CommonFlags, settingsOf, wholeNumber, withCommonFlags } from "./with-provider.ts";

interface ServeFlags extends CommonFlags {
  readonly port?: number;
  readonly host?: string;
  readonly registration?: string;
  readonly logLevel?: string;
  readonly mcp?: string;
  readonly mcpScope?: readonly McpScope[];
}

export function addServe(program: Command, terminal: Terminal, version: string): void {
  withCommonFlags(program.command("serve"))
    .description("run the server")
    .option("--port <number>", "port to listen on; 0 takes a free one", wholeNumber)
    .option("--host <address>", "address to listen on")
    .option("--registration <mode>", "off, open or token: whether applications may register themselves")
    .option("--mcp <url>", "be the authorization server of the MCP server at this URL", mcpUrl)
    .option("--mcp-scope <scope>", "a scope of it, or scope=words; the first is for every request", mcpScope)
    .option("--log-level <level>", "debug, info, warn, error or silent")
    .action(async (flags: ServeFlags, command: Command) => {
      const { port, host, registration, logLevel, mcp, mcpScope: scopes = [{ scope: usualMcpScope }] } = flags;
      if (mcp === undefined && flags.mcpScope !== undefined) command.error("error: --mcp-scope needs --mcp");
      const log = logLevel === undefined ? undefined : { level: logLevel };
      const { settings, path } = await settingsOf(terminal, flags, { port, host, registration, log }, (given) =>
        mcp === undefined ? given : withMcp(given, mcp, scopes),
      );
      const server = await startWith(settings);
      const lines = [
        ["  issuer", server.issuer],
        ["  listening", `${settings.host} port ${server.port}`],
        ["  database", withoutPassword(settings.database)],
        ...(path === undefined ? [] : [["  configuration", path]]),
        ...(mcp === undefined ? [] : mcpLines(server.issuer, mcp, scopes)),
        ...(server.setupUrl === undefined ? [] : [["  first account", `${server.setupUrl}   (works once)`]]),
        ...warnings(settings).map((warning) => ["  warning", warning]),
      ];
      for (const line of [`Valetkey ${version}`, ...columns(lines)]) terminal.say(line);
      terminal.out(flags.json === true ? JSON.stringify({ ready: server.issuer }) : `ready ${server.issuer}`);
      const signal = await terminal.untilEnd();
      await server.close();
      // Everything is closed; whoever pressed Ctrl-C is told so in the status, as by any program.
      if (signal === "SIGINT") throw new Interrupted();
    });
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
