/**
 * Remembers in this process which requests of OAuth 1.0a were seen (RFC 5849 §3.3, §4.11).
 *
 * Guarantees a bounded number of them, and that none passes twice all the same: where one has to be forgotten before its time,
 * everything that is as old is refused from then on.
 */

/** Tells whether something is seen for the first time, and remembers it until then (milliseconds). */
export type FirstTime = (id: string, until: number) => boolean | Promise<boolean>;

/** Keeps at most so many, 100000 unless given. APIs that run in several processes need one place for all: write one like this. */
export function memoryNonces(
  options: { readonly most?: number; readonly now?: () => number } = {},
): (id: string, until: number) => boolean {
  const { most = 100_000, now = Date.now } = options;
  const seen = new Map<number, Set<string>>();
  let count = 0;
  let floor = 0;
  const forget = (until: number) => {
    count -= seen.get(until)?.size ?? 0;
    seen.delete(until);
  };
  return (id, until) => {
    for (const end of seen.keys()) if (end <= now()) forget(end);
    if (count >= most) {
      floor = Math.max(floor, Math.min(...seen.keys()));
      forget(floor);
    }
    const alike = seen.get(until) ?? new Set();
    if (until <= floor || alike.has(id)) return false;
    seen.set(until, alike.add(id));
    count++;
    return true;
  };
}
