/**
 * Names a service people can sign in with by plain OAuth 2: no discovery, no ID token; a function asks who the person is.
 *
 * RFC 6749 §4.1, RFC 7636, RFC 9207 §2.4.
 * Guarantees that everything that can be checked without asking the service is checked here, before anybody signs in.
 */
import { checkEndpoints, checkIssuerOption, checkName, checkPrefixes, checkSpelling } from "./lib/check-provider.ts";
import type { CredentialOptions } from "./oidc-options.ts";
import type { Profile, ProfileApi } from "./profile.ts";

export type { Profile, ProfileApi } from "./profile.ts";

/** This application's credentials at a provider, for parameters and headers that repeat them. */
export interface Credentials {
  readonly client_id: string;
  /** Absent for a client without one, and for one that is made anew each time. */
  readonly client_secret?: string;
}

/** Fixed values, or a function of the credentials. */
export type Values = Readonly<Record<string, string>> | ((client: Credentials) => Readonly<Record<string, string>>);

/** What to know about a service and this application's registration there. */
export interface OAuth2Options extends CredentialOptions {
  /**
   * With the id the key of a person; compared with `iss` if the service sends one. The origin of `authorization_endpoint` unless
   * given; changing it later makes strangers of everybody.
   */
  readonly issuer?: string;
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
  readonly revocation_endpoint?: string;
  readonly device_authorization_endpoint?: string;
  readonly introspection_endpoint?: string;
  readonly pushed_authorization_request_endpoint?: string;
  /** Names separated by blanks, whatever goes over the wire. */
  readonly scope?: string;
  /** What stands between names on the wire; default a blank. */
  readonly scope_separator?: " " | ",";
  /** Default `["S256"]`; `[]` only where the service has no PKCE. */
  readonly code_challenge_methods_supported?: readonly string[];
  /** Further parameters of the authorization request. They never replace ours. */
  readonly authorization_params?: Values;
  /** Further parameters of token requests. They never replace ours. */
  readonly token_params?: Values;
  /** Default `query`. */
  readonly response_mode?: "query" | "form_post";
  /** Hands every request to the service directly (RFC 9126). */
  readonly require_pushed_authorization_requests?: boolean;
  /** Base of relative URLs in `auth.fetch` and `profile`; tokens may go there. */
  readonly api?: string;
  /** Further URL prefixes tokens may go to. */
  readonly resource?: readonly string[];
  /** Sent with API requests, e.g. User-Agent or the version of the API. */
  readonly headers?: Values;
  /** Brings a token answer that is not as RFC 6749 §5.1 wants it into that shape. */
  readonly readTokens?: (answer: Record<string, unknown>) => Record<string, unknown>;
  /** Finds out who the person is. */
  readonly profile: (api: ProfileApi) => Promise<Profile>;
  /** What the button says; default the name. */
  readonly label?: string;
}

/** A way to sign in: one value in the list `createOAuth` takes. */
export interface OAuth2Provider extends OAuth2Options {
  readonly kind: "oauth2";
  readonly name: string;
  readonly issuer: string;
  readonly scope: string;
  readonly scope_separator: " " | ",";
  readonly code_challenge_methods_supported: readonly string[];
  readonly resource: readonly string[];
  readonly label: string;
}

/**
 * Names a service with plain OAuth 2. A mistake is `configuration_invalid` and says which option and what to write instead.
 *
 * @example
 * oauth2("forge", {
 *   authorization_endpoint: "https://forge.example/authorize",
 *   token_endpoint: "https://forge.example/token",
 *   api: "https://forge.example/api/v1",
 *   profile: async (api) => { const me = await api.json("/user"); return { id: String(me.id), claims: me }; },
 * })
 */
export function oauth2(name: string, options: OAuth2Options): OAuth2Provider {
  const fail = checkName("oauth2", name);
  checkSpelling(options, fail);
  const { authorization_endpoint, token_endpoint, revocation_endpoint, introspection_endpoint } = options;
  const { device_authorization_endpoint, pushed_authorization_request_endpoint } = options;
  const { scope = "", scope_separator = " ", resource = [], code_challenge_methods_supported = ["S256"] } = options;
  // Untyped callers may leave the two out.
  const [authorization, token] = [String(authorization_endpoint), String(token_endpoint)];
  checkEndpoints({ authorization_endpoint: authorization, token_endpoint: token }, fail);
  checkEndpoints({ revocation_endpoint, introspection_endpoint }, fail);
  checkEndpoints({ device_authorization_endpoint, pushed_authorization_request_endpoint }, fail);
  checkPrefixes("resource", resource, fail);
  checkPrefixes("api", options.api === undefined ? [] : [options.api], fail);
  if (code_challenge_methods_supported.length > 0 && !code_challenge_methods_supported.includes("S256")) {
    throw fail("code_challenge_methods_supported must contain S256, or be empty where the service has no PKCE at all");
  }
  const issuer = options.issuer ?? new URL(authorization_endpoint).origin;
  checkIssuerOption(issuer, fail);
  return {
    ...options,
    kind: "oauth2",
    name,
    issuer,
    scope,
    scope_separator,
    code_challenge_methods_supported,
    resource,
    label: options.label ?? name,
  };
}
