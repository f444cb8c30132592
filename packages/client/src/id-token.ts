/**
 * Verifies the ID token that came with the tokens, and says in our words what is wrong with it.
 *
 * OpenID Connect Core §3.1.3.7 (sign-in) and §12.2 (refresh).
 * Guarantees that the person it names was signed in by this issuer, for this client, in answer to this request.
 */
import { type IdTokenChecks, type IdTokenClaims, verifyIdToken } from "@valetkey/protocol/id-token";
import { JwksUnavailable, JwtError } from "@valetkey/protocol/jose";
import { ClientError } from "./client-error.ts";
import { explainIdToken } from "./lib/explain-id-token.ts";
import { networkCause } from "./lib/network-cause.ts";

/**
 * Verifies an ID token. A bad one is `id_token_invalid`, one that is only too old or too new is `clock_skew`, and keys
 * that cannot be fetched are `issuer_unavailable`.
 */
export async function checkIdToken(id_token: string | undefined, checks: IdTokenChecks): Promise<IdTokenClaims> {
  if (id_token === undefined) throw new ClientError("id_token_missing", "the token answer has no id_token");
  try {
    return await verifyIdToken(id_token, checks);
  } catch (cause) {
    if (cause instanceof JwksUnavailable) throw withoutKeys(cause);
    if (!(cause instanceof JwtError)) throw cause;
    const byClock = cause.code === "expired" || cause.code === "not_yet_valid";
    const { message, fix } = explainIdToken(id_token, cause, checks);
    throw new ClientError(byClock ? "clock_skew" : "id_token_invalid", `${cause.code}: ${message}`, { cause, fix });
  }
}

/**
 * Verifies the ID token a refresh may bring: it must be about the same person (§12.2: same `iss` and `sub`).
 * Somebody else's is `id_token_invalid`.
 */
export async function checkRefreshedIdToken(
  id_token: string,
  checks: Omit<IdTokenChecks, "nonce"> & { readonly sub: string },
): Promise<IdTokenClaims> {
  const claims = await checkIdToken(id_token, checks);
  if (claims.sub !== checks.sub) {
    throw new ClientError("id_token_invalid", "the refreshed ID token is about another person");
  }
  return claims;
}

/** The keys could not be fetched: an outage, or a jwks_uri that leads nowhere. */
function withoutKeys(cause: JwksUnavailable): ClientError {
  const { got, fix } = networkCause(cause.cause);
  const told = cause.cause instanceof Error && got === cause.cause.name ? cause.cause.message : got;
  return new ClientError("issuer_unavailable", `${cause.message}: ${told}`, { cause, fix });
}
