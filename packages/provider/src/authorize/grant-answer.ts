/**
 * Grants what was asked: one commit that ends the interaction, remembers the consent, and makes the grant and its code, or notes
 * it for the device that asked.
 *
 * RFC 6749 §4.1.2, §10.5; OpenID Connect Core §3.1.2.5; RFC 8628 §3.3. Guarantees that an interaction gives at most one code:
 * whoever loses the race for it has committed nothing.
 */

import { createId } from "@valetkey/protocol/random";
import type { Change } from "@valetkey/store";
import type { Client } from "../clients.ts";
import { rememberConsent } from "../consent.ts";
import { cutGrant } from "../cut.ts";
import type { Standing } from "../endpoints/authorize.ts";
import { type AuthorizationRequest, find, insert, type Known, remove } from "../entries.ts";
import { ownsGrant, unknownGrant } from "../grant-management.ts";
import type { Op, Session } from "../op.ts";
import type { Parameters } from "../response-modes/response-mode.ts";
import { holds } from "../response-types.ts";
import { currentSession } from "../sessions.ts";
import { approve } from "./approval.ts";
import { frontTokens } from "./front-tokens.ts";
import { type Allowed, afterCode, grantData, newCode } from "./new-grant.ts";
import type { FullSituation } from "./read-situation.ts";

/** Commits the grant; gives what goes to the client: the code, or nothing if something it was based on has changed meanwhile. */
export async function grantAnswer(
  op: Op,
  http: Request,
  {
    client,
    session,
    situation,
    standing,
  }: {
    readonly client: Client;
    readonly session: Session;
    readonly situation: FullSituation;
    readonly standing: Standing;
  },
): Promise<Parameters | undefined> {
  const { request, done, consent, now } = situation;
  const { subject } = session;
  const { client_id } = client;
  // Grant Management §5.4: only its owner can change it.
  if (!(await ownsGrant(op, request.grant_management, subject))) {
    const { error, description } = unknownGrant();
    return (await op.store.commit(ending(standing))) ? { error, error_description: description } : undefined;
  }
  // Consent is for a person: what somebody else allowed on this browser does not count (nextStep asked for it by subject).
  const decision = done.consent?.subject === subject ? done.consent : undefined;
  const scope = decision === undefined ? request.scope : request.scope.filter((name) => decision.scopes.includes(name));
  const signedInAt = done.login?.subject === subject ? Math.floor(done.login.at / 1000) : 0;
  const auth_time = Math.max(session.auth_time, signedInAt);
  const data = grantData(request, scope, { ...session, auth_time }, now);
  const refreshEnd = now + op.lifetimes.refreshAbsolute * 1000;
  // Only offline_access outlives the session (P11).
  const grantUntil = data.offline ? refreshEnd : Math.min(session.expiresAt, refreshEnd);
  const grant = createId(now);
  const made =
    request.approval === undefined
      ? await inFront(op, { client, subject, request, grant: { id: grant, expiresAt: grantUntil, data }, now })
      : await forDevice(op, request.approval, { grant, grantUntil });
  const committed = await op.store.commit([
    ...ending(standing),
    // What was allowed to another device spares nobody a question here: somebody may have been talked into it.
    ...(decision === undefined || request.approval !== undefined
      ? []
      : [rememberConsent(op, { subject, client, asked: request, scopes: decision.scopes, now }, consent)]),
    // Nothing that was given out and never redeemed leaves a grant behind.
    insert("grant", { id: grant, client: client_id, subject, expiresAt: Math.min(grantUntil, made.grantEnd), data }),
    ...made.changes,
  ]);
  if (!committed) return undefined;
  if (!(await stillStands(op, http, session, decision === undefined ? consent : undefined))) {
    await cutGrant(op, grant);
    return undefined;
  }
  made.committed();
  const event = request.approval === undefined ? "code.issued" : "approval.given";
  op.log.info({ event, client_id, subject, grant, scope }, "a person allowed what a client asked for");
  return made.parameters;
}

/** What goes to the client, or is noted for it. */
interface Made {
  readonly parameters: Parameters;
  readonly changes: readonly Change[];
  /** Milliseconds until which the grant must stand for it. */
  readonly grantEnd: number;
  committed(): void;
}

/** For the client's redirect URI: the code, and what the response type holds beside it. */
async function inFront(op: Op, allowed: Allowed): Promise<Made> {
  const code = holds(allowed.request.response_type, "code") ? await newCode(op, allowed) : undefined;
  const parameters = code === undefined ? {} : { code: code.handle };
  const front = await frontTokens(op, { ...allowed, ...parameters });
  return {
    parameters: { ...parameters, ...front.parameters },
    changes: [...front.changes, ...(code === undefined ? [] : [code.change])],
    grantEnd: Math.max(code?.grantEnd ?? 0, front.expiresAt),
    committed() {},
  };
}

/** For a device: it learns of it when it asks. */
async function forDevice(
  op: Op,
  approval: NonNullable<AuthorizationRequest["approval"]>,
  given: { readonly grant: string; readonly grantUntil: number },
): Promise<Made> {
  const { until, ...decided } = await approve(op, approval, given);
  return { ...decided, parameters: {}, grantEnd: until + afterCode };
}

/** What ends with the answer to a request. */
export function ending({ interaction, pushed }: Standing): Change[] {
  return [
    ...(interaction === undefined ? [] : [remove(interaction)]),
    ...(pushed === undefined ? [] : [remove(pushed)]),
  ];
}

/**
 * Whoever ends a session or takes a consent back removes it first and then looks for what hangs on it. So we look once more
 * after the commit: either they find this grant, or we find theirs gone (P10, P11).
 */
async function stillStands(
  op: Op,
  http: Request,
  session: Session,
  consent: Known<"consent"> | undefined,
): Promise<boolean> {
  if ((await currentSession(op, http))?.sid !== session.sid) return false;
  return consent === undefined || (await find(op.store, "consent", consent.id)) !== undefined;
}
