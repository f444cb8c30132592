/**
 * Writes a value of a document we do not trust into a sentence.
 *
 * CWE-117. Guarantees a short printable text for whatever JSON holds: an object with a member `toString` has no text of its own.
 */
import { shown } from "./refusal.ts";

/** At most 200 characters; what is no text is shown as JSON, and what is not there as `undefined`. */
export const shownValue = (value: unknown): string =>
  shown(typeof value === "string" ? value : `${JSON.stringify(value)}`).slice(0, 200);
