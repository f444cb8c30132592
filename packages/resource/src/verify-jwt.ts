/**
 * Verifies an access token that is a signed JWT.
 *
 * RFC 9068 §2 and §4, RFC 8725 §3.
 * Guarantees that what passes is an access token (never an ID token), of this issuer, for exactly this audience, and live. A
 * signature that was verified counts again while the issuer's keys are the same; everything else is checked each time. It cannot
 * know that a token was revoked: keep such tokens short-lived.
 */
import { sha256Base64url } from "@valetkey/protocol/digest";
import {
  type Jwk,
  type JwsAlgorithm,
  type JwtClaims,
  type JwtHeader,
  type KeyResolver,
  verifyJwt,
} from "@valetkey/protocol/jose";
import { checkClaims } from "@valetkey/protocol/jwt-claims";
import type { BoundedCache } from "./lib/bounded-cache.ts";
import { frozen } from "./lib/frozen.ts";
import { type Claims, type Named, readClaims, standardNames } from "./lib/read-claims.ts";
import type { Token } from "./token.ts";

/** Which signed tokens count as access tokens, and how they say who and what. */
export interface SignedTokens {
  /** The header's type, if there has to be one. */
  readonly typ: string | undefined;
  /** Claims that must be there, besides `exp`. */
  readonly requiredClaims: readonly string[];
  /** Refuses what is no access token, as `JwtError`. */
  check(header: JwtHeader, claims: Claims): void;
  names(claims: Claims): Named;
}

/** RFC 9068: `typ` tells them from ID tokens, and §2.2 says which claims are REQUIRED. */
export const accessTokens: SignedTokens = {
  typ: "at+jwt",
  requiredClaims: ["iss", "aud", "sub", "client_id", "iat", "jti"],
  check: () => undefined,
  names: standardNames,
};

/** A token whose signature was verified, and the keys that were there to verify it. */
export interface VerifiedJwt {
  readonly keys: readonly Jwk[];
  readonly header: JwtHeader;
  readonly claims: JwtClaims;
  readonly token: Token;
}

export interface JwtExpectations {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly JwsAlgorithm[];
  readonly signedTokens: SignedTokens;
  readonly keys: KeyResolver;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Seconds, 0 to 60. */
  readonly clockTolerance: number;
  /** Tokens of this issuer whose signature was verified before, if any are kept. */
  readonly verified: BoundedCache<VerifiedJwt> | undefined;
}

/** Verifies the token. Whatever is wrong with it is a `JwtError`; keys that cannot be had are `JwksUnavailable`. */
export async function verifyJwtToken(token: string, expected: JwtExpectations): Promise<Token> {
  const { verified, now, clockTolerance } = expected;
  if (verified === undefined) return (await verifySignature(token, expected)).token;
  // Not the token itself: what lies in memory can end up in a dump.
  const digest = await sha256Base64url(token);
  const known = verified.get(digest, now);
  if (known !== undefined) {
    const { alg, kid } = known.header;
    if (isSame(known.keys, await expected.keys(kid === undefined ? { alg } : { alg, kid }))) {
      checkClaims(known.claims, checksOf(expected));
      return known.token;
    }
    verified.delete(digest);
  }
  const found = await verifySignature(token, expected);
  verified.set(digest, found, ((found.token.exp ?? 0) + clockTolerance) * 1000);
  return found.token;
}

async function verifySignature(token: string, expected: JwtExpectations): Promise<VerifiedJwt> {
  const { issuer, algorithms, signedTokens, keys } = expected;
  let used: readonly Jwk[] = [];
  const noted: KeyResolver = async (header) => {
    used = await keys(header);
    return used;
  };
  // RFC 9068 §4: typ first of all. An ID token has none, or another.
  const typ = signedTokens.typ === undefined ? {} : { typ: signedTokens.typ };
  const { header, claims } = await verifyJwt(token, { ...checksOf(expected), ...typ, algorithms, keys: noted });
  signedTokens.check(header, claims);
  return { keys: used, header, claims, token: frozen(readClaims(issuer, claims, signedTokens.names(claims))) };
}

const checksOf = ({ issuer, audience, now, clockTolerance, signedTokens }: JwtExpectations) => ({
  issuer,
  audience,
  now,
  clockTolerance,
  requiredClaims: signedTokens.requiredClaims,
});

// Keys that were fetched anew are other objects, even if they say the same: then the signature is verified once more.
const isSame = (one: readonly Jwk[], other: readonly Jwk[]): boolean =>
  one.length === other.length && one.every((key, at) => key === other[at]);
