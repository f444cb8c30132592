/**
 * A browser without a screen for tests: cookies, redirects between applications and the issuer, and a person who signs in.
 *
 * Fetch Standard §4.4 (redirects), Fetch Metadata §2 (`Sec-Fetch-Site`), RFC 6265bis (cookies).
 * Guarantees that nothing leaves the process: an address that is neither the issuer's nor an application's is an error.
 */
import { type CookieJar, cookieJar } from "./cookie-jar.ts";

type Handler = (request: Request) => Response | Promise<Response>;
/** An application: a function from `Request` to `Response`, or an object with such a `fetch` (Hono, for one). */
export type App = Handler | { fetch: Handler };
/** One application, found at `http://localhost:3000`, or several by their origins; relative addresses lie in the first. */
export type Apps = App | Readonly<Record<string, App>>;

/** What the person does at the issuer. */
export interface SignIn {
  /** Where in the application the way to the issuer begins; default `/auth/login`. */
  readonly at?: string | URL;
  /** Default `allow`. `cancel`: on the first page that asks. */
  readonly decision?: "allow" | "deny" | "cancel";
  /** What is left ticked on the consent page; default everything. */
  readonly scopes?: readonly string[];
  readonly password?: string;
}

export interface TestBrowser {
  /** Address of the page that is open. */
  readonly url: URL;
  /** Opens an address and follows redirects. The answer is the page that is open then, perhaps one of the issuer's. */
  get(url: string | URL, init?: { readonly headers?: HeadersInit }): Promise<Response>;
  /** Sends a form, as a page of the application at the same origin would. */
  post(url: string | URL, form?: Readonly<Record<string, string>>): Promise<Response>;
  /**
   * Goes to the issuer by way of the application, signs in and decides; gives the page the application shows in the end. Whoever
   * else was signed in at the issuer in this browser is forgotten there. Throws if the way does not lead to the issuer, or gets
   * stuck there: the message has the page.
   *
   * @example const page = await browser.signIn("alice", { at: "/me" });
   */
  signIn(user: string, how?: SignIn): Promise<Response>;
  /** The cookies that are sent to an address, by name. */
  cookies(url?: string | URL): Map<string, string>;
}

export interface BrowserPorts {
  readonly issuer: string;
  /** Answers for the issuer. */
  readonly handle: (request: Request) => Promise<Response>;
  readonly now: () => number;
}

const maxHops = 20;
/** Pages of the issuer in one sign-in. */
const maxSteps = 6;

