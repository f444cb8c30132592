/**
 * Software statements: what somebody who is trusted here says about a program that registers itself (RFC 7591 §2.3, §3.1.1, §3.2.2).
 *
 * Guarantees that a statement counts only with the signature of a key of an issuer in the list, and that what it says wins
 * over what the program says itself. One statement serves every installation of a program: it is no secret and may come again,
 * unless `once` says otherwise.
 */
import {
  invalidSoftwareStatement,
  temporarilyUnavailable,
  unapprovedSoftwareStatement,
} from "@valetkey/protocol/errors";
import { decodeUnverified, JwksUnavailable, type JwtClaims, JwtError, verifyJwt } from "@valetkey/protocol/jose";
import type { JwkSet, JwsAlgorithm } from "@valetkey/protocol/jwk";
import { audiencesOf, normalTyp } from "@valetkey/protocol/jwt-claims";
import type { Op } from "./op.ts";
import { isFirst } from "./replay.ts";

const maxLength = 16_384;
const tolerance = 10;

/** Whose statements count. */
export interface StatementIssuer {
  /** `iss`, exactly. */
  readonly issuer: string;
  /** Its keys, by value or by where they are. */
  readonly jwks?: JwkSet;
  readonly jwks_uri?: string;
  /** `["RS256", "PS256", "ES256", "EdDSA"]` unless given. */
  readonly algorithms?: readonly JwsAlgorithm[];
}

/** Made by `softwareStatements()`. */
export interface SoftwareStatements {
  /** Nobody registers without one. */
  readonly required: boolean;
  readonly issuers: readonly StatementIssuer[];
  /** Seconds: an older one (`iat`) is refused. */
  readonly maxAge: number | undefined;
  readonly once: boolean;
}

/**
 * For a registration policy: statements of these issuers count. `maxAge`: only those made so many seconds ago at most. `once`: each
 * registers one client; it must have `jti` and `exp`.
 */
export function softwareStatements(options: {
  readonly issuers: readonly StatementIssuer[];
  readonly required?: boolean;
  readonly maxAge?: number;
  readonly once?: boolean;
}): SoftwareStatements {
  const { issuers, required = false, maxAge, once = false } = options;
  for (const { issuer, jwks, jwks_uri } of issuers) {
    if ((jwks === undefined) === (jwks_uri === undefined))
      throw new TypeError(`the issuer of software statements ${issuer} needs jwks or jwks_uri`);
  }
  return { issuers, required, maxAge, once };
}

/** Members that are no metadata, or not a stranger's to have. */
const notMetadata = new Set([
  ...["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "software_statement"],
  ...["client_id", "client_secret", "introspects"],
]);

/**
 * Verifies a statement and gives the metadata in it. Throws `invalid_software_statement`, `unapproved_software_statement` for an issuer
 * that is not trusted, `temporarily_unavailable` while its keys cannot be had.
 */
export async function verifyStatement(
  op: Pick<Op, "issuer" | "now" | "remoteKeys" | "store">,
  { issuers, maxAge, once }: SoftwareStatements,
  statement: unknown,
): Promise<Readonly<Record<string, unknown>>> {
  if (typeof statement !== "string" || statement.length > maxLength)
    throw invalidSoftwareStatement(`software_statement must be a JWT of at most ${maxLength} characters`);
  try {
    const { header, claims: claimed } = decodeUnverified(statement);
    const from = issuers.find(({ issuer }) => issuer === claimed.iss);
    if (from === undefined)
      throw unapprovedSoftwareStatement("the issuer of the software_statement is not trusted here");
    // RFC 8725 §3.11: no token that the issuer made for something else.
    if (!["jwt", "software-statement+jwt"].includes(normalTyp(header.typ) ?? "jwt"))
      throw new JwtError("typ", "it is a token of another kind");
    const { claims } = await verifyJwt(statement, {
      keys: from.jwks ?? op.remoteKeys(from.jwks_uri ?? ""),
      algorithms: from.algorithms ?? ["RS256", "PS256", "ES256", "EdDSA"],
      issuer: from.issuer,
      audience: undefined,
      now: op.now(),
      clockTolerance: tolerance,
      exp: "optional",
      requiredClaims: [
        "iss",
        ...(maxAge === undefined ? [] : (["iat"] as const)),
        ...(once ? (["jti", "exp"] as const) : []),
      ],
    });
    const audiences = audiencesOf(claims);
    if (audiences.length > 0 && !audiences.includes(op.issuer))
      throw new JwtError("audience", "it is for another server");
    if (maxAge !== undefined && op.now() / 1000 - (claims.iat ?? 0) > maxAge + tolerance)
      throw new JwtError("expired", "it was made too long ago");
    const until = ((claims.exp ?? 0) + tolerance) * 1000;
    if (once && !(await isFirst(op, ["statement", from.issuer, claims.jti ?? ""], until)))
      throw new JwtError("claims", "it was used before");
    return metadataOf(claims);
  } catch (cause) {
    if (cause instanceof JwksUnavailable)
      throw temporarilyUnavailable("the keys of the statement's issuer cannot be had at the moment", { cause });
    if (!(cause instanceof JwtError)) throw cause;
    throw invalidSoftwareStatement(`the software_statement is refused: ${cause.message}`, { cause });
  }
}

/** What a statement says that was verified when its client registered with it. */
export function readVerified(statement: string): Readonly<Record<string, unknown>> {
  return metadataOf(decodeUnverified(statement).claims);
}

function metadataOf(claims: JwtClaims): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !notMetadata.has(name)));
}
