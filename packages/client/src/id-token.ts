/**
 * Verifies the ID token that came with the tokens, and says in our words what is wrong with it.
 *
 * OpenID Connect Core §3.1.3.7 (sign-in) and §12.2 (refresh).
 * Guarantees that the person it names was signed in by this issuer, for this client, in answer to this request.
 */
import { type IdTokenChecks, type IdTokenClaims, verifyIdToken } from "@valetkey/protocol/id-token";
import { JwksUnavailable, JwtError } from "@valetkey/protocol/jose";
import { ClientError } from "./client-error.ts";

/**
 * Verifies an ID token. A bad one is `id_token_invalid`, one that is only too old or too new is `clock_skew`, and keys
 * that cannot be fetched are `issuer_unavailable`.
 */
export async function checkIdToken(id_token: string | undefined, checks: IdTokenChecks): Promise<IdTokenClaims> {
  if (id_token === undefined) throw new ClientError("id_token_missing", "the token answer has no id_token");
  try {
    return await verifyIdToken(id_token, checks);
  } catch (cause) {
    if (cause instanceof JwksUnavailable) throw new ClientError("issuer_unavailable", cause.message, { cause });
    if (!(cause instanceof JwtError)) throw cause;
    const byClock = cause.code === "expired" || cause.code === "not_yet_valid";
    throw new ClientError(byClock ? "clock_skew" : "id_token_invalid", `${cause.code}: ${cause.message}`, { cause });
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
