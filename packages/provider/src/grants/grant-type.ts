/**
 * What a grant type is: a name on the wire and a decision (RFC 6749 §4, §5).
 *
 * `redeem` reads and decides; it writes nothing. It returns the changes it wants, and `issue` (tokens/issue.ts) mints and
 * commits them together with what was born, in one act. If that commit is lost to a race, `redeem` is asked anew.
 */

import type { OAuthError } from "@valetkey/protocol/errors";
import type { Form } from "@valetkey/protocol/form";
import type { Change } from "@valetkey/store";
import type { AuthorizationDetail } from "../authorization-details.ts";
import type { ApprovalWay } from "../authorize/approval.ts";
import type { Client } from "../clients.ts";
import type { GrantData } from "../entries.ts";
import type { Op, Peer } from "../op.ts";
import type { Part } from "../part.ts";
import type { Binding } from "../tokens/binding.ts";
import type { IdJag } from "../tokens/id-jag.ts";

/** What a token request came with, after the client was authenticated. */
export interface TokenRequest {
  readonly form: Form;
  readonly client: Client;
  /** Milliseconds: the one "now" of this request. */
  readonly now: number;
  /** The key the caller proved to hold; absent: bearer. */
  readonly binding?: Binding;
  readonly peer: Peer;
}

/** How a refresh token is to be born with the answer. */
export type RefreshBirth =
  /** A fresh one at the root of the grant. */
  | { readonly kind: "new" }
  /** The successor of the one that is spent now, derived from the presented handle. */
  | { readonly kind: "successor"; readonly presented: string; readonly id: string }
  /** A retry within the window: the successor exists already; give out the same handle again, insert nothing. */
  | { readonly kind: "again"; readonly presented: string; readonly id: string };

/** What a grant type decided. */
export interface Issuance {
  /** What must change if tokens are issued (the spending), or because of the refusal (the cut). */
  readonly changes: readonly Change[];
  /** Set: commit the changes, then answer this error. */
  readonly refuse?: OAuthError;
  /** Set when a person stands behind it; absent for client_credentials. */
  readonly subject?: string;
  readonly grant?: { readonly id: string; readonly expiresAt: number; readonly data: GrantData };
  /** Scopes of the access token. */
  readonly scope: readonly string[];
  /** Resources (RFC 8707) the access token is for; empty: the issuer itself. */
  readonly resource: readonly string[];
  /** Granted `authorization_details` (RFC 9396 §7), for the token and the answer. */
  readonly authorization_details?: readonly AuthorizationDetail[];
  /** Further claims of the access token, e.g. `act` (RFC 8693 §4.1). */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** RFC 8693 §2.2.1. */
  readonly issued_token_type?: string;
  /** Instead of tokens of ours: an identity assertion for another server. */
  readonly id_jag?: IdJag;
  /** Milliseconds: the access token ends no later. */
  readonly notAfter?: number;
  readonly refresh?: RefreshBirth;
  /** Milliseconds: no refresh token is born, the one that was presented goes on until then. */
  readonly refreshUntil?: number;
  /** Whether an ID token belongs to the answer (scope `openid`, a person), and the nonce for it (only on the first). */
  readonly id_token?: { readonly nonce?: string };
}

export interface GrantType extends Part {
  readonly grant_type: string;
  /** Decides. Throws `OAuthError` when nothing must change because of the refusal. */
  redeem(op: Op, request: TokenRequest): Promise<Issuance>;
  /** Set where a person decides on another device than the one that asks. */
  readonly approval?: ApprovalWay;
}
