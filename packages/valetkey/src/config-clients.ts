/**
 * Brings the clients of the configuration into the store at each start.
 *
 * The one property: after a start the store says what the configuration says. A client that is no longer in it is disabled,
 * so its tokens stop working; it comes back when it is put back. Clients somebody else made are never touched.
 */
import { matchesDigest } from "@valetkey/protocol/random";
import type { Client } from "@valetkey/provider/clients";
import type { Log } from "@valetkey/provider/op";
import type { Clients } from "@valetkey/provider/options";
import type { Mistake } from "./config-schema.ts";
import { signsWithSecret } from "./oauth1-setting.ts";
import { ConfigError, type Settings } from "./settings.ts";

type Declared = Settings["clients"][number];

/** Inserts, updates and disables. Throws `ConfigError` with everything that is wrong with any of the clients. */
export async function applyClients(declared: readonly Declared[], clients: Clients, log: Log): Promise<void> {
  const mistakes: Mistake[] = [];
  for (const [at, client] of declared.entries()) {
    try {
      await apply(client, clients);
    } catch (error) {
      if (error instanceof ConfigError) {
        mistakes.push(...error.mistakes);
        continue;
      }
      const { description } = error as { description?: unknown };
      if (!(error instanceof Error) || error.name !== "OAuthError" || typeof description !== "string") throw error;
      mistakes.push({ key: `clients[${at}]`, got: client.client_id, what: description });
    }
  }
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  await disableOthers(new Set(declared.map(({ client_id }) => client_id)), clients, log);
}

async function apply(declared: Declared, clients: Clients): Promise<void> {
  const { client_id, client_secret, firstParty = false, ...rest } = declared;
  const metadata = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  const found = await clients.find(client_id);
  // Whoever was known by a document until now is from now on who the configuration says.
  if (!found || found.provenance === "document") {
    const secret = client_secret === undefined ? {} : { client_secret };
    try {
      await clients.add({ ...metadata, client_id, ...secret }, { provenance: "config", firstParty });
    } catch (error) {
      // Another server that starts with the same configuration was faster: what it made is looked at like any other.
      const now = await clients.find(client_id);
      if (now === undefined || now.provenance === "document") throw error;
      await apply(declared, clients);
    }
    return;
  }
  if (found.provenance !== "config") {
    const fix = `valetkey client rm ${client_id}, or give this one another client_id`;
    throw new ConfigError([
      { key: "clients", got: client_id, what: "has the client_id of a client made elsewhere", fix },
    ]);
  }
  // A secret that is accepted already stays as it is; a new one replaces all.
  const changed = client_secret !== undefined && !(await isAccepted(found, declared, client_secret));
  await clients.set(client_id, {
    metadata,
    firstParty,
    disabled: false,
    ...(changed ? { secret: client_secret } : {}),
  });
}

async function isAccepted(client: Client, declared: Declared, secret: string): Promise<boolean> {
  const { token_endpoint_auth_method, oauth1_signature_methods } = declared;
  const mustBeReadable =
    token_endpoint_auth_method === "client_secret_jwt" || signsWithSecret(oauth1_signature_methods);
  for (const { digest, sealed, expiresAt } of client.entry.data.secrets) {
    // Of a secret that was for another method until now only the digest is there.
    if (mustBeReadable && sealed === undefined) continue;
    if (expiresAt === undefined && (await matchesDigest(secret, digest))) return true;
  }
  return false;
}

async function disableOthers(declared: ReadonlySet<string>, clients: Clients, log: Log): Promise<void> {
  let after = "";
  for (;;) {
    const page = await clients.list({ after, limit: 500 });
    for (const { client_id, provenance, disabled } of page) {
      if (provenance !== "config" || disabled || declared.has(client_id)) continue;
      await clients.set(client_id, { disabled: true });
      log.warn({ event: "client.disabled", client_id }, "a client is no longer in the configuration and was disabled");
    }
    const last = page.at(-1);
    if (!last || page.length < 500) return;
    after = last.client_id;
  }
}
