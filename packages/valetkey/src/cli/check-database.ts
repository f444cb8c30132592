/**
 * Looks at the database without changing it: reachable, whole, durable, writable, on time.
 */

import { access, constants, stat } from "node:fs/promises";
import { dirname } from "node:path";
import pg from "pg";
import { readDatabaseUrl } from "../accounts/database.ts";
import type { Check } from "./doctor.ts";
import { hasLog, openToLook } from "./look-at-file.ts";

const patience = 5_000;

/** Checks a database URL's database. A SQLite file that is not there yet is a note. */
export async function checkDatabase(url: string): Promise<Check[]> {
  const place = readDatabaseUrl(url);
  if (place === undefined) return [problem("cannot be understood", "write file:<path> or postgres://…")];
  try {
    return await (place.kind === "sqlite" ? checkSqlite(place.file) : checkPostgres(place.url));
  } catch (error) {
    return [problem(error instanceof Error ? error.message : String(error), "check VALETKEY_DATABASE_URL")];
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

async function checkPostgres(connectionString: string): Promise<Check[]> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: patience, query_timeout: patience });
  client.on("error", () => {});
  await client.connect();
  try {
    const { rows } = await client.query(`
      select current_setting('server_version') as version, current_setting('fsync') as fsync,
        current_setting('full_page_writes') as pages,
        pg_is_in_recovery() as standby, extract(epoch from clock_timestamp())::float8 * 1000 as now`);
    const { version, fsync, pages, standby, now } = rows[0] as Record<string, unknown>;
    const checks: Check[] = [];
    if (standby === true) checks.push(problem("is a standby and only reads", "connect to the primary"));
    // What was acknowledged must be there after a crash: a spent code must not be fresh again.
    if (fsync !== "on" || pages !== "on")
      checks.push(problem("may lose data in a crash (fsync or full_page_writes is off)", "turn them on"));
    const skew = Math.abs(Date.now() - Number(now));
    if (skew > 5_000)
      checks.push(problem(`its clock differs by ${Math.round(skew / 1000)} s`, "let both keep time by NTP"));
    return checks.length > 0
      ? checks
      : [{ name: "database", status: "ok", detail: `PostgreSQL ${String(version)}, durable, on time` }];
  } finally {
    await client.end().catch(() => {});
  }
}

function problem(detail: string, fix: string): Check {
  return { name: "database", status: "problem", detail, fix };
}
