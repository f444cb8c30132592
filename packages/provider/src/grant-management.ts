/**
 * Grant management: clients name what a person has allowed them, add to it, replace it, look at it, and give it back
 * (Grant Management for OAuth 2.0 -03, OpenID Foundation).
 *
 * §5.2 to §5.6 (authorization requests), §6 (the API), §7.1 (metadata). Guarantees that a client reaches its own grants only, that a
 * grant changes when its code is redeemed and not before, and that what was given out for it before then ends: refresh tokens of a
 * changed grant are of no use.
 */
import { invalidGrantId, invalidRequest } from "@valetkey/protocol/errors";
import type { Form } from "@valetkey/protocol/form";
import type { Client } from "./clients.ts";
import { grantEndpoint } from "./endpoints/grant.ts";
import { type AuthorizationRequest, type CodeData, find, type GrantData, type Known, remove } from "./entries.ts";
import type { LiveGrant } from "./grants/live-grant.ts";
import type { Op } from "./op.ts";
import type { Extension, Part } from "./part.ts";

/** Made by `grantManagement()`. */
export interface GrantManagement extends Extension {
  readonly extension: "grant_management";
  /** Every authorization request must say what it means. */
  readonly required: boolean;
}

export type GrantAction = NonNullable<AuthorizationRequest["grant_management"]>;

const actions: readonly GrantAction["action"][] = ["create", "merge", "replace"];

/** For `extensions`. `required`: every request must have `grant_management_action`; then there are no public clients. */
export function grantManagement({ required = false }: { readonly required?: boolean } = {}): GrantManagement {
  return {
    extension: "grant_management",
    required,
    endpoints: [
      { name: "grant_management", methods: ["GET", "DELETE"], who: "server", run: grantEndpoint, below: true },
    ],
    scopes: {
      grant_management_query: "See what you have allowed it",
      grant_management_revoke: "Give back what you have allowed it",
    },
    metadata: (op) => ({
      grant_management_endpoint: op.urls.grant_management,
      grant_management_actions_supported: ["query", "revoke", ...actions],
      grant_management_action_required: required,
    }),
    tokenResponse: (_op, { grant }) => ({ grant_id: grant.id }),
  };
}

/** Reads what an authorization request wants done (§5.2, §5.4). Throws `invalid_request` or `invalid_grant_id`. */
export async function readGrantAction(op: Op, client: Client, form: Form): Promise<GrantAction | undefined> {
  const management = op.parts.find(isGrantManagement);
  if (management === undefined) return undefined;
  const { grant_id, grant_management_action, response_type } = form;
  if (grant_management_action === undefined) {
    if (grant_id !== undefined) throw invalidRequest("grant_id needs grant_management_action");
    if (management.required) throw invalidRequest("grant_management_action is missing");
    return undefined;
  }
  const action = actions.find((one) => one === grant_management_action);
  if (action === undefined) throw invalidRequest("grant_management_action is not supported");
  // §5.1, and what changes when a code is redeemed needs a code.
  if (!client.confidential) throw invalidRequest("grant management is for confidential clients");
  if (response_type !== "code") throw invalidRequest("grant management is for response_type=code");
  if (action === "create") {
    if (grant_id !== undefined) throw invalidRequest("grant_id goes with merge and replace, not with create");
    return { action };
  }
  if (grant_id === undefined) throw invalidRequest("grant_id is missing");
  const entry = await find(op.store, "grant", grant_id);
  // What an exchange or an assertion gave for minutes would last for months, and longer than what it stands on.
  if (entry === undefined || entry.client !== client.client_id || entry.data.borrowed === true) throw unknownGrant();
  return { action, grant_id };
}

/** §5.4: one answer, whatever is wrong with it. */
export const unknownGrant = () => invalidGrantId("the grant is unknown, or somebody else's");

/** Tells whether the grant a request wants changed is this person's. */
export async function ownsGrant(op: Op, wanted: GrantAction | undefined, subject: string): Promise<boolean> {
  if (wanted?.grant_id === undefined) return true;
  return (await find(op.store, "grant", wanted.grant_id))?.subject === subject;
}

/** A grant that a code is redeemed for, as it will be. */
export interface ChangedGrant {
  readonly id: string;
  readonly data: GrantData;
  /** Milliseconds. */
  readonly expiresAt: number;
  readonly changes: readonly [ReturnType<typeof remove>];
  readonly entry: Known<"grant">;
}

/**
 * Works out what becomes of the grant that a code changes; `fresh` is what the person allowed this time, and goes into it. Nothing if
 * the grant has ended meanwhile.
 */
export async function changedGrant(
  op: Op,
  { into, grantUntil }: CodeData,
  fresh: LiveGrant,
  now: number,
): Promise<ChangedGrant | undefined> {
  const entry = into && (await find(op.store, "grant", into.grant));
  if (into === undefined || entry === undefined || entry.subject !== fresh.subject) return undefined;
  const [before, after] = [entry.data, fresh.entry.data];
  const { createdAt, cnf, instance, generation = 0 } = before;
  const kept = { createdAt, ...(cnf && { cnf }), ...(instance && { instance }) };
  const changed = into.action === "merge" ? merged(before, after) : after;
  return {
    id: entry.id,
    entry,
    data: { ...changed, ...kept, updatedAt: now, generation: generation + 1 },
    expiresAt: into.action === "merge" ? Math.max(entry.expiresAt ?? 0, grantUntil) : grantUntil,
    changes: [remove(fresh.entry)],
  };
}

function merged(before: GrantData, after: GrantData): GrantData {
  const both = <T>(one: readonly T[] = [], other: readonly T[] = []): T[] => {
    const known = new Set(one.map((value) => JSON.stringify(value)));
    return [...one, ...other.filter((value) => !known.has(JSON.stringify(value)))];
  };
  const authorization_details = both(before.authorization_details, after.authorization_details);
  const claims = {
    userinfo: { ...before.claims?.userinfo, ...after.claims?.userinfo },
    id_token: { ...before.claims?.id_token, ...after.claims?.id_token },
  };
  return {
    ...after,
    scope: both(before.scope, after.scope),
    resource: both(before.resource, after.resource),
    offline: before.offline || after.offline,
    ...(before.claims === undefined && after.claims === undefined ? {} : { claims }),
    ...(authorization_details.length === 0 ? {} : { authorization_details }),
  };
}

const isGrantManagement = (part: Part): part is GrantManagement =>
  "extension" in part && part.extension === "grant_management";
