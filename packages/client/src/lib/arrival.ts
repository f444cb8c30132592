/**
 * Somebody coming back from a provider: what every kind of provider is given, and what it must find out.
 *
 * RFC 6749 §4.1.2 and §4.1.3, RFC 9449 §5.
 * Guarantees that an answer is taken once: a code is never sent a second time.
 */
import type { Form } from "@valetkey/protocol/form";
import type { User } from "../auth.ts";
import { ClientError } from "../client-error.ts";
import type { Dpop } from "../dpop-fetch.ts";
import { exchangeCode } from "../exchange-code.ts";
import type { Tokens } from "../token-request.ts";
import type { App } from "./app.ts";
import { dpopOf } from "./dpop-key.ts";
import type { Remote, TokenRemote } from "./remote.ts";
import { type Transaction, transactionId } from "./transaction.ts";
import type { Kept } from "./vault.ts";

/** An answer that belongs to a transaction of this browser. Nothing else in it has been checked. */
export interface Arrival<R extends Remote = Remote> {
  readonly remote: R;
  readonly answer: Form;
  readonly transaction: Transaction;
}

/** Who it is, verified, and what is kept. */
export interface Arrived {
  readonly iss: string;
  readonly user: User;
  /** For `onSignIn`. */
  readonly tokens: Tokens;
  /** For the vault. */
  readonly kept: Kept;
  /** Milliseconds at which the person proved who they are, if the provider says. */
  readonly authTime?: number;
  /** The provider's name for its session with this browser. */
  readonly sid?: string;
  /** Seconds at which the ID token was issued, by the issuer's clock. */
  readonly iat?: number;
}

/** What was asked for, to explain a refusal with. */
export const askedOf = ({ remote, transaction }: Arrival<TokenRemote>) => ({
  client_id: remote.client.client_id,
  redirect_uri: transaction.redirect_uri,
  scope: transaction.scope ?? remote.scope,
});

/** Takes the transaction once, also if the browser sends the same answer twice or a copy of the cookie turns up. */
export async function spend(app: App, transaction: Transaction): Promise<void> {
  const id = transactionId(transaction.state);
  if (id === undefined) throw new TypeError("the state is not one of createState");
  const entry = { kind: "app-callback", id, version: 0, expiresAt: transaction.expiresAt, data: null };
  if (await app.store.commit([{ do: "insert", entry }])) return;
  throw new ClientError("transaction_used", "the transaction was used before");
}

/**
 * Exchanges the code. The tokens are bound to the key the person left with; if there must be one and is none, they left before
 * that was configured: `transaction_missing`. `readTokens` sees the answer as it arrived.
 */
export async function exchange(
  app: App,
  { remote, transaction }: Arrival<TokenRemote>,
  code: string,
  readTokens?: (answer: Record<string, unknown>) => Record<string, unknown>,
): Promise<{ readonly tokens: Tokens; readonly dpop: Dpop | undefined }> {
  const { client, issuerOf, token_params, pkce } = remote;
  const { fetch, now } = app;
  const { code_verifier, redirect_uri } = transaction;
  if (remote.dpop_bound_access_tokens === true && transaction.dpop === undefined) {
    throw new ClientError("transaction_missing", "the sign-in was started before tokens had to be bound to a key");
  }
  const dpop = await dpopOf(remote, transaction.dpop);
  const tokens = await exchangeCode({
    metadata: await issuerOf.metadata(),
    client,
    fetch,
    now,
    code,
    redirect_uri,
    parameters: token_params,
    ...(pkce === "none" ? {} : { code_verifier }),
    ...(dpop === undefined ? {} : { dpop }),
    ...(readTokens === undefined ? {} : { readTokens }),
  });
  return { tokens, dpop };
}
