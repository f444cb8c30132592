/**
 * What all account pages share: they are for whoever is signed in, have one navigation, and say what was just done.
 *
 * Guarantees that a page is shown, and a form acted on, only for a person who is signed in and still exists.
 */
import type { Session } from "@valetkey/provider/op";
import type { Context } from "hono";
import type { Child } from "hono/jsx";
import { type Section, seeOther, showPage } from "../layout.tsx";
import { type FormError, Notice, Problems } from "../parts.tsx";
import { type Env, pathOf, type Shown, type Site, signedIn } from "../site.ts";

/** Who is signed in on an account page. */
export interface Visitor {
  readonly session: Session;
  readonly person: Shown;
}

/** What an account page says above its content. */
export interface Above {
  readonly errors?: readonly FormError[];
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What can just have been done: the value of `?done=`, and the words for it. */
const doneWords: Readonly<Record<string, string>> = {
  "set-up": "Your account is ready. Go back to your app and sign in there.",
  profile: "Your name is saved.",
  password:
    "Your password is changed. You were signed out everywhere else, and apps have lost their access until you use them again.",
  session: "That session has ended.",
  sessions: "All other sessions have ended.",
  app: "The app has no access any more.",
};

/** Runs a page for whoever is signed in; sends everybody else to sign in first. */
export async function forVisitor(
  site: Site,
  c: Context<Env>,
  page: (visitor: Visitor) => Promise<Response>,
): Promise<Response> {
  const visitor = await signedIn(site, c.req.raw);
  if (visitor !== undefined) return page(visitor);
  if (site.loginUrl === undefined) return seeOther(site, pathOf(site, "/login"));
  const login = new URL(site.loginUrl, site.issuer);
  login.searchParams.set("returnTo", `${new URL(site.issuer).origin}${pathOf(site, "/account/apps")}`);
  return seeOther(site, login.href);
}

/** Answers with an account page; `content` gets the token for its forms. */
export function showAccount(
  site: Site,
  c: Context<Env>,
  page: { readonly person: Shown; readonly title: string; readonly section: string; readonly above?: Above },
  content: (token: string) => Child,
): Promise<Response> {
  const { person, title, section, above = {} } = page;
  const { errors = [], status = 200, headers = {} } = above;
  const { token, cookies } = site.csrf.issue(c.req.raw);
  const asked = c.req.query("done") ?? "";
  const done = errors.length === 0 && Object.hasOwn(doneWords, asked) ? doneWords[asked] : undefined;
  return showPage(
    site,
    { title, status, headers, cookies, account: { person, section, sections: sectionsOf(site) } },
    <>
      <h1 id="title">{title}</h1>
      <Problems errors={errors} />
      {done !== undefined && <Notice kind="done">{done}</Notice>}
      {content(token)}
    </>,
  );
}

function sectionsOf(site: Site): Section[] {
  const apps = { path: "/account/apps", words: "Connected apps" };
  const asked = site.provider.metadata.backchannel_authentication_endpoint !== undefined;
  const requests = asked ? [{ path: "/approve", words: "Requests" }] : [];
  if (site.loginUrl !== undefined) return [apps, ...requests];
  return [
    { path: "/account", words: "Overview" },
    ...(site.directory === undefined ? [] : [{ path: "/account/password", words: "Password" }]),
    { path: "/account/sessions", words: "Sessions" },
    apps,
    ...requests,
  ];
}
