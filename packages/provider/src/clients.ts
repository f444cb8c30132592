/**
 * Clients: registered software and how it is found (RFC 6749 §2, RFC 7591 §2).
 *
 * A client that was removed or disabled is seen as such by the next request: nothing here is remembered between
 * requests.
 */
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import type { Entry } from "@valetkey/store";
import { find, type Known } from "./entries.ts";
import type { Op } from "./op.ts";

/** A registered client as the provider works with it. */
export interface Client {
  readonly client_id: string;
  readonly metadata: ClientMetadata & { readonly client_id: string };
  readonly provenance: "config" | "admin" | "dynamic";
  readonly firstParty: boolean;
  readonly disabled: boolean;
  /** `token_endpoint_auth_method` is not `none`. */
  readonly confidential: boolean;
  readonly entry: Known<"client">;
}

/**
 * Finds a client by its id, disabled ones too: the caller looks at `disabled`. Whatever cannot be an id finds nothing.
 */
export async function findClient(op: Pick<Op, "store">, client_id: string): Promise<Client | undefined> {
  if (!isClientId(client_id)) return undefined;
  const entry = await find(op.store, "client", client_id);
  return entry && clientOf(entry);
}

/** Reads a stored client. */
export function clientOf(entry: Known<"client">): Client {
  const { metadata, provenance, firstParty = false, disabled = false } = entry.data;
  const confidential = metadata.token_endpoint_auth_method !== "none";
  return { client_id: metadata.client_id, metadata, provenance, firstParty, disabled, confidential, entry };
}

/** RFC 6749 Appendix A.1: printable ASCII; at most 256 characters here. */
export function isClientId(text: string): boolean {
  return /^[\x20-\x7e]{1,256}$/.test(text);
}

/**
 * Lifts the end that open registration sets for clients nobody uses (F-49). Whoever changed the client meanwhile wins.
 */
export async function keepClient(op: Pick<Op, "store">, { entry }: Client): Promise<void> {
  const { expiresAt, ...kept } = entry;
  if (expiresAt !== undefined) await op.store.commit([{ do: "replace", entry: kept as unknown as Entry }]);
}
