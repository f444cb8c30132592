/**
 * Counts failed attempts in memory, so that guessing is slow (RFC 6749 §10.10, RFC 6819 §5.1.4.2.3).
 *
 * A window per key: after so many failures the key is blocked until its window ends. Each process counts for itself.
 * Guarantees that memory stays bounded whatever keys arrive: beyond `maxKeys` the oldest windows are forgotten.
 */
import type { Limit, Throttle } from "./op.ts";

interface Window {
  readonly endsAt: number;
  failures: number;
}

/** Creates a throttle: 30 failures in 60 seconds unless told, at most 10000 keys. */
export function memoryThrottle(
  options: { readonly limit?: Limit; readonly maxKeys?: number; readonly now?: () => number } = {},
): Throttle {
  const { limit: own = { attempts: 30, seconds: 60 }, maxKeys = 10_000, now = Date.now } = options;
  // In order of creation: the first is the oldest.
  const windows = new Map<string, Window>();

  const current = (key: string): Window | undefined => {
    const window = windows.get(key);
    if (window === undefined || window.endsAt > now()) return window;
    windows.delete(key);
    return undefined;
  };

  return {
    async blocked(key, limit = own) {
      const window = current(key);
      if (window === undefined || window.failures < limit.attempts) return 0;
      return Math.ceil((window.endsAt - now()) / 1000);
    },
    async failed(key, limit = own) {
      const window = current(key);
      if (window !== undefined) {
        window.failures += 1;
        return;
      }
      const oldest = windows.keys().next();
      if (windows.size >= maxKeys && !oldest.done) windows.delete(oldest.value);
      windows.set(key, { endsAt: now() + limit.seconds * 1000, failures: 1 });
    },
  };
}

/**
 * Counts an attempt before it is judged, so that attempts in parallel cannot pass together: seconds to wait, or 0 if it may be
 * judged. One fewer than the limit passes.
 */
export async function countAttempt(throttle: Throttle, key: string, limit: Limit): Promise<number> {
  const wait = await throttle.blocked(key, limit);
  if (wait > 0) return wait;
  await throttle.failed(key, limit);
  return throttle.blocked(key, limit);
}
