/**
 * `valetkey init`: writes a configuration file to begin with. Nothing that is there is overwritten.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { CliError } from "./errors.ts";
import { show, type Terminal } from "./terminal.ts";

export function addInit(init: Command, terminal: Terminal): void {
  init
    .option("--issuer <url>", "public URL of the server", "http://localhost:4000")
    .option("--json", "print one JSON document")
    .action(async ({ issuer, json = false }: { issuer: string; json?: boolean }) => {
      const path = join(terminal.folder, "valetkey.config.ts");
      try {
        await writeFile(path, template(issuer), { flag: "wx" });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EEXIST") throw new CliError("VK6004", [["got", path]]);
        throw error;
      }
      show(terminal, { json }, { path }, [`wrote ${path}`, "next   npx valetkey serve"]);
    });
}

function template(issuer: string): string {
  return `// Configuration of Valetkey, read by Node itself. Secrets belong into the environment: VALETKEY_SECRET,
// VALETKEY_DATABASE_URL. Flags go before the environment, and the environment before this file.
export default {
  // The public URL, exactly as clients know it.
  issuer: ${JSON.stringify(issuer)},

  // A file, or postgres://user@host/name.
  // database: "file:./data/valetkey.db",

  // Applications that are part of the configuration. Others: npx valetkey client add.
  clients: [
    // {
    //   client_id: "wiki",
    //   client_name: "Team wiki",
    //   client_secret: process.env.WIKI_CLIENT_SECRET,
    //   redirect_uris: ["https://wiki.example.org/callback"],
    // },
  ],

  // Scopes of your own, in words for the consent page, and the APIs that know them.
  scopes: {
    // "photos:read": "See your photos",
  },
  resources: [
    // { resource: "https://api.example.org", scopes: ["photos:read"], tokens: "at+jwt" },
  ],
};
`;
}
