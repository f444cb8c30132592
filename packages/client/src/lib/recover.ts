/**
 * Answers requests that failed because the permission has ended: the person signs in again and comes back to the same page.
 *
 * RFC 6749 §5.2 (`invalid_grant`), RFC 6750 §3.1.
 * Guarantees that nobody is sent round in circles: a permission that ended right after it was given is explained instead.
 */
import { seeOther } from "@valetkey/protocol/see-other";
import { ClientError, isClientError } from "../client-error.ts";
import { type App, originOf } from "./app.ts";
import { formPage, navigates, sendsForm } from "./guard.ts";
import { loginPath } from "./login-route.ts";
import { errorPage } from "./page.ts";
import { readReturnTo } from "./return-to.ts";
import { accountIn, findSession } from "./session.ts";

/** Milliseconds: a sign-in that is younger has brought the very permission that is missing. */
const justNow = 10_000;

/** Gives the answer, or nothing if signing in again would not mend this error. Never rejects because of the store. */
export async function recover(app: App, request: Request, error: unknown): Promise<Response | undefined> {
  if (!isClientError(error, "sign_in_again") && !isClientError(error, "no_refresh_token")) return undefined;
  if (!navigates(request) && !sendsForm(request)) {
    const body = { error: error.code, error_description: `${error.what} ${error.hint}` };
    return Response.json(body, { status: 401, headers: { "Cache-Control": "no-store" } });
  }
  const origin = originOf(app, request);
  const form = sendsForm(request);
  const { pathname, search } = new URL(request.url);
  const returnTo = form ? formPage(app, request) : readReturnTo(pathname + search, origin);
  const session = await findSession(app, request, origin).catch(() => undefined);
  // Without a session there is a choice of ways to sign in again.
  const account =
    session && ((error.provider === undefined ? undefined : accountIn(session, error.provider)) ?? session);
  const login =
    account === undefined
      ? `${app.path}/login?returnTo=${encodeURIComponent(returnTo)}`
      : loginPath(app, account.provider, returnTo);
  if (form) return errorPage(app, request, notDone(error), { link: { href: login, text: "Sign in again" } });
  if (account === undefined || app.now() - account.createdAt >= justNow) return seeOther(login);
  return errorPage(app, request, error, {
    link: { href: login, text: "Sign in again" },
    title: "You are still signed in, but this cannot be done",
  });
}

/** The same, in words for whoever sent a form. */
const notDone = (error: ClientError): ClientError =>
  new ClientError(error.code, error.message.slice(error.code.length + 2), {
    cause: error,
    fix: error.fix,
    hint: "Sign in again. You come back to the page you were on; see there whether what you sent was done.",
  });
