/**
 * Gives a command what it works on: settings, and the opened provider, beside a running server or before its first start.
 *
 * The one property: whatever a command does, the database is closed afterwards.
 */

import { silentLog } from "@valetkey/provider/log";
import type { Provider } from "@valetkey/provider/options";
import { createProvider } from "@valetkey/provider/provider";
import { type Command, InvalidArgumentError } from "commander";
import { findConfig } from "../load-config.ts";
import { openParts, type Parts } from "../open.ts";
import { readSettings, type Settings } from "../settings.ts";
import type { Terminal } from "./terminal.ts";

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

/** Reads the settings that flags, environment and file come to. Throws `ConfigError`. */
export async function settingsOf(terminal: Terminal, flags: CommonFlags, more: Record<string, unknown> = {}) {
  const found = await findConfig({
    env: terminal.env,
    folder: terminal.folder,
    flags: { database: flags.database, issuer: flags.issuer, ...more },
    ...(flags.config === undefined ? {} : { file: flags.config }),
  });
  return { ...readSettings(found.given, found.mistakes), path: found.path };
}

/** Opens everything, works, closes everything. */
export async function withProvider<T>(
  terminal: Terminal,
  flags: CommonFlags,
  work: (tools: Tools) => Promise<T>,
): Promise<T> {
  const { settings } = await settingsOf(terminal, flags);
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

/** Reads a whole number of a flag. */
export function wholeNumber(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(value);
}
