/**
 * `valetkey doctor`: looks at everything a server depends on and says what is not as it should be.
 *
 * The one property: it only looks. A database, keys or a secret that are not there yet are not made, and the only address
 * it asks is the issuer the operator configured.
 */

import type { Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Command } from "commander";
import { readDatabaseUrl } from "../accounts/database.ts";
import { findConfig } from "../load-config.ts";
import { secretPath } from "../secret-file.ts";
import { ConfigError, readSettings, type Settings } from "../settings.ts";
import { checkDatabase } from "./check-database.ts";
import { checkKeys } from "./check-keys.ts";
import { checkServer } from "./check-server.ts";
import { CliError } from "./errors.ts";
import { workersOf } from "./serve.ts";
import { columns, harmless, show, type Terminal, withoutPassword } from "./terminal.ts";
import { type CommonFlags, withCommonFlags } from "./with-provider.ts";

/** What was looked at. `note`: neither good nor bad, such as a server that does not run. */
export interface Check {
  readonly name: string;
  readonly status: "ok" | "note" | "problem";
  readonly detail: string;
  readonly fix?: string;
}

export function addDoctor(doctor: Command, terminal: Terminal): void {
  withCommonFlags(doctor).action(async (flags: CommonFlags) => {
    const checks = await examine(terminal, flags);
    const problems = checks.filter(({ status }) => status === "problem");
    const rows = checks.map(({ name, status, detail, fix }) => [
      status,
      name,
      harmless(fix === undefined ? detail : `${detail}; fix: ${fix}`),
    ]);
    show(terminal, flags, { ok: problems.length === 0, checks }, columns(rows));
    if (problems.length > 0) throw new CliError("VK9000", [["found", problems.map(({ name }) => name).join(", ")]]);
  });
}

async function examine(terminal: Terminal, flags: CommonFlags): Promise<Check[]> {
  const checks: Check[] = [checkNode()];
  const { config, database, issuer } = flags;
  const found = await findConfig({
    env: terminal.env,
    folder: terminal.folder,
    flags: { database, issuer },
    ...(config === undefined ? {} : { file: config }),
  });
  let settings: Settings;
  try {
    settings = readSettings(found.given, found.mistakes).settings;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [
      ...checks,
      ...error.mistakes.map(
        ({ key, what, why, fix }): Check => ({
          name: "configuration",
          status: "problem",
          detail: `${key} ${what}${why === undefined ? "" : `; why: ${why}`}`,
          ...(fix === undefined ? {} : { fix }),
        }),
      ),
    ];
  }
  checks.push({
    name: "configuration",
    status: "ok",
    detail: found.path ?? "no file; defaults, environment and flags",
  });
  checks.push(...(await checkFiles(settings)));
  const databaseChecks = await checkDatabase(settings.database, workersOf(settings));
  checks.push(...databaseChecks);
  let kids: readonly string[] | undefined;
  const has = (wanted: Check["status"]) => databaseChecks.some(({ status }) => status === wanted);
  if (has("ok") && !has("problem")) {
    const keys = await checkKeys(settings);
    checks.push(keys.check);
    kids = keys.kids;
  } else if (!has("problem")) {
    // Not there yet: a server that answers uses another one.
    kids = [];
  }
  checks.push(...(await checkServer(settings.issuer, withoutPassword(settings.database), kids)));
  return checks;
}

function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const detail = `Node ${process.versions.node}`;
  // argon2 is there from 24.7 on.
  return major > 24 || (major === 24 && minor >= 7)
    ? { name: "node", status: "ok", detail }
    : { name: "node", status: "problem", detail, fix: "use Node 24.7 or newer" };
}

async function checkFiles(settings: Settings): Promise<Check[]> {
  const place = readDatabaseUrl(settings.database);
  const files = place?.kind === "sqlite" ? [place.file, `${place.file}-wal`, dirname(place.file)] : [];
  if (settings.secret === undefined) files.push(secretPath(settings.database));
  const checks: Check[] = [];
  for (const file of files) {
    const found: Stats | undefined = await stat(file).catch(() => undefined);
    if (!found) continue;
    // Others may look into a folder's list of names; what is in the files is what matters.
    const open = found.isDirectory() ? found.mode & 0o022 : found.mode & 0o077;
    const mode = (found.mode & 0o777).toString(8);
    if (open === 0 || process.platform === "win32")
      checks.push({ name: "files", status: "ok", detail: `${file} is ${mode}` });
    else
      checks.push({
        name: "files",
        status: "problem",
        detail: `${file} is open to others (${mode})`,
        fix: `chmod go-rwx ${file}`,
      });
  }
  const detail =
    settings.secret === undefined
      ? "made for development, in the data folder"
      : `${settings.secret.length} of your own`;
  return [...checks, { name: "secret", status: "ok", detail }];
}
