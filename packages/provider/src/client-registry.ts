/**
 * The registry of clients: registering, changing, rotating secrets, removing (RFC 7591, RFC 7592, RFC 6749 §2).
 *
 * Secrets are given out once and kept as `client-secrets.ts` says. Guarantees that two who change a client at once do not lose one
 * another's change silently, and that a removed client leaves no token behind that would work for a later client of the
 * same id.
 */
import { invalidClientMetadata, type OAuthError } from "@valetkey/protocol/errors";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import { createHandle, createId } from "@valetkey/protocol/random";
import { type Change, StoreUnavailable } from "@valetkey/store";
import { checkClient } from "./check-client.ts";
import { keepSecret, secretKindOf, usableSecrets } from "./client-secrets.ts";
import { type Client, clientOf, findClient, isClientId, isStranger, keepClient } from "./clients.ts";
import { removeAll } from "./cut.ts";
import { type ClientData, insert, type Kinds, list, replace } from "./entries.ts";
import type { Op } from "./op.ts";
import type { Clients } from "./options.ts";
import { checkSameSector, checkSector } from "./pairwise.ts";

/** How a client is registered. */
export interface Registering {
  readonly provenance: Client["provenance"];
  readonly firstParty?: boolean;
  /** Digest of its registration access token. */
  readonly registration?: string;
  /** Milliseconds after which it is forgotten unless it was used. */
  readonly expiresAt?: number;
  /** Milliseconds after which the secret it is given counts no more. */
  readonly secretUntil?: number | undefined;
  /** The software statement it registered with, verified. */
  readonly statement?: string | undefined;
  /** Committed together with the client; `lost` is thrown when that is too late. */
  readonly changes?: readonly Change[];
  readonly lost?: OAuthError;
}

/** Registers a client. The secret, if it has one, is in the answer and nowhere else. */
export async function registerClient(
  op: Op,
  given: ClientMetadata & { client_id?: string; client_secret?: string },
  by: Registering,
): Promise<{ client: Client; client_secret?: string }> {
  const now = op.now();
  const checked = checkClient(op, given, by.provenance);
  await checkSector(op, checked);
  const client_id = given.client_id ?? createId(now);
  if (!isClientId(client_id)) throw invalidClientMetadata("client_id must be 1 to 256 printable ASCII characters");
  const { secrets, client_secret } = await firstSecret(op, checked, given.client_secret, now, by.secretUntil);
  // draft-ietf-oauth-client-id-metadata-document-03 §8.2: whoever is registered is no longer known by a document.
  if ((await findClient(op, client_id))?.provenance === "document") await removeClient(op, client_id);
  const data: ClientData = {
    metadata: { ...checked, ...stated(by.statement), client_id },
    secrets,
    provenance: by.provenance,
    ...(by.firstParty === true ? { firstParty: true } : {}),
    ...(by.registration === undefined ? {} : { registration: by.registration }),
    createdAt: now,
  };
  const ending = by.expiresAt === undefined ? {} : { expiresAt: by.expiresAt };
  const added = await op.store.commit([...(by.changes ?? []), insert("client", { id: client_id, ...ending, data })]);
  const client = added ? await findClient(op, client_id) : undefined;
  if (client === undefined) throw by.lost ?? invalidClientMetadata("the client_id is taken");
  op.log.info({ event: "client.added", client_id, provenance: by.provenance }, "a client was registered");
  return client_secret === undefined ? { client } : { client, client_secret };
}

/** §3.2.1: the statement a client registered with is part of what it is. */
const stated = (software_statement: string | undefined) =>
  software_statement === undefined ? {} : { software_statement };

async function firstSecret(
  op: Op,
  metadata: ClientMetadata,
  given: string | undefined,
  now: number,
  until: number | undefined,
) {
  if (given === undefined && secretKindOf(op, metadata) === undefined) return { secrets: [] };
  const client_secret = given ?? (await newSecret(now));
  const kept = await keepSecret(op, metadata, client_secret);
  return { secrets: [until === undefined ? kept : { ...kept, expiresAt: until }], client_secret };
}

const newSecret = async (now: number): Promise<string> => (await createHandle("secret", now)).handle;

/** What of a client is to be replaced; it starts from the client as it is at that moment. */
export type Edit = (client: Client) => Promise<ClientData> | ClientData;

/** Changes a client, beginning anew when somebody else changed it in between. Nothing for an unknown client. */
export async function changeClient(op: Op, client_id: string, edit: Edit): Promise<Client | undefined> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const client = await findClient(op, client_id);
    if (client === undefined) return undefined;
    const data = await edit(client);
    if (await op.store.commit([replace(client.entry, { data })])) {
      return clientOf({ ...client.entry, version: client.entry.version + 1, data });
    }
  }
  throw new StoreUnavailable("the client is being changed by others all the time");
}

