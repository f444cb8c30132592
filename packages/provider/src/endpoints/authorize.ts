/**
 * The authorization endpoint: a state machine whose brain is `nextStep`.
 *
 * RFC 6749 §3.1 and §4.1, OpenID Connect Core §3.1.2, RFC 9207, RFC 9700 §4.7, §4.11, §4.12.
 * Guarantees that nothing is sent to a client before its target is trusted, and that every visit works out the next step anew
 * from what is stored: pages never decide, and steps never route to one another.
 */
import { invalidRequest, isOAuthError, OAuthError, temporarilyUnavailable } from "@valetkey/protocol/errors";
import { createHandle } from "@valetkey/protocol/random";
import { checkRequest } from "../authorize/check-request.ts";
import { grantAnswer } from "../authorize/grant-answer.ts";
import { continueUrl, over } from "../authorize/interaction.ts";
import { type NextStep, nextStep } from "../authorize/next-step.ts";
import { readRequest } from "../authorize/read-request.ts";
import { type FullSituation, readPeople, readSituation } from "../authorize/read-situation.ts";
import { appendQuery, refuse, respond, seeOther } from "../authorize/respond.ts";
import { type Target, trustedTarget } from "../authorize/trusted-target.ts";
import { bindCookies, findBound, unbindCookie } from "../bound-cookie.ts";
import {
  type AuthorizationRequest,
  find,
  type InteractionData,
  insert,
  type Known,
  remove,
  replace,
} from "../entries.ts";
import { checkFlood } from "../flood.ts";
import type { Op, Peer } from "../op.ts";
import type { Step } from "../options.ts";

const maxAttempts = 4;

/**
 * Answers GET and POST. What is wrong before the target is trusted is thrown as `OAuthError`, for the error page; after it,
 * everything is an answer to the client (303), a page that asks (303), or the error page with a link back (P14).
 */
export async function authorizeEndpoint(op: Op, http: Request, peer: Peer): Promise<Response> {
  const id = http.method === "GET" ? new URL(http.url).searchParams.get("interaction") : null;
  if (id !== null) return continueInteraction(op, http, peer, id);

  const form = await readRequest(http);
  const { client_id, redirect_uri, response_mode, scope, state } = form;
  const target = await trustedTarget(op, { client_id, redirect_uri, response_mode, scope, state });
  let request: AuthorizationRequest;
  try {
    request = await checkRequest(op, target, form);
  } catch (error) {
    if (!isOAuthError(error)) throw error;
    const { current } = await readPeople(op, http);
    return refuse(op, http, target, error, { signedIn: current !== undefined });
  }
  // A POST from the client's site comes without our cookies (SameSite=Lax); the GET that follows it brings them.
  if (http.method === "POST") return begin(op, http, peer, request, undefined, continueUrl(op));
  return proceed(op, http, peer, target, request);
}

async function continueInteraction(op: Op, http: Request, peer: Peer, id: string): Promise<Response> {
  const interaction = await findBound(op, http, "interaction", id);
  if (interaction === undefined) throw invalidRequest(over);
  const { request } = interaction.data;
  // The client may have been disabled, or its redirect_uri withdrawn, while the person was reading.
  const sent = request.redirect_uri_sent ? request.redirect_uri : undefined;
  const target = await trustedTarget(op, { ...request, redirect_uri: sent });
  return proceed(op, http, peer, target, request, interaction);
}

/** Works out the next step and takes it; anew, if something changed under our hands. */
async function proceed(
  op: Op,
  http: Request,
  peer: Peer,
  target: Target,
  request: AuthorizationRequest,
  first?: Known<"interaction">,
): Promise<Response> {
  let interaction = first;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const done = interaction?.data.done ?? {};
    const situation = await readSituation(op, http, { client: target.client, request, done });
    const response = await take(op, http, peer, target, situation, interaction);
    if (response !== undefined) return response;
    if (interaction !== undefined) interaction = await find(op.store, "interaction", interaction.id);
    if (first !== undefined && interaction === undefined) throw invalidRequest(over);
  }
  throw temporarilyUnavailable("too much happened at once, please try again");
}

/** Takes the next step; nothing if it lost a race. */
async function take(
  op: Op,
  http: Request,
  peer: Peer,
  target: Target,
  situation: FullSituation,
  interaction: Known<"interaction"> | undefined,
): Promise<Response | undefined> {
  const { client } = target;
  const next = nextStep(situation);
  const cookies = interaction === undefined ? [] : [unbindCookie(op, "interaction", interaction.id)];
  if (next.step === "answer") {
    const code = await grantAnswer(op, http, { client, session: next.session, situation, interaction });
    return code === undefined ? undefined : respond(op, target, { code }, cookies);
  }
  if (next.step === "refuse") {
    if (interaction !== undefined && !(await op.store.commit([remove(interaction)]))) return undefined;
    // Whoever said no on our page was here and knows where they are going: that is no open redirector.
    const signedIn = situation.session !== undefined || next.error === "access_denied";
    return refuse(op, http, target, new OAuthError(next.error, refusals[next.error]), { signedIn, cookies });
  }
  return ask(op, http, peer, situation, next, interaction);
}

const refusals = {
  access_denied: "the person refused",
  login_required: "the person must sign in, and prompt=none or another account stands against it",
  consent_required: "the person must be asked, and prompt=none forbids it",
  account_selection_required: "the person must choose an account, and prompt=none forbids it",
} as const;

/** Sends the person to the page that asks, after noting what is asked and of whom. */
async function ask(
  op: Op,
  http: Request,
  peer: Peer,
  { request, session }: FullSituation,
  { step }: NextStep & { step: Step },
  interaction: Known<"interaction"> | undefined,
): Promise<Response | undefined> {
  const asked: Asked = session === undefined ? { step } : { step, subject: session.subject };
  if (interaction === undefined) return begin(op, http, peer, request, asked, op.pages[step]);
  const { data, id } = interaction;
  const same = data.asked?.step === asked.step && data.asked.subject === asked.subject;
  if (!same && !(await op.store.commit([replace(interaction, { data: { ...data, asked } })]))) return undefined;
  return seeOther(appendQuery(op.pages[step], { interaction: id }));
}

type Asked = NonNullable<InteractionData["asked"]>;

/** Stores the request as an interaction of this browser and sends it to `url`. */
async function begin(
  op: Op,
  http: Request,
  peer: Peer,
  request: AuthorizationRequest,
  asked: Asked | undefined,
  url: string,
): Promise<Response> {
  await checkFlood(op, peer);
  const now = op.now();
  const handle = await createHandle("interaction", now);
  const { id, digest } = handle;
  const seconds = op.lifetimes.interaction;
  const data: InteractionData = {
    digest,
    createdAt: now,
    request,
    done: {},
    ...(asked === undefined ? {} : { asked }),
  };
  // A fresh id: nothing can stand against the insert.
  await op.store.commit([
    insert("interaction", { id, client: request.client_id, expiresAt: now + seconds * 1000, data }),
  ]);
  return seeOther(appendQuery(url, { interaction: id }), bindCookies(op, http, handle, seconds));
}
