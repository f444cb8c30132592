/**
 * createServer: the provider with every page, as one function from a Request to a Response.
 *
 * RFC 6749, OpenID Connect Core 1.0. Pages that need a part of the built-in directory are not there for somebody's own users. Guarantees
 * that `handle` never rejects, and that what it does not know is `undefined`, so that it can be mounted in any application.
 *
 * ```ts
 * const server = await createServer({ issuer, store, secret, accounts: { find, verify } });
 * const response = (await server.handle(request)) ?? new Response("not found", { status: 404 });
 * ```
 */
import { isLoopbackHost } from "@valetkey/protocol/loopback";
import { randomToken } from "@valetkey/protocol/random";
import { createKeys } from "@valetkey/provider/keys";
import { silentLog } from "@valetkey/provider/log";
import type { ProviderOptions } from "@valetkey/provider/options";
import { createProvider } from "@valetkey/provider/provider";
import { memoryStore } from "@valetkey/store/memory";
import { Hono } from "hono";
import type { Directory, SignIn } from "./accounts/directory.ts";
import { type AppSession, appSession } from "./app-session.ts";
import { createCsrf } from "./csrf.ts";
import { guardedFetch } from "./guarded-fetch.ts";
import { pageHeaders } from "./page-headers.ts";
import { appsPage } from "./pages/account/apps.tsx";
import { overviewPage } from "./pages/account/overview.tsx";
import { passwordPage } from "./pages/account/password.tsx";
import { sessionsPage } from "./pages/account/sessions.tsx";
import { appLogin, appLoginPath } from "./pages/app-login.tsx";
import { approvePage } from "./pages/approve.tsx";
import { loadAssets } from "./pages/assets.ts";
import { consentPage } from "./pages/consent.tsx";
import { devicePage } from "./pages/device.tsx";
import { newRequestId, showNotFound, showTrouble, wordsFor } from "./pages/error.tsx";
import { explainRequest } from "./pages/explain-request.ts";
import { landingPage } from "./pages/landing.tsx";
import { loginPage } from "./pages/login.tsx";
import { logoutPage } from "./pages/logout.tsx";
import { oauth1CodePage } from "./pages/oauth1-code.tsx";
import { resetPage } from "./pages/reset.tsx";
import { selectAccountPage } from "./pages/select-account.tsx";
import { setupPage } from "./pages/setup.tsx";
import { showThrown } from "./pages/show-thrown.ts";
import type { Env, Look, Site } from "./pages/site.ts";
import type { Server, ServerOptions } from "./server-options.ts";
import { signInAttempts, storeThrottle } from "./throttle.ts";

export type { Server, ServerOptions } from "./server-options.ts";

const defaultAccent = "#2456c8";

/**
 * Creates a server. Rejects with a `TypeError` or the provider's `InvalidOptions` when the options do not fit together; the
 * signing keys are made on the way if the store has none yet.
 */
