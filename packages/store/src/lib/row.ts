/**
 * What every backend keeps of an entry, and what it refuses to keep.
 *
 * All backends share these checks, so that what one of them takes the others take, and what comes back is the same.
 * The one property: data is stored as JSON text, because text holds every JSON value and PostgreSQL's `jsonb` does not
 * (it refuses U+0000).
 */

import type { Change, Entry, Filter } from "../store.ts";

/** An entry as it is stored. */
export interface Row {
  readonly kind: string;
  readonly id: string;
  readonly version: number;
  readonly client: string | null;
  readonly subject: string | null;
  readonly expiresAt: number | null;
  readonly data: string;
}

/** A checked change: `row.version` is the version that is expected, and ignored for an insert. */
export interface Write {
  readonly do: Change["do"];
  readonly row: Row;
}

/**
 * Checks the changes of one commit and turns them into what is written. A mistake of the caller is a `TypeError`: no
 * changes, an entry that appears twice, a kind or id that no backend can hold, data that is not JSON.
 */
export function readChanges(changes: readonly Change[]): Write[] {
  if (changes.length === 0) throw new TypeError("A commit needs at least one change.");
  const writes = changes.map((change) => ({ do: change.do, row: readRow(change) }));
  const seen = new Set<string>();
  for (const { row } of writes) {
    const key = rowKey(row.kind, row.id);
    if (seen.has(key))
      throw new TypeError(`A commit may change an entry once, but ${row.kind} ${row.id} is in it twice.`);
    seen.add(key);
  }
  return writes;
}

function readRow({ do: verb, entry }: Change): Row {
  const { kind, id, version, client, subject, expiresAt } = entry;
  checkKind(kind);
  if (!isId(id))
    throw new TypeError(`An id is 1 to 512 characters (1024 bytes) without U+0000, not ${JSON.stringify(id)}.`);
  if (verb !== "insert" && !Number.isSafeInteger(version)) {
    throw new TypeError(`A version is a whole number, not ${version}.`);
  }
  for (const owner of [client, subject]) {
    if (owner !== undefined && !isText(owner)) {
      throw new TypeError(
        `A client or subject is text of at most 1024 bytes without U+0000, not ${JSON.stringify(owner)}.`,
      );
    }
  }
  if (expiresAt !== undefined && !Number.isFinite(expiresAt)) {
    throw new TypeError(`expiresAt is a number of milliseconds, not ${expiresAt}.`);
  }
  const data: string | undefined = JSON.stringify(entry.data);
  if (data === undefined) throw new TypeError(`The data of ${kind} ${id} is not JSON.`);
  return {
    kind,
    id,
    version: verb === "insert" ? 1 : version,
    client: client ?? null,
    subject: subject ?? null,
    expiresAt: expiresAt ?? null,
    data,
  };
}

/** Turns a stored row back into the entry; each call gives a fresh value the caller may keep. */
export function readEntry({ kind, id, version, client, subject, expiresAt, data }: Row): Entry {
  return entryOf(kind, id, version, client, subject, expiresAt, data);
}

/** Makes an entry of its columns. */
export function entryOf(
  kind: string,
  id: string,
  version: number,
  client: string | null,
  subject: string | null,
  expiresAt: number | null,
  data: string,
): Entry {
  const entry: { -readonly [Member in keyof Entry]: Entry[Member] } = { kind, id, version, data: JSON.parse(data) };
  if (client !== null) entry.client = client;
  if (subject !== null) entry.subject = subject;
  if (expiresAt !== null) entry.expiresAt = expiresAt;
  return entry;
}

/**
 * Whether an entry with this key can be there at all. Ids come from outside, and what nobody can have stored is simply
 * not there; kinds come from our own code, and a malformed one is a `TypeError`.
 */
export function canExist(kind: string, id: string): boolean {
  checkKind(kind);
  return isId(id);
}

/** Whether a filter can match anything; refuses a malformed kind as `canExist` does. */
export function canMatch(kind: string, filter: Filter): boolean {
  checkKind(kind);
  return [filter.client, filter.subject, filter.after].every((part) => part === undefined || isText(part));
}

/** Reads how many entries a page holds. A limit that is not a whole number of at least 1 is a `TypeError`. */
export function pageSize(filter: Filter): number {
  const limit = filter.limit ?? 100;
  if (!Number.isSafeInteger(limit) || limit < 1) throw new TypeError(`A limit is a whole number from 1, not ${limit}.`);
  return Math.min(limit, 1000);
}

/** Names a row uniquely: no kind contains a space. */
export function rowKey(kind: string, id: string): string {
  return `${kind} ${id}`;
}

function checkKind(kind: string): void {
  if (/^[a-z0-9-]{1,64}$/.test(kind)) return;
  throw new TypeError(`A kind is 1 to 64 lower-case letters, digits and "-", not ${JSON.stringify(kind)}.`);
}

function isId(id: string): boolean {
  return id.length >= 1 && id.length <= 512 && isText(id);
}

function isText(text: string): boolean {
  // No database text holds U+0000, and a lone surrogate has no UTF-8: it would come back as another character.
  if (!text.isWellFormed() || text.includes("\u0000")) return false;
  // A row of an index over kind, owner and id must fit the 2704 bytes PostgreSQL allows.
  return text.length <= 341 || new TextEncoder().encode(text).length <= 1024;
}
