/**
 * The target of an authorization response: whom an answer, or an error, may be sent to.
 *
 * RFC 6749 §3.1.2.3, §3.1.2.4, §4.1.2.1; OpenID Connect Core §3.1.2.1; RFC 9700 §4.1 and §4.11.
 * Guarantees that a target's redirect_uri is registered for its client. Whatever is refused here is shown to the person and
 * never sent anywhere; unknown and disabled clients look the same.
 */
import { invalidRequest } from "@valetkey/protocol/errors";
import { matchesRedirectUri } from "@valetkey/protocol/redirect-uri";
import { type Client, findClient } from "../clients.ts";
import type { Op } from "../op.ts";

/** A client and where its answer goes, once trusted. */
export interface Target {
  readonly client: Client;
  readonly redirect_uri: string;
  /** Whether the request named it. */
  readonly redirect_uri_sent: boolean;
  readonly state: string | undefined;
}

/** The parameters that decide about the target. */
export interface TargetParameters {
  readonly client_id?: string | undefined;
  readonly redirect_uri?: string | undefined;
  readonly response_mode?: string | undefined;
  readonly scope?: string | readonly string[] | undefined;
  readonly state?: string | undefined;
}

/** Finds the target; everything wrong is `invalid_request`. */
export async function trustedTarget(op: Op, parameters: TargetParameters): Promise<Target> {
  const { client_id, redirect_uri, response_mode, state } = parameters;
  if (client_id === undefined) throw invalidRequest("client_id is missing");
  const client = await findClient(op, client_id);
  if (client === undefined || client.disabled) throw invalidRequest("there is no such application here (client_id)");
  const target = { client, state, ...redirectUri(client, redirect_uri, parameters.scope) };
  // How to answer would be in doubt, so nothing is sent.
  if (response_mode !== undefined && response_mode !== "query") {
    throw invalidRequest("response_mode is not supported, only query is");
  }
  return target;
}

function redirectUri(client: Client, sent: string | undefined, scope: TargetParameters["scope"]) {
  const registered = client.metadata.redirect_uris ?? [];
  if (sent !== undefined) {
    if (matchesRedirectUri(registered, sent)) return { redirect_uri: sent, redirect_uri_sent: true };
    throw invalidRequest("redirect_uri is not one of those registered for this application");
  }
  // RFC 6749 §3.1.2.3: it may be left out if exactly one is registered; OpenID Connect Core §3.1.2.1: never with openid.
  const scopes = typeof scope === "string" ? scope.split(" ") : (scope ?? []);
  const [only, ...others] = registered;
  if (only === undefined || others.length > 0 || scopes.includes("openid"))
    throw invalidRequest("redirect_uri is missing");
  return { redirect_uri: only, redirect_uri_sent: false };
}
