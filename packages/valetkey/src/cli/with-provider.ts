/**
 * Gives a command what it works on: settings, and the opened provider, beside a running server or before its first start.
 *
 * The one property: whatever a command does, the database is closed afterwards.
 */

import { readFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { JwkSet } from "@valetkey/protocol/jwk";
import { silentLog } from "@valetkey/provider/log";
import type { Provider } from "@valetkey/provider/options";
import { createProvider } from "@valetkey/provider/provider";
import { NewerSchema } from "@valetkey/store";
import { type Command, InvalidArgumentError } from "commander";
import { readDatabaseUrl } from "../accounts/database.ts";
import { findConfig } from "../load-config.ts";
import { DatabaseUnusable, openParts, type Parts } from "../open.ts";
import { readSecret, secretPath } from "../secret-file.ts";
import { readSettings, type Settings, type Sourced } from "../settings.ts";
import { CliError } from "./errors.ts";
import { hasStore, looking } from "./look-at-database.ts";
import { harmless, type Terminal, withoutPassword } from "./terminal.ts";

/** Flags every command has that looks at the configuration. */
export interface CommonFlags {
  readonly config?: string;
  readonly database?: string;
  readonly issuer?: string;
  readonly json?: boolean;
}

export interface Tools extends Parts {
  readonly settings: Settings;
  readonly provider: Provider;
}

/** Adds the common flags. */
export function withCommonFlags(command: Command): Command {
  return command
    .option("--config <file>", "configuration file")
    .option("--database <url>", "file:<path> or postgres://…")
    .option("--issuer <url>", "public URL of the server")
    .option("--json", "print one JSON document");
}

/** Reads the settings that flags, environment and file come to, changed by `change` if given. Throws `ConfigError`. */
export async function settingsOf(
  terminal: Terminal,
  flags: CommonFlags,
  more: Record<string, unknown> = {},
  change: (given: ReadonlyMap<string, Sourced>) => ReadonlyMap<string, Sourced> = (given) => given,
) {
  const found = await findConfig({
    env: terminal.env,
    folder: terminal.folder,
    flags: { database: flags.database, issuer: flags.issuer, ...more },
    ...(flags.config === undefined ? {} : { file: flags.config }),
  });
  return { ...readSettings(change(found.given), found.mistakes), path: found.path };
}

/** Opens everything, works, closes everything. A database that is not there yet is made. */
export async function withProvider<T>(
  terminal: Terminal,
  flags: CommonFlags,
  work: (tools: Tools) => Promise<T>,
): Promise<T> {
  const { settings } = await settingsOf(terminal, flags);
  return opened(settings, work);
}

/**
 * The same for commands about what is there already: they make neither a database nor a secret, so that a typo or a wrong
 * folder shows. Throws `VK8004` where there is no database, `VK8003` where its secret is gone.
 */
export async function withExisting<T>(
  terminal: Terminal,
  flags: CommonFlags,
  work: (tools: Tools) => Promise<T>,
): Promise<T> {
  const { settings } = await settingsOf(terminal, flags);
  if (!(await isThere(settings.database))) throw new CliError("VK8004", [["looked at", shownDatabase(settings)]]);
  if (settings.secret === undefined && (await readSecret(settings.database)) === undefined)
    throw new CliError("VK8003", [["why", `${secretPath(settings.database)} is not there`]]);
  return opened(settings, work);
}

/** The database as it may be shown: a file with its whole path, a URL without its password. */
export function shownDatabase({ database }: Pick<Settings, "database">): string {
  const place = readDatabaseUrl(database);
  return harmless(place?.kind === "sqlite" ? `file:${resolve(place.file)}` : withoutPassword(database));
}

async function isThere(database: string): Promise<boolean> {
  const place = readDatabaseUrl(database);
  if (place?.kind === "sqlite" && !(await stat(place.file).catch(() => undefined))) return false;
  try {
    return await looking(database, hasStore);
  } catch (cause) {
    if (cause instanceof NewerSchema) throw cause;
    throw new DatabaseUnusable(`The database cannot be opened: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
}

async function opened<T>(settings: Settings, work: (tools: Tools) => Promise<T>): Promise<T> {
  const parts = await openParts(settings, silentLog);
  try {
    return await work({ ...parts, settings, provider: createProvider(parts.options) });
  } finally {
    await parts.close();
  }
}

/** Collects a flag that may be given several times. */
export function repeatable(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** Reads a JWK Set from a file that a flag names. What is in it is for the provider to judge. */
export function jwksFile(path: string): JwkSet {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as JwkSet;
  } catch (error) {
    throw new InvalidArgumentError(
      `It must be a file with a JWK Set: ${error instanceof Error ? error.message : error}`,
    );
  }
}

/** Reads a whole number of a flag. */
export function wholeNumber(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(value);
}

/** Reads how many rows a list may have: what the directory and the store give in one go. */
export function rowLimit(value: string): number {
  const number = /^\d{1,4}$/.test(value) ? Number(value) : 0;
  if (number < 1 || number > 1000) throw new InvalidArgumentError("It must be a whole number from 1 to 1000.");
  return number;
}

/** Reads a number of one or more. */
export function oneOrMore(value: string): number {
  const number = wholeNumber(value);
  if (number < 1) throw new InvalidArgumentError("It must be at least 1.");
  return number;
}
