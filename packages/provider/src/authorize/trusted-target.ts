/**
 * The target of an authorization response: whom an answer, or an error, may be sent to, and how.
 *
 * RFC 6749 §3.1.2.3, §3.1.2.4, §4.1.2.1; OpenID Connect Core §3.1.2.1; Multiple Response Type Encoding §2.1 and §3; RFC 9700 §4.1
 * and §4.11. Guarantees that a target's redirect_uri is registered for its client. Whatever is refused here is shown to the
 * person and never sent anywhere; unknown and disabled clients look the same.
 */
import { invalidRequest } from "@valetkey/protocol/errors";
import type { Form } from "@valetkey/protocol/form";
import { matchesRedirectUri } from "@valetkey/protocol/redirect-uri";
import type { Client } from "../clients.ts";
import { meetClient } from "../meet-client.ts";
import type { Op, Peer } from "../op.ts";
import type { ResponseMode } from "../response-modes/response-mode.ts";

/** A client and where its answer goes, once trusted. */
export interface Target {
  readonly client: Client;
  readonly redirect_uri: string;
  /** Whether the request named it. */
  readonly redirect_uri_sent: boolean;
  readonly mode: ResponseMode;
  readonly state: string | undefined;
}

/** The parameters that decide about the target. */
export interface TargetParameters {
  readonly client_id?: string | undefined;
  readonly redirect_uri?: string | undefined;
  readonly response_type?: string | undefined;
  readonly response_mode?: string | undefined;
  readonly scope?: string | readonly string[] | undefined;
  readonly state?: string | undefined;
}

/** Picks them from all parameters of a request. */
export function targetParameters(form: Form): TargetParameters {
  const { client_id, redirect_uri, response_type, response_mode, scope, state } = form;
  return { client_id, redirect_uri, response_type, response_mode, scope, state };
}

/** Finds the target; everything wrong is `invalid_request`. */
export async function trustedTarget(op: Op, parameters: TargetParameters, peer: Peer): Promise<Target> {
  const { client_id } = parameters;
  if (client_id === undefined) throw invalidRequest("client_id is missing");
  const client = await meetClient(op, client_id, peer);
  if (client === undefined || client.disabled) throw invalidRequest("there is no such application here (client_id)");
  return targetOf(op, client, parameters);
}

/** The target of a request of a client that was found; everything wrong is `invalid_request`. */
export function targetOf(op: Op, client: Client, parameters: TargetParameters): Target {
  const { redirect_uri, response_type, response_mode, scope, state } = parameters;
  return { client, state, ...redirectUri(client, redirect_uri, scope), mode: modeOf(op, response_type, response_mode) };
}

function modeOf(op: Op, response_type: string | undefined, response_mode: string | undefined): ResponseMode {
  const words = response_type?.split(" ") ?? [];
  // What holds a token must not get into server logs.
  const usual = words.includes("token") || words.includes("id_token") ? "fragment" : "query";
  const named = response_mode === "jwt" ? `${usual}.jwt` : (response_mode ?? usual);
  const mode = op.responseModes.get(named);
  // How to answer would be in doubt, so nothing is sent.
  if (mode === undefined || (response_mode === "jwt" && !op.responseModes.has("jwt")))
    throw invalidRequest(`response_mode is not supported: use one of ${[...op.responseModes.keys()].join(", ")}`);
  if (usual === "fragment" && named.startsWith("query"))
    throw invalidRequest("this response_type must not be answered in a query");
  return mode;
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
