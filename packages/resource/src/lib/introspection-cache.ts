/**
 * Remembers for a moment what an issuer said of a token.
 *
 * RFC 7662 §4: a cache trades freshness for load, within bounds.
 * Guarantees that an answer is used for so many seconds at most and never beyond `exp`, that garbage cannot push good answers out,
 * and that tokens are kept as digests.
 */
import { sha256Base64url } from "@valetkey/protocol/digest";
import { type BoundedCache, createBoundedCache } from "./bounded-cache.ts";
import { frozen } from "./frozen.ts";

type Answer = Readonly<Record<string, unknown>>;
type Ask = (token: string) => Promise<Answer>;

/** Seconds. */
const longestNegative = 10;

/** Puts a cache before a question: as it is for a lifetime of 0. Requests that come while it is asked wait for the same answer. */
export function withCache(
  ask: Ask,
  bounds: { readonly lifetime: number; readonly entries: number },
  now: () => number,
): Ask {
  const { lifetime, entries } = bounds;
  if (lifetime === 0) return ask;
  const active: BoundedCache<Answer> = createBoundedCache(entries);
  const inactive: BoundedCache<Answer> = createBoundedCache(entries);
  const pending = new Map<string, Promise<Answer>>();

  const askAndKeep = async (token: string, digest: string): Promise<Answer> => {
    // The answer is as old as the question: a revocation in between is not covered by it.
    const asked = now();
    const answer = frozen(await ask(token));
    if (answer.active !== true) {
      inactive.set(digest, answer, asked + Math.min(lifetime, longestNegative) * 1000);
      return answer;
    }
    const { exp } = answer;
    const end = typeof exp === "number" ? exp * 1000 : Number.POSITIVE_INFINITY;
    active.set(digest, answer, Math.min(asked + lifetime * 1000, end));
    return answer;
  };

  return async (token) => {
    const digest = await sha256Base64url(token);
    const known = active.get(digest, now()) ?? inactive.get(digest, now()) ?? pending.get(digest);
    if (known !== undefined) return known;
    const asked = askAndKeep(token, digest).finally(() => pending.delete(digest));
    pending.set(digest, asked);
    return asked;
  };
}
