/**
 * A clock that stands still until a test moves it.
 */

/** Seconds, or a number with its unit: `"30s"`, `"10m"`, `"12h"`, `"7d"`. */
export type Duration = number | `${number}${"s" | "m" | "h" | "d"}`;

export interface TestClock {
  /** Milliseconds since the epoch. Needs no `this`: pass it on as `now: idp.clock.now`. */
  readonly now: () => number;
  /** Lets so much time pass at once. Time never goes back. */
  advance(by: Duration): void;
}

/** Makes a clock that shows `start`, in milliseconds since the epoch. */
export function testClock(start: number): TestClock {
  let at = start;
  return {
    now: () => at,
    advance(by) {
      at += secondsOf(by) * 1000;
    },
  };
}

const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Reads a duration as seconds; anything else is a `TypeError`. */
export function secondsOf(duration: Duration): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(String(duration)) ?? [];
  const read = typeof duration === "number" ? duration : Number(digits) * (seconds[unit ?? ""] ?? Number.NaN);
  if (Number.isFinite(read) && read >= 0) return read;
  throw new TypeError(`a duration is seconds or like "10m", got ${duration}`);
}
