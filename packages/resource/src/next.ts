/**
 * protectResource for route handlers of Next.js: they are given the token.
 *
 * Nothing of Next is imported. Guarantees that nothing is read or asked while Next builds: it runs modules then, too, and options may
 * come from an environment that is not there yet.
 */
import { byRequest, withHeaders } from "./lib/by-request.ts";
import { createGate, type Gate } from "./lib/gate.ts";
import { presentedByRequest } from "./lib/presented.ts";
import type { ProtectedResource, RequireOptions, ResourceOptions } from "./protect.ts";
import { type RequireOAuthOf, readRequirement } from "./requirement.ts";
import type { Scopes, Token } from "./token.ts";

export { type ResourceOptions, type Scopes, subjectKey, type Token } from "./protect.ts";

/** A route handler that is given the token. `context` is Next's, with `params`. */
export type TokenHandler<T, Context> = (request: Request, token: T, context: Context) => Response | Promise<Response>;

export type Guard<T> = <Context>(
  handler: TokenHandler<T, Context>,
) => (request: Request, context: Context) => Promise<Response>;

export interface NextOptions extends ResourceOptions {
  /** Gives the client's certificate (DER, base64), from a header that the proxy before Next sets itself. */
  readonly certificate?: (request: Request) => string | undefined;
}

export interface NextResource extends Pick<ProtectedResource, "check" | "challengeFor"> {
  /** @example export const GET = requireOAuth("profile")((request, token) => Response.json({ sub: token.sub })); */
  readonly requireOAuth: RequireOAuthOf<Guard<Token>, Guard<Token | undefined>>;
  /**
   * Serves the RFC 9728 document, from `app/.well-known/oauth-protected-resource/[[...path]]/route.ts`; 404 at other places.
   *
   * @example export const GET = metadata;
   */
  metadata(request: Request): Response;
}

/** Creates the protection of one API; see `protectResource` in `@valetkey/resource`. A function is called with the first request. */
export function protectResource(options: NextOptions | (() => NextOptions)): NextResource {
  const read = typeof options === "function" ? options : () => options;
  let made: { readonly gate: Gate; readonly certificate: NextOptions["certificate"] } | undefined;
  const known = () => {
    if (made === undefined) {
      const now = read();
      made = { gate: createGate(now), certificate: now.certificate };
    }
    return made;
  };
  // What is written down is checked at once.
  if (typeof options !== "function") known();
  const requireOAuth = (first?: Scopes | RequireOptions, second?: RequireOptions): Guard<Token | undefined> => {
    const requirement = readRequirement(first, second);
    return (handler) => async (request, context) => {
      const { gate, certificate } = known();
      const admission = await gate.admit(
        presentedByRequest(request, () => certificate?.(request)),
        requirement,
      );
      if (admission.refusal !== undefined) return admission.refusal;
      return withHeaders(await handler(request, admission.token, context), admission.headers);
    };
  };
  return {
    requireOAuth: requireOAuth as NextResource["requireOAuth"],
    check: async (...args) => byRequest(known().gate).check(...args),
    challengeFor: (...args) => byRequest(known().gate).challengeFor(...args),
    metadata: (request) => byRequest(known().gate).metadata(request) ?? new Response(null, { status: 404 }),
  };
}
