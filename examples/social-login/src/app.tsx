/**
 * The app: home, sign-in with several providers, a profile behind a guard, accounts of one person, preferences, sign-out.
 */
import { createOAuth, type OAuth } from "@valetkey/client";
import { requireUser, valetkey } from "@valetkey/client/hono";
import type { Store } from "@valetkey/store";
import { Hono } from "hono";
import { csrf } from "hono/csrf";
import { disconnectRoute } from "./disconnect.ts";
import { failedSignIn, notFound, onError } from "./errors.tsx";
import { show } from "./layout.tsx";
import { Profile, SignIn, Welcome } from "./pages.tsx";
import type { People, Theme } from "./people.ts";
import { person, personOf } from "./person.ts";
import { style } from "./style.ts";
import type { Way } from "./ways.ts";

export interface AppOptions {
  /** Where the app is reached. */
  readonly url: string;
  readonly ways: readonly Way[];
  readonly people: People;
  /** Where sessions and tokens are, encrypted. */
  readonly store: Store;
  /** At least 32 characters. */
  readonly secret: string;
}

/** What a server needs of an app. */
export interface Site {
  readonly fetch: (request: Request) => Response | Promise<Response>;
}

export function makeApp({ url, ways, people, store, secret }: AppOptions): Site {
  const oauth: OAuth = createOAuth({
    baseUrl: url,
    secret,
    store,
    providers: ways.map(({ provider }) => provider),
    // Everything was verified: write down who came, and say who that is here. Throwing would refuse the sign-in.
    onSignIn: (user, _tokens, from) => people.signedIn(user, from),
    pages: {
      signIn: (page) => show({ title: "Sign in", narrow: true }, <SignIn {...page} />),
      error: async (page, request) =>
        failedSignIn(page, personOf(people, await oauth.session(request).catch(() => null))),
    },
  });

  const app = new Hono();
  app.get("/style.css", (c) => c.body(style, 200, { "Content-Type": "text/css; charset=utf-8" }));
  const site = app
    .use(valetkey(oauth))
    .use(csrf({ origin: url }))
    .use(person(people));
  site.get("/", (c) => {
    const { person } = c.var;
    return person === undefined
      ? show({ title: "Welcome" }, <Welcome />)
      : show(
          { title: `Hello, ${person.name}`, person },
          <section>
            <p>It is good to see you.</p>
            <a class="button main" href="/profile">
              Your profile
            </a>
          </section>,
        );
  });

  // The guard: who is not signed in goes to /auth/login and comes back to the very page they asked for.
  site.get("/profile", requireUser(), async (c) => {
    const { auth, person } = c.var;
    if (person === undefined) return auth.signOut();
    const view = { auth, person, ways, accounts: people.accountsOf(person), access: await auth.accounts() };
    return show(
      { title: "Your profile", person },
      <Profile {...view} notice={notices.get(c.req.query("done") ?? "")} />,
    );
  });

  site.post("/profile", requireUser(), async (c) => {
    const { person, auth } = c.var;
    if (person === undefined) return auth.signOut();
    const { name, theme } = await c.req.parseBody();
    const known = typeof name === "string" && name.trim() !== "" ? name.trim().slice(0, 80) : person.name;
    people.update(person, { name: known, theme: themes.find((one) => one === theme) ?? "auto" });
    return c.redirect("/profile?done=saved", 303);
  });

  // A provider's API, with a token that is renewed when it has to be; createOAuth finds, keeps and refreshes it.
  site.get("/profile/ask/:provider", requireUser(), async (c) => {
    const { auth, person } = c.var;
    const way = ways.find(({ provider }) => provider.name === c.req.param("provider"));
    if (way === undefined) return c.notFound();
    const { name, label } = way.provider;
    const answer = await auth.fetch(name, await way.whoAmI());
    const text = await answer.text();
    return show(
      { title: `${label} answers ${answer.status}`, person },
      <section>
        <pre id="answer" tabindex={0}>
          {pretty(text)}
        </pre>
        <a class="button" href="/profile">
          Back
        </a>
      </section>,
    );
  });

  site.route("/", disconnectRoute(people));
  site.notFound(notFound);
  site.onError(onError);
  return site;
}

const themes: readonly Theme[] = ["auto", "light", "dark"];
const notices = new Map([
  ["saved", "Saved."],
  ["connected", "From now on you can sign in with this account too."],
  ["removed", "The account was removed."],
  ["kept", "The account you are signed in with stays. Sign in with another one to remove it."],
]);

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text.slice(0, 2_000);
  }
}
