/**
 * The session cookie: the handles of up to five sessions in one browser, separated by dots, the current one first.
 *
 * RFC 6265bis §4.1.3 (`__Host-`). An empty first place means that nobody is current although others are signed in here, so
 * that logging out of one account never silently continues as another. The cookie outlives the browser only if every
 * session in it was asked to.
 */
import { readCookies, setCookie } from "@valetkey/protocol/cookie";
import type { Op } from "./op.ts";

/** How many accounts may be signed in at once in one browser. */
export const maxSessions = 5;

const name = (op: Op) => `${op.secureCookies ? "__Host-" : ""}vk_session`;

/** Reads the handles in the cookie, the current one first; an empty text in the first place: nobody is current. */
export function readSessionCookie(op: Op, request: Request): string[] {
  const value = readCookies(request).get(name(op));
  if (value === undefined || value === "") return [];
  return value.split(".", maxSessions + 1);
}

/** What the cookie shall hold: `handle` empty in the first place for nobody. `until` in milliseconds. */
export interface SessionSlot {
  readonly handle: string;
  /** Milliseconds when it ends; absent when it shall end with the browser. */
  readonly until?: number;
}

/** Writes the `Set-Cookie` value for these sessions; removes the cookie if there is none. */
export function writeSessionCookie(op: Op, slots: readonly SessionSlot[]): string {
  const kept = slots.filter((slot) => slot.handle !== "");
  const lasting = kept.every((slot) => slot.until !== undefined);
  const until = Math.max(0, ...kept.map((slot) => slot.until ?? 0));
  const age = kept.length === 0 ? 0 : Math.max(0, Math.floor((until - op.now()) / 1000));
  const value = kept.length === 0 ? "" : slots.map((slot) => slot.handle).join(".");
  return setCookie(name(op), value, {
    secure: op.secureCookies,
    httpOnly: true,
    sameSite: "Lax",
    path: "/",
    ...(kept.length === 0 || lasting ? { maxAge: age } : {}),
  });
}
