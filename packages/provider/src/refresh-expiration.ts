/**
 * Tells clients how long a refresh token and the permission behind it last (draft-ietf-oauth-refresh-token-expiration-03).
 *
 * §6.1 (`refresh_token_timeout`, `authorization_expires_in`), §7 (introspection), §8 (metadata). Guarantees that a token is never
 * said to last longer than the permission.
 */
import type { Extension, RefreshState } from "./part.ts";

/** Seconds, from now on. */
const remaining = (until: number, now: number): number => Math.max(0, Math.floor((until - now) / 1000));

const lasts = ({ grant, refreshUntil, now }: RefreshState) => ({
  // Minted with an end that is no later than the grant's.
  refresh_token_timeout: remaining(refreshUntil, now),
  authorization_expires_in: remaining(grant.expiresAt, now),
});

/** For `extensions`: both, whenever there is a refresh token. */
export const refreshExpiration: Extension = {
  extension: "refresh_expiration",
  metadata: () => ({ refresh_token_expiration_types_supported: ["authorization", "token_timeout"] }),
  tokenResponse: (_op, { grant, refreshUntil, now }) =>
    refreshUntil === undefined ? {} : lasts({ grant, refreshUntil, now }),
  refreshState: (_op, state) => lasts(state),
};
