/**
 * Scopes: a space-separated list of names (RFC 6749 §3.3), as an array inside our code.
 *
 * Guarantees that every scope that passed `parseScope` holds only the characters of a scope-token and occurs once.
 */
import { invalidScope } from "./errors.ts";

const maxLength = 8192;
const maxScopes = 200;

/** Reads a scope parameter: names in the order given, each once; none for an absent one. Malformed is `invalid_scope`. */
export function parseScope(scope: string | undefined): string[] {
  if (scope === undefined || scope === "") return [];
  if (scope.length > maxLength) throw invalidScope(`scope is longer than ${maxLength} characters`);
  const names = new Set<string>();
  for (const name of scope.split(" ")) {
    // §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ), separated by one space.
    if (!/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(name)) throw invalidScope("scope must be names separated by single spaces");
    names.add(name);
  }
  if (names.size > maxScopes) throw invalidScope(`scope has more than ${maxScopes} names`);
  return [...names];
}

/** Writes scopes as the parameter. */
export function formatScope(scopes: readonly string[]): string {
  return scopes.join(" ");
}

/** Tells whether every scope of `part` is in `whole`. */
export function isSubset(part: readonly string[], whole: readonly string[]): boolean {
  const known = new Set(whole);
  return part.every((scope) => known.has(scope));
}

/** Keeps the scopes that are in both, in the order of the first. */
export function intersect(scopes: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others);
  return scopes.filter((scope) => known.has(scope));
}

/** Keeps the scopes that are not in `others`. */
export function without(scopes: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others);
  return scopes.filter((scope) => !known.has(scope));
}
