/**
 * A logout token that comes while somebody is on the way in: the session it means is not stored yet.
 *
 * OpenID Connect Back-Channel Logout 1.0 §2.5 to §2.7.
 * Whoever takes a logout token first leaves a mark and then looks for sessions; whoever signs in first stores the session and then
 * looks for marks. Guarantees that one of the two sees the other, in whatever order they come.
 */
import type { LogoutToken } from "../backchannel-logout.ts";
import { ClientError } from "../client-error.ts";
import type { App } from "./app.ts";
import { type FoundSession, type HeldAccount, isSameAccount } from "./session.ts";
import { removeAccount } from "./session-accounts.ts";
import { accountNames, personId, sidId } from "./session-names.ts";
import { endSession } from "./sign-out.ts";
import { transactionLifetime } from "./transaction.ts";

/** kind `app-ended`: id = digest of issuer and jti, subject and client as in a session. */
interface Mark {
  readonly provider: string;
  /** Of the logout token, in seconds of the issuer's clock. */
  readonly iat: number;
  /** Milliseconds at which it came. */
  readonly at: number;
}

/** What has just been stored: when the sign-in began, by our clock, and when its ID token was issued, by the issuer's. */
export interface JustStored {
  readonly session: FoundSession;
  readonly account: HeldAccount;
  /** Milliseconds. */
  readonly startedAt: number;
  /** Seconds; without an ID token there are no logout tokens either. */
  readonly iat: number | undefined;
}

const kind = "app-ended";

/** Leaves the mark, for as long as a sign-in can take. A token that comes again has left one already. */
export async function markSignedOut(app: App, provider: string, id: string, token: LogoutToken): Promise<void> {
  const { iss, sub, sid, iat } = token;
  const at = app.now();
  const names = {
    ...(sub === undefined ? {} : { subject: await personId(iss, sub) }),
    ...(sid === undefined ? {} : { client: await sidId(iss, sid) }),
  };
  const data = { provider, iat, at } satisfies Mark;
  const entry = { kind, id, version: 0, ...names, expiresAt: at + transactionLifetime, data };
  await app.store.commit([{ do: "insert", entry }]);
}

/** Ends what was just stored if the issuer has signed the person out since they left: `signed_out_meanwhile`. */
export async function checkNotSignedOut(app: App, stored: JustStored): Promise<void> {
  const { session, account, startedAt, iat } = stored;
  if (iat === undefined || !(await isSignedOut(app, account, startedAt, iat))) return;
  // What the issuer ended it need not be told.
  if (isSameAccount(session, account)) await endSession(app, session);
  else await removeAccount(app, session.id, account);
  throw new ClientError("signed_out_meanwhile", "a logout token came for this session before it was stored");
}

async function isSignedOut(app: App, account: HeldAccount, startedAt: number, iat: number): Promise<boolean> {
  const { subject, client } = await accountNames(account);
  const limit = 1000;
  const bySid = client === undefined ? [] : await app.store.list(kind, { client, limit });
  const bySub = await app.store.list(kind, { subject, limit });
  const read = (data: unknown) => data as Mark;
  return (
    // What the issuer calls its session tells which one is meant: only who left later can be in another one of that name.
    bySid.some((mark) => {
      const { provider, iat: ended, at } = read(mark.data);
      if (provider !== account.provider || (mark.subject !== undefined && mark.subject !== subject)) return false;
      return startedAt < at || iat < ended;
    }) ||
    bySub.some((mark) => {
      const { provider, iat: ended, at } = read(mark.data);
      // One that names a session too means that one, or one whose name the issuer never told.
      if (provider !== account.provider || (mark.client !== undefined && client !== undefined)) return false;
      return iat < ended || (iat === ended && startedAt < at);
    })
  );
}
