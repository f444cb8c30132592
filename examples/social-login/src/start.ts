/**
 * `npm start`: the app on http://localhost:4007, and a provider of our own on http://localhost:4000, which is exactly
 * `valetkey serve` with the configuration next to this file. PORT, HOST and the VALETKEY_* variables mean what they mean there;
 * APP_PORT moves the app.
 *
 * More ways to sign in come from the environment: GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET, and so on; see ways.ts.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createAdaptorServer } from "@hono/node-server";
import { sqliteStore } from "@valetkey/store/sqlite";
import { makeApp } from "./app.tsx";
import { openPeople } from "./people.ts";
import { readWays } from "./ways.ts";

const { PORT = "4000", APP_PORT = "4007" } = process.env;
const url = `http://localhost:${APP_PORT}`;
const issuer = process.env.VALETKEY_ISSUER ?? `http://localhost:${PORT}`;
const client_secret = randomBytes(32).toString("base64url");
// Kept in a file in a real app: with a new one at each start, the tokens of before cannot be read.
const secret = process.env.APP_SECRET ?? randomBytes(32).toString("base64url");

mkdirSync("data", { recursive: true, mode: 0o700 });
const store = await sqliteStore({ file: "data/social-login.db" });
setInterval(() => store.sweep().catch(console.error), 60_000).unref();
const people = openPeople("data/social-login-people.db");
const app = makeApp({ url, ways: readWays(process.env, { issuer, client_secret }), people, store, secret });

const listening = createAdaptorServer({ fetch: app.fetch });
await new Promise<void>((resolve, reject) => {
  listening.once("error", reject);
  listening.listen(Number(APP_PORT), "localhost", resolve);
});
const server = serve();

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => server.kill(signal));
server.on("exit", (code) => {
  listening.close();
  people.close();
  void store.close().then(() => process.exit(code ?? 1));
});

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
