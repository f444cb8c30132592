/**
 * GET /auth/login and /auth/login/<name>: sends the person to the issuer.
 *
 * RFC 6749 §4.1.1, RFC 9700 §2.1, OpenID Connect Core §3.1.2.1.
 * Guarantees that nothing is remembered on the server: whoever starts a thousand sign-ins fills only their own cookies.
 */
import { authorizationUrl } from "../authorization-url.ts";
import { type App, originOf, type Remote, remoteOf } from "./app.ts";
import { seeOther, signInPage } from "./page.ts";
import { readReturnTo } from "./return-to.ts";
import { createState, keepTransaction, transactionLifetime } from "./transaction.ts";

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
  const { url, state, nonce, code_verifier } = await authorizationUrl({
    metadata: await remote.issuerOf.metadata(),
    client_id: remote.client.client_id,
    redirect_uri,
    scope: remote.scope,
    resource: remote.resource,
    prompt: remote.prompt,
    state: createState(app),
  });
  const expiresAt = app.now() + transactionLifetime;
  const transaction = { state, provider: remote.name, nonce, code_verifier, redirect_uri, returnTo, expiresAt };
  return seeOther(url.href, await keepTransaction(app, request, transaction));
}
