/**
 * Adding an account to a person, and removing one.
 *
 * Only whoever is signed in can add one: they go to the other provider, come back signed in with the other account, and confirm.
 */

import type { Auth, OAuth } from "@valetkey/client";
import { requireUser } from "@valetkey/client/hono";
import { Hono } from "hono";
import type { Connecting } from "./connecting.ts";
import { show } from "./layout.tsx";
import { labelOf } from "./pages.tsx";
import type { People, Person } from "./people.ts";
import type { Way } from "./ways.ts";

type Variables = { auth: Auth; oauth: OAuth; person: Person | undefined };

export function connectRoutes({
  ways,
  people,
  connecting,
}: {
  readonly ways: readonly Way[];
  readonly people: People;
  readonly connecting: Connecting;
}): Hono<{ Variables: Variables }> {
  const app = new Hono<{ Variables: Variables }>();

  app.post("/connect/:provider", requireUser(), async (c) => {
    const { person, auth } = c.var;
    const { provider } = c.req.param();
    if (person === undefined) return auth.signOut();
    if (!ways.some((way) => way.provider.name === provider)) return c.notFound();
    await connecting.remember(c, person);
    return c.redirect(`/auth/login/${provider}?returnTo=/connect`, 303);
  });

  app.get("/connect", requireUser(), async (c) => {
    const { auth, person } = c.var;
    const wanted = people.byId((await connecting.recall(c)) ?? "");
    // Nothing was asked for in this browser, or the same account came back.
    if (wanted === undefined || person === undefined || wanted.id === person.id) {
      connecting.forget(c);
      return c.redirect("/profile", 303);
    }
    const account = `${labelOf(ways, auth.provider)} (${auth.user.name ?? auth.user.username ?? auth.user.sub})`;
    return show(
      c,
      { title: "Add this account?", person, narrow: true },
      <section>
        <p>
          From now on <b id="account">{account}</b> will sign in as <b id="wanted">{wanted.name}</b>. What was saved
          under <b>{person.name}</b> with this account alone is given up.
        </p>
        <form method="post" action="/connect" class="row">
          <button type="submit" class="main" id="confirm" name="answer" value="yes">
            Add it
          </button>
          <button type="submit" id="refuse" name="answer" value="no">
            Leave it
          </button>
        </form>
      </section>,
    );
  });

  app.post("/connect", requireUser(), async (c) => {
    const { auth, person } = c.var;
    const wanted = people.byId((await connecting.recall(c)) ?? "");
    const { answer } = await c.req.parseBody();
    connecting.forget(c);
    if (wanted === undefined || answer !== "yes") return c.redirect("/profile", 303);
    if (people.connect({ issuer: auth.issuer, sub: auth.user.sub }, wanted) === "connected") {
      return c.redirect("/profile?done=connected", 303);
    }
    return show(
      c,
      { title: "This account is somebody else's", person, narrow: true },
      <section>
        <p id="what">
          {person?.name ?? "Somebody"} signs in with it, and with other accounts besides. Remove it there first.
        </p>
        <a class="button" href="/profile">
          Back to the profile
        </a>
      </section>,
      409,
    );
  });

  app.post("/disconnect", requireUser(), async (c) => {
    const { person, auth } = c.var;
    if (person === undefined) return auth.signOut();
    const { issuer, sub } = await c.req.parseBody();
    const removed = people.disconnect({ issuer: String(issuer), sub: String(sub) }, person);
    return c.redirect(`/profile?done=${removed ? "removed" : "last"}`, 303);
  });
  return app;
}
