/**
 * The command line: reads the arguments, runs one command, ends with its exit status.
 *
 * The one property: whatever goes wrong is one explained message on standard error and a status that says of what kind it
 * was; a stack is shown only where the program itself is at fault.
 */

import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { addClient } from "./cli/client.ts";
import { addDoctor } from "./cli/doctor.ts";
import { describeProblem, Interrupted, problemJson, problemOf, problemPages, usageError } from "./cli/errors.ts";
import { addExplain } from "./cli/explain.ts";
import { addInit } from "./cli/init.ts";
import { addKey } from "./cli/key.ts";
import { addConfig } from "./cli/print-config.ts";
import { addServe } from "./cli/serve.ts";
import { processTerminal, type Terminal } from "./cli/terminal.ts";
import { addToken } from "./cli/token.ts";
import { addUser } from "./cli/user.ts";

/** Runs a command; resolves to the exit status. `words`: the arguments after the program's name. */
export async function main(words: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  const program = commands(terminal);
  try {
    await program.parseAsync([...words], { from: "user" });
    return 0;
  } catch (error) {
    // Help and version that were asked for.
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
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

function commands(terminal: Terminal): Command {
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
      writeErr: () => {},
    });
  addServe(program, terminal, version);
  addInit(program, terminal);
  addUser(program, terminal);
  addClient(program, terminal);
  addKey(program, terminal);
  addToken(program, terminal);
  addDoctor(program, terminal);
  addConfig(program, terminal);
  addExplain(program, terminal);
  inherit(program);
  return program;
}

/** Commander hands settings to subcommands only when they are made after them, with `command`; here they all are. */
function inherit(program: Command, above = program.name()): void {
  for (const command of program.commands) {
    const path = `${above} ${command.name()}`;
    command.copyInheritedSettings(program).exitOverride((error) => {
      throw error.exitCode === 0 ? error : usageError(error, path);
    });
    inherit(command, path);
  }
}
