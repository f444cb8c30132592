/**
 * `npm start`: the MCP server on http://localhost:4008/mcp, and an authorization server for it on http://localhost:4000, which is
 * exactly `valetkey serve --mcp`. PORT, HOST and the VALETKEY_* variables mean what they mean there; APP_PORT moves the MCP server.
 *
 * With MCP_ISSUER the tokens of that issuer count instead, and nothing else is started. MCP_ORIGINS names pages that may call besides
 * those on this machine, with spaces between.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createAdaptorServer } from "@hono/node-server";
import { makeServer } from "./server.ts";

const { PORT = "4000", APP_PORT = "4008", MCP_ISSUER } = process.env;
const allowedOrigins = process.env.MCP_ORIGINS?.split(" ") ?? [];
const url = `http://localhost:${APP_PORT}`;
const resource = `${url}/mcp`;
const issuer = MCP_ISSUER ?? process.env.VALETKEY_ISSUER ?? `http://localhost:${PORT}`;

const listening = createAdaptorServer({ fetch: makeServer({ issuer, resource, allowedOrigins }) });
await new Promise<void>((resolve, reject) => {
  listening.once("error", reject);
  listening.listen(Number(APP_PORT), "localhost", resolve);
});
const server = MCP_ISSUER === undefined ? serve() : undefined;
if (server === undefined) console.log(`ready ${url}`);

const end = (code: number) => {
  listening.close(() => process.exit(code));
  if ("closeAllConnections" in listening) listening.closeAllConnections();
};
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => (server === undefined ? end(0) : server.kill(signal)));
}
server?.on("exit", (code) => end(code ?? 1));

function serve() {
  const scopes = ["photos:read=See your photos", "photos:write=Add photos", "photos:private=See your private photos"];
  const valetkey = fileURLToPath(new URL("../../../packages/valetkey/bin/valetkey.js", import.meta.url));
  const args = [valetkey, "serve", "--mcp", resource, ...scopes.flatMap((scope) => ["--mcp-scope", scope])];
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { LOG_LEVEL: "warn", ...process.env, PORT, VALETKEY_ISSUER: issuer },
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    console.error(line);
    if (line === `ready ${issuer}`) console.log(`ready ${url}`);
  });
  return child;
}
