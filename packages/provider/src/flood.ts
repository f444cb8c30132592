/**
 * Keeps strangers from filling the store: what anybody may cause to be stored is counted by network.
 *
 * RFC 6585 §4; CWE-770. An authorization request or a logout of nobody is stored until a person answers it or it expires.
 * Guarantees that one network begins at most a thousand of them in ten minutes in one process; more are 429, and store nothing.
 */
import { tooManyRequests } from "@valetkey/protocol/errors";
import { networkOf } from "./network.ts";
import type { Op, Peer } from "./op.ts";

/** Counts one more for the peer's network. Throws 429 with Retry-After when there were too many; an unknown peer counts nowhere. */
export async function checkFlood(op: Op, peer: Peer): Promise<void> {
  const network = networkOf(peer.ip);
  if (network === undefined) return;
  const wait = await op.flood.blocked(network);
  if (wait > 0) throw tooManyRequests("too many requests were begun from this address", wait);
  await op.flood.failed(network);
}
