/**
 * Looks at the database without changing it: reachable, whole, durable, writable, on time.
 */

import { access, constants, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { readDatabaseUrl } from "../accounts/database.ts";
import { checkPostgres } from "./check-postgres.ts";
import type { Check } from "./doctor.ts";
import { createdb } from "./errors.ts";
import { hasLog, openToLook } from "./look-at-file.ts";

/** Checks a database URL's database, for so many workers. A SQLite file that is not there yet is a note. */
export async function checkDatabase(url: string, workers: number): Promise<Check[]> {
  const place = readDatabaseUrl(url);
  if (place === undefined) return [problem("cannot be understood", "write file:<path> or postgres://…")];
  try {
    return await (place.kind === "sqlite" ? checkSqlite(place.file) : checkPostgres(place.url, workers));
  } catch (error) {
    return [
      problem(error instanceof Error ? error.message : String(error), createdb(error) ?? "check VALETKEY_DATABASE_URL"),
    ];
  }
}

async function checkSqlite(file: string): Promise<Check[]> {
  if (!(await stat(file).catch(() => undefined))) {
    return [{ name: "database", status: "note", detail: `${file} is not there yet; the first start makes it` }];
  }
  for (const path of [file, dirname(file)]) {
    const writable = await access(path, constants.W_OK).then(
      () => true,
      () => false,
    );
    if (!writable) return [problem(`${path} cannot be written`, "give the user of the server access")];
  }
  // Before SQLite has the file open: closing it again would drop SQLite's locks on it.
  const logged = await hasLog(file);
  const database = await openToLook(file);
  try {
    const whole = database.prepare("pragma quick_check(1)").get()?.quick_check;
    if (whole !== "ok") return [problem(`${file} is damaged: ${String(whole)}`, "restore a backup")];
    if (!logged) return [problem(`${file} has no write-ahead log`, "start the server once")];
    return [
      { name: "database", status: "ok", detail: `${file} is whole, with a write-ahead log, and synced at each commit` },
    ];
  } finally {
    database.close();
  }
}

function problem(detail: string, fix: string): Check {
  return { name: "database", status: "problem", detail, fix };
}
