/**
 * Reads what the next step depends on: who is signed in in this browser, and what they allowed before.
 *
 * Guarantees that a person whose account is gone or disabled counts as not signed in, whatever the cookie says.
 */
import { findAccount } from "../claims.ts";
import type { Client } from "../clients.ts";
import { isConsented } from "../consent.ts";
import { type AuthorizationRequest, consentId, find, type InteractionDone, type Known } from "../entries.ts";
import type { Op, Session } from "../op.ts";
import { sessionsInBrowser } from "../sessions.ts";
import type { Situation } from "./next-step.ts";

/** Who is signed in in this browser, as far as their accounts exist. */
export interface People {
  readonly current: Session | undefined;
  /** All of them, the current one first. */
  readonly all: readonly Session[];
}

/** Finds who is signed in in this browser. */
export async function readPeople(op: Op, request: Request): Promise<People> {
  const { current, all } = await sessionsInBrowser(op, request);
  const found = await Promise.all(all.map(async (session) => (await findAccount(op, session.subject)) !== undefined));
  const people = all.filter((_, at) => found[at] === true);
  return { current: current && people.find((session) => session.sid === current.sid), all: people };
}

/** Everything `nextStep` looks at, with what the answer is made from. */
export interface FullSituation extends Situation {
  readonly request: AuthorizationRequest;
  readonly people: People;
  /** The remembered consent of the current person for the client. */
  readonly consent: Known<"consent"> | undefined;
}

/** Reads the situation of a request in a browser. */
export async function readSituation(
  op: Op,
  http: Request,
  { client, request, done }: { client: Client; request: AuthorizationRequest; done: InteractionDone },
): Promise<FullSituation> {
  const people = await readPeople(op, http);
  const session = people.current;
  const consent = session && (await find(op.store, "consent", consentId(session.subject, client.client_id)));
  const consented = isConsented(op, client, request, consent);
  const acr = contextOf(op, request, session);
  return { request, session, accounts: people.all.length, consented, acr, done, now: op.now(), people, consent };
}

/** Core §5.5.1.1, RFC 9470 §5: a stronger context than the one asked for will do as well. */
function contextOf(op: Op, { acr }: AuthorizationRequest, session: Session | undefined): Situation["acr"] {
  if (acr === undefined) return "met";
  const ranks = acr.values.map((value) => op.acrs.indexOf(value)).filter((rank) => rank >= 0);
  // Nobody can sign in like that here: a wish is passed over, a condition is not.
  if (ranks.length === 0) return acr.essential ? "required" : "met";
  const met = session?.acr !== undefined && op.acrs.indexOf(session.acr) >= Math.min(...ranks);
  if (met) return "met";
  return acr.essential ? "required" : "wanted";
}
