/**
 * `valetkey explain <code>`: the page of an error code, without a network. `valetkey secret`: a secret to configure.
 */
import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { CliError, type ProblemPage, problemPages } from "./errors.ts";
import { columns, harmless, show, type Terminal } from "./terminal.ts";

export function addExplain(explain: Command, terminal: Terminal): void {
  explain
    .argument("[code]", "such as VK3000; all of them unless given")
    .option("--json", "print one JSON document")
    .action((code: string | undefined, flags: { json?: boolean }) => {
      const pages: Readonly<Record<string, ProblemPage>> = problemPages;
      if (code === undefined) {
        const rows = Object.entries(pages).map(([name, { title }]) => [name, title]);
        show(terminal, flags, pages, columns(rows));
        return;
      }
      const page = Object.hasOwn(pages, code.toUpperCase()) ? pages[code.toUpperCase()] : undefined;
      if (!page) throw new CliError("VK2000", [["got", `${harmless(code)} is not an error code`]], "valetkey explain");
      const lines = [
        `${code.toUpperCase()}  ${page.title}`,
        "",
        page.about,
        "",
        `fix   ${page.fix}`,
        `exit  ${page.exit}`,
      ];
      show(terminal, flags, { code: code.toUpperCase(), ...page }, lines);
    });
}

export function addSecret(secret: Command, terminal: Terminal): void {
  secret.option("--json", "print one JSON document").action((flags: { json?: boolean }) => {
    const made = randomBytes(48).toString("base64url");
    show(terminal, flags, { secret: made }, made);
  });
}
