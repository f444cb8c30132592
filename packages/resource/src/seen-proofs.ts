/**
 * Remembers DPoP proofs that were used, so that each counts once.
 *
 * RFC 9449 §11.1. In the memory of this process by default, or in a store that several processes share.
 * Guarantees that a proof is never forgotten while it would still count: where there is no more room, requests are refused.
 */
import { sha256Base64url } from "@valetkey/protocol/digest";
import { tooManyRequests } from "@valetkey/protocol/errors";
import { fromStore, unavailable } from "./lib/not-verified.ts";

/** The part of a store that is needed; every `Store` of `@valetkey/store` has it. */
export interface ProofStore {
  /** Inserts, unless an entry of this kind and id is there and has not expired: then `false`. */
  commit(
    changes: readonly {
      readonly do: "insert";
      readonly entry: {
        readonly kind: string;
        readonly id: string;
        readonly version: number;
        readonly expiresAt: number;
        readonly data: Record<string, never>;
      };
    }[],
  ): Promise<boolean>;
}

/** Tells whether a proof is seen for the first time, and remembers it until `expiresAt` (milliseconds). */
export type IsFirst = (proof: {
  readonly jkt: string;
  readonly jti: string;
  readonly expiresAt: number;
}) => Promise<boolean>;

/** Remembers in a store: for several processes, and across restarts. What is kept is a hash: its size does not depend on what was sent. */
export function seenInStore(store: ProofStore): IsFirst {
  return async ({ jkt, jti, expiresAt }) => {
    const id = await sha256Base64url(JSON.stringify(["dpop", jkt, jti]));
    const entry = { kind: "seen", id, version: 1, expiresAt, data: {} };
    return fromStore(store.commit([{ do: "insert", entry }]), "the DPoP proof cannot be checked at the moment");
  };
}

export interface MemoryBounds {
  /** Proofs remembered at once; each counts for 70 seconds at most. Default 100,000, about 20 MB. */
  readonly most?: number;
  /** Of one key; default a tenth. */
  readonly mostOfKey?: number;
}

/**
 * Remembers in this process alone: with several, each would let a proof through once. A key that sends more than its share gets 429,
 * and when everything is full the answer is 503, until proofs expire.
 */
export function seenInMemory(now: () => number, bounds: MemoryBounds = {}): IsFirst {
  const { most = 100_000, mostOfKey = Math.ceil(most / 10) } = bounds;
  const seen = new Map<string, { readonly jkt: string; readonly expiresAt: number }>();
  const perKey = new Map<string, number>();
  let sweptAt = Number.NEGATIVE_INFINITY;

  const forget = (id: string, jkt: string): void => {
    seen.delete(id);
    const left = (perKey.get(jkt) ?? 1) - 1;
    if (left === 0) perKey.delete(jkt);
    else perKey.set(jkt, left);
  };
  const sweep = (time: number): void => {
    // They stand almost in the order in which they expire. All are looked at once a second: one that is early does not wait long.
    const everywhere = time - sweptAt >= 1_000;
    if (everywhere) sweptAt = time;
    for (const [id, { jkt, expiresAt }] of seen) {
      if (expiresAt <= time) forget(id, jkt);
      else if (!everywhere) break;
    }
  };

  return async ({ jkt, jti, expiresAt }) => {
    const id = await sha256Base64url(JSON.stringify([jkt, jti]));
    const time = now();
    sweep(time);
    if (seen.has(id)) return false;
    const ofKey = perKey.get(jkt) ?? 0;
    if (ofKey >= mostOfKey) throw tooManyRequests("this key has used too many DPoP proofs", 10);
    if (seen.size >= most) throw unavailable("too many DPoP proofs are in use at the moment", undefined, 10);
    seen.set(id, { jkt, expiresAt });
    perKey.set(jkt, ofKey + 1);
    return true;
  };
}
