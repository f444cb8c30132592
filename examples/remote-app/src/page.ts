/**
 * The frame of every page.
 */
import type { Context } from "hono";
import { html } from "hono/html";
import type { ContentfulStatusCode } from "hono/utils/http-status";

const headers = {
  "Content-Security-Policy":
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'",
  "Cache-Control": "no-store",
  "Referrer-Policy": "no-referrer",
};

const style = `
  :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
  body { max-width: 34rem; margin: 3rem auto; padding: 0 1rem }
  button { font: inherit; min-height: 44px; padding: .5rem 1.25rem; border-radius: .5rem; border: 1px solid; background: none; color: inherit; cursor: pointer }
  a { color: inherit; display: inline-block; padding: .6rem 0 }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: 1rem; border: 1px solid; border-radius: .5rem }
`;

/** Puts text and markup made by `html` on a page; what it was given as text stays text. */
export function page(c: Context, body: unknown, status = 200): Response | Promise<Response> {
  const document = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" /><meta name="viewport" content="width=device-width" />
        <title>Remote app</title><link rel="icon" href="data:," />
        <style>${style}</style>
      </head>
      <body><main><h1>Remote app</h1>${body}</main></body>
    </html>`;
  return c.html(document, status as ContentfulStatusCode, headers);
}
