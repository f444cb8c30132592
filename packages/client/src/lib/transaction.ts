/**
 * One sign-in on its way: what must be remembered between leaving for the issuer and coming back, in a cookie of its own.
 *
 * RFC 6749 §10.12, RFC 9700 §4.7, RFC 7636 §4.1, RFC 6265bis §4.1.3 (`__Host-`).
 * Guarantees that tabs do not disturb each other, that only the browser that left can come back, and that the cookie shows
 * nothing of what it holds.
 */
import { readCookies, setCookie } from "@valetkey/protocol/cookie";
import { constantTimeEqual } from "@valetkey/protocol/digest";
import type { Jwk } from "@valetkey/protocol/jose";
import { createId, randomToken } from "@valetkey/protocol/random";
import { ClientError } from "../client-error.ts";
import type { App } from "./app.ts";
import { open, seal } from "./sealed.ts";

/** Milliseconds a person has to sign in at the issuer. */
export const transactionLifetime = 15 * 60_000;
/** Seconds its cookie is kept: whoever comes back too late starts anew from there, and still gets to the page they wanted. */
const cookieLifetime = 4 * 3600;
/** Older transactions of one browser are dropped: cookies must fit in a header, of which proxies take 8 KB. */
export const maxOpen = 6;
/** Characters all of them may have together; whoever makes the links decides how long `returnTo` is. */
const maxTogether = 6000;

/** How the browser comes back: by a redirect, or by a form that is posted from the provider's page. */
export type Back = "redirected" | "posted";

/** Tells whether answers of this mode are posted. */
export const isPosted = (response_mode: string | undefined): boolean => response_mode?.startsWith("form_post") === true;

export interface Transaction {
  readonly state: string;
  readonly provider: string;
  readonly nonce: string;
  readonly code_verifier: string;
  readonly redirect_uri: string;
  readonly returnTo: string;
  /** Asked for instead of what is configured: names separated by blanks. Left out otherwise: cookies must fit in a header. */
  readonly scope?: string;
  /** Seconds; asked for, to be found in the ID token. */
  readonly max_age?: number;
  /** Asked for because an API wants it: the ID token must name one of them. */
  readonly acr_values?: string;
  /** Id of the session the browser had when it left. An answer that is posted from another site comes without its cookie. */
  readonly session?: string;
  /** Id of the session that the account is to be added to: a form on the application's own pages asked for it. */
  readonly link?: string;
  /** The key the tokens will be bound to. */
  readonly dpop?: Jwk;
  /** Temporary credentials of OAuth 1.0a, which has neither nonce nor verifier of ours. */
  readonly temporary?: { readonly oauth_token: string; readonly oauth_token_secret: string };
  /** Milliseconds. */
  readonly expiresAt: number;
}

/** Makes a state: the transaction's id, which names the cookie, and 256 random bits. */
export const createState = (app: App): string => `${createId(app.now())}.${randomToken(32)}`;

/** Tells the id of the transaction a state belongs to; nothing for a state that is not of our making. */
export const transactionId = (state: string): string | undefined => /^([0-9a-z]{26})\.[\w-]{43}$/.exec(state)?.[1];

/** Writes the cookie of a transaction, and removes the oldest ones of a browser that has too many. */
export async function keepTransaction(
  app: App,
  request: Request,
  transaction: Transaction,
  back: Back = "redirected",
): Promise<string[]> {
  const id = transactionId(transaction.state);
  if (id === undefined) throw new TypeError("the state is not one of createState");
  const origin = new URL(transaction.redirect_uri).origin;
  const { transaction: keys } = await app.keys();
  const sealed = await seal(keys, transaction);
  return [
    ...tooMany(request, origin, sealed.length).map((name) => cookie(origin, name, "", 0)),
    cookie(origin, transactionCookie(origin, id), sealed, cookieLifetime, back),
  ];
}

