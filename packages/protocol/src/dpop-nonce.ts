/**
 * Nonces a server hands out for DPoP proofs, without remembering any.
 *
 * RFC 9449 §8, §9 and §11.3.
 * Guarantees that a nonce cannot be guessed ahead of its time, and counts for one to two periods after it was given out, on
 * every instance that shares the secret.
 */
import { base64url, constantTimeEqual, hmacSha256 } from "./digest.ts";

/** Milliseconds after which a new nonce is given out. */
const period = 120_000;

/** Computes the nonce of the moment. One secret per role: a nonce of the API then means nothing at the token endpoint. */
export async function dpopNonce(secret: string, now: number): Promise<string> {
  return nonceOf(secret, Math.floor(now / period));
}

/** Tells whether a nonce is the current one or the one before it. */
export async function isDpopNonce(secret: string, nonce: string, now: number): Promise<boolean> {
  const current = Math.floor(now / period);
  const [one, other] = await Promise.all([nonceOf(secret, current), nonceOf(secret, current - 1)]);
  // Both are compared, whatever the first says: the time tells nothing.
  const [isOne, isOther] = [constantTimeEqual(nonce, one), constantTimeEqual(nonce, other)];
  return isOne || isOther;
}

const nonceOf = async (secret: string, at: number): Promise<string> =>
  base64url((await hmacSha256(secret, `valetkey dpop nonce ${at}`)).subarray(0, 18));
