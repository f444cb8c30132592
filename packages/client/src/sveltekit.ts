/**
 * Sign-in for SvelteKit: the `handle` hook, and a guard for `load`, actions and endpoints.
 *
 * Nothing of SvelteKit is imported: the two functions of it that are needed are passed in. SvelteKit itself refuses forms from
 * elsewhere before any hook: a provider that posts its answer (Apple) must be in `csrf.trustedOrigins` of its configuration, and
 * back-channel logout, which comes from no origin at all, arrives only with `["*"]` there. Our own routes check for themselves;
 * `checkForms` is SvelteKit's check again, for all others.
 */
import type { Auth, GuardOptions, OAuth } from "./create-oauth.ts";
import { type MakeOAuth, madeOnce } from "./lib/made-once.ts";
import { outage } from "./lib/outage.ts";

/** Functions and facts of SvelteKit. */
export interface KitFunctions {
  /** `redirect` from `@sveltejs/kit`. It throws. */
  readonly redirect: (status: 303, location: string) => never;
  /** `error` from `@sveltejs/kit`. It throws. */
  readonly error: (status: number, message: string) => never;
  /** `building` from `$app/env` (`$app/environment` in SvelteKit 2): nobody is signed in while pages are made in advance. */
  readonly building?: boolean;
}

/** The parts of SvelteKit's `RequestEvent` that are used. */
export interface KitEvent {
  readonly request: Request;
  readonly url: URL;
  readonly locals: object;
  /** The browser navigates by itself and fetches only the data of the page. */
  readonly isDataRequest?: boolean;
}

/** What the hook adds: declare it in `app.d.ts` as `interface Locals extends SignedLocals {}`. */
export interface SignedLocals {
  /** Who is signed in; `null`: nobody. */
  auth: Auth | null;
}

/** A hook by the name of `handle`. */
export type KitHook = <Event extends KitEvent>(input: {
  readonly event: Event;
  readonly resolve: (event: Event) => Response | Promise<Response>;
}) => Promise<Response>;

export interface KitAuth {
  /** For `hooks.server.ts`; with other hooks in `sequence(handle, ...)`. */
  readonly handle: KitHook;
  /**
   * With `csrf.trustedOrigins: ["*"]`: refuses forms from elsewhere with 403, as SvelteKit would have done. It belongs after
   * `handle`, whose routes know better.
   *
   * @example export const handle = sequence(signIn.handle, signIn.checkForms);
   */
  readonly checkForms: KitHook;
  /**
   * Gives who is signed in; others are sent to sign in and come back to this page, programs get 401.
   *
   * @example export const load = (event) => ({ user: requireUser(event, { maxAge: "10m" }).user });
   */
  requireUser(event: KitEvent, needs?: GuardOptions): Auth;
}

/**
 * Binds the sign-in of an application to SvelteKit. The hook serves `/auth/*` and sets `event.locals.auth`; while that cannot be
 * known it answers 503. Where `locals.auth.fetch` finds that the permission has ended, people are sent to sign in and back, and
 * programs get 401.
 *
 * SvelteKit runs modules while it builds, too: as a function, `oauth` is made with the first request, and the build needs
 * neither secrets nor a database.
 *
 * @example export const { handle, requireUser } = valetkey(() => createOAuth({ ... }), { redirect, error, building });
 */
export function valetkey(oauth: MakeOAuth, { redirect, error, building = false }: KitFunctions): KitAuth {
  const known = madeOnce(oauth);
  // A guard does not wait: the hook has made it by then.
  let made: OAuth | undefined;
  /** Pages for those who sent a form: an action can only throw, so the hook puts them in the place of the error page. */
  const pages = new WeakMap<object, Response>();
  const refuse = async (refusal: Response): Promise<never> => {
    const location = refusal.headers.get("location");
    if (location !== null) redirect(303, location);
    return error(refusal.status, "sign in first");
  };
  const signed = (event: KitEvent, auth: Auth): Auth => ({
    ...auth,
    fetch: (...args) =>
      auth.fetch(...args).catch(async (e: unknown) => {
        const answer = await (await known()).recover(pageRequest(event), e);
        if (answer === undefined) throw e;
        if (isPage(answer)) {
          // An explanation, where signing in again would lead in a circle, is for the error page of the application.
          if (event.request.method === "GET") throw e;
          pages.set(event.locals, answer);
        }
        return refuse(answer);
      }),
  });
  return {
    async handle({ event, resolve }) {
      const locals = event.locals as SignedLocals;
      locals.auth = null;
      if (building) return resolve(event);
      try {
        made = await known();
        const answer = await made.handle(event.request);
        if (answer !== undefined) return answer;
        const auth = await made.session(event.request);
        locals.auth = auth === null ? null : signed(event, auth);
      } catch (e) {
        return outage(e);
      }
      const answer = await resolve(event);
      const page = pages.get(locals);
      if (page === undefined || answer.status !== page.status) return answer;
      for (const cookie of answer.headers.getSetCookie()) page.headers.append("Set-Cookie", cookie);
      return page;
    },
    async checkForms({ event, resolve }) {
      if (fromElsewhere(event, made?.baseUrl))
        return new Response("This form was sent from another site.\n", { status: 403 });
      return resolve(event);
    },
    requireUser(event, needs) {
      const { auth } = event.locals as Partial<SignedLocals>;
      if (building) throw new Error("requireUser() needs somebody who asks: a guarded page cannot be prerendered");
      if (auth === undefined || made === undefined) throw new Error("requireUser() needs the handle hook");
      const refusal = made.guard(pageRequest(event), auth, needs);
      const location = refusal?.headers.get("location");
      if (location) redirect(303, location);
      if (refusal !== undefined && isPage(refusal)) pages.set(event.locals, refusal);
      if (refusal !== undefined || auth === null) return error(refusal?.status ?? 401, "sign in first");
      return auth;
    },
  };
}

const isPage = (answer: Response): boolean => answer.headers.get("content-type")?.startsWith("text/html") === true;

/** What a browser can send without asking the other site first (Fetch Standard, "simple" content types). */
const formTypes = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain", ""];

/**
 * Tells whether a form comes from another site, or from nowhere: by Sec-Fetch-Site where the browser sends it, which is right
 * behind proxies and on pages with `no-referrer` too (Fetch Metadata §2.3), else by Origin.
 */
function fromElsewhere({ request, url }: KitEvent, baseUrl: string | undefined): boolean {
  if (["GET", "HEAD", "OPTIONS"].includes(request.method)) return false;
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase() ?? "";
  if (!formTypes.includes(type)) return false;
  const site = request.headers.get("sec-fetch-site");
  if (site !== null) return site !== "same-origin";
  const origin = request.headers.get("origin");
  return origin === null || (origin !== url.origin && origin !== baseUrl);
}

/** The page the person sees: `event.url` is its address also where only its data are asked for. */
function pageRequest({ request, url, isDataRequest = false }: KitEvent): Request {
  const headers = new Headers(request.headers);
  if (isDataRequest) headers.set("Accept", "text/html");
  const { method } = request;
  return new Request(url, { method: method === "GET" || method === "HEAD" ? method : "POST", headers });
}
