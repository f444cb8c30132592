/**
 * The authorization endpoint: a state machine whose brain is `nextStep`.
 *
 * RFC 6749 §3.1 and §4.1, OpenID Connect Core §3.1.2, RFC 9101, RFC 9126, RFC 9207, RFC 9700 §4.7, §4.11, §4.12.
 * Guarantees that nothing is sent to a client before its target is trusted, and that every visit works out the next step anew
 * from what is stored: pages never decide, and steps never route to one another.
 */
import { invalidRequest, isOAuthError, OAuthError, temporarilyUnavailable } from "@valetkey/protocol/errors";
import { createHandle } from "@valetkey/protocol/random";
import { seeOther } from "@valetkey/protocol/see-other";
import { approvalTarget, deny } from "../authorize/approval.ts";
import { checkRequest } from "../authorize/check-request.ts";
import { ending, grantAnswer } from "../authorize/grant-answer.ts";
import { continueUrl, over } from "../authorize/interaction.ts";
import { type NextStep, nextStep } from "../authorize/next-step.ts";
import { readRequest } from "../authorize/read-request.ts";
import { type FullSituation, readPeople, readSituation } from "../authorize/read-situation.ts";
import { resolveRequest } from "../authorize/resolve-request.ts";
import { appendQuery, refuse, respond } from "../authorize/respond.ts";
import { type Target, targetParameters, trustedTarget } from "../authorize/trusted-target.ts";
import { bindCookies, findBound, unbindCookie } from "../bound-cookie.ts";
import { type AuthorizationRequest, find, type InteractionData, insert, type Known, replace } from "../entries.ts";
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

  const { parameters, pushed, signed } = await resolveRequest(op, await readRequest(http), peer);
  // RFC 9126 §4: begun once; whoever began it may come back to it.
  if (pushed?.data.interaction !== undefined) return continueInteraction(op, http, peer, pushed.data.interaction);
  const target = await trustedTarget(op, targetParameters(parameters), peer);
  let request: AuthorizationRequest;
  try {
    const checked = await checkRequest(op, target, parameters, { pushed: pushed !== undefined, signed });
    const { dpop_jkt = checked.dpop_jkt } = pushed?.data ?? {};
    request = dpop_jkt === undefined ? checked : { ...checked, dpop_jkt };
  } catch (error) {
    if (!isOAuthError(error)) throw error;
    const { current } = await readPeople(op, http);
    return refuse(op, http, target, error, { signedIn: current !== undefined });
  }
  // A POST from the client's site comes without our cookies (SameSite=Lax); the GET that follows it brings them.
  if (http.method === "POST") return begin(op, http, peer, request, pushed, undefined, continueUrl(op));
  return proceed(op, http, peer, target, request, { pushed });
}

async function continueInteraction(op: Op, http: Request, peer: Peer, id: string): Promise<Response> {
  const interaction = await findBound(op, http, "interaction", id);
  if (interaction === undefined) throw invalidRequest(over);
  const { request } = interaction.data;
  if (request.approval !== undefined)
    return proceed(op, http, peer, await approvalTarget(op, request.client_id, request.approval), request, {
      interaction,
    });
  // The client may have been disabled, or its redirect_uri withdrawn, while the person was reading.
  const sent = request.redirect_uri_sent ? request.redirect_uri : undefined;
  const target = await trustedTarget(op, { ...request, redirect_uri: sent }, peer);
  return proceed(op, http, peer, target, request, { interaction });
}

/** Where a request stands: begun here already, or still as it was pushed, if it was. Whatever it is ends with the answer. */
export interface Standing {
  readonly interaction?: Known<"interaction"> | undefined;
  readonly pushed?: Known<"pushed"> | undefined;
}

