/**
 * Approvals: authorization requests that are answered by noting what a person decided, for a client that asks on another device.
 *
 * RFC 8628 §3.3, CIBA Core §8 and §10. Guarantees that a request is decided once, that only the person a backchannel request is
 * for can decide it, and that the browser ends on a page of ours: there is no redirect URI in it.
 */
import { invalidRequest } from "@valetkey/protocol/errors";
import { seeOther } from "@valetkey/protocol/see-other";
import type { Change } from "@valetkey/store";
import { type Client, findClient } from "../clients.ts";
import { type AuthorizationRequest, find, type Known, replace } from "../entries.ts";
import type { Op, Session } from "../op.ts";
import type { Approval } from "../options.ts";
import type { ResponseMode } from "../response-modes/response-mode.ts";
import { sameUserCode } from "../user-code.ts";
import { isOpen, type WaitingData } from "../waiting.ts";
import { appendQuery } from "./respond.ts";
import type { Target } from "./trusted-target.ts";

export type ApprovalKind = NonNullable<AuthorizationRequest["approval"]>["kind"];

/** A request that waits for a person. */
export type Waiting = Known<ApprovalKind>;

/** What a grant type says about approvals of its kind. */
export interface ApprovalWay {
  readonly kind: ApprovalKind;
  /** The page a person is sent to when it is over. */
  page(op: Op): string;
  /** Where a person is sent instead, and what is sent along. */
  target?(op: Op, client: Client, waiting: Waiting): Pick<Target, "redirect_uri" | "mode">;
  /** Told once a decision is committed; not waited for. */
  decided?(op: Op, waiting: Waiting): void;
}

/** What a person is told who comes too late. */
const tooLate = "the request has expired or was answered already; start again where it came from";

/** The request as it goes through the authorization endpoint. */
export function approvalRequest(
  kind: ApprovalKind,
  id: string,
  client_id: string,
  asked: Omit<
    AuthorizationRequest,
    "client_id" | "redirect_uri" | "redirect_uri_sent" | "response_type" | "response_mode" | "prompt" | "approval"
  >,
): AuthorizationRequest {
  const nowhere = { redirect_uri: "", redirect_uri_sent: false, response_type: "none", response_mode: "none" };
  return { ...asked, ...nowhere, client_id, prompt: [], approval: { kind, id } };
}

/** Finds where an approval ends: our page. Throws `invalid_request` when there is nothing left to decide. */
export async function approvalTarget(
  op: Op,
  client_id: string,
  { kind, id }: NonNullable<AuthorizationRequest["approval"]>,
): Promise<Target> {
  const way = wayOf(op, kind);
  const waiting = await find(op.store, kind, id);
  const client = await findClient(op, client_id);
  if (client === undefined || client.disabled || waiting === undefined || !isOpen(waiting.data, op.now()))
    throw invalidRequest(tooLate);
  const end = way.target?.(op, client, waiting) ?? { redirect_uri: way.page(op), mode: toPage };
  return { client, ...end, redirect_uri_sent: false, state: undefined };
}

/** Sends the browser to the page that says how it ended, and nothing with it. */
const toPage: ResponseMode = {
  response_mode: "none",
  send: (_op, { redirect_uri }, { error }) => {
    const done = error === undefined ? "approved" : error === "access_denied" ? "denied" : "failed";
    return seeOther(appendQuery(redirect_uri, { done }));
  },
};

/** A decision: what changes with it, and what to do once it is committed. */
export interface Decided {
  readonly changes: readonly Change[];
  committed(): void;
}

const nothing: Decided = { changes: [], committed: () => {} };

/** The person allowed it. Throws `invalid_request` when somebody was faster. */
export async function approve(
  op: Op,
  { kind, id }: { readonly kind: ApprovalKind; readonly id: string },
  given: { readonly grant: string; readonly grantUntil: number },
): Promise<Decided & { readonly until: number }> {
  const waiting = await find(op.store, kind, id);
  if (waiting === undefined || !isOpen(waiting.data, op.now())) throw invalidRequest(tooLate);
  return { ...decide(op, kind, waiting, given), until: waiting.data.until };
}

/**
 * The person refused. A backchannel request is refused by the person it is for: of anybody else it changes nothing. Throws
 * `invalid_request` when somebody was faster.
 */
export async function deny(
  op: Op,
  { kind, id }: { readonly kind: ApprovalKind; readonly id: string },
  session: Session | undefined,
): Promise<Decided> {
  const waiting = await find(op.store, kind, id);
  if (waiting === undefined || !isOpen(waiting.data, op.now())) throw invalidRequest(tooLate);
  if (waiting.subject !== undefined && waiting.subject !== session?.subject) return nothing;
  return decide(op, kind, waiting, "denied");
}

function decide(op: Op, kind: ApprovalKind, waiting: Waiting, decision: NonNullable<WaitingData["decision"]>): Decided {
  const data = { ...waiting.data, decision };
  return {
    changes: [replace(waiting, { data })],
    committed: () => wayOf(op, kind).decided?.(op, { ...waiting, data }),
  };
}

/** What a person should see of it. */
export async function describeApproval(
  op: Op,
  { kind, id }: { readonly kind: ApprovalKind; readonly id: string },
): Promise<Approval | undefined> {
  const waiting = await find(op.store, kind, id);
  if (waiting === undefined) return undefined;
  const { binding_message, network, createdAt, until } = waiting.data;
  const user_code = kind === "device" ? await sameUserCode(op, id) : undefined;
  return {
    kind,
    createdAt,
    until,
    ...(user_code === undefined ? {} : { user_code }),
    ...(binding_message === undefined ? {} : { binding_message }),
    ...(network === undefined ? {} : { network }),
  };
}

function wayOf(op: Op, kind: ApprovalKind): ApprovalWay {
  const ways = [...[...op.grants.values()].map(({ approval }) => approval), op.oauth1?.approval];
  const way = ways.find((one) => one?.kind === kind);
  // The grant type was taken out of the list since.
  if (way === undefined) throw invalidRequest(tooLate);
  return way;
}
