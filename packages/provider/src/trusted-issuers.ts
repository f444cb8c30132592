/**
 * Issuers elsewhere whose signed assertions count here, and whom their subjects are (RFC 7521 §5, RFC 7523 §3).
 *
 * Guarantees that an assertion was signed by a key of an issuer that is in the list, for this server alone, and ends; and that
 * nothing in it is acted on that we do not understand.
 */
import { invalidGrant, temporarilyUnavailable } from "@valetkey/protocol/errors";
import { decodeUnverified, JwksUnavailable, type JwtClaims, JwtError, verifyJwt } from "@valetkey/protocol/jose";
import type { JwkSet, JwsAlgorithm } from "@valetkey/protocol/jwk";
import { audiencesOf, normalTyp } from "@valetkey/protocol/jwt-claims";
import type { Awaitable, Op } from "./op.ts";

/** Kinds of assertions: a JWT made for this purpose, or an identity assertion of an enterprise's provider (ID-JAG §3). */
export type AssertionKind = "assertion" | "id-jag";

export interface TrustedIssuer {
  readonly issuer: string;
  /** Its keys, by value or by where they are. */
  readonly jwks?: JwkSet;
  readonly jwks_uri?: string;
  /** `["RS256", "PS256", "ES256", "EdDSA"]` unless given. */
  readonly algorithms?: readonly JwsAlgorithm[];
  /** What it may send; `["assertion"]` unless given. */
  readonly accepts?: readonly AssertionKind[];
  /** Whom the claims mean here: the subject of an account. Nothing: nobody, and the assertion is refused. */
  subject(claims: JwtClaims): Awaitable<string | undefined>;
}

/** An assertion that counts. */
export interface TrustedAssertion {
  readonly kind: AssertionKind;
  readonly from: TrustedIssuer;
  readonly claims: JwtClaims;
  readonly subject: string;
}

export const idJagType = "oauth-id-jag+jwt";
const maxLifetime = 3600;
const tolerance = 10;

/** Verifies an assertion. Throws `invalid_grant`; `temporarily_unavailable` when the issuer's keys cannot be had. */
export async function verifyTrusted(
  op: Pick<Op, "issuer" | "now" | "remoteKeys">,
  issuers: readonly TrustedIssuer[],
  assertion: string,
): Promise<TrustedAssertion> {
  try {
    const { header, claims: claimed } = decodeUnverified(assertion);
    const from = issuers.find(({ issuer }) => issuer === claimed.iss);
    if (from === undefined) throw new JwtError("issuer", "its issuer is not trusted here");
    const kind = kindOf(header.typ);
    if (!(from.accepts ?? ["assertion"]).includes(kind)) throw new JwtError("typ", `this issuer sends no ${kind}`);
    const { algorithms = ["RS256", "PS256", "ES256", "EdDSA"] } = from;
    const now = op.now();
    const { claims } = await verifyJwt(assertion, {
      keys: from.jwks ?? op.remoteKeys(from.jwks_uri ?? ""),
      algorithms,
      issuer: from.issuer,
      audience: op.issuer,
      now,
      clockTolerance: tolerance,
      requiredClaims: ["iss", "sub", "aud", "jti"],
    });
    checkFurther(claims, now);
    const subject = await from.subject(claims);
    if (subject === undefined) throw new JwtError("claims", "its subject is nobody here");
    return { kind, from, claims, subject };
  } catch (cause) {
    if (cause instanceof JwksUnavailable)
      throw temporarilyUnavailable("the keys of the assertion's issuer cannot be had at the moment", { cause });
    if (!(cause instanceof JwtError)) throw cause;
    throw invalidGrant(`the assertion is refused: ${cause.message}`, { cause });
  }
}

/** RFC 8725 §3.11: a token made for something else is no assertion. */
function kindOf(typ: string | undefined): AssertionKind {
  const type = normalTyp(typ);
  if (type === idJagType) return "id-jag";
  if (type === undefined || type === "jwt" || type === "authorization-grant+jwt") return "assertion";
  throw new JwtError("typ", "the token is not an assertion");
}

function checkFurther(claims: JwtClaims, now: number): void {
  // RFC 10070: with a second audience, whoever that is could use it here.
  if (audiencesOf(claims).length !== 1) throw new JwtError("audience", "it must have one audience");
  if ((claims.exp ?? 0) > now / 1000 + maxLifetime + tolerance)
    throw new JwtError("claims", `it counts for more than ${maxLifetime} seconds`);
  if ((claims.jti ?? "").length > 256) throw new JwtError("claims", "jti is longer than 256 characters");
  // What we would have to honour and cannot is no detail to pass over.
  if (claims.authorization_details !== undefined)
    throw new JwtError("claims", "authorization_details in an assertion is not supported");
}

/** Milliseconds until which an assertion must be remembered. */
export const endOf = ({ exp = 0 }: JwtClaims): number => (exp + tolerance) * 1000;
