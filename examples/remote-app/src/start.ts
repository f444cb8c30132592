/**
 * `npm start`: the app on http://localhost:4006, and a provider for it on http://localhost:4000, which is exactly
 * `valetkey serve` with the configuration next to this file. PORT, HOST and the VALETKEY_* variables mean what they mean there;
 * APP_PORT moves the app.
 *
 * With REMOTE_AUTHORIZE_URL, REMOTE_TOKEN_URL, REMOTE_BASE_URL, REMOTE_CLIENT_ID and REMOTE_CLIENT_SECRET the app uses that
 * service instead, and nothing else is started. Register <app>/auth/callback/remote and <app>/by-hand/callback there.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createAdaptorServer } from "@hono/node-server";
import { sqliteStore } from "@valetkey/store/sqlite";
import { makeApp } from "./app.ts";
import { ourServer, readRemoteApp } from "./remote.ts";

const { PORT = "4000", APP_PORT = "4006" } = process.env;
const url = `http://localhost:${APP_PORT}`;
const issuer = process.env.VALETKEY_ISSUER ?? `http://localhost:${PORT}`;
const client_secret = randomBytes(32).toString("base64url");
// Kept in a file in a real app: with a new one at each start, the tokens of before cannot be read.
const secret = process.env.APP_SECRET ?? randomBytes(32).toString("base64url");

const elsewhere = readRemoteApp(process.env);
const remote = elsewhere ?? ourServer(issuer, "remote-app", client_secret);
mkdirSync("data", { recursive: true, mode: 0o700 });
const store = await sqliteStore({ file: "data/remote-app.db" });
setInterval(() => store.sweep().catch(console.error), 60_000).unref();
const app = makeApp({ url, remote, store, file: "data/remote-app-tokens.db", secret });

const listening = createAdaptorServer({ fetch: app.fetch });
await new Promise<void>((resolve, reject) => {
  listening.once("error", reject);
  listening.listen(Number(APP_PORT), "localhost", resolve);
});
const server = elsewhere === undefined ? serve() : undefined;
if (server === undefined) console.log(`ready ${url}`);

const end = (code: number) => listening.close(() => store.close().then(() => process.exit(code)));
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => (server === undefined ? end(0) : server.kill(signal)));
}
server?.on("exit", (code) => end(code ?? 1));

function serve(): ChildProcess {
  const server = spawn(
    process.execPath,
    [
      fileURLToPath(new URL("../../../packages/valetkey/bin/valetkey.js", import.meta.url)),
      "serve",
      "--config",
      fileURLToPath(new URL("../valetkey.config.ts", import.meta.url)),
    ],
    {
      stdio: ["ignore", "pipe", "inherit"],
      env: {
        LOG_LEVEL: "warn",
        ...process.env,
        PORT,
        VALETKEY_ISSUER: issuer,
        EXAMPLE_APP_URL: url,
        EXAMPLE_APP_SECRET: client_secret,
      },
    },
  );
  createInterface({ input: server.stdout }).on("line", (line) => {
    console.error(line);
    if (line === `ready ${issuer}`) console.log(`ready ${url}`);
  });
  return server;
}
