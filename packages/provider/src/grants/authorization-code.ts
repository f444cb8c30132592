/**
 * The authorization code grant at the token endpoint (RFC 6749 §4.1.3, §4.1.4, §10.5; RFC 7636 §4.6; RFC 9700 §4.5,
 * §4.8).
 *
 * Order: exists, belongs to this client, grant alive, redirect URI, PKCE, spent last. Guarantees that a code yields
 * tokens once, that a wrong client cannot hurt it (P1), and that a replay by whoever could have redeemed it cuts
 * everything it gave (P2).
 */
import { invalidGrant, invalidRequest, type OAuthError } from "@valetkey/protocol/errors";
import { verifyPkce } from "@valetkey/protocol/pkce";
import type { Change } from "@valetkey/store";
import { narrowDetails } from "../authorization-details.ts";
import { type CodeData, findByHandle, type Known, remove, replace } from "../entries.ts";
import { type ChangedGrant, changedGrant } from "../grant-management.ts";
import type { Op } from "../op.ts";
import { chooseAudience } from "../resources.ts";
import { bindingOfGrant } from "../tokens/binding.ts";
import type { GrantType, Issuance, TokenRequest } from "./grant-type.ts";
import { findLiveGrant, type LiveGrant } from "./live-grant.ts";

const maxFailures = 5;
const day = 86_400_000;

/** One sentence for all of it: which it was is nobody's business but the log's. */
const unknownCode = () => invalidGrant("the code is unknown, has expired or was issued to another client");

/** `authorization_code`. */
export const authorizationCode: GrantType = {
  grant_type: "authorization_code",
  async redeem(op, request) {
    const { form, client, now } = request;
    if (form.code === undefined) throw invalidRequest("code is missing");
    const code = await findByHandle(op.store, "code", form.code);
    if (code === undefined || code.data.failures >= maxFailures) throw unknownCode();
    const grant = await findLiveGrant(op, code.data.grant, client.client_id);
    if (grant === undefined) throw unknownCode();
    // Another code has changed the grant since: what this one stood for is no longer its to give.
    if (code.data.spentAt === undefined && grant.entry.data.unredeemed !== true) throw unknownCode();

    const mistake =
      redirectUriMistake(code.data, form.redirect_uri) ??
      (await pkceMistake(code.data, form.code_verifier)) ??
      keyMistake(code.data, request);
    if (mistake !== undefined) return refuseOnce(code, mistake);
    const changed = await changedGrant(op, code.data, grant, now);
    const into = code.data.into !== undefined && code.data.spentAt === undefined;
    if (into && changed === undefined) throw unknownCode();
    const granted = changed?.data ?? grant.entry.data;
    const audience = chooseAudience(op, form, granted);
    // Spent last: only whoever could have redeemed the code sets off the alarm (§4.1.2).
    if (code.data.spentAt !== undefined) return cut(op, request, grant);
    const authorization_details = narrowDetails(granted.authorization_details, form.authorization_details);
    return issuance(
      op,
      request,
      code,
      { grant, changed },
      { ...audience, ...(authorization_details && { authorization_details }) },
      now,
    );
  },
};

/** §4.1.3: if it was in the authorization request it must be here, and the same. */
function redirectUriMistake(code: CodeData, sent: string | undefined): OAuthError | undefined {
  if (sent === undefined && !code.redirect_uri_sent) return undefined;
  if (sent === code.redirect_uri) return undefined;
  return invalidGrant(
    sent === undefined
      ? "redirect_uri is missing: it was in the authorization request"
      : "redirect_uri is not the one of the authorization request",
  );
}

/** RFC 7636 §4.6: tells what is wrong with a verifier, if anything. */
export async function pkceMistake(
  code: Pick<CodeData, "code_challenge">,
  verifier: string | undefined,
): Promise<OAuthError | undefined> {
  if (code.code_challenge === undefined) {
    // RFC 9700 §4.8.2: a verifier without a challenge means that somebody took the challenge away.
    return verifier === undefined
      ? undefined
      : invalidGrant("code_verifier was sent, but the request had no code_challenge");
  }
  if (verifier === undefined) return invalidGrant("code_verifier is missing");
  const right = await verifyPkce(verifier, code.code_challenge);
  return right ? undefined : invalidGrant("code_verifier does not fit the code_challenge of the authorization request");
}

/** RFC 9449 §10: the key the request named, or proved, is the one that redeems. */
function keyMistake({ dpop_jkt }: CodeData, { binding }: TokenRequest): OAuthError | undefined {
  if (dpop_jkt === undefined || dpop_jkt === binding?.cnf.jkt) return undefined;
  return invalidGrant("the DPoP key is not the one the authorization request was made for");
}

/**
 * P1: a mistake does not consume the code, but after the fifth it is dead. A spent code has nothing left to protect.
 */
function refuseOnce(code: Known<"code">, refuse: OAuthError): Issuance {
  const counted = replace(code, { data: { ...code.data, failures: code.data.failures + 1 } });
  return { changes: code.data.spentAt === undefined ? [counted] : [], refuse, scope: [], resource: [] };
}

function cut(op: Op, { client }: TokenRequest, grant: LiveGrant): Issuance {
  op.log.warn(
    { event: "code.replayed", client_id: client.client_id, subject: grant.subject, grant: grant.entry.id },
    "a code was used a second time: everything it gave is revoked",
  );
  return { changes: [remove(grant.entry)], refuse: unknownCode(), scope: [], resource: [] };
}

function issuance(
  op: Op,
  { client, binding }: TokenRequest,
  code: Known<"code">,
  { grant, changed }: { readonly grant: LiveGrant; readonly changed: ChangedGrant | undefined },
  granted: Pick<Issuance, "scope" | "resource" | "authorization_details">,
  now: number,
): Issuance {
  const { id } = changed ?? grant.entry;
  const { unredeemed: _, ...redeemed } = changed?.data ?? grant.entry.data;
  const data = { ...redeemed, ...bindingOfGrant(client, binding) };
  const refreshes = op.grants.has("refresh_token") && client.metadata.grant_types?.includes("refresh_token") === true;
  // The spent code is remembered for a day, so that the alarm outlives the code.
  const expiresAt = changed?.expiresAt ?? code.data.grantUntil;
  const spent: Change = replace(code, {
    data: { ...code.data, grant: id, spentAt: now },
    expiresAt: Math.min(expiresAt, now + day),
  });
  return {
    changes: [spent, replace(changed?.entry ?? grant.entry, { data, expiresAt }), ...(changed?.changes ?? [])],
    subject: grant.subject,
    grant: { id, expiresAt, data },
    ...granted,
    ...(refreshes ? { refresh: { kind: "new" } } : {}),
    ...(data.scope.includes("openid") ? { id_token: data.nonce === undefined ? {} : { nonce: data.nonce } } : {}),
  };
}
