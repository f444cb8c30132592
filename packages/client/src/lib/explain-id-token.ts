/**
 * Says of an ID token that was refused what it had, what was expected, and what to do.
 *
 * OpenID Connect Core §3.1.3.7 and §10.1. Guarantees that only what names issuer, audience, algorithm, key and times is
 * repeated: neither nonce nor subject nor the token.
 */
import type { IdTokenChecks } from "@valetkey/protocol/id-token";
import { decodeUnverified, type JwtError } from "@valetkey/protocol/jose";
import { issuerFix } from "./issuer-difference.ts";
import { shown } from "./refusal.ts";

/** One sentence for the log, and what to do. */
export interface Explained {
  readonly message: string;
  readonly fix: string;
}

interface Seen {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Explains a refusal of `verifyIdToken`. */
export function explainIdToken(token: string, error: JwtError, checks: IdTokenChecks): Explained {
  const { header, claims } = decode(token);
  const differs = (name: string, got: unknown, expected: string, fix: string): Explained => ({
    message: `${error.message}: ${name} is ${text(got)}, expected ${expected}`,
    fix,
  });
  switch (error.code) {
    case "algorithm":
      return differs("alg", header.alg, [checks.alg].flat().join(" or "), algorithmFix(header.alg));
    case "key_not_found":
      return {
        message: `${error.message}: it names the kid ${text(header.kid)} and the alg ${text(header.alg)}, and the issuer's jwks_uri has no such key`,
        fix: "Open jwks_uri of the discovery document: the key must be in it, with this kid and a fitting kty and alg. If the provider has just changed its keys, it must publish a key before it signs with it.",
      };
    case "signature":
      return {
        message: `${error.message}: kid ${text(header.kid)}, alg ${text(header.alg)}`,
        fix: "The key with this kid in jwks_uri is not the one that signed: the provider publishes other keys than it uses, or jwks_uri belongs to another environment.",
      };
    case "issuer":
      return differs("iss", claims.iss, checks.issuer, issuerFix(claims.iss, checks.issuer));
    case "audience":
    case "azp":
      return differs(
        error.code === "azp" ? "azp" : "aud",
        error.code === "azp" ? claims.azp : claims.aud,
        checks.client_id,
        "The token was made for another client: compare client_id with the registration, in this very environment.",
      );
    case "expired":
    case "not_yet_valid":
      return explainTimes(error, claims, checks);
    case "nonce":
      return {
        message:
          claims.nonce === undefined ? "the ID token has no nonce, expected the one that was sent" : error.message,
        fix: "The provider must put the nonce of the authorization request into the ID token (OpenID Connect Core §3.1.2.1): look for a proxy or a rule that drops or replaces it.",
      };
    case "auth_time":
      return {
        message: error.message,
        fix: "max_age was sent: the provider must ask the person again and say when in auth_time, or max_age must be left out.",
      };
    case "malformed":
    case "header":
      return {
        message: error.message,
        fix: "What came is no signed JWT: if the provider encrypts ID tokens, set id_token_encrypted_response_alg and decryption_keys.",
      };
    default:
      return {
        message: error.message,
        fix: "The provider does not follow OpenID Connect Core §3.1.3.7 here: show whoever runs it this message.",
      };
  }
}

function decode(token: string): Seen {
  try {
    return decodeUnverified(token);
  } catch {
    return { header: {}, claims: {} };
  }
}

function algorithmFix(alg: unknown): string {
  if (typeof alg === "string" && /^(RS|PS|ES)\d{3}$|^Ed(DSA|25519)$/.test(alg)) {
    return `Add id_token_signed_response_alg: "${alg}" to the provider, or register the client for the expected one.`;
  }
  return "Register the client at the provider for id_token_signed_response_alg RS256 (or ES256, and say so here): tokens that are signed with the secret (HS256) or not at all are not taken.";
}

function explainTimes(error: JwtError, claims: Seen["claims"], { now, clockTolerance = 8 }: IdTokenChecks): Explained {
  const seconds = now / 1000;
  const future = error.code === "not_yet_valid";
  const [name, at] = pick(claims, future, seconds, clockTolerance);
  const off = Math.round(Math.abs(seconds - at));
  const made = typeof claims.iat === "number" ? `, iat ${clock(claims.iat)}` : "";
  const half = Math.round(off / 1800) * 1800;
  const zone = half > 0 && Math.abs(off - half) < 90 ? " About whole half hours: look at the time zone too." : "";
  return {
    message:
      `${error.message}: ${name} ${clock(at)} is ${off} s ${future ? "ahead of" : "behind"} this machine's clock ` +
      `(${clock(seconds)}${made}), expected at most ${clockTolerance} s`,
    fix: future
      ? `This machine's clock is behind, or the provider's is ahead: set both with NTP (timedatectl status).${zone}`
      : `This machine's clock is ahead, or the provider's is behind: set both with NTP (timedatectl status).${zone}`,
  };
}

/** The time claim that was refused. */
function pick(claims: Seen["claims"], future: boolean, seconds: number, tolerance: number): [string, number] {
  const times = (future ? ["nbf", "iat"] : ["exp"]).flatMap((name): [string, number][] => {
    const value = claims[name];
    return typeof value === "number" && (!future || value - tolerance > seconds) ? [[name, value]] : [];
  });
  return times[0] ?? [future ? "iat" : "exp", seconds];
}

const clock = (seconds: number): string => {
  const at = new Date(seconds * 1000);
  return Number.isNaN(at.getTime()) ? String(seconds) : at.toISOString().replace(/\.\d+Z$/, "Z");
};

const text = (value: unknown): string =>
  value === undefined ? "missing" : shown(typeof value === "string" ? value : JSON.stringify(value)).slice(0, 200);
