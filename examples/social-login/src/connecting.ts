/**
 * Remembers, while somebody is away at another provider, which person the account shall be added to.
 *
 * It is in a sealed cookie of the browser that asked, for ten minutes. Guarantees that nobody else can add their account to a
 * person, nor be led into adding one to somebody else's: there is nothing in a link that a stranger could send.
 */
import { hkdf } from "@valetkey/protocol/digest";
import { decryptText, encryptText } from "@valetkey/protocol/jose";
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { Person } from "./people.ts";

export interface Connecting {
  remember(c: Context, person: Person): Promise<void>;
  /** Gives the id of the person who asked in this browser. */
  recall(c: Context): Promise<string | undefined>;
  forget(c: Context): void;
}

const lifetime = 600;

export function createConnecting(secret: string, isHttps: boolean): Connecting {
  const key = hkdf(secret, "social-login connecting", 32);
  const name = isHttps ? "__Host-connecting" : "connecting";
  const cookie = { path: "/", httpOnly: true, sameSite: "Lax", secure: isHttps } as const;
  return {
    remember: async (c, { id }) => {
      const sealed = await encryptText(await key, JSON.stringify({ id, until: Date.now() + lifetime * 1000 }));
      setCookie(c, name, sealed, { ...cookie, maxAge: lifetime });
    },
    recall: async (c) => {
      const sealed = getCookie(c, name);
      if (sealed === undefined) return undefined;
      const read = await decryptText(await key, sealed).then(JSON.parse, () => undefined);
      return read !== undefined && Date.now() < read.until ? String(read.id) : undefined;
    },
    forget: (c) => void deleteCookie(c, name, cookie),
  };
}
