/**
 * Hands the authorization request to the issuer directly, so that the browser carries nothing but a reference to it.
 *
 * RFC 9126 §2.1 to §2.3 and §4, RFC 9449 §10 (a proof sent along binds the code to the key).
 * Guarantees that the URL the person is sent to names the client and the reference, nothing that could be changed on the way.
 */
import { ClientError } from "./client-error.ts";
import { endpointOf } from "./lib/endpoint.ts";
import { type EndpointOptions, postForJson, secondsMember, textMember } from "./lib/post-for-json.ts";
import type { Parameters } from "./token-request.ts";

export interface PushedRequest extends EndpointOptions {
  /** Of the authorization request, without `client_id`; or `request` alone, with a request object (RFC 9126 §3). */
  readonly parameters: Parameters;
}

/** Where the request can be found, once. */
export interface Pushed {
  readonly request_uri: string;
  /** Milliseconds since the epoch; the person must be on the way before that. */
  readonly expiresAt: number;
  /** Where to send the person. */
  readonly url: URL;
}

/**
 * Pushes an authorization request. A refusal is `authorization_refused` with the issuer's `error`; an issuer without the
 * endpoint is `metadata_invalid`; for outages and unusable answers see `tokenRequest`.
 */
export async function pushAuthorizationRequest(request: PushedRequest): Promise<Pushed> {
  const { parameters, metadata, client, now = Date.now } = request;
  // RFC 9126 §2.1: the one parameter that must not be pushed.
  if (parameters.request_uri !== undefined) {
    throw new ClientError("configuration_invalid", "request_uri cannot be pushed; push what it refers to");
  }
  const form = { ...parameters, client_id: client.client_id };
  const outcome = { refused: "authorization_refused", statuses: [201, 200] } as const;
  const body = await postForJson("pushed_authorization_request_endpoint", form, request, outcome);
  const request_uri = textMember(body, "request_uri", 2048);
  const expires_in = secondsMember(body, "expires_in", { longest: 86_400 });
  const url = new URL(endpointOf(metadata, "authorization_endpoint"));
  url.searchParams.set("client_id", client.client_id);
  url.searchParams.set("request_uri", request_uri);
  return { request_uri, expiresAt: now() + expires_in * 1000, url };
}
