/**
 * Verifies a logout token: the issuer says, without the browser, that a session there is over.
 *
 * OpenID Connect Back-Channel Logout 1.0 §2.4 and §2.6, RFC 8725 §3.11.
 * Guarantees that no ID token, access token or other token passes for one, nor one that was made for another client.
 */
import { type JwkSet, type JwsAlgorithm, JwtError, type KeyResolver, verifyJwt } from "@valetkey/protocol/jose";
import { normalTyp } from "@valetkey/protocol/jwt-claims";

/** Who is signed out: the session, the person in all sessions, or one of them named by both. */
export interface LogoutToken {
  readonly iss: string;
  readonly sid?: string;
  readonly sub?: string;
  readonly jti: string;
  /** Seconds. */
  readonly iat: number;
  /** Seconds. */
  readonly exp: number;
}

export interface LogoutTokenChecks {
  readonly issuer: string;
  readonly client_id: string;
  readonly keys: JwkSet | KeyResolver;
  /** The algorithm of ID tokens. */
  readonly alg: JwsAlgorithm | readonly JwsAlgorithm[];
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Seconds, 0 to 60; default 8. */
  readonly clockTolerance?: number;
}

const event = "http://schemas.openid.net/event/backchannel-logout";

/** Verifies; any failure is a `JwtError`. Whether its `jti` was seen before is for the caller to remember. */
export async function verifyLogoutToken(token: string, checks: LogoutTokenChecks): Promise<LogoutToken> {
  const { issuer, client_id, keys, alg, now, clockTolerance } = checks;
  const { header, claims } = await verifyJwt(token, {
    keys,
    algorithms: typeof alg === "string" ? [alg] : alg,
    issuer,
    audience: client_id,
    now,
    requiredClaims: ["iss", "aud", "iat", "jti", "events"],
    ...(clockTolerance === undefined ? {} : { clockTolerance }),
  });
  // §2.4: logout+jwt is recommended, so one without a type is taken; one of another kind is not.
  const typ = normalTyp(header.typ);
  if (typ !== undefined && typ !== "logout+jwt" && typ !== "jwt") throw new JwtError("typ", "not a logout token");
  const { iss, sub, jti, iat, exp, sid, events, nonce } = claims;
  if (typeof events !== "object" || events === null || !isObject((events as Record<string, unknown>)[event])) {
    throw new JwtError("claims", "events does not say that this is a logout");
  }
  // §2.4: so that an ID token is none.
  if (nonce !== undefined) throw new JwtError("nonce", "a logout token must not have a nonce");
  if (sid !== undefined && (typeof sid !== "string" || sid === ""))
    throw new JwtError("claims", "sid must be a string");
  if (sid === undefined && !sub) throw new JwtError("claims", "neither sub nor sid is there");
  if (!iss || !jti || iat === undefined || exp === undefined) {
    throw new JwtError("claims", "iss, jti, iat or exp is empty");
  }
  return { iss, jti, iat, exp, ...(sid === undefined ? {} : { sid }), ...(sub ? { sub } : {}) };
}

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);
