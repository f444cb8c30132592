/**
 * `/account`: who is signed in, the name to change, and signing out.
 */

import type { Context } from "hono";
import { Hono } from "hono";
import { formErrors } from "../form-errors.ts";
import { seeOther } from "../layout.tsx";
import { Field, Person, Token } from "../parts.tsx";
import { type Env, pathOf, readOwnForm, type Site } from "../site.ts";
import { type Above, forVisitor, showAccount, type Visitor } from "./frame.tsx";

export function overviewPage(site: Site): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/account", (c) => forVisitor(site, c, (visitor) => show(site, c, visitor, visitor.person.name, {})));

  app.post("/account/sign-out", async (c) => {
    await readOwnForm(site, c.req.raw);
    return seeOther(site, pathOf(site, "/logout", { done: "1" }), await site.provider.sessions.end(c.req.raw));
  });

  const { directory } = site;
  if (directory !== undefined) {
    app.post("/account/profile", (c) =>
      forVisitor(site, c, async (visitor) => {
        const { name = "" } = await readOwnForm(site, c.req.raw);
        try {
          await directory.setProfile(visitor.person.subject, { name });
        } catch (thrown) {
          return show(site, c, visitor, name, formErrors(thrown));
        }
        return seeOther(site, pathOf(site, "/account", { done: "profile" }));
      }),
    );
  }

  return app;
}

function show(site: Site, c: Context<Env>, visitor: Visitor, name: string, above: Above): Promise<Response> {
  const { person } = visitor;
  return showAccount(site, c, { person, title: "Your account", section: "/account", above }, (token) => (
    <>
      <section class="card" aria-labelledby="you">
        <h2 id="you">You</h2>
        <p class="as-whom">
          <Person person={person} />
        </p>
        {site.directory !== undefined && (
          <form method="post" action={pathOf(site, "/account/profile")}>
            <Token token={token} />
            <Field
              id="name"
              label="Name"
              autocomplete="name"
              value={name}
              hint="Apps that you allow to know your name see this."
              errors={above.errors ?? []}
            />
            <div class="buttons">
              <button id="save" type="submit">
                Save name
              </button>
            </div>
          </form>
        )}
      </section>
      <section class="card" aria-labelledby="leave">
        <h2 id="leave">Sign out</h2>
        <p>
          Signed in on another device, too? See <a href={pathOf(site, "/account/sessions")}>your sessions</a>.
        </p>
        <form method="post" action={pathOf(site, "/account/sign-out")}>
          <Token token={token} />
          <div class="buttons">
            <button id="sign-out" type="submit">
              Sign out on this device
            </button>
          </div>
        </form>
      </section>
    </>
  ));
}
