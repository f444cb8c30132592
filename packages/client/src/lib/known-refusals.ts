/**
 * What refusals of providers mean: for the person who reads it on the page, and for whoever runs the application.
 *
 * RFC 6749 §4.1.2.1 and §5.2, OpenID Connect Core §3.1.2.6, RFC 8707 §2, RFC 9470 §4; the numbers are those of Microsoft Entra.
 * Guarantees that what is said here is ours: no text of the provider's gets into it.
 */

/** Advice in two voices; what is missing stays as the code has it. */
export interface Advice {
  /** For people, on the page. */
  readonly hint?: string;
  /** For whoever runs the application, in the log only. */
  readonly fix?: string;
}

/** What was asked, as far as it is known and no secret. */
export interface AskedFor {
  readonly client_id?: string | undefined;
  readonly redirect_uri?: string | undefined;
  readonly scope?: string | undefined;
  readonly grant_type?: string | undefined;
}

interface Known {
  readonly error?: RegExp;
  readonly description?: RegExp;
  readonly advice: (asked: AskedFor) => Advice;
}

const tellOperator = "Tell whoever runs the application: it has to be changed there, trying again will not help.";

const redirectUri = ({ redirect_uri, client_id }: AskedFor): Advice => ({
  hint: tellOperator,
  fix:
    `Register exactly this redirect URI for the client ${client_id ?? "id"} at the provider: ${redirect_uri ?? "the callback"} ` +
    "(compared as text: scheme, host, port, path and trailing slash). If its host is not the one people see, correct baseUrl.",
});

const invalidGrant = ({ grant_type, redirect_uri }: AskedFor): Advice =>
  grant_type === "refresh_token"
    ? {
        fix: "The refresh token was revoked, has expired, or was used before: see that no other program, old deployment or copied store refreshes with it.",
      }
    : {
        fix:
          "The code was used before, has expired, or was not made for this request. Look for something that opens the callback " +
          `twice (a prefetch, a retrying proxy), and that the provider got the redirect_uri ${redirect_uri ?? "of this application"} both times.`,
      };

/** In order: the first that fits counts. */
const known: readonly Known[] = [
  {
    description: /AADSTS(65001|90094|90095|90008)\b|admin\w*[ _](consent|approval)|consent from an admin/i,
    advice: ({ client_id }) => ({
      hint: "An administrator of your organisation has to allow this application first. Ask them, then sign in again.",
      fix: `Have an administrator grant consent for the client ${client_id ?? "id"} in the directory (Entra: Enterprise applications, Permissions, Grant admin consent), or ask for less scope.`,
    }),
  },
  {
    description: /AADSTS50105\b/,
    advice: () => ({
      hint: "Your account is not assigned to this application. Ask an administrator of your organisation.",
      fix: "Assign the person or a group to the application in the directory, or switch off the demand for an assignment.",
    }),
  },
  {
    description: /AADSTS7000215\b/,
    advice: () => ({
      fix: "Entra was given something else than the secret's value: copy the column Value of a new client secret, not Secret ID.",
    }),
  },
  {
    description: /AADSTS7000222\b|secret\b.{0,40}\bexpired/i,
    advice: () => ({ fix: "The client secret has expired: make a new one at the provider and configure it here." }),
  },
  { description: /AADSTS(50011|500113)\b|redirect[ _]?ur[il]/i, error: /^(?!access_denied$)/, advice: redirectUri },
  { error: /^(redirect_uri_mismatch|invalid_redirect_uri)$/, advice: redirectUri },
  { error: /^admin_policy_enforced$|^org_internal$/, advice: () => ({ hint: tellOperator }) },
  {
    error: /^(login|interaction|consent|account_selection)_required$/,
    advice: () => ({
      hint: "Sign in again: the service has a question for you first.",
      fix: 'The request allowed no questions: remove prompt: "none" from the provider, or send the person to sign in with prompt: "login".',
    }),
  },
  {
    error: /^(temporarily_unavailable|server_error)$/,
    advice: () => ({
      hint: "The service you sign in with has trouble of its own. Wait a moment and try again.",
      fix: "Nothing to change here unless it lasts: then ask whoever runs the provider, with the reason it gave.",
    }),
  },
  {
    error: /^unauthorized_client$/,
    advice: ({ client_id, grant_type = "authorization_code" }) => ({
      hint: tellOperator,
      fix: `Allow the client ${client_id ?? "id"} the grant type ${grant_type} at the provider${grant_type === "authorization_code" ? " (response type code)" : ""}.`,
    }),
  },
  {
    error: /^invalid_scope$/,
    advice: ({ scope, client_id }) => ({
      hint: tellOperator,
      fix: `Asked for was the scope "${scope ?? ""}": remove what the provider does not know, or allow it to the client ${client_id ?? "id"} there.`,
    }),
  },
  {
    error: /^(unsupported_response_type|unsupported_response_mode)$/,
    advice: () => ({
      hint: tellOperator,
      fix: "Leave response_type and response_mode of the provider to their defaults (code, query), or allow them in the client's registration.",
    }),
  },
  {
    error: /^unsupported_grant_type$/,
    advice: ({ grant_type }) => ({
      fix: `The endpoint does not know the grant type ${grant_type ?? ""}: compare token_endpoint with the provider's documentation.`,
    }),
  },
  {
    error: /^invalid_target$/,
    advice: () => ({
      hint: tellOperator,
      fix: "Compare resource: [...] of the provider with the APIs that are known there, character by character.",
    }),
  },
  {
    error: /^(invalid_request_object|invalid_request_uri|request_not_supported|request_uri_not_supported)$/,
    advice: () => ({
      hint: tellOperator,
      fix: "Compare request_object (key, kid, alg) with the keys and request_object_signing_alg the client is registered with, or leave it out.",
    }),
  },
  {
    error: /^unmet_authentication_requirements$/,
    advice: () => ({
      fix: "No way to sign in there reaches acr_values (or claims): compare them with acr_values_supported of the provider.",
    }),
  },
  {
    error: /^disallowed_useragent$/,
    advice: () => ({ hint: "Open the application in your browser, not inside another app, and sign in again." }),
  },
  { error: /^(invalid_grant|bad_verification_code)$/, advice: invalidGrant },
];

/** Finds what a refusal means; nothing for one that is not known, and for a person's own no. */
export function adviceOn(
  {
    error = "",
    error_description = "",
  }: { readonly error?: string | undefined; readonly error_description?: string | undefined },
  asked: AskedFor,
): Advice {
  const found = known.find(
    (one) => (one.error?.test(error) ?? true) && (one.description?.test(error_description) ?? true),
  );
  return found?.advice(asked) ?? {};
}
