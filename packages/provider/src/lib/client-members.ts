/**
 * The members of client metadata one by one: their type, their size, and what we say to those we do not support.
 *
 * RFC 7591 §2, OpenID Connect Registration §2, RFC 9101 §10.5, RFC 9126 §6, RFC 8705 §3.4, RFC 9449 §5.2. Guarantees
 * that text shown to people has no control characters and URLs shown to people are web pages, in every language.
 */
import { invalidClientMetadata, invalidSoftwareStatement } from "@valetkey/protocol/errors";
import { checkJwks } from "@valetkey/protocol/jwk";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import { checkDisplayUri } from "@valetkey/protocol/redirect-uri";

/** Checks one member; throws `OAuthError`. Gives `false` when it is fine but not kept. */
export type MemberCheck = (value: unknown, name: string) => boolean;

export const text =
  (most: number): MemberCheck =>
  (value, name) => {
    if (typeof value !== "string" || value === "" || value.length > most) {
      throw invalidClientMetadata(`${name} must be a string of 1 to ${most} characters`);
    }
    // Control, line-breaking and direction-changing characters make a name look like another one.
    if (!value.isWellFormed() || /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\u200b\u2060\ufeff]/u.test(value)) {
      throw invalidClientMetadata(`${name} must not contain control characters`);
    }
    return true;
  };

export const texts =
  (most: number, length: number): MemberCheck =>
  (value, name) => {
    if (!Array.isArray(value) || value.length > most) {
      throw invalidClientMetadata(`${name} must be an array of at most ${most} strings`);
    }
    const one = text(length);
    // By index: a hole in a sparse array is no string.
    for (let at = 0; at < value.length; at++) one(value[at], name);
    return true;
  };

export const displayUri: MemberCheck = (value, name) => {
  checkDisplayUri(value, name);
  return true;
};

export const boolean: MemberCheck = (value, name) => {
  if (typeof value !== "boolean") throw invalidClientMetadata(`${name} must be true or false`);
  return true;
};

export const seconds: MemberCheck = (value, name) => {
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw invalidClientMetadata(`${name} must be whole seconds`);
  return true;
};

export const oneOf =
  (...values: unknown[]): MemberCheck =>
  (value, name) => {
    if (!values.includes(value)) throw invalidClientMetadata(`${name} must be ${values.join(" or ")}`);
    return true;
  };

/** Any value is refused: whoever sends it counts on what we do not do. */
const unsupported: MemberCheck = (_value, name) => {
  throw invalidClientMetadata(`${name} is not supported`);
};

/** `true` is refused, `false` is what we do anyway. */
const unsupportedIfTrue: MemberCheck = (value, name) => {
  boolean(value, name);
  if (value === true) throw invalidClientMetadata(`${name} is not supported`);
  return false;
};

/** Of the right form it is dropped: nothing here would use it. */
const dropped =
  (check: MemberCheck): MemberCheck =>
  (value, name) => {
    check(value, name);
    return false;
  };

const checks: Readonly<Record<string, MemberCheck>> = {
  // Their own errors, in check-client.ts.
  redirect_uris: () => true,
  token_endpoint_auth_method: text(100),
  grant_types: texts(20, 200),
  response_types: texts(20, 200),
  application_type: oneOf("web", "native"),
  client_name: text(100),
  client_uri: displayUri,
  logo_uri: displayUri,
  tos_uri: displayUri,
  policy_uri: displayUri,
  scope: text(2000),
  contacts: texts(10, 254),
  software_id: text(200),
  software_version: text(200),
  post_logout_redirect_uris: texts(50, 2048),
  id_token_signed_response_alg: text(20),
  default_max_age: seconds,
  require_auth_time: boolean,
  subject_type: oneOf("public"),
  introspects: texts(50, 2048),
  // We have no use for a client's keys, but a private key that was sent is a mistake its owner must hear of.
  jwks: (value) => {
    checkJwks(value);
    return false;
  },
  jwks_uri: dropped(displayUri),
  initiate_login_uri: displayUri,
  default_acr_values: texts(20, 200),
  software_statement: () => {
    throw invalidSoftwareStatement("software statements are not supported");
  },
  sector_identifier_uri: unsupported,
  token_endpoint_auth_signing_alg: unsupported,
  userinfo_signed_response_alg: unsupported,
  userinfo_encrypted_response_alg: unsupported,
  userinfo_encrypted_response_enc: unsupported,
  id_token_encrypted_response_alg: unsupported,
  id_token_encrypted_response_enc: unsupported,
  introspection_signed_response_alg: unsupported,
  authorization_signed_response_alg: unsupported,
  request_object_signing_alg: unsupported,
  request_object_encryption_alg: unsupported,
  request_object_encryption_enc: unsupported,
  require_signed_request_object: unsupportedIfTrue,
  require_pushed_authorization_requests: unsupportedIfTrue,
  dpop_bound_access_tokens: unsupportedIfTrue,
  tls_client_certificate_bound_access_tokens: unsupportedIfTrue,
};

