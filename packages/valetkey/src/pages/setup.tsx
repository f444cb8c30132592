/**
 * `/setup`: creates the first account, with the link that the server printed.
 *
 * ASVS 5.0 §6.3.2 (no default accounts). Guarantees that the page exists only for a link that works, and that whoever used it is
 * signed in with a fresh session.
 */
import { type Context, Hono } from "hono";
import type { Directory } from "../accounts/directory.ts";
import { DirectoryError } from "../accounts/directory.ts";
import { formErrors } from "./form-errors.ts";
import { seeOther, showPage } from "./layout.tsx";
import { PageProblem } from "./page-problem.ts";
import { Field, type FormError, NewPassword, Problems, Token } from "./parts.tsx";
import { type Env, pathOf, readOwnForm, type Site } from "./site.ts";

export function setupPage(site: Site, directory: Directory): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/setup", async (c) => {
    const link = c.req.query("token") ?? "";
    if (!(await directory.checkSetupToken(link))) throw new PageProblem("setup_link");
    return show(site, c, { link, email: "", name: "", errors: [], status: 200 });
  });

  app.post("/setup", async (c) => {
    const form = await readOwnForm(site, c.req.raw);
    const { token: link = "", email = "", name = "", password = "" } = form;
    try {
      const person = await directory.setUp(link, { email, name, password });
      site.log.info({ event: "set-up.done", subject: person.subject }, "the first account was created");
      const cookies = await site.provider.sessions.start(c.req.raw, { subject: person.subject, amr: ["pwd"] });
      return seeOther(site, pathOf(site, "/account", { done: "set-up" }), cookies);
    } catch (thrown) {
      if (thrown instanceof DirectoryError && thrown.code === "link_invalid") throw new PageProblem("setup_link");
      return show(site, c, { link, email, name, ...formErrors(thrown) });
    }
  });

  return app;
}

interface SetupView {
  readonly link: string;
  readonly email: string;
  readonly name: string;
  readonly errors: readonly FormError[];
  readonly status: number;
}

function show(site: Site, c: Context<Env>, view: SetupView): Promise<Response> {
  const { token, cookies } = site.csrf.issue(c.req.raw);
  const { link, email, name, errors, status } = view;
  return showPage(
    site,
    { title: "Create the first account", cookies, status },
    <div class="card">
      <h1 id="title">Create the first account</h1>
      <p class="lead">This is the only time this page works. Afterwards you are signed in.</p>
      <Problems errors={errors} />
      <form method="post" action={pathOf(site, "/setup")}>
        <Token token={token} />
        <input type="hidden" name="token" value={link} />
        <Field
          id="email"
          label="E-mail"
          type="email"
          autocomplete="username"
          value={email}
          errors={errors}
          focus={true}
        />
        <Field id="name" label="Name" autocomplete="name" value={name} errors={errors} />
        <NewPassword label="Password" errors={errors} />
        <div class="buttons stacked">
          <button id="submit" class="main" type="submit">
            Create account
          </button>
        </div>
      </form>
    </div>,
  );
}
