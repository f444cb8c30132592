/**
 * The cookies of one browser.
 *
 * RFC 6265bis §5.6 to §5.8: host, path, Secure, Max-Age and SameSite; cookies for whole domains are kept for their host alone.
 */

interface Cookie {
  readonly host: string;
  readonly name: string;
  readonly value: string;
  readonly path: string;
  readonly secure: boolean;
  readonly sameSite: "strict" | "lax" | "none";
  /** Milliseconds. */
  readonly expires: number;
}

export interface CookieJar {
  /** The `Cookie` header of a request; empty: none. */
  headerFor(url: URL, request: { readonly method: string; readonly crossSite: boolean }): string;
  keep(url: URL, headers: Headers): void;
  /** Forgets those of one origin's host. */
  forget(origin: string): void;
  /** Those that would go to an address of the same site, by name. */
  at(url: URL): Map<string, string>;
}

export function cookieJar(now: () => number): CookieJar {
  let held: Cookie[] = [];
  const matching = (url: URL): Cookie[] =>
    held
      .filter((one) => one.host === url.hostname && one.expires > now() && pathMatches(one.path, url.pathname))
      .filter((one) => !one.secure || url.protocol === "https:" || url.hostname === "localhost")
      // §5.8.3: longer paths first.
      .sort((a, b) => b.path.length - a.path.length);
  return {
    headerFor: (url, { method, crossSite }) =>
      matching(url)
        .filter(({ sameSite }) => !crossSite || sameSite === "none" || (sameSite === "lax" && method === "GET"))
        .map(({ name, value }) => `${name}=${value}`)
        .join("; "),
    keep(url, headers) {
      for (const line of headers.getSetCookie()) {
        const cookie = readSetCookie(url, line, now());
        const isSame = (one: Cookie) =>
          one.host === cookie?.host && one.name === cookie.name && one.path === cookie.path;
        if (cookie !== undefined) held = [...held.filter((one) => !isSame(one)), cookie];
      }
    },
    forget(origin) {
      held = held.filter((one) => one.host !== new URL(origin).hostname);
    },
    at: (url) => new Map(matching(url).map(({ name, value }) => [name, value])),
  };
}

function readSetCookie(url: URL, line: string, now: number): Cookie | undefined {
  const [pair = "", ...attributes] = line.split(";").map((part) => part.trim());
  const equals = pair.indexOf("=");
  if (equals <= 0) return undefined;
  const values = new Map(
    attributes.map((part) => {
      const [name = "", ...rest] = part.split("=");
      return [name.toLowerCase(), rest.join("=")];
    }),
  );
  const [age, date, path = "", sameSite = "lax"] = ["max-age", "expires", "path", "samesite"].map((name) =>
    values.get(name),
  );
  const end = age !== undefined ? now + Number(age) * 1000 : date !== undefined ? Date.parse(date) : Infinity;
  const chosen = sameSite.toLowerCase();
  return {
    host: url.hostname,
    name: pair.slice(0, equals),
    value: pair.slice(equals + 1),
    path: path.startsWith("/") ? path : url.pathname.slice(0, Math.max(1, url.pathname.lastIndexOf("/"))),
    secure: values.has("secure"),
    sameSite: chosen === "strict" || chosen === "none" ? chosen : "lax",
    expires: end,
  };
}

const pathMatches = (cookie: string, path: string): boolean =>
  path === cookie || (path.startsWith(cookie) && (cookie.endsWith("/") || path.charAt(cookie.length) === "/"));
