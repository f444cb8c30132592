/**
 * The refresh request of an account, and whether the answer is still about the same person.
 *
 * RFC 6749 §6, RFC 8707 §2.2 (one token per resource), RFC 9449 §5, OpenID Connect Core §12.2.
 * Guarantees that a request ends within its time, and that an answer about somebody else is none.
 */
import { decodeUnverified } from "@valetkey/protocol/jose";
import { ClientError, isClientError } from "../client-error.ts";
import type { Dpop } from "../dpop-fetch.ts";
import { refreshTokens } from "../refresh.ts";
import type { Tokens } from "../token-request.ts";
import type { App } from "./app.ts";
import { openIdToken, readIdToken } from "./read-id-token.ts";
import { requestTime } from "./refresh-turn.ts";
import type { OidcRemote, TokenRemote } from "./remote.ts";
import type { Session } from "./session.ts";

/** Makes sure that a request could be sent now: everything that can fail before the refresh token leaves fails here. */
export async function prepareRefresh({ issuerOf }: TokenRemote): Promise<void> {
  issuerOf.refreshes.check();
  try {
    await issuerOf.metadata();
  } catch (e) {
    issuerOf.refreshes.answered(e);
    throw e;
  }
}

/** Sends the refresh token. Errors as `refreshTokens`'; an outage is noted. */
export async function refreshAtIssuer(
  app: App,
  remote: TokenRemote,
  asked: { readonly refresh_token: string; readonly resource: string; readonly dpop: Dpop | undefined },
): Promise<Tokens> {
  const { issuerOf, client, token_params: parameters } = remote;
  const { refresh_token, resource, dpop } = asked;
  try {
    const metadata = await issuerOf.metadata();
    // One time for all of it: the turn does not last for a second request, which a nonce may cost, with a time of its own.
    const timeout = AbortSignal.timeout(requestTime);
    const fetch: App["fetch"] = (url, init) =>
      app.fetch(url, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, timeout]) : timeout });
    const audience = resource === "" ? {} : { resource };
    const readTokens = remote.kind === "oauth2" && remote.readTokens ? { readTokens: remote.readTokens } : {};
    const request = { metadata, client, fetch, now: app.now, refresh_token, parameters, ...audience, ...readTokens };
    const tokens = await refreshTokens({ ...request, ...(dpop === undefined ? {} : { dpop }) });
    issuerOf.refreshes.answered();
    return tokens;
  } catch (e) {
    issuerOf.refreshes.answered(e);
    throw e;
  }
}

/** Verifies the ID token of an answer, if there is one, and compares the person: another one is `id_token_invalid`. */
export async function checkSamePerson(
  app: App,
  remote: TokenRemote,
  session: Session,
  tokens: Tokens,
): Promise<Tokens> {
  const { id_token } = tokens;
  return id_token === undefined || remote.kind !== "oidc" ? tokens : check(app, remote, session, tokens, id_token);
}

async function check(app: App, remote: OidcRemote, session: Session, tokens: Tokens, id_token: string) {
  try {
    const read = await readIdToken(app, remote, id_token, { access_token: tokens.access_token });
    const { iss, sub } = read.claims;
    if (iss === session.iss && sub === session.sub) return { ...tokens, id_token: read.id_token };
    throw anotherPerson();
  } catch (e) {
    // The old refresh token is spent by now. Neither missing keys nor a wrong clock may cost the new one: it came over TLS
    // from the issuer (Core §3.1.3.7 step 6), so the person is compared and the ID token is not taken over.
    if (!isClientError(e, "issuer_unavailable") && !isClientError(e, "clock_skew")) throw e;
    const { iss, sub } = decodeUnverified(await openIdToken(remote, id_token)).claims;
    if (iss !== session.iss || sub !== session.sub) throw anotherPerson(e);
    const { id_token: _, ...rest } = tokens;
    return rest;
  }
}

const anotherPerson = (cause?: unknown) =>
  new ClientError("id_token_invalid", "the refreshed ID token is about another person", { cause });

/** Tells the errors after which the permission is not what it was: a token for somebody else is no token. */
export const endsPermission = (e: unknown): e is ClientError =>
  (isClientError(e, "token_refused") && e.error === "invalid_grant") || isClientError(e, "id_token_invalid");
