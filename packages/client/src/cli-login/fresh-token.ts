/**
 * Gives an access token that is good now, renewing it when it is not.
 *
 * RFC 6749 §6, RFC 9700 §4.14 (rotation), RFC 8707 §2.2 (one token per resource), OpenID Connect Core §12.2.
 * Guarantees one refresh at a time among all programs that share the file, that what others renewed is used instead of being
 * renewed once more, and that only the issuer's `invalid_grant` ends a permission.
 */
import { decodeUnverified } from "@valetkey/protocol/jose";
import { ClientError, isClientError } from "../client-error.ts";
import { goodToken, liveToken } from "../lib/held-token.ts";
import { requestTime } from "../lib/refresh-turn.ts";
import { refreshTokens } from "../refresh.ts";
import type { Tokens } from "../token-request.ts";
import { type Changed, changeStored, findStored, heldOf, type Stored } from "./stored.ts";
import type { Terminal } from "./terminal.ts";

/** Which token is wanted. */
export interface Wanted {
  /** Whose: somebody else may have signed in with the same program since. */
  readonly sub: string;
  /** A declared resource, or `""` for the token of the sign-in. */
  readonly resource: string;
  /** A token the other side has just refused: not this one. */
  readonly rejected?: string;
}

/** Finds or gets the token. Throws `sign_in_again`, `issuer_unavailable`, `no_refresh_token`. */
export async function freshToken(terminal: Terminal, wanted: Wanted): Promise<string> {
  const stored = need(await findStored(terminal), wanted);
  const good = goodToken(stored.access, wanted, terminal.now());
  if (good !== undefined) return good;
  try {
    // What takes time and may fail comes before the turn: a turn is short.
    if (stored.refresh_token !== undefined) await terminal.issuerOf.metadata();
    const renewed = await changeStored(terminal, (found) => renew(terminal, need(found, wanted), wanted));
    if (typeof renewed === "string") return renewed;
    throw renewed;
  } catch (error) {
    const live = isClientError(error, "issuer_unavailable")
      ? liveToken(stored.access, wanted, terminal.now())
      : undefined;
    if (live === undefined) throw error;
    return live;
  }
}

function need(stored: Stored | undefined, { sub }: Wanted): Stored {
  if (stored === undefined) throw new ClientError("sign_in_again", "nobody is signed in any more");
  if (stored.user.sub !== sub) throw new ClientError("sign_in_again", "somebody else has signed in since");
  return stored;
}

/** Gives the token; or the error that is to be thrown once what follows from it is written. */
async function renew(terminal: Terminal, stored: Stored, wanted: Wanted): Promise<Changed<string | ClientError>> {
  const { now } = terminal;
  const { resource } = wanted;
  // Another program may have done it while this one waited.
  const good = goodToken(stored.access, wanted, now());
  if (good !== undefined) return { give: good };
  const { refresh_token } = stored;
  if (refresh_token === undefined) return withoutRefreshToken(stored, wanted, now());
  try {
    const tokens = checkSamePerson(stored, await refreshAtIssuer(terminal, refresh_token, resource));
    const access = { ...stored.access, [resource]: heldOf(tokens) };
    return {
      keep: { ...stored, access, refresh_token: tokens.refresh_token ?? refresh_token },
      give: tokens.access_token,
    };
  } catch (error) {
    const ended = isClientError(error, "token_refused") && error.error === "invalid_grant";
    if (!ended && !isClientError(error, "id_token_invalid")) throw error;
    const why = ended
      ? `the issuer no longer accepts the refresh token: ${error.error_description ?? error.error}`
      : error.message;
    return { forget: true, give: new ClientError("sign_in_again", why, { cause: error }) };
  }
}

function withoutRefreshToken({ access }: Stored, { resource }: Wanted, now: number): Changed<ClientError> {
  const found = Object.hasOwn(access, resource) ? access[resource] : undefined;
  if (found === undefined || (found.expiresAt ?? now + 1) > now) {
    const whose = resource === "" ? "the issuer" : resource;
    return { give: new ClientError("no_refresh_token", `there is no refresh token to get one for ${whose} with`) };
  }
  const why = "the access token has ended and the issuer gave no refresh token";
  return { forget: true, give: new ClientError("sign_in_again", why) };
}

async function refreshAtIssuer(terminal: Terminal, refresh_token: string, resource: string): Promise<Tokens> {
  const { issuerOf, client, now } = terminal;
  // Shorter than a turn: when it ends, nothing of ours is under way any more.
  const fetch: Terminal["fetch"] = (url, init) => {
    const timeout = AbortSignal.timeout(requestTime);
    const signal = init?.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
    return terminal.fetch(url, { ...init, signal });
  };
  const metadata = await issuerOf.metadata();
  const audience = resource === "" ? {} : { resource };
  return refreshTokens({ metadata, client, fetch, now, refresh_token, ...audience });
}

// Core §12.2: the same issuer and person. The answer came from the issuer over TLS (§3.1.3.7 step 6), so no keys are fetched for
// a token that is not kept: an outage now would cost the refresh token that came along with it.
function checkSamePerson({ issuer, user }: Stored, tokens: Tokens): Tokens {
  if (tokens.id_token === undefined) return tokens;
  const { iss, sub } = claimsOf(tokens.id_token);
  if (iss === issuer && sub === user.sub) return tokens;
  throw new ClientError("id_token_invalid", "the refreshed ID token is about another person");
}

function claimsOf(id_token: string) {
  try {
    return decodeUnverified(id_token).claims;
  } catch (cause) {
    throw new ClientError("id_token_invalid", "the refreshed ID token cannot be read", { cause });
  }
}
