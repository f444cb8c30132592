/**
 * Sign-in for Express 5: that of `node`, and what Express needs besides.
 *
 * Express keeps what handlers throw from the middleware before them, so this is the one framework with a second line.
 */
import { sendResponse } from "@valetkey/protocol/node-http";
import { headOf, originOf } from "./lib/node-head.ts";
import type { SignedRequest, SignedResponse } from "./node.ts";

export { authOf, type Middleware, requireUser, type SignedRequest, type SignedResponse, valetkey } from "./node.ts";

/** Express's error middleware: it is known by its four parameters. */
export type ErrorMiddleware = (
  error: unknown,
  req: SignedRequest,
  res: SignedResponse,
  next: (error?: unknown) => unknown,
) => Promise<void>;

/**
 * Sends people to sign in and back where `auth.fetch` threw because the permission has ended; programs get 401. Belongs after the
 * routes; errors of any other kind go on to the next error middleware.
 *
 * @example app.use(signInAgain());
 */
export function signInAgain(): ErrorMiddleware {
  return async (error, req, res, next) => {
    const { oauth } = req;
    try {
      const again =
        oauth && !res.headersSent ? await oauth.recover(headOf(req, originOf(oauth, req)), error) : undefined;
      if (again !== undefined) return await sendResponse(res, again);
    } catch (e) {
      next(e);
      return;
    }
    next(error);
  };
}
