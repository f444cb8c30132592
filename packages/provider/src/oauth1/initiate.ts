/**
 * Temporary credentials: a client says where the person shall come back to, before the person comes (RFC 5849 §2.1).
 *
 * Guarantees that the callback is one of those registered, or `oob` for an application that has none to offer, and that what will be
 * asked of the person is what the client was registered for.
 */

import { OAuth1Problem } from "@valetkey/protocol/oauth1/problem";
import { parameterAbsent } from "@valetkey/protocol/oauth1/signed-request";
import { createHandle, randomToken } from "@valetkey/protocol/random";
import { matchesRedirectUri } from "@valetkey/protocol/redirect-uri";
import { parseScope } from "@valetkey/protocol/scope";
import { approvalRequest } from "../authorize/approval.ts";
import type { Client } from "../clients.ts";
import { insert } from "../entries.ts";
import { networkOf } from "../network.ts";
import type { Op, Peer } from "../op.ts";
import { knownScopes } from "../scopes-of.ts";
import { seal } from "./sealed.ts";
import { answering, credentialsResponse, ownPlace, verifyRequest } from "./verify-request.ts";

/** Answers with `oauth_token`, `oauth_token_secret` and `oauth_callback_confirmed`. */
export const oauth1InitiateEndpoint = answering(async (op, http, peer) => {
  const { client, request } = await verifyRequest(op, http, ownPlace(op), async (token) => {
    if (token !== undefined) throw new OAuth1Problem("parameter_rejected", "oauth_token has no place here");
    return undefined;
  });
  const callback = readCallback(client, request.protocol.oauth_callback);
  return credentialsResponse({
    ...(await makeTemporary(op, peer, client, callback)),
    oauth_callback_confirmed: "true",
  });
});

/** §2.1, §4.7. Without the parameter it is the protocol before 2009, in which a stranger could finish what somebody else began. */
function readCallback({ metadata }: Client, callback: string | undefined): string {
  if (callback === undefined) throw parameterAbsent("oauth_callback");
  const { redirect_uris = [], application_type } = metadata;
  // Codes to be typed are for those that have nowhere to send a browser: they can be talked out of people.
  if (callback === "oob" && (redirect_uris.length === 0 || application_type === "native")) return callback;
  if (callback !== "oob" && matchesRedirectUri(redirect_uris, callback)) return callback;
  throw new OAuth1Problem("parameter_rejected", "oauth_callback is not one of those registered for this client");
}

async function makeTemporary(op: Op, peer: Peer, client: Client, callback: string) {
  const { client_id, metadata } = client;
  const known = knownScopes(op);
  const asked = parseScope(metadata.scope).filter((name) => known.has(name));
  // A token lasts until it is taken back: the person is asked that in words, too.
  const scope = [...new Set([...asked, "offline_access"])];
  const resources = [...op.resources.values()].filter(({ scopes }) => scopes.some((name) => scope.includes(name)));
  const now = op.now();
  const { id, handle, digest } = await createHandle("oauth1", now);
  const oauth_token_secret = randomToken(24);
  const until = now + (op.oauth1?.temporaryLifetime ?? 0) * 1000;
  const network = networkOf(peer.ip);
  const asking = approvalRequest("oauth1", id, client_id, {
    scope,
    resource: resources.map(({ resource }) => resource),
  });
  const data = {
    digest,
    sealed: await seal(op, `${handle} ${oauth_token_secret}`),
    request: { ...asking, redirect_uri: callback === "oob" ? "" : callback },
    createdAt: now,
    until,
    interval: 0,
    failures: 0,
    ...(network === undefined ? {} : { network }),
  };
  // The id is fresh: nothing stands against it.
  await op.store.commit([insert("oauth1", { id, client: client_id, expiresAt: until, data })]);
  op.log.info({ event: "oauth1.begun", client_id, oob: callback === "oob" }, "temporary credentials were issued");
  return { oauth_token: handle, oauth_token_secret };
}
