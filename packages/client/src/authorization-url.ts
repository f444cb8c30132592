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

export interface AuthorizationUrlOptions {
  readonly metadata: ServerMetadata;
  readonly client_id: string;
  readonly redirect_uri: string;
  /** Names separated by blanks. With `openid` a nonce is sent. */
  readonly scope: string;
  /** Resources the tokens will be used at. */
  readonly resource?: readonly string[];
  readonly prompt?: string | undefined;
  /** A state of the caller's own making; it must be unguessable and used once. */
  readonly state?: string;
}

/** The URL, and what must be remembered in this browser until the answer arrives. */
export interface AuthorizationUrl {
  readonly url: URL;
  readonly state: string;
  readonly nonce: string;
  readonly code_verifier: string;
}

/**
 * Builds an authorization URL. An issuer that does not announce PKCE with S256 is refused as `pkce_unsupported`: without it
 * a stolen code could be injected (RFC 9700 §2.1.1).
 */
export async function authorizationUrl(options: AuthorizationUrlOptions): Promise<AuthorizationUrl> {
  const { metadata, client_id, redirect_uri, scope, resource = [], prompt, state = randomToken(32) } = options;
  if (metadata.code_challenge_methods_supported?.includes("S256") !== true) {
    throw new ClientError("pkce_unsupported", `${metadata.issuer} does not announce S256`);
  }
  if (metadata.authorization_endpoint === undefined) {
    throw new ClientError("metadata_invalid", `${metadata.issuer} has no authorization_endpoint`);
  }
  const nonce = randomToken(32);
  const code_verifier = createVerifier();
  const url = new URL(metadata.authorization_endpoint);
  const parameters: Record<string, string | undefined> = {
    response_type: "code",
    client_id,
    redirect_uri,
    scope,
    state,
    nonce: scope.split(" ").includes("openid") ? nonce : undefined,
    code_challenge: await challengeOf(code_verifier),
    code_challenge_method: "S256",
    prompt,
  };
  // §3.1: a query the endpoint already has must be kept.
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value);
  for (const one of resource) url.searchParams.append("resource", one);
  return { url, state, nonce, code_verifier };
}
