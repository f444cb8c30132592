/**
 * Requests that wait for a person who decides on another device, as the store keeps them (RFC 8628, CIBA Core).
 *
 * Guarantees nothing by itself: who may decide is in `authorize/approval.ts`, who may redeem in `grants/redeem-waiting.ts`.
 */
import type { AuthorizationRequest } from "./entries.ts";
import type { Confirmation } from "./tokens/binding.ts";

/**
 * kinds `device` and `backchannel`, id = handle id; client set, subject set for `backchannel`: what a client waits for that a person
 * decides on elsewhere (RFC 8628, CIBA Core). Kept for a while beyond `until`, so that whoever asks late is told why.
 */
export interface WaitingData {
  readonly digest: string;
  /** What was asked for; it has `approval`. */
  readonly request: AuthorizationRequest;
  /** Milliseconds. */
  readonly createdAt: number;
  /** Milliseconds: decided and redeemed before. */
  readonly until: number;
  /** Seconds between two polls; grows each time the client is faster. */
  readonly interval: number;
  /** Milliseconds: the last poll that was noted. */
  readonly polledAt?: number;
  /** Network the request came from. */
  readonly network?: string;
  /** Key that was proved with the request: the same redeems. */
  readonly cnf?: Confirmation;
  /** What the person decided: the grant it made, and until when (milliseconds) that stands once it is redeemed. */
  readonly decision?: "denied" | { readonly grant: string; readonly grantUntil: number };
  /** What is to be shown on both devices (CIBA Core §7.1). */
  readonly binding_message?: string;
  /** How to tell the client that it was decided, encrypted with the server's secret (CIBA Core §10.2). */
  readonly ping?: string;
}

/** kind `user-code`, id = MAC of the code: which device shows it (RFC 8628 §6.1). */
export interface UserCodeData {
  readonly device: string;
}

/** Tells whether a request can still be decided. `now` in milliseconds. */
export const isOpen = ({ until, decision }: WaitingData, now: number): boolean => decision === undefined && now < until;
