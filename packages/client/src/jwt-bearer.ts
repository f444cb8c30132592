/**
 * Gets a token with an assertion instead of a person's presence: a JWT that somebody the issuer trusts has signed.
 *
 * RFC 7521 §4.1, RFC 7523 §2.1 and §3, RFC 10070 §4 (the audience).
 * Guarantees that an assertion made here is for one issuer and for minutes.
 */
import { type ImportedKey, type Jwk, type JwsAlgorithm, signJwt } from "@valetkey/protocol/jose";
import { randomToken } from "@valetkey/protocol/random";
import type { ClientAuthentication } from "./client-authentication.ts";
import { type Parameters, type TokenRequestOptions, type Tokens, tokenAnswer } from "./token-request.ts";

export interface JwtBearer extends Omit<TokenRequestOptions, "client"> {
  /** Left out if the assertion alone is to convince (RFC 7521 §4.1), as for service accounts. */
  readonly client?: ClientAuthentication;
  readonly assertion: string;
  readonly scope?: string;
  readonly resource?: string | readonly string[];
  /** Parameters of the issuer's own. */
  readonly parameters?: Parameters;
}

/** Gets a token for the subject of an assertion. Refusals are `token_refused`; see `tokenRequest`. */
export async function jwtBearerGrant(request: JwtBearer): Promise<Tokens> {
  const { assertion, scope, resource, parameters } = request;
  const grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer";
  return (await tokenAnswer({ ...parameters, grant_type, assertion, scope, resource }, request)).tokens;
}

export interface GrantAssertion {
  /** Who vouches: `iss`. */
  readonly issuer: string;
  /** Whom the token is for: `sub`. */
  readonly subject: string;
  /** The authorization server: its issuer or, where it goes by that name, its token endpoint (RFC 10070 §4 leaves both). */
  readonly audience: string;
  readonly private_key: ImportedKey | Jwk;
  readonly alg: JwsAlgorithm;
  readonly kid?: string;
  /** The type of the JWT, if the service defines one. */
  readonly typ?: string;
  /** Further claims, e.g. `scope`; they never replace those of RFC 7523. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly now?: () => number;
  /** Seconds; default 300. */
  readonly lifetime?: number;
}

/** Makes an assertion (RFC 7523 §3). */
export async function createGrantAssertion(options: GrantAssertion): Promise<string> {
  const { issuer, subject, audience, private_key, alg, typ, claims, now = Date.now, lifetime = 300 } = options;
  const kid = options.kid ?? ("kty" in private_key ? private_key.kid : undefined);
  const iat = Math.floor(now() / 1000);
  const required = { iss: issuer, sub: subject, aud: audience, iat, exp: iat + lifetime, jti: randomToken(16) };
  const header = { ...(kid === undefined ? {} : { kid }), ...(typ === undefined ? {} : { typ }) };
  return signJwt({ ...claims, ...required }, { key: private_key, alg, ...header });
}
