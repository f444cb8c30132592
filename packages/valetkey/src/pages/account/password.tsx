/**
 * `/account/password`: changes the password of whoever is signed in and knows the current one.
 *
 * ASVS 5.0 §6.2.3, §7.4.3. Guarantees that guessing the current password here is as slow as at sign-in, and that after a change
 * every session and every grant of the person has ended; whoever changed it goes on in a fresh session.
 */
import { type Context, Hono } from "hono";
import { type Directory, DirectoryError } from "../../accounts/directory.ts";
import { formErrors } from "../form-errors.ts";
import { seeOther } from "../layout.tsx";
import { Field, ForManagers, NewPassword, Token } from "../parts.tsx";
import { type Env, pathOf, readOwnForm, type Site } from "../site.ts";
import { waitWords } from "../wait-words.ts";
import { type Above, forVisitor, showAccount, type Visitor } from "./frame.tsx";

export function passwordPage(site: Site, directory: Directory): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/account/password", (c) => forVisitor(site, c, (visitor) => show(site, c, visitor, {})));

  app.post("/account/password", (c) =>
    forVisitor(site, c, async (visitor) => {
      const { current = "", password = "" } = await readOwnForm(site, c.req.raw);
      const refused = await change(site, directory, visitor, { current, password, ip: c.env.peer.ip });
      if (refused !== undefined) return show(site, c, visitor, refused);
      // Every session has ended, this one too: with it go the grants bound to it. Whoever changed the password goes on in a
      // fresh one.
      const cookies = await site.provider.sessions.start(c.req.raw, { subject: visitor.person.subject, amr: ["pwd"] });
      return seeOther(site, pathOf(site, "/account/password", { done: "password" }), cookies);
    }),
  );

  return app;
}

async function change(
  site: Site,
  directory: Directory,
  { person: { subject } }: Visitor,
  { current, password, ip }: { readonly current: string; readonly password: string; readonly ip: string | undefined },
): Promise<Above | undefined> {
  const account = `password of ${subject}`;
  const wait = await site.attempts.begin(account, ip);
  if (wait > 0) {
    const errors = [{ message: `Too many attempts. Try again ${waitWords(wait)}.` }];
    return { errors, status: 429, headers: { "Retry-After": String(wait) } };
  }
  try {
    await directory.changePassword(subject, current, password);
  } catch (thrown) {
    // A new password that is too weak says nothing about the current one: only a wrong one counts as a guess.
    const guessed = thrown instanceof DirectoryError && thrown.code === "wrong_password";
    if (!guessed) await site.attempts.settle(account, ip, "not judged");
    return formErrors(thrown);
  }
  await site.attempts.settle(account, ip, "right");
  await site.provider.sessions.endAll(subject, { grants: "all" });
  site.log.info({ event: "password.changed", subject }, "a password was changed");
  return undefined;
}

function show(site: Site, c: Context<Env>, { person }: Visitor, above: Above): Promise<Response> {
  const errors = above.errors ?? [];
  const page = { person, title: "Password", section: "/account/password", above };
  return showAccount(site, c, page, (token) => (
    <section class="card" aria-labelledby="change">
      <h2 id="change">Change your password</h2>
      <p>You will be signed out everywhere else, and connected apps lose their access until you use them again.</p>
      <form method="post" action={pathOf(site, "/account/password")}>
        <Token token={token} />
        <ForManagers username={person.email ?? person.name} />
        <Field id="current" label="Current password" type="password" autocomplete="current-password" errors={errors} />
        <NewPassword label="New password" errors={errors} />
        <div class="buttons">
          <button id="submit" class="main" type="submit">
            Change password
          </button>
        </div>
      </form>
    </section>
  ));
}
