/**
 * Whom a backchannel request is about: exactly one hint, and somebody who is known here (CIBA Core §7.1, §13).
 *
 * Which people exist is told to clients alone that an operator trusts to ask (they prove who they are), and only so often: whoever
 * names many who are unknown has to wait. Guarantees that a forged or foreign ID token names nobody.
 */
import { invalidRequest, type OAuthError, tooManyRequests, unknownUserId } from "@valetkey/protocol/errors";
import type { Form } from "@valetkey/protocol/form";
import { findAccount } from "../claims.ts";
import type { Client } from "../clients.ts";
import { verifyHint } from "../id-token-hint.ts";
import type { Limit, Op } from "../op.ts";
import type { BackchannelPolicy } from "./policy.ts";

/** Unknown people one client may name. */
const strangers: Limit = { attempts: 100, seconds: 600 };

/** Finds the subject. Throws `invalid_request`, `unknown_user_id`, `expired_login_hint_token`, 429. */
export async function findPerson(op: Op, client: Client, form: Form, policy: BackchannelPolicy): Promise<string> {
  const key = `ciba-unknown:${client.client_id}`;
  const wait = await op.throttle.blocked(key, strangers);
  if (wait > 0) throw tooManyRequests("this client has named too many people who are unknown here", wait);
  const subject = await resolve(op, client, form, policy);
  if (subject !== undefined && (await findAccount(op, subject)) !== undefined) return subject;
  await op.throttle.failed(key, strangers);
  throw unknownUserId("nobody is known by this hint");
}

async function resolve(op: Op, client: Client, form: Form, policy: BackchannelPolicy): Promise<string | undefined> {
  const { login_hint, login_hint_token, id_token_hint } = form;
  const given = [login_hint, login_hint_token, id_token_hint].filter((hint) => hint !== undefined);
  if (given.length !== 1)
    throw invalidRequest("send exactly one of login_hint, login_hint_token and id_token_hint to say who is meant");
  if (login_hint !== undefined) {
    if (login_hint.length > 256) throw invalidRequest("login_hint is longer than 256 characters");
    return policy.resolve(login_hint, client);
  }
  if (login_hint_token !== undefined) {
    if (policy.resolveToken === undefined) throw invalidRequest("login_hint_token is not supported here");
    return policy.resolveToken(login_hint_token, client);
  }
  const hint = await verifyHint(op, id_token_hint ?? "");
  if (hint === undefined || !hint.audiences.includes(client.client_id)) throw foreignHint();
  return hint.subject;
}

const foreignHint = (): OAuthError => invalidRequest("id_token_hint is not an ID token issued to this client");
