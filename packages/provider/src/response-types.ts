/**
 * Response types: what an authorization response holds (RFC 6749 §3.1.1, Multiple Response Type Encoding §3 and §5).
 *
 * `code` is the one to use. Those that put tokens into a redirect are in `legacy.ts`.
 */
import type { Part } from "./part.ts";

export interface ResponseType extends Part {
  /** Its words in the order of the specification, e.g. `code` or `code id_token`. */
  readonly response_type: string;
}

/** `code`. */
export const code: ResponseType = { response_type: "code" };

/** The same words in whatever order they were sent (Multiple Response Type Encoding §1). */
export function canonicalResponseType(response_type: string): string {
  const order = ["code", "id_token", "token", "none"];
  const words = response_type.split(" ");
  const rank = (word: string) => (order.includes(word) ? order.indexOf(word) : order.length);
  return words.sort((a, b) => rank(a) - rank(b)).join(" ");
}

/** Tells whether a response type holds something: a `code`, an `id_token`, a `token`. */
export const holds = (response_type: string, word: "code" | "id_token" | "token"): boolean =>
  response_type.split(" ").includes(word);
