/**
 * Grants what was asked: one commit that ends the interaction, remembers the consent, and makes the grant and its code.
 *
 * RFC 6749 §4.1.2, §10.5; OpenID Connect Core §3.1.2.5. Guarantees that an interaction gives at most one code: whoever
 * loses the race for it has committed nothing.
 */
import { createHandle, createId } from "@valetkey/protocol/random";
import type { Client } from "../clients.ts";
import { rememberConsent } from "../consent.ts";
import { cutGrant } from "../cut.ts";
import { find, type GrantData, insert, type Known, remove } from "../entries.ts";
import type { Op, Session } from "../op.ts";
import { currentSession } from "../sessions.ts";
import type { FullSituation } from "./read-situation.ts";

/** Milliseconds a grant outlives its code: clocks of other nodes may differ that much. */
const afterCode = 60_000;

/** Commits the grant; gives the code, or nothing if something it was based on has changed meanwhile. */
export async function grantAnswer(
  op: Op,
  http: Request,
  {
    client,
    session,
    situation,
    interaction,
  }: {
    readonly client: Client;
    readonly session: Session;
    readonly situation: FullSituation;
    readonly interaction: Known<"interaction"> | undefined;
  },
): Promise<string | undefined> {
  const { request, done, consent, now } = situation;
  const { subject, sid } = session;
  const { client_id } = client;
  // Consent is for a person: what somebody else allowed on this browser does not count (nextStep asked for it by subject).
  const decision = done.consent?.subject === subject ? done.consent : undefined;
  const scope = decision === undefined ? request.scope : request.scope.filter((name) => decision.scopes.includes(name));
  const offline = scope.includes("offline_access");
  const signedInAt = done.login?.subject === subject ? Math.floor(done.login.at / 1000) : 0;
  const refreshEnd = now + op.lifetimes.refreshAbsolute * 1000;
  // Only offline_access outlives the session (P11).
  const grantUntil = offline ? refreshEnd : Math.min(session.expiresAt, refreshEnd);
  const codeEnd = now + op.lifetimes.code * 1000;

  const data: GrantData = {
    scope,
    resource: request.resource,
    auth_time: Math.max(session.auth_time, signedInAt),
    ...(session.amr === undefined ? {} : { amr: session.amr }),
    ...(session.acr === undefined ? {} : { acr: session.acr }),
    sid,
    ...(request.nonce === undefined ? {} : { nonce: request.nonce }),
    offline,
    createdAt: now,
  };
  const grant = createId(now);
  const code = await createHandle("code", now);
  const { redirect_uri, redirect_uri_sent, code_challenge } = request;
  const committed = await op.store.commit([
    ...(interaction === undefined ? [] : [remove(interaction)]),
    ...(decision === undefined
      ? []
      : [rememberConsent(op, { subject, client_id, asked: request, scopes: decision.scopes, now }, consent)]),
    insert("grant", {
      id: grant,
      client: client_id,
      subject,
      // A code that is never redeemed leaves nothing behind.
      expiresAt: Math.min(grantUntil, codeEnd + afterCode),
      data,
    }),
    insert("code", {
      id: code.id,
      client: client_id,
      subject,
      expiresAt: codeEnd,
      data: {
        digest: code.digest,
        grant,
        grantUntil,
        sid,
        redirect_uri,
        redirect_uri_sent,
        ...(code_challenge === undefined ? {} : { code_challenge }),
        failures: 0,
      },
    }),
  ]);
  if (!committed) return undefined;
  if (!(await stillStands(op, http, session, decision === undefined ? consent : undefined))) {
    await cutGrant(op, grant);
    return undefined;
  }
  op.log.info({ event: "code.issued", client_id, subject, grant, scope }, "an authorization code was issued");
  return code.handle;
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
