/**
 * Ends sessions: here, in every browser, and at the issuer.
 *
 * OpenID Connect RP-Initiated Logout 1.0 §2, RFC 7009 §2 (tokens nobody holds any more are revoked).
 * Guarantees that the session is gone from the store before anybody else is asked: an issuer that is down stops no sign-out.
 */
import { seeOther } from "@valetkey/protocol/see-other";
import type { SignOutOptions } from "../auth.ts";
import { ClientError } from "../client-error.ts";
import { endSessionUrl } from "../end-session.ts";
import { revokeToken } from "../revoke.ts";
import type { App } from "./app.ts";
import { markEnded } from "./lost-session.ts";
import type { TokenRemote } from "./remote.ts";
import { readReturnTo } from "./return-to.ts";
import {
  accountsIn,
  dropSessionCookie,
  type FoundSession,
  findSessionById,
  type HeldAccount,
  isSameAccount,
  removeSession,
  type Session,
} from "./session.ts";
import { otherSessions, unmarkSession } from "./session-index.ts";
import { type Former, readVault, removeVault, type Vault, vaultId } from "./vault.ts";

/** An account that is held no more, with its tokens as they were last. */
export interface Ended {
  readonly account: Session;
  readonly vault: Vault | undefined;
}

const maxAttempts = 5;
/** Milliseconds the issuer is given to revoke: nobody shall wait for it. */
const revokeTimeout = 3_000;

/** Signs out, with all accounts the session has. A store failure is thrown: it must not look like success. */
export async function signOut(
  app: App,
  origin: string,
  session: FoundSession,
  options: SignOutOptions = {},
): Promise<Response> {
  const others = options.everywhere ? await otherSessions(app, session) : [];
  const ended = await endSession(app, session);
  for (const other of others) await revokeAll(app, await endSession(app, other));
  await revokeAll(app, ended);
  app.log.info({ event: "sign_out.done", provider: session.provider }, "signed out");
  const cookies = [dropSessionCookie(origin)];
  const { vault } = ended.find(({ account }) => isSameAccount(account, session)) ?? {};
  const atIssuer = options.provider ? await logoutUrl(app, session, vault, origin) : undefined;
  return seeOther(atIssuer ?? readReturnTo(options.returnTo, origin), cookies);
}

/**
 * Ends the session the browser had: when another person signs in, or the same one again. Gives what the same account had of
 * tokens: many providers give a refresh token with the first consent only, and revoking it would end the new permission too.
 */
export async function endFormer(app: App, session: FoundSession, account: HeldAccount): Promise<Former> {
  const ended = await endSession(app, session);
  const others = ended.filter((one) => !isSameAccount(one.account, account));
  await revokeAll(app, others);
  const { vault } = ended.find((one) => isSameAccount(one.account, account)) ?? {};
  return vault === undefined || vault.again !== undefined ? {} : vault.kept;
}

/** Removes a session with all its tokens in one commit, and gives what it held; nothing if somebody else has ended it. */
export async function endSession(app: App, { id }: Pick<FoundSession, "id">): Promise<readonly Ended[]> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const current = await findSessionById(app, id);
    if (current === undefined) return [];
    const held = await Promise.all(accountsIn(current).map((account) => readEnded(app, account)));
    const vaults = held.flatMap(({ vault }) => (vault === undefined ? [] : [removeVault(vault)]));
    const marks = [...(await unmarkSession(app, current)), ...markEnded(app, id)];
    const changes = [removeSession(current), ...vaults, ...marks];
    // Otherwise a refresh came between, an account was added, or somebody else has ended it.
    if (await app.store.commit(changes)) return held;
  }
  throw new ClientError("store_unavailable", "the session kept changing in the store");
}

/** Reads what would be held no more. */
export const readEnded = async (app: App, account: Session): Promise<Ended> => ({
  account,
  vault: await readVault(app, vaultId(account.id, account.provider)),
});

/** Revokes what nobody holds any more. Never rejects because of an issuer. */
export async function revokeAll(app: App, ended: readonly Ended[]): Promise<void> {
  await Promise.all(ended.map((one) => revokeHeld(app, one)));
}

async function revokeHeld(app: App, { account, vault }: Ended): Promise<void> {
  const remote = app.remotes.get(account.provider);
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
  issuerOf.refreshes.check();
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
