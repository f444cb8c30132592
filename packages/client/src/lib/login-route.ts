/**
 * GET /auth/login and /auth/login/<name>: sends the person to the issuer.
 *
 * OpenID Connect Core §3.1.2.1, Form Post Response Mode §4 (answers that are posted bring no SameSite=Lax cookie).
 * Guarantees that what is asked beyond the configuration is asked by the application, and is looked for in the answer.
 */
import { type App, originOf, remoteOf } from "./app.ts";
import { leave } from "./leave.ts";
import { leaveForOAuth1 } from "./oauth1-leave.ts";
import { seeOther, signInPage } from "./page.ts";
import type { Remote } from "./remote.ts";
import { readReturnTo } from "./return-to.ts";
import { findSession } from "./session.ts";
import { readAsked } from "./step-up.ts";
import { isPosted, keepTransaction, transactionLifetime } from "./transaction.ts";

/** Where a sign-in with this provider starts. */
export const loginPath = (app: App, name: string, returnTo: string): string =>
  `${app.path}/login/${name}${returnTo === "/" ? "" : `?returnTo=${encodeURIComponent(returnTo)}`}`;

/** Where the issuer sends the person back to: to be registered there. */
export const callbackUrl = (app: App, origin: string, name: string): string => `${origin}${app.path}/callback/${name}`;

/** Shows the ways to sign in, or starts the only one. */
export async function loginRoute(app: App, request: Request): Promise<Response> {
  const origin = originOf(app, request);
  const returnTo = readReturnTo(new URL(request.url).searchParams.get("returnTo"), origin);
  const [only, ...others] = app.remotes.values();
  if (only !== undefined && others.length === 0) return start(app, request, only, origin, returnTo);
  const links = [...app.remotes.values()].map(({ name, label }) => ({
    href: loginPath(app, name, returnTo),
    text: label,
  }));
  return signInPage(links);
}

/** Starts a sign-in with one provider. */
export async function startRoute(app: App, request: Request, name: string): Promise<Response> {
  const origin = originOf(app, request);
  const returnTo = readReturnTo(new URL(request.url).searchParams.get("returnTo"), origin);
  return start(app, request, remoteOf(app, name), origin, returnTo);
}

async function start(app: App, request: Request, remote: Remote, origin: string, returnTo: string): Promise<Response> {
  const redirect_uri = callbackUrl(app, origin, remote.name);
  const asked = await readAsked(app, new URL(request.url).searchParams, remote.name);
  const scope = asked.scope ?? remote.scope;
  const max_age = maxAgeOf(remote, asked.max_age);
  const { url, ...remembered } =
    remote.kind === "oauth1"
      ? await leaveForOAuth1(app, remote, redirect_uri)
      : await leave(app, remote, { ...asked, redirect_uri, scope, ...max_age });
  const posted = isPosted(remote.response_mode);
  const session = posted ? await findSession(app, request, origin) : undefined;
  const transaction = {
    ...remembered,
    ...max_age,
    provider: remote.name,
    redirect_uri,
    returnTo,
    ...(asked.scope === undefined ? {} : { scope }),
    expiresAt: app.now() + transactionLifetime,
    ...(session === undefined ? {} : { session: session.id }),
  };
  return seeOther(url.href, await keepTransaction(app, request, transaction, posted ? "posted" : "redirected"));
}

/** The stricter of the two. Plain OAuth 2 knows no such parameter: there the sign-in itself is the fresh proof. */
function maxAgeOf(remote: Remote, asked: number | undefined): { readonly max_age?: number } {
  if (remote.kind !== "oidc") return {};
  const max_age = Math.min(remote.max_age ?? Number.POSITIVE_INFINITY, asked ?? Number.POSITIVE_INFINITY);
  return Number.isFinite(max_age) ? { max_age } : {};
}
