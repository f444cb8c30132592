/**
 * The app with `createOAuth`: sign-in, the answer to those who said no, the storage of tokens and their renewal are done; what
 * is left is to say what the remote app is and to ask its API.
 */
import { createOAuth, oauth2 } from "@valetkey/client";
import { isClientError } from "@valetkey/client/client-error";
import { requireUser, valetkey } from "@valetkey/client/hono";
import type { Store } from "@valetkey/store";
import { Hono } from "hono";
import { html } from "hono/html";
import { byHand } from "./by-hand.ts";
import { page } from "./page.ts";
import type { RemoteApp } from "./remote.ts";

export interface AppOptions {
  /** Where the app is reached. */
  readonly url: string;
  readonly remote: RemoteApp;
  /** Where sessions and tokens are, encrypted. */
  readonly store: Store;
  /** The file of the second way, by hand. */
  readonly file: string;
  /** At least 32 characters; encrypts the tokens. */
  readonly secret: string;
}

/** What a server needs of an app. */
export interface Site {
  readonly fetch: (request: Request) => Response | Promise<Response>;
}

export function makeApp({ url, remote, store, file, secret }: AppOptions): Site {
  // Register the remote app. The address to register there is <url>/auth/callback/remote.
  const { me, ...known } = remote;
  const oauth = createOAuth({
    baseUrl: url,
    secret,
    store,
    providers: [
      oauth2("remote", {
        ...known,
        label: "Remote app",
        profile: async (api) => {
          const person = await api.json(me);
          return { id: String(person.sub), name: String(person.name), claims: person };
        },
      }),
    ],
  });

  const app = new Hono().use(valetkey(oauth));
  app.get("/", async (c) => {
    const { auth } = c.var;
    if (auth === null) {
      return page(
        c,
        html`<p><a id="sign-in" href="/auth/login/remote?returnTo=/me">Connect the remote app</a></p>
        <p><a href="/by-hand">The same by hand</a></p>`,
      );
    }
    return page(
      c,
      html`<p>Connected as <b id="name">${auth.user.name}</b>.</p>
      <p><a id="call" href="/me">Ask its API</a></p>
      <form method="post" action="/auth/logout"><button id="sign-out">Disconnect</button></form>`,
    );
  });

  // A request relative to the base URL, with a token that was got from storage and is renewed when it has to be.
  app.get("/me", requireUser(), async (c) => {
    const answer = await c.var.auth.fetch("remote", me);
    const body = await answer.text();
    return page(
      c,
      html`<h2>It answered ${answer.status}</h2><pre id="answer" tabindex="0">${body}</pre><p><a href="/">Back</a></p>`,
    );
  });

  app.route("/by-hand", byHand({ url, remote, file, secret }));

  app.onError((error, c) => {
    if (!isClientError(error)) console.error(error);
    const [status, what, hint] = isClientError(error)
      ? [error.status, error.what, error.hint]
      : [500, "Something went wrong.", "Try again."];
    return page(c, html`<p id="what">${what}</p><p>${hint}</p><p><a href="/">Back</a></p>`, status);
  });
  return app;
}
