/**
 * Sign-in for Express and for bare `node:http`: `(req, res, next)`.
 *
 * Works with and without a body parser mounted before it. Types are structural: nothing of Node or Express is imported.
 */
import { type NodeRequest, type NodeResponse, sendResponse, toRequest } from "@valetkey/protocol/node-http";
import type { Auth, GuardOptions, OAuth } from "./create-oauth.ts";
import { headOf, originOf } from "./lib/node-head.ts";
import { outage } from "./lib/outage.ts";

/** What `valetkey` leaves on the request. */
export interface SignedRequest extends NodeRequest {
  auth?: Auth | null;
  oauth?: OAuth;
}

/** Node's ServerResponse. */
export interface SignedResponse extends NodeResponse {
  readonly headersSent?: boolean;
}

export type Middleware = (req: SignedRequest, res: SignedResponse, next: (error?: unknown) => unknown) => Promise<void>;

/**
 * Serves `/auth/*` and sets `req.auth` to who is signed in, or `null`. While that cannot be known it answers 503. Where `next`
 * rejects because the permission has ended, people are sent to sign in and back, and programs get 401.
 *
 * @example app.use(valetkey(oauth));
 * @example createServer((req, res) => valetkey(oauth)(req, res, () => res.end(authOf(req)?.user.name)));
 */
export function valetkey(oauth: OAuth): Middleware {
  return async (req, res, next) => {
    try {
      const origin = originOf(oauth, req);
      const head = headOf(req, origin);
      if (oauth.owns(new URL(head.url).pathname)) {
        const answer = await oauth.handle(toRequest(req, { origin, response: res }));
        if (answer !== undefined) return await sendResponse(res, answer);
      }
      req.oauth = oauth;
      try {
        req.auth = await oauth.session(head);
      } catch (e) {
        return await sendResponse(res, outage(e));
      }
    } catch (e) {
      next(e);
      return;
    }
    try {
      await next();
    } catch (e) {
      const again = res.headersSent ? undefined : await oauth.recover(headOf(req, originOf(oauth, req)), e);
      if (again === undefined) throw e;
      await sendResponse(res, again);
    }
  };
}

/**
 * Lets only signed-in people through: others are sent to sign in and come back here, programs get 401.
 *
 * @example app.get("/settings", requireUser({ maxAge: "10m" }), settings);
 */
export function requireUser(needs: GuardOptions = {}): Middleware {
  return async (req, res, next) => {
    const { oauth } = req;
    if (oauth === undefined) {
      next(new Error("requireUser() needs app.use(valetkey(oauth)) before it"));
      return;
    }
    const refusal = oauth.guard(headOf(req, originOf(oauth, req)), req.auth ?? null, needs);
    if (refusal === undefined) await next();
    else await sendResponse(res, refusal);
  };
}

/** Tells who is signed in on a request that went through `valetkey`; `null`: nobody. */
export function authOf(req: SignedRequest): Auth | null {
  return req.auth ?? null;
}
