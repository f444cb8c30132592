/**
 * Which scopes exist here, and which of them a client may be granted (RFC 6749 §3.3, OpenID Connect Core §11).
 *
 * Guarantees that a scope which only a resource defines exists, that what a client's metadata does not list is out of its
 * reach, and that `offline_access` is for clients only that could use a refresh token.
 */
import { parseScope } from "@valetkey/protocol/scope";
import type { Client } from "./clients.ts";
import type { Op } from "./op.ts";

/** Lists every scope that can be asked for here: the provider's own and those of its resources. */
export function knownScopes(op: Pick<Op, "scopes" | "resources">): Set<string> {
  return new Set([...Object.keys(op.scopes), ...[...op.resources.values()].flatMap((resource) => resource.scopes)]);
}

/** Lists the scopes this client may be granted: all that are known, or those of its metadata's `scope` (RFC 7591 §2). */
export function allowedScopes(op: Pick<Op, "scopes" | "resources" | "grants">, client: Client): Set<string> {
  const { scope, grant_types = ["authorization_code"] } = client.metadata;
  const registered = scope === undefined ? undefined : new Set(parseScope(scope));
  const allowed = new Set([...knownScopes(op)].filter((name) => registered === undefined || registered.has(name)));
  const refreshes = op.grants.has("refresh_token") && grant_types.includes("refresh_token");
  if (!refreshes) allowed.delete("offline_access");
  return allowed;
}
