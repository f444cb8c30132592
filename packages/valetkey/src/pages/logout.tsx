/**
 * `/logout`: asks before signing out, and says when it is done.
 *
 * OpenID Connect RP-Initiated Logout §2 and §3, Front-Channel Logout §3. Guarantees that nobody is signed out by a link alone, and that the way back
 * to an app is one the app has registered. Where the embedding application has the session, only what apps hold through it
 * ends here, and the page says so.
 */
import { appsOf, frameOrigins, frameSandbox, framesWait } from "@valetkey/provider/logout/frames-page";
import type { Logout } from "@valetkey/provider/options";
import { type Context, Hono } from "hono";
import { withPageHeaders } from "../page-headers.ts";
import { seeOther, showPage } from "./layout.tsx";
import { PageProblem } from "./page-problem.ts";
import { Person, Token } from "./parts.tsx";
import { type Env, type Look, pathOf, readOwnForm, type Shown, type Site, showPerson, signedIn } from "./site.ts";

export function logoutPage(site: Site): Hono<Env> {
  const app = new Hono<Env>();
  const home = pathOf(site, site.loginUrl === undefined ? "/account" : "/account/apps");

  app.get("/logout", async (c) => {
    const done = c.req.query("done");
    if (done === "0") return seeOther(site, home);
    if (done !== undefined) return showDone(site);
    const logout = await logoutIn(site, c);
    if (logout === undefined && site.loginUrl !== undefined) return seeOther(site, home);
    if (logout?.frames !== undefined) return showFrames(site, logout.frames, logout.returnTo);
    const subject = logout?.subject;
    const person = subject === undefined ? (await signedIn(site, c.req.raw))?.person : await showPerson(site, subject);
    if (logout === undefined && person === undefined) return showDone(site);
    const { token, cookies } = site.csrf.issue(c.req.raw);
    return showPage(
      site,
      { title: "Sign out", forms: "away", cookies },
      <Question look={site} logout={logout} person={person} token={token} ownSession={site.loginUrl === undefined} />,
    );
  });

  app.post("/logout", async (c) => {
    const form = await readOwnForm(site, c.req.raw);
    const logout = await logoutIn(site, c);
    const confirm = form.decision === "confirm";
    if (logout !== undefined) {
      const answered = await site.provider.logouts.answer(c.req.raw, logout.id, { confirm });
      return withPageHeaders(answered, site.https, "away");
    }
    if (!confirm || site.loginUrl !== undefined) return seeOther(site, home);
    return withPageHeaders(await site.provider.logouts.end(c.req.raw), site.https, "away");
  });

  return app;
}

async function logoutIn(site: Site, c: Context<Env>): Promise<Logout | undefined> {
  const id = c.req.query("logout");
  if (id === undefined) return undefined;
  const logout = await site.provider.logouts.find(c.req.raw, id);
  if (logout === undefined) throw new PageProblem("logout_over");
  return logout;
}

/** The person is signed out here: apps hear of it in frames, and then it goes on whatever they do. */
function showFrames(site: Site, frames: readonly string[], returnTo: string | undefined): Promise<Response> {
  const url = returnTo ?? pathOf(site, "/logout", { done: "1" });
  const title = `Signing you out of ${appsOf(frames)}`;
  return showPage(
    site,
    { title, forms: "away", frames: frameOrigins(frames), onward: { url, seconds: framesWait } },
    <div class="card">
      <h1 id="title">{title}</h1>
      <p>This takes a moment, and then you are taken on.</p>
      <p>
        <a id="onward" href={url} rel="noreferrer" data-wait={String(framesWait)}>
          Continue
        </a>
      </p>
      {frames.map((src) => (
        <iframe hidden title="Signing out of an app" sandbox={frameSandbox} src={src}></iframe>
      ))}
    </div>,
  );
}

function showDone(site: Site): Promise<Response> {
  const appSession = site.loginUrl !== undefined;
  const title = appSession ? "The app is signed out" : "You are signed out";
  return showPage(
    site,
    { title },
    <div class="card">
      <h1 id="title">{title}</h1>
      {appSession ? (
        <p>You are still signed in to {site.name}. Sign out there, too, if you are done.</p>
      ) : (
        <>
          <p>
            You can close this window. Apps you used may keep you signed in on their own side until you sign out there.
          </p>
          <p>
            <a href={pathOf(site, "/login")}>Sign in again</a>
          </p>
        </>
      )}
    </div>,
  );
}

interface QuestionProps {
  readonly look: Look;
  readonly logout: Logout | undefined;
  readonly person: Shown | undefined;
  readonly token: string;
  /** The session is ours to end. */
  readonly ownSession: boolean;
}

function Question({ look, logout, person, token, ownSession }: QuestionProps) {
  const client = logout?.client;
  return (
    <div class="card">
      <h1 id="title">Sign out?</h1>
      {client !== undefined && (
        <p class="lead">
          <strong>
            <bdi>{client.client_name}</bdi>
          </strong>{" "}
          {ownSession ? `asks to sign you out of ${look.name}.` : "asks to end what it may do here."}
        </p>
      )}
      {person !== undefined && (
        <p class="as-whom">
          <Person person={person} />
        </p>
      )}
      <p class="detail">
        Apps that may go on when you are not here keep their access; you can remove it in your account.
      </p>
      <form method="post" action={pathOf(look, "/logout", { logout: logout?.id })}>
        <Token token={token} />
        <div class="buttons equal">
          <button id="stay" type="submit" name="decision" value="stay">
            Stay signed in
          </button>
          <button id="confirm" class="main" type="submit" name="decision" value="confirm">
            Sign out
          </button>
        </div>
      </form>
    </div>
  );
}
