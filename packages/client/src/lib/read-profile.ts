/**
 * Reads a person out of what a provider's API says, believing nothing about its types.
 *
 * OpenID Connect Core §5.1 gives the names and §5.7 the reason: an e-mail address counts as verified only where the provider says so.
 * Guarantees that nobody is signed in without an id that is text or an exact number, and that a value of the wrong type is
 * left out instead of being shown.
 */
import { ClientError } from "../client-error.ts";
import type { Profile } from "../profile.ts";

export type Json = Readonly<Record<string, unknown>>;

/** Where in an answer the parts of a profile are; each may be of any type. */
export interface Found {
  readonly id: unknown;
  readonly name?: unknown;
  readonly username?: unknown;
  readonly email?: unknown;
  readonly email_verified?: unknown;
  readonly picture?: unknown;
}

/** Makes a profile of what was found. Without a usable id it is `userinfo_invalid`. */
export function profileOf(claims: Json, found: Found): Profile {
  const name = text(found.name);
  const username = text(found.username);
  const email = text(found.email);
  const picture = text(found.picture);
  const { email_verified } = found;
  return {
    id: idOf(found.id),
    ...(name === undefined ? {} : { name }),
    ...(username === undefined ? {} : { username }),
    ...(email === undefined ? {} : { email }),
    // It says something about the address; without one it says nothing.
    ...(email === undefined || typeof email_verified !== "boolean" ? {} : { email_verified }),
    ...(picture === undefined ? {} : { picture }),
    claims,
  };
}

/** Gives the object, or an empty one if it is something else. */
export const object = (value: unknown): Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};

/** Gives the list, or an empty one if it is something else. */
export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Gives the text without blanks around it, or nothing if it is something else or empty. */
export function text(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const trimmed = value.trim();
  return trimmed === "" ? undefined : trimmed;
}

/** Puts the parts of a name that are there together. */
export const fullName = (...parts: readonly unknown[]): string | undefined =>
  text(parts.flatMap((part) => text(part) ?? []).join(" "));

/** An account's addresses in one shape. */
export interface Address {
  readonly email: unknown;
  readonly primary: unknown;
  readonly verified: unknown;
}

/** Chooses among several addresses: verified ones only, the primary one first. */
export function verifiedEmail(addresses: readonly Address[]): {
  readonly email?: string;
  readonly email_verified?: true;
} {
  const verified = addresses.filter((one) => one.verified === true && text(one.email) !== undefined);
  const email = text((verified.find((one) => one.primary === true) ?? verified[0])?.email);
  return email === undefined ? {} : { email, email_verified: true };
}

function idOf(value: unknown): string {
  if (typeof value === "string" && value !== "" && value.length <= 255) return value;
  // Numbers above 2^53 arrive rounded: two people would share an id.
  if (typeof value === "number" && Number.isSafeInteger(value)) return String(value);
  throw new ClientError("userinfo_invalid", "the answer has no usable id");
}
