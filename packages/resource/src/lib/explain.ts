/**
 * What a refusal says besides while developing on this machine: what was expected, and how to get it.
 *
 * Guarantees that of the token nothing is in it but whom it says it is from and for.
 */

import type { OAuthError } from "@valetkey/protocol/errors";
import { decodeUnverified, JwtError } from "@valetkey/protocol/jose";
import { isLoopbackHost } from "@valetkey/protocol/loopback";
import { InsufficientAuthentication, InsufficientScope, NoCredentials } from "../challenge.ts";
import { notActive } from "../verify-by-introspection.ts";
import { readCredentials } from "./presented.ts";

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
    /** The Authorization header that was sent. */
    readonly authorization?: string | null | undefined;
  },
): string {
  const { audience, base } = expected;
  const issuer = expected.issuers.join(" or ");
  if (error instanceof NoCredentials) {
    return `Send "Authorization: Bearer <access token>" with a token that ${issuer} issued for ${audience} (resource=${audience}).`;
  }
  if (error instanceof InsufficientScope) {
    const comma = error.scope.some((one) => one.includes(","))
      ? " It is one scope with a comma in it: did you mean a blank?"
      : "";
    return `Ask for the scope "${error.scope.join(" ")}" when signing in.${comma}`;
  }
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
  const why = reasonOf(error, audience) || error.description;
  const said = whatIsSaid(error.cause, expected.authorization);
  return `${why}.${said} Expected: an access token of ${issuer} for the audience ${audience}.`;
}

/** Why, from the error to what caused it: of a network that failed only the innermost says what it was. */
function reasonOf({ cause }: OAuthError, audience: string): string {
  const reasons: string[] = [];
  for (let one = cause; one instanceof Error && reasons.length < 4; one = one.cause)
    reasons.push(one instanceof JwtError ? `${one.code}: ${one.message}` : one.message);
  const why = [...new Set(reasons.filter((reason) => reason !== ""))].join(": ");
  if (why !== `claims: ${notActive}`) return why;
  return `${why}: it has expired or was revoked, it is of another issuer or for another API, or this API's client may not look at it (valetkey client add --introspects ${audience})`;
}

/** Who the token says it is from and for, where that is what is wrong. */
function whatIsSaid(cause: unknown, authorization: string | null | undefined): string {
  if (!(cause instanceof JwtError) || !["audience", "issuer", "key_not_found"].includes(cause.code)) return "";
  try {
    const { iss, aud } = decodeUnverified(readCredentials(authorization ?? null)?.token ?? "").claims;
    return ` It says it is of ${shown(iss)} for ${shown(aud)}.`;
  } catch {
    return "";
  }
}

const shown = (value: unknown): string => (JSON.stringify(value) ?? "nobody").slice(0, 200);
