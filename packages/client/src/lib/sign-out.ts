/**
 * Ends sessions: here, in every browser, and at the issuer.
 *
 * OpenID Connect RP-Initiated Logout 1.0 §2, RFC 7009 §2 (tokens nobody holds any more are revoked).
 * Guarantees that the session is gone from the store before anybody else is asked: an issuer that is down stops no sign-out.
 */
import type { Change } from "@valetkey/store";
import type { SignOutOptions } from "../auth.ts";
import { ClientError } from "../client-error.ts";
import { endSessionUrl } from "../end-session.ts";
import { revokeToken } from "../revoke.ts";
import type { App } from "./app.ts";
import { seeOther } from "./page.ts";
import type { TokenRemote } from "./remote.ts";
import { readReturnTo } from "./return-to.ts";
import {
  dropSessionCookie,
  findSession,
  findSessionById,
  removeSession,
  type Session,
  sessionsOfPerson,
} from "./session.ts";
import type { Transaction } from "./transaction.ts";
import { type Kept, readVault, removeVault, type Vault, vaultId } from "./vault.ts";

const maxAttempts = 5;
/** Milliseconds the issuer is given to revoke: nobody shall wait for it. */
const revokeTimeout = 3_000;

/** Signs out. A store failure is thrown: it must not look like success. */
export async function signOut(
  app: App,
  origin: string,
  session: Session,
  options: SignOutOptions = {},
): Promise<Response> {
  const others = options.everywhere ? await sessionsOfPerson(app, session) : [];
  const vault = await endSession(app, session);
  for (const other of others) if (other.id !== session.id) await revokeAll(app, other, await endSession(app, other));
  await revokeAll(app, session, vault);
  app.log.info({ event: "sign_out.done", provider: session.provider }, "signed out");
  const cookies = [dropSessionCookie(origin)];
  const atIssuer = options.provider ? await logoutUrl(app, session, vault, origin) : undefined;
  return seeOther(atIssuer ?? readReturnTo(options.returnTo, origin), cookies);
}

/**
 * Removes whatever session the browser has: when another person signs in, or the same one again. Gives the refresh token of the
 * same person at the same provider: many give one with the first consent only, and revoking it would end the new permission too.
 */
export async function endFormer(
  app: App,
  request: Request,
  origin: string,
  now: { readonly transaction: Transaction; readonly iss: string; readonly sub: string },
): Promise<Pick<Kept, "refresh_token">> {
  const { transaction, iss, sub } = now;
  const { session: id } = transaction;
  const session =
    (await findSession(app, request, origin)) ?? (id === undefined ? undefined : await findSessionById(app, id));
  if (session === undefined) return {};
  const vault = await endSession(app, session);
  if (session.provider === transaction.provider && session.iss === iss && session.sub === sub) {
    const refresh_token = vault?.again === undefined ? vault?.kept.refresh_token : undefined;
    return refresh_token === undefined ? {} : { refresh_token };
  }
  await revokeAll(app, session, vault);
  return {};
}

/** Removes a session with its tokens in one commit, and gives the tokens as they were last. */
export async function endSession(app: App, session: Session): Promise<Vault | undefined> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const vault = await readVault(app, vaultId(session.id, session.provider));
    const changes: Change[] = [removeSession(session), ...(vault === undefined ? [] : [removeVault(vault)])];
    if (await app.store.commit(changes)) return vault;
    // A refresh came between, or somebody else has ended it.
    if ((await app.store.get("app-session", session.id)) === undefined) return undefined;
  }
  throw new ClientError("store_unavailable", "the session kept changing in the store");
}

async function revokeAll(app: App, session: Session, vault: Vault | undefined): Promise<void> {
  const remote = app.remotes.get(session.provider);
  const token = vault?.kept.refresh_token;
  // OAuth 1.0a has nothing to revoke with, and no sign-out.
  if (remote === undefined || remote.kind === "oauth1") return;
  if (token === undefined || vault?.again !== undefined) return;
  await revokeQuietly(app, remote, token);
}

/** Revokes a refresh token that nobody holds any more, if the issuer lets itself be asked. Never rejects. */
export async function revokeQuietly(app: App, remote: TokenRemote, token: string): Promise<void> {
  try {
    await revoke(app, remote, token);
  } catch (err) {
    app.log.warn({ event: "revoke.failed", provider: remote.name, err }, "the refresh token could not be revoked");
  }
}

async function revoke(app: App, { issuerOf, client }: TokenRemote, token: string): Promise<void> {
  issuerOf.checkBackOff();
  const metadata = await issuerOf.metadata();
  const { fetch } = app;
  const timeoutMs = revokeTimeout;
  await revokeToken({ metadata, client, fetch, token, token_type_hint: "refresh_token", timeoutMs });
}

async function logoutUrl(
  app: App,
  session: Session,
  vault: Vault | undefined,
  origin: string,
): Promise<string | undefined> {
  const remote = app.remotes.get(session.provider);
  if (remote === undefined || remote.kind === "oauth1") return undefined;
  try {
    return endSessionUrl({
      metadata: await remote.issuerOf.metadata(),
      client_id: remote.client.client_id,
      id_token_hint: vault?.kept.id_token,
      post_logout_redirect_uri: `${origin}/`,
    })?.href;
  } catch (err) {
    app.log.warn({ event: "logout.unavailable", provider: remote.name, err }, "signed out here only");
    return undefined;
  }
}
