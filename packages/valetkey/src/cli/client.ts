/**
 * `valetkey client …`: the applications that may ask this server for tokens.
 *
 * The one property: a client of the configuration is not changed here, where the change would not outlive a restart.
 */

import type { Client } from "@valetkey/provider/clients";
import { createInitialAccessToken } from "@valetkey/provider/registration-policy";
import type { Command } from "commander";
import {
  type ClientFlags,
  checkOwnScopes,
  checkServesOAuth1,
  explainMetadata,
  hasNoScopeOfItsOwn,
  metadataOf,
  withOwnGrant,
} from "./client-flags.ts";
import { CliError } from "./errors.ts";
import { columns, harmless, readSecretInput, show, showList, type Terminal } from "./terminal.ts";
import {
  type CommonFlags,
  jwksFile,
  oneOrMore,
  repeatable,
  rowLimit,
  shownDatabase,
  type Tools,
  wholeNumber,
  withCommonFlags,
  withExisting,
  withProvider,
} from "./with-provider.ts";

interface MetadataFlags extends CommonFlags, ClientFlags {
  readonly firstParty?: boolean;
  readonly secretStdin?: boolean;
}

function withMetadataFlags(command: Command): Command {
  return withCommonFlags(command)
    .option("--redirect-uri <uri>", "where answers go; may be given several times", repeatable)
    .option("--post-logout-redirect-uri <uri>", "where people go after signing out; several times", repeatable)
    .option(
      "--grant-type <type>",
      "authorization_code (unless given), refresh_token, client_credentials, device_code (RFC 8628), ciba, or another that is configured; several times",
      repeatable,
    )
    .option(
      "--scope <scopes>",
      "scopes it may ask for, with blanks between them; all unless given; with client_credentials none unless given",
    )
    .option(
      "--auth-method <method>",
      "client_secret_basic (unless given), private_key_jwt, none or another that is configured",
    )
    .option("--jwks <file>", "its public keys, a JWK Set in a file; for private_key_jwt", jwksFile)
    .option("--jwks-uri <url>", "where its public keys are; for private_key_jwt")
    .option("--introspects <resource>", "resource whose tokens it may introspect; several times", repeatable)
    .option("--public", "an application without a secret: --auth-method none")
    .option("--oauth1", "it speaks OAuth 1.0a: signs with its secret, or with --jwks; needs --scope")
    .option("--secret-stdin", "read the client secret from standard input");
}

