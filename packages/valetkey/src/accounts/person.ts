/**
 * A person's row in the table, as the rest of the program sees it, and the texts that go into one.
 *
 * The one property: a name is one line without invisible direction changes, so it cannot rearrange a page or a log.
 */
import { DirectoryError, type Person } from "./directory.ts";
import type { Row } from "./tables.ts";

/** Reads a row. */
export function personOf(row: Row): Person {
  return {
    subject: row.subject,
    email: row.email,
    name: row.name,
    email_verified: row.email_verified === 1,
    disabled: row.disabled === 1,
    password: row.password !== null,
    createdAt: row.created_at,
  };
}

/** Reads a person's name: trimmed, composed, one line of 1 to 200 characters. Throws `DirectoryError` `name_invalid`. */
export function readName(text: string): string {
  const name = text.length <= 400 && text.isWellFormed() ? text.trim().normalize("NFC") : "";
  if (name === "" || [...name].length > 200 || /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u.test(name))
    throw new DirectoryError("name_invalid", "A name is one line of 1 to 200 characters.");
  return name;
}

/** Writes what an operator's search looks into. */
export function searchText({ email, name }: { email: string; name: string }): string {
  return `${email} ${name.toLowerCase()}`;
}

/** What is typed into a search is text: the signs of LIKE lose their meaning by leaving them out. */
export function likeText(search: string): string {
  return search.slice(0, 200).trim().normalize("NFC").toLowerCase().replaceAll(/[%\\]/g, "");
}
