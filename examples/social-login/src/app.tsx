/**
 * The app: home, sign-in with several providers, a profile behind a guard, linked accounts, preferences, sign-out.
 */
import { createOAuth } from "@valetkey/client";
import { requireUser, valetkey } from "@valetkey/client/hono";
import type { Store } from "@valetkey/store";
import { Hono } from "hono";
import { csrf } from "hono/csrf";
import { connectRoutes } from "./connect.tsx";
import { createConnecting } from "./connecting.ts";
import { inOurFrame, notFound, onError } from "./errors.tsx";
import { show } from "./layout.tsx";
import { labelOf, Profile, SignIn, Welcome } from "./pages.tsx";
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
  const oauth = createOAuth({
    baseUrl: url,
    secret,
    store,
    providers: ways.map(({ provider }) => provider),
    // Everything was verified: write down who came. Throwing here would refuse the sign-in.
    onSignIn: (user, _tokens, from) => people.signedIn(user, from),
  });
  const connecting = createConnecting(secret, url.startsWith("https:"));

  const app = new Hono();
  app.get("/style.css", (c) => c.body(style, 200, { "Content-Type": "text/css; charset=utf-8" }));
  app.use(inOurFrame(async (request) => personOf(people, await oauth.session(request).catch(() => null))));
  // Our own page in the place of the one createOAuth has: it comes first.
  app.get("/auth/login", (c) =>
    show(c, { title: "Sign in", narrow: true }, <SignIn ways={ways} returnTo={c.req.query("returnTo")} />),
  );

  const site = app
    .use(valetkey(oauth))
    .use(csrf({ origin: url }))
    .use(person(people));
  site.get("/", (c) => {
    const { person } = c.var;
    return person === undefined
      ? show(c, { title: "Welcome" }, <Welcome />)
      : show(
          c,
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
      c,
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

  // The provider's API, with a token that is renewed when it has to be; createOAuth finds, keeps and refreshes it.
  site.get("/profile/provider", requireUser(), async (c) => {
    const { auth, person } = c.var;
    const way = ways.find(({ provider }) => provider.name === auth.provider);
    if (way === undefined) return c.notFound();
    const answer = await auth.fetch(auth.provider, await way.whoAmI());
    const text = await answer.text();
    return show(
      c,
      { title: `${labelOf(ways, auth.provider)} answers ${answer.status}`, person },
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

  site.route("/", connectRoutes({ ways, people, connecting }));
  site.notFound(notFound);
  site.onError(onError);
  return site;
}

const themes: readonly Theme[] = ["auto", "light", "dark"];
const notices = new Map([
  ["saved", "Saved."],
  ["connected", "From now on you can sign in with this account too."],
  ["removed", "The account was removed."],
  ["last", "The last account cannot be removed: you could not sign in any more."],
]);

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text.slice(0, 2_000);
  }
}
