/**
 * How a client proves who it is by signing: `private_key_jwt` and `client_secret_jwt`.
 *
 * RFC 7523 §2.2 and §3 as updated by RFC 10070 §4 (the audience is the issuer and nothing else; `client-authentication+jwt`), at
 * every endpoint (§5, §7), OpenID Connect Core §9. Replays are the caller's to refuse: it remembers `client_id` and `jti` until `expiresAt`.
 * Guarantees that an assertion made here convinces one issuer only, whatever URL it is sent to.
 */
import { invalidClient } from "./errors.ts";
import {
  decodeUnverified,
  type ImportedKey,
  type Jwk,
  type JwkSet,
  type JwsAlgorithm,
  JwtError,
  type KeyResolver,
  signJwt,
  verifyJwt,
} from "./jose.ts";
import { audiencesOf, type JwtChecks, normalTyp, timeOf } from "./jwt-claims.ts";
import { randomToken } from "./random.ts";
import { type HmacAlgorithm, signJwtWithSecret, verifyJwtWithSecret } from "./secret-jwt.ts";

/** The value of `client_assertion_type` (RFC 7523 §2.2). */
export const clientAssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

const typ = "client-authentication+jwt";
/** The second one is of draft-ietf-oauth-client-id-metadata-document-03 §6. */
const types: readonly string[] = [typ, "oauth-client-auth+jwt"];

/** What an assertion is signed with. */
export type AssertionSigner =
  | { readonly private_key: ImportedKey | Jwk; readonly alg: JwsAlgorithm; readonly kid?: string | undefined }
  | { readonly client_secret: string; readonly alg: HmacAlgorithm };

/** What an assertion is verified with. */
export type AssertionVerifier =
  | { readonly keys: JwkSet | KeyResolver; readonly algorithms: readonly JwsAlgorithm[] }
  | { readonly client_secret: string; readonly algorithms: readonly HmacAlgorithm[] };

/** Makes an assertion that counts for `lifetime` seconds (default 60). A secret too short for its hash is a `TypeError`. */
export async function createClientAssertion(options: {
  readonly client_id: string;
  /** The issuer as configured: never an endpoint, and never something metadata said (RFC 10070 §4). */
  readonly issuer: string;
  readonly signer: AssertionSigner;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly lifetime?: number;
}): Promise<string> {
  const { client_id, issuer, signer, now, lifetime = 60 } = options;
  const iat = Math.floor(now / 1000);
  const identity = { iss: client_id, sub: client_id, aud: issuer, jti: randomToken(16) };
  const claims = { ...identity, iat, nbf: iat, exp: iat + lifetime };
  if ("client_secret" in signer)
    return signJwtWithSecret(claims, { secret: signer.client_secret, alg: signer.alg, typ });
  const { private_key, alg, kid } = signer;
  return signJwt(claims, { key: private_key, alg, typ, ...(kid === undefined ? {} : { kid }) });
}

/**
 * Reads who an assertion says it is from, WITHOUT believing it: needed to find the client whose keys verify it.
 * What is no JWT, or names no client, or two, is `invalid_client`.
 */
export function claimedClientId(assertion: string): string {
  try {
    const { iss, sub } = decodeUnverified(assertion).claims;
    // RFC 7523 §3: for client authentication sub is the client_id, and so is iss.
    if (typeof sub === "string" && sub !== "" && iss === sub) return sub;
  } catch (cause) {
    if (!(cause instanceof JwtError)) throw cause;
    throw invalidClient("the client assertion is not a JWT", { cause });
  }
  throw invalidClient("iss and sub of the client assertion must be the client_id");
}

/** What an assertion must satisfy. */
export interface AssertionChecks {
  readonly client_id: string;
  /** The server's issuer. */
  readonly issuer: string;
  readonly verifier: AssertionVerifier;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Seconds between now and `exp`, at most; default 600. */
  readonly maxLifetime?: number;
  /** Seconds by which clocks may differ, 0 to 60; default 10. */
  readonly clockTolerance?: number;
  /** Further sole audiences for clients from before RFC 10070 (§6), e.g. the token endpoint. Default none. */
  readonly formerAudiences?: readonly string[];
}

/**
 * Verifies an assertion. Every failure is `invalid_client`; a short `client_secret` is a `TypeError`, being a fault in the
 * configuration; `JwksUnavailable` goes through.
 */
export async function verifyClientAssertion(
  assertion: string,
  checks: AssertionChecks,
): Promise<{ readonly jti: string /** Milliseconds since the epoch. */; readonly expiresAt: number }> {
  const { client_id, issuer, now, maxLifetime = 600, clockTolerance = 10, formerAudiences = [] } = checks;
  try {
    const { header, claims } = await verifyWith(checks.verifier, assertion, {
      issuer: client_id,
      audience: [issuer, ...formerAudiences],
      now,
      clockTolerance,
      requiredClaims: ["iss", "sub", "aud", "jti"],
    });
    // RFC 10070 §4: clients must type it, servers should not insist; a token of another kind is neither.
    const type = normalTyp(header.typ);
    if (type !== undefined && ![...types, "jwt"].includes(type)) throw new JwtError("typ", "not a client assertion");
    if (claims.sub !== client_id) throw new JwtError("claims", "sub must be the client_id");
    // RFC 10070 §4: the sole audience. With a second one the assertion could be replayed at whoever that is.
    if (audiencesOf(claims).length !== 1) throw new JwtError("audience", "the assertion must have one audience");
    const { jti = "" } = claims;
    if (jti === "" || jti.length > 256) throw new JwtError("claims", "jti must have 1 to 256 characters");
    const exp = timeOf(claims, "exp") ?? 0;
    if (exp > now / 1000 + maxLifetime + clockTolerance) throw new JwtError("claims", "the assertion lives too long");
    return { jti, expiresAt: (exp + clockTolerance) * 1000 };
  } catch (cause) {
    if (!(cause instanceof JwtError)) throw cause;
    throw invalidClient(`the client assertion is refused: ${cause.message}`, { cause });
  }
}

const verifyWith = (verifier: AssertionVerifier, assertion: string, checks: JwtChecks) =>
  "client_secret" in verifier
    ? verifyJwtWithSecret(assertion, { secret: verifier.client_secret, algorithms: verifier.algorithms, ...checks })
    : verifyJwt(assertion, { keys: verifier.keys, algorithms: verifier.algorithms, ...checks });
