/**
 * The secret of a server in development: made once, kept in a file only its owner can read.
 *
 * Only for an http issuer on loopback (`settings.ts` refuses the rest). The one property: of several processes that start
 * at the same time one makes the secret and all use it; it is never printed.
 */

import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, unlink, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { readDatabaseUrl } from "./accounts/database.ts";

/** Where the made secret is: beside the SQLite file, or in `./data`. */
export function secretPath(database: string): string {
  const place = readDatabaseUrl(database);
  return place?.kind === "sqlite" ? join(dirname(place.file), "secret") : resolve("data", "secret");
}

/** Reads the secret, or makes it. */
export async function madeSecret(database: string): Promise<string> {
  const path = secretPath(database);
  const found = await read(path);
  if (found !== undefined) return found;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(8).toString("hex")}`;
  await writeFile(draft, `${randomBytes(48).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
  try {
    // A link appears whole or not at all, and never replaces what another process put there first.
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await unlink(draft);
  }
  const made = await read(path);
  if (made === undefined) throw new Error(`${path} went away while it was made.`);
  return made;
}

/** Reads the secret; nothing if it has not been made yet. */
export function readSecret(database: string): Promise<string | undefined> {
  return read(secretPath(database));
}

async function read(path: string): Promise<string | undefined> {
  try {
    const secret = (await readFile(path, "utf8")).trim();
    if (secret.length < 32) throw new Error(`${path} does not hold a secret of at least 32 characters.`);
    return secret;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
