/**
 * Somebody who is signed in at a terminal: calls on their behalf, with tokens that renew themselves, and signing out.
 *
 * RFC 6749 §6, RFC 6750 §2.1, RFC 7009, RFC 9700 §4.9 (tokens must not leak to other servers).
 * Guarantees that a token goes to the issuer's own origin, the `api` or a declared resource and nowhere else, and that one
 * person's tokens are never used for another who signed in with the same program meanwhile.
 */
import type { User } from "../auth.ts";
import { ClientError, isClientError } from "../client-error.ts";
import { refusesToken } from "../lib/api-fetch.ts";
import { audienceOf } from "../lib/audience.ts";
import { revokeToken } from "../revoke.ts";
import { freshToken } from "./fresh-token.ts";
import { changeStored, type Stored } from "./stored.ts";
import type { Terminal } from "./terminal.ts";

export interface CliSession {
  /** As the issuer described them when they signed in. `sub` is stable; everything else is in `user.claims` too. */
  readonly user: User;
  readonly issuer: string;
  /**
   * Fetches with a token that is good now. Relative URLs lie under `api`; redirects are handed back, not followed. Throws
   * `ClientError`: `url_not_allowed`, `sign_in_again` (call `login` again), `issuer_unavailable`, `no_refresh_token`.
   *
   * @example const answer = await me.fetch("https://api.example.org/photos");
   */
  fetch(url: string | URL, init?: RequestInit): Promise<Response>;
  /** Gives an access token that is good now: for a declared resource, or without one that of the sign-in. Throws as `fetch`. */
  token(resource?: string): Promise<string>;
  /** Forgets the tokens on this computer and revokes them at the issuer; if that does not answer it is said on the terminal. */
  signOut(): Promise<void>;
}

export function sessionOf(terminal: Terminal, { user }: Pick<Stored, "user">): CliSession {
  const { issuer, api, resource: declared, say } = terminal;
  const own = (resource: string): string => {
    if (resource === "" || declared.includes(resource)) return resource;
    throw new ClientError("url_not_allowed", `${resource} is not among the resources given to login`);
  };
  return {
    user,
    issuer,
    async token(resource = "") {
      return freshToken(terminal, { sub: user.sub, resource: own(resource) });
    },

    async fetch(target, init = {}) {
      const about = { kind: "oidc", name: "login", issuer, resource: declared } as const;
      const { url, resource } = audienceOf(api === undefined ? about : { ...about, api }, target);
      const wanted = { sub: user.sub, resource };
      const send = (token: string): Promise<Response> => {
        const headers = new Headers(init.headers);
        headers.set("Authorization", `Bearer ${token}`);
        // A redirect could lead the token out of the resource: whoever called decides.
        return terminal.fetch(url, { ...init, headers, redirect: init.redirect === "error" ? "error" : "manual" });
      };
      const token = await freshToken(terminal, wanted);
      const response = await send(token);
      // A body that was streamed is gone.
      if (!refusesToken(response) || init.body instanceof ReadableStream) return response;
      try {
        const renewed = await freshToken(terminal, { ...wanted, rejected: token });
        await response.body?.cancel();
        return await send(renewed);
      } catch (error) {
        // Nothing better to be had: the refusal is the answer.
        if (isClientError(error, "no_refresh_token") || isClientError(error, "issuer_unavailable")) return response;
        throw error;
      }
    },

    async signOut() {
      const stored = await changeStored(terminal, async (found) =>
        found === undefined || found.user.sub !== user.sub ? { give: undefined } : { forget: true, give: found },
      );
      if (stored === undefined) return;
      await revokeAll(terminal, stored).catch((error: unknown) => {
        const why = isClientError(error) ? error.code : String(error);
        say(`Signed out here, but ${issuer} could not be told (${why}).\n`);
      });
    },
  };
}

/** RFC 7009 §2.1: revoking a refresh token ends the access tokens of its grant too. Without one they are revoked themselves. */
async function revokeAll({ issuerOf, client, fetch }: Terminal, { refresh_token, access }: Stored): Promise<void> {
  const metadata = await issuerOf.metadata();
  const tokens = refresh_token === undefined ? Object.values(access).map((one) => one.access_token) : [refresh_token];
  const token_type_hint = refresh_token === undefined ? "access_token" : "refresh_token";
  for (const token of tokens) await revokeToken({ metadata, client, fetch, token, token_type_hint });
}
