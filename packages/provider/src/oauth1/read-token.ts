/**
 * Reads the token behind a signed request to an API: for userinfo, and for APIs in the provider's process (RFC 5849 §3).
 *
 * Guarantees that a token works only while its grant, its client and its person do, with the secret it was given out with, and that
 * every request counts once.
 */
import { OAuth1Problem } from "@valetkey/protocol/oauth1/problem";
import { parameterAbsent } from "@valetkey/protocol/oauth1/signed-request";
import { findByHandle } from "../entries.ts";
import { findLiveGrant } from "../grants/live-grant.ts";
import type { Op } from "../op.ts";
import { allowedScopes } from "../scopes-of.ts";
import type { ReadToken } from "../tokens/read-token.ts";
import { unseal } from "./sealed.ts";
import { type Place, verifyRequest } from "./verify-request.ts";

/** Reads the token. Throws `OAuth1Problem`; unknown, expired, revoked and foreign tokens look the same. */
export async function readSignedToken(op: Op, http: Request, place: Place): Promise<ReadToken> {
  const verified = await verifyRequest(op, http, place, async (token, client) => {
    if (token === undefined) throw parameterAbsent("oauth_token");
    const entry = await findByHandle(op.store, "oauth1-token", token);
    const grant =
      entry?.client === client.client_id ? await findLiveGrant(op, entry.data.grant, client.client_id) : undefined;
    if (entry === undefined || grant === undefined || grant.subject !== entry.subject)
      throw new OAuth1Problem("token_rejected", "the oauth_token is unknown, has ended, or is another client's");
    return { secret: await unseal(op, entry.data.sealed), entry, grant };
  });
  const { client } = verified;
  const { entry, grant } = verified.token;
  const { resource, auth_time, acr } = grant.entry.data;
  // It lives long and is never refreshed: what an administrator has taken from the client since is gone now.
  const allowed = allowedScopes(op, client);
  const scope = grant.entry.data.scope.filter((name) => name === "offline_access" || allowed.has(name));
  return {
    client,
    account: grant.account,
    grant: grant.entry,
    state: {
      kind: "access",
      client_id: client.client_id,
      subject: grant.subject,
      scope,
      aud: [op.issuer, ...resource],
      iat: entry.data.iat,
      exp: Math.floor((entry.expiresAt ?? grant.expiresAt) / 1000),
      auth_time,
      ...(acr === undefined ? {} : { acr }),
      jti: entry.id,
      grant: grant.entry.id,
    },
  };
}
