/**
 * What can go wrong when signing somebody in or calling on their behalf: one class, one closed table of codes.
 *
 * RFC 6749 §4.1.2.1 and §5.2, RFC 9207 §2.4, RFC 9700 §4, OpenID Connect Core §3.1.2.6, §3.1.3.7 and §5.3.2.
 * Guarantees that every failure has a code, a sentence that says what happened and one that says what to do about it.
 */

/** Every code, the HTTP status of the page that shows it, what happened, and what to do. */
export const clientErrors = {
  configuration_invalid: {
    status: 500,
    what: "The application is not configured correctly.",
    hint: "Correct the option named in the message and start the application again.",
  },
  base_url_missing: {
    status: 500,
    what: "The application does not know its own address.",
    hint: "Pass baseUrl to createOAuth or set VALETKEY_BASE_URL, e.g. https://app.example. It is guessed on localhost only.",
  },
  issuer_unavailable: {
    status: 503,
    what: "The service you sign in with does not answer at the moment.",
    hint: "Wait a moment and try again.",
  },
  metadata_invalid: {
    status: 502,
    what: "The service you sign in with describes itself in a way that cannot be used.",
    hint: "Compare the issuer in the configuration with the one in its .well-known/openid-configuration.",
  },
  pkce_unsupported: {
    status: 502,
    what: "The service you sign in with does not announce PKCE with S256.",
    hint: 'If it supports S256 all the same, add metadata: { code_challenge_methods_supported: ["S256"] } to the provider.',
  },
  response_invalid: {
    status: 400,
    what: "The answer of the service you sign in with cannot be read.",
    hint: "Start again from the sign-in page.",
  },
  state_missing: {
    status: 400,
    what: "The answer does not say which sign-in it belongs to.",
    hint: "Start again from the sign-in page. A link to this address cannot be kept or shared.",
  },
  transaction_missing: {
    status: 400,
    what: "This browser did not start the sign-in, or started it too long ago, or it is finished already.",
    hint: "Start again, in the same browser and under the same address. If it keeps happening, cookies may be blocked, or the application is reached under two names (localhost and 127.0.0.1, with and without www).",
  },
  transaction_used: {
    status: 400,
    what: "This sign-in was finished already.",
    hint: "Go back to the application, or start again from the sign-in page.",
  },
  state_mismatch: {
    status: 400,
    what: "The answer belongs to another sign-in than the one this browser started.",
    hint: "Start again from the sign-in page. If you followed a link from somebody else, do not use it.",
  },
  issuer_mismatch: {
    status: 400,
    what: "The answer comes from another service than the one that was asked.",
    hint: "Start again from the sign-in page. If it keeps happening, tell whoever runs the application: somebody may be trying to mix up two services.",
  },
  issuer_missing: {
    status: 400,
    what: "The answer does not say which service it comes from, although this service always does.",
    hint: "Start again from the sign-in page. If it keeps happening, tell whoever runs the application.",
  },
  issuer_unexpected: {
    status: 400,
    what: "The answer names its issuer, although this service does not announce that it does.",
    hint: "If the service really sends it, add metadata: { authorization_response_iss_parameter_supported: true } to the provider.",
  },
  access_denied: {
    status: 403,
    what: "Access was not allowed, so you are not signed in.",
    hint: "If that was not what you wanted, sign in again and allow it.",
  },
  authorization_refused: {
    status: 400,
    what: "The service you sign in with refused the request.",
    hint: "Try again. If the reason stays the same, the application is not registered there as it should be.",
  },
  token_refused: {
    status: 502,
    what: "The service you sign in with did not give the application a token.",
    hint: "For invalid_client compare client_id, client_secret and token_endpoint_auth_method with the registration; for invalid_grant start again.",
  },
  token_response_invalid: {
    status: 502,
    what: "The token answer of the service you sign in with cannot be used.",
    hint: "Try again. If it keeps happening, the service does not follow RFC 6749 §5.1; the log says where.",
  },
  id_token_missing: {
    status: 502,
    what: "The service you sign in with did not say who you are: there is no ID token.",
    hint: "The scope must contain openid.",
  },
  id_token_invalid: {
    status: 502,
    what: "The statement of who you are (ID token) is not valid.",
    hint: "Try again. If it keeps happening, compare issuer, client_id and id_token_signed_response_alg with the registration.",
  },
  clock_skew: {
    status: 502,
    what: "The statement of who you are is too old or from the future: the clocks of the two machines differ.",
    hint: "Set the clock of this machine (NTP), or raise clockTolerance, up to 60 seconds.",
  },
  userinfo_invalid: {
    status: 502,
    what: "The service you sign in with gave no usable information about you.",
    hint: "Try again. If it keeps happening, the log says what was wrong with the answer of the userinfo endpoint.",
  },
  userinfo_subject_mismatch: {
    status: 502,
    what: "The service you sign in with answered about somebody else than the person who signed in.",
    hint: "Start again from the sign-in page. If it keeps happening, tell whoever runs the service.",
  },
  sign_in_refused: {
    status: 500,
    what: "The application did not accept the sign-in.",
    hint: "Try again. The reason is in the application's log.",
  },
  store_unavailable: {
    status: 503,
    what: "The application cannot remember who is signed in at the moment.",
    hint: "Wait a moment and try again.",
  },
  unexpected: {
    status: 500,
    what: "Something went wrong in the application.",
    hint: "Try again. The reason is in the application's log.",
  },
  unknown_provider: {
    status: 404,
    what: "There is no such way to sign in here.",
    hint: "Choose one of those on the sign-in page.",
  },
  foreign_origin: {
    status: 403,
    what: "The request came from another site.",
    hint: "Sign out with a form on the application's own pages: POST, from the same origin.",
  },
  not_connected: {
    status: 403,
    what: "The person is not signed in with this provider.",
    hint: "Sign in with it first; auth.provider says which one was used.",
  },
  url_not_allowed: {
    status: 500,
    what: "The token must not be sent to this address.",
    hint: "Tokens go to the issuer's own origin and to the resources declared with the provider: add resource: [...].",
  },
  no_refresh_token: {
    status: 502,
    what: "There is no refresh token, so no token for this resource can be had.",
    hint: "Ask for one: add offline_access to the scope, or register the client for the refresh_token grant.",
  },
  sign_in_again: {
    status: 401,
    what: "The permission has ended.",
    hint: "Send the person to sign in again.",
  },
} as const satisfies Record<string, { status: number; what: string; hint: string }>;

