/**
 * Gets a fresh access token with a refresh token.
 *
 * RFC 6749 §6, RFC 8707 §2.2 (a token for one resource), RFC 9700 §4.14 (rotation).
 * Guarantees one request per call: whoever shares a refresh token must take turns, see `createOAuth`.
 */
import { type TokenRequestOptions, type Tokens, tokenRequest } from "./token-request.ts";

export interface Refresh extends TokenRequestOptions {
  readonly refresh_token: string;
  /** Fewer scopes than were granted; without it all of them. */
  readonly scope?: string;
  /** The resource the access token is for; without it the issuer decides. */
  readonly resource?: string;
  /** Further parameters the issuer wants; they never replace ours. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/**
 * Refreshes. If the answer brings a new refresh token the old one is over. A refusal is `token_refused`; its `error` is
 * `invalid_grant` when the permission has ended.
 */
export async function refreshTokens(refresh: Refresh): Promise<Tokens> {
  const { refresh_token, scope, resource, parameters } = refresh;
  return tokenRequest({ ...parameters, grant_type: "refresh_token", refresh_token, scope, resource }, refresh);
}
