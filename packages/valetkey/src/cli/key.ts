/**
 * `valetkey key …`: the keys this server signs with.
 */

import type { SigningAlg } from "@valetkey/provider/op";
import { type Command, InvalidArgumentError, Option } from "commander";
import { signingAlgNames } from "../profile-setting.ts";
import { CliError } from "./errors.ts";
import { columns, harmless, show, type Terminal } from "./terminal.ts";
import { type CommonFlags, shownDatabase, type Tools, withCommonFlags, withExisting } from "./with-provider.ts";

export function addKey(key: Command, terminal: Terminal): void {
  withCommonFlags(key.command("list"))
    .description("list the keys that are published")
    .action((flags: CommonFlags) => withExisting(terminal, flags, (tools) => listKeys(terminal, flags, tools)));

  withCommonFlags(key.command("rotate"))
    .description("let the next key sign from now on; the former stays published while its signatures may count")
    .addOption(new Option("--alg <alg>", "only for this algorithm").choices(signingAlgNames))
    .action((flags: CommonFlags & { alg?: SigningAlg }) =>
      withExisting(terminal, flags, async (tools) => {
        const { signingAlgs } = tools.settings;
        if (flags.alg !== undefined && !signingAlgs.includes(flags.alg))
          throw new InvalidArgumentError(`--alg must be one this server has keys for: ${signingAlgs.join(", ")}.`);
        await tools.keys.rotate(flags.alg);
        await listKeys(terminal, flags, tools);
      }),
    );

  withCommonFlags(key.command("retire").argument("<kid>"))
    .description("withdraw a key at once: what it signed no longer verifies")
    // A kid may begin with a hyphen.
    .allowUnknownOption()
    .action((kid: string, flags: CommonFlags) =>
      withExisting(terminal, flags, async (tools) => {
        if (!(await tools.keys.retire(kid))) throw noSuchKey(kid, tools);
        await listKeys(terminal, flags, tools);
      }),
    );
}

const noSuchKey = (kid: string, { settings }: Tools) =>
  new CliError("VK5003", [
    ["got", harmless(kid)],
    ["looked in", shownDatabase(settings)],
  ]);

async function listKeys(terminal: Terminal, flags: CommonFlags, { keys }: Tools): Promise<void> {
  // Makes the first keys where there are none yet, as a start would.
  await keys.published();
  const list = await keys.list();
  const when = (time: number | undefined) => (time === undefined ? "" : new Date(time).toISOString());
  const rows = list.map(({ kid, alg, state, activatedAt, dropAt }) => [
    kid,
    alg,
    state,
    when(activatedAt),
    when(dropAt),
  ]);
  show(terminal, flags, list, columns([["kid", "alg", "state", "signs since", "published until"], ...rows]));
}
