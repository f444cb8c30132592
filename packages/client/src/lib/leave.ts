/**
 * Sends a person to a provider: makes the authorization request as that provider wants it.
 *
 * RFC 6749 §4.1.1, RFC 9101 §5 (signed), RFC 9126 (pushed), RFC 9396 §2, RFC 9449 §10, JARM §2.3, OpenID Connect Core §3.1.2.1,
 * §5.5 and §6.1.
 * Guarantees that nothing is remembered on the server: whoever starts a thousand sign-ins fills only their own cookies.
 */
import { dpopThumbprint } from "@valetkey/protocol/dpop";
import type { Jwk } from "@valetkey/protocol/jose";
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import { type AuthorizationRequest, authorizationRequest, urlWith } from "../authorization-url.ts";
import type { Dpop } from "../dpop-fetch.ts";
import { pushAuthorizationRequest } from "../push.ts";
import { requestObject } from "../request-object.ts";
import type { Parameters } from "../token-request.ts";
import type { App } from "./app.ts";
import { createAccountKey, dpopOf } from "./dpop-key.ts";
import type { TokenRemote } from "./remote.ts";
import { createState } from "./transaction.ts";

/** What this sign-in asks for beyond what is configured. */
export interface Asked {
  readonly redirect_uri: string;
  /** Names separated by blanks. */
  readonly scope: string;
  /** Seconds. */
  readonly max_age?: number;
  readonly login_hint?: string;
  /** Instead of what is configured: names separated by blanks. */
  readonly acr_values?: string;
}

/** Where to send the person, and what must be remembered until they are back. */
export interface Leaving extends Omit<AuthorizationRequest, "parameters"> {
  readonly url: URL;
  /** The key the tokens will be bound to. */
  readonly dpop?: Jwk;
}

/** Makes the request, signs and pushes it where that is configured or demanded. */
export async function leave(app: App, remote: TokenRemote, asked: Asked): Promise<Leaving> {
  const metadata = await remote.issuerOf.metadata();
  const { response_mode, dpop_bound_access_tokens } = remote;
  const jwk = dpop_bound_access_tokens === true ? await createAccountKey(metadata) : undefined;
  const dpop = await dpopOf(remote, jwk);
  const { parameters, ...remembered } = await authorizationRequest({
    metadata,
    client_id: remote.client.client_id,
    redirect_uri: asked.redirect_uri,
    scope: asked.scope,
    scope_separator: remote.scope_separator ?? " ",
    resource: remote.kind === "oidc" ? remote.resource : [],
    pkce: remote.pkce,
    response_type: remote.kind === "oidc" ? remote.response_type : undefined,
    state: createState(app),
    parameters: {
      ...remote.authorization_params,
      ...(response_mode === undefined ? {} : { response_mode }),
      ...(asked.login_hint === undefined ? {} : { login_hint: asked.login_hint }),
      ...(remote.kind === "oidc" ? openidParameters(remote) : {}),
      ...(asked.acr_values === undefined ? {} : { acr_values: asked.acr_values }),
      ...(asked.max_age === undefined ? {} : { max_age: String(asked.max_age) }),
      // RFC 9449 §10: the code is of use with this key only.
      ...(dpop === undefined ? {} : { dpop_jkt: await dpopThumbprint(dpop.key) }),
    },
  });
  const url = await send(app, remote, metadata, parameters, dpop);
  return { ...remembered, url, ...(jwk === undefined ? {} : { dpop: jwk }) };
}

function openidParameters(remote: Extract<TokenRemote, { kind: "oidc" }>): Record<string, string> {
  const { prompt, acr_values, claims, authorization_details } = remote;
  return {
    ...(prompt === undefined ? {} : { prompt }),
    ...(acr_values === undefined ? {} : { acr_values }),
    ...(claims === undefined ? {} : { claims: JSON.stringify(claims) }),
    ...(authorization_details === undefined ? {} : { authorization_details: JSON.stringify(authorization_details) }),
  };
}

async function send(
  app: App,
  remote: TokenRemote,
  metadata: ServerMetadata,
  parameters: Parameters,
  dpop: Dpop | undefined,
): Promise<URL> {
  const request = await sign(app, remote, metadata, parameters);
  const { require_pushed_authorization_requests: own } = remote;
  if (own === true || metadata.require_pushed_authorization_requests === true) {
    // RFC 9126 §3: a request object is pushed alone.
    return push(app, remote, metadata, request === undefined ? parameters : { request }, dpop);
  }
  if (request === undefined) return urlWith(metadata, parameters);
  // OpenID Connect Core §6.1: these must stand outside too, with the same values.
  const { client_id, response_type, scope } = parameters;
  return urlWith(metadata, { client_id, request, response_type, scope });
}

async function sign(app: App, remote: TokenRemote, { issuer }: ServerMetadata, parameters: Parameters) {
  if (remote.kind !== "oidc" || remote.request_object === undefined) return undefined;
  const { client_id } = remote.client;
  return requestObject({ ...remote.request_object, issuer, client_id, parameters, now: app.now });
}

async function push(
  app: App,
  { client, issuerOf }: TokenRemote,
  metadata: ServerMetadata,
  parameters: Parameters,
  dpop: Dpop | undefined,
) {
  const { fetch, now } = app;
  // RFC 9449 §10.1: the proof says the same as dpop_jkt; some issuers look only for the one, some only for the other.
  const proof = dpop === undefined ? {} : { dpop };
  const request = { metadata, client, parameters, fetch, now, ...proof };
  return (await issuerOf.pushes.send(() => pushAuthorizationRequest(request))).url;
}
