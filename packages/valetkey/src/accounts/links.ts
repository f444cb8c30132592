/**
 * Single-use links: the one that sets up the first account, and those with which a person sets a new password.
 *
 * They are entries of the store, kept as digests: kind `setup` under the fixed id `first`, so that a new link replaces the
 * old one; kind `reset` under the handle's id. The one property: a link is spent by one commit, so of several who use it
 * at the same time exactly one succeeds, whichever process they reach.
 */
import { createHandle, matchesDigest, readHandle } from "@valetkey/protocol/random";
import type { Entry, Store } from "@valetkey/store";

const setupLifetime = 7 * 86_400_000;
const resetLifetime = 86_400_000;

interface LinkData {
  readonly digest: string;
}

/** A link that would work now. */
export interface Link {
  /** Whom it is for; the first account has nobody yet. */
  readonly subject: string | undefined;
  readonly entry: Entry;
}

export interface Links {
  createSetup(): Promise<string>;
  createReset(subject: string): Promise<string>;
  find(kind: "setup" | "reset", token: string): Promise<Link | undefined>;
  /** Uses the link up. False: somebody else was first. */
  spend(link: Link): Promise<boolean>;
  /** Forgets the reset links of a person: they have a password they know, or are gone. */
  forget(subject: string): Promise<void>;
}

/** Makes the links of a store. */
export function linksIn(store: Store, now: () => number): Links {
  const forget = async (subject: string): Promise<void> => {
    for (const entry of await store.list("reset", { subject, limit: 1000 })) {
      // Lost a race: it was spent or forgotten by somebody else, which is as good.
      await store.commit([{ do: "remove", entry }]);
    }
  };

  return {
    async createSetup() {
      for (;;) {
        const { handle, digest } = await createHandle("setup", now());
        const old = await store.get("setup", "first");
        const entry = { kind: "setup", id: "first", version: 1, expiresAt: now() + setupLifetime, data: { digest } };
        const change = old
          ? ({ do: "replace", entry: { ...entry, version: old.version } } as const)
          : ({ do: "insert", entry } as const);
        // False: another process made one in between. The later one counts.
        if (await store.commit([change])) return handle;
      }
    },

    async createReset(subject) {
      await forget(subject);
      const { id, handle, digest } = await createHandle("reset", now());
      const expiresAt = now() + resetLifetime;
      await store.commit([
        { do: "insert", entry: { kind: "reset", id, version: 1, subject, expiresAt, data: { digest } } },
      ]);
      return handle;
    },

    async find(kind, token) {
      const read = readHandle(token, kind);
      const entry = read && (await store.get(kind, kind === "setup" ? "first" : read.id));
      if (!read || !entry) return undefined;
      const { digest } = entry.data as unknown as LinkData;
      return (await matchesDigest(read.secret, digest)) ? { subject: entry.subject, entry } : undefined;
    },

    spend: (link) => store.commit([{ do: "remove", entry: link.entry }]),
    forget,
  };
}
