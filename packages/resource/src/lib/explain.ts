/**
 * What a refusal says besides while developing on this machine: what was expected, and how to get it.
 *
 * Guarantees that nothing of the token is in it.
 */

import type { OAuthError } from "@valetkey/protocol/errors";
import { JwtError } from "@valetkey/protocol/jose";
import { isLoopbackHost } from "@valetkey/protocol/loopback";
import { InsufficientScope, NoCredentials } from "../challenge.ts";

/** Tells whether an issuer is on this machine: development. */
export function isLoopbackUrl(url: string): boolean {
  return isLoopbackHost(new URL(url).hostname);
}

/** Explains a refusal to whoever develops the client. */
export function explanationOf(
  error: OAuthError,
  expected: { readonly issuer: string; readonly audience: string },
): string {
  const { issuer, audience } = expected;
  if (error instanceof NoCredentials) {
    return `Send "Authorization: Bearer <access token>" with a token that ${issuer} issued for ${audience} (resource=${audience}).`;
  }
  if (error instanceof InsufficientScope) return `Ask for the scope "${error.scope.join(" ")}" when signing in.`;
  const { cause } = error;
  const why =
    cause instanceof JwtError ? `${cause.code}: ${cause.message}` : cause instanceof Error ? cause.message : "";
  return `${why === "" ? error.description : why}. Expected: an access token of ${issuer} for the audience ${audience}.`;
}
