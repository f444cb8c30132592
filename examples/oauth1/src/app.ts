/**
 * An application whose people sign in with an old service: OAuth 1.0a behind the same three lines as any other provider.
 */
import { createOAuth, oauth1 } from "@valetkey/client";
import { requireUser, valetkey } from "@valetkey/client/hono";
import { memoryStore } from "@valetkey/store/memory";
import { Hono } from "hono";
import { html } from "hono/html";
import type { Status } from "./timeline.ts";

export interface AppOptions {
  readonly url: string;
  /** Origin of the service. */
  readonly bird: string;
  readonly client_id: string;
  readonly client_secret: string;
  /** Encrypts what the app keeps of its sessions. */
  readonly secret: string;
}

/** What a server needs of an app. */
export interface Site {
  readonly fetch: (request: Request) => Response | Promise<Response>;
}

export function makeApp({ url, bird, client_id, client_secret, secret }: AppOptions): Site {
  const oauth = createOAuth({
    baseUrl: url,
    store: memoryStore(),
    secret,
    providers: [
      oauth1("bird", {
        request_token_endpoint: `${bird}/oauth/request_token`,
        authorization_endpoint: `${bird}/oauth/authorize`,
        token_endpoint: `${bird}/oauth/access_token`,
        client_id,
        client_secret,
        api: `${bird}/1.1`,
        label: "Bird",
        profile: async (api) => {
          const me = await api.json("/account/verify_credentials.json");
          return { id: String(me.id_str), name: String(me.name), claims: me };
        },
      }),
    ],
  });

  const app = new Hono().use(valetkey(oauth));
  app.get("/", (c) => {
    const user = c.var.auth?.user;
    if (user === undefined) return c.html(page(html`<p><a href="/auth/login">Sign in with Bird</a></p>`));
    return c.html(
      page(html`<p>You are <b id="name">${user.name}</b>. <a href="/timeline">Your timeline</a></p>
        <form method="post" action="/auth/logout"><button>Sign out</button></form>`),
    );
  });

  // Relative URLs lie under `api`; every request is signed with the token of whoever is signed in.
  app.get("/timeline", requireUser(), async (c) => {
    const answer = await c.var.auth.fetch("bird", "/statuses/home_timeline.json?count=20");
    if (answer.status !== 200) return c.html(page(html`<p>Bird answered ${answer.status}.</p>`), 502);
    const statuses = (await answer.json()) as Status[];
    return c.html(
      page(html`<ul>${statuses.map(({ text }) => html`<li>${text}</li>`)}</ul>
        <form method="post"><input name="status" aria-label="Status" required /> <button>Post</button></form>`),
    );
  });
  app.post("/timeline", requireUser(), async (c) => {
    // SameSite=Lax keeps the session out of forms on other sites; a browser that tells the site is believed besides.
    const site = c.req.header("sec-fetch-site") ?? "same-origin";
    if (site !== "same-origin") return c.text("This form was sent from another site.", 403);
    const { status } = await c.req.parseBody();
    const body = new URLSearchParams({ status: String(status) });
    const answer = await c.var.auth.fetch("bird", "/statuses/update.json", { method: "POST", body });
    if (answer.status !== 200) return c.html(page(html`<p>Bird answered ${answer.status}.</p>`), 502);
    return c.redirect("/timeline", 303);
  });
  return app;
}

const page = (body: unknown) => html`<!doctype html>
  <html lang="en">
    <head><meta charset="utf-8" /><meta name="viewport" content="width=device-width" /><title>Old bird</title></head>
    <body><main><h1>Old bird</h1>${body}</main></body>
  </html>`;
