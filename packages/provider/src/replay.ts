/**
 * Refuses what may be seen once only: the `jti` of proofs and assertions (RFC 9449 §11.1, RFC 7523 §3).
 *
 * Guarantees that of any number of presentations at any number of nodes one is the first. What is kept is a hash: its size does
 * not depend on what was sent.
 */
import { sha256Base64url } from "@valetkey/protocol/digest";
import type { Change } from "@valetkey/store";
import { find, insert } from "./entries.ts";
import type { Op } from "./op.ts";

/**
 * Tells whether this is the first time, and remembers it. `parts` name what is seen, e.g. the kind, the key and the `jti`; it is
 * remembered until `expiresAt` (milliseconds), when it would be refused for its age.
 */
export async function isFirst(op: Pick<Op, "store">, parts: readonly string[], expiresAt: number): Promise<boolean> {
  return op.store.commit([insert("seen", { id: await seenId(parts), expiresAt, data: {} })]);
}

/**
 * The change that remembers something, for a commit that spends it together with what it is spent for; nothing if it was seen
 * before. Of two at the same time one commit fails, and finds it seen when it looks again.
 */
export async function spendOnce(
  op: Pick<Op, "store">,
  parts: readonly string[],
  expiresAt: number,
): Promise<Change | undefined> {
  const id = await seenId(parts);
  return (await find(op.store, "seen", id)) === undefined ? insert("seen", { id, expiresAt, data: {} }) : undefined;
}

const seenId = (parts: readonly string[]): Promise<string> => sha256Base64url(JSON.stringify(parts));
