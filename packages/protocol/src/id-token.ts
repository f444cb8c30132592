/**
 * ID tokens: what is in them, the hashes that tie them to other tokens, and their verification by a client.
 *
 * OpenID Connect Core §2, §3.1.3.6, §3.1.3.7, §3.3.2.11; RFC 8725 §3.11.
 * Guarantees that a verified ID token was made by this issuer, for this client, in answer to this request.
 */
import { base64url, constantTimeEqual, sha256 } from "./digest.ts";
import { type JwkSet, type JwsAlgorithm, verifyJwt } from "./jose.ts";
import { audiencesOf, type JwtClaims, JwtError, normalTyp, timeOf } from "./jwt-claims.ts";
import type { KeyResolver } from "./remote-jwks.ts";

/** Claims of an ID token (Core §2). Times in seconds. */
export interface IdTokenClaims extends JwtClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string | readonly string[];
  readonly exp: number;
  readonly iat: number;
  readonly auth_time?: number;
  readonly nonce?: string;
  readonly acr?: string;
  readonly amr?: readonly string[];
  readonly azp?: string;
  readonly at_hash?: string;
  readonly c_hash?: string;
  readonly sid?: string;
}

/** What the client expects. */
export interface IdTokenChecks {
  readonly issuer: string;
  readonly client_id: string;
  /** The nonce of the request, if one was sent. */
  readonly nonce?: string;
  /** The max_age of the request in seconds, if one was sent: `auth_time` is then required. */
  readonly max_age?: number;
  /** The access token that came along: an `at_hash` must then fit it. */
  readonly access_token?: string;
  /** The code that belongs to the token: a `c_hash` must then fit it. */
  readonly code?: string;
  /** `required` (default): the code came along from the authorization endpoint (§3.3.2.11); `optional`: it was exchanged. */
  readonly c_hash?: "required" | "optional";
  readonly keys: JwkSet | KeyResolver;
  /** The algorithm agreed at registration (`id_token_signed_response_alg`), or those the client accepts. */
  readonly alg: JwsAlgorithm | readonly JwsAlgorithm[];
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Seconds, 0 to 60; default 8. */
  readonly clockTolerance?: number;
  /** Audiences trusted besides the client itself (§3.1.3.7 step 3); `"any"` if the issuer adds some of its own. Default none. */
  readonly additionalAudiences?: readonly string[] | "any";
}

/** Computes `at_hash` or `c_hash`: the left half of the hash that belongs to the algorithm (Core §3.1.3.6). */
export async function atHash(token: string, alg: string): Promise<string> {
  const name = hashOf(alg);
  const hash =
    name === "SHA-256"
      ? await sha256(token)
      : new Uint8Array(await crypto.subtle.digest(name, new TextEncoder().encode(token)));
  return base64url(hash.subarray(0, hash.length / 2));
}

// Ed25519 signs over SHA-512 (RFC 8032 §5.1).
function hashOf(alg: string): string | { name: string; length: number; outputLength: number } {
  if (alg === "EdDSA" || alg === "Ed25519") return "SHA-512";
  // FIPS 204 §3.7 is built on SHAKE256; no specification of OpenID names a hash yet, and this is what others compute.
  if (alg.startsWith("ML-DSA-")) return { name: "cSHAKE256", length: 512, outputLength: 512 };
  const bits = /^[RPE]S(256|384|512)$/.exec(alg)?.[1];
  if (bits === undefined) throw new TypeError(`no hash is defined for the algorithm ${alg}`);
  return `SHA-${bits}`;
}

/** Verifies an ID token as Core §3.1.3.7 requires, step by step; any failure is a `JwtError`. Returns its claims. */
export async function verifyIdToken(token: string, checks: IdTokenChecks): Promise<IdTokenClaims> {
  const { issuer, client_id, keys, alg, now, clockTolerance = 8 } = checks;
  // Steps 2, 6, 7, 9, 10: issuer, signature, algorithm, exp, iat; step 3: the client is an audience.
  const { header, claims } = await verifyJwt(token, {
    keys,
    algorithms: typeof alg === "string" ? [alg] : alg,
    issuer,
    audience: client_id,
    now,
    clockTolerance,
    requiredClaims: ["iss", "sub", "aud", "iat"],
  });
  // RFC 8725 §3.11: an access token or logout token, marked as such, is no ID token.
  if (normalTyp(header.typ)?.endsWith("+jwt")) throw new JwtError("typ", "a token of another kind is not an ID token");
  if (claims.sub === "" || (claims.sub?.length ?? 0) > 255)
    throw new JwtError("claims", "sub must have 1 to 255 characters");
  checkAudience(claims, checks);
  // Step 11: the nonce ties the token to the request of this browser.
  if (
    checks.nonce !== undefined &&
    !(typeof claims.nonce === "string" && constantTimeEqual(claims.nonce, checks.nonce))
  ) {
    throw new JwtError("nonce", "the nonce is not the one that was sent");
  }
  // Step 13: how long ago the person signed in.
  const authTime = timeOf(claims, "auth_time");
  // Milliseconds, or a clock that is ahead, would make every later question about the age of the sign-in be answered with yes.
  if (authTime !== undefined && authTime - clockTolerance > now / 1000)
    throw new JwtError("auth_time", "auth_time is in the future");
  if (checks.max_age !== undefined) {
    if (authTime === undefined) throw new JwtError("auth_time", "auth_time is missing although max_age was sent");
    if (authTime + checks.max_age + clockTolerance < now / 1000)
      throw new JwtError("auth_time", "the sign-in is older than max_age");
  }
  if (checks.access_token !== undefined)
    await checkHash(claims, "at_hash", checks.access_token, header.alg, "optional");
  if (checks.code !== undefined)
    await checkHash(claims, "c_hash", checks.code, header.alg, checks.c_hash ?? "required");
  return claims as IdTokenClaims;
}

// Steps 3 to 5.
function checkAudience(claims: JwtClaims, { client_id, additionalAudiences = [] }: IdTokenChecks): void {
  const others = audiencesOf(claims).filter((audience) => audience !== client_id);
  if (additionalAudiences !== "any" && !others.every((audience) => additionalAudiences.includes(audience))) {
    throw new JwtError("audience", "the token has additional audiences that are not trusted");
  }
  const azp = claims.azp;
  if (others.length > 0 && azp === undefined)
    throw new JwtError("azp", "azp is missing although there are several audiences");
  if (azp !== undefined && azp !== client_id) throw new JwtError("azp", "the token was made for another client");
}

// §3.1.3.8: at_hash is optional in the code flow, but if it is there it must fit. §3.3.2.11: c_hash is required with a code.
async function checkHash(
  claims: JwtClaims,
  name: string,
  token: string,
  alg: string,
  presence: "optional" | "required",
) {
  const hash = claims[name];
  if (hash === undefined && presence === "optional") return;
  if (typeof hash !== "string" || !constantTimeEqual(hash, await atHash(token, alg))) {
    throw new JwtError("hash", `${name} does not fit the token it came with`);
  }
}
