/**
 * Interactions: what the pages may know of an authorization request, and how they hand in what a person did.
 *
 * OpenID Connect Core §3.1.2.3 and §3.1.2.4, RFC 6749 §10.12, RFC 8252 §8.12, RFC 9700 §4.7.
 * Guarantees that an answer counts only from the browser that holds the interaction's cookie, never from another site, and
 * a consent only for the person it was asked of. Pages decide nothing: the authorization endpoint works out what follows.
 */
import { invalidRequest, temporarilyUnavailable } from "@valetkey/protocol/errors";
import { seeOther } from "@valetkey/protocol/see-other";
import type { Change } from "@valetkey/store";
import { wordsOfDetails } from "../authorization-details.ts";
import { findBound } from "../bound-cookie.ts";
import { type Client, findClient, hostOf } from "../clients.ts";
import { isOutdated, isScopeConsented } from "../consent.ts";
import { type InteractionDone, type Known, replace } from "../entries.ts";
import { inLanguage } from "../lib/client-members.ts";
import type { Op } from "../op.ts";
import type { Answer, Interaction, Interactions, Step } from "../options.ts";
import { checkSameSite } from "../same-site.ts";
import { prepareLogin, selectSession } from "../sessions.ts";
import { describeApproval } from "./approval.ts";
import { claimsBeyond } from "./check-claims.ts";
import { destinationOf } from "./destination.ts";
import { nextStep } from "./next-step.ts";
import { readPeople, readSituation } from "./read-situation.ts";
import { appendQuery } from "./respond.ts";

const maxAttempts = 5;

/** What a person is told whose interaction is not there. */
export const over =
  "this request was already answered, has expired, or was begun in another browser; go back to the application and start again";

/** Where an interaction goes on: the authorization endpoint, or with an id the very URL. */
export function continueUrl(op: Op, id?: string): string {
  return appendQuery(op.urls.authorize, { interaction: id });
}

/** The `Interactions` of the public face. */
export function interactionsOf(op: Op): Interactions {
  return {
    async find(request, id) {
      const entry = await findBound(op, request, "interaction", id);
      const client = entry && (await findClient(op, entry.data.request.client_id));
      if (entry === undefined || client === undefined || client.disabled || entry.data.done.denied) return undefined;
      return describe(op, request, client, entry);
    },

    async answer(request, id, answer) {
      // An application that signs people in elsewhere comes back with a GET that other site began; it has checked its own state.
      const arrives = request.method === "GET" && "step" in answer && answer.step === "login";
      if (!arrives) checkSameSite(op, request);
      for (let attempt = 0; attempt < maxAttempts; attempt++) {
        const entry = await findBound(op, request, "interaction", id);
        if (entry === undefined) throw invalidRequest(over);
        const refusal = "cancel" in answer || ("decision" in answer && answer.decision === "deny");
        // No is final: a consent form that is still open somewhere turns nothing around.
        if (entry.data.done.denied && !refusal) throw invalidRequest(over);
        const { done, changes = [], cookies = [], confirm } = await record(op, request, entry, answer);
        // The same form sent twice says nothing new: it goes on without a write that others would have to wait for.
        const isNew = changes.length > 0 || JSON.stringify(done) !== JSON.stringify(entry.data.done);
        const change = replace(entry, { data: { ...entry.data, done } });
        if (isNew && !(await op.store.commit([change, ...changes]))) continue;
        await confirm?.();
        const step = "cancel" in answer ? "cancel" : answer.step;
        op.log.info({ event: "interaction.answered", client_id: entry.client, step, done }, "a person answered");
        return seeOther(continueUrl(op, id), cookies);
      }
      throw temporarilyUnavailable("too much happened at once, please try again");
    },
  };
}

/** What an answer means: what is noted, what changes with it, and the cookies that go with it. */
interface Recorded {
  readonly done: InteractionDone;
  readonly changes?: readonly Change[];
  readonly cookies?: readonly string[];
  /** To be called once the changes are committed. */
  readonly confirm?: () => Promise<void>;
}

