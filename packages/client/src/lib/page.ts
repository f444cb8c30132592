/**
 * The few pages the client shows itself: the list of ways to sign in, and an error with what to do about it.
 *
 * OWASP ASVS 3.4, RFC 9700 §4.2 (no referrer, nothing cached).
 * Guarantees that text from outside stays text: escaped, in a document that may load and run nothing.
 */
import { randomToken } from "@valetkey/protocol/random";
import { StoreUnavailable } from "@valetkey/store";
import { ClientError } from "../client-error.ts";
import type { App } from "./app.ts";

/** The system's own colours, also where a browser shows the page on a canvas of another colour scheme. */
const style = "body{background:Canvas;color:CanvasText}a{color:LinkText}";
/** SHA-256 of the style (CSP Level 3 §2.3.1): this text is the only style the page may have. */
const styleDigest = "Ej+Agp5XEcfEmuv5wLNEr4RmT82UZzn530QBVu7VpmE=";

const headers = {
  "Content-Type": "text/html; charset=utf-8",
  "Content-Security-Policy": `default-src 'none'; style-src 'sha256-${styleDigest}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
  "X-Frame-Options": "DENY",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cache-Control": "no-store",
};

/** A link on a page. `href` is a path of the application. */
export interface Link {
  readonly href: string;
  readonly text: string;
}

/** Where the application begins. */
const home: Link = { href: "/", text: "Back to the application" };

/** Redirects with 303, so that nothing is posted again. */
export function seeOther(location: string, cookies: readonly string[] = []): Response {
  const fields = new Headers({ Location: location, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer" });
  for (const cookie of cookies) fields.append("Set-Cookie", cookie);
  return new Response(null, { status: 303, headers: fields });
}

/** Refuses a method, in words for who typed the address; `allowed` names those there are, separated by commas. */
export function wrongMethod(allowed: string): Response {
  const words =
    allowed === "POST"
      ? "It takes forms (POST). To sign out, use the button in the application; its developer writes it as " +
        '<form method="post" action="…/logout"><button>Sign out</button></form>.'
      : `It answers to ${allowed} alone.`;
  const body = [
    "<h1>This address cannot be opened like a page</h1>",
    `<p>${escapeHtml(words)}</p>`,
    `<p>${anchor(home)}</p>`,
  ];
  const response = page("This address cannot be opened", 405, body.join("\n"));
  response.headers.set("Allow", allowed);
  return response;
}

/** Shows the ways to sign in. */
export function signInPage(links: readonly Link[]): Response {
  const items = links.map(({ href, text }) => `<li>${anchor({ href, text: `Continue with ${text}` })}</li>`);
  return page("Sign in", 200, `<h1>Sign in</h1>\n<ul>\n${items.join("\n")}\n</ul>`);
}

/** Logs a failure and shows it: what happened, why, what to do, and a number that finds it in the log. */
export function errorPage(app: App, thrown: unknown, link: Link, cookies: readonly string[] = []): Response {
  const error = asClientError(thrown);
  const reference = randomToken(6);
  const fields = { event: "sign_in.failed", code: error.code, reference, err: thrown };
  if (error.status >= 500) app.log.error(fields, error.message);
  else app.log.info(fields, error.message);
  const reason = [error.error, error.error_description].filter((text) => text !== undefined).join(": ");
  const body = [
    "<h1>Not signed in</h1>",
    `<p id="what">${escapeHtml(error.what)}</p>`,
    `<p id="hint">${escapeHtml(error.hint)}</p>`,
    `<p>${anchor(link)}</p>`,
    link.href === home.href ? "" : `<p>${anchor(home)}</p>`,
    // Written by another program for developers, so it comes after what is for the person.
    reason === "" ? "" : `<p id="reason"><small>The reason given: ${escapeHtml(reason)}</small></p>`,
    `<p><small>${escapeHtml(error.code)}, reference ${escapeHtml(reference)}</small></p>`,
  ];
  const retryAfter = error.status === 503 ? String(Math.ceil(error.retryAfter ?? 1)) : undefined;
  return page("Not signed in", error.status, body.join("\n"), cookies, retryAfter);
}

/** Reads whatever was thrown as one of our errors. */
export function asClientError(thrown: unknown): ClientError {
  if (thrown instanceof ClientError) return thrown;
  if (thrown instanceof StoreUnavailable) {
    return new ClientError("store_unavailable", thrown.message, { cause: thrown, retryAfter: thrown.retryAfter });
  }
  return new ClientError("unexpected", "an error that was not foreseen", { cause: thrown });
}

function page(
  title: string,
  status: number,
  body: string,
  cookies: readonly string[] = [],
  retryAfter?: string,
): Response {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
  const fields = new Headers(headers);
  for (const cookie of cookies) fields.append("Set-Cookie", cookie);
  if (retryAfter !== undefined) fields.set("Retry-After", retryAfter);
  return new Response(html, { status, headers: fields });
}

const anchor = ({ href, text }: Link): string => `<a href="${escapeHtml(href)}">${escapeHtml(text)}</a>`;

const escapeHtml = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
