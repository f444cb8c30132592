/**
 * Turns what went wrong while a token was checked into what the client hears.
 *
 * RFC 6750 §3.1, RFC 9110 §15.6.4.
 * Guarantees that an outage never sounds like a verdict on the token, and that the reason stays in the cause, for the log.
 */
import { invalidToken, type OAuthError, temporarilyUnavailable } from "@valetkey/protocol/errors";
import { JwksUnavailable, JwtError } from "@valetkey/protocol/jose";

/** Gives the `OAuthError` for a failure: `invalid_token`, `temporarily_unavailable`; what is neither goes through as it is. */
export function notVerified(cause: unknown): unknown {
  if (cause instanceof JwksUnavailable) return unavailable("the issuer's keys cannot be had at the moment", cause, 10);
  if (!(cause instanceof JwtError)) return cause;
  return invalidToken(cause.code === "expired" ? "the access token has expired" : "the access token is not valid", {
    cause,
  });
}

/** Builds the 503 that says when to come back, in seconds. */
export function unavailable(description: string, cause: unknown, retryAfter: number): OAuthError {
  return temporarilyUnavailable(description, { cause, headers: { "Retry-After": String(retryAfter) } });
}

/** Waits for something a store does; a store that is down is an outage. Its own error class is not imported: no package of ours is. */
export async function fromStore<Value>(asked: Promise<Value>, description: string): Promise<Value> {
  return asked.catch((cause: unknown) => {
    if (!(cause instanceof Error && cause.name === "StoreUnavailable")) throw cause;
    throw unavailable(description, cause, 1);
  });
}
