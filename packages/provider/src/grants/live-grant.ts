/**
 * Finds the grant behind a code or a token and makes sure it still stands (RFC 6749 §6, §10.3).
 *
 * Guarantees that a grant which was cut, or whose person is gone or disabled, yields nothing any more.
 */
import { findAccount } from "../claims.ts";
import { findClient } from "../clients.ts";
import { find, type Known } from "../entries.ts";
import type { Account, Op } from "../op.ts";

export interface LiveGrant {
  readonly entry: Known<"grant">;
  readonly subject: string;
  /** Milliseconds. */
  readonly expiresAt: number;
  readonly account: Account;
}

/** Finds a grant of this client whose account is found too. Nothing otherwise, whatever the reason. */
export async function findLiveGrant(op: Op, id: string, client_id: string): Promise<LiveGrant | undefined> {
  const entry = await find(op.store, "grant", id);
  return entry?.client === client_id ? liveGrant(op, entry) : undefined;
}

/** What a grant that was found stands on, if all of that still stands. */
export async function liveGrant(op: Op, entry: Known<"grant">): Promise<LiveGrant | undefined> {
  if (entry.subject === undefined) return undefined;
  // RFC 8693: what was made by an exchange stands on what it was made from, link by link, and on whom that was given to.
  let { parent } = entry.data;
  while (parent !== undefined) {
    const above: Known<"grant"> | undefined = await find(op.store, "grant", parent);
    if (above === undefined || (await findClient(op, above.client ?? ""))?.disabled !== false) return undefined;
    parent = above.data.parent;
  }
  const account = await findAccount(op, entry.subject);
  if (account === undefined) return undefined;
  return {
    entry,
    subject: entry.subject,
    expiresAt: entry.expiresAt ?? entry.data.createdAt + op.lifetimes.refreshAbsolute * 1000,
    account,
  };
}

/**
 * Tells whether a refresh token was made for the grant as it is now (Grant Management §5.2: those from
 * before are invalidated).
 */
export const isCurrent = (token: { readonly generation?: number }, grant: { readonly generation?: number }): boolean =>
  (token.generation ?? 0) === (grant.generation ?? 0);
