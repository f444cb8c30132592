/**
 * Exchanges one token for another: for an API further on, or on behalf of somebody.
 *
 * RFC 8693 §2.1 and §2.2, RFC 8707 §2.2.
 * Guarantees that the answer says what kind of token came back: one that is not for APIs (`N_A`) is never mistaken for one.
 */
import { ClientError } from "./client-error.ts";
import { textMember } from "./lib/post-for-json.ts";
import { type Parameters, type TokenRequestOptions, type Tokens, tokenAnswer } from "./token-request.ts";

/** Kinds of tokens (RFC 8693 §3). */
export const tokenTypes = {
  access_token: "urn:ietf:params:oauth:token-type:access_token",
  refresh_token: "urn:ietf:params:oauth:token-type:refresh_token",
  id_token: "urn:ietf:params:oauth:token-type:id_token",
  jwt: "urn:ietf:params:oauth:token-type:jwt",
  saml1: "urn:ietf:params:oauth:token-type:saml1",
  saml2: "urn:ietf:params:oauth:token-type:saml2",
} as const;

export interface TokenExchange extends TokenRequestOptions {
  readonly subject_token: string;
  /** One of `tokenTypes`, or a URI of the issuer's own. */
  readonly subject_token_type: string;
  /** Who acts for the subject, together with `actor_token_type`. */
  readonly actor_token?: string;
  readonly actor_token_type?: string;
  readonly requested_token_type?: string;
  readonly audience?: string | readonly string[];
  readonly resource?: string | readonly string[];
  readonly scope?: string;
  /** Parameters of the issuer's own. */
  readonly parameters?: Parameters;
}

/** What came back; `access_token` holds the token of whatever kind. */
export interface ExchangedTokens extends Omit<Tokens, "token_type"> {
  readonly issued_token_type: string;
  /** `N_A`: the token is not for the Authorization header of an API. */
  readonly token_type: "Bearer" | "DPoP" | "N_A";
}

/** Exchanges a token. Refusals are `token_refused`; an answer without `issued_token_type` is `token_response_invalid`. */
export async function exchangeToken(exchange: TokenExchange): Promise<ExchangedTokens> {
  const { subject_token, subject_token_type, actor_token, actor_token_type, parameters, dpop } = exchange;
  // §2.1: actor_token_type is required with an actor_token and must not be there without.
  if ((actor_token === undefined) !== (actor_token_type === undefined)) {
    throw new ClientError("configuration_invalid", "actor_token and actor_token_type belong together");
  }
  const { requested_token_type, audience, resource, scope } = exchange;
  const form = {
    ...parameters,
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    subject_token,
    subject_token_type,
    actor_token,
    actor_token_type,
    requested_token_type,
    audience,
    resource,
    scope,
  };
  const bound = dpop === undefined ? "bearer" : "dpop";
  const { tokens, answer } = await tokenAnswer(form, exchange, [bound, "n_a"]);
  const notForApis = String(answer.token_type).toLowerCase() === "n_a";
  const { token_type, ...rest } = tokens;
  return {
    ...rest,
    issued_token_type: textMember(answer, "issued_token_type", 256),
    token_type: notForApis ? "N_A" : (token_type ?? "Bearer"),
  };
}
