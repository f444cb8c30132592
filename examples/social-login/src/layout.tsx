/**
 * The frame of every page, and the headers it is sent with.
 */
import { html } from "hono/html";
import type { Child } from "hono/jsx";
import type { Person } from "./people.ts";

/** Nothing runs, nothing is sent elsewhere but pictures asked for. No form-action: signing out may lead to a provider. */
export const pageHeaders = {
  "Content-Security-Policy":
    "default-src 'none'; style-src 'self'; img-src https: data:; base-uri 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "same-origin",
  "Cache-Control": "no-store",
};

interface Frame {
  readonly title: string;
  readonly person?: Person | undefined;
  readonly narrow?: boolean;
  readonly children?: Child;
}

function Layout({ title, person, narrow, children }: Frame) {
  return (
    <html lang="en" data-theme={person?.theme ?? "auto"}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>{title} · Social login</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/style.css" />
      </head>
      <body>
        <header>
          <a class="brand" href="/">
            Social login
          </a>
          {person ? (
            <a id="to-profile" href="/profile">
              {person.name}
            </a>
          ) : (
            <a id="to-sign-in" href="/auth/login">
              Sign in
            </a>
          )}
        </header>
        <main class={narrow ? "narrow" : undefined}>
          <h1>{title}</h1>
          {children}
        </main>
      </body>
    </html>
  );
}

/** Answers with a page. */
export async function show(frame: Omit<Frame, "children">, children: Child, status = 200): Promise<Response> {
  const body = await html`<!doctype html>${<Layout {...frame}>{children}</Layout>}`;
  return new Response(String(body), {
    status,
    headers: { ...pageHeaders, "Content-Type": "text/html; charset=utf-8" },
  });
}
