/**
 * GET or POST /auth/callback/<name>: the person comes back. Read from top to bottom, this is the sign-in.
 *
 * RFC 6749 §4.1.2 to §4.1.4, RFC 9207, RFC 9700 §4, OpenID Connect Core §3.1.2.7, §3.1.3.7 and §5.3.2.
 * Guarantees that a session is stored only after everything was verified, with its tokens in one commit, and that an answer is
 * taken once: whatever fails afterwards, the sign-in starts anew.
 */
import type { Form } from "@valetkey/protocol/form";
import { seeOther } from "@valetkey/protocol/see-other";
import { ClientError, isClientError } from "../client-error.ts";
import { accept, type Coming } from "./accept.ts";
import { type App, originOf, remoteOf } from "./app.ts";
import type { Arrival, Arrived } from "./arrival.ts";
import { withDeadline } from "./deadline.ts";
import { loginPath } from "./login-route.ts";
import { findOrExplain } from "./lost-state.ts";
import { arriveFromOAuth1 } from "./oauth1-arrival.ts";
import { findOAuth1Transaction } from "./oauth1-leave.ts";
import { arriveFromOAuth2 } from "./oauth2-arrival.ts";
import { arriveFromOidc } from "./oidc-arrival.ts";
import { errorPage } from "./page.ts";
import { readCallback } from "./read-callback.ts";
import {
  accountIn,
  createSession,
  type FoundSession,
  findSession,
  findSessionById,
  type HeldAccount,
  holdsFormerHandle,
  isSameAccount,
} from "./session.ts";
import { type Added, addAccount } from "./session-accounts.ts";
import { markPerson } from "./session-index.ts";
import { endFormer, endSession } from "./sign-out.ts";
import { checkNotSignedOut } from "./signed-out-meanwhile.ts";
import {
  type Back,
  dropTransaction,
  findPast,
  isPosted,
  type Transaction,
  transactionLifetime,
} from "./transaction.ts";
import { insertVault, keepFormer, vaultId } from "./vault.ts";

/** Signs the person in and goes to where they were going; or shows, in time, what went wrong and how to start again. */
export const callbackRoute = (app: App, request: Request, name: string): Promise<Response> =>
  withDeadline(app, (bounded) => comeBack(bounded, request, name));

async function comeBack(app: App, request: Request, name: string): Promise<Response> {
  const remote = remoteOf(app, name);
  const origin = originOf(app, request);
  const back: Back = isPosted(remote.response_mode) ? "posted" : "redirected";
  const from = { provider: name, origin };
  let transaction: Transaction | undefined;
  let answer: Form = {};
  const cookies: string[] = [];
  try {
    answer = await readCallback(app, request, remote);
    transaction = await (remote.kind === "oauth1"
      ? findOAuth1Transaction(app, request, answer, from)
      : findOrExplain(app, request, answer, from));
    const anew = await withNewerCookie(app, request, origin, transaction);
    if (anew !== undefined) return seeOther(anew);
    const stored = await signIn(app, request, origin, { remote, answer, transaction });
    // A session that somebody had before stays theirs, whatever becomes of the account that was added.
    if (!stored.begun) cookies.push(...stored.cookies);
    await confirm(app, request, stored, transaction);
    app.log.info({ event: "sign_in.done", provider: name, intent: intentOf(transaction) }, "signed in");
    return seeOther(transaction.returnTo, [...dropTransaction(origin, transaction.state, back), ...stored.cookies]);
  } catch (e) {
    const known = transaction ?? (await findPast(app, request, { ...from, state: answer.state ?? "" }));
    const { returnTo = "/" } = known ?? {};
    if (known !== undefined) cookies.push(...dropTransaction(origin, known.state, back));
    if (transaction !== undefined && isClientError(e, "transaction_used")) {
      // The same answer twice at once, as after a double click: the other one signs in, and the page they want sees to the rest.
      app.log.info({ event: "sign_in.repeated", code: e.code, provider: name }, e.message);
      return seeOther(returnTo, cookies);
    }
    const linking = known?.link !== undefined;
    const again = { href: loginPath(app, name, returnTo), text: "Sign in again" };
    // Signing in would be another thing than adding an account: back to where that was asked for.
    const link = linking ? { href: returnTo, text: "Back to where you were" } : again;
    const title = linking ? { title: "The account was not added" } : await titleFor(app, request, origin);
    const response = await errorPage(app, request, e, { link, cookies, ...title });
    if (response.status === 405) response.headers.set("Allow", back === "posted" ? "POST" : "GET");
    return response;
  }
}

/** Whoever was signed in before still is: an answer that came again, or another proof that was not given, ends nothing. */
async function titleFor(app: App, request: Request, origin: string): Promise<{ readonly title?: string }> {
  const session = await findSession(app, request, origin).catch(() => undefined);
  return session === undefined ? {} : { title: "You are still signed in" };
}

