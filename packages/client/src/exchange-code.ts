/**
 * Exchanges an authorization code for tokens.
 *
 * RFC 6749 §4.1.3, RFC 7636 §4.5, RFC 8707 §2.2.
 * Guarantees that the code is sent once: after a failure nobody knows whether it was spent, so it is not tried again.
 */
import { type TokenRequestOptions, type Tokens, tokenRequest } from "./token-request.ts";

export interface CodeExchange extends TokenRequestOptions {
  readonly code: string;
  /** Left out only where the service has no PKCE. */
  readonly code_verifier?: string;
  /** As in the authorization request, byte for byte. */
  readonly redirect_uri: string;
  /** The resource the access token is for; without it the issuer decides. */
  readonly resource?: string;
  /** Further parameters the issuer wants; they never replace ours. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/** Exchanges a code that passed `checkCallback`. Refusals are `token_refused`; see `tokenRequest`. */
export async function exchangeCode(exchange: CodeExchange): Promise<Tokens> {
  const { code, code_verifier, redirect_uri, resource, parameters } = exchange;
  const form = { grant_type: "authorization_code", code, redirect_uri, code_verifier, resource };
  return tokenRequest({ ...parameters, ...form }, exchange);
}
