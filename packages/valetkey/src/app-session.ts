/**
 * The embedding application's own session, as the provider wants to know it.
 *
 * OpenID Connect Core §2 (auth_time). The application says only who is signed in, not since when. Guarantees that `auth_time`
 * never claims a later sign-in than the last one seen here: the first request of a person, or the return from the login page.
 */
import { createHmac } from "node:crypto";
import type { Session } from "@valetkey/provider/op";
import type { Store } from "@valetkey/store";

export interface AppSession {
  /** Who is signed in, for the provider. */
  find(request: Request): Promise<Session | undefined>;
  /** Notes that a person has just come back from the application's login page. */
  noteLogin(subject: string): Promise<void>;
}

const kind = "app-sign-in";

/** Wraps the application's function. `lifetime`: seconds for which a sign-in is remembered. */
export function appSession(options: {
  readonly session: (request: Request) => string | undefined | Promise<string | undefined>;
  readonly secret: string;
  readonly store: Store;
  readonly lifetime: number;
  readonly now: () => number;
}): AppSession {
  const { session, secret, store, lifetime, now } = options;
  // Not the subject itself: the sid goes into ID tokens of every client, also where subjects differ.
  const sidOf = (subject: string): string =>
    createHmac("sha256", secret).update(`valetkey app session ${subject}`).digest("base64url").slice(0, 22);

  const note = async (subject: string, anew: boolean): Promise<number> => {
    const id = sidOf(subject);
    // Others may note the same at the same moment: what they wrote is as good.
    for (let tries = 0; tries < 3; tries++) {
      const seen = await store.get(kind, id);
      if (seen !== undefined && !anew) return (seen.data as { readonly at: number }).at;
      const at = now();
      const entry = { kind, id, version: seen?.version ?? 1, expiresAt: at + lifetime * 1000, data: { at } };
      if (await store.commit([{ do: seen === undefined ? "insert" : "replace", entry }])) return at;
    }
    return now();
  };

  return {
    async find(request) {
      const subject = await session(request);
      if (subject === undefined) return undefined;
      const at = await note(subject, false);
      return { subject, auth_time: Math.floor(at / 1000), sid: sidOf(subject), expiresAt: now() + lifetime * 1000 };
    },
    noteLogin: async (subject) => void (await note(subject, true)),
  };
}
