/**
 * E-mail addresses in one canonical form, so that one address is one account in every database.
 *
 * Trimmed, NFKC, lower case, host in its ASCII form. What looks like another address (letters of several alphabets in
 * one local part, invisible characters) is refused. The one property: the canonical form of a canonical form is itself.
 */
import { domainToASCII } from "node:url";
import { DirectoryError } from "./directory.ts";

/** UTF-16 units taken in at most: checked before normalising, which can make a text 18 times longer. */
const longestInput = 320;

/** Alphabets with letters that pass for one another's. */
const alphabets = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u, /\p{Script=Armenian}/u];
const otherAlphabets = [/\p{Script=Cherokee}/u, /\p{Script=Coptic}/u, /\p{Script=Lisu}/u];

/** Reads an address; nothing if it is none, or not one we take. */
export function readEmail(text: string): string | undefined {
  if (text.length > longestInput || !text.isWellFormed()) return undefined;
  const plain = text.trim().normalize("NFKC").toLowerCase().normalize("NFKC");
  const at = plain.lastIndexOf("@");
  const local = plain.slice(0, at);
  if (at < 1 || [...local].length > 64) return undefined;
  // Letters, marks, digits and what RFC 5322 allows unquoted; quoted local parts are not taken.
  if (!/^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u.test(local))
    return undefined;
  if (/\p{Default_Ignorable_Code_Point}/u.test(local)) return undefined;
  if ([...alphabets, ...otherAlphabets].filter((alphabet) => alphabet.test(local)).length > 1) return undefined;
  const host = domainToASCII(plain.slice(at + 1));
  if (host === "" || host.length > 253 || !/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(host)) return undefined;
  return host.split(".").every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label))
    ? `${local}@${host}`
    : undefined;
}

/** Reads an address that is to be an account's. Throws `DirectoryError` `email_invalid`. */
export function canonicalEmail(text: string): string {
  const email = readEmail(text);
  if (email === undefined) {
    throw new DirectoryError("email_invalid", "This is not an e-mail address we can take, like name@example.org.");
  }
  return email;
}