export async function createServer(options: ServerOptions): Promise<Server> {
  const { accounts, secret: givenSecret, session, loginUrl, acr, brand = {}, helpUrl, outbound, ...rest } = options;
  const { issuer, log = silentLog, now = Date.now, lifetimes = {} } = rest;
  const home = new URL(issuer);
  const loopback = isLoopbackHost(home.hostname) && home.protocol === "http:";
  if ((session === undefined) !== (loginUrl === undefined)) {
    throw new TypeError("session and loginUrl go together: who is signed in, and where people sign in");
  }
  if (acr !== undefined && options.acrs?.includes(acr) !== true) {
    throw new TypeError(`acr must be one of acrs: ${options.acrs?.join(", ") ?? "there are none"}`);
  }
  if (givenSecret === undefined && (options.store !== undefined || !loopback)) {
    throw new TypeError("secret is missing: without one, what was stored could not be read after a restart");
  }
  const secret = givenSecret ?? randomToken();
  const secrets = typeof secret === "string" ? [secret] : secret;
  const store = rest.store ?? memoryStore({ now });
  const keys = rest.keys ?? createKeys({ store, secret, now, log });
  const base = home.pathname.replace(/\/$/, "");
  const assets = await loadAssets(base, brand.accent ?? defaultAccent);
  const https = home.protocol === "https:";
  const look: Look = { issuer, base, name: brand.name ?? home.host, helpUrl, assets, https, loopback, now };

  const own: AppSession | undefined =
    session &&
    appSession({ session, secret: secrets[0] ?? "", store, lifetime: lifetimes.sessionAbsolute ?? 30 * 86_400, now });
  const appPage = `${home.origin}${base}${appLoginPath}`;
  const providerOptions: ProviderOptions = {
    ...rest,
    store,
    keys,
    accounts,
    secret,
    throttle: rest.throttle ?? storeThrottle({ store, now }),
    // Strangers name what is called from here: key sets, documents, notices of a logout.
    fetch: rest.fetch ?? guardedFetch({ ...outbound, loopback }),
    ...(own === undefined ? {} : { session: own.find, pages: { login: appPage, select_account: appPage } }),
    async errorPage(request, { error, description, status, returnTo }) {
      const requestId = newRequestId();
      log.info({ event: "error-page.shown", request_id: requestId, error, status }, description);
      // The store may be what is missing: the page is shown without the explanation then.
      const explanation = loopback
        ? await explainRequest(request, issuer, provider.clients).catch(() => undefined)
        : undefined;
      const onward = onwardTo(request, provider.metadata.end_session_endpoint, returnTo);
      const words = wordsFor(error, status);
      return showTrouble(look, { code: error, status, description, requestId, explanation, ...onward, ...words });
    },
  };
  const provider = createProvider(providerOptions);
  await keys.published();

  const site: Site = {
    ...look,
    provider,
    accounts,
    directory: isDirectory(accounts) ? accounts : undefined,
    loginUrl,
    acr: acr ?? options.acrs?.[0],
    csrf: createCsrf({ secrets, origin: home.origin }),
    attempts: signInAttempts({ store, now }),
    log,
  };
  const further = options.oauth1 === undefined ? [] : [oauth1CodePage(site)];
  const app = mount(site, own, scopeWords(options), further);
  return {
    provider,
    log,
    issuer,
    async maintain() {
      await store.sweep();
      if ("maintain" in keys && typeof keys.maintain === "function") await keys.maintain();
      await provider.logouts.deliver();
    },
    notFound: (request) => showNotFound(look, request),
    async handle(request, peer = {}) {
      const answer = await provider.handle(request, peer);
      if (answer !== undefined) return answer;
      let absent = false;
      try {
        const page = await app.fetch(request, { peer, absent: () => (absent = true) });
        return absent ? undefined : page;
      } catch (cause) {
        log.error({ event: "page.failed", cause }, "a page failed, and so did its error page");
        return new Response("server_error\n", { status: 500, headers: pageHeaders(https, "here") });
      }
    },
  };
}

function mount(
  site: Site,
  own: AppSession | undefined,
  words: Readonly<Record<string, string>>,
  further: readonly Hono<Env>[],
): Hono<Env> {
  const { directory, loginUrl } = site;
  const pages = [consentPage(site), logoutPage(site), appsPage(site, words), ...further];
  const { device_authorization_endpoint, backchannel_authentication_endpoint } = site.provider.metadata;
  if (device_authorization_endpoint !== undefined) pages.push(devicePage(site));
  if (backchannel_authentication_endpoint !== undefined) pages.push(approvePage(site));
  if (own !== undefined && loginUrl !== undefined) pages.push(appLogin(site, own, loginUrl));
  else pages.push(loginPage(site), selectAccountPage(site), overviewPage(site), sessionsPage(site));
  // An embedding application has a front page of its own.
  if (directory !== undefined && own === undefined) {
    pages.push(
      landingPage(site),
      setupPage(site, directory),
      resetPage(site, directory),
      passwordPage(site, directory),
    );
  }
  const app = new Hono<Env>();
  for (const page of pages) app.route(site.base === "" ? "/" : site.base, page);
  app.get(`${site.base}/assets/:file`, (c) => site.assets.find(c.req.param("file") ?? "") ?? c.notFound());
  app.notFound((c) => {
    c.env.absent();
    return new Response(null, { status: 404 });
  });
  app.onError((thrown, c) => showThrown(site, c.req.raw, thrown));
  return app;
}

function isDirectory(accounts: SignIn | Directory): accounts is Directory {
  const parts: (keyof Directory)[] = ["empty", "setUp", "checkSetupToken", "reset", "checkResetToken", "setProfile"];
  return parts.every((part) => part in accounts);
}

function scopeWords({ scopes }: ServerOptions): Readonly<Record<string, string>> {
  return { profile: "See your name and picture", email: "See your e-mail address", ...scopes };
}

/** A link back to the app if that may be, or, for whoever wanted to sign out, to signing out here. */
function onwardTo(request: Request, signOut: string | undefined, returnTo: string | undefined) {
  if (returnTo !== undefined) return { onward: { href: returnTo, words: wayBack(returnTo) } };
  const leaving = signOut !== undefined && new URL(signOut).pathname === new URL(request.url).pathname;
  return leaving ? { onward: { href: new URL(signOut).pathname, words: "Sign out here" } } : {};
}

function wayBack(url: string): string {
  const { host, protocol } = new URL(url);
  return `Return to ${host === "" ? protocol.slice(0, -1) : host}`;
}
