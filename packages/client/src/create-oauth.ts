/**
 * createOAuth: sign-in for an application, as `Request → Response`.
 *
 * It serves `/auth/login`, `/auth/login/<name>`, `/auth/callback/<name>`, `/auth/logout` and, for issuers that tell when
 * somebody signed out there, `/auth/backchannel-logout/<name>` and `/auth/frontchannel-logout/<name>`. It tells who is signed in.
 * RFC 6749 §4.1, RFC 9700, OpenID Connect Core §3.1. Tokens never reach the browser: they are in the store, encrypted.
 * Guarantees that `handle` never rejects, and that nobody counts as signed in because something failed.
 */
import type { Fetch } from "@valetkey/protocol/read-json";
import type { Store } from "@valetkey/store";
import type { Auth, User } from "./auth.ts";
import { type App, originOf, readOptions } from "./lib/app.ts";
import { callbackRoute } from "./lib/callback-route.ts";
import type { Duration } from "./lib/duration.ts";
import { type GuardOptions, guard } from "./lib/guard.ts";
import { loginRoute, startRoute } from "./lib/login-route.ts";
import { backchannelRoute, frontchannelRoute } from "./lib/logout-receivers.ts";
import { logoutRoute } from "./lib/logout-route.ts";
import { noticeOtherPath } from "./lib/other-path.ts";
import { unknowable } from "./lib/outage.ts";
import { errorPage, wrongMethod } from "./lib/page.ts";
import { recover } from "./lib/recover.ts";
import { findSession } from "./lib/session.ts";
import { authOf } from "./lib/session-auth.ts";
import type { Linking } from "./linking.ts";
import type { Log } from "./log.ts";
import type { Pages } from "./pages.ts";
import type { Provider } from "./provider.ts";
import type { Tokens } from "./token-request.ts";

export type { Account, Auth, SignOutOptions, User } from "./auth.ts";
export type { GuardOptions } from "./lib/guard.ts";
export { byVerifiedEmail, googleAccounts, type Linking } from "./linking.ts";
export { oauth1 } from "./oauth1.ts";
export { oauth2 } from "./oauth2.ts";
export { oidc } from "./oidc.ts";
export type { ErrorPage, PageLink, Pages, SignInPage } from "./pages.ts";

/** Where somebody comes from, and as whom. */
export interface SignInFrom {
  readonly provider: string;
  readonly issuer: string;
  /**
   * `"link"`: whoever is signed in as `previous` asked, with a form on the application's own pages, to add this account. Link on
   * nothing less: that somebody else was signed in before can be arranged by a stranger.
   */
  readonly intent: "sign-in" | "link";
  /** Who is signed in in this browser: with `"link"` they stay, else their session ends when this one is stored. */
  readonly previous?: {
    readonly user: User;
    readonly provider: string;
    readonly issuer: string;
    /** Who that is in the application. */
    readonly person?: string;
  };
  /**
   * With `linking: byVerifiedEmail(…)`, an address the provider has the last word on, in one spelling. A person may be found by it
   * among those stored with such an address; `user.email` proves nothing.
   */
  readonly verifiedEmail?: string;
}

/** Who the person is in the application: the id in its own database, say. It comes back as `auth.person`. */
export interface SignInAnswer {
  readonly person?: string;
}

/**
 * Runs after everything was verified and before the session exists. Throwing refuses the sign-in; a `ClientError` is shown as it is,
 * for example `account_taken`. Answering another person than the one who asks to add an account refuses that in the same way.
 */
export type SignInHook = (
  user: User,
  tokens: Tokens,
  from: SignInFrom,
) => SignInAnswer | undefined | void | Promise<SignInAnswer | undefined> | Promise<void>;

export interface OAuthOptions {
  /** The ways to sign in. Credentials left out come from `{NAME}_CLIENT_ID` and `{NAME}_CLIENT_SECRET`. */
  readonly providers: readonly Provider[];
  /** Where sessions and tokens are. Required off loopback; there, without one, they are kept in memory, with a warning. */
  readonly store?: Store;
  /** At least 32 characters; several for rotation, the first seals. Default `VALETKEY_SECRET`, separated by commas. */
  readonly secret?: string | readonly string[];
  /** Origin of this application, e.g. `https://app.example`. Default `VALETKEY_BASE_URL`; guessed on loopback only. */
  readonly baseUrl?: string | URL;
  /** Where the routes are; default `/auth`. */
  readonly path?: string;
  /** Save the person here, and answer who it is: `{ person: id }`. `user.sub` is unique with `from.issuer` only. */
  readonly onSignIn?: SignInHook;
  /** When accounts belong to one person. Default `"signed-in"`: only who is signed in adds another one. */
  readonly linking?: Linking;
  /** Error pages and the sign-in page in the application's own frame. Escaping what they show is up to it. */
  readonly pages?: Pages;
  /** How long a session lasts: seconds, or `"30d"`; default a week. */
  readonly sessionLifetime?: Duration;
  /** Seconds by which clocks may differ, 0 to 60; default 30. */
  readonly clockTolerance?: number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  readonly fetch?: Fetch;
  readonly log?: Log;
}

