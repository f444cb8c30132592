/**
 * Puts the person of the user database beside the account that is signed in.
 */
import type { Auth } from "@valetkey/client";
import type { MiddlewareHandler } from "hono";
import type { People, Person } from "./people.ts";

/** Finds the person of whoever is signed in: as `onSignIn` answered. */
export const personOf = (people: People, auth: Auth | null): Person | undefined =>
  auth?.person === undefined ? undefined : people.byId(auth.person);

/** Sets `c.var.person`; nothing if nobody is signed in, or as somebody who is no more. */
export function person(
  people: People,
): MiddlewareHandler<{ Variables: { auth: Auth | null; person: Person | undefined } }> {
  return async (c, next) => {
    c.set("person", personOf(people, c.var.auth));
    return next();
  };
}
