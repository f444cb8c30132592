/**
 * GET /auth/callback/<name>: the person comes back. Read from top to bottom, this is the sign-in.
 *
 * RFC 6749 §4.1.2 to §4.1.4, RFC 9207, RFC 9700 §4, OpenID Connect Core §3.1.2.7, §3.1.3.7 and §5.3.2.
 * Guarantees that a session is stored only after everything was verified, with its tokens in one commit, and that an answer is
 * taken once: whatever fails afterwards, the sign-in starts anew.
 */
import type { User } from "../auth.ts";
import { checkCallback, readAnswer } from "../callback.ts";
import { ClientError } from "../client-error.ts";
import { exchangeCode } from "../exchange-code.ts";
import { checkIdToken } from "../id-token.ts";
import type { Tokens } from "../token-request.ts";
import { fetchUserinfo } from "../userinfo.ts";
import { type App, originOf, type Remote, remoteOf } from "./app.ts";
import { loginPath } from "./login-route.ts";
import { errorPage, seeOther } from "./page.ts";
import { createSession } from "./session.ts";
import { endCurrent } from "./sign-out.ts";
import { dropTransaction, findTransaction, type Transaction, transactionId } from "./transaction.ts";
import { userOf } from "./user.ts";
import { insertVault, keep, vaultId } from "./vault.ts";

type Answer = ReturnType<typeof readAnswer>;

/** Signs the person in and goes to where they were going; or shows what went wrong and how to start again. */
export async function callbackRoute(app: App, request: Request, name: string): Promise<Response> {
  const remote = remoteOf(app, name);
  const origin = originOf(app, request);
  let transaction: Transaction | undefined;
  try {
    const answer = readAnswer(new URL(request.url));
    if (answer.state === undefined) throw new ClientError("state_missing", "the answer has no state");
    transaction = await findTransaction(app, request, { state: answer.state, provider: name, origin });
    const cookie = await signIn(app, request, { remote, origin, answer, transaction });
    return seeOther(transaction.returnTo, [...dropTransaction(origin, transaction.state), cookie]);
  } catch (e) {
    const again = { href: loginPath(app, name, transaction?.returnTo ?? "/"), text: "Sign in again" };
    return errorPage(app, e, again, transaction === undefined ? [] : dropTransaction(origin, transaction.state));
  }
}

interface Arrival {
  readonly remote: Remote;
  readonly origin: string;
  readonly answer: Answer;
  readonly transaction: Transaction;
}

/** Gives the cookie of the new session. */
async function signIn(app: App, request: Request, { remote, origin, answer, transaction }: Arrival): Promise<string> {
  const { issuerOf, issuer, name } = remote;
  const metadata = await issuerOf.metadata();
  const { code } = checkCallback(answer, { metadata, state: transaction.state });
  await spend(app, transaction);
  const tokens = await exchange(app, remote, transaction, code);
  const id = await checkIdToken(tokens.id_token, {
    issuer,
    client_id: remote.client.client_id,
    nonce: transaction.nonce,
    access_token: tokens.access_token,
    keys: await issuerOf.keys(),
    alg: remote.id_token_signed_response_alg,
    now: app.now(),
    clockTolerance: app.clockTolerance,
  });
  const { access_token } = tokens;
  const userinfo = await fetchUserinfo({ metadata, access_token, sub: id.sub, fetch: app.fetch });
  const user = userOf(id, userinfo);
  await accepted(app, user, tokens, remote);

  const { claims } = user;
  const session = await createSession(app, origin, { provider: name, iss: id.iss, sub: id.sub, claims });
  const vault = await insertVault(app, vaultId(session.id, name), keep(tokens), session.expiresAt);
  await endCurrent(app, request, origin);
  if (!(await app.store.commit([session.change, vault]))) throw new Error("a fresh session id was taken");
  app.log.info({ event: "sign_in.done", provider: name }, "signed in");
  return session.cookie;
}

/**
 * Takes the transaction once, also if the browser sends the same answer twice or a copy of the cookie turns up: a code must
 * never be sent a second time (RFC 6749 §4.1.2).
 */
async function spend(app: App, transaction: Transaction): Promise<void> {
  const id = transactionId(transaction.state);
  if (id === undefined) throw new TypeError("the state is not one of createState");
  const entry = { kind: "app-callback", id, version: 0, expiresAt: transaction.expiresAt, data: null };
  if (await app.store.commit([{ do: "insert", entry }])) return;
  throw new ClientError("transaction_used", "the transaction was used before");
}

async function exchange(app: App, remote: Remote, transaction: Transaction, code: string): Promise<Tokens> {
  const { client, issuerOf } = remote;
  const { fetch, now } = app;
  const { code_verifier, redirect_uri } = transaction;
  const metadata = await issuerOf.metadata();
  return exchangeCode({ metadata, client, fetch, now, code, code_verifier, redirect_uri });
}

async function accepted(app: App, user: User, tokens: Tokens, remote: Remote): Promise<void> {
  try {
    await app.onSignIn?.(user, tokens, { provider: remote.name, issuer: remote.issuer });
  } catch (cause) {
    if (cause instanceof ClientError) throw cause;
    throw new ClientError("sign_in_refused", "onSignIn threw", { cause });
  }
}
