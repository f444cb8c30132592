/**
 * The authorization challenge endpoint: questions and answers, and a code at the end (draft-ietf-oauth-first-party-apps-04 §4.1, §5).
 *
 * Order: client, whether it may, key, session, how often, decision. Guarantees that a code comes out of one commit that ends the
 * session, and that whoever presents somebody else's session, or their own with another key, hears only that it is none.
 */
import {
  accessDenied,
  insufficientAuthorization,
  invalidSession,
  type OAuthError,
  redirectToWeb,
  unauthorizedClient,
  unmetAuthenticationRequirements,
  unsupportedResponseType,
} from "@valetkey/protocol/errors";
import { encodeForm, type Form, formValues, readForm } from "@valetkey/protocol/form";
import { createHandle, createId } from "@valetkey/protocol/random";
import { checkRequest } from "../authorize/check-request.ts";
import { grantData, newCode } from "../authorize/new-grant.ts";
import { pushedPrefix } from "../authorize/resolve-request.ts";
import { targetOf, targetParameters } from "../authorize/trusted-target.ts";
import { findAccount } from "../claims.ts";
import { authenticateClient } from "../client-auth/authenticate.ts";
import type { Client } from "../clients.ts";
import { cutGrant } from "../cut.ts";
import {
  type AuthorizationRequest,
  type AuthSessionData,
  findByHandle,
  insert,
  type Known,
  remove,
  replace,
} from "../entries.ts";
import type { FirstPartyApps, Verdict } from "../experimental-first-party-apps.ts";
import { checkFlood } from "../flood.ts";
import { ownsGrant, unknownGrant } from "../grant-management.ts";
import { jsonResponse } from "../lib/json-response.ts";
import type { Op, Peer } from "../op.ts";
import { query } from "../response-modes/response-mode.ts";
import { holds } from "../response-types.ts";
import { findBinding } from "../tokens/binding.ts";

/** What is going on: asked for now, or in a session. */
interface Ongoing {
  readonly client: Client;
  readonly request: AuthorizationRequest;
  /** The first request as a form. */
  readonly parameters: string;
  readonly dpop_jkt: string | undefined;
  readonly attempts: number;
  readonly session?: { readonly entry: Known<"auth-session">; readonly handle: string };
}

/** Answers with a code, or with what is missing. Throws `OAuthError`. */
export async function challengeEndpoint(op: Op, apps: FirstPartyApps, http: Request, peer: Peer): Promise<Response> {
  const form = await readForm(http, { repeatable: ["resource"] });
  const client = await authenticateClient(op, http, form, peer);
  // §9.1: to anybody else people must not give their passwords.
  if (!apps.allow(client)) throw unauthorizedClient("this client may not sign people in by itself");
  const dpop_jkt = (await findBinding(op, http, peer, client))?.cnf.jkt;
  await checkFlood(op, peer);
  const ongoing = await read(op, client, form, dpop_jkt);
  const state = ongoing.session?.entry.data.state;
  const verdict =
    ongoing.attempts >= apps.maxAttempts
      ? ({ step: "refuse", description: "too many attempts" } as const)
      : await apps.decide({ client, request: ongoing.request, form, peer, ...(state === undefined ? {} : { state }) });
  if (verdict.step === "more") return askMore(op, apps, ongoing, verdict);
  if (verdict.step === "web") return toWeb(op, ongoing);
  if (verdict.step === "login") return finish(op, ongoing, verdict);
  await end(op, ongoing);
  throw accessDenied(verdict.description ?? "the person could not be signed in");
}

async function read(op: Op, client: Client, form: Form, dpop_jkt: string | undefined): Promise<Ongoing> {
  if (form.auth_session === undefined) {
    // Nobody is sent anywhere: there is no target but the answer itself.
    const target = { client, redirect_uri: "", redirect_uri_sent: false, mode: query, state: form.state };
    const request = await checkRequest(op, target, form, { pushed: true, signed: false });
    // A code is what comes out of this, so it is what must be asked for: then PKCE was looked at.
    if (!holds(request.response_type, "code")) throw unsupportedResponseType("response_type must be code here");
    return { client, request, parameters: askedIn(form, client), dpop_jkt, attempts: 0 };
  }
  const entry = await findByHandle(op.store, "auth-session", form.auth_session);
  // §9.6.1: the same key all the way.
  if (entry === undefined || entry.client !== client.client_id || entry.data.dpop_jkt !== dpop_jkt)
    throw invalidSession("the auth_session is unknown, has expired, or belongs to somebody else");
  const { request, parameters, attempts } = entry.data;
  return { client, request, parameters, dpop_jkt, attempts, session: { entry, handle: form.auth_session } };
}

