/**
 * The command line: reads the arguments, runs one command, ends with its exit status.
 *
 * The one property: whatever goes wrong is one explained message on standard error and a status that says of what kind it
 * was; a stack is shown only where the program itself is at fault.
 */

import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { describeProblem, Interrupted, problemJson, problemOf, problemPages, usageError } from "./cli/errors.ts";
import { processTerminal, type Terminal } from "./cli/terminal.ts";

/** Gives a command, which has its name and description, its flags, subcommands and action. */
type Fill = (command: Command, terminal: Terminal, version: string) => void;

/** Every command, in the order of `--help`. What one needs is loaded when it is asked for: none pays for another. */
const commands: readonly { name: string; about: string; load: () => Promise<Fill> }[] = [
  { name: "serve", about: "run the server", load: async () => (await import("./cli/serve.ts")).addServe },
  {
    name: "init",
    about: "write a valetkey.config.ts to begin with",
    load: async () => (await import("./cli/init.ts")).addInit,
  },
  { name: "user", about: "people who can sign in", load: async () => (await import("./cli/user.ts")).addUser },
  {
    name: "client",
    about: "applications that may ask for tokens",
    load: async () => (await import("./cli/client.ts")).addClient,
  },
  { name: "key", about: "keys that sign tokens", load: async () => (await import("./cli/key.ts")).addKey },
  {
    name: "token",
    about: "tokens of this server; - reads one from standard input",
    load: async () => (await import("./cli/token.ts")).addToken,
  },
  {
    name: "doctor",
    about: "check configuration, files, database, keys, clock and the running server",
    load: async () => (await import("./cli/doctor.ts")).addDoctor,
  },
  { name: "config", about: "the configuration", load: async () => (await import("./cli/print-config.ts")).addConfig },
  { name: "explain", about: "explain an error code", load: async () => (await import("./cli/explain.ts")).addExplain },
  {
    name: "secret",
    about: "print a new secret, fit for VALETKEY_SECRET or a client",
    load: async () => (await import("./cli/explain.ts")).addSecret,
  },
];

/** Runs a command; resolves to the exit status. `words`: the arguments after the program's name. */
export async function main(words: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  try {
    const program = await programFor(words, terminal);
    await program.parseAsync([...words], { from: "user" });
    return 0;
  } catch (error) {
    // Help and version that were asked for.
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    // A command is missing, and the help is on standard error.
    if (isHelp(error)) return problemPages.VK2000.exit;
    if (error instanceof Interrupted) return 130;
    const problem = problemOf(error);
    if (words.includes("--json")) terminal.say(problemJson(problem));
    else {
      terminal.say(describeProblem(problem));
      if (problem.code === "VK1000" && error instanceof Error) terminal.say(error.stack ?? "");
    }
    return problemPages[problem.code].exit;
  }
}

async function programFor(words: readonly string[], terminal: Terminal): Promise<Command> {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  const program = new Command("valetkey")
    .description("An OAuth and OpenID server that is ready to run.")
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      // Our own message says it, with what to do.
      outputError: () => {},
      // The help, where a command is missing.
      writeErr: (text) => terminal.say(text.trimEnd()),
    });
  for (const { name, about, load } of commands) {
    const command = program.command(name).description(about);
    // Wherever its name stands: `valetkey help client` shows the flags of client, too.
    if (words.includes(name)) (await load())(command, terminal, version);
  }
  inherit(program);
  return program;
}

const isHelp = (error: unknown) => error instanceof CommanderError && error.code === "commander.help";

/** Commander hands settings to subcommands only when they are made after them, with `command`; here they all are. */
function inherit(program: Command, above = program.name()): void {
  for (const command of program.commands) {
    const path = `${above} ${command.name()}`;
    command.copyInheritedSettings(program).exitOverride((error) => {
      throw error.exitCode === 0 || isHelp(error) ? error : usageError(error, path);
    });
    inherit(command, path);
  }
}
