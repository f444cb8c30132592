/**
 * Cookies that tie something that waits for a person (an interaction, a logout) to the browser it began in.
 *
 * RFC 6265bis §4.1.3, RFC 9700 §4.7. One cookie per thing, named after its id and holding its handle: a link to somebody
 * else's interaction opens nothing. A browser keeps the ten newest of a kind, so that abandoned ones do not fill the header.
 */
import { readCookies, setCookie } from "@valetkey/protocol/cookie";
import type { Handle } from "@valetkey/protocol/random";
import { findByHandle, type Known } from "./entries.ts";
import type { Op } from "./op.ts";

export type BoundKind = "interaction" | "logout";

const maxCookies = 10;

/** Makes the `Set-Cookie` values that bind a new thing to this browser and drop the oldest beyond ten. `seconds` to live. */
export function bindCookies(op: Op, request: Request, handle: Handle, seconds: number): string[] {
  const kind = handle.kind as BoundKind;
  const prefix = nameOf(op, kind, "");
  // Ids sort by the time they were made.
  const older = [...readCookies(request).keys()].filter((name) => name.startsWith(prefix) && isCookieName(name)).sort();
  const surplus = older.slice(0, Math.max(0, older.length - (maxCookies - 1)));
  return [
    setCookie(nameOf(op, kind, handle.id), handle.handle, { ...attributes(op), maxAge: seconds }),
    ...surplus.map((name) => setCookie(name, "", { ...attributes(op), maxAge: 0 })),
  ];
}

/** Makes the `Set-Cookie` value that removes the cookie of something that is over. */
export function unbindCookie(op: Op, kind: BoundKind, id: string): string {
  return setCookie(nameOf(op, kind, id), "", { ...attributes(op), maxAge: 0 });
}

/** Finds what this browser holds the cookie of; nothing if it is over, or another browser's: the two look the same. */
export async function findBound<K extends BoundKind>(
  op: Op,
  request: Request,
  kind: K,
  id: string,
): Promise<Known<K> | undefined> {
  const entry = await findByHandle(op.store, kind, readCookies(request).get(nameOf(op, kind, id)) ?? "");
  return entry?.id === id ? entry : undefined;
}

function nameOf(op: Op, kind: BoundKind, id: string): string {
  return `${op.secureCookies ? "__Host-" : ""}vk_${kind}_${id}`;
}

const isCookieName = (name: string) => /^[A-Za-z0-9_-]{1,128}$/.test(name);

function attributes(op: Op) {
  return { secure: op.secureCookies, httpOnly: true, sameSite: "Lax", path: "/" } as const;
}
