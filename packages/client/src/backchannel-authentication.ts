/**
 * Asks the issuer to reach a person on a device of theirs, without a browser here (CIBA).
 *
 * OpenID Connect Client-Initiated Backchannel Authentication Core 1.0 §7.1 to §7.3, §10.2 (ping), §11 (token requests).
 * Guarantees that a notification counts only with the token that was made for this one request. Push mode is not supported.
 */

import { readBearer } from "@valetkey/protocol/authorization-header";
import { constantTimeEqual } from "@valetkey/protocol/digest";
import { isOAuthError } from "@valetkey/protocol/errors";
import { readJsonObject } from "@valetkey/protocol/read-json";
import { ClientError } from "./client-error.ts";
import { type PollOptions, poll } from "./lib/poll.ts";
import { type EndpointOptions, postForJson, secondsMember, textMember } from "./lib/post-for-json.ts";
import { type RequestSigner, requestObject } from "./request-object.ts";
import { type Parameters, type TokenRequestOptions, type Tokens, tokenRequest } from "./token-request.ts";

const grant_type = "urn:openid:params:grant-type:ciba";

/** Whom to reach: one of the three, never two (§7.1). */
export type Hint =
  | { readonly login_hint: string }
  | { readonly login_hint_token: string }
  | { readonly id_token_hint: string };

export interface BackchannelAuthentication extends EndpointOptions {
  readonly hint: Hint;
  /** Must contain `openid`. */
  readonly scope: string;
  /** A few plain characters shown on both devices, so that the person knows what they allow. */
  readonly binding_message?: string;
  /** A secret of the person's that keeps strangers from ringing (§7.1). */
  readonly user_code?: string;
  readonly acr_values?: string;
  /** Seconds. */
  readonly requested_expiry?: number;
  /** Ping mode: made for this request, at least 128 random bits; the issuer brings it along when it rings. */
  readonly client_notification_token?: string;
  /** Signs the request (§7.1.1), if the client is registered so. */
  readonly signer?: RequestSigner;
  /** Parameters of the issuer's own. */
  readonly parameters?: Parameters;
}

export interface BackchannelRequest {
  readonly auth_req_id: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Seconds between two polls. */
  readonly interval: number;
}

/** Starts. A refusal is `authorization_refused` with the issuer's `error`, e.g. `unknown_user_id`. */
export async function startBackchannelAuthentication(request: BackchannelAuthentication): Promise<BackchannelRequest> {
  const { hint, scope, parameters, signer, metadata, client, now = Date.now } = request;
  if (!scope.split(" ").includes("openid")) {
    throw new ClientError("configuration_invalid", "the scope of a backchannel authentication must contain openid");
  }
  // §7.1: exactly one hint. The type says so; a caller without types could still send two.
  if (Object.values(hint).filter((value) => value !== undefined).length !== 1) {
    throw new ClientError("configuration_invalid", "exactly one of the three hints must be given");
  }
  const { binding_message, user_code, acr_values, requested_expiry, client_notification_token } = request;
  const plain: Parameters = {
    ...parameters,
    ...hint,
    scope,
    binding_message,
    user_code,
    acr_values,
    requested_expiry: requested_expiry === undefined ? undefined : String(requested_expiry),
    client_notification_token,
  };
  // §7.1.1: in a signed request all parameters are inside, none beside it.
  const { issuer } = metadata;
  const form =
    signer === undefined
      ? plain
      : { request: await requestObject({ ...signer, issuer, client_id: client.client_id, parameters: plain, now }) };
  const outcome = { refused: "authorization_refused", statuses: [200], grant_type } as const;
  const body = await postForJson("backchannel_authentication_endpoint", form, request, outcome);
  return {
    auth_req_id: textMember(body, "auth_req_id"),
    expiresAt: now() + secondsMember(body, "expires_in", { longest: 86_400 }) * 1000,
    interval: secondsMember(body, "interval", { longest: 300, missing: 5 }),
  };
}

/** Polls until the person has decided, as `pollDevice` does. The ID token is still to be verified (`checkIdToken`). */
export async function pollBackchannelAuthentication(
  request: BackchannelRequest,
  options: PollOptions,
): Promise<Tokens> {
  return poll({ grant_type, auth_req_id: request.auth_req_id }, request, options);
}

/** Fetches the tokens once, after a ping. */
export async function fetchBackchannelTokens(auth_req_id: string, options: TokenRequestOptions): Promise<Tokens> {
  return tokenRequest({ grant_type, auth_req_id }, options);
}

/**
 * Reads a ping and gives its `auth_req_id`; answer it with 204. `tokenOf` finds the notification token that was made for a
 * request. A ping without that token, or about an unknown request, is `response_invalid`: answer it with 401.
 */
export async function readPing(
  request: Request,
  tokenOf: (auth_req_id: string) => string | undefined | Promise<string | undefined>,
): Promise<string> {
  const refused = (message: string, cause?: unknown) => new ClientError("response_invalid", message, { cause });
  try {
    const token = readBearer(request);
    const { auth_req_id } = await readJsonObject(request);
    if (typeof auth_req_id !== "string" || auth_req_id === "") throw refused("the ping has no auth_req_id");
    const expected = await tokenOf(auth_req_id);
    if (expected === undefined || token === undefined || !constantTimeEqual(token, expected)) {
      throw refused("the ping does not carry the token of its request");
    }
    return auth_req_id;
  } catch (cause) {
    throw isOAuthError(cause) ? refused(cause.description, cause) : cause;
  }
}
