/** For the tests of commands: runs one as the terminal would and keeps what it printed. */
import { join } from "node:path";
import { main } from "../main.ts";
import type { Terminal } from "./terminal.ts";

export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly said: string;
  /** Standard output as the one JSON document it must be. */
  readonly json: Record<string, unknown>;
}

/** Runs commands in this process, with a database of their own under the folder. */
export function commandsIn(folder: string, name: string, env: Record<string, string> = {}) {
  const database = `file:${join(folder, name, "valetkey.db")}`;
  return async (line: string, input = "", more: Record<string, string> = {}): Promise<Ran> => {
    let out = "";
    let said = "";
    const terminal: Terminal = {
      env: { VALETKEY_DATABASE_URL: database, ...env, ...more },
      folder,
      out: (text) => (out += `${text}\n`),
      say: (text) => (said += `${text}\n`),
      input: async () => input,
      untilEnd: async () => "SIGTERM",
    };
    const status = await main(line === "" ? [] : line.split(" "), terminal);
    return {
      status,
      out,
      said,
      get json() {
        return JSON.parse(out) as Record<string, unknown>;
      },
    };
  };
}
