/**
 * Keys of an issuer, fetched from its `jwks_uri` when needed and kept for a while.
 *
 * RFC 7517 §5, OpenID Connect Core §10.1.1 (rotation), RFC 8725 §3.2.
 * Guarantees at most one request per cool-down, however many tokens with unknown `kid` arrive, and that weak or private keys
 * in the set verify nothing.
 */
import { checkPublicJwk, type Jwk } from "./jwk.ts";
import { type Fetch, fetchJson } from "./read-json.ts";

/** Finds the keys that may have signed a token with this header. */
export type KeyResolver = (header: { readonly alg: string; readonly kid?: string }) => Promise<readonly Jwk[]>;

/** The keys cannot be had at the moment: an outage, not a verdict on the token. */
export class JwksUnavailable extends Error {
  override readonly name = "JwksUnavailable";
}

/** How to fetch and keep keys. Times in milliseconds. */
export interface RemoteJwksOptions {
  readonly jwks_uri: string | URL;
  readonly fetch: Fetch;
  readonly now: () => number;
  /** Least time between two requests; default 10 s. */
  readonly cooldown?: number;
  /** After this time keys are fetched again, and without success no longer used; default 10 min. */
  readonly maxAge?: number;
  /** Default 5 s. */
  readonly timeoutMs?: number;
}

/**
 * Creates a resolver that fetches on first use, again after `maxAge`, and when a `kid` is unknown (a key was rotated in).
 * While the keys are unavailable it throws `JwksUnavailable`: old keys are not used beyond their age.
 */
export function createRemoteJwks(options: RemoteJwksOptions): KeyResolver {
  const { jwks_uri, fetch, now, cooldown = 10_000, maxAge = 600_000, timeoutMs = 5_000 } = options;
  let known: { keys: readonly Jwk[]; at: number } | undefined;
  let attemptedAt = Number.NEGATIVE_INFINITY;
  let failure: unknown;
  let pending: Promise<void> | undefined;

  async function refresh(): Promise<void> {
    attemptedAt = now();
    try {
      const { response, body } = await fetchJson(fetch, jwks_uri, {}, { limit: 262_144, timeoutMs });
      if (!response.ok) throw new Error(`HTTP status ${response.status}`);
      known = { keys: usableKeys(body), at: now() };
      failure = undefined;
    } catch (cause) {
      failure = cause;
    }
  }

  const find = (kid: string | undefined): readonly Jwk[] | undefined => {
    if (known === undefined || now() - known.at >= maxAge) return undefined;
    return kid === undefined ? known.keys : known.keys.filter((key) => key.kid === kid);
  };

  return async ({ kid }) => {
    const before = find(kid);
    if (before !== undefined && before.length > 0) return before;
    // One request at a time: whoever comes meanwhile waits for its outcome.
    if (pending === undefined && now() - attemptedAt >= cooldown) {
      pending = refresh().finally(() => {
        pending = undefined;
      });
    }
    await pending;
    const after = find(kid);
    if (after === undefined) throw new JwksUnavailable(`the keys at ${jwks_uri} cannot be had`, { cause: failure });
    return after;
  };
}

// RFC 7517 §5: keys of unknown types are ignored. Bad ones are too: one odd key must not stop an issuer's other keys.
function usableKeys(body: Record<string, unknown>): Jwk[] {
  const keys: unknown = body.keys;
  if (!Array.isArray(keys) || keys.length > 100) throw new Error("not a JWK Set of at most 100 keys");
  return keys.filter((key): key is Jwk => {
    try {
      checkPublicJwk(key);
      return true;
    } catch {
      return false;
    }
  });
}
