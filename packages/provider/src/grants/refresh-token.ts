/**
 * The refresh token grant: rotation with a short window for retries (RFC 6749 §6, RFC 9700 §4.14.2, OpenID Connect Core
 * §12), or one token that stays, where the policy says so (FAPI 2.0 Security Profile §5.3.2.1).
 *
 * Order: exists, belongs to this client, grant alive, key, scope and resource, spent last. Guarantees that a refresh token
 * has one successor, that a spent one gives that same successor within the window only (P3), and that any later use
 * cuts the grant.
 */
import { invalidGrant, invalidRequest } from "@valetkey/protocol/errors";
import { createId } from "@valetkey/protocol/random";
import { parseScope, without } from "@valetkey/protocol/scope";
import { narrowDetails } from "../authorization-details.ts";
import type { Client } from "../clients.ts";
import { find, findByHandle, type Known, remove, replace } from "../entries.ts";
import { refusedScope } from "../lib/refused-scope.ts";
import type { Op } from "../op.ts";
import { chooseAudience } from "../resources.ts";
import { allowedScopes } from "../scopes-of.ts";
import { bindingMistake, fallsBack } from "../tokens/binding.ts";
import type { GrantType, Issuance, RefreshBirth, TokenRequest } from "./grant-type.ts";
import { findLiveGrant, isCurrent, type LiveGrant } from "./live-grant.ts";

/** Milliseconds. */
const worthWriting = 60_000;

const unknownToken = () => invalidGrant("the refresh token is unknown, expired or was issued to another client");

/** `refresh_token`. */
export const refreshToken: GrantType = {
  grant_type: "refresh_token",
  async redeem(op, request) {
    const { form, client, now } = request;
    const presented = form.refresh_token;
    if (presented === undefined) throw invalidRequest("refresh_token is missing");
    const token = await findByHandle(op.store, "refresh", presented);
    if (token === undefined) throw unknownToken();
    const grant = await findLiveGrant(op, token.data.grant, client.client_id);
    if (grant === undefined || !isCurrent(token.data, grant.entry.data)) throw unknownToken();

    const wrongKey = bindingMistake(grant.entry.data, request.binding);
    if (wrongKey !== undefined) throw wrongKey;
    if (fallsBack(grant.entry.data, client))
      throw invalidGrant("the client authenticated with a key when it got the refresh token, and must do so again");
    if (grant.entry.data.instance !== undefined && grant.entry.data.instance !== client.instance)
      throw invalidGrant("the refresh token belongs to another installation of the application");

    // What an administrator has taken from the client since is gone with the next refresh.
    const allowed = allowedScopes(op, client);
    const granted = grant.entry.data.scope.filter((name) => allowed.has(name));
    const scope = narrowed(client, granted, form.scope);
    const audience = chooseAudience(op, form, { scope, resource: grant.entry.data.resource });
    const authorization_details = narrowDetails(grant.entry.data.authorization_details, form.authorization_details);
    const base = {
      subject: grant.subject,
      grant: { id: grant.entry.id, expiresAt: grant.expiresAt, data: grant.entry.data },
      ...audience,
      ...(authorization_details && { authorization_details }),
      // OpenID Connect Core §12.2: an ID token after a refresh has no nonce.
      ...(scope.includes("openid") ? { id_token: {} } : {}),
    };
    if (token.data.spentAt !== undefined) {
      const again = await retry(op, token, presented, now);
      return again === undefined ? cut(op, request, grant) : { ...base, changes: [], refresh: again };
    }
    if (!op.refreshRotation({ client })) return { ...base, ...lengthened(op, token, grant, now) };
    const successor = createId(now);
    const spent = replace(token, {
      data: { ...token.data, spentAt: now, successor },
      // The spent one is kept as long as the grant: a late use must still set off the alarm.
      expiresAt: grant.expiresAt,
    });
    return { ...base, changes: [spent], refresh: { kind: "successor", presented, id: successor } };
  },
};

/** §6: the scope may be narrowed, for this access token only, and never widened. */
function narrowed(client: Client, granted: readonly string[], asked: string | undefined): readonly string[] {
  if (asked === undefined) return granted;
  const scope = parseScope(asked);
  const excess = without(scope, granted);
  if (excess.length > 0) throw refusedScope(client, excess, "the scope asks for more than was granted");
  return scope;
}

/** The same token goes on; what is put off is the end that comes when nobody uses it. Not for every use: that would be a write. */
function lengthened(
  op: Op,
  token: Known<"refresh">,
  grant: LiveGrant,
  now: number,
): Pick<Issuance, "changes"> & { readonly refreshUntil: number } {
  const refreshUntil = Math.min(grant.expiresAt, now + op.lifetimes.refreshIdle * 1000);
  const { expiresAt = 0, data } = token;
  if (refreshUntil - expiresAt < worthWriting) return { changes: [], refreshUntil: expiresAt };
  return { changes: [replace(token, { data, expiresAt: refreshUntil })], refreshUntil };
}

/** P3: a client that lost the answer asks once more. Its successor must still wait for its first use. */
async function retry(
  op: Op,
  token: Known<"refresh">,
  presented: string,
  now: number,
): Promise<RefreshBirth | undefined> {
  const { spentAt, successor } = token.data;
  if (spentAt === undefined || successor === undefined) return undefined;
  // The clock of the server that spent it may be ahead of ours: no time has passed then, rather than less than none.
  if (Math.max(0, now - spentAt) >= op.lifetimes.refreshRetry * 1000) return undefined;
  const next = await find(op.store, "refresh", successor);
  if (next === undefined || next.data.spentAt !== undefined) return undefined;
  return { kind: "again", presented, id: successor };
}

function cut(op: Op, { client }: TokenRequest, grant: LiveGrant): Issuance {
  op.log.warn(
    { event: "refresh.replayed", client_id: client.client_id, subject: grant.subject, grant: grant.entry.id },
    "a refresh token was used a second time: its grant is revoked",
  );
  return { changes: [remove(grant.entry)], refuse: unknownToken(), scope: [], resource: [] };
}
