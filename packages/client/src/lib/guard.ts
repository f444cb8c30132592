/**
 * Answers requests that need somebody signed in, perhaps lately.
 *
 * OpenID Connect Core §3.1.2.1 (`max_age`) and §2 (`auth_time`), RFC 9470 §3.
 * Guarantees that only a proof the provider dates counts as fresh where it dates proofs at all: that a session is young says
 * nothing about when the person was last asked.
 */
import { seeOther } from "@valetkey/protocol/see-other";
import type { Auth } from "../auth.ts";
import { ClientError } from "../client-error.ts";
import type { App } from "./app.ts";
import { type Duration, readDuration } from "./duration.ts";
import { loginPath } from "./login-route.ts";
import { unknownHere } from "./lost-session.ts";
import { refusalPage } from "./page.ts";
import { readReturnTo } from "./return-to.ts";

/** What a page needs. */
export interface GuardOptions {
  /** Whoever proved who they are longer ago has to do it again: seconds, or `"10m"`. */
  readonly maxAge?: Duration;
}

/**
 * Gives the answer to those who may not pass: people are sent to sign in and come back, programs get 401. Whoever sent a form gets a
 * page (401) that says so and leads to the sign-in and back to where the form is.
 */
export function guard(app: App, request: Request, auth: Auth | null, options: GuardOptions = {}): Response | undefined {
  if (auth === null)
    return ask(app, request, "login_required", (returnTo) => {
      return `${app.path}/login?${query({ returnTo, ...unknownHere(app, request) })}`;
    });
  if (options.maxAge === undefined) return undefined;
  const max_age = readDuration("maxAge", options.maxAge);
  const { authTime } = auth;
  // The tolerance is that of the ID token's check: who has just passed there must pass here.
  if (authTime !== undefined && app.now() <= authTime + (max_age + app.clockTolerance) * 1000) return undefined;
  return ask(app, request, "insufficient_user_authentication", (returnTo) => {
    const path = loginPath(app, auth.provider, returnTo);
    return `${path}${path.includes("?") ? "&" : "?"}${query({ max_age: String(max_age) })}`;
  });
}

const query = (parameters: Record<string, string>): string =>
  Object.entries(parameters)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join("&");

/** Tells whether a person is waiting for a page. */
export const navigates = (request: Request): boolean => request.method === "GET" && readsPages(request);

/** Tells whether a person has sent a form: what it asked for cannot be done by coming back to the same address. */
export const sendsForm = (request: Request): boolean => request.method === "POST" && readsPages(request);

const readsPages = (request: Request): boolean => (request.headers.get("accept") ?? "").includes("text/html");

/** Where the form was: the page of the application that the browser names as the one it came from, else the beginning. */
export function formPage(app: App, request: Request): string {
  const { origin } = new URL(app.baseUrl ?? request.url);
  const referer = request.headers.get("referer") ?? "";
  const url = URL.canParse(referer) ? new URL(referer) : undefined;
  return url?.origin === origin ? readReturnTo(url.pathname + url.search, origin) : "/";
}

const described = {
  login_required: "sign in first",
  insufficient_user_authentication: "sign in again: the last time is too long ago",
} as const;

function ask(app: App, request: Request, error: keyof typeof described, login: (returnTo: string) => string): Response {
  const url = new URL(request.url);
  if (navigates(request)) return seeOther(login(readReturnTo(url.pathname + url.search, url.origin)));
  if (sendsForm(request)) {
    const refusal = new ClientError(error, `a form was sent to ${url.pathname}`);
    return refusalPage(app, request, refusal, { href: login(formPage(app, request)), text: "Sign in" });
  }
  const body = { error, error_description: described[error] };
  return Response.json(body, { status: 401, headers: { "Cache-Control": "no-store" } });
}
