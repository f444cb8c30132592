/**
 * Checks an opaque access token by what its issuer says of it.
 *
 * RFC 7662 §2.2 and §4.
 * Guarantees that an answer counts only for our audience, and that its times, issuer and audience are checked again each time it
 * is used, also when it was kept.
 */
import { JwtError } from "@valetkey/protocol/jose";
import { checkClaims, type JwtClaims } from "@valetkey/protocol/jwt-claims";
import { readClaims, standardNames } from "./lib/read-claims.ts";
import type { Token } from "./token.ts";

export interface IntrospectionExpectations {
  readonly issuer: string;
  readonly audience: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Seconds, 0 to 60. */
  readonly clockTolerance: number;
  /** Asks the issuer, or looks up what it said a moment ago. */
  ask(token: string): Promise<Readonly<Record<string, unknown>>>;
}

/** What is said of a token that the issuer does not call active, for whatever reason. */
export const notActive = "it is not active";

/** Checks the token. Not active, for others or expired: `JwtError`. What `ask` throws goes through. */
export async function verifyByIntrospection(token: string, expected: IntrospectionExpectations): Promise<Token> {
  const { issuer, audience, now, clockTolerance, ask } = expected;
  const answer = await ask(token);
  // "true" is a string, and a string is no answer.
  if (answer.active !== true) throw new JwtError("claims", notActive);
  // §2.2: iss and exp are optional. §4: a token for others must not be accepted, and one without aud might be for anybody.
  const claims = { iss: issuer, ...answer } as JwtClaims;
  checkClaims(claims, { issuer, audience, now, clockTolerance, exp: "optional" });
  const read = readClaims(issuer, claims, standardNames(claims));
  const { token_type = "Bearer", token_use = "access" } = answer;
  // RFC 6749 §7.1: a type that is not understood must not be used. A refresh token has no type at all or another.
  if (typeof token_type !== "string" || !isType(token_type, read))
    throw new JwtError("claims", "it is of another type");
  // No member of a specification, but where servers that describe refresh tokens by a token_type too say what it is for.
  if (token_use !== "access" && token_use !== "access_token") throw new JwtError("claims", "it is no access token");
  return read;
}

/** RFC 9449 §6.2: a token of type DPoP names its key. */
function isType(token_type: string, { cnf }: Token): boolean {
  const type = token_type.toLowerCase();
  return type === "bearer" || (type === "dpop" && cnf?.jkt !== undefined);
}
