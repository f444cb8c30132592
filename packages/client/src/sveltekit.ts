/**
 * Sign-in for SvelteKit: the `handle` hook, and a guard for `load`, actions and endpoints.
 *
 * Nothing of SvelteKit is imported: the two functions of it that are needed are passed in. SvelteKit itself refuses forms from
 * elsewhere before any hook: a provider that posts its answer (Apple) must be in `csrf.trustedOrigins` of its configuration, and
 * back-channel logout, which comes from no origin at all, arrives only with `["*"]` there (our own routes check for themselves).
 */
import type { Auth, GuardOptions, OAuth } from "./create-oauth.ts";
import { madeOnce } from "./lib/made-once.ts";
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

export interface KitAuth {
  /** For `hooks.server.ts`; with other hooks in `sequence(handle, ...)`. */
  readonly handle: <Event extends KitEvent>(input: {
    readonly event: Event;
    readonly resolve: (event: Event) => Response | Promise<Response>;
  }) => Promise<Response>;
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
 * SvelteKit runs modules while it builds, too: as a function, `oauth` is made with the first request, and the build needs no secrets.
 *
 * @example export const { handle, requireUser } = valetkey(() => createOAuth({ ... }), { redirect, error, building });
 */
export function valetkey(oauth: OAuth | (() => OAuth), { redirect, error, building = false }: KitFunctions): KitAuth {
  const known = madeOnce(oauth);
  const refuse = async (refusal: Response): Promise<never> => {
    const location = refusal.headers.get("location");
    if (location !== null) redirect(303, location);
    return error(refusal.status, "sign in first");
  };
  const signed = (event: KitEvent, auth: Auth): Auth => ({
    ...auth,
    fetch: (...args) =>
      auth.fetch(...args).catch(async (e: unknown) => {
        const answer = await known().recover(pageRequest(event), e);
        // An explanation, where signing in again would lead in a circle, is for the error page of the application.
        if (answer === undefined || answer.headers.get("content-type")?.startsWith("text/html")) throw e;
        return refuse(answer);
      }),
  });
  return {
    async handle({ event, resolve }) {
      const locals = event.locals as SignedLocals;
      locals.auth = null;
      if (building) return resolve(event);
      const answer = await known().handle(event.request);
      if (answer !== undefined) return answer;
      try {
        const auth = await known().session(event.request);
        locals.auth = auth === null ? null : signed(event, auth);
      } catch (e) {
        return outage(e);
      }
      return resolve(event);
    },
    requireUser(event, needs) {
      const { auth } = event.locals as Partial<SignedLocals>;
      if (auth === undefined) throw new Error("requireUser() needs the handle hook");
      const refusal = known().guard(pageRequest(event), auth, needs);
      const location = refusal?.headers.get("location");
      if (location) redirect(303, location);
      if (refusal !== undefined || auth === null) return error(refusal?.status ?? 401, "sign in first");
      return auth;
    },
  };
}

/** The page the person sees: `event.url` is its address also where only its data are asked for. */
function pageRequest({ request, url, isDataRequest = false }: KitEvent): Request {
  const headers = new Headers(request.headers);
  if (isDataRequest) headers.set("Accept", "text/html");
  const { method } = request;
  return new Request(url, { method: method === "GET" || method === "HEAD" ? method : "POST", headers });
}
