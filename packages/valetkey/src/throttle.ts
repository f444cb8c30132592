/**
 * Makes guessing slow: counts attempts in the store, so that they survive a restart and are shared between processes.
 *
 * NIST SP 800-63B §3.2.2 (rate limiting), RFC 6585 §4 (429), RFC 6749 §10.10.
 * Guarantees that an attempt is counted before it is judged, so that attempts in parallel cannot pass together, and that a
 * window always ends: nobody is locked out for good. While the store fails, memory counts instead.
 */
import { hash } from "node:crypto";
import { networkOf } from "@valetkey/provider/network";
import type { Limit, Throttle } from "@valetkey/provider/op";
import type { Entry, Store } from "@valetkey/store";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import RateLimiterStoreAbstract from "rate-limiter-flexible/lib/RateLimiterStoreAbstract.js";
import { readEmail } from "./accounts/email.ts";

/** Counts sign-in attempts, by account and address together and by address alone. */
export interface SignInAttempts {
  /** Counts an attempt. Resolves to 0 if it may be judged, else to the seconds until it is worth trying again. */
  begin(name: string, ip: string | undefined): Promise<number>;
  /** Takes the attempt back: it was right, or it was never judged. A right one also forgets the wrong ones before it. */
  settle(name: string, ip: string | undefined, outcome: "right" | "not judged"): Promise<void>;
}

interface Where {
  readonly store: Store;
  readonly now: () => number;
}

const kind = "attempts";
const window = 15 * 60;

/**
 * Counts in entries of kind `attempts`: 10 attempts at one account from one address in 15 minutes, 100 from one address at
 * whatever accounts. Without an address attempts at one account count together, and accounts do not count together.
 */
export function signInAttempts(where: Where): SignInAttempts {
  const pair = limiter(where, "sign-in", 10, window);
  const address = limiter(where, "sign-in-ip", 100, window);
  const keysOf = (name: string, ip: string | undefined): [Limiter, string][] => {
    const network = networkOf(ip);
    // The name may be long and is personal: only its digest is kept.
    const account = digest(`${spelling(name)} ${network ?? ""}`);
    return network === undefined
      ? [[pair, account]]
      : [
          [pair, account],
          [address, network],
        ];
  };
  return {
    async begin(name, ip) {
      const keys = keysOf(name, ip);
      // Read first: whoever is over the limit costs no writes.
      const waits = await Promise.all(keys.map(([limit, key]) => limit.wait(key)));
      if (Math.max(...waits) > 0) return Math.max(...waits);
      return Math.max(...(await Promise.all(keys.map(([limit, key]) => limit.count(key)))));
    },
    async settle(name, ip, outcome) {
      await Promise.all(
        keysOf(name, ip).map(([limit, key]) =>
          limit === pair && outcome === "right" ? limit.forget(key) : limit.takeBack(key),
        ),
      );
    },
  };
}

/**
 * For so many milliseconds, and so many keys, it is believed that a key which was free still is. Keys contain what strangers send:
 * longer ones than any that is somebody's are looked up each time and not kept (CWE-400).
 */
const believed = { for: 1_000, keys: 10_000, length: 512 };

/**
 * Makes the provider's throttle: 30 failures for one key in a minute unless the caller has a limit of its own.
 *
 * A key that is free is looked up once a second, not with every request; a failure counted here is seen here at once. What other
 * processes count meanwhile is seen a second later, which gives whoever spreads guesses over them one more guess a second in each.
 */
export function storeThrottle(where: Where): Throttle {
  const limiters = new Map<string, Limiter>();
  const limiterOf = ({ attempts, seconds }: Limit): Limiter => {
    const name = `failed-${attempts}-${seconds}`;
    const known = limiters.get(name) ?? limiter(where, name, attempts, seconds);
    limiters.set(name, known);
    return known;
  };
  const own: Limit = { attempts: 30, seconds: 60 };
  const free = new Map<string, number>();
  let counted = 0;
  const nameOf = (key: string, { attempts, seconds }: Limit) => `${attempts} ${seconds} ${key}`;
  return {
    async blocked(key, limit = own) {
      const name = nameOf(key, limit);
      const at = where.now();
      if (at < (free.get(name) ?? 0)) return 0;
      const before = counted;
      const seconds = await limiterOf(limit).wait(digest(key));
      if (free.size >= believed.keys) free.clear();
      // What was read before a failure was counted, and is heard after, is not true any more.
      if (seconds === 0 && counted === before && name.length <= believed.length) free.set(name, at + believed.for);
      return seconds;
    },
    async failed(key, limit = own) {
      try {
        await limiterOf(limit).count(digest(key));
      } finally {
        counted++;
        free.delete(nameOf(key, limit));
      }
    },
  };
}

