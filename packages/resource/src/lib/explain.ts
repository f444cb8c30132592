/**
 * What a refusal says besides while developing on this machine: what was expected, and how to get it.
 *
 * Guarantees that nothing of the token is in it.
 */

import type { OAuthError } from "@valetkey/protocol/errors";
import { JwtError } from "@valetkey/protocol/jose";
import { isLoopbackHost } from "@valetkey/protocol/loopback";
import { InsufficientAuthentication, InsufficientScope, NoCredentials } from "../challenge.ts";

/** Tells whether an issuer is on this machine: development. */
export function isLoopbackUrl(url: string): boolean {
  return isLoopbackHost(new URL(url).hostname);
}

/** Explains a refusal to whoever develops the client. */
export function explanationOf(
  error: OAuthError,
  expected: {
    readonly issuers: readonly string[];
    readonly audience: string;
    /** What DPoP proofs must name. */
    readonly base: string | undefined;
  },
): string {
  const { audience, base } = expected;
  const issuer = expected.issuers.join(" or ");
  if (error instanceof NoCredentials) {
    return `Send "Authorization: Bearer <access token>" with a token that ${issuer} issued for ${audience} (resource=${audience}).`;
  }
  if (error instanceof InsufficientScope) return `Ask for the scope "${error.scope.join(" ")}" when signing in.`;
  if (error instanceof InsufficientAuthentication) {
    return "Send the person to the authorization endpoint again, with acr_values and max_age as in WWW-Authenticate.";
  }
  if (error.error === "invalid_dpop_proof") {
    return `${error.description}. Expected: a proof for this method and for ${base}<path>, with the ath of this token, used once.`;
  }
  if (error.error === "use_dpop_nonce") return "Make the proof again, with the nonce of the header DPoP-Nonce.";
  if (error.status === 421 || error.status === 403) {
    return `${error.description}. Set baseUrl if this API is called by another name, or allowedOrigins for pages elsewhere.`;
  }
  const { cause } = error;
  const why =
    cause instanceof JwtError ? `${cause.code}: ${cause.message}` : cause instanceof Error ? cause.message : "";
  return `${why === "" ? error.description : why}. Expected: an access token of ${issuer} for the audience ${audience}.`;
}
