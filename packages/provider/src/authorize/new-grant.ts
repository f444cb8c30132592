/**
 * Makes what an allowed request leaves behind: the contents of its grant, and the code that stands for the grant until it is
 * redeemed.
 *
 * RFC 6749 §4.1.2, RFC 7636 §4.4, RFC 9449 §10, OpenID Connect Core §2, Grant Management §5.4. Guarantees that a grant and a code
 * hold the same wherever the person was asked: at the authorization endpoint, or by an application of ours. Nothing is stored here.
 */
import { createHandle } from "@valetkey/protocol/random";
import type { Change } from "@valetkey/store";
import type { Client } from "../clients.ts";
import { type AuthorizationRequest, type GrantData, insert } from "../entries.ts";
import type { Op, Session } from "../op.ts";
import { holds } from "../response-types.ts";

/** Milliseconds a grant outlives what was given out for it: clocks of other nodes may differ that much. */
export const afterCode = 60_000;

/** A grant that is about to be stored. */
export interface NewGrant {
  readonly id: string;
  /** Milliseconds: until when it stands once the code is redeemed. */
  readonly expiresAt: number;
  readonly data: GrantData;
}

/** What a person allowed whom, and the grant that is made of it. */
export interface Allowed {
  readonly client: Client;
  readonly subject: string;
  readonly request: AuthorizationRequest;
  readonly grant: NewGrant;
  /** Milliseconds. */
  readonly now: number;
}

/** How somebody signed in, with a session in a browser or without one. */
interface SignIn extends Pick<Session, "auth_time" | "sid"> {
  readonly amr?: Session["amr"] | undefined;
  readonly acr?: Session["acr"] | undefined;
}

/** What a grant holds: what was asked, as far as it was allowed, and how the person had signed in. */
export function grantData(
  request: AuthorizationRequest,
  scope: readonly string[],
  { auth_time, amr, acr, sid }: SignIn,
  now: number,
): GrantData {
  const { resource, nonce, claims, authorization_details } = request;
  return {
    scope,
    resource,
    auth_time,
    ...(amr === undefined ? {} : { amr }),
    ...(acr === undefined ? {} : { acr }),
    sid,
    ...(nonce === undefined ? {} : { nonce }),
    offline: scope.includes("offline_access"),
    ...(request.approval === undefined && holds(request.response_type, "code") ? { unredeemed: true } : {}),
    ...(claims === undefined ? {} : { claims }),
    ...(authorization_details === undefined ? {} : { authorization_details }),
    createdAt: now,
  };
}

/** A code as the client gets it, and the change that stores it. */
export interface NewCode {
  readonly handle: string;
  readonly change: Change;
  /** Milliseconds until which the grant must stand for it. */
  readonly grantEnd: number;
}

/** Makes a code for a grant. `request.dpop_jkt` is the key it is bound to. */
export async function newCode(
  op: Op,
  { request, grant, now }: Pick<Allowed, "request" | "grant" | "now">,
): Promise<NewCode> {
  const { redirect_uri, redirect_uri_sent, code_challenge, dpop_jkt } = request;
  const { action = "create", grant_id } = request.grant_management ?? {};
  const { id, handle, digest } = await createHandle("code", now);
  const expiresAt = now + op.lifetimes.code * 1000;
  const data = {
    digest,
    grant: grant.id,
    grantUntil: grant.expiresAt,
    redirect_uri,
    redirect_uri_sent,
    ...(code_challenge === undefined ? {} : { code_challenge }),
    ...(dpop_jkt === undefined ? {} : { dpop_jkt }),
    ...(action === "create" || grant_id === undefined ? {} : { into: { grant: grant_id, action } }),
    failures: 0,
  };
  return {
    handle,
    change: insert("code", { id, expiresAt, data }),
    grantEnd: expiresAt + afterCode,
  };
}