/** §5.2.2, §5.3: 403 with the session to go on with. */
async function askMore(
  op: Op,
  apps: FirstPartyApps,
  { client, request, parameters, dpop_jkt, attempts, session }: Ongoing,
  { members = {}, state }: Extract<Verdict, { step: "more" }>,
): Promise<Response> {
  const now = op.now();
  const kept = {
    request,
    parameters,
    attempts: attempts + 1,
    ...(dpop_jkt === undefined ? {} : { dpop_jkt }),
    ...(state === undefined ? {} : { state }),
  };
  if (session !== undefined) {
    const { entry, handle } = session;
    const data: AuthSessionData = { digest: entry.data.digest, ...kept };
    // Two answers at once: one of them counts.
    if (!(await op.store.commit([replace(entry, { data })])))
      throw invalidSession("the auth_session was used meanwhile");
    return refusal(insufficientAuthorization("more is needed"), { ...members, auth_session: handle });
  }
  const { id, handle, digest } = await createHandle("auth-session", now);
  const expiresAt = now + apps.lifetime * 1000;
  await op.store.commit([
    insert("auth-session", { id, client: client.client_id, expiresAt, data: { digest, ...kept } }),
  ]);
  return refusal(insufficientAuthorization("more is needed"), { ...members, auth_session: handle });
}

/** §5.2.2.1.1: with a pushed request where that would do, which takes PKCE. */
async function toWeb(op: Op, ongoing: Ongoing): Promise<Response> {
  await end(op, ongoing);
  const { client, request, parameters, dpop_jkt } = ongoing;
  const error = redirectToWeb("this has to be done in a browser");
  if (op.push === undefined || request.code_challenge === undefined || !canRedirect(op, client, parameters))
    return refusal(error);
  const now = op.now();
  const { id, handle, digest } = await createHandle("pushed", now);
  const { lifetime } = op.push;
  const data = { digest, parameters, signed: false, ...(dpop_jkt === undefined ? {} : { dpop_jkt }) };
  await op.store.commit([insert("pushed", { id, client: client.client_id, expiresAt: now + lifetime * 1000, data })]);
  return refusal(error, { request_uri: pushedPrefix + handle, expires_in: lifetime });
}

function canRedirect(op: Op, client: Client, parameters: string): boolean {
  try {
    targetOf(op, client, targetParameters(Object.fromEntries(new URLSearchParams(parameters)) as Form));
    return true;
  } catch {
    return false;
  }
}

/** The person is known: a grant and its code, as from the authorization endpoint. */
async function finish(op: Op, ongoing: Ongoing, login: Extract<Verdict, { step: "login" }>): Promise<Response> {
  const { client, request, dpop_jkt, session } = ongoing;
  const { subject, acr, amr } = login;
  const known = (await findAccount(op, subject)) !== undefined;
  const meant = request.hint_subject === undefined || request.hint_subject === subject;
  if (!known || !meant) {
    await end(op, ongoing);
    throw accessDenied("the person could not be signed in");
  }
  if (!(await ownsGrant(op, request.grant_management, subject))) {
    await end(op, ongoing);
    throw unknownGrant();
  }
  if (request.acr?.essential === true && !request.acr.values.includes(acr ?? "")) {
    await end(op, ongoing);
    throw unmetAuthenticationRequirements("the person did not sign in the way that was asked for");
  }
  const now = op.now();
  const { scope } = request;
  // There is no session in a browser: it ends when all of a person's sessions do.
  const signIn = { auth_time: Math.floor(now / 1000), sid: createId(now), amr, acr };
  const data = grantData(request, scope, signIn, now);
  const lifetime = data.offline ? op.lifetimes.refreshAbsolute : op.lifetimes.sessionAbsolute;
  const grant = { id: createId(now), expiresAt: now + lifetime * 1000, data };
  const bound = dpop_jkt === undefined ? request : { ...request, dpop_jkt };
  const { handle, change, grantEnd } = await newCode(op, { request: bound, grant, now });
  const { client_id } = client;
  const committed = await op.store.commit([
    ...(session === undefined ? [] : [remove(session.entry)]),
    insert("grant", { id: grant.id, client: client_id, subject, expiresAt: Math.min(grant.expiresAt, grantEnd), data }),
    change,
  ]);
  if (!committed) throw invalidSession("the auth_session was used meanwhile");
  // As everywhere: what was proved may have been overtaken while it was being checked.
  if (login.still !== undefined && !(await login.still())) {
    await cutGrant(op, grant.id);
    throw accessDenied("the person could not be signed in");
  }
  op.log.info(
    { event: "code.issued", client_id, subject, grant: grant.id, scope },
    "a person signed in to an application of ours",
  );
  return jsonResponse({ authorization_code: handle });
}

async function end(op: Op, { session }: Ongoing): Promise<void> {
  if (session !== undefined) await op.store.commit([remove(session.entry)]);
}

function refusal(
  { error, description, status }: OAuthError,
  members: Readonly<Record<string, unknown>> = {},
): Response {
  return jsonResponse({ ...members, error, error_description: description }, { status });
}

/** What would be asked at the authorization endpoint, and none of what the person typed: that is kept nowhere. */
function askedIn(form: Form, { client_id }: Client): string {
  const asked = Object.entries(form).filter(([name]) => authorizationParameters.has(name));
  return encodeForm({ ...Object.fromEntries(asked), resource: formValues(form, "resource"), client_id });
}

const authorizationParameters = new Set([
  ...["redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "code_challenge"],
  ...["code_challenge_method", "prompt", "max_age", "login_hint", "id_token_hint", "ui_locales", "acr_values"],
  ...["claims", "authorization_details", "dpop_jkt", "grant_id", "grant_management_action"],
]);
