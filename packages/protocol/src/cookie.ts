/**
 * Cookies: read those a browser sent, write those it shall keep.
 *
 * RFC 6265 §4 and §5.4, RFC 6265bis §4.1.3 (name prefixes).
 * Guarantees that no name or value can end its cookie early, and that a prefix is never used without what it promises.
 */

/** How a cookie is kept. */
export interface CookieAttributes {
  readonly secure: boolean;
  readonly httpOnly: boolean;
  readonly sameSite: "Strict" | "Lax" | "None";
  readonly path: string;
  /** Seconds; 0 removes the cookie, absent means until the browser closes. */
  readonly maxAge?: number;
}

const maxHeader = 32768;
const maxCookies = 100;

/**
 * Reads the cookies of a request. Of two with one name the first counts: it has the longer path (RFC 6265 §5.4).
 * A header of more than 32768 characters counts as none, and cookies after the hundredth are not read.
 */
export function readCookies(request: Request): Map<string, string> {
  const header = request.headers.get("cookie") ?? "";
  const cookies = new Map<string, string>();
  if (header.length > maxHeader) return cookies;
  for (const pair of header.split(";", maxCookies)) {
    const equals = pair.indexOf("=");
    if (equals < 0) continue;
    const name = trimmed(pair.slice(0, equals));
    const value = trimmed(pair.slice(equals + 1));
    if (name !== "" && !cookies.has(name)) cookies.set(name, value);
  }
  return cookies;
}

// RFC 6265bis §5.6: blanks and tabs, no more. `trim()` takes U+00A0 too, and a name that begins with it has no prefix to a
// browser: any sibling domain may set it, and here it would have become a `__Host-` cookie.
const trimmed = (text: string): string => text.replace(/^[ \t]+/, "").replace(/(?<![ \t])[ \t]+$/, "");

/** Writes a Set-Cookie header. A name, value, path or age that is not allowed, or that breaks its prefix, is a `TypeError`. */
export function setCookie(name: string, value: string, attributes: CookieAttributes): string {
  const { secure, httpOnly, sameSite, path, maxAge } = attributes;
  if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/.test(name)) throw new TypeError("a cookie name must be a token");
  // RFC 6265 §4.1.1 cookie-octet: no blanks, quotes, commas, semicolons or backslashes.
  if (!/^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/.test(value))
    throw new TypeError(`the value of cookie ${name} is not allowed`);
  if (!/^\/[\x20-\x3a\x3c-\x7e]*$/.test(path)) throw new TypeError(`the path of cookie ${name} is not allowed`);
  if (maxAge !== undefined && !Number.isSafeInteger(maxAge))
    throw new TypeError(`the age of cookie ${name} must be whole seconds`);
  if (name.startsWith("__Host-") && !(secure && path === "/"))
    throw new TypeError("a __Host- cookie must be secure, with path /");
  if (name.startsWith("__Secure-") && !secure) throw new TypeError("a __Secure- cookie must be secure");
  if (sameSite === "None" && !secure) throw new TypeError("a SameSite=None cookie must be secure");
  const parts = [`${name}=${value}`, `Path=${path}`, `SameSite=${sameSite}`];
  if (maxAge !== undefined) parts.push(`Max-Age=${maxAge}`);
  if (secure) parts.push("Secure");
  if (httpOnly) parts.push("HttpOnly");
  return parts.join("; ");
}
