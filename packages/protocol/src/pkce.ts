/**
 * Proof Key for Code Exchange (RFC 7636), S256 only (RFC 9700 §2.1.1).
 *
 * Guarantees that a challenge which passed `checkChallenge` is a SHA-256 value, so that no verifier other than its own opens it.
 */
import { base64url, constantTimeEqual, fromBase64url, sha256 } from "./digest.ts";
import { invalidRequest } from "./errors.ts";
import { randomToken } from "./random.ts";

/** Creates a verifier: 43 characters, 256 random bits (§4.1). */
export function createVerifier(): string {
  return randomToken(32);
}

/** Computes the S256 challenge of a verifier (§4.2). */
export async function challengeOf(verifier: string): Promise<string> {
  return base64url(await sha256(verifier));
}

/** Checks what an authorization request brought: no or a malformed challenge, or a method but S256, is `invalid_request`. */
export function checkChallenge(challenge: string | undefined, method: string | undefined): asserts challenge is string {
  if (challenge === undefined) throw invalidRequest("code_challenge is missing");
  // §4.3: an absent method means "plain", which protects nothing once the request has been read.
  if (method !== "S256") throw invalidRequest("code_challenge_method must be S256");
  if (challenge.length !== 43 || fromBase64url(challenge) === undefined) {
    throw invalidRequest("code_challenge must be the base64url of a SHA-256 value");
  }
}

/** Tells whether a text is a verifier: 43 to 128 unreserved characters (§4.1). */
export function isVerifier(text: string): boolean {
  return /^[A-Za-z0-9._~-]{43,128}$/.test(text);
}

/** Verifies in constant time that the challenge was made from this verifier (§4.6). A malformed verifier verifies nothing. */
export async function verifyPkce(verifier: string, challenge: string): Promise<boolean> {
  return isVerifier(verifier) && constantTimeEqual(await challengeOf(verifier), challenge);
}
