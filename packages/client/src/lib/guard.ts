/**
 * Answers requests that need somebody signed in, perhaps lately.
 *
 * OpenID Connect Core §3.1.2.1 (`max_age`) and §2 (`auth_time`), RFC 9470 §3.
 * Guarantees that only a proof the provider dates counts as fresh where it dates proofs at all: that a session is young says
 * nothing about when the person was last asked.
 */
import type { Auth } from "../auth.ts";
import type { App } from "./app.ts";
import { type Duration, readDuration } from "./duration.ts";
import { loginPath } from "./login-route.ts";
import { seeOther } from "./page.ts";
import { readReturnTo } from "./return-to.ts";

/** What a page needs. */
export interface GuardOptions {
  /** Whoever proved who they are longer ago has to do it again: seconds, or `"10m"`. */
  readonly maxAge?: Duration;
}

/** Gives the answer to those who may not pass: people are sent to sign in and come back, programs get 401. */
export function guard(app: App, request: Request, auth: Auth | null, options: GuardOptions = {}): Response | undefined {
  if (auth === null) return ask(request, "login_required", (returnTo) => `${app.path}/login?${query({ returnTo })}`);
  if (options.maxAge === undefined) return undefined;
  const max_age = readDuration("maxAge", options.maxAge);
  const { authTime } = auth;
  // The tolerance is that of the ID token's check: who has just passed there must pass here.
  if (authTime !== undefined && app.now() <= authTime + (max_age + app.clockTolerance) * 1000) return undefined;
  return ask(request, "insufficient_user_authentication", (returnTo) => {
    const path = loginPath(app, auth.provider, returnTo);
    return `${path}${path.includes("?") ? "&" : "?"}${query({ max_age: String(max_age) })}`;
  });
}

const query = (parameters: Record<string, string>): string =>
  Object.entries(parameters)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join("&");

/** Tells whether a person is waiting for a page. */
export const navigates = (request: Request): boolean =>
  request.method === "GET" && (request.headers.get("accept") ?? "").includes("text/html");

function ask(request: Request, error: string, login: (returnTo: string) => string): Response {
  const url = new URL(request.url);
  if (navigates(request)) return seeOther(login(readReturnTo(url.pathname + url.search, url.origin)));
  const error_description =
    error === "login_required" ? "sign in first" : "sign in again: the last time is too long ago";
  return Response.json({ error, error_description }, { status: 401, headers: { "Cache-Control": "no-store" } });
}
