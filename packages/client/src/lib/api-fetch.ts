/**
 * Calls an API on behalf of the person who is signed in.
 *
 * RFC 6750 §2.1 and §3.1, RFC 8707 §2, RFC 9700 §4.9 (tokens must not leak to other servers).
 * Guarantees that a token goes to the issuer's own origin or to a declared resource, each with its own, and nowhere else:
 * redirects are handed back, not followed.
 */
import { ClientError, isClientError } from "../client-error.ts";
import type { App, Remote } from "./app.ts";
import { freshToken } from "./fresh-token.ts";
import { readSecureUrl } from "./secure-url.ts";
import type { Session } from "./session.ts";

/** Sends a request with a token that is good now; once again with a fresh one if the answer is 401 `invalid_token`. */
export async function apiFetch(
  app: App,
  session: Session,
  remote: Remote,
  target: string | URL,
  init: RequestInit = {},
): Promise<Response> {
  const { url, resource } = audienceOf(remote, target);
  const send = (token: string): Promise<Response> => {
    const headers = new Headers(init.headers);
    headers.set("Authorization", `Bearer ${token}`);
    // A redirect could lead the token out of the resource: whoever called decides.
    return app.fetch(url, { ...init, headers, redirect: init.redirect === "error" ? "error" : "manual" });
  };
  const wanted = { session, remote, resource };
  const token = await freshToken(app, wanted);
  const response = await send(token);
  // A body that was streamed is gone.
  if (!refusesToken(response) || init.body instanceof ReadableStream) return response;
  try {
    const renewed = await freshToken(app, { ...wanted, rejected: token });
    await response.body?.cancel();
    return await send(renewed);
  } catch (e) {
    // Nothing better to be had: the refusal is the answer.
    if (isClientError(e, "no_refresh_token") || isClientError(e, "issuer_unavailable")) return response;
    throw e;
  }
}

// RFC 6750 §3.1: only invalid_token says that another token would help.
const refusesToken = (response: Response): boolean =>
  response.status === 401 && /\berror\s*=\s*"?invalid_token\b/i.test(response.headers.get("www-authenticate") ?? "");

/** Decides which token a URL gets: that of the declared resource it lies in, else the issuer's for its own origin. */
export function audienceOf(
  remote: Pick<Remote, "name" | "issuer" | "resource">,
  target: string | URL,
): { readonly url: URL; readonly resource: string } {
  const text = String(target);
  // What is judged is what is sent: the spelling a URL parser makes of it.
  const url = readSecureUrl(URL.canParse(text) ? new URL(text).href : text, true);
  if (url === undefined) {
    throw notAllowed(`an absolute https URL is needed (http on loopback), got ${text.slice(0, 200)}`);
  }
  const [resource] = remote.resource
    .filter((one) => liesIn(url, new URL(one)))
    .sort((a, b) => new URL(b).pathname.length - new URL(a).pathname.length);
  if (resource !== undefined) return { url, resource };
  if (url.origin === new URL(remote.issuer).origin) return { url, resource: "" };
  throw notAllowed(`${url.origin} is neither the issuer nor in the resources of ${remote.name}`);
}

// Whole path segments: https://api.example/v1 does not cover /v10. An encoded slash or dot is read differently by servers.
function liesIn(url: URL, resource: URL): boolean {
  if (url.origin !== resource.origin) return false;
  const prefix = resource.pathname.replace(/\/$/, "");
  if (prefix !== "" && /%2f|%5c|%2e/i.test(url.pathname)) return false;
  return url.pathname === prefix || url.pathname.startsWith(`${prefix}/`);
}

const notAllowed = (message: string): ClientError => new ClientError("url_not_allowed", message);
