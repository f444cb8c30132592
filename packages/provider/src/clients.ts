/**
 * Clients: registered software and how it is found (RFC 6749 §2, RFC 7591 §2).
 *
 * A client that was removed or disabled is seen as such by the next request: nothing here is remembered between
 * requests.
 */
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import type { Entry } from "@valetkey/store";
import { find, type Known, type Provenance } from "./entries.ts";
import type { Op } from "./op.ts";

/** A registered client as the provider works with it. */
export interface Client {
  readonly client_id: string;
  readonly metadata: ClientMetadata & { readonly client_id: string };
  readonly provenance: Provenance;
  readonly firstParty: boolean;
  readonly disabled: boolean;
  /** It proves who it is: none of its methods is `none`, or it has just used another. */
  readonly confidential: boolean;
  /** Ways in which it may authenticate: its `token_endpoint_auth_method`, or those a document of its own offers. */
  readonly methods: readonly string[];
  /** The one it has just used. */
  readonly method?: string;
  /** Milliseconds: what people were shown of it was another before. */
  readonly changedAt?: number;
  /** The one installation that proved a key of its own when it authenticated: a name for that key. */
  readonly instance?: string;
  readonly entry: Known<"client">;
}

/**
 * Finds a client by its id, disabled ones too: the caller looks at `disabled`. Whatever cannot be an id finds nothing. Of a client
 * with a document what was last read of it; whoever serves the client itself asks `meetClient`.
 */
export async function findClient(op: Pick<Op, "store">, client_id: string): Promise<Client | undefined> {
  if (!isClientId(client_id)) return undefined;
  const entry = await find(op.store, "client", client_id);
  return entry && clientOf(entry);
}

/** Reads a stored client. */
export function clientOf(entry: Known<"client">): Client {
  const { metadata, provenance, firstParty = false, disabled = false, document } = entry.data;
  const methods = document?.methods ?? [metadata.token_endpoint_auth_method ?? "client_secret_basic"];
  return {
    client_id: metadata.client_id,
    metadata,
    provenance,
    firstParty,
    disabled,
    confidential: !methods.includes("none"),
    methods,
    ...(document?.changedAt === undefined ? {} : { changedAt: document.changedAt }),
    entry,
  };
}

/** Tells whether nobody here vouches for a client: it registered itself, or is known by a document of its own. */
export function isStranger({ provenance }: Pick<Client, "provenance">): boolean {
  return provenance === "dynamic" || provenance === "document";
}

/** The host whose word a client's document is: what to show beside its name. Nothing for a client that was registered. */
export function hostOf({ client_id, provenance }: Pick<Client, "client_id" | "provenance">): string | undefined {
  return provenance === "document" ? new URL(client_id).host : undefined;
}

/** RFC 6749 Appendix A.1: printable ASCII; at most 256 characters here. */
export function isClientId(text: string): boolean {
  return /^[\x20-\x7e]{1,256}$/.test(text);
}

/**
 * Lifts the end that open registration sets for clients nobody uses (F-49). Whoever changed the client meanwhile wins.
 */
export async function keepClient(op: Pick<Op, "store">, { entry }: Client): Promise<void> {
  if (entry.expiresAt === undefined) return;
  const { expiresAt: _, ...kept } = entry;
  await op.store.commit([{ do: "replace", entry: kept as unknown as Entry }]);
}
