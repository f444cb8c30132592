/**
 * Forms that only our own pages can send: a token in each form, made from a cookie of this browser.
 *
 * RFC 6749 §10.12, RFC 9700 §4.7; Fetch Metadata (`Sec-Fetch-Site`); RFC 6265bis §4.1.3 (`__Host-`).
 * Guarantees that a form is acted on only if it carries the HMAC of this browser's own random cookie under the server's
 * secret, and if the browser, where it says so, says that one of our own pages sent it.
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

/** Makes the checks from the server's secrets: the first makes tokens, all are accepted. `origin` is the issuer's. */
export function createCsrf(options: { readonly secrets: readonly string[]; readonly origin: string }): Csrf {
  const { secrets, origin } = options;
  const secure = origin.startsWith("https:");
  const cookieName = secure ? "__Host-vk_browser" : "vk_browser";
  const browserOf = (request: Request): string | undefined => {
    const value = readCookies(request).get(cookieName);
    return value !== undefined && /^[A-Za-z0-9_-]{43}$/.test(value) ? value : undefined;
  };
  return {
    issue(request) {
      const known = browserOf(request);
      const browser = known ?? randomToken();
      const cookie = (): string =>
        setCookie(cookieName, browser, { secure, httpOnly: true, sameSite: "Lax", path: "/", maxAge: cookieSeconds });
      return { token: tokenOf(secrets[0] ?? "", browser), cookies: known === undefined ? [cookie()] : [] };
    },
    refuses(request, form) {
      // A sibling subdomain is another site's page too: only our own origin, or a person's own doing (`none`), may post.
      const site = request.headers.get("sec-fetch-site") ?? "same-origin";
      if (site !== "same-origin" && site !== "none") return "cross-site";
      // Browsers that do not say that say this; our own pages send `null`, for they tell no referrer.
      const sender = request.headers.get("origin") ?? "null";
      if (sender !== "null" && sender !== origin) return "cross-site";
      const browser = browserOf(request);
      if (browser === undefined) return "no-cookie";
      const sent = Buffer.from(form.csrf ?? "");
      const matches = secrets.map((secret) => {
        const expected = Buffer.from(tokenOf(secret, browser));
        return sent.length === expected.length && timingSafeEqual(sent, expected);
      });
      return matches.includes(true) ? undefined : "token";
    },
  };
}

function tokenOf(secret: string, browser: string): string {
  return createHmac("sha256", secret).update(`valetkey form ${browser}`).digest("base64url");
}
