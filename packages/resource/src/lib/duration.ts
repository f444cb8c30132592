/**
 * Durations in options: seconds, or a number with its unit.
 *
 * Guarantees whole seconds: what cannot be read stops the program where the option is written.
 */

/** Seconds, or a number with its unit: `"30s"`, `"10m"`, `"12h"`, `"7d"`. */
export type Duration = number | `${number}${"s" | "m" | "h" | "d"}`;

const secondsIn: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** Reads a duration as whole seconds; anything else is a `TypeError`. */
export function readDuration(name: string, value: Duration): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  const parts = /^(\d{1,9})([smhd])$/.exec(String(value));
  if (parts === null) throw new TypeError(`${name} must be seconds or like "10m", got ${value}`);
  return Number(parts[1]) * (secondsIn[parts[2] ?? ""] ?? 1);
}
