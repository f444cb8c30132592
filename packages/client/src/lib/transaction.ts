/**
 * One sign-in on its way: what must be remembered between leaving for the issuer and coming back, in a cookie of its own.
 *
 * RFC 6749 §10.12, RFC 9700 §4.7, RFC 7636 §4.1, RFC 6265bis §4.1.3 (`__Host-`).
 * Guarantees that tabs do not disturb each other, that only the browser that left can come back, and that the cookie shows
 * nothing of what it holds.
 */
import { readCookies, setCookie } from "@valetkey/protocol/cookie";
import { constantTimeEqual } from "@valetkey/protocol/digest";
import { createId, randomToken } from "@valetkey/protocol/random";
import { ClientError } from "../client-error.ts";
import type { App } from "./app.ts";
import { open, seal } from "./sealed.ts";

/** Milliseconds a person has to sign in at the issuer. */
export const transactionLifetime = 15 * 60_000;
/** Older transactions of one browser are dropped: cookies must fit in a header. */
const maxOpen = 6;

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
  /** Id of the session the browser had when it left. An answer that is posted from another site comes without its cookie. */
  readonly session?: string;
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
  const prefix = cookieName(origin, "");
  const others = [...readCookies(request).keys()].filter((name) => name.startsWith(prefix)).sort();
  const { transaction: keys } = await app.keys();
  return [
    ...others.slice(0, Math.max(0, others.length - maxOpen + 1)).map((name) => cookie(origin, name, "", 0)),
    cookie(origin, cookieName(origin, id), await seal(keys, transaction), transactionLifetime / 1000, back),
  ];
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
  const sealed = id === undefined ? undefined : readCookies(request).get(cookieName(answer.origin, id));
  const { transaction: keys } = await app.keys();
  const transaction = sealed === undefined ? undefined : await open<Transaction>(keys, sealed);
  if (transaction === undefined || transaction.expiresAt <= app.now()) {
    throw new ClientError("transaction_missing", "there is no live transaction cookie for this state in the browser");
  }
  if (!constantTimeEqual(transaction.state, answer.state) || transaction.provider !== answer.provider) {
    throw new ClientError("state_mismatch", "the transaction is of another state or provider");
  }
  return transaction;
}

/** Opens every transaction this browser holds that is not past its time. */
export async function openTransactions(app: App, request: Request, origin: string): Promise<Transaction[]> {
  const { transaction: keys } = await app.keys();
  const prefix = cookieName(origin, "");
  const sealed = [...readCookies(request)].filter(([name]) => name.startsWith(prefix)).map(([, value]) => value);
  const found = await Promise.all(sealed.map((one) => open<Transaction>(keys, one)));
  return found.filter((one): one is Transaction => one?.state !== undefined && one.expiresAt > app.now());
}

/** Writes the cookie that removes a transaction from the browser. */
export function dropTransaction(origin: string, state: string, back: Back = "redirected"): string[] {
  const id = transactionId(state);
  return id === undefined ? [] : [cookie(origin, cookieName(origin, id), "", 0, back)];
}

const isSecure = (origin: string): boolean => origin.startsWith("https:");
const cookieName = (origin: string, id: string): string => `${isSecure(origin) ? "__Host-" : ""}vk_tx_${id}`;

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