/** Works out the next step and takes it; anew, if something changed under our hands. */
async function proceed(
  op: Op,
  http: Request,
  peer: Peer,
  target: Target,
  request: AuthorizationRequest,
  first: Standing,
): Promise<Response> {
  let { interaction } = first;
  const { pushed } = first;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const done = interaction?.data.done ?? {};
    const situation = await readSituation(op, http, { client: target.client, request, done });
    const response = await take(op, http, peer, target, situation, { interaction, pushed });
    if (response !== undefined) return response;
    if (interaction !== undefined) interaction = await find(op.store, "interaction", interaction.id);
    const used = pushed !== undefined && (await find(op.store, "pushed", pushed.id))?.version !== pushed.version;
    if (used || (first.interaction !== undefined && interaction === undefined)) throw invalidRequest(over);
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
  standing: Standing,
): Promise<Response | undefined> {
  const { client } = target;
  const { interaction } = standing;
  const next = nextStep(situation);
  const cookies = interaction === undefined ? [] : [unbindCookie(op, "interaction", interaction.id)];
  if (next.step === "answer") {
    const answer = await grantAnswer(op, http, { client, session: next.session, situation, standing });
    return answer === undefined ? undefined : respond(op, target, answer, cookies);
  }
  if (next.step === "refuse") {
    const error = new OAuthError(next.error, refusals[next.error]);
    const { approval } = situation.request;
    if (approval !== undefined) {
      const denied = next.error === "access_denied" ? await deny(op, approval, situation.session) : undefined;
      if (!(await op.store.commit([...ending(standing), ...(denied?.changes ?? [])]))) return undefined;
      denied?.committed();
      // Whoever cannot refuse it for the person it is for has only closed this page.
      const said = denied?.changes.length === 0 ? "login_required" : error.error;
      op.log.info({ event: "approval.refused", client_id: client.client_id, ...approval, error: said }, "not allowed");
      return respond(op, target, { error: said }, cookies);
    }
    if (!(await end(op, standing))) return undefined;
    // Whoever said no on our page was here and knows where they are going: that is no open redirector.
    const signedIn = situation.session !== undefined || next.error === "access_denied";
    return refuse(op, http, target, error, { signedIn, cookies });
  }
  return ask(op, http, peer, situation, next, standing);
}

async function end(op: Op, standing: Standing): Promise<boolean> {
  const changes = ending(standing);
  return changes.length === 0 || (await op.store.commit(changes));
}

const refusals = {
  unmet_authentication_requirements: "the person could not sign in the way that was asked for",
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
  { interaction, pushed }: Standing,
): Promise<Response | undefined> {
  const asked: Asked = session === undefined ? { step } : { step, subject: session.subject };
  // There is a page for each step that `checkPrompt` lets through.
  const page = op.pages[step] ?? op.pages.login;
  if (interaction === undefined) return begin(op, http, peer, request, pushed, asked, page);
  const { data, id } = interaction;
  const same = data.asked?.step === asked.step && data.asked.subject === asked.subject;
  if (!same && !(await op.store.commit([replace(interaction, { data: { ...data, asked } })]))) return undefined;
  return seeOther(appendQuery(page, { interaction: id }));
}

type Asked = NonNullable<InteractionData["asked"]>;

/** Stores the request as an interaction of this browser and sends it to `url`. Throws 429 for a network that began too many. */
export async function begin(
  op: Op,
  http: Request,
  peer: Peer,
  request: AuthorizationRequest,
  pushed: Known<"pushed"> | undefined,
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
  const expiresAt = now + seconds * 1000;
  const begun = await op.store.commit([
    insert("interaction", { id, client: request.client_id, expiresAt, data }),
    ...(pushed === undefined ? [] : [replace(pushed, { data: { ...pushed.data, interaction: id }, expiresAt })]),
  ]);
  // The id is fresh: only the pushed request can have been begun elsewhere meanwhile.
  if (!begun) throw invalidRequest(over);
  return seeOther(appendQuery(url, { interaction: id }), bindCookies(op, http, handle, seconds));
}
