/**
 * The backchannel authentication endpoint: a client asks for a person who is somewhere else (CIBA Core §7).
 *
 * Guarantees that what is kept was checked like a request at the authorization endpoint, that the text shown to the person is short
 * and plain, and that no client can bury a person under requests.
 */
import {
  invalidBindingMessage,
  invalidRequest,
  invalidScope,
  invalidUserCode,
  missingUserCode,
  tooManyRequests,
  unauthorizedClient,
} from "@valetkey/protocol/errors";
import { readForm } from "@valetkey/protocol/form";
import { createHandle } from "@valetkey/protocol/random";
import { approvalRequest } from "../authorize/approval.ts";
import { checkAsked } from "../authorize/check-request.ts";
import { appendQuery } from "../authorize/respond.ts";
import { cibaGrant } from "../backchannel/client-metadata.ts";
import { findPerson } from "../backchannel/find-person.ts";
import { sealPing } from "../backchannel/ping.ts";
import type { BackchannelPolicy } from "../backchannel/policy.ts";
import { readSigned } from "../backchannel/signed-request.ts";
import { authenticateClient } from "../client-auth/authenticate.ts";
import type { Client } from "../clients.ts";
import { insert, list } from "../entries.ts";
import { keptFor } from "../grants/redeem-waiting.ts";
import { jsonResponse } from "../lib/json-response.ts";
import { networkOf } from "../network.ts";
import type { Limit, Op, Peer } from "../op.ts";
import { countAttempt } from "../throttle.ts";
import { findBinding } from "../tokens/binding.ts";
import { isOpen, type WaitingData } from "../waiting.ts";

/** Requests of one client for one person, and user codes for one person, right ones too. */
const perPerson: Limit = { attempts: 20, seconds: 600 };
const codes: Limit = { attempts: 10, seconds: 600 };
/** That wait at a time: of one client for one person, and of all. */
const mostOfClient = 5;
const mostOfAll = 30;

/** Answers with an `auth_req_id`. Throws `OAuthError`. */
export async function backchannelAuthenticationEndpoint(
  op: Op,
  request: Request,
  peer: Peer,
  policy: BackchannelPolicy,
): Promise<Response> {
  const form = await readForm(request, { repeatable: ["resource"] });
  const client = await authenticateClient(op, request, form, peer);
  if (!client.confidential || client.metadata.grant_types?.includes(cibaGrant) !== true)
    throw unauthorizedClient("the client is not registered for backchannel authentication");
  const parameters = await readSigned(op, client, form, policy.algorithms);
  const asked = await checkAsked(op, client, parameters);
  if (!asked.scope.includes("openid")) throw invalidScope("scope must contain openid");
  const token = readNotificationToken(client, parameters.client_notification_token);
  const binding_message = readBindingMessage(parameters.binding_message);
  const seconds = readExpiry(parameters.requested_expiry, policy);
  const binding = await findBinding(op, request, peer, client);

  const subject = await findPerson(op, client, parameters, policy);
  if (asked.hint_subject !== undefined && asked.hint_subject !== subject)
    throw invalidRequest("claims and the hint name two persons");
  await checkUserCode(op, subject, parameters.user_code, policy);
  await checkCrowd(op, client, subject);

  const now = op.now();
  const until = now + seconds * 1000;
  const { id, handle, digest } = await createHandle("backchannel", now);
  const network = networkOf(peer.ip);
  const data: WaitingData = {
    digest,
    request: approvalRequest("backchannel", id, client.client_id, { ...asked, hint_subject: subject }),
    createdAt: now,
    until,
    interval: policy.interval,
    ...(network === undefined ? {} : { network }),
    ...(binding === undefined ? {} : { cnf: binding.cnf }),
    ...(binding_message === undefined ? {} : { binding_message }),
    ...(token === undefined ? {} : { ping: await sealPing(op, { auth_req_id: handle, token }) }),
  };
  const { client_id } = client;
  await op.store.commit([insert("backchannel", { id, client: client_id, subject, expiresAt: until + keptFor, data })]);
  op.log.info({ event: "backchannel.asked", client_id, subject, scope: asked.scope }, "a client asks for a person");
  void notify(op, client, { subject, id, until, binding_message }, policy);
  return jsonResponse(
    { auth_req_id: handle, expires_in: seconds, interval: policy.interval },
    binding?.headers === undefined ? {} : { headers: binding.headers },
  );
}

/** §7.1: in ping mode a bearer token of at least 128 bits. */
function readNotificationToken({ metadata }: Client, token: string | undefined): string | undefined {
  if (metadata.backchannel_token_delivery_mode !== "ping") return undefined;
  if (token === undefined) throw invalidRequest("client_notification_token is missing");
  if (!/^[\w.~+/-]{22,1022}=*$/.test(token) || token.length > 1024)
    throw invalidRequest("client_notification_token must be a bearer token of 22 to 1024 characters");
  return token;
}

/** §7.1: short and plain; what changes the direction of text, or cannot be seen, makes one message look like another. */
function readBindingMessage(message: string | undefined): string | undefined {
  if (message === undefined) return undefined;
  if (message.length > 100 || !/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u.test(message) || message.trim() === "")
    throw invalidBindingMessage("binding_message must be 1 to 100 printable characters on one line");
  return message;
}

function readExpiry(requested: string | undefined, { lifetime, longest }: BackchannelPolicy): number {
  if (requested === undefined) return lifetime;
  if (!/^[1-9]\d{0,15}$/.test(requested)) throw invalidRequest("requested_expiry must be a positive number of seconds");
  return Math.min(Number(requested), longest);
}

async function checkUserCode(
  op: Op,
  subject: string,
  user_code: string | undefined,
  policy: BackchannelPolicy,
): Promise<void> {
  if (policy.checkUserCode === undefined) return;
  if (user_code === undefined) throw missingUserCode("user_code is missing");
  const wait = await countAttempt(op.throttle, `ciba-code:${subject}`, codes);
  if (wait > 0) throw tooManyRequests("too many user codes were tried for this person", wait);
  if (user_code.length > 256 || !(await policy.checkUserCode(subject, user_code)))
    throw invalidUserCode("user_code is wrong");
}

/** RFC 10027: a person who is asked without end says yes in the end. */
async function checkCrowd(op: Op, { client_id }: Client, subject: string): Promise<void> {
  const wait = await countAttempt(op.throttle, `ciba:${client_id} ${subject}`, perPerson);
  if (wait > 0) throw tooManyRequests("too many requests for this person", wait);
  const now = op.now();
  const all = (await list(op.store, "backchannel", { subject, limit: 1000 })).filter(({ data }) => isOpen(data, now));
  const own = all.filter(({ client }) => client === client_id);
  if (own.length < mostOfClient && all.length < mostOfAll) return;
  const first = Math.min(...(own.length < mostOfClient ? all : own).map(({ data }) => data.until));
  throw tooManyRequests("too many requests wait for this person already", (first - now) / 1000);
}

async function notify(
  op: Op,
  { client_id, metadata }: Client,
  { id, binding_message, ...rest }: { subject: string; id: string; until: number; binding_message: string | undefined },
  policy: BackchannelPolicy,
): Promise<void> {
  try {
    await policy.notify?.({
      ...rest,
      id,
      url: appendQuery(op.pages.approve, { request: id }),
      client: { client_id, client_name: metadata.client_name ?? client_id },
      ...(binding_message === undefined ? {} : { binding_message }),
    });
  } catch (cause) {
    op.log.warn({ event: "backchannel.not-notified", client_id, cause }, "a person could not be told of a request");
  }
}
