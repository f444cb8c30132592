/**
 * `valetkey token …`: what a token is (`inspect`, offline), whether it works (`introspect`), and ending it (`revoke`).
 *
 * The one property: what was not verified is said not to be; only the store says that a token works.
 */
import { decodeUnverified } from "@valetkey/protocol/jose";
import { readHandle } from "@valetkey/protocol/random";
import type { Command } from "commander";
import { CliError } from "./errors.ts";
import { columns, harmless, readSecretInput, show, type Terminal } from "./terminal.ts";
import { type CommonFlags, shownDatabase, withCommonFlags, withExisting } from "./with-provider.ts";

/** What can be said of a token without the store. */
export type Inspected =
  | {
      readonly format: "handle";
      readonly kind: string;
      readonly checksum: "ok";
      readonly id: string;
      readonly createdAt: string;
    }
  | { readonly format: "handle"; readonly kind: string; readonly checksum: "wrong" }
  | { readonly format: "jwt"; readonly verified: false; readonly header: unknown; readonly claims: unknown };

export function addToken(token: Command, terminal: Terminal): void {
  const read = async (text: string) => (text === "-" ? readSecretInput(terminal) : text.trim());

  token
    .command("inspect")
    .argument("<token>")
    .description("say what a token is, without looking whether it works")
    .option("--json", "print one JSON document")
    .action(async (text: string, flags: { json?: boolean }) => {
      const found = inspect(await read(text));
      if (!found)
        throw new CliError(
          "VK5004",
          [["why", "it is neither a token of ours (vk_…) nor a JWT (three parts with dots between them)"]],
          "copy the whole token, without quotes or the word Bearer",
        );
      const rows = Object.entries(found).map(([name, value]) => [
        name,
        harmless(typeof value === "string" ? value : JSON.stringify(value)),
      ]);
      show(terminal, flags, found, columns(rows));
    });

  withCommonFlags(token.command("introspect").argument("<token>"))
    .description("say whether a token works now, and for what")
    .action(async (text: string, flags: CommonFlags) => {
      const presented = await read(text);
      await withExisting(terminal, flags, async ({ provider }) => {
        const state = await provider.tokens.read(presented);
        const view = { active: state !== undefined, ...state };
        show(
          terminal,
          flags,
          view,
          columns(Object.entries(view).map(([name, value]) => [name, harmless(String(value))])),
        );
      });
    });

  withCommonFlags(token.command("revoke").argument("<token>"))
    .description("end a token, as its client could; a refresh token takes all of its grant with it")
    .action(async (text: string, flags: CommonFlags) => {
      const presented = await read(text);
      await withExisting(terminal, flags, async ({ provider, settings }) => {
        if (!(await provider.tokens.revoke(presented)))
          throw new CliError("VK5004", [["looked in", shownDatabase(settings)]]);
        show(terminal, flags, { revoked: true }, "revoked");
      });
    });
}

/** Reads a token's form; nothing if it has none of ours. */
export function inspect(token: string): Inspected | undefined {
  const kind = /^vk_([a-z][a-z0-9-]{0,31})_/.exec(token)?.[1];
  if (kind !== undefined) {
    const handle = readHandle(token, kind);
    if (!handle) return { format: "handle", kind, checksum: "wrong" };
    return {
      format: "handle",
      kind,
      checksum: "ok",
      id: handle.id,
      createdAt: new Date(timeOf(handle.id)).toISOString(),
    };
  }
  try {
    const { header, claims } = decodeUnverified(token);
    return { format: "jwt", verified: false, header, claims };
  } catch {
    return undefined;
  }
}

/** The first ten characters of an id are its time in milliseconds, five bits each. */
function timeOf(id: string): number {
  return [...id.slice(0, 10)].reduce((time, digit) => time * 32 + "0123456789abcdefghjkmnpqrstvwxyz".indexOf(digit), 0);
}
