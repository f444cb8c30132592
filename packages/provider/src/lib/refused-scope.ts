/**
 * The refusal of a scope (RFC 6749 §5.2), with what its client is not told but the log is: who asked, and which names were too much.
 *
 * The one property: what is kept is bounded, and nothing but a client_id and names of scopes.
 */
import { invalidScope, type OAuthError } from "@valetkey/protocol/errors";
import { formatScope } from "@valetkey/protocol/scope";
import type { Client } from "../clients.ts";

/** What the log says of a refusal, where it is known. */
export interface RefusedScope {
  readonly client_id?: string;
  /** At most 256 characters. */
  readonly scope?: string;
}

/** Builds an `invalid_scope` because of these names; none if nothing was asked for. */
export function refusedScope({ client_id }: Client, names: readonly string[], description: string): OAuthError {
  const scope = formatScope(names).slice(0, 256);
  const cause: RefusedScope = { client_id, ...(scope === "" ? {} : { scope }) };
  return invalidScope(description, { cause });
}

/** Gives what the log says of an error; nothing unless it was made here. */
export function refusedIn({ error, cause }: OAuthError): RefusedScope {
  return error === "invalid_scope" && typeof cause === "object" && cause !== null ? (cause as RefusedScope) : {};
}