export interface OAuth {
  /** Answers the routes under `path`; `undefined`: not one of ours. Never rejects. */
  handle(request: Request): Promise<Response | undefined>;
  /** Tells who is signed in; `null`: nobody. Rejects (`StoreUnavailable`) when that cannot be known. */
  session(request: Request): Promise<Auth | null>;
  /**
   * Answers a request that needs somebody signed in, perhaps lately; `undefined`: they may pass. People are sent to sign in and
   * come back to the same page, programs get 401.
   *
   * @example const refusal = oauth.guard(request, await oauth.session(request), { maxAge: "10m" });
   */
  guard(request: Request, auth: Auth | null, needs?: GuardOptions): Response | undefined;
  /**
   * Answers a request that failed because the permission has ended (`sign_in_again`, `no_refresh_token`): people are sent to sign
   * in and come back, programs get 401. `undefined`: the error is another one. The adapters do this by themselves.
   *
   * @example try { return await page(request) } catch (e) { const answer = await oauth.recover(request, e); if (answer) return answer; throw e }
   */
  recover(request: Request, error: unknown): Promise<Response | undefined>;
  /** Tells whether a path is one of the routes, whatever the method. */
  owns(pathname: string): boolean;
  /** The configured origin, if any. */
  readonly baseUrl: string | undefined;
}

/**
 * Creates the sign-in of an application. Mistakes in the options are thrown at once as `ClientError` `configuration_invalid`.
 *
 * @example
 * const oauth = createOAuth({ providers: [oidc("acme", { issuer: "https://id.acme.example" })] });
 * const answer = (await oauth.handle(request)) ?? myApp(request, await oauth.session(request));
 */
export function createOAuth(options: OAuthOptions): OAuth {
  const app = readOptions(options);
  return {
    handle: (request) => handle(app, request),
    async session(request) {
      const origin = originOf(app, request);
      const session = await findSession(app, request, origin).catch((e: unknown) => unknowable(app, e));
      return session === undefined ? null : authOf(app, request, origin, session);
    },
    guard: (request, auth, needs) => guard(app, request, auth, needs),
    recover: (request, error) => recover(app, request, error),
    owns: (pathname) => findRoute(app, pathname) !== undefined,
    baseUrl: app.baseUrl,
  };
}

type Route = (app: App, request: Request, name: string) => Promise<Response>;

const routes: readonly { readonly pattern: RegExp; readonly methods: readonly string[]; readonly route: Route }[] = [
  { pattern: /^\/login$/, methods: ["GET"], route: loginRoute },
  { pattern: /^\/login\/([^/]+)$/, methods: ["GET", "POST"], route: startRoute },
  { pattern: /^\/callback\/([^/]+)$/, methods: ["GET", "POST"], route: callbackRoute },
  { pattern: /^\/backchannel-logout\/([^/]+)$/, methods: ["POST"], route: backchannelRoute },
  { pattern: /^\/frontchannel-logout\/([^/]+)$/, methods: ["GET"], route: frontchannelRoute },
  { pattern: /^\/logout$/, methods: ["POST"], route: logoutRoute },
];

function findRoute(app: App, pathname: string) {
  if (!pathname.startsWith(`${app.path}/`)) {
    noticeOtherPath(app, pathname);
    return undefined;
  }
  const rest = pathname.slice(app.path.length);
  for (const { pattern, methods, route } of routes) {
    const match = pattern.exec(rest);
    if (match !== null) return { methods, route, name: match[1] ?? "" };
  }
  noticeOtherPath(app, pathname);
  return undefined;
}

async function handle(app: App, request: Request): Promise<Response | undefined> {
  const found = findRoute(app, new URL(request.url).pathname);
  if (found === undefined) return undefined;
  const { methods, route, name } = found;
  if (!methods.includes(request.method)) return wrongMethod(app, request, methods.join(", "));
  try {
    return await route(app, request, name);
  } catch (e) {
    return errorPage(app, request, e, { link: { href: "/", text: "Back to the application" } });
  }
}