/** A code from the table. */
export type ClientErrorCode = keyof typeof clientErrors;

/** What may accompany a failure. */
export interface ClientErrorDetail {
  readonly cause?: unknown;
  /** The `error` the other side sent, e.g. `invalid_grant`. Text from outside. */
  readonly error?: string | undefined;
  /** The `error_description` the other side sent. Text from outside. */
  readonly error_description?: string | undefined;
  /** Seconds after which another attempt makes sense. */
  readonly retryAfter?: number | undefined;
}

/** A foreseen failure. `message` is for the log; `what` and `hint` are for people; tokens and codes are in none of them. */
export class ClientError extends Error {
  override readonly name = "ClientError";
  readonly code: ClientErrorCode;
  readonly status: number;
  readonly what: string;
  readonly hint: string;
  readonly error?: string;
  readonly error_description?: string;
  readonly retryAfter?: number;

  constructor(code: ClientErrorCode, message: string, detail: ClientErrorDetail = {}) {
    super(`${code}: ${message}`, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    const { status, what, hint } = clientErrors[code];
    this.status = status;
    this.what = what;
    this.hint = hint;
    if (detail.error !== undefined) this.error = detail.error;
    if (detail.error_description !== undefined) this.error_description = detail.error_description;
    if (detail.retryAfter !== undefined) this.retryAfter = detail.retryAfter;
  }
}

/** Tells whether something caught is a `ClientError`, and one with this code if a code is given. */
export function isClientError(e: unknown, code?: ClientErrorCode): e is ClientError {
  return e instanceof ClientError && (code === undefined || e.code === code);
}
