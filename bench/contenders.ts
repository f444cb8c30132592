/**
 * Everything that is measured: how each server is started, and in words what it is and how durable.
 */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type RunningPostgres, startPostgres } from "@valetkey/test-support/postgres";
import { type ServerProcess, type StartOptions, startServerProcess } from "./processes.ts";

export type ContenderName =
  | "bare"
  | "ours"
  | "ours-postgres"
  | "ours-api"
  | "ours-empty"
  | "oidc-provider-memory"
  | "oidc-provider"
  | "node-oauth"
  | "better-auth"
  | "better-auth-rs256"
  | "authlib";

/** What a server is started with. */
export interface Place {
  /** A folder for its files, which exists. */
  readonly folder: string;
  postgres(): Promise<RunningPostgres>;
}

export interface ContenderKind {
  readonly title: string;
  readonly storage: string;
  /** What must be there to run it, and how to get it. */
  readonly needs?: { readonly file: string; readonly by: string };
  command(place: Place): Promise<readonly string[]> | readonly string[];
}

const here = import.meta.dirname;
// What the build made: Node's own removal of types would cost each server memory and time to start.
// The flag is the one `valetkey serve` starts itself with; every server on Node gets it, so that it is in no ratio.
const node = (file: string, ...args: string[]) => [
  process.execPath,
  "--max-semi-space-size=8",
  resolve(here, file),
  ...args,
];
const npmPeer = (name: string) => ({ file: join(here, "peers/node_modules", name), by: "npm run install:bench" });
const durable = "SQLite, WAL, synchronous=FULL";

export const contenderKinds: Readonly<Record<ContenderName, ContenderKind>> = {
  bare: { title: "bare node:http", storage: "none", command: () => node("dist/servers/bare.js") },
  ours: {
    title: "Valetkey, SQLite",
    storage: durable,
    command: ({ folder }) => node("dist/servers/ours.js", `file:${join(folder, "valetkey.db")}`),
  },
  "ours-postgres": {
    title: "Valetkey, PostgreSQL",
    storage: "PostgreSQL 18, fsync and synchronous_commit on, on both cores",
    command: async ({ postgres }) => node("dist/servers/ours.js", await (await postgres()).createDatabase()),
  },
  "ours-api": {
    title: "Valetkey, SQLite",
    storage: durable,
    command: ({ folder }) => node("dist/servers/api.js", join(folder, "valetkey.db")),
  },
  // Beside a full one.
  "ours-empty": {
    title: "Valetkey, SQLite, empty",
    storage: durable,
    command: ({ folder }) => node("dist/servers/ours.js", `file:${join(folder, "valetkey.db")}`),
  },
  "oidc-provider-memory": {
    title: "oidc-provider, memory",
    storage: "its memory adapter",
    needs: npmPeer("oidc-provider"),
    command: () => node("peers/dist/peers/oidc-provider.js", "memory"),
  },
  "oidc-provider": {
    title: "oidc-provider, SQLite",
    storage: durable,
    needs: npmPeer("oidc-provider"),
    command: ({ folder }) => node("peers/dist/peers/oidc-provider.js", join(folder, "oidc-provider.db")),
  },
  "node-oauth": {
    title: "@node-oauth/oauth2-server, Express, SQLite",
    storage: durable,
    needs: npmPeer("@node-oauth/oauth2-server"),
    command: ({ folder }) => node("peers/dist/peers/node-oauth.js", join(folder, "node-oauth.db")),
  },
  "better-auth": {
    title: "better-auth, SQLite",
    storage: durable,
    needs: npmPeer("better-auth"),
    command: ({ folder }) => node("peers/dist/peers/better-auth.js", join(folder, "better-auth.db"), "ES256"),
  },
  // All its ID tokens are signed with the one algorithm of its key.
  "better-auth-rs256": {
    title: "better-auth, SQLite, RS256",
    storage: durable,
    needs: npmPeer("better-auth"),
    command: ({ folder }) => node("peers/dist/peers/better-auth.js", join(folder, "better-auth.db"), "RS256"),
  },
  authlib: {
    title: "Authlib, Flask, gunicorn, SQLite",
    storage: durable,
    needs: {
      file: "/usr/bin/gunicorn",
      by: "apt-get install gunicorn python3-flask python3-authlib python3-sqlalchemy",
    },
    command: ({ folder }) => ["/usr/bin/python3", resolve(here, "peers/authlib_server.py"), join(folder, "authlib.db")],
  },
};

/** All but what has a part in one benchmark only. */
export const contenderNames = (Object.keys(contenderKinds) as ContenderName[]).filter((name) => name !== "ours-empty");

/** Starts one in a folder of its own. Says what is missing, and how to get it. */
export async function startContender(
  name: ContenderName,
  place: Place,
  options: StartOptions = {},
): Promise<ServerProcess> {
  const { needs, command } = contenderKinds[name];
  if (needs !== undefined && !existsSync(needs.file)) throw new Error(`${name} is not installed: ${needs.by}`);
  const folder = join(place.folder, name);
  await mkdir(folder, { recursive: true });
  return startServerProcess(await command({ ...place, folder }), { log: join(folder, "errors.log"), ...options });
}

/** Makes a place that starts PostgreSQL, durable, when somebody first asks; `end` stops it. */
export function placeIn(folder: string): Place & { end(): Promise<void> } {
  let started: Promise<RunningPostgres> | undefined;
  return {
    folder,
    postgres() {
      started ??= startPostgres({ durable: true });
      return started;
    },
    end: async () => (await started)?.stop(),
  };
}