/** What has been stored. */
interface Stored {
  readonly session: FoundSession;
  readonly account: HeldAccount;
  readonly cookies: readonly string[];
  /** A session of its own, which nobody holds yet; else one that the browser had. */
  readonly begun: boolean;
  /** Seconds, if there is an ID token. */
  readonly iat: number | undefined;
}

const intentOf = ({ link }: Transaction): Coming["intent"] => (link === undefined ? "sign-in" : "link");

/** Stores a new session, or an account more in the one there is. */
async function signIn(app: App, request: Request, origin: string, arrival: Arrival): Promise<Stored> {
  const { remote, transaction } = arrival;
  const former = await formerSession(app, request, origin, arrival);
  const arrived = await arrive(app, arrival);
  const { iss, user, kept, authTime, sid, iat } = arrived;
  const intent = intentOf(transaction);
  const knownAs = await accept(app, arrived, { provider: remote.name, former, intent });

  const { sub, claims, ...person } = user;
  const known = { ...(authTime === undefined ? {} : { authTime }), ...(sid === undefined ? {} : { sid }) };
  const account: HeldAccount = { provider: remote.name, iss, sub, claims, person, createdAt: app.now(), ...known };
  const stays = former !== undefined && (intent === "link" || isOneOf(former, account, knownAs));
  const stored = stays
    ? await addAccount(app, origin, former, { account, kept, knownAs })
    : await begin(app, origin, former, { account, kept, knownAs });
  return { ...stored, account, iat, begun: !stays };
}

/**
 * Of two tabs that add an account at the same moment, the first gives the session a new handle, and the other one was sent with
 * the former: it is sent once more, and brings the new one along. Nothing has been spent by then.
 */
async function withNewerCookie(app: App, request: Request, origin: string, { link, redirect_uri }: Transaction) {
  const { searchParams } = new URL(request.url);
  if (link === undefined || request.method !== "GET" || searchParams.has(onceMore)) return undefined;
  if (!(await holdsFormerHandle(app, request, origin, link))) return undefined;
  searchParams.set(onceMore, "1");
  return `${new URL(redirect_uri).pathname}?${searchParams}`;
}

const onceMore = "once_more";

/** The session the browser had. An account is added to the one that asked for it, or not at all. */
async function formerSession(app: App, request: Request, origin: string, { remote, transaction }: Arrival) {
  const found = await findSession(app, request, origin);
  // An answer that is posted from another site comes without its cookie.
  const left = found === undefined && isPosted(remote.response_mode) ? transaction.session : undefined;
  const former = found ?? (left === undefined ? undefined : await findSessionById(app, left));
  if (transaction.link === undefined || transaction.link === former?.id) return former;
  throw new ClientError("link_refused", "the session that the account was to be added to is not that of the browser");
}

/** One account of several is renewed where it is: the others stay. A person who is another one by now begins anew. */
const isOneOf = (session: FoundSession, account: HeldAccount, knownAs: string | undefined): boolean => {
  const held = accountIn(session, account.provider);
  const same = held !== undefined && isSameAccount(held, account);
  return same && session.more.length > 0 && (knownAs ?? session.knownAs) === session.knownAs;
};

/** Stores a session of its own; the former one ends. */
async function begin(app: App, origin: string, former: FoundSession | undefined, { account, kept, knownAs }: Added) {
  const carried = former === undefined ? {} : await endFormer(app, former, account);
  const { session, change, cookie } = await createSession(app, origin, account, knownAs);
  const all = keepFormer(kept, carried);
  const vault = await insertVault(app, vaultId(session.id, account.provider), all, session.expiresAt);
  const stored = await app.store.commit([change, vault, ...(await markPerson(app, session))]);
  if (!stored) throw new Error("a fresh session id was taken");
  return { session, cookies: [cookie] };
}

/** A session that was begun must not outlive an answer that nobody gets: without its cookie it is of no use to anybody. */
async function confirm(app: App, request: Request, stored: Stored, { expiresAt }: Transaction): Promise<void> {
  try {
    await checkNotSignedOut(app, { ...stored, startedAt: expiresAt - transactionLifetime });
    // The browser has gone on, as after a second click: the answer to that one is the one it takes.
    if (stored.begun && request.signal.aborted) throw new ClientError("transaction_used", "the browser has left");
  } catch (e) {
    if (stored.begun) await endSession(app, stored.session).catch(() => undefined);
    throw e;
  }
}

/** Each kind of provider has its own way to say who it is. */
function arrive(app: App, { remote, ...rest }: Arrival): Promise<Arrived> {
  if (remote.kind === "oidc") return arriveFromOidc(app, { ...rest, remote });
  if (remote.kind === "oauth1") return arriveFromOAuth1(app, { ...rest, remote });
  return arriveFromOAuth2(app, { ...rest, remote });
}
