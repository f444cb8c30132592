/**
 * The registry of clients: registering, changing, rotating secrets, removing (RFC 7591, RFC 7592, RFC 6749 §2).
 *
 * Secrets are given out once and kept as digests. Guarantees that two who change a client at once do not lose one
 * another's change silently, and that a removed client leaves no token behind that would work for a later client of the
 * same id.
 */
import { invalidClientMetadata, type OAuthError } from "@valetkey/protocol/errors";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import { createHandle, createId, digestOf } from "@valetkey/protocol/random";
import { type Change, StoreUnavailable } from "@valetkey/store";
import { checkClient } from "./check-client.ts";
import { type Client, clientOf, findClient, isClientId } from "./clients.ts";
import { removeAll } from "./cut.ts";
import { type ClientData, insert, type Kinds, list, replace } from "./entries.ts";
import type { Op } from "./op.ts";
import type { Clients } from "./options.ts";

/** How a client is registered. */
export interface Registering {
  readonly provenance: Client["provenance"];
  readonly firstParty?: boolean;
  /** Digest of its registration access token. */
  readonly registration?: string;
  /** Milliseconds after which it is forgotten unless it was used. */
  readonly expiresAt?: number;
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
  const client_id = given.client_id ?? createId(now);
  if (!isClientId(client_id)) throw invalidClientMetadata("client_id must be 1 to 256 printable ASCII characters");
  const { secrets, client_secret } = await firstSecret(checked, given.client_secret, now);
  const data: ClientData = {
    metadata: { ...checked, client_id },
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

async function firstSecret(metadata: ClientMetadata, given: string | undefined, now: number) {
  if (metadata.token_endpoint_auth_method === "none") {
    if (given !== undefined)
      throw invalidClientMetadata("a client with token_endpoint_auth_method none has no client_secret");
    return { secrets: [] };
  }
  const client_secret = given ?? (await newSecret(now));
  return { secrets: [{ digest: await digestOfSecret(client_secret) }], client_secret };
}

const newSecret = async (now: number): Promise<string> => (await createHandle("secret", now)).handle;

/** RFC 6749 Appendix A.2: printable ASCII. Secrets are kept as plain digests, so they must be too long to guess. */
async function digestOfSecret(secret: string): Promise<string> {
  if (!/^[\x20-\x7e]{32,512}$/.test(secret))
    throw invalidClientMetadata("client_secret must be 32 to 512 printable ASCII characters");
  return digestOf(secret);
}

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

/** Gives a client's data new metadata; secrets go when the client becomes a public one. */
export function withMetadata(op: Op, client: Client, given: ClientMetadata): ClientData {
  const { data } = client.entry;
  const checked = checkClient(op, given, client.provenance);
  const secrets = checked.token_endpoint_auth_method === "none" ? [] : data.secrets;
  return { ...data, metadata: { ...checked, client_id: client.client_id }, secrets };
}

/**
 * Makes a new secret; what was accepted before stays so until `oldUntil` (milliseconds), but no longer than it would
 * have.
 */
export async function withNewSecret(
  data: ClientData,
  now: number,
  oldUntil = now,
): Promise<{ data: ClientData; client_secret: string }> {
  const client_secret = await newSecret(now);
  const kept = data.secrets
    .map(({ digest, expiresAt }) => ({ digest, expiresAt: Math.min(expiresAt ?? oldUntil, oldUntil) }))
    .filter(({ expiresAt }) => expiresAt > now);
  return { data: { ...data, secrets: [{ digest: await digestOfSecret(client_secret) }, ...kept] }, client_secret };
}

/** Removes a client and everything made for it. */
export async function removeClient(op: Op, client_id: string): Promise<boolean> {
  const client = await findClient(op, client_id);
  if (client === undefined) return false;
  await removeAll(op, [client.entry]);
  // Grants first: they take all tokens with them.
  for (const kind of ["grant", "code", "access", "refresh", "consent"] as const) await removeKind(op, kind, client_id);
  op.log.info({ event: "client.removed", client_id }, "a client was removed");
  return true;
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
      const digest = secret === undefined ? undefined : await digestOfSecret(secret);
      return changeClient(op, client_id, (client) => {
        const data = metadata === undefined ? client.entry.data : withMetadata(op, client, metadata);
        if (digest !== undefined && data.metadata.token_endpoint_auth_method === "none") {
          throw invalidClientMetadata("a client with token_endpoint_auth_method none has no client_secret");
        }
        return {
          ...data,
          ...(digest === undefined ? {} : { secrets: [{ digest }] }),
          ...(disabled === undefined ? {} : { disabled }),
          ...(firstParty === undefined ? {} : { firstParty }),
        };
      });
    },
    async rotate(client_id, { overlap = 0 } = {}) {
      let client_secret = "";
      const client = await changeClient(op, client_id, async ({ entry, confidential }) => {
        if (!confidential) throw invalidClientMetadata("a public client has no secret to rotate");
        const now = op.now();
        const rotated = await withNewSecret(entry.data, now, now + overlap * 1000);
        client_secret = rotated.client_secret;
        return rotated.data;
      });
      return client && { client, client_secret };
    },
    remove: (client_id) => removeClient(op, client_id),
  };
}
