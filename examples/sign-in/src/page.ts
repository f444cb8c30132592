/**
 * The app's one page: signed out, signed in, and with an answer of the API.
 */
import { html } from "hono/html";

export interface User {
  readonly sub: string;
  readonly name?: string | undefined;
  readonly email?: string | undefined;
}

const headers = {
  "Content-Type": "text/html; charset=utf-8",
  "Content-Security-Policy":
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'",
  "Cache-Control": "no-store",
  "Referrer-Policy": "no-referrer",
};

const style = `
  :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
  body { max-width: 34rem; margin: 3rem auto; padding: 0 1rem }
  form { margin: 0 }
  button, .button { box-sizing: border-box; font: inherit; min-height: 44px; padding: .5rem 1.25rem; border-radius: .5rem; border: 1px solid; background: none; color: inherit; cursor: pointer }
  a.button { display: inline-flex; align-items: center; text-decoration: none }
  dl { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem } dd { margin: 0; overflow-wrap: anywhere }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: 1rem; border: 1px solid; border-radius: .5rem }
  .row { display: flex; flex-wrap: wrap; align-items: center; gap: .75rem; margin-top: 1.5rem }
`;

/** Renders the page for whoever is signed in, or nobody. */
export async function page(user: User | undefined, answer?: { status: number; body: string }): Promise<Response> {
  const signedOut = html`<p>Nobody is signed in.</p>
    <form method="post" action="/auth/login/valetkey"><button id="sign-in">Sign in</button></form>`;
  const signedIn = html`<dl>
      <dt>Name</dt><dd id="name">${user?.name ?? "not told"}</dd>
      <dt>E-mail</dt><dd id="email">${user?.email ?? "not told"}</dd>
    </dl>
    ${answer && html`<h2>The API says ${answer.status}</h2><pre id="answer" tabindex="0">${answer.body}</pre>`}
    <div class="row">
      <a class="button" id="call" href="/call">Call the API</a>
      <form method="post" action="/auth/logout"><button id="sign-out">Sign out</button></form>
    </div>`;
  const body = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" /><meta name="viewport" content="width=device-width" />
        <title>Example app</title><link rel="icon" href="data:," />
        <style>${style}</style>
      </head>
      <body>
        <main><h1>Example app</h1>${user ? signedIn : signedOut}</main>
      </body>
    </html>`;
  return new Response(String(await body), { headers });
}
