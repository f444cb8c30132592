/**
 * `valetkey config print`: the settings in force and where each comes from. Secrets are not shown.
 */
import type { Command } from "commander";
import { columns, harmless, show, type Terminal, withoutPassword } from "./terminal.ts";
import { type CommonFlags, settingsOf, withCommonFlags } from "./with-provider.ts";

export function addConfig(config: Command, terminal: Terminal): void {
  withCommonFlags(config.command("print"))
    .description("print the settings in force and where each comes from; secrets are not shown")
    .action(async (flags: CommonFlags) => {
      const { settings, origins, path } = await settingsOf(terminal, flags);
      const view = Object.entries(settings).map(([key, value]): [string, { value: unknown; origin: string }] => [
        key,
        { value: withoutSecrets(key, value), origin: origins.get(key) ?? "default" },
      ]);
      const rows = view.map(([key, { value, origin }]) => [key, origin, harmless(JSON.stringify(value) ?? "")]);
      show(
        terminal,
        flags,
        { ...(path === undefined ? {} : { path }), settings: Object.fromEntries(view) },
        columns([["setting", "from", "value"], ...rows]),
      );
    });
}

/** Lists of names and of values: which member of a value is its name. */
const nameIn: Readonly<Record<string, string>> = {
  grants: "grant_type",
  clientAuth: "method",
  bindings: "binding",
  responseModes: "response_mode",
  logout: "channel",
  extensions: "extension",
};

function withoutSecrets(key: string, value: unknown): unknown {
  if (/secret/i.test(key)) return value === undefined ? undefined : "(set)";
  if (key === "database" && typeof value === "string") return withoutPassword(value);
  // A policy: its name is what it is called in the file.
  if (typeof value === "function") return value.name;
  if (key === "oauth1" && typeof value === "object" && value !== null)
    return { signatureMethods: (value as { signatureMethods?: unknown }).signatureMethods };
  const name = nameIn[key];
  if (name !== undefined && Array.isArray(value))
    return value.map((one) => (typeof one === "string" ? one : (one as Record<string, unknown>)[name]));
  if (Array.isArray(value)) return value.map((one) => withoutSecrets("", one));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withoutSecrets(name, inner)]));
}
