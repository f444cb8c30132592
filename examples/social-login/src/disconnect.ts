/**
 * Removing an account from a person. Adding one is a form that is posted to /auth/login/<name>, see pages.tsx; who the account
 * belongs to then is decided in people.ts.
 */
import type { Auth, OAuth } from "@valetkey/client";
import { requireUser } from "@valetkey/client/hono";
import { Hono } from "hono";
import type { People, Person } from "./people.ts";

type Variables = { auth: Auth; oauth: OAuth; person: Person | undefined };

export function disconnectRoute(people: People): Hono<{ Variables: Variables }> {
  const app = new Hono<{ Variables: Variables }>();
  app.post("/disconnect", requireUser(), async (c) => {
    const { person, auth } = c.var;
    if (person === undefined) return auth.signOut();
    const form = await c.req.parseBody();
    const account = { issuer: String(form.issuer), sub: String(form.sub) };
    const inUse = account.issuer === auth.issuer && account.sub === auth.user.sub;
    if (inUse || !people.disconnect(account, person)) return c.redirect("/profile?done=kept", 303);
    // Its tokens go, and wherever somebody is signed in with it that ends.
    await auth.unlink(account);
    return c.redirect("/profile?done=removed", 303);
  });
  return app;
}
