/**
 * Which of the access tokens that are kept can be used now.
 *
 * RFC 6749 §5.1 (`expires_in`), RFC 8707 §2.2 (one token per resource). The same for a session in a store and for a file.
 * Guarantees that a token the other side has refused is never given a second time.
 */

/** Milliseconds before expiry from which on a token counts as expired, and the part of its lifetime that this is at most. */
const skew = 30_000;
const skewPart = 0.1;

/** An access token. Milliseconds since the epoch. */
interface Held {
  readonly access_token: string;
  readonly obtainedAt: number;
  readonly expiresAt?: number;
}

/** Tokens by resource; under `""` the token for the issuer itself. */
type HeldTokens = Readonly<Record<string, Held>>;

interface Wanted {
  readonly resource: string;
  /** A token the other side has just refused: not this one. */
  readonly rejected?: string;
}

/** Finds a token that is good for a while yet. */
export function goodToken(access: HeldTokens, wanted: Wanted, now: number): string | undefined {
  const held = find(access, wanted);
  if (held?.expiresAt === undefined) return held?.access_token;
  return now < held.expiresAt - Math.min(skew, (held.expiresAt - held.obtainedAt) * skewPart)
    ? held.access_token
    : undefined;
}

/** Finds a token that has not ended yet: one that was to be renewed early is good as long as it cannot be. */
export function liveToken(access: HeldTokens, wanted: Wanted, now: number): string | undefined {
  const held = find(access, wanted);
  return held !== undefined && (held.expiresAt ?? now + 1) > now ? held.access_token : undefined;
}

function find(access: HeldTokens, { resource, rejected }: Wanted): Held | undefined {
  const held = Object.hasOwn(access, resource) ? access[resource] : undefined;
  return held?.access_token === rejected ? undefined : held;
}
