/**
 * Sign-in for Hono: serves the routes and sets `c.var.auth`.
 *
 * Imports types only: Hono is the application's dependency, not ours.
 */
import type { MiddlewareHandler } from "hono";
import type { Auth, GuardOptions, OAuth } from "./create-oauth.ts";
import { outage } from "./lib/outage.ts";

/**
 * Serves `/auth/*` and sets `c.var.auth` to who is signed in, or `null`. While that cannot be known it answers 503. Where
 * `c.var.auth.fetch` throws because the permission has ended, people are sent to sign in and back, and programs get 401.
 *
 * @example const app = new Hono().use(valetkey(oauth));
 */
export function valetkey(oauth: OAuth): MiddlewareHandler<{ Variables: { auth: Auth | null; oauth: OAuth } }> {
  return async (c, next) => {
    const answer = await oauth.handle(c.req.raw);
    if (answer !== undefined) return answer;
    let auth: Auth | null;
    try {
      auth = await oauth.session(c.req.raw);
    } catch (e) {
      return outage(e);
    }
    c.set("oauth", oauth);
    c.set("auth", auth);
    await next();
    // Hono has made an answer of what a handler threw; with `undefined` first, nothing of it is taken over.
    const again = c.error === undefined ? undefined : await oauth.recover(c.req.raw, c.error);
    if (again === undefined) return;
    c.res = undefined;
    c.res = again;
  };
}

/**
 * Lets only signed-in people through: others are sent to sign in and come back here, programs get 401.
 *
 * @example app.get("/settings", requireUser({ maxAge: "10m" }), settings);
 */
export function requireUser(needs: GuardOptions = {}): MiddlewareHandler<{ Variables: { auth: Auth; oauth: OAuth } }> {
  return async (c, next) => {
    // valetkey() sets null for nobody; without valetkey() there is nothing at all.
    const { auth, oauth }: { auth?: Auth | null; oauth?: OAuth } = c.var;
    if (oauth === undefined) throw new Error("requireUser() needs app.use(valetkey(oauth)) before it");
    return oauth.guard(c.req.raw, auth ?? null, needs) ?? next();
  };
}
