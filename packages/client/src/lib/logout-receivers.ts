/**
 * The issuer says that somebody signed out there: POST /auth/backchannel-logout/<name>, GET /auth/frontchannel-logout/<name>.
 *
 * OpenID Connect Back-Channel Logout 1.0 §2.5 to §2.8, Front-Channel Logout 1.0 §2 and §3.
 * Guarantees that exactly the sessions that are named end, with their tokens, before the answer is given, also those that are only
 * being made; that nobody but the issuer ends a session by name of the person; and that nothing is revoked at the issuer on the
 * word of a URL. Where the account was added to a session that somebody began with another one, the account alone goes.
 */

import { isOAuthError } from "@valetkey/protocol/errors";
import { readForm } from "@valetkey/protocol/form";
import { decodeUnverified, JwtError } from "@valetkey/protocol/jose";
import { digestOf } from "@valetkey/protocol/random";
import { type LogoutToken, verifyLogoutToken } from "../backchannel-logout.ts";
import { readAnswer } from "../callback.ts";
import { ClientError, isClientError } from "../client-error.ts";
import { type App, originOf, remoteOf } from "./app.ts";
import { fillTemplate, keysOf } from "./issuer-template.ts";
import { openIdToken } from "./read-id-token.ts";
import type { OidcRemote } from "./remote.ts";
import { dropSessionCookie, findSession, isSameAccount } from "./session.ts";
import { removeAccount } from "./session-accounts.ts";
import { type Holding, holdingsOf, holdingsOfSid } from "./session-index.ts";
import { endSession } from "./sign-out.ts";
import { markSignedOut } from "./signed-out-meanwhile.ts";

/** Takes a logout token. 200: the sessions are over. 400 (§2.8): the token is none, was seen before, or the store is down. */
export async function backchannelRoute(app: App, request: Request, name: string): Promise<Response> {
  try {
    const remote = oidcRemoteOf(app, name);
    const { logout_token } = await readForm(request);
    if (logout_token === undefined) throw new JwtError("malformed", "there is no logout_token");
    const token = await readLogoutToken(app, remote, logout_token);
    const mark = await digestOf(JSON.stringify([token.iss, token.jti]));
    if ((await app.store.get("app-logout", mark)) !== undefined)
      throw new JwtError("claims", "the jti was seen before");
    // First: whoever is signing in at this moment looks for it once their session is stored.
    await markSignedOut(app, name, mark, token);
    const ended = await endAll(app, await named(app, name, token));
    // Last: a token whose sessions could not be ended may come again.
    const expiresAt = (token.exp + app.clockTolerance) * 1000;
    await app.store.commit([
      { do: "insert", entry: { kind: "app-logout", id: mark, version: 0, expiresAt, data: null } },
    ]);
    app.log.info({ event: "logout.received", provider: name, sessions: ended.length }, "signed out by the issuer");
    return new Response(null, { status: 200, headers: { "Cache-Control": "no-store" } });
  } catch (err) {
    app.log.warn({ event: "logout.refused", provider: name.slice(0, 64), err }, "a logout token was not acted on");
    const foreseen = err instanceof JwtError || isOAuthError(err) || isClientError(err, "unknown_provider");
    const error_description = foreseen ? err.message : "the logout could not be carried out";
    const body = { error: foreseen ? "invalid_request" : "server_error", error_description };
    return Response.json(body, { status: 400, headers: { "Cache-Control": "no-store" } });
  }
}

/** Takes `iss` and `sid` from a frame in the issuer's page. Both must be there: without them anybody could end any session. */
export async function frontchannelRoute(app: App, request: Request, name: string): Promise<Response> {
  const remote = oidcRemoteOf(app, name);
  const origin = originOf(app, request);
  const { iss, sid } = readAnswer(new URL(request.url));
  if (iss === undefined || sid === undefined) throw new ClientError("response_invalid", "iss and sid are needed");
  if (remote.issuer_template === undefined && iss !== remote.issuer) {
    throw new ClientError("issuer_mismatch", "another issuer ends sessions here");
  }
  // SameSite=Lax keeps our cookie out of the frame: the session is found by the name the issuer gave it.
  const ended = await endAll(
    app,
    (await holdingsOfSid(app, { iss, sid })).filter(({ account }) => account.provider === name),
  );
  const own = await findSession(app, request, origin);
  const headers = new Headers({
    "Cache-Control": "no-store",
    "Content-Security-Policy": `default-src 'none'; frame-ancestors ${new URL(remote.issuer).origin}`,
    "Content-Type": "text/html; charset=utf-8",
  });
  if (own !== undefined && ended.some(({ session, account }) => session.id === own.id && isSameAccount(own, account)))
    headers.append("Set-Cookie", dropSessionCookie(origin));
  return new Response("<!doctype html><title>Signed out</title>", { headers });
}

function oidcRemoteOf(app: App, name: string): OidcRemote {
  const remote = remoteOf(app, name);
  if (remote.kind === "oidc") return remote;
  throw new ClientError("unknown_provider", `${name} does not use OpenID Connect`);
}

async function readLogoutToken(app: App, remote: OidcRemote, received: string): Promise<LogoutToken> {
  // §2.4: encrypted as ID tokens are.
  const token = await openIdToken(remote, received).catch((cause: unknown) => {
    throw new JwtError("decryption", "the logout token cannot be decrypted", { cause });
  });
  const { issuer_template } = remote;
  const issuer =
    issuer_template === undefined ? remote.issuer : fillTemplate(issuer_template, decodeUnverified(token).claims);
  const keys = await remote.issuerOf.keys();
  return verifyLogoutToken(token, {
    issuer,
    client_id: remote.client.client_id,
    keys: issuer_template === undefined ? keys : keysOf(keys, issuer_template, issuer),
    alg: remote.id_token_signed_response_alg,
    now: app.now(),
    clockTolerance: app.clockTolerance,
  });
}

/** The accounts a token is about. One with a session whose `sid` the issuer never told may be the one that is meant. */
async function named(app: App, provider: string, { iss, sid, sub }: LogoutToken): Promise<Holding[]> {
  const bySid = sid === undefined ? [] : await holdingsOfSid(app, { iss, sid });
  const bySub = sub === undefined ? [] : await holdingsOf(app, { iss, sub });
  const found = [
    ...bySid.filter(({ account }) => sub === undefined || account.sub === sub),
    ...bySub.filter(({ account }) => sid === undefined || account.sid === undefined),
  ];
  return found.filter(({ account }) => account.provider === provider);
}

async function endAll(app: App, holdings: readonly Holding[]): Promise<readonly Holding[]> {
  for (const { session, account } of holdings) {
    if (isSameAccount(session, account)) await endSession(app, session);
    else await removeAccount(app, session.id, account);
  }
  return holdings;
}