/**
 * Members somebody counts on, with what would bring them. §2 has us drop what no part knows, and a program reads in the answer what was
 * kept; whoever registers a client by hand reads no such answer, and is told.
 */
const promises: Readonly<Record<string, string>> = {
  backchannel_logout_uri: "the back channel is not in the list logout",
  backchannel_logout_session_required: "the back channel is not in the list logout",
  frontchannel_logout_uri: "the front channel is not in the list logout",
  frontchannel_logout_session_required: "the front channel is not in the list logout",
  authorization_encrypted_response_alg: "JWTs are not in the list responseModes",
  authorization_encrypted_response_enc: "JWTs are not in the list responseModes",
  introspection_encrypted_response_alg: "encrypted introspection is not in the list answers",
  introspection_encrypted_response_enc: "encrypted introspection is not in the list answers",
  backchannel_client_notification_endpoint: "CIBA is not in the list grants",
  backchannel_authentication_request_signing_alg: "CIBA is not in the list grants",
};

/** §2.2: what people read may be there in many languages. */
const translated = ["client_name", "client_uri", "logo_uri", "tos_uri", "policy_uri"];
const mostTranslations = 50;

/**
 * Checks every member and keeps those we use: those named here, and those the provider's parts know. Throws
 * `invalid_client_metadata` or `invalid_software_statement`. `ofDocument`: what could be used and is not supported is dropped.
 * `byHand`: what promises protection or a notification that there is none of here is refused.
 */
export function checkMembers(
  given: Readonly<Record<string, unknown>>,
  members: Readonly<Record<string, MemberCheck>>,
  { ofDocument = false, byHand = false }: { readonly ofDocument?: boolean; readonly byHand?: boolean } = {},
): ClientMetadata {
  const kept: Record<string, unknown> = {};
  let translations = 0;
  for (const [name, value] of Object.entries(given)) {
    // §2: a member that is null counts as left out (RFC 7592 §2.2).
    if (value === null || value === undefined) continue;
    const [base = name, language] = name.split("#", 2);
    const check = Object.hasOwn(members, base) ? members[base] : Object.hasOwn(checks, base) ? checks[base] : undefined;
    if (ofDocument && check === unsupported) continue;
    // `false` is what we do anyway.
    if (byHand && check === undefined && value !== false && Object.hasOwn(promises, base))
      throw invalidClientMetadata(`${base} is not supported here: ${promises[base]}`);
    // What is wrong is wrong in every language, kept or not.
    if (check?.(value, base) !== true) continue;
    if (language !== undefined) {
      if (!translated.includes(base) || !/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$/.test(language)) continue;
      if (++translations > mostTranslations)
        throw invalidClientMetadata(`there must not be more than ${mostTranslations} members in other languages`);
    }
    kept[name] = value;
  }
  return kept as ClientMetadata;
}

/**
 * Finds a member in the first language of a list (`ui_locales`) that the client has it in; without the subtags at its end where it
 * has none so exact (RFC 4647 §3.4). Otherwise the one without a language.
 */
export function inLanguage(metadata: ClientMetadata, member: string, locales: string | undefined): string | undefined {
  const names = Object.keys(metadata).filter((name) => name.startsWith(`${member}#`));
  for (const locale of locales?.split(" ") ?? []) {
    const subtags = locale.toLowerCase().split("-");
    for (let length = subtags.length; length > 0; length--) {
      const wanted = subtags.slice(0, length).join("-");
      const name = names.find((one) => one.slice(member.length + 1).toLowerCase() === wanted);
      if (name !== undefined) return metadata[name] as string;
    }
  }
  return metadata[member] as string | undefined;
}

/** Reads a member that was checked to be a list of strings, each once. */
export function readStrings(metadata: ClientMetadata, name: string): string[] | undefined {
  const value = metadata[name];
  return Array.isArray(value) ? [...new Set(value as string[])] : undefined;
}
