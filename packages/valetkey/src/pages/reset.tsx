/**
 * `/reset`: sets a new password, with a link that an administrator made.
 *
 * ASVS 5.0 §6.4.3 and §7.4.3. Guarantees that afterwards every session of the person has ended and every grant is cut, and
 * that the page signs nobody in: the new password does.
 */
import { type Context, Hono } from "hono";
import { type Directory, DirectoryError, type Person as Known } from "../accounts/directory.ts";
import { formErrors } from "./form-errors.ts";
import { seeOther, showPage } from "./layout.tsx";
import { PageProblem } from "./page-problem.ts";
import { ForManagers, type FormError, NewPassword, Person, Problems, Token } from "./parts.tsx";
import { type Env, pathOf, readOwnForm, type Site } from "./site.ts";

export function resetPage(site: Site, directory: Directory): Hono<Env> {
  const app = new Hono<Env>();
  const personOf = async (link: string): Promise<Known> => {
    const person = await directory.checkResetToken(link);
    if (person === undefined) throw new PageProblem("reset_link");
    return person;
  };

  app.get("/reset", async (c) => {
    const link = c.req.query("token") ?? "";
    return show(site, c, { link, person: await personOf(link), errors: [], status: 200 });
  });

  app.post("/reset", async (c) => {
    const { token: link = "", password = "" } = await readOwnForm(site, c.req.raw);
    const person = await personOf(link);
    try {
      await directory.reset(link, password);
    } catch (thrown) {
      if (thrown instanceof DirectoryError && thrown.code === "link_invalid") throw new PageProblem("reset_link");
      return show(site, c, { link, person, ...formErrors(thrown) });
    }
    await site.provider.sessions.endAll(person.subject, { grants: "all" });
    site.log.info({ event: "password.reset", subject: person.subject }, "a password was set with a link");
    return seeOther(site, pathOf(site, "/login", { notice: "password-set" }));
  });

  return app;
}

interface ResetView {
  readonly link: string;
  readonly person: Known;
  readonly errors: readonly FormError[];
  readonly status: number;
}

function show(site: Site, c: Context<Env>, { link, person, errors, status }: ResetView): Promise<Response> {
  const { token, cookies } = site.csrf.issue(c.req.raw);
  const title = person.password ? "Set a new password" : "Set your password";
  return showPage(
    site,
    { title, cookies, status },
    <div class="card">
      <h1 id="title">{title}</h1>
      <p class="as-whom">
        <Person person={person} />
      </p>
      {person.password && (
        <p class="detail">You will be signed out everywhere, and apps lose their access until you use them again.</p>
      )}
      <Problems errors={errors} />
      <form method="post" action={pathOf(site, "/reset")}>
        <Token token={token} />
        <input type="hidden" name="token" value={link} />
        <ForManagers username={person.email} />
        <NewPassword label="New password" errors={errors} />
        <div class="buttons stacked">
          <button id="submit" class="main" type="submit">
            Set password
          </button>
        </div>
      </form>
    </div>,
  );
}
