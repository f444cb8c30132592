/**
 * The answers the protocol foresees when it says no: one class, one table of codes, one constructor per code.
 *
 * RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 7009 §2.2.1, RFC 7591 §3.2.2, RFC 8628 §3.5, RFC 8707 §2, RFC 9396 §5,
 * RFC 9449 §5 and §8, RFC 9470 §3, OpenID Connect Core §3.1.2.6, CIBA Core 1.0 §13.
 * Guarantees that a description holds only characters a header, a URL and a JSON string can carry (RFC 6749 §5.2),
 * and that the cause never reaches the client.
 */

/** Every code we answer with, the HTTP status it has when answered directly, and where it is defined. */
export const errorCodes = {
  invalid_request: { status: 400, citation: "RFC 6749 §5.2" },
  invalid_client: { status: 401, citation: "RFC 6749 §5.2" },
  invalid_grant: { status: 400, citation: "RFC 6749 §5.2" },
  unauthorized_client: { status: 400, citation: "RFC 6749 §5.2" },
  unsupported_grant_type: { status: 400, citation: "RFC 6749 §5.2" },
  unsupported_response_type: { status: 400, citation: "RFC 6749 §4.1.2.1" },
  invalid_scope: { status: 400, citation: "RFC 6749 §5.2" },
  access_denied: { status: 400, citation: "RFC 6749 §4.1.2.1" },
  server_error: { status: 500, citation: "RFC 6749 §4.1.2.1" },
  temporarily_unavailable: { status: 503, citation: "RFC 6749 §4.1.2.1" },
  invalid_token: { status: 401, citation: "RFC 6750 §3.1" },
  insufficient_scope: { status: 403, citation: "RFC 6750 §3.1" },
  unsupported_token_type: { status: 400, citation: "RFC 7009 §2.2.1" },
  invalid_redirect_uri: { status: 400, citation: "RFC 7591 §3.2.2" },
  invalid_client_metadata: { status: 400, citation: "RFC 7591 §3.2.2" },
  invalid_software_statement: { status: 400, citation: "RFC 7591 §3.2.2" },
  unapproved_software_statement: { status: 400, citation: "RFC 7591 §3.2.2" },
  authorization_pending: { status: 400, citation: "RFC 8628 §3.5" },
  slow_down: { status: 400, citation: "RFC 8628 §3.5" },
  expired_token: { status: 400, citation: "RFC 8628 §3.5" },
  invalid_target: { status: 400, citation: "RFC 8707 §2" },
  invalid_authorization_details: { status: 400, citation: "RFC 9396 §5" },
  invalid_dpop_proof: { status: 400, citation: "RFC 9449 §5" },
  invalid_session: { status: 400, citation: "draft-ietf-oauth-first-party-apps-04 §5.2.2.1" },
  insufficient_authorization: { status: 403, citation: "draft-ietf-oauth-first-party-apps-04 §5.2.2.1" },
  redirect_to_web: { status: 403, citation: "draft-ietf-oauth-first-party-apps-04 §5.2.2.1" },
  invalid_grant_id: { status: 400, citation: "Grant Management for OAuth 2.0 -03 §5.4" },
  use_dpop_nonce: { status: 400, citation: "RFC 9449 §8" },
  use_attestation_challenge: { status: 400, citation: "draft-ietf-oauth-attestation-based-client-auth-10 §7.4" },
  insufficient_user_authentication: { status: 401, citation: "RFC 9470 §3" },
  unmet_authentication_requirements: { status: 400, citation: "OpenID Connect Unmet Authentication Requirements §2" },
  login_required: { status: 400, citation: "OpenID Connect Core §3.1.2.6" },
  consent_required: { status: 400, citation: "OpenID Connect Core §3.1.2.6" },
  interaction_required: { status: 400, citation: "OpenID Connect Core §3.1.2.6" },
  account_selection_required: { status: 400, citation: "OpenID Connect Core §3.1.2.6" },
  registration_not_supported: { status: 400, citation: "OpenID Connect Core §3.1.2.6" },
  request_not_supported: { status: 400, citation: "OpenID Connect Core §3.1.2.6" },
  request_uri_not_supported: { status: 400, citation: "OpenID Connect Core §3.1.2.6" },
  invalid_request_uri: { status: 400, citation: "OpenID Connect Core §3.1.2.6" },
  invalid_request_object: { status: 400, citation: "OpenID Connect Core §3.1.2.6" },
  expired_login_hint_token: { status: 400, citation: "CIBA Core §13" },
  unknown_user_id: { status: 400, citation: "CIBA Core §13" },
  missing_user_code: { status: 400, citation: "CIBA Core §13" },
  invalid_user_code: { status: 400, citation: "CIBA Core §13" },
  invalid_binding_message: { status: 400, citation: "CIBA Core §13" },
} as const satisfies Record<string, { status: number; citation: string }>;

