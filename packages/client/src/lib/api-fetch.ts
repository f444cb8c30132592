/**
 * Calls an API on behalf of the person who is signed in.
 *
 * RFC 6750 §2.1 and §3.1, RFC 8707 §2, RFC 9449 §7.1 and §9, RFC 9700 §4.9 (tokens must not leak to other servers).
 * Guarantees that a token goes to the issuer's own origin or to a declared resource, each with its own, and nowhere else:
 * redirects are handed back, not followed.
 */
import { isClientError } from "../client-error.ts";
import { dpopFetch } from "../dpop-fetch.ts";
import type { App } from "./app.ts";
import { audienceOf } from "./audience.ts";
import { freshToken, type Usable } from "./fresh-token.ts";
import { oauth1Fetch } from "./oauth1-fetch.ts";
import type { Remote } from "./remote.ts";
import type { Session } from "./session.ts";

/** Sends a request with a token that is good now; once again with a fresh one if the answer is 401 `invalid_token`. */
export async function apiFetch(
  app: App,
  session: Session,
  remote: Remote,
  target: string | URL,
  init: RequestInit = {},
): Promise<Response> {
  if (remote.kind === "oauth1") return oauth1Fetch(app, session, remote, target, init);
  const { url, resource } = audienceOf(remote, target);
  const send = ({ access_token, dpop }: Usable): Promise<Response> => {
    const headers = new Headers(remote.headers);
    for (const [name, value] of new Headers(init.headers)) headers.set(name, value);
    headers.set("Authorization", `Bearer ${access_token}`);
    // In place of that header: the token under its own scheme, and the proof.
    const fetch = dpop === undefined ? app.fetch : dpopFetch({ dpop, access_token, fetch: app.fetch, now: app.now });
    // A redirect could lead the token out of the resource: whoever called decides.
    return fetch(url, { ...init, headers, redirect: init.redirect === "error" ? "error" : "manual" });
  };
  const wanted = { session, remote, resource };
  const usable = await freshToken(app, wanted);
  const response = await send(usable);
  // A body that was streamed is gone.
  if (!refusesToken(response) || init.body instanceof ReadableStream) return response;
  try {
    const renewed = await freshToken(app, { ...wanted, rejected: usable.access_token });
    await response.body?.cancel();
    return await send(renewed);
  } catch (e) {
    // Nothing better to be had: the refusal is the answer.
    if (isClientError(e, "no_refresh_token") || isClientError(e, "issuer_unavailable")) return response;
    throw e;
  }
}

// RFC 6750 §3.1, RFC 9449 §7.1: only invalid_token says that another token would help.
export const refusesToken = (response: Response): boolean =>
  response.status === 401 && /\berror\s*=\s*"?invalid_token\b/i.test(response.headers.get("www-authenticate") ?? "");
