/**
 * Sign-in for Next.js with the app router: a route handler, and who is signed in for pages, actions and route handlers.
 *
 * Nothing of Next is imported: the two functions of it that are needed are passed in.
 */
import type { Auth, GuardOptions, OAuth } from "./create-oauth.ts";
import { type MakeOAuth, madeOnce } from "./lib/made-once.ts";
import { outage } from "./lib/outage.ts";

/** Functions of Next.js. */
export interface NextFunctions {
  /** `headers` from `next/headers`. */
  readonly headers: () => Promise<{ get(name: string): string | null }>;
  /** `redirect` from `next/navigation`. It throws. */
  readonly redirect: (url: string) => never;
}

/** What a page needs. A page does not know its own address: `returnTo` is where people come back to, `/` unless given. */
export interface PageOptions extends GuardOptions {
  readonly returnTo?: string;
}

/** A route handler that is given who is signed in. `context` is Next's, with `params`. */
export type SignedHandler<Context> = (request: Request, auth: Auth, context: Context) => Response | Promise<Response>;

export interface NextAuth {
  /** For `app/auth/[...path]/route.ts`: `export const { GET, POST } = ...`. */
  readonly GET: (request: Request) => Promise<Response>;
  readonly POST: (request: Request) => Promise<Response>;
  /** Tells in a page or an action who is signed in; `null`: nobody. */
  auth(): Promise<Auth | null>;
  /**
   * Gives who is signed in, in a page or an action; anybody else is sent to sign in and comes back to `returnTo`. So is a person
   * whose permission turns out to have ended when `fetch` is called on the result.
   *
   * @example const auth = await requireUser({ returnTo: "/settings", maxAge: "10m" });
   */
  requireUser(options?: PageOptions): Promise<Auth>;
  /**
   * Guards a route handler: people are sent to sign in and come back, programs get 401.
   *
   * @example export const GET = protect(async (request, auth) => Response.json(auth.user));
   */
  protect<Context>(
    handler: SignedHandler<Context>,
    needs?: GuardOptions,
  ): (request: Request, context: Context) => Promise<Response>;
  /**
   * Gives the answer to those who may not pass, else nothing: for `proxy.ts`, where it is the whole function.
   *
   * @example export const proxy = (request: NextRequest) => guard(request, { maxAge: "10m" });
   */
  guard(request: Request, needs?: GuardOptions): Promise<Response | undefined>;
}

/**
 * Binds the sign-in of an application to Next.js. Next runs modules while it builds, too: as a function, `oauth` is made with the
 * first request, and the build needs neither secrets nor a database.
 *
 * Next runs a module several times in one process: once for pages, once for route handlers, once for `proxy.ts`. Two memory stores
 * would not know of each other's sessions, so keep what must be there once in `globalThis`.
 *
 * @example
 * const once = globalThis as { oauth?: OAuth };
 * const signIn = valetkey(() => (once.oauth ??= createOAuth({ ... })), { headers, redirect });
 * export const { GET, POST, auth, requireUser, protect } = signIn;
 */
export function valetkey(oauth: MakeOAuth, { headers, redirect }: NextFunctions): NextAuth {
  const known = madeOnce(oauth);
  const route = async (request: Request) => {
    // Next's router asks for a page's data before it goes there, and so does its server after an action. There are none, and it
    // leaves the address to the browser. Redirects would lead both to the provider, with a sign-in begun that nobody sees.
    if (request.headers.has("rsc"))
      return new Response(null, { status: 204, headers: { "Cache-Control": "no-store" } });
    let oauth: OAuth;
    try {
      oauth = await known();
    } catch (e) {
      return outage(e);
    }
    return (await oauth.handle(request)) ?? new Response(null, { status: 404 });
  };

  // As if the browser had asked for this path: what a page is told of its request are the headers.
  const pageRequest = async (path: string): Promise<Request> => {
    const given = await headers();
    const origin = (await known()).baseUrl ?? `http://${given.get("host") ?? "localhost"}`;
    const cookie = given.get("cookie") ?? "";
    return new Request(new URL(path, origin), { headers: { cookie, accept: "text/html" } });
  };

  return {
    GET: route,
    POST: route,
    async auth() {
      // First the headers: with them Next learns that the page cannot be made in advance, and runs no further.
      const request = await pageRequest("/");
      return (await known()).session(request);
    },
    async requireUser({ returnTo = "/", ...needs } = {}) {
      const request = await pageRequest(returnTo);
      const oauth = await known();
      const auth = await oauth.session(request);
      const login = oauth.guard(request, auth, needs)?.headers.get("location");
      if (login) redirect(login);
      // The guard lets nobody through but somebody.
      if (auth === null) throw new Error("nobody is signed in");
      return {
        ...auth,
        fetch: (...args) =>
          auth.fetch(...args).catch(async (e: unknown) => {
            const again = (await oauth.recover(request, e))?.headers.get("location");
            if (again) redirect(again);
            throw e;
          }),
      };
    },
    protect: (handler, needs) => async (request, context) => {
      let oauth: OAuth;
      let auth: Auth | null;
      try {
        oauth = await known();
        auth = await oauth.session(request);
      } catch (e) {
        return outage(e);
      }
      const refusal = oauth.guard(request, auth, needs);
      if (refusal !== undefined || auth === null) return refusal ?? new Response(null, { status: 401 });
      try {
        return await handler(request, auth, context);
      } catch (e) {
        const again = await oauth.recover(request, e);
        if (again !== undefined) return again;
        throw e;
      }
    },
    async guard(request, needs) {
      try {
        const oauth = await known();
        const refusal = oauth.guard(forPerson(request), await oauth.session(request), needs);
        // From here Next redirects to whole addresses only.
        const location = refusal?.headers.get("location");
        if (location) refusal?.headers.set("Location", new URL(location, oauth.baseUrl ?? request.url).href);
        return refusal;
      } catch (e) {
        return outage(e);
      }
    },
  };
}

/** Next's router asks for the data of a page a person goes to. What would tell it from a program is hidden here, but for one header. */
function forPerson(request: Request): Request {
  if (request.method !== "GET" || !request.headers.has("next-url")) return request;
  const headers = new Headers(request.headers);
  headers.set("Accept", "text/html");
  return new Request(request.url, { method: request.method, headers });
}