interface Limiter {
  /** Seconds until the window ends if it is full. */
  wait(key: string): Promise<number>;
  /** Counts one; seconds until the window ends if it was already full. */
  count(key: string): Promise<number>;
  takeBack(key: string): Promise<void>;
  forget(key: string): Promise<void>;
}

function limiter(where: Where, prefix: string, points: number, duration: number): Limiter {
  const insuranceLimiter = new RateLimiterMemory({ keyPrefix: prefix, points, duration });
  const counts = new StoreLimiter(where, { keyPrefix: prefix, points, duration, insuranceLimiter });
  const seconds = (result: RateLimiterRes): number => Math.max(1, Math.ceil(result.msBeforeNext / 1000));
  return {
    async wait(key) {
      const result = await counts.get(key);
      return result !== null && result.consumedPoints >= points ? seconds(result) : 0;
    },
    async count(key) {
      try {
        await counts.consume(key);
        return 0;
      } catch (result) {
        if (result instanceof RateLimiterRes) return seconds(result);
        throw result;
      }
    },
    takeBack: async (key) => void (await counts.reward(key)),
    forget: async (key) => void (await counts.delete(key)),
  };
}

interface Count {
  readonly points: number;
  /** Milliseconds since the epoch. */
  readonly end: number;
}

class StoreLimiter extends RateLimiterStoreAbstract<Count> {
  readonly #where: Where;
  /** The last change under way of each key: in one process they queue instead of racing. */
  readonly #last = new Map<string, Promise<Count>>();

  constructor(where: Where, options: ConstructorParameters<typeof RateLimiterStoreAbstract>[0]) {
    super(options);
    this.#where = where;
  }

  protected async _get(key: string): Promise<Count | null> {
    const entry = await this.#where.store.get(kind, key);
    return entry === undefined ? null : readCount(entry);
  }

  protected async _delete(key: string): Promise<boolean> {
    const entry = await this.#where.store.get(kind, key);
    return entry !== undefined && (await this.#where.store.commit([{ do: "remove", entry }]));
  }

  protected _upsert(key: string, points: number, milliseconds: number, anew: boolean): Promise<Count> {
    const change = (): Promise<Count> => this.#change(key, points, milliseconds, anew);
    const mine = this.#last.get(key)?.then(change, change) ?? change();
    this.#last.set(key, mine);
    return mine.finally(() => {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    });
  }

  async #change(key: string, points: number, milliseconds: number, anew: boolean): Promise<Count> {
    const { store, now } = this.#where;
    for (let tries = 0; tries < 20; tries++) {
      const seen = await store.get(kind, key);
      const before = seen === undefined || anew ? { points: 0, end: now() + milliseconds } : readCount(seen);
      const after = { points: Math.max(0, before.points + points), end: before.end };
      const entry = {
        kind,
        id: key,
        version: seen?.version ?? 1,
        expiresAt: after.end,
        data: { points: after.points },
      };
      if (await store.commit([{ do: seen === undefined ? "insert" : "replace", entry }])) return after;
    }
    // Lost to many other processes at once: the memory counts this one.
    throw new Error("too many attempts were counted at the same time");
  }

  protected _getRateLimiterRes(_key: string, changed: number, count: Count): RateLimiterRes {
    const left = Math.max(0, count.end - this.#where.now());
    return new RateLimiterRes(Math.max(0, this.points - count.points), left, count.points, count.points === changed);
  }
}

function readCount(entry: Entry): Count {
  const { points } = entry.data as { readonly points: number };
  return { points, end: entry.expiresAt ?? 0 };
}

/** Spellings that may mean one account count together: an address has its canonical form, anything else is folded. */
function spelling(name: string): string {
  const start = name.slice(0, 1024);
  return readEmail(start) ?? start.normalize("NFKC").trim().toLowerCase().normalize("NFKC");
}

function digest(text: string): string {
  return hash("sha256", text, "base64url");
}