/** Opens a browser without cookies. */
export function openBrowser({ issuer, handle, now }: BrowserPorts, given: Apps): TestBrowser {
  const apps = readApps(given);
  const issuerOrigin = new URL(issuer).origin;
  const handlers = new Map<string, Handler>([...apps, [issuerOrigin, handle]]);
  const home = new URL([...apps.keys()][0] ?? issuerOrigin);
  const jar: CookieJar = cookieJar(now);
  let open = home;
  let person: string | undefined;
  /** How often the browser has been at the issuer. */
  let visits = 0;

  const send = async (url: URL, init: Sending, way: readonly URL[]): Promise<Response> => {
    const handler = handlers.get(url.origin);
    if (handler === undefined) {
      throw new Error(`the browser was sent to ${url.href}, which is neither the issuer nor one of the applications`);
    }
    if (isIssuer(url)) visits++;
    const site = siteOf(url, way);
    const cookies = jar.headerFor(url, { method: init.method, crossSite: site === "cross-site" });
    const headers = new Headers({ Accept: "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Site": site });
    if (init.method !== "GET") headers.set("Origin", way[0]?.origin ?? url.origin);
    if (cookies !== "") headers.set("Cookie", cookies);
    for (const [name, value] of new Headers(init.headers)) headers.set(name, value);
    const response = await handler(new Request(url, { ...init, headers, redirect: "manual" }));
    jar.keep(url, response.headers);
    return response;
  };

  const go = async (start: URL, init: Sending, initiator?: URL): Promise<Response> => {
    let [url, next] = [start, init];
    const way = initiator === undefined ? [] : [initiator];
    for (let hop = 0; hop < maxHops; hop++) {
      const response = await send(url, next, way);
      open = url;
      const location = response.headers.get("Location");
      if (location === null || response.status < 300 || response.status > 399) {
        const posted = isIssuer(url) ? postedAnswer(await response.clone().text(), url) : undefined;
        return posted === undefined ? response : go(posted.url, formOf(posted.fields), url);
      }
      // What the person began stays theirs (`none`); what a page began is judged by the whole way.
      if (initiator !== undefined) way.push(url);
      url = new URL(location, url);
      // 301, 302 and 303 become GET; 307 and 308 repeat the request with its body.
      if (response.status < 307 && next.method !== "GET") next = { method: "GET" };
    }
    throw new Error(`more than ${maxHops} redirects, the last one to ${url.href}`);
  };

  const isIssuer = (url: URL): boolean => url.origin === issuerOrigin;

  /** Does what the page that is open asks for. */
  const decide = (html: string, user: string, how: SignIn): Promise<Response> => {
    const { decision = "allow", password = "" } = how;
    const submit = (...fields: [string, string][]) => go(open, formOf(fields), open);
    if (decision === "cancel" && html.includes('id="cancel"')) return submit(["action", "cancel"]);
    if (html.includes('id="username"')) {
      return submit(["username", user], ["password", password], ["action", "login"]);
    }
    if (html.includes('id="other"')) {
      const sids = [...html.matchAll(/name="sid" value="([^"]*)" data-subject="([^"]*)"/g)];
      const sid = sids.find((match) => match[2] === user)?.[1];
      return submit(sid === undefined ? ["action", "other"] : ["sid", sid]);
    }
    if (!html.includes('id="allow"')) throw stuck(html);
    if (decision !== "allow") return submit(["decision", "deny"]);
    const offered = [...html.matchAll(/name="scope" value="([^"]*)"/g)].map((match) => match[1] ?? "");
    const ticked = offered.filter((scope) => how.scopes?.includes(scope) ?? true);
    return submit(["decision", "allow"], ...ticked.map((scope): [string, string] => ["scope", scope]));
  };

  const stuck = (html: string): Error =>
    new Error(
      `stuck at ${open.href}: ${html
        .replace(/<[^>]*>/g, " ")
        .replace(/\s+/g, " ")
        .slice(0, 500)}`,
    );

  return {
    get url() {
      return open;
    },
    get: (url, { headers } = {}) => go(new URL(url, home), { method: "GET", ...(headers && { headers }) }),
    post(url, form = {}) {
      const target = new URL(url, home);
      return go(target, formOf(Object.entries(form)), target);
    },
    async signIn(user, how = {}) {
      if (person !== user) jar.forget(issuerOrigin);
      person = user;
      const before = visits;
      const start = new URL(how.at ?? "/auth/login", home);
      let page = await go(start, { method: "GET" });
      if (visits === before) throw new Error(`${start.href} did not lead to the issuer but answered ${page.status}`);
      const { decision = "allow", scopes } = how;
      let decided = decision === "allow" && scopes === undefined;
      for (let step = 0; step < maxSteps && isIssuer(open); step++) {
        const html = await page.text();
        if (page.status >= 400) throw stuck(html);
        decided ||= html.includes('id="allow"') || (decision === "cancel" && html.includes('id="cancel"'));
        page = await decide(html, user, how);
      }
      if (isIssuer(open)) throw stuck(await page.text());
      // A test that is about saying no must not pass because nobody asked.
      if (!decided)
        throw new Error(`${user} was not asked: they allowed this application before, or it is the issuer's own`);
      return page;
    },
    cookies: (url = home) => jar.at(new URL(url, home)),
  };
}

interface Sending {
  readonly method: string;
  readonly headers?: HeadersInit;
  readonly body?: string;
}

const formOf = (fields: readonly (readonly [string, string])[]): Sending => ({
  method: "POST",
  headers: { "Content-Type": "application/x-www-form-urlencoded" },
  body: new URLSearchParams(fields.map(([name, value]) => [name, value])).toString(),
});

function readApps(apps: Apps): Map<string, Handler> {
  const handlerOf = (app: App): Handler => (typeof app === "function" ? app : (request) => app.fetch(request));
  const isOne = (given: Apps): given is App => typeof given === "function" || typeof given.fetch === "function";
  if (isOne(apps)) return new Map([["http://localhost:3000", handlerOf(apps)]]);
  return new Map(Object.entries(apps).map(([origin, app]) => [new URL(origin).origin, handlerOf(app)]));
}

/** Fetch Metadata §2.4, for a request that came all this way. */
function siteOf(url: URL, way: readonly URL[]): string {
  if (way.length === 0) return "none";
  if (way.every((from) => from.origin === url.origin)) return "same-origin";
  const isSame = (from: URL) => from.hostname === url.hostname && from.protocol === url.protocol;
  return way.every(isSame) ? "same-site" : "cross-site";
}

/** An answer of the issuer that a script would send on at once (Form Post Response Mode §2): its form leads elsewhere. */
function postedAnswer(html: string, page: URL): { readonly url: URL; readonly fields: [string, string][] } | undefined {
  const tags = [...html.matchAll(/<(form|input)\b([^>]*)>/g)].map(([, name, text = ""]) => ({
    name,
    attributes: new Map([...text.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key, unescaped(value)])),
  }));
  const action = tags.find(({ name }) => name === "form")?.attributes.get("action");
  const url = action === undefined ? page : new URL(action, page);
  if (url.origin === page.origin) return undefined;
  const fields = tags
    .filter(({ name, attributes }) => name === "input" && attributes.has("name"))
    .map(({ attributes }): [string, string] => [attributes.get("name") ?? "", attributes.get("value") ?? ""]);
  return { url, fields };
}

const characters: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", "#x27": "'" };

const unescaped = (text = ""): string => text.replace(/&(#?\w+);/g, (all, name: string) => characters[name] ?? all);