async function record(op: Op, http: Request, entry: Known<"interaction">, answer: Answer): Promise<Recorded> {
  const { done } = entry.data;
  if ("cancel" in answer) return { done: { ...done, denied: true } };
  if (answer.step === "login") return recordLogin(op, http, done, answer);
  if (answer.step === "consent") return recordConsent(op, http, entry, answer);
  if ("other" in answer) return { done: { selected: {} } };
  const chosen = (await readPeople(op, http)).all.find((session) => session.sid === answer.sid);
  if (chosen === undefined) throw invalidRequest("that account is no longer signed in here");
  const cookie = op.session === undefined ? await selectSession(op, http, answer.sid) : undefined;
  return {
    done: { ...done, selected: { subject: chosen.subject } },
    cookies: cookie === undefined ? [] : [cookie],
  };
}

async function recordLogin(
  op: Op,
  http: Request,
  before: InteractionDone,
  login: Extract<Answer, { step: "login" }>,
): Promise<Recorded> {
  const { subject } = login;
  const done = { ...before, login: { at: op.now(), subject }, selected: { subject } };
  // The application's own session is begun by the application.
  if (op.session !== undefined) return { done };
  const { changes, cookie, confirm } = await prepareLogin(op, http, login);
  return { done, changes, cookies: [cookie], confirm };
}

async function recordConsent(
  op: Op,
  http: Request,
  { data }: Known<"interaction">,
  answer: Extract<Answer, { step: "consent" }>,
): Promise<Recorded> {
  const { done, asked, request } = data;
  if (answer.decision === "deny") return { done: { ...done, denied: true } };
  const { current } = await readPeople(op, http);
  // The page was shown to somebody else, or not at all: nothing is noted, and whoever is here now will be asked.
  if (current === undefined || asked?.step !== "consent" || asked.subject !== current.subject) return { done };
  const ticked = answer.scopes ?? request.scope;
  // `openid` cannot be unticked: without it there is no sign-in.
  const scopes = request.scope.filter((name) => name === "openid" || ticked.includes(name));
  if (scopes.length === 0 && request.authorization_details === undefined) return { done: { ...done, denied: true } };
  return { done: { ...done, consent: { subject: current.subject, scopes } } };
}

async function describe(op: Op, http: Request, client: Client, entry: Known<"interaction">): Promise<Interaction> {
  const { request, done } = entry.data;
  const situation = await readSituation(op, http, { client, request, done });
  const next = nextStep(situation);
  const { client_id, metadata, provenance } = client;
  const subject = situation.session?.subject;
  const outdated = isOutdated(client, situation.consent);
  const localized = (member: string) => inLanguage(metadata, member, request.ui_locales);
  // RFC 5849 §2.2: with a callback the person goes back to the application, as everywhere.
  const returns = request.redirect_uri !== "";
  const approval = request.approval && !returns ? await describeApproval(op, request.approval) : undefined;
  return {
    id: entry.id,
    // With nothing left to ask, as after a sign-in in another tab, the page that was asked for would ask in vain.
    step: isStep(next.step) ? next.step : "answer",
    client: {
      client_id,
      client_name: localized("client_name") ?? client_id,
      ...given({
        client_uri: localized("client_uri"),
        policy_uri: localized("policy_uri"),
        tos_uri: localized("tos_uri"),
      }),
      provenance,
      ...given({ host: hostOf(client) }),
      ...(outdated ? { changed: true as const } : {}),
    },
    ...(returns ? { destination: destinationOf(request.redirect_uri) } : given({ approval })),
    scopes: request.scope.map((scope) => ({
      scope,
      words: (Object.hasOwn(op.scopes, scope) ? op.scopes[scope] : undefined) ?? scope,
      // What another device asks for is shown in full, whatever was allowed before.
      granted: request.approval === undefined && !outdated && isScopeConsented(op, request, scope, situation.consent),
    })),
    resource: request.resource,
    claims: claimsBeyond(op, request.claims, request.scope),
    details: wordsOfDetails(op, request.authorization_details),
    acr: request.acr?.values.filter((value) => op.acrs.includes(value)) ?? [],
    ...given({ subject, login_hint: request.login_hint, ui_locales: request.ui_locales }),
    sessions: situation.people.all,
    again: next.step === "login" && next.again,
    createdAt: entry.data.createdAt,
  };
}

const isStep = (step: string): step is Step =>
  step === "login" || step === "select_account" || step === "consent" || step === "create";

function given<T extends object>(values: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]?: Exclude<T[Name], undefined>;
  };
}
