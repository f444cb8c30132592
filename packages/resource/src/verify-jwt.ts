/**
 * Verifies an access token that is a signed JWT.
 *
 * RFC 9068 §2 and §4, RFC 8725 §3.
 * Guarantees that what passes is an access token (never an ID token), of this issuer, for exactly this audience, and live.
 * A signature cannot know that a token was revoked: keep such tokens short-lived.
 */
import { invalidToken, temporarilyUnavailable } from "@valetkey/protocol/errors";
import { JwksUnavailable, type JwsAlgorithm, JwtError, type KeyResolver, verifyJwt } from "@valetkey/protocol/jose";
import { principalOf, type Token } from "./token.ts";

export interface JwtExpectations {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly JwsAlgorithm[];
  readonly keys: KeyResolver;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Seconds, 0 to 60. */
  readonly clockTolerance: number;
}

/** RFC 9068 §2.2: all of these are REQUIRED. */
const requiredClaims = ["iss", "aud", "sub", "client_id", "iat", "jti"];

/** Verifies the token. Whatever is wrong with it is `invalid_token`; keys that cannot be had are `temporarily_unavailable`. */
export async function verifyJwtToken(token: string, expected: JwtExpectations): Promise<Token> {
  const { issuer, audience, algorithms, keys, now, clockTolerance } = expected;
  try {
    // §4: typ first of all. An ID token has none, or another.
    const checks = { typ: "at+jwt", issuer, audience, algorithms, keys, now, clockTolerance, requiredClaims };
    const { claims } = await verifyJwt(token, checks);
    return tokenOf(claims, issuer);
  } catch (cause) {
    if (cause instanceof JwksUnavailable) {
      const headers = { "Retry-After": "10" };
      throw temporarilyUnavailable("the issuer's keys cannot be had at the moment", { cause, headers });
    }
    if (!(cause instanceof JwtError)) throw cause;
    throw invalidToken(cause.code === "expired" ? "the access token has expired" : "the access token is not valid", {
      cause,
    });
  }
}

function tokenOf(claims: Readonly<Record<string, unknown>>, iss: string): Token {
  const { sub, client_id, scope = "", aud, exp } = claims;
  if (typeof sub !== "string" || typeof client_id !== "string") {
    throw new JwtError("claims", "sub and client_id must be strings");
  }
  // RFC 9068 §2.2.3: as in RFC 8693 §4.2, a text. A list is somebody else's dialect and would be misread.
  if (typeof scope !== "string") throw new JwtError("claims", "scope must be a string");
  // RFC 7800 §3.1: the token is bound to a key. It must not pass as a bearer token where the key is not checked.
  if (claims.cnf !== undefined) throw new JwtError("claims", "the token is bound to a key");
  return {
    iss,
    sub,
    client_id,
    scope: scope.split(" ").filter((name) => name !== ""),
    aud: [aud].flat() as string[],
    exp: Number(exp),
    principal: principalOf(sub, client_id),
    claims,
  };
}
