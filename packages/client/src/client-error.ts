/**
 * What can go wrong when signing somebody in or calling on their behalf: one class, one closed table of codes.
 *
 * RFC 6749 §4.1.2.1 and §5.2, RFC 9207 §2.4, RFC 9700 §4, OpenID Connect Core §3.1.2.6, §3.1.3.7 and §5.3.2.
 * Guarantees that every failure has a code, a sentence that says what happened and one that says what to do about it.
 */

/** A line of the table. `hint` is for the person on the page; `fix`, where it is always the same, for whoever runs the application. */
interface Described {
  readonly status: number;
  readonly what: string;
  readonly hint: string;
  readonly fix?: string;
}

/** Every code, the HTTP status of the page that shows it, what happened, and what to do. */
export const clientErrors = {
  configuration_invalid: {
    status: 500,
    what: "The application is not configured correctly.",
    hint: "Trying again will not help: tell whoever runs the application.",
    fix: "Correct the option named in the message and start the application again.",
  },
  base_url_missing: {
    status: 500,
    what: "The application does not know its own address.",
    hint: "Trying again will not help: tell whoever runs the application.",
    fix: "Pass baseUrl to createOAuth or set VALETKEY_BASE_URL, e.g. https://app.example. It is guessed on localhost only.",
  },
  issuer_unavailable: {
    status: 503,
    what: "The service you sign in with does not answer at the moment.",
    hint: "Wait a moment and try again.",
  },
  metadata_invalid: {
    status: 502,
    what: "The service you sign in with describes itself in a way that cannot be used.",
    hint: "Trying again will not help: tell whoever runs the application.",
    fix: "Compare the issuer in the configuration with the one in its .well-known/openid-configuration.",
  },
  pkce_unsupported: {
    status: 502,
    what: "The service you sign in with does not announce PKCE with S256.",
    hint: "Trying again will not help: tell whoever runs the application.",
    fix: 'If it supports S256 all the same, add metadata: { code_challenge_methods_supported: ["S256"] } to the provider.',
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
  response_mode_mismatch: {
    status: 405,
    what: "The answer of the service you sign in with came in another way than it was asked for.",
    hint: "Start again from the sign-in page. If it keeps happening, tell whoever runs the application.",
  },
  session_lost: {
    status: 500,
    what: "The application has forgotten again who you are, right after you signed in.",
    hint: "Wait a moment and try again. If it keeps happening, tell whoever runs the application.",
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
    hint: "Trying again will not help: tell whoever runs the application.",
    fix: "If the service really sends it, add metadata: { authorization_response_iss_parameter_supported: true } to the provider.",
  },
  access_denied: {
    status: 403,
    what: "Access was not allowed.",
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
    hint: "Start again from the sign-in page. If it keeps happening, tell whoever runs the application.",
    fix: "For invalid_client compare client_id, client_secret and token_endpoint_auth_method with the registration; for invalid_grant start again; for invalid_dpop_proof compare the clocks of the two machines.",
  },
  token_response_invalid: {
    status: 502,
    what: "The token answer of the service you sign in with cannot be used.",
    hint: "Try again. If it keeps happening, tell whoever runs the application.",
    fix: "The answer does not follow RFC 6749 §5.1: the message says where. Compare token_endpoint with what the service documents.",
  },
  token_not_bound: {
    status: 502,
    what: "The service you sign in with gave a token that anybody could use who gets hold of it.",
    hint: "Trying again will not help: tell whoever runs the application.",
    fix: "dpop_bound_access_tokens asks for tokens bound to a key, and the service gives others: its discovery document has dpop_signing_alg_values_supported if it can do it. Register the client for that too, or leave the option out.",
  },
  id_token_missing: {
    status: 502,
    what: "The service you sign in with did not say who you are: there is no ID token.",
    hint: "Trying again will not help: tell whoever runs the application.",
    fix: "The scope must contain openid.",
  },
  id_token_invalid: {
    status: 502,
    what: "The statement of who you are (ID token) is not valid.",
    hint: "Try again. If it keeps happening, tell whoever runs the application.",
    fix: "Compare issuer, client_id and id_token_signed_response_alg with the registration.",
  },
  clock_skew: {
    status: 502,
    what: "The statement of who you are is too old or from the future: the clocks of the two machines differ.",
    hint: "Wait a moment and try again. If it keeps happening, tell whoever runs the application.",
    fix: "Set the clock of this machine (NTP), or raise clockTolerance, up to 60 seconds.",
  },
  userinfo_invalid: {
    status: 502,
    what: "The service you sign in with gave no usable information about you.",
    hint: "Try again. If it keeps happening, tell whoever runs the application.",
    fix: "The message says what was wrong with the answer of the userinfo endpoint.",
  },
  userinfo_subject_mismatch: {
    status: 502,
    what: "The service you sign in with answered about somebody else than the person who signed in.",
    hint: "Start again from the sign-in page. If it keeps happening, tell whoever runs the service.",
  },
  not_admitted: {
    status: 403,
    what: "You cannot sign in here with this account.",
    hint: "Sign in with another account, or ask whoever runs the application to let you in.",
  },
  sign_in_refused: {
    status: 500,
    what: "The application did not accept the sign-in.",
    hint: "Try again. If it keeps happening, tell whoever runs the application.",
  },
  store_unavailable: {
    status: 503,
    what: "The application cannot remember who is signed in at the moment.",
    hint: "Wait a moment and try again.",
  },
  unexpected: {
    status: 500,
    what: "Something went wrong in the application.",
    hint: "Try again. If it keeps happening, tell whoever runs the application.",
  },
  unknown_provider: {
    status: 404,
    what: "There is no such way to sign in here.",
    hint: "Choose one of those on the sign-in page.",
  },
  foreign_origin: {
    status: 403,
    what: "The request came from another site.",
    hint: "Go back to the application and use the button there.",
    fix: "Use a form on the application's own pages: POST, from the same origin. If it is one, baseUrl is not what people see.",
  },
  method_not_allowed: {
    status: 405,
    what: "This address cannot be opened like a page.",
    hint: "Go back to the application and start from there.",
  },
  signed_out_meanwhile: {
    status: 403,
    what: "While you were signing in, you were signed out where you have the account.",
    hint: "Sign in again.",
  },
  link_refused: {
    status: 409,
    what: "The account was not added.",
    hint: "Sign in first, then add the account, and stay signed in until you are back.",
  },
  account_taken: {
    status: 409,
    what: "This account belongs to somebody else here.",
    hint: "Sign in with it and remove it there first, or add another one.",
  },
  account_in_use: {
    status: 409,
    what: "This is the account you are signed in with, so it cannot be removed.",
    hint: "Sign in with another account of yours and remove it then.",
  },
  not_connected: {
    status: 403,
    what: "The person is not signed in with this provider.",
    hint: "Sign in with it, or add the account, first.",
    fix: "Ask auth.accounts() which ones there are.",
  },
  url_not_allowed: {
    status: 500,
    what: "The token must not be sent to this address.",
    hint: "Trying again will not help: tell whoever runs the application.",
    fix: "Tokens go to the issuer's own origin and to the resources declared with the provider: add resource: [...].",
  },
  no_refresh_token: {
    status: 502,
    what: "There is no refresh token, so no token for this resource can be had.",
    hint: "Sign in again. If it keeps happening, tell whoever runs the application.",
    fix: "Ask for one: add offline_access to the scope, and register the client for the grant type refresh_token.",
  },
  sign_in_again: {
    status: 401,
    what: "The permission has ended.",
    hint: "Sign in again.",
    fix: "Send the person to sign in again; the adapters do.",
  },
  login_required: {
    status: 401,
    what: "You are not signed in, or not any more. What you sent was not done.",
    hint: "Sign in. You come back to the page you were on, and can send it once more.",
  },
  insufficient_user_authentication: {
    status: 401,
    what: "This needs a sign-in of a moment ago. What you sent was not done.",
    hint: "Sign in again. You come back to the page you were on, and can send it once more.",
  },
} as const satisfies Record<string, Described>;

/** A code from the table. */
export type ClientErrorCode = keyof typeof clientErrors;

/** What may accompany a failure. */
export interface ClientErrorDetail {
  readonly cause?: unknown;
  /** What the person can do about this very failure, instead of the table's words. Shown on pages: nothing from outside. */
  readonly hint?: string | undefined;
  /** What to change in the set-up. For the log only; no secrets, codes or tokens. */
  readonly fix?: string | undefined;
  /** The `error` the other side sent, e.g. `invalid_grant`. Text from outside. */
  readonly error?: string | undefined;
  /** The `error_description` the other side sent. Text from outside. */
  readonly error_description?: string | undefined;
  /** Seconds after which another attempt makes sense. */
  readonly retryAfter?: number | undefined;
  /** Name of the provider whose account it is about, where there are several. */
  readonly provider?: string | undefined;
}

/** A foreseen failure. `message` is for the log; `what` and `hint` are for people; tokens and codes are in none of them. */
export class ClientError extends Error {
  override readonly name = "ClientError";
  readonly code: ClientErrorCode;
  readonly status: number;
  readonly what: string;
  readonly hint: string;
  /** What whoever runs the application has to change, where the cause is known. */
  declare readonly fix?: string;
  // Declared, not defined: a field would be there with nothing in it, and be printed.
  declare readonly error?: string;
  declare readonly error_description?: string;
  declare readonly retryAfter?: number;
  declare readonly provider?: string;

  constructor(code: ClientErrorCode, message: string, detail: ClientErrorDetail = {}) {
    super(`${code}: ${message}`, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    const { status, what, hint, ...usual }: Described = clientErrors[code];
    const { fix = usual.fix } = detail;
    this.status = status;
    this.what = what;
    this.hint = detail.hint ?? hint;
    if (fix !== undefined) this.fix = fix;
    if (detail.error !== undefined) this.error = detail.error;
    if (detail.error_description !== undefined) this.error_description = detail.error_description;
    if (detail.retryAfter !== undefined) this.retryAfter = detail.retryAfter;
    if (detail.provider !== undefined) this.provider = detail.provider;
  }
}

/** Tells whether something caught is a `ClientError`, and one with this code if a code is given. */
export function isClientError(e: unknown, code?: ClientErrorCode): e is ClientError {
  return e instanceof ClientError && (code === undefined || e.code === code);
}
