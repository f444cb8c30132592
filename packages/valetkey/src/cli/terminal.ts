/**
 * What a command sees of the world around it: environment, working folder, standard streams.
 *
 * The one property: data goes to standard output, talk to standard error; with `--json` standard output is one document.
 */
import { CliError } from "./errors.ts";

export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
  /** Writes a line of data. */
  out(text: string): void;
  /** Writes a line of talk. */
  say(text: string): void;
  /** Reads standard input to its end, at most 64 kB. */
  input(): Promise<string>;
  /** Resolves when the process is asked to end, with the signal that asked. */
  untilEnd(): Promise<"SIGTERM" | "SIGINT">;
}

/** Writes a result: as one JSON document, or as the lines for people. */
export function show(
  terminal: Terminal,
  flags: { json?: boolean },
  value: unknown,
  lines: string | readonly string[],
): void {
  if (flags.json === true) terminal.out(JSON.stringify(value, undefined, 2));
  else for (const line of typeof lines === "string" ? [lines] : lines) terminal.out(line);
}

/** Reads a secret from standard input: everything but one line end. Throws `VK2001` if there is nothing. */
export async function readSecretInput(terminal: Terminal): Promise<string> {
  const text = (await terminal.input()).replace(/\r?\n$/, "");
  if (text === "") throw new CliError("VK2001");
  return text;
}

/** Sets texts below one another in columns, without blanks at the ends of lines. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>((all, row) => row.map((cell, at) => Math.max(all[at] ?? 0, cell.length)), []);
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** Writes a list: with a heading for people; when it is empty, says on standard error where it looked. */
export function showList(
  terminal: Terminal,
  flags: { json?: boolean },
  list: readonly unknown[],
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  empty: string,
): void {
  if (list.length === 0) terminal.say(empty);
  if (flags.json === true || rows.length > 0) show(terminal, flags, list, columns([heading, ...rows]));
}

/** Removes what could steer a terminal from a text of somebody else's. */
export function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, "\ufffd");
}

/** A database URL as it may be shown. */
export function withoutPassword(database: string): string {
  return database.replace(/^([a-z]+:\/\/[^/@:]*):[^@]*@/, "$1:***@").replace(/([?&]password=)[^&]*/gi, "$1***");
}

/** The real one. */
export function processTerminal(): Terminal {
  const broken = () => {};
  // Whoever read our output may have gone; that is no reason to fail.
  process.stdout.on("error", broken);
  process.stderr.on("error", broken);
  return {
    env: process.env,
    folder: process.cwd(),
    out: (text) => void process.stdout.write(`${text}\n`),
    say: (text) => void process.stderr.write(`${text}\n`),
    async input() {
      if (process.stdin.isTTY) throw new CliError("VK2001");
      let text = "";
      for await (const chunk of process.stdin.setEncoding("utf8")) {
        text += chunk;
        if (text.length > 65_536) throw new CliError("VK2000", [["got", "more than 64 kB on standard input"]]);
      }
      return text;
    },
    untilEnd: () =>
      new Promise((resolve) => {
        for (const signal of ["SIGTERM", "SIGINT"] as const) {
          process.once(signal, () => {
            // Whoever asks twice does not want to wait.
            process.once(signal, () => process.exit(130));
            resolve(signal);
          });
        }
      }),
  };
}
