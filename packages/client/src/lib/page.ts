/**
 * The few pages the client shows itself, unless the application has its own: the list of ways to sign in, and an error with what
 * to do about it.
 *
 * OWASP ASVS 3.4, RFC 9700 §4.2 (no referrer, nothing cached).
 * Guarantees that text from outside stays text: escaped, in a document that may load and run nothing.
 */
import { randomToken } from "@valetkey/protocol/random";
import { StoreUnavailable } from "@valetkey/store";
import { ClientError } from "../client-error.ts";
import type { ErrorPage, PageLink, SignInPage } from "../pages.ts";
import type { App } from "./app.ts";
import { framed, framedAtOnce } from "./framed.ts";
import { escapeHtml, plainPage } from "./plain-page.ts";

/** The system's own colours, also where a browser shows the page on a canvas of another colour scheme. */
const style = {
  css: "body{background:Canvas;color:CanvasText}a{color:LinkText}",
  sha256: "Ej+Agp5XEcfEmuv5wLNEr4RmT82UZzn530QBVu7VpmE=",
};

/** Where the application begins. */
const home: PageLink = { href: "/", text: "Back to the application" };

/** Refuses a method, in words for who typed the address; `allowed` names those there are, separated by commas. */
export async function wrongMethod(app: App, request: Request, allowed: string): Promise<Response> {
  const { status, code, what } = new ClientError("method_not_allowed", `only ${allowed}`);
  const hint =
    allowed === "POST"
      ? "It takes forms (POST). To sign out, use the button in the application; its developer writes it as " +
        '<form method="post" action="…/logout"><button>Sign out</button></form>.'
      : `It answers to ${allowed} alone.`;
  const title = "This address cannot be opened like a page";
  const page: ErrorPage = { status, code, title, what, hint, reference: randomToken(6), links: [home] };
  const ours = document("This address cannot be opened", status, [
    heading(title),
    paragraph("hint", hint),
    ...ways(page),
  ]);
  ours.headers.set("Allow", allowed);
  return inFrame(app, request, page, ours);
}

/** Shows the ways to sign in. */
export async function signInPage(app: App, request: Request, page: SignInPage): Promise<Response> {
  const items = page.ways.map(({ href, label }) => `<li>${anchor({ href, text: `Continue with ${label}` })}</li>`);
  const ours = document("Sign in", 200, [heading("Sign in"), "<ul>", ...items, "</ul>"]);
  const { signIn } = app.pages;
  return framed(app, signIn && (() => signIn(page, request)), ours);
}

/** What an error page says besides the error. */
interface Ending {
  readonly link: PageLink;
  readonly title?: string;
  readonly cookies?: readonly string[];
}

/** Logs a failure and shows it: what happened, why, what to do, and a number that finds it in the log. */
export async function errorPage(app: App, request: Request, thrown: unknown, ending: Ending): Promise<Response> {
  const { link, cookies = [] } = ending;
  const error = asClientError(thrown);
  const { status, code, what, hint } = error;
  const { title = code === "link_refused" ? "The account was not added" : "Not signed in" } = ending;
  const reference = randomToken(6);
  const { fix = hint } = error;
  const fields = {
    event: "sign_in.failed",
    code,
    reference,
    fix,
    docs: `docs/troubleshooting.md#${code}`,
    err: thrown,
  };
  if (status >= 500) app.log.error(fields, error.message);
  // Something can be changed: whoever has no log of their own must see it too.
  else if (error.fix !== undefined) app.log.warn(fields, error.message);
  else app.log.info(fields, error.message);
  const reason = [error.error, error.error_description].filter((text) => text !== undefined).join(": ");
  const links = link.href === home.href ? [link] : [link, home];
  const page: ErrorPage = { status, code, title, what, hint, reference, links, ...(reason === "" ? {} : { reason }) };
  const ours = errorDocument(page);
  for (const cookie of cookies) ours.headers.append("Set-Cookie", cookie);
  if (status === 503) ours.headers.set("Retry-After", String(Math.ceil(error.retryAfter ?? 1)));
  return inFrame(app, request, page, ours);
}

/**
 * Shows at once to whoever sent a form why it was not done, and where to sign in. The application's own page is used if it is
 * there at once too.
 */
export function refusalPage(app: App, request: Request, error: ClientError, link: PageLink): Response {
  const { status, code, what, hint } = error;
  const reference = randomToken(6);
  app.log.debug({ event: "guard.refused", code, reference }, error.message);
  const page: ErrorPage = { status, code, title: "Sign in to go on", what, hint, reference, links: [link, home] };
  const { error: render } = app.pages;
  return framedAtOnce(app, render && (() => render(page, request)), errorDocument(page));
}

function inFrame(app: App, request: Request, page: ErrorPage, ours: Response): Promise<Response> {
  const { error } = app.pages;
  return framed(app, error && (() => error(page, request)), ours);
}

/** Reads whatever was thrown as one of our errors. */
export function asClientError(thrown: unknown): ClientError {
  if (thrown instanceof ClientError) return thrown;
  if (thrown instanceof StoreUnavailable) {
    return new ClientError("store_unavailable", thrown.message, {
      cause: thrown,
      retryAfter: thrown.retryAfter,
      fix: "See that the database runs, can be reached from here, has room and is not locked; err has its own words.",
    });
  }
  return new ClientError("unexpected", "an error that was not foreseen", { cause: thrown });
}

function errorDocument(page: ErrorPage): Response {
  const { status, code, title, what, hint, reason = "", reference } = page;
  return document(title, status, [
    heading(title),
    paragraph("what", what),
    paragraph("hint", hint),
    ...ways(page),
    // Written by another program for developers, so it comes after what is for the person.
    reason === "" ? "" : `<p id="reason"><small>The reason given: ${escapeHtml(reason)}</small></p>`,
    `<p><small>${escapeHtml(code)}, reference ${escapeHtml(reference)}</small></p>`,
  ]);
}

function document(title: string, status: number, main: readonly string[]): Response {
  const { html, headers } = plainPage({ title, main, style, forms: "self" });
  return new Response(html, { status, headers });
}

const heading = (text: string): string => `<h1>${escapeHtml(text)}</h1>`;
const paragraph = (id: string, text: string): string => `<p id="${id}">${escapeHtml(text)}</p>`;
const ways = ({ links }: ErrorPage): string[] => links.map((link) => `<p>${anchor(link)}</p>`);
const anchor = ({ href, text }: PageLink): string => `<a href="${escapeHtml(href)}">${escapeHtml(text)}</a>`;
