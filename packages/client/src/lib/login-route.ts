/**
 * GET /auth/login and /auth/login/<name>: sends the person to the issuer. POST /auth/login/<name>: the same for a form, which may
 * ask to add an account.
 *
 * OpenID Connect Core §3.1.2.1, Form Post Response Mode §4 (answers that are posted bring no SameSite=Lax cookie).
 * Guarantees that what is asked beyond the configuration is asked by the application, and is looked for in the answer; and that
 * nobody but the application's own pages can have an account added.
 */
import { seeOther } from "@valetkey/protocol/see-other";
import { ClientError } from "../client-error.ts";
import { type App, originOf, remoteOf } from "./app.ts";
import { withDeadline } from "./deadline.ts";
import { leave } from "./leave.ts";
import { checkNotLost } from "./lost-session.ts";
import { leaveForOAuth1 } from "./oauth1-leave.ts";
import { warnOfOtherHost } from "./other-host.ts";
import { noticeReturnTo } from "./other-path.ts";
import { signInPage } from "./page.ts";
import type { Remote } from "./remote.ts";
import { readReturnTo } from "./return-to.ts";
import { checkSameOrigin, readFields } from "./same-origin.ts";
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
  const returnTo = returnToOf(app, new URL(request.url).searchParams.get("returnTo"), origin);
  const [only, ...others] = app.remotes.values();
  if (only !== undefined && others.length === 0) return start(app, request, only, origin, returnTo);
  await checkNotLost(app, request, origin);
  const ways = [...app.remotes.values()].map(({ name, label }) => ({
    name,
    label,
    href: loginPath(app, name, returnTo),
  }));
  return signInPage(app, request, { ways, returnTo });
}

/**
 * Starts a sign-in with one provider. A form on the application's own pages may ask with `link=true` to add the account to those
 * of whoever is signed in.
 */
export async function startRoute(app: App, request: Request, name: string): Promise<Response> {
  const origin = originOf(app, request);
  const form = request.method === "POST" ? await readFields(request) : {};
  const returnTo = returnToOf(app, form.returnTo ?? new URL(request.url).searchParams.get("returnTo"), origin);
  const remote = remoteOf(app, name);
  const link = form.link === "true" ? await sessionToLink(app, request, origin) : undefined;
  return start(app, request, remote, origin, returnTo, link);
}

/** The session that asks for another account. Another site must not be able to ask, nor can it be added to nobody. */
async function sessionToLink(app: App, request: Request, origin: string): Promise<string> {
  checkSameOrigin(request, origin);
  const session = await findSession(app, request, origin);
  if (session === undefined) throw new ClientError("link_refused", "nobody is signed in");
  return session.id;
}

async function start(
  app: App,
  request: Request,
  remote: Remote,
  origin: string,
  returnTo: string,
  link?: string,
): Promise<Response> {
  warnOfOtherHost(app, request, origin);
  await checkNotLost(app, request, origin);
  const redirect_uri = callbackUrl(app, origin, remote.name);
  const asked = await readAsked(app, request, origin, remote.name);
  const scope = asked.scope ?? remote.scope;
  const max_age = maxAgeOf(remote, asked.max_age);
  const { url, ...remembered } = await withDeadline(app, (timely) => {
    const to = remoteOf(timely, remote.name);
    if (to.kind === "oauth1") return leaveForOAuth1(timely, to, redirect_uri);
    return leave(timely, to, { ...asked, redirect_uri, scope, ...max_age });
  });
  const posted = isPosted(remote.response_mode);
  const session = posted ? await findSession(app, request, origin) : undefined;
  const transaction = {
    ...remembered,
    ...max_age,
    provider: remote.name,
    redirect_uri,
    returnTo,
    ...(asked.scope === undefined ? {} : { scope }),
    ...(asked.acr_values === undefined ? {} : { acr_values: asked.acr_values }),
    expiresAt: app.now() + transactionLifetime,
    ...(session === undefined ? {} : { session: session.id }),
    ...(link === undefined ? {} : { link }),
  };
  return seeOther(url.href, await keepTransaction(app, request, transaction, posted ? "posted" : "redirected"));
}

function returnToOf(app: App, given: string | null, origin: string): string {
  const taken = readReturnTo(given, origin);
  noticeReturnTo(app, given, taken);
  return taken;
}

/** The stricter of the two. Plain OAuth 2 knows no such parameter: there the sign-in itself is the fresh proof. */
function maxAgeOf(remote: Remote, asked: number | undefined): { readonly max_age?: number } {
  if (remote.kind !== "oidc") return {};
  const max_age = Math.min(remote.max_age ?? Number.POSITIVE_INFINITY, asked ?? Number.POSITIVE_INFINITY);
  return Number.isFinite(max_age) ? { max_age } : {};
}
