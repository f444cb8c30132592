/**
 * protectResource for Express and for bare `node:http`: `requireOAuth` is a `(req, res, next)` that sets `req.token`.
 *
 * Types are structural: nothing of Node or Express is imported. The request's body is not touched.
 */
import { OAuthError } from "@valetkey/protocol/errors";
import { type NodeRequest, type NodeResponse, sendResponse, toRequest } from "@valetkey/protocol/node-http";
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

/** What `requireOAuth` leaves on the request. */
export interface CheckedRequest extends NodeRequest {
  token?: Token;
}

export type Middleware = (req: CheckedRequest, res: NodeResponse, next: (error?: unknown) => unknown) => Promise<void>;

export interface NodeResource extends Omit<ProtectedResource, "requireOAuth"> {
  /** @example app.get("/profile", requireOAuth("profile"), (req, res) => res.json({ sub: tokenOf(req)?.sub })); */
  requireOAuth(scopes?: Scopes | RequireOptions, options?: RequireOptions): Middleware;
}

/** Creates the protection of one API; see `protectResource` in `@valetkey/resource`. */
export function protectResource(options: ResourceOptions): NodeResource {
  const { check, challengeFor } = protect(options);
  const requireOAuth = (first?: Scopes | RequireOptions, second?: RequireOptions): Middleware => {
    const { scopes, optional } = readRequirement(first, second);
    return async (req, res, next) => {
      try {
        req.token = await check(headOf(req), scopes);
      } catch (e) {
        const passes = optional && e instanceof NoCredentials;
        if (!passes) return e instanceof OAuthError ? await sendResponse(res, challengeFor(e)) : void next(e);
      }
      await next();
    };
  };
  return { requireOAuth, check, challengeFor };
}

/** Gives the token of a request that went through `requireOAuth`; nothing where it was optional and absent. */
export function tokenOf(req: CheckedRequest): Token | undefined {
  return req.token;
}

/** Only the headers are needed: a body that is touched here would be lost to the route. */
function headOf({ headers, raw, rawHeaders = raw?.rawHeaders }: NodeRequest): Request {
  const once = () => undefined;
  return toRequest(
    { method: "GET", url: "/", headers, once, ...(rawHeaders === undefined ? {} : { rawHeaders }) },
    { origin: "http://localhost" },
  );
}
