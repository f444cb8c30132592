/**
 * Puts a page into the application's own frame, if it has one.
 *
 * OWASP ASVS 3.4, RFC 9700 §4.2, Content Security Policy Level 3.
 * Guarantees that status, cookies and the headers that protect the page are ours whatever the application answers, and that a
 * mistake in its function costs the look of the page and nothing else.
 */
import type { Rendered } from "../pages.ts";
import type { App } from "./app.ts";

/** For HTML that comes without a policy: the application's own styles and pictures, and nothing that runs. */
const policy =
  "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/** Ours, whatever comes. */
const kept = [
  "Cache-Control",
  "Referrer-Policy",
  "X-Content-Type-Options",
  "X-Frame-Options",
  "Cross-Origin-Opener-Policy",
  "Retry-After",
  "Allow",
];

/** Asks the application for the page; nothing, or a mistake, and ours is the answer. */
export async function framed(app: App, render: (() => Rendered) | undefined, ours: Response): Promise<Response> {
  try {
    const theirs = await render?.();
    return theirs === undefined ? ours : dressed(theirs, ours);
  } catch (err) {
    return failed(app, err, ours);
  }
}

/** The same for an answer that cannot wait: a page of the application that is still being made is passed over. */
export function framedAtOnce(app: App, render: (() => Rendered) | undefined, ours: Response): Response {
  try {
    const theirs = render?.();
    if (theirs instanceof Promise) void theirs.catch((err: unknown) => failed(app, err, ours));
    return theirs === undefined || theirs instanceof Promise ? ours : dressed(theirs, ours);
  } catch (err) {
    return failed(app, err, ours);
  }
}

function failed(app: App, err: unknown, ours: Response): Response {
  app.log.error({ event: "page.failed", err }, "the application's own page could not be made, so ours was shown");
  return ours;
}

function dressed(theirs: Response | string, ours: Response): Response {
  const text = typeof theirs === "string";
  const headers = new Headers(text ? { "Content-Type": "text/html; charset=utf-8" } : theirs.headers);
  // A page is shown where it was asked for; an answer elsewhere would be lost on whoever reads a status.
  headers.delete("Location");
  if (!headers.has("Content-Security-Policy")) headers.set("Content-Security-Policy", policy);
  for (const name of kept) {
    const value = ours.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  for (const cookie of ours.headers.getSetCookie()) headers.append("Set-Cookie", cookie);
  return new Response(text ? theirs : theirs.body, { status: ours.status, headers });
}
