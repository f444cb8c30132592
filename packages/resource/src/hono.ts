/**
 * protectResource for Hono: `requireOAuth` is a middleware that sets `c.var.token`.
 *
 * Imports types only: Hono is the application's dependency, not ours.
 */
import { OAuthError } from "@valetkey/protocol/errors";
import type { MiddlewareHandler } from "hono";
import { NoCredentials } from "./challenge.ts";
import {
  type ProtectedResource,
  protectResource as protect,
  type RequireOptions,
  type ResourceOptions,
  readRequirement,
  type Scopes,
  type Token,
} from "./protect.ts";

export type { ResourceOptions, Scopes, Token } from "./protect.ts";

type Middleware<T> = MiddlewareHandler<{ Variables: { token: T } }>;

export interface RequireOAuth {
  (scopes?: Scopes, options?: { readonly optional?: false }): Middleware<Token>;
  (options: RequireOptions & { readonly optional: true }): Middleware<Token | undefined>;
  (scopes: Scopes, options: RequireOptions): Middleware<Token | undefined>;
}

export interface HonoResource extends Omit<ProtectedResource, "requireOAuth"> {
  /** @example app.get("/profile", requireOAuth("profile"), (c) => c.json({ sub: c.var.token.sub })); */
  readonly requireOAuth: RequireOAuth;
}

/** Creates the protection of one API; see `protectResource` in `@valetkey/resource`. */
export function protectResource(options: ResourceOptions): HonoResource {
  const { check, challengeFor } = protect(options);
  const requireOAuth = (first?: Scopes | RequireOptions, second?: RequireOptions): Middleware<Token | undefined> => {
    const { scopes, optional } = readRequirement(first, second);
    return async (c, next) => {
      let token: Token | undefined;
      try {
        token = await check(c.req.raw, scopes);
      } catch (e) {
        if (!(e instanceof OAuthError)) throw e;
        if (!(optional && e instanceof NoCredentials)) return challengeFor(e);
      }
      c.set("token", token);
      return next();
    };
  };
  return { requireOAuth: requireOAuth as RequireOAuth, check, challengeFor };
}
