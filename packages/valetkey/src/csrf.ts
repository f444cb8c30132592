/**
 * Forms that only our own pages can send: a token in each form, made from a cookie of this browser.
 *
 * RFC 6749 §10.12, RFC 9700 §4.7; Fetch Metadata (`Sec-Fetch-Site`); RFC 6265bis §4.1.3 (`__Host-`).
 * Guarantees that a form is acted on only if it carries the HMAC of one of this browser's own random cookies under the server's
 * secret, and if the browser, where it says so, says that one of our own pages sent it. Pages that are opened at the same moment
 * in a new browser each make a cookie, under names of their own: none takes the other's away.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { readCookies, setCookie } from "@valetkey/protocol/cookie";
import type { Form } from "@valetkey/protocol/form";
import { randomToken } from "@valetkey/protocol/random";

/** A token for the forms of one page, and the cookie that must go out with it if the browser has none yet. */
export interface FormToken {
  readonly token: string;
  readonly cookies: readonly string[];
}

export interface Csrf {
  issue(request: Request): FormToken;
  /** Why a form must not be acted on: sent by another site, or not from a page this browser got from us. */
  refuses(request: Request, form: Form): "cross-site" | "no-cookie" | "token" | undefined;
}

const cookieSeconds = 30 * 24 * 3600;
/** So many count, the oldest: as many as pages that are likely to be opened at once, when a browser brings its tabs back. */
const maxCookies = 8;

/** Makes the checks from the server's secrets: the first makes tokens, all are accepted. `origin` is the issuer's. */
export function createCsrf(options: { readonly secrets: readonly string[]; readonly origin: string }): Csrf {
  const { secrets, origin } = options;
  const secure = origin.startsWith("https:");
  const prefix = secure ? "__Host-vk_browser_" : "vk_browser_";
  const write = (name: string, value: string, maxAge: number): string =>
    setCookie(name, value, { secure, httpOnly: true, sameSite: "Lax", path: "/", maxAge });
  // In the order in which browsers send them: the oldest first (RFC 6265bis §5.8.3).
  const browsersOf = (request: Request): (readonly [name: string, value: string])[] =>
    [...readCookies(request)].filter(([name, value]) => name.startsWith(prefix) && /^[A-Za-z0-9_-]{43}$/.test(value));
  return {
    issue(request) {
      const [known, ...others] = browsersOf(request);
      if (known !== undefined) {
        const superfluous = others.slice(maxCookies - 1).map(([name]) => write(name, "", 0));
        return { token: tokenOf(secrets[0] ?? "", known[1]), cookies: superfluous };
      }
      const browser = randomToken();
      return {
        token: tokenOf(secrets[0] ?? "", browser),
        cookies: [write(prefix + randomToken(6), browser, cookieSeconds)],
      };
    },
    refuses(request, form) {
      // A sibling subdomain is another site's page too: only our own origin, or a person's own doing (`none`), may post.
      const site = request.headers.get("sec-fetch-site") ?? "same-origin";
      if (site !== "same-origin" && site !== "none") return "cross-site";
      // Browsers that do not say that say this; our own pages send `null`, for they tell no referrer.
      const sender = request.headers.get("origin") ?? "null";
      if (sender !== "null" && sender !== origin) return "cross-site";
      const browsers = browsersOf(request).slice(0, maxCookies);
      if (browsers.length === 0) return "no-cookie";
      const sent = Buffer.from(form.csrf ?? "");
      const matches = browsers.flatMap(([, browser]) =>
        secrets.map((secret) => {
          const expected = Buffer.from(tokenOf(secret, browser));
          return sent.length === expected.length && timingSafeEqual(sent, expected);
        }),
      );
      return matches.includes(true) ? undefined : "token";
    },
  };
}

function tokenOf(secret: string, browser: string): string {
  return createHmac("sha256", secret).update(`valetkey form ${browser}`).digest("base64url");
}