export function addClient(client: Command, terminal: Terminal): void {
  withMetadataFlags(client.command("add"))
    .description("register an application; its secret is printed once")
    .requiredOption("--name <name>", "name to show to people")
    .option("--id <client_id>", "its client_id; made up unless given")
    .option("--first-party", "it is ours: nobody is asked for consent")
    .action(async (flags: MetadataFlags & { id?: string }) => {
      const secret = flags.secretStdin === true ? { client_secret: await readSecretInput(terminal) } : {};
      await withProvider(terminal, flags, async ({ provider, settings }) => {
        const { id, firstParty = false } = flags;
        checkServesOAuth1(flags, settings.oauth1);
        if (id !== undefined && (await provider.clients.find(id)))
          throw new CliError("VK6002", [["got", harmless(id)]]);
        const metadata = {
          ...metadataOf(withOwnGrant(flags)),
          ...secret,
          ...(id === undefined ? {} : { client_id: id }),
        };
        checkOwnScopes(flags);
        const made = await provider.clients.add(metadata, { provenance: "admin", firstParty }).catch((error) => {
          throw explainMetadata(error, flags);
        });
        showClient(terminal, flags, made.client, made.client_secret);
        if (hasNoScopeOfItsOwn(flags)) {
          const fix = `valetkey client set ${harmless(made.client.client_id)} --scope "…"`;
          terminal.say(`warning: with client_credentials it gets no scope unless --scope gives it some; fix: ${fix}`);
        }
      });
    });

  withCommonFlags(client.command("list"))
    .description("list applications")
    .option("--after <client_id>", "start after this one")
    .option("--limit <number>", "at most so many, 100 unless given", rowLimit)
    .action((flags: CommonFlags & { after?: string; limit?: number }) =>
      withExisting(terminal, flags, async ({ provider, settings }) => {
        const { after, limit } = flags;
        const page = { ...(after === undefined ? {} : { after }), ...(limit === undefined ? {} : { limit }) };
        const clients = await provider.clients.list(page);
        const rows = clients.map((one) => [
          one.client_id,
          harmless(one.metadata.client_name ?? ""),
          one.provenance,
          one.disabled ? "disabled" : "",
        ]);
        const empty = `no clients${after === undefined ? "" : " after that one"} in ${shownDatabase(settings)}`;
        showList(terminal, flags, clients.map(viewOf), ["client_id", "name", "from", "state"], rows, empty);
      }),
    );

  withCommonFlags(client.command("show").argument("<client_id>"))
    .description("show one application")
    .action((id: string, flags: CommonFlags) =>
      withExisting(terminal, flags, async (tools) => showClient(terminal, flags, await mustFind(tools, id))),
    );

  withMetadataFlags(client.command("set").argument("<client_id>"))
    .description("change an application; what is not given stays")
    .option("--name <name>", "name to show to people")
    .option("--first-party", "it is ours: nobody is asked for consent")
    .option("--no-first-party", "people are asked for consent")
    .option("--disable", "its tokens stop working at once")
    .option("--enable", "undo --disable")
    .action(async (id: string, flags: MetadataFlags & { disable?: boolean; enable?: boolean }) => {
      const secret = flags.secretStdin === true ? { secret: await readSecretInput(terminal) } : {};
      await withExisting(terminal, flags, async (tools) => {
        const { metadata, provenance } = await mustFindOurs(tools, id);
        checkServesOAuth1(flags, tools.settings.oauth1);
        const given = metadataOf(flags);
        // What a client with a document is says the document; an operator may still stop it.
        const stays = provenance === "document" && Object.keys(given).length === 0;
        const disabled = flags.disable === true ? true : flags.enable === true ? false : undefined;
        const changed = await tools.provider.clients
          .set(id, {
            ...(stays ? {} : { metadata: { ...metadata, ...given } }),
            ...secret,
            ...(disabled === undefined ? {} : { disabled }),
            ...(flags.firstParty === undefined ? {} : { firstParty: flags.firstParty }),
          })
          .catch((error) => {
            throw explainMetadata(error, flags);
          });
        if (!changed) throw unknownClient(id, tools);
        showClient(terminal, flags, changed);
      });
    });

  withCommonFlags(client.command("rotate").argument("<client_id>"))
    .description("give an application a new secret, printed once")
    .option("--overlap <seconds>", "the old secret works for so long, 0 unless given", wholeNumber)
    .action((id: string, flags: CommonFlags & { overlap?: number }) =>
      withExisting(terminal, flags, async (tools) => {
        await mustFindOurs(tools, id);
        const rotated = await tools.provider.clients.rotate(id, { overlap: flags.overlap ?? 0 });
        if (!rotated) throw unknownClient(id, tools);
        showClient(terminal, flags, rotated.client, rotated.client_secret);
      }),
    );

  withCommonFlags(client.command("rm").argument("<client_id>"))
    .description("remove an application; its tokens stop working at once")
    .action((id: string, flags: CommonFlags) =>
      withExisting(terminal, flags, async (tools) => {
        // A client that left the configuration is disabled and may go; one that is in it would come back.
        if (tools.settings.clients.some(({ client_id }) => client_id === id)) throw ofConfiguration(id);
        if (!(await tools.provider.clients.remove(id))) throw unknownClient(id, tools);
        show(terminal, flags, { client_id: id, removed: true }, `removed ${harmless(id)}`);
      }),
    );

  withCommonFlags(client.command("token"))
    .description("print an initial access token, with which an application registers itself (--registration token)")
    .option("--uses <number>", "for so many applications, 1 unless given", oneOrMore)
    .option("--lifetime <seconds>", "good for so long, a day unless given", oneOrMore)
    .action((flags: CommonFlags & { uses?: number; lifetime?: number }) =>
      withProvider(terminal, flags, async ({ store }) => {
        const { uses = 1, lifetime = 86_400 } = flags;
        const token = await createInitialAccessToken(store, { uses, lifetime });
        show(terminal, flags, { initial_access_token: token, uses, expires_in: lifetime }, token);
      }),
    );
}

async function mustFind(tools: Tools, id: string): Promise<Client> {
  const found = await tools.provider.clients.find(id);
  if (!found) throw unknownClient(id, tools);
  return found;
}

async function mustFindOurs(tools: Tools, id: string): Promise<Client> {
  const found = await mustFind(tools, id);
  if (found.provenance === "config") throw ofConfiguration(id);
  return found;
}

const unknownClient = (id: string, { settings }: Tools) =>
  new CliError("VK5001", [
    ["got", harmless(id)],
    ["looked in", shownDatabase(settings)],
  ]);
const ofConfiguration = (id: string) => new CliError("VK4000", [["got", harmless(id)]]);

function viewOf({ metadata, provenance, firstParty, disabled }: Client) {
  return { ...metadata, provenance, firstParty, disabled };
}

function showClient(terminal: Terminal, flags: CommonFlags, client: Client, secret?: string): void {
  const view = { ...viewOf(client), ...(secret === undefined ? {} : { client_secret: secret }) };
  const rows = Object.entries(view).map(([name, value]) => [
    name,
    harmless(Array.isArray(value) ? value.join(" ") : String(value)),
  ]);
  show(terminal, flags, view, columns(rows));
}