/** A code from the table. */
export type ErrorCode = keyof typeof errorCodes;

/** What may accompany an error: the cause is for the log only, headers travel with a direct answer. */
export interface ErrorDetail {
  readonly cause?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer the protocol foresees. Everything else that is thrown is a bug or an outage. */
export class OAuthError extends Error {
  override readonly name = "OAuthError";
  readonly error: ErrorCode;
  /** Safe for the client: printable ASCII without `"` and `\`, at most 500 characters. */
  readonly description: string;
  /** HTTP status of a direct answer; a redirect does not use it. */
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;

  constructor(error: ErrorCode, description: string, detail: ErrorDetail & { readonly status?: number } = {}) {
    const safe = safeDescription(description);
    super(`${error}: ${safe}`, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.error = error;
    this.description = safe;
    this.status = detail.status ?? errorCodes[error].status;
    if (detail.headers !== undefined) this.headers = detail.headers;
  }
}

/** Tells whether something caught is an `OAuthError`, and one with this code if a code is given. */
export function isOAuthError(e: unknown, code?: ErrorCode): e is OAuthError {
  return e instanceof OAuthError && (code === undefined || e.error === code);
}

// RFC 6749 §5.2: error_description is %x20-21 / %x23-5B / %x5D-7E.
function safeDescription(text: string): string {
  return text
    .slice(0, 500)
    .replaceAll('"', "'")
    .replace(/[^\x20-\x7e]|\\/g, "?");
}

/** Answers an error as JSON with its status (RFC 6749 §5.2): never cached, with the headers the error carries. */
export function jsonError(error: OAuthError): Response {
  return new Response(JSON.stringify({ error: error.error, error_description: error.description }), {
    status: error.status,
    headers: { "Content-Type": "application/json", "Cache-Control": "no-store", Pragma: "no-cache", ...error.headers },
  });
}

/** Answers 405 with the methods that are allowed, e.g. `"POST"` or `"GET, HEAD"` (RFC 9110 §15.5.6). */
export function methodNotAllowed(allow: string): Response {
  return new Response(null, { status: 405, headers: { Allow: allow, "Cache-Control": "no-store" } });
}

/** Builds a 415 `invalid_request`: the body is of a type, or in an encoding, that is not read here (RFC 9110 §15.5.16). */
export const unsupportedMediaType = (description: string): OAuthError =>
  new OAuthError("invalid_request", description, { status: 415 });

/** Builds a 413 `invalid_request`: the body is larger than this server reads (RFC 9110 §15.5.14). */
export const contentTooLarge = (description: string): OAuthError =>
  new OAuthError("invalid_request", description, { status: 413 });

/** Builds a 429 `temporarily_unavailable` that says when to come back (RFC 6585 §4). */
export const tooManyRequests = (description: string, retryAfterSeconds: number): OAuthError =>
  new OAuthError("temporarily_unavailable", description, {
    status: 429,
    headers: { "Retry-After": String(Math.max(1, Math.ceil(retryAfterSeconds))) },
  });

/** Builds an error with one code; status and citation come from the table. Written `throw invalidGrant("the code is unknown")`. */
export type Constructor = (description: string, detail?: ErrorDetail) => OAuthError;
const constructorOf =
  (error: ErrorCode): Constructor =>
  (description, detail) =>
    new OAuthError(error, description, detail);

// One per code, in the order of the table.
export const invalidRequest: Constructor = constructorOf("invalid_request");
export const invalidClient: Constructor = constructorOf("invalid_client");
export const invalidGrant: Constructor = constructorOf("invalid_grant");
export const unauthorizedClient: Constructor = constructorOf("unauthorized_client");
export const unsupportedGrantType: Constructor = constructorOf("unsupported_grant_type");
export const unsupportedResponseType: Constructor = constructorOf("unsupported_response_type");
export const invalidScope: Constructor = constructorOf("invalid_scope");
export const accessDenied: Constructor = constructorOf("access_denied");
export const serverError: Constructor = constructorOf("server_error");
export const temporarilyUnavailable: Constructor = constructorOf("temporarily_unavailable");
export const invalidToken: Constructor = constructorOf("invalid_token");
export const insufficientScope: Constructor = constructorOf("insufficient_scope");
export const unsupportedTokenType: Constructor = constructorOf("unsupported_token_type");
export const invalidRedirectUri: Constructor = constructorOf("invalid_redirect_uri");
export const invalidClientMetadata: Constructor = constructorOf("invalid_client_metadata");
export const invalidSoftwareStatement: Constructor = constructorOf("invalid_software_statement");
export const unapprovedSoftwareStatement: Constructor = constructorOf("unapproved_software_statement");
export const authorizationPending: Constructor = constructorOf("authorization_pending");
export const slowDown: Constructor = constructorOf("slow_down");
export const expiredToken: Constructor = constructorOf("expired_token");
export const invalidTarget: Constructor = constructorOf("invalid_target");
export const invalidAuthorizationDetails: Constructor = constructorOf("invalid_authorization_details");
export const invalidDpopProof: Constructor = constructorOf("invalid_dpop_proof");
export const useDpopNonce: Constructor = constructorOf("use_dpop_nonce");
export const useAttestationChallenge: Constructor = constructorOf("use_attestation_challenge");
export const insufficientUserAuthentication: Constructor = constructorOf("insufficient_user_authentication");
export const invalidSession: Constructor = constructorOf("invalid_session");
export const insufficientAuthorization: Constructor = constructorOf("insufficient_authorization");
export const redirectToWeb: Constructor = constructorOf("redirect_to_web");
export const invalidGrantId: Constructor = constructorOf("invalid_grant_id");
export const unmetAuthenticationRequirements: Constructor = constructorOf("unmet_authentication_requirements");
export const loginRequired: Constructor = constructorOf("login_required");
export const consentRequired: Constructor = constructorOf("consent_required");
export const interactionRequired: Constructor = constructorOf("interaction_required");
export const accountSelectionRequired: Constructor = constructorOf("account_selection_required");
export const registrationNotSupported: Constructor = constructorOf("registration_not_supported");
export const requestNotSupported: Constructor = constructorOf("request_not_supported");
export const requestUriNotSupported: Constructor = constructorOf("request_uri_not_supported");
export const invalidRequestUri: Constructor = constructorOf("invalid_request_uri");
export const invalidRequestObject: Constructor = constructorOf("invalid_request_object");
export const expiredLoginHintToken: Constructor = constructorOf("expired_login_hint_token");
export const unknownUserId: Constructor = constructorOf("unknown_user_id");
export const missingUserCode: Constructor = constructorOf("missing_user_code");
export const invalidUserCode: Constructor = constructorOf("invalid_user_code");
export const invalidBindingMessage: Constructor = constructorOf("invalid_binding_message");
