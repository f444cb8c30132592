/**
 * `npm start`: the server on http://localhost:4000 and, beside it, the example app on http://localhost:4001.
 *
 * The server is a process of its own, exactly `valetkey serve` with the configuration next to this file; PORT, HOST and the
 * VALETKEY_* variables mean what they mean there. APP_PORT moves the app.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { startApp } from "./app.ts";

const port = process.env.PORT ?? "4000";
const appPort = Number(process.env.APP_PORT ?? 4001);
const appUrl = `http://localhost:${appPort}`;
const issuer = process.env.VALETKEY_ISSUER ?? `http://localhost:${port}`;
const client_secret = randomBytes(32).toString("base64url");
const secret = randomBytes(32).toString("base64url");

const app = await startApp({ url: appUrl, port: appPort, issuer, client_secret, secret }).catch((error: unknown) => {
  const taken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
  if (!taken) throw error;
  console.error(
    `Port ${appPort} is taken. Stop what listens there, or choose another for the example app: APP_PORT=4101 npm start`,
  );
  process.exit(6);
});

const server = spawn(
  process.execPath,
  [
    fileURLToPath(new URL("../../../packages/valetkey/bin/valetkey.js", import.meta.url)),
    "serve",
    "--config",
    fileURLToPath(new URL("../valetkey.config.ts", import.meta.url)),
  ],
  {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      // Quieter than `valetkey serve`, so that the set-up link is easy to see.
      LOG_LEVEL: "warn",
      ...process.env,
      PORT: port,
      VALETKEY_ISSUER: issuer,
      EXAMPLE_APP_URL: appUrl,
      EXAMPLE_APP_SECRET: client_secret,
    },
  },
);
let setUp = false;
server.stderr.pipe(process.stderr);
createInterface({ input: server.stderr }).on("line", (line) => {
  setUp ||= line.includes("/setup?token=");
});
createInterface({ input: server.stdout }).on("line", (line) => {
  // What the server said before it was ready is there to be read, but perhaps not read yet.
  setImmediate(() => {
    console.log(line);
    if (line !== `ready ${issuer}`) return;
    const first = setUp ? "Open the link beside “first account” first, it makes your account. Then open" : "Open";
    console.error(`\n  ${first} ${appUrl} and sign in.\n`);
  });
});

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => server.kill(signal));
server.on("close", async (code, signal) => {
  await app.close();
  process.exit(code ?? (signal === "SIGINT" ? 130 : 1));
});
