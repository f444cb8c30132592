/**
 * The documents and answers roles exchange: names and types exactly as on the wire, and where documents are found.
 *
 * RFC 7591 §2, OpenID Connect Registration §2, RFC 8414 §2 and §3.1, OpenID Connect Discovery §3 and §4, RFC 9728 §3.1,
 * RFC 6749 §5.1, RFC 7662 §2.2, RFC 9207.
 * Guarantees that an issuer which passed `checkIssuer` is spelled the one way every comparison will see it.
 */

import type { JwkSet } from "./jwk.ts";
import { isLoopbackHost } from "./loopback.ts";

/** What a client says about itself (RFC 7591 §2, OpenID Connect Registration §2). */
export interface ClientMetadata {
  redirect_uris?: string[];
  token_endpoint_auth_method?: string;
  token_endpoint_auth_signing_alg?: string;
  grant_types?: string[];
  response_types?: string[];
  application_type?: "web" | "native";
  client_name?: string;
  client_uri?: string;
  logo_uri?: string;
  tos_uri?: string;
  policy_uri?: string;
  scope?: string;
  contacts?: string[];
  jwks_uri?: string;
  jwks?: JwkSet;
  software_id?: string;
  software_version?: string;
  software_statement?: string;
  sector_identifier_uri?: string;
  subject_type?: "public" | "pairwise";
  id_token_signed_response_alg?: string;
  userinfo_signed_response_alg?: string;
  request_object_signing_alg?: string;
  default_max_age?: number;
  require_auth_time?: boolean;
  default_acr_values?: string[];
  initiate_login_uri?: string;
  request_uris?: string[];
  post_logout_redirect_uris?: string[];
  backchannel_logout_uri?: string;
  backchannel_logout_session_required?: boolean;
  require_pushed_authorization_requests?: boolean;
  dpop_bound_access_tokens?: boolean;
  [member: string]: unknown;
}

/** What a server says about itself (RFC 8414 §2, OpenID Connect Discovery §3). */
export interface ServerMetadata {
  issuer: string;
  authorization_endpoint?: string;
  token_endpoint?: string;
  jwks_uri?: string;
  userinfo_endpoint?: string;
  registration_endpoint?: string;
  revocation_endpoint?: string;
  introspection_endpoint?: string;
  end_session_endpoint?: string;
  device_authorization_endpoint?: string;
  pushed_authorization_request_endpoint?: string;
  scopes_supported?: string[];
  response_types_supported?: string[];
  response_modes_supported?: string[];
  grant_types_supported?: string[];
  acr_values_supported?: string[];
  subject_types_supported?: string[];
  id_token_signing_alg_values_supported?: string[];
  userinfo_signing_alg_values_supported?: string[];
  request_object_signing_alg_values_supported?: string[];
  token_endpoint_auth_methods_supported?: string[];
  token_endpoint_auth_signing_alg_values_supported?: string[];
  revocation_endpoint_auth_methods_supported?: string[];
  introspection_endpoint_auth_methods_supported?: string[];
  code_challenge_methods_supported?: string[];
  claims_supported?: string[];
  claims_parameter_supported?: boolean;
  request_parameter_supported?: boolean;
  request_uri_parameter_supported?: boolean;
  require_request_uri_registration?: boolean;
  require_pushed_authorization_requests?: boolean;
  authorization_response_iss_parameter_supported?: boolean;
  backchannel_logout_supported?: boolean;
  backchannel_logout_session_supported?: boolean;
  client_id_metadata_document_supported?: boolean;
  dpop_signing_alg_values_supported?: string[];
  prompt_values_supported?: string[];
  service_documentation?: string;
  op_policy_uri?: string;
  op_tos_uri?: string;
  ui_locales_supported?: string[];
  [member: string]: unknown;
}

/** What a protected resource says about itself (RFC 9728 §2). */
export interface ResourceMetadata {
  resource: string;
  authorization_servers?: string[];
  jwks_uri?: string;
  scopes_supported?: string[];
  bearer_methods_supported?: string[];
  resource_name?: string;
  resource_documentation?: string;
  resource_policy_uri?: string;
  resource_tos_uri?: string;
  dpop_bound_access_tokens_required?: boolean;
  [member: string]: unknown;
}

/** A successful answer of the token endpoint (RFC 6749 §5.1). */
export interface TokenResponse {
  access_token: string;
  token_type: string;
  /** Seconds. */
  expires_in?: number;
  refresh_token?: string;
  scope?: string;
  id_token?: string;
  issued_token_type?: string;
  [member: string]: unknown;
}

/** An answer of the introspection endpoint (RFC 7662 §2.2). Times in seconds since the epoch. */
export interface IntrospectionResponse {
  active: boolean;
  scope?: string;
  client_id?: string;
  username?: string;
  token_type?: string;
  exp?: number;
  iat?: number;
  nbf?: number;
  sub?: string;
  aud?: string | string[];
  iss?: string;
  jti?: string;
  cnf?: Record<string, unknown>;
  [member: string]: unknown;
}

/** Documents with a well-known place. */
export type WellKnown = "openid-configuration" | "oauth-authorization-server" | "oauth-protected-resource";

/**
 * Builds the URL of a document about an issuer or resource. OpenID Connect Discovery §4 appends to the path; RFC 8414 §3.1 and
 * RFC 9728 §3.1 insert between host and path.
 */
export function wellKnown(identifier: string, document: WellKnown): URL {
  const url = new URL(identifier);
  const path = url.pathname.replace(/\/$/, "");
  if (document === "openid-configuration") url.pathname = `${path}/.well-known/${document}`;
  else if (document === "oauth-authorization-server") url.pathname = `/.well-known/${document}${path}`;
  // RFC 9728 §3.1 removes only a slash that directly follows the host.
  else url.pathname = `/.well-known/${document}${url.pathname === "/" ? "" : url.pathname}`;
  return url;
}

/**
 * Checks an issuer: https (http on loopback if allowed), no query, fragment or user information, in the spelling URL parsers
 * keep (RFC 8414 §2). It is compared as text everywhere, so nothing is normalised: a trailing slash stays as given.
 * What is refused is a `TypeError` that says what to write instead.
 */
export function checkIssuer(
  issuer: unknown,
  options: { readonly allowLoopbackHttp?: boolean } = {},
): asserts issuer is string {
  if (typeof issuer !== "string" || !URL.canParse(issuer))
    throw new TypeError(`the issuer must be a URL, got ${String(issuer)}`);
  const url = new URL(issuer);
  const loopback = url.protocol === "http:" && options.allowLoopbackHttp === true && isLoopbackHost(url.hostname);
  if (url.protocol !== "https:" && !loopback) {
    throw new TypeError(
      `the issuer must be an https URL (http on 127.0.0.1, [::1] or localhost in development), got ${issuer}`,
    );
  }
  if (/[?#]/.test(issuer)) throw new TypeError(`the issuer must have no query and no fragment, got ${issuer}`);
  if (url.username !== "" || url.password !== "") throw new TypeError("the issuer must not contain user information");
  if (url.href !== issuer && url.href !== `${issuer}/`) {
    throw new TypeError(`the issuer must be written plainly: expected ${url.href}, got ${issuer}`);
  }
}
