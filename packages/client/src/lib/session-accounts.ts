/**
 * Adds an account to a session, renews one, and takes one away.
 *
 * OWASP ASVS 7.2.4 (a new handle whenever somebody proves something), RFC 9700 §4.14.
 * Guarantees that an account comes and goes with its tokens in one commit with the session, that tokens of one account are never
 * written over those of another, and that a session which ended meanwhile gets nothing.
 */
import { createId } from "@valetkey/protocol/random";
import { ClientError } from "../client-error.ts";
import type { App } from "./app.ts";
import {
  accountIn,
  accountsIn,
  type FoundSession,
  findSessionById,
  type HeldAccount,
  heldAccount,
  isSameAccount,
  replaceSession,
  withNewHandle,
} from "./session.ts";
import { holdingsOf, markAccount, markPerson, unmarkAccount } from "./session-index.ts";
import { type Ended, endSession, readEnded, revokeAll } from "./sign-out.ts";
import { insertVault, type Kept, keepFormer, removeVault, vaultId } from "./vault.ts";

const maxAttempts = 5;

/** What is added. */
export interface Added {
  readonly account: HeldAccount;
  readonly kept: Kept;
  readonly knownAs: string | undefined;
}

/**
 * Puts an account into a session, in the place of the one with the same provider if there is one, and gives the session a new
 * handle. The session's end stays. A session that is over is `link_refused`. Of several who come back at the same moment, all
 * with the former handle, only the first gives a new one: two would reach the browser in any order, and one of them is dead.
 */
export async function addAccount(
  app: App,
  origin: string,
  found: Pick<FoundSession, "id" | "digest">,
  { account, kept, knownAs }: Added,
): Promise<{ readonly session: FoundSession; readonly cookies: readonly string[] }> {
  const { id } = found;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const current = await findSessionById(app, id);
    if (current === undefined) throw new ClientError("link_refused", "the session has ended meanwhile");
    const former = accountIn(current, account.provider);
    const before = former && (await readEnded(app, former));
    // Under a name of their own: a refresh that is under way for what was there before cannot write over them.
    const held: HeldAccount = { ...account, tokens: createId(app.now()) };
    const known = current.knownAs ?? knownAs;
    const next = { ...withAccount(current, held), ...(known === undefined ? {} : { knownAs: known }) };
    const given = current.digest === found.digest ? await withNewHandle(app, origin, next) : undefined;
    const { session } = given ?? { session: next };
    const vault = before?.vault;
    const same = former !== undefined && isSameAccount(former, account);
    const all = same && vault !== undefined && vault.again === undefined ? keepFormer(kept, vault.kept) : kept;
    const changes = [
      await replaceSession(session),
      ...(await markPerson(app, session)),
      ...(held.provider === session.provider ? [] : [await markAccount(app, session, held)]),
      ...(vault === undefined ? [] : [removeVault(vault)]),
      await insertVault(app, vaultId(held.tokens ?? id, held.provider), all, session.expiresAt),
    ];
    if (!(await app.store.commit(changes))) continue;
    if (before !== undefined && !same) await revokeAll(app, [before]);
    const cookies = given === undefined ? [] : [given.cookie];
    return { session: { ...session, version: session.version + 1 }, cookies };
  }
  throw new ClientError("store_unavailable", "the session kept changing in the store");
}

/** Takes an added account out of a session, and gives its tokens as they were last; nothing if it is not there. */
export async function removeAccount(
  app: App,
  id: string,
  account: Pick<HeldAccount, "provider" | "iss" | "sub">,
): Promise<Ended | undefined> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const current = await findSessionById(app, id);
    const found = current && accountIn(current, account.provider);
    if (current === undefined || found === undefined) return undefined;
    if (!isSameAccount(found, account) || isSameAccount(current, account)) return undefined;
    const ended = await readEnded(app, found);
    const changes = [
      await replaceSession({ ...current, more: current.more.filter((one) => !isSameAccount(one, account)) }),
      ...(await unmarkAccount(app, current, account.provider)),
      ...(ended.vault === undefined ? [] : [removeVault(ended.vault)]),
    ];
    if (await app.store.commit(changes)) return ended;
  }
  throw new ClientError("store_unavailable", "the session kept changing in the store");
}

function withAccount(session: FoundSession, account: HeldAccount): FoundSession {
  if (account.provider !== session.provider) {
    return { ...session, more: [...session.more.filter(({ provider }) => provider !== account.provider), account] };
  }
  const { authTime: _, sid: __, tokens: ___, ...rest } = session;
  return { ...rest, ...heldAccount(account) };
}

/** Which account: that of a provider, or one by its key, which other sessions may have. */
export type Which = string | { readonly issuer: string; readonly sub: string };

/**
 * Takes an account from a person: out of this session, and where the person is known, out of their other sessions too; those that
 * were begun with it end. Its tokens are revoked. The account this session was begun with is `account_in_use`, a provider without
 * one `not_connected`.
 */
export async function unlink(app: App, session: FoundSession, which: Which): Promise<void> {
  const found = accountsIn(session).find((one) =>
    typeof which === "string" ? one.provider === which : one.iss === which.issuer && one.sub === which.sub,
  );
  if (found !== undefined && isSameAccount(session, found)) {
    throw new ClientError("account_in_use", "the session was begun with this account");
  }
  if (found !== undefined) await forget(app, session, found);
  else if (typeof which === "string") throw new ClientError("not_connected", `there is no account with ${which}`);
  const { knownAs } = session;
  if (knownAs === undefined) return;
  const key = typeof which === "string" ? found : { iss: which.issuer, sub: which.sub };
  for (const other of key === undefined ? [] : await holdingsOf(app, key)) {
    if (other.session.knownAs === knownAs && other.session.id !== session.id)
      await forget(app, other.session, other.account);
  }
}

async function forget(app: App, session: FoundSession, account: HeldAccount): Promise<void> {
  if (isSameAccount(session, account)) return revokeAll(app, await endSession(app, session));
  const ended = await removeAccount(app, session.id, account);
  if (ended !== undefined) await revokeAll(app, [ended]);
}
