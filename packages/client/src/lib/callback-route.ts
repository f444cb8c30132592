/**
 * GET or POST /auth/callback/<name>: the person comes back. Read from top to bottom, this is the sign-in.
 *
 * RFC 6749 §4.1.2 to §4.1.4, RFC 9207, RFC 9700 §4, OpenID Connect Core §3.1.2.7, §3.1.3.7 and §5.3.2.
 * Guarantees that a session is stored only after everything was verified, with its tokens in one commit, and that an answer is
 * taken once: whatever fails afterwards, the sign-in starts anew.
 */
import type { Form } from "@valetkey/protocol/form";
import type { User } from "../auth.ts";
import { ClientError } from "../client-error.ts";
import type { Tokens } from "../token-request.ts";
import { type App, originOf, remoteOf } from "./app.ts";
import type { Arrival, Arrived } from "./arrival.ts";
import { loginPath } from "./login-route.ts";
import { arriveFromOAuth1 } from "./oauth1-arrival.ts";
import { findOAuth1Transaction } from "./oauth1-leave.ts";
import { arriveFromOAuth2 } from "./oauth2-arrival.ts";
import { arriveFromOidc } from "./oidc-arrival.ts";
import { errorPage, seeOther, wrongMethod } from "./page.ts";
import { readCallback } from "./read-callback.ts";
import { createSession } from "./session.ts";
import { endFormer } from "./sign-out.ts";
import { type Back, dropTransaction, findTransaction, isPosted, type Transaction } from "./transaction.ts";
import { insertVault, vaultId } from "./vault.ts";

/** Signs the person in and goes to where they were going; or shows what went wrong and how to start again. */
export async function callbackRoute(app: App, request: Request, name: string): Promise<Response> {
  const remote = remoteOf(app, name);
  const origin = originOf(app, request);
  const back: Back = isPosted(remote.response_mode) ? "posted" : "redirected";
  const method = back === "posted" ? "POST" : "GET";
  if (request.method !== method) return wrongMethod(method);
  let transaction: Transaction | undefined;
  try {
    const answer = await readCallback(app, request, remote);
    const from = { provider: name, origin };
    transaction = await (remote.kind === "oauth1"
      ? findOAuth1Transaction(app, request, answer, from)
      : findTransaction(app, request, { ...from, state: stateOf(answer) }));
    const cookie = await signIn(app, request, origin, { remote, answer, transaction });
    return seeOther(transaction.returnTo, [...dropTransaction(origin, transaction.state, back), cookie]);
  } catch (e) {
    const again = { href: loginPath(app, name, transaction?.returnTo ?? "/"), text: "Sign in again" };
    return errorPage(app, e, again, transaction === undefined ? [] : dropTransaction(origin, transaction.state, back));
  }
}

function stateOf({ state }: Form): string {
  if (state === undefined) throw new ClientError("state_missing", "the answer has no state");
  return state;
}

/** Gives the cookie of the new session. */
async function signIn(app: App, request: Request, origin: string, arrival: Arrival): Promise<string> {
  const { remote } = arrival;
  const { iss, user, tokens, kept, authTime, sid } = await arrive(app, arrival);
  await accepted(app, user, tokens, { provider: remote.name, issuer: iss });

  const { sub, claims, ...person } = user;
  const known = { ...(authTime === undefined ? {} : { authTime }), ...(sid === undefined ? {} : { sid }) };
  const session = await createSession(app, origin, { provider: remote.name, iss, sub, claims, person, ...known });
  const former = await endFormer(app, request, origin, { transaction: arrival.transaction, iss, sub });
  const all = { ...former, ...kept };
  const vault = await insertVault(app, vaultId(session.id, remote.name), all, session.expiresAt);
  if (!(await app.store.commit([session.change, vault]))) throw new Error("a fresh session id was taken");
  app.log.info({ event: "sign_in.done", provider: remote.name }, "signed in");
  return session.cookie;
}

/** Each kind of provider has its own way to say who it is. */
function arrive(app: App, { remote, ...rest }: Arrival): Promise<Arrived> {
  if (remote.kind === "oidc") return arriveFromOidc(app, { ...rest, remote });
  if (remote.kind === "oauth1") return arriveFromOAuth1(app, { ...rest, remote });
  return arriveFromOAuth2(app, { ...rest, remote });
}

async function accepted(app: App, user: User, tokens: Tokens, from: { provider: string; issuer: string }) {
  try {
    await app.onSignIn?.(user, tokens, from);
  } catch (cause) {
    if (cause instanceof ClientError) throw cause;
    throw new ClientError("sign_in_refused", "onSignIn threw", { cause });
  }
}
