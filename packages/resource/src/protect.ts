/**
 * protectResource: lets requests through that carry a good access token with what a route asks for.
 *
 * RFC 6750, RFC 9068 (`at+jwt`), RFC 7662 (opaque tokens), RFC 9449 (DPoP), RFC 8705 §3 (certificates), RFC 9470, RFC 9728 §5.1.
 * Guarantees that a token counts only if an issuer that is trusted made it for exactly this audience, and that whatever cannot be
 * checked is refused.
 */
import type { OAuthError } from "@valetkey/protocol/errors";
import { byRequest, withHeaders } from "./lib/by-request.ts";
import { createGate } from "./lib/gate.ts";
import { certificateOfPeer, type Peer, presentedByRequest } from "./lib/presented.ts";
import type { ResourceOptions } from "./options.ts";
import { type RequireOAuthOf, type RequireOptions, readRequirement } from "./requirement.ts";
import type { Scopes, Token } from "./token.ts";

export type { IntrospectionOptions } from "./introspection.ts";
export type { Peer } from "./lib/presented.ts";
export type { DpopOptions, ResourceOptions, TrustedIssuer } from "./options.ts";
export type { RequireOptions } from "./requirement.ts";
export { type Scopes, subjectKey, type Token } from "./token.ts";

/** Answers a request for which a token was found. */
export type Guarded<T> = (request: Request, token: T) => Response | Promise<Response>;
/** Puts the check before a handler. What is known of the connection comes second: needed for certificate-bound tokens alone. */
export type Guard<T> = (handler: Guarded<T>) => (request: Request, peer?: Peer | object) => Promise<Response>;

export type RequireOAuth = RequireOAuthOf<Guard<Token>, Guard<Token | undefined>>;

export interface ProtectedResource {
  /**
   * Guards a `Request → Response` handler. `"a b"` asks for both scopes, `["a b", "c"]` for either.
   *
   * @example const profile = requireOAuth("profile")((request, token) => Response.json({ sub: token.sub }));
   */
  readonly requireOAuth: RequireOAuth;
  /**
   * Checks the token of a request. Throws `OAuthError`: no token (`NoCredentials`), `invalid_request`, `invalid_token`,
   * `insufficient_scope`, `insufficient_user_authentication`, `invalid_dpop_proof`, `use_dpop_nonce`, `temporarily_unavailable`,
   * `server_error`.
   */
  check(request: Request, needs?: Scopes | RequireOptions, peer?: Peer | object): Promise<Token>;
  /** Writes the answer to what `check` threw; with the same request and needs it says more. */
  challengeFor(error: OAuthError, request?: Request, needs?: Scopes | RequireOptions): Response;
  /** Serves the RFC 9728 document at its place; nothing for other requests. Needs the option `metadata`. */
  metadata(request: Request): Response | undefined;
}

/** Creates the protection of one API. A mistake in the options is a `TypeError` that says what to write instead. */
export function protectResource(options: ResourceOptions): ProtectedResource {
  const gate = createGate(options);
  const requireOAuth = (first?: Scopes | RequireOptions, second?: RequireOptions): Guard<Token | undefined> => {
    const requirement = readRequirement(first, second);
    return (handler) => async (request, peer) => {
      const presented = presentedByRequest(request, () => certificateOfPeer(peer));
      const admission = await gate.admit(presented, requirement);
      if (admission.refusal !== undefined) return admission.refusal;
      return withHeaders(await handler(request, admission.token), admission.headers);
    };
  };
  return { requireOAuth: requireOAuth as RequireOAuth, ...byRequest(gate) };
}
