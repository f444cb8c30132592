/**
 * Builds the URL a person is sent to in order to sign in and allow access.
 *
 * RFC 6749 §4.1.1, RFC 7636 §4.3 (PKCE, S256 always), RFC 8707 §2 (`resource`), OpenID Connect Core §3.1.2.1 (`nonce`).
 * Guarantees that state, nonce and verifier are fresh for each URL, with 256 random bits each.
 */
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import { challengeOf, createVerifier } from "@valetkey/protocol/pkce";
import { randomToken } from "@valetkey/protocol/random";
import { ClientError } from "./client-error.ts";
import type { Parameters } from "./token-request.ts";

export interface AuthorizationUrlOptions {
  readonly metadata: ServerMetadata;
  readonly client_id: string;
  readonly redirect_uri: string;
  /** Names separated by blanks; empty: none is sent. With `openid` a nonce is sent. */
  readonly scope: string;
  /** What stands between names on the wire; default a blank. */
  readonly scope_separator?: " " | ",";
  /** Resources the tokens will be used at. */
  readonly resource?: readonly string[];
  readonly prompt?: string | undefined;
  /** Default `code`. */
  readonly response_type?: "code" | "code id_token" | undefined;
  /** `none` only for a service that is known to have no PKCE. */
  readonly pkce?: "S256" | "none";
  /** Further parameters; they never replace those made here. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** A state of the caller's own making; it must be unguessable and used once. */
  readonly state?: string;
}

/** What must be remembered in this browser until the answer arrives. */
interface Remembered {
  readonly state: string;
  readonly nonce: string;
  readonly code_verifier: string;
}

/** The URL, and what must be remembered. */
export interface AuthorizationUrl extends Remembered {
  readonly url: URL;
}

/** The request, not yet on its way: to be signed, pushed, or put into a URL by `urlWith`. */
export interface AuthorizationRequest extends Remembered {
  readonly parameters: Parameters;
}

/**
 * Builds an authorization URL. An issuer that does not announce PKCE with S256 is refused as `pkce_unsupported`: without it
 * a stolen code could be injected (RFC 9700 §2.1.1).
 */
export async function authorizationUrl(options: AuthorizationUrlOptions): Promise<AuthorizationUrl> {
  const { parameters, ...remembered } = await authorizationRequest(options);
  return { ...remembered, url: urlWith(options.metadata, parameters) };
}

/** Makes the parameters of an authorization request; refuses what `authorizationUrl` refuses. */
export async function authorizationRequest(options: AuthorizationUrlOptions): Promise<AuthorizationRequest> {
  const { metadata, client_id, redirect_uri, scope, resource = [], prompt, state = randomToken(32) } = options;
  const { pkce = "S256", scope_separator = " " } = options;
  if (pkce === "S256" && metadata.code_challenge_methods_supported?.includes("S256") !== true) {
    const methods = metadata.code_challenge_methods_supported;
    const got =
      methods === undefined ? "no code_challenge_methods_supported" : `only ${methods.join(", ").slice(0, 100)}`;
    throw new ClientError("pkce_unsupported", `${metadata.issuer} announces ${got}, expected S256`);
  }
  const names = scope.split(" ").filter((name) => name !== "");
  const nonce = randomToken(32);
  const code_verifier = createVerifier();
  const parameters: Parameters = {
    ...options.parameters,
    response_type: options.response_type ?? "code",
    client_id,
    redirect_uri,
    scope: names.length === 0 ? undefined : names.join(scope_separator),
    state,
    nonce: names.includes("openid") ? nonce : undefined,
    code_challenge: pkce === "none" ? undefined : await challengeOf(code_verifier),
    code_challenge_method: pkce === "none" ? undefined : "S256",
    ...(prompt === undefined ? {} : { prompt }),
    ...(resource.length === 0 ? {} : { resource }),
  };
  return { parameters, state, nonce, code_verifier };
}

/** Puts a request into the URL of the issuer's authorization endpoint; an issuer without one is `metadata_invalid`. */
export function urlWith(metadata: ServerMetadata, parameters: Parameters): URL {
  if (metadata.authorization_endpoint === undefined) {
    throw new ClientError("metadata_invalid", `${metadata.issuer} has no authorization_endpoint`);
  }
  // §3.1: a query the endpoint already has must be kept.
  const url = new URL(metadata.authorization_endpoint);
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined) continue;
    url.searchParams.delete(name);
    for (const one of typeof value === "string" ? [value] : value) url.searchParams.append(name, one);
  }
  return url;
}
