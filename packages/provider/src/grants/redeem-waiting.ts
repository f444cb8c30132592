/**
 * Asking again and again whether a person has decided, and getting tokens once they have allowed it (RFC 8628 §3.4 and §3.5, CIBA
 * Core §10.1, §11).
 *
 * Guarantees that a decision yields tokens once, to the client and with the key it was asked with, for what the person saw; and
 * that the store, not the client, keeps the interval.
 */
import {
  accessDenied,
  authorizationPending,
  expiredToken,
  invalidGrant,
  type OAuthError,
  slowDown,
} from "@valetkey/protocol/errors";
import { narrowDetails } from "../authorization-details.ts";
import type { ApprovalKind, Waiting } from "../authorize/approval.ts";
import { findByHandle, remove, replace } from "../entries.ts";
import type { Op } from "../op.ts";
import { chooseAudience } from "../resources.ts";
import { bindingOfGrant, isSame } from "../tokens/binding.ts";
import { pkceMistake } from "./authorization-code.ts";
import type { Issuance, TokenRequest } from "./grant-type.ts";
import { findLiveGrant } from "./live-grant.ts";

/** Milliseconds a poll may come early: networks are not even. */
const early = 500;
/** Milliseconds in which polls are noted once: more at a time are not worth a write each. */
const atOnce = 1000;

/** Milliseconds after its end for which a request is kept, to tell `expired_token` from what never was. */
export const keptFor = 600_000;

/** Decides about a request that waits. */
export async function redeemWaiting(
  op: Op,
  kind: ApprovalKind,
  handle: string,
  request: TokenRequest,
): Promise<Issuance> {
  const { client, now, form, binding } = request;
  const waiting = await findByHandle(op.store, kind, handle);
  if (waiting === undefined || waiting.client !== client.client_id)
    throw invalidGrant("the code is unknown, was used, or was issued to another client");
  const { data } = waiting;
  if (now >= data.until) throw expiredToken("the request has expired before it was used: start anew");
  if (data.cnf !== undefined && !isSame(data.cnf, binding?.cnf))
    throw invalidGrant("the request was made with another key");
  const mistake = await pkceMistake(data.request, form.code_verifier);
  if (mistake !== undefined) throw mistake;
  if (data.decision === undefined) return polled(waiting, now);
  const denied = accessDenied("the person refused");
  if (data.decision === "denied") throw denied;

  const { grant: id, grantUntil: expiresAt } = data.decision;
  const grant = await findLiveGrant(op, id, client.client_id);
  // Taken back before it was used.
  if (grant === undefined) throw denied;
  const granted = grant.entry.data;
  const audience = chooseAudience(op, form, granted);
  const authorization_details = narrowDetails(granted.authorization_details, form.authorization_details);
  const refreshes = op.grants.has("refresh_token") && client.metadata.grant_types?.includes("refresh_token") === true;
  const bound = { ...granted, ...bindingOfGrant(client, binding) };
  return {
    changes: [remove(waiting), replace(grant.entry, { data: bound, expiresAt })],
    subject: grant.subject,
    grant: { id, expiresAt, data: bound },
    ...audience,
    ...(authorization_details && { authorization_details }),
    ...(refreshes ? { refresh: { kind: "new" } } : {}),
    ...(bound.scope.includes("openid") ? { id_token: {} } : {}),
  };
}

/** RFC 8628 §3.5: whoever is too fast waits five seconds longer from then on. */
function polled(waiting: Waiting, now: number): Issuance {
  const { polledAt, interval } = waiting.data;
  const since = polledAt === undefined ? Number.POSITIVE_INFINITY : now - polledAt;
  if (since >= interval * 1000 - early)
    return refusal([{ ...waiting.data, polledAt: now }], authorizationPending("nobody has decided yet"));
  const slower = slowDown("the client polls too often: wait 5 seconds longer each time from now on");
  return refusal(since < atOnce ? [] : [{ ...waiting.data, polledAt: now, interval: interval + 5 }], slower);

  function refusal(noted: readonly Waiting["data"][], refuse: OAuthError): Issuance {
    return { changes: noted.map((data) => replace(waiting, { data })), refuse, scope: [], resource: [] };
  }
}