/** The names of those that must go if one of this size comes: the oldest first, as their names begin with the time. */
function tooMany(request: Request, origin: string, size: number): string[] {
  const prefix = transactionCookie(origin, "");
  const ours = [...readCookies(request)].filter(
    ([name]) => name.startsWith(prefix) && /^[0-9a-z]{26}$/.test(name.slice(prefix.length)),
  );
  let room = maxTogether - size;
  const kept = ours
    .sort(([a], [b]) => (a < b ? 1 : -1))
    .findIndex(([name, value], at) => {
      room -= name.length + value.length;
      return at >= maxOpen - 1 || room < 0;
    });
  return kept < 0 ? [] : ours.slice(kept).map(([name]) => name);
}

/**
 * Finds the transaction an answer belongs to. No cookie, or one past its time, is `transaction_missing`; one of another
 * state or provider is `state_mismatch`.
 */
export async function findTransaction(
  app: App,
  request: Request,
  answer: { readonly state: string; readonly provider: string; readonly origin: string },
): Promise<Transaction> {
  const id = transactionId(answer.state);
  const sealed = id === undefined ? undefined : readCookies(request).get(transactionCookie(answer.origin, id));
  const { transaction: keys } = await app.keys();
  const transaction = sealed === undefined ? undefined : await open<Transaction>(keys, sealed);
  // The same key seals what needScope asks for, which is no transaction: it has no state.
  if (transaction?.state === undefined || transaction.expiresAt <= app.now()) {
    throw new ClientError("transaction_missing", "there is no live transaction cookie for this state in the browser");
  }
  if (transaction.provider !== answer.provider) {
    const { provider } = transaction;
    throw new ClientError(
      "state_mismatch",
      `the answer came for ${answer.provider}, but the sign-in is with ${provider}`,
      {
        fix: `The provider must send people back to the redirect_uri of the request, ${transaction.redirect_uri}: register that one for ${provider}.`,
      },
    );
  }
  if (!constantTimeEqual(transaction.state, answer.state)) {
    throw new ClientError("state_mismatch", "the transaction is of another state");
  }
  return transaction;
}

/** Finds a transaction that is past its time: it counts for nothing, but tells where the person was going. */
export async function findPast(
  app: App,
  request: Request,
  answer: { readonly state: string; readonly provider: string; readonly origin: string },
): Promise<Transaction | undefined> {
  const id = transactionId(answer.state);
  const sealed = id === undefined ? undefined : readCookies(request).get(transactionCookie(answer.origin, id));
  const found = sealed === undefined ? undefined : await open<Transaction>((await app.keys()).transaction, sealed);
  const past = found?.state === answer.state && found.provider === answer.provider && found.expiresAt <= app.now();
  return past ? found : undefined;
}

/** Opens every transaction this browser holds that is not past its time. */
export async function openTransactions(app: App, request: Request, origin: string): Promise<Transaction[]> {
  const { transaction: keys } = await app.keys();
  const prefix = transactionCookie(origin, "");
  const sealed = [...readCookies(request)].filter(([name]) => name.startsWith(prefix)).map(([, value]) => value);
  const found = await Promise.all(sealed.map((one) => open<Transaction>(keys, one)));
  return found.filter((one): one is Transaction => one?.state !== undefined && one.expiresAt > app.now());
}

/** Writes the cookie that removes a transaction from the browser. */
export function dropTransaction(origin: string, state: string, back: Back = "redirected"): string[] {
  const id = transactionId(state);
  return id === undefined ? [] : [cookie(origin, transactionCookie(origin, id), "", 0, back)];
}

const isSecure = (origin: string): boolean => origin.startsWith("https:");
/** Names the cookie of a transaction; with an empty id, what all names begin with. */
export const transactionCookie = (origin: string, id: string): string =>
  `${isSecure(origin) ? "__Host-" : ""}vk_tx_${id}`;

// Lax: the answer is a top-level navigation from another site. One that is posted from there brings only SameSite=None, which
// must be Secure; browsers take such a cookie on loopback too.
const cookie = (origin: string, name: string, value: string, maxAge: number, back: Back = "redirected"): string =>
  setCookie(name, value, {
    secure: isSecure(origin) || back === "posted",
    httpOnly: true,
    sameSite: back === "posted" ? "None" : "Lax",
    path: "/",
    maxAge,
  });
