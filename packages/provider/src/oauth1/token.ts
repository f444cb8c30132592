/**
 * Token credentials: temporary credentials and the verifier become a token and its secret, once (RFC 5849 §2.3).
 *
 * Guarantees that of any number of requests for the same temporary credentials one gets a token; that five wrong verifiers end them
 * together with what the person allowed; and that the token stands on a grant, which ends it wherever grants end.
 */
import { temporarilyUnavailable } from "@valetkey/protocol/errors";
import { OAuth1Problem } from "@valetkey/protocol/oauth1/problem";
import { parameterAbsent } from "@valetkey/protocol/oauth1/signed-request";
import { createHandle, randomToken } from "@valetkey/protocol/random";
import type { Client } from "../clients.ts";
import { find, findByHandle, insert, type Known, remove, replace } from "../entries.ts";
import { findLiveGrant } from "../grants/live-grant.ts";
import type { Op } from "../op.ts";
import { seal, unseal } from "./sealed.ts";
import { isVerifier } from "./verifier.ts";
import { answering, credentialsResponse, ownPlace, verifyRequest } from "./verify-request.ts";

const maxAttempts = 4;
const maxFailures = 5;

const gone = () =>
  new OAuth1Problem("token_rejected", "the oauth_token is unknown, has expired, was used, or is another client's");

/** Answers with `oauth_token` and `oauth_token_secret`. */
export const oauth1TokenEndpoint = answering(async (op, http) => {
  const verified = await verifyRequest(op, http, ownPlace(op), async (token, client) => {
    if (token === undefined) throw parameterAbsent("oauth_token");
    const entry = await findTemporary(op, client, token);
    const [, secret = ""] = (await unseal(op, entry.data.sealed)).split(" ");
    return { secret, handle: token };
  });
  const { client, request, token } = verified;
  const { oauth_verifier } = request.protocol;
  if (oauth_verifier === undefined) throw parameterAbsent("oauth_verifier");
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const entry = await findTemporary(op, client, token.handle);
    const made = await redeem(op, client, entry, oauth_verifier);
    if (made !== undefined) return credentialsResponse(made);
  }
  throw temporarilyUnavailable("too much happened at once, try again", { headers: { "Retry-After": "1" } });
});

async function findTemporary(op: Op, client: Client, handle: string): Promise<Known<"oauth1">> {
  const entry = await findByHandle(op.store, "oauth1", handle);
  if (entry === undefined || entry.client !== client.client_id) throw gone();
  return entry;
}

/** Makes the token; nothing if a race was lost. The verifier comes last but for the spending: only the right client gets to it. */
async function redeem(op: Op, client: Client, entry: Known<"oauth1">, sent: string) {
  const { id, data } = entry;
  const { decision } = data;
  if (decision === undefined)
    throw new OAuth1Problem("permission_unknown", "nobody has decided about this oauth_token yet");
  if (decision === "denied") throw new OAuth1Problem("permission_denied", "the person refused");
  const oob = data.request.redirect_uri === "";
  if (!(await isVerifier(op, { id, grant: decision.grant, oob }, sent))) {
    if (!(await noteFailure(op, entry, decision.grant))) return undefined;
    throw new OAuth1Problem("verifier_invalid", "the oauth_verifier is wrong");
  }
  const grant = await findLiveGrant(op, decision.grant, client.client_id);
  // Taken back before it was used.
  if (grant === undefined) throw gone();

  const now = op.now();
  const token = await createHandle("oauth1-token", now);
  const oauth_token_secret = randomToken(24);
  // Allowed to go on when the person is not here, or until they sign out.
  const lasts = grant.entry.data.offline ? now + (op.oauth1?.tokenLifetime ?? 0) * 1000 : decision.grantUntil;
  const born = {
    digest: token.digest,
    sealed: await seal(op, oauth_token_secret),
    grant: grant.entry.id,
    iat: Math.floor(now / 1000),
  };
  const { client_id } = client;
  const { subject } = grant;
  const committed = await op.store.commit([
    remove(entry),
    replace(grant.entry, { data: grant.entry.data, expiresAt: lasts }),
    insert("oauth1-token", { id: token.id, client: client_id, subject, expiresAt: lasts, data: born }),
  ]);
  if (!committed) return undefined;
  op.log.info({ event: "oauth1.token-issued", client_id, subject, grant: born.grant }, "token credentials were issued");
  return { oauth_token: token.handle, oauth_token_secret };
}

/** Counts a wrong verifier; false if somebody else changed the entry, so that it must be counted anew. */
async function noteFailure(op: Op, entry: Known<"oauth1">, grantId: string): Promise<boolean> {
  const failures = entry.data.failures + 1;
  if (failures < maxFailures) return op.store.commit([replace(entry, { data: { ...entry.data, failures } })]);
  const grant = await find(op.store, "grant", grantId);
  return op.store.commit([remove(entry), ...(grant === undefined ? [] : [remove(grant)])]);
}
