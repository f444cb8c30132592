/** Durations as people write them. */
import { ClientError } from "../client-error.ts";

/** Seconds, or a number with its unit: `"30s"`, `"10m"`, `"12h"`, `"7d"`. */
export type Duration = number | `${number}${"s" | "m" | "h" | "d"}`;

const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Reads a duration as whole seconds; anything else is `configuration_invalid`. */
export function readDuration(name: string, value: Duration): number {
  const [, digits, unit] = /^(\d{1,9})([smhd])$/.exec(String(value)) ?? [];
  const read = typeof value === "number" ? value : Number(digits) * (seconds[unit ?? ""] ?? Number.NaN);
  if (Number.isSafeInteger(read) && read >= 0) return read;
  throw new ClientError("configuration_invalid", `${name} must be seconds or like "10m", got ${value}`);
}
