/**
 * The embedding application's own session, as the provider wants to know it.
 *
 * OpenID Connect Core §2 (auth_time). Where the application says only who is signed in, not since when, `auth_time` is when the
 * person was first seen here: guarantees that it never claims a later sign-in than one that really happened.
 */
import { createHmac } from "node:crypto";
import type { Session } from "@valetkey/provider/op";
import type { Store } from "@valetkey/store";
import type { SignedIn } from "./server-options.ts";

export interface AppSession {
  /** Who is signed in, for the provider. */
  find(request: Request): Promise<Session | undefined>;
  /** When the person last signed in, as far as the application says; milliseconds. */
  signedInAt(request: Request): Promise<number | undefined>;
}

const kind = "app-sign-in";

/** Wraps the application's function. `lifetime`: seconds for which a sign-in is remembered. */
export function appSession(options: {
  readonly session: (request: Request) => SignedIn | undefined | Promise<SignedIn | undefined>;
  readonly secret: string;
  readonly store: Store;
  readonly lifetime: number;
  readonly now: () => number;
}): AppSession {
  const { session, secret, store, lifetime, now } = options;
  // Not the subject itself: the sid goes into ID tokens of every client, also where subjects differ.
  const sidOf = (subject: string, sid = ""): string =>
    createHmac("sha256", secret).update(`valetkey app session ${subject} ${sid}`).digest("base64url").slice(0, 22);

  const read = async (request: Request) => {
    const found = await session(request);
    return typeof found === "string" ? { subject: found } : found;
  };

  /** When this session was first seen here. */
  const firstSeen = async (id: string): Promise<number> => {
    const at = now();
    // Others may note the same at the same moment: what they wrote is as good.
    for (let tries = 0; tries < 3; tries++) {
      const seen = await store.get(kind, id);
      if (seen !== undefined) return (seen.data as { readonly at: number }).at;
      const entry = { kind, id, version: 1, expiresAt: at + lifetime * 1000, data: { at } };
      if (await store.commit([{ do: "insert", entry }])) return at;
    }
    return at;
  };

  return {
    async find(request) {
      const found: Exclude<SignedIn, string> | undefined = await read(request);
      if (found === undefined) return undefined;
      const { subject, acr, amr } = found;
      const sid = sidOf(subject, found.sid);
      const auth_time = found.auth_time ?? Math.floor((await firstSeen(sid)) / 1000);
      const how = { ...(acr === undefined ? {} : { acr }), ...(amr === undefined ? {} : { amr }) };
      return { subject, auth_time, sid, ...how, expiresAt: now() + lifetime * 1000 };
    },
    async signedInAt(request) {
      const found: Exclude<SignedIn, string> | undefined = await read(request);
      return found?.auth_time === undefined ? undefined : found.auth_time * 1000;
    },
  };
}
