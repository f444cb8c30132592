/**
 * The claims of a JWT and the checks every token shares: who issued it, for whom, and when it counts.
 *
 * RFC 7519 §4.1, RFC 8725 §3.8 to §3.11, RFC 9068 §4.
 * Guarantees that a time claim is a number a clock could show, and that issuer and audience are compared as exact text.
 */

/** Why a token was refused. */
export type JwtErrorCode =
  | "malformed"
  | "header"
  | "algorithm"
  | "key_not_found"
  | "signature"
  | "typ"
  | "issuer"
  | "audience"
  | "expired"
  | "not_yet_valid"
  | "claims"
  | "nonce"
  | "azp"
  | "auth_time"
  | "hash"
  | "decryption";

/** A token that is refused. The message is for the log; what the client hears is the caller's business. */
export class JwtError extends Error {
  override readonly name = "JwtError";
  readonly code: JwtErrorCode;

  constructor(code: JwtErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The protected header of a verified token. */
export interface JwtHeader {
  readonly alg: string;
  readonly kid?: string;
  readonly typ?: string;
  readonly [parameter: string]: unknown;
}

/** Claims of a token. Only those that were checked have a type one may rely on. */
export interface JwtClaims {
  readonly iss?: string;
  readonly sub?: string;
  readonly aud?: string | readonly string[];
  readonly exp?: number;
  readonly nbf?: number;
  readonly iat?: number;
  readonly jti?: string;
  readonly [claim: string]: unknown;
}

/** What the claims must satisfy. */
export interface JwtChecks {
  /** Accepted issuers, compared as exact text; `undefined` if the kind of token has none. */
  readonly issuer: string | readonly string[] | undefined;
  /** Accepted audiences: one of them must be an exact member of `aud`; `undefined` if the kind of token has none. */
  readonly audience: string | readonly string[] | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Seconds by which clocks may differ, 0 to 60; default 8. */
  readonly clockTolerance?: number;
  /** Claims that must be present, besides `exp`. */
  readonly requiredClaims?: readonly string[];
  /** `"optional"` for kinds of token that have no lifetime of their own; by default `exp` is required. */
  readonly exp?: "optional";
}

/** Checks registered claims; a failure is a `JwtError`. */
export function checkClaims(claims: JwtClaims, checks: JwtChecks): void {
  const { issuer, audience, now, clockTolerance = 8, requiredClaims = [] } = checks;
  if (!(clockTolerance >= 0 && clockTolerance <= 60)) throw new RangeError("clockTolerance must be 0 to 60 seconds");
  for (const name of checks.exp === "optional" ? requiredClaims : ["exp", ...requiredClaims]) {
    if (!Object.hasOwn(claims, name) || claims[name] === null)
      throw new JwtError("claims", `the claim ${name} is missing`);
  }
  for (const name of ["iss", "sub", "jti"]) {
    if (claims[name] !== undefined && typeof claims[name] !== "string")
      throw new JwtError("claims", `${name} must be a string`);
  }
  if (issuer !== undefined && !listOf(issuer).includes(claims.iss ?? ""))
    throw new JwtError("issuer", "the issuer is not the expected one");
  const audiences = audiencesOf(claims);
  if (audience !== undefined && !listOf(audience).some((one) => audiences.includes(one))) {
    throw new JwtError("audience", "the token is meant for someone else");
  }
  const seconds = now / 1000;
  const exp = timeOf(claims, "exp");
  const nbf = timeOf(claims, "nbf");
  const iat = timeOf(claims, "iat");
  // RFC 7519 §4.1.4: on or after exp the token must not be accepted.
  if (exp !== undefined && exp + clockTolerance <= seconds) throw new JwtError("expired", "the token has expired");
  if (nbf !== undefined && nbf - clockTolerance > seconds)
    throw new JwtError("not_yet_valid", "the token does not count yet");
  if (iat !== undefined && iat - clockTolerance > seconds)
    throw new JwtError("not_yet_valid", "the token was issued in the future");
}

/** Lists the audiences of a token; a claim that is neither a string nor a list of strings is a `JwtError`. */
export function audiencesOf(claims: JwtClaims): readonly string[] {
  const aud: unknown = claims.aud;
  if (aud === undefined) return [];
  if (typeof aud === "string") return [aud];
  if (Array.isArray(aud) && aud.every((one): one is string => typeof one === "string")) return aud;
  throw new JwtError("claims", "aud must be a string or a list of strings");
}

/** Reads a time claim in seconds; one that is not a number from 0 to 2^53-1 is a `JwtError`. */
export function timeOf(claims: JwtClaims, name: string): number | undefined {
  const value = claims[name];
  if (value === undefined) return undefined;
  if (typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER) return value;
  throw new JwtError("claims", `${name} must be a time in seconds`);
}

/** Normalises a header type for comparison (RFC 7515 §4.1.9): lower case, without `application/`. */
export function normalTyp(typ: string | undefined): string | undefined {
  return typ?.toLowerCase().replace(/^application\//, "");
}

const listOf = (value: string | readonly string[]): readonly string[] => (typeof value === "string" ? [value] : value);