/** Gives a client's data new metadata; secrets go that are of no use to its method: the client needs a new one then. */
export async function withMetadata(
  op: Op,
  client: Client,
  given: ClientMetadata,
  statement?: string,
): Promise<ClientData> {
  const { data } = client.entry;
  if (client.provenance === "document")
    throw invalidClientMetadata("what this client is says the document at its URL: it cannot be changed here");
  const { software_statement, ...rest } = given;
  // The one it registered with may come back with the rest; any other was looked at before, or is not to be believed.
  const same = software_statement !== undefined && software_statement === data.metadata.software_statement;
  const checked = checkClient(op, same ? rest : given, client.provenance);
  if (isStranger(client)) checkSameSector(op, data.metadata, checked);
  await checkSector(op, checked);
  const secrets = usableSecrets(op, checked, data.secrets);
  const kept = stated(statement ?? (same ? String(software_statement) : undefined));
  return { ...data, metadata: { ...checked, ...kept, client_id: client.client_id }, secrets };
}

/**
 * Makes a new secret, for ever or `until`; what was accepted before stays so until `oldUntil`, but no longer than it would have
 * (milliseconds).
 */
export async function withNewSecret(
  op: Op,
  data: ClientData,
  now: number,
  oldUntil = now,
  until?: number,
): Promise<{ data: ClientData; client_secret: string }> {
  const client_secret = await newSecret(now);
  const kept = data.secrets
    .map((secret) => ({ ...secret, expiresAt: Math.min(secret.expiresAt ?? oldUntil, oldUntil) }))
    .filter(({ expiresAt }) => expiresAt > now);
  const digested = await keepSecret(op, data.metadata, client_secret);
  const made = until === undefined ? digested : { ...digested, expiresAt: until };
  return { data: { ...data, secrets: [made, ...kept] }, client_secret };
}

/** Removes a client and everything made for it. */
export async function removeClient(op: Op, client_id: string): Promise<boolean> {
  const client = await findClient(op, client_id);
  if (client === undefined) return false;
  await removeAll(op, [client.entry]);
  await revokeGrants(op, client_id);
  op.log.info({ event: "client.removed", client_id }, "a client was removed");
  return true;
}

/**
 * Grants first: they take all codes and tokens of people with them. And once more, for one that was given while the client was
 * still there.
 */
const granted = ["grant", "access", "consent", "device", "backchannel", "oauth1", "oauth1-token", "grant"] as const;

/** Removes everything people allowed a client, and every token with it. */
export async function revokeGrants(op: Op, client_id: string): Promise<void> {
  for (const kind of granted) await removeKind(op, kind, client_id);
}

async function removeKind(op: Op, kind: keyof Kinds, client: string): Promise<void> {
  for (;;) {
    const some = await list(op.store, kind, { client, limit: 500 });
    if (some.length === 0) return;
    await removeAll(op, some);
  }
}

/** The registry, for operators. */
export function clientsOf(op: Op): Clients {
  return {
    find: (client_id) => findClient(op, client_id),
    async list(page = {}) {
      return (await list(op.store, "client", page)).map(clientOf);
    },
    add: (metadata, by) => registerClient(op, metadata, by),
    async set(client_id, { metadata, disabled, firstParty, secret }) {
      const changed = await changeClient(op, client_id, async (client) => {
        const data = metadata === undefined ? client.entry.data : await withMetadata(op, client, metadata);
        return {
          ...data,
          ...(secret === undefined ? {} : { secrets: [await keepSecret(op, data.metadata, secret)] }),
          ...(disabled === undefined ? {} : { disabled }),
          ...(firstParty === undefined ? {} : { firstParty }),
        };
      });
      // What an administrator decided about a document's client is not forgotten because nobody uses it.
      if (changed?.provenance === "document") await keepClient(op, changed);
      return changed;
    },
    async rotate(client_id, { overlap = 0 } = {}) {
      let client_secret = "";
      const client = await changeClient(op, client_id, async ({ entry, metadata }) => {
        if (secretKindOf(op, metadata) === undefined)
          throw invalidClientMetadata("a client of this token_endpoint_auth_method has no secret to rotate");
        const now = op.now();
        const rotated = await withNewSecret(op, entry.data, now, now + overlap * 1000);
        client_secret = rotated.client_secret;
        return rotated.data;
      });
      return client && { client, client_secret };
    },
    remove: (client_id) => removeClient(op, client_id),
  };
}
