/**
 * Passwords: hashed by argon2id, written as PHC strings, a bounded number at a time.
 *
 * Parameters as the OWASP Password Storage Cheat Sheet asks at least: 19 MiB, 2 passes, 1 lane. The one property: every
 * character of a password counts (nothing is cut off), and a flood of attempts waits in a short queue or is turned away.
 */
import { argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { DirectoryError } from "./directory.ts";

interface Cost {
  /** KiB. */
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
}

const current: Cost = { memory: 19_456, passes: 2, parallelism: 1 };

/** Bytes of UTF-8. What is longer is neither hashed nor normalised. */
export const longestPassword = 4_096;

export interface Passwords {
  /** Resolves to a PHC string. Throws `DirectoryError` `busy`. */
  hash(password: string): Promise<string>;
  /** Compares; without a stored hash it does the same work and says no. Throws `DirectoryError` `busy`. */
  verify(password: string, stored: string | undefined): Promise<boolean>;
}

/** Makes the queue: `concurrency` hashes at a time in Node's thread pool, at most `waiting` behind them. */
export function passwords({ concurrency = 2, waiting = 40 } = {}): Passwords {
  const queue: (() => void)[] = [];
  let running = 0;
  const turn = async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= concurrency) {
      if (queue.length >= waiting) throw new DirectoryError("busy", "Too many are signing in right now. Try again.");
      // The one who leaves hands over the place: `running` stays.
      await new Promise<void>((resolve) => queue.push(resolve));
    } else running++;
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next) next();
      else running--;
    }
  };
  const nobody = phc(current, randomBytes(16), randomBytes(32));

  return {
    hash: (password) =>
      turn(async () => {
        const salt = randomBytes(16);
        return phc(current, salt, await derive(password, salt, current, 32));
      }),
    verify: (password, stored) =>
      turn(async () => {
        const { cost, salt, hash } = readPhc(stored ?? nobody);
        const same = timingSafeEqual(await derive(password, salt, cost, hash.length), hash);
        return same && stored !== undefined;
      }),
  };
}

/** Says whether a stored hash costs less than what we make now: then it is made anew at the next sign-in. */
export function isOutdated(stored: string): boolean {
  const { cost } = readPhc(stored);
  return cost.memory < current.memory || cost.passes < current.passes;
}

/** Says whether a text may be hashed at all: short enough, and no lone surrogates, which UTF-8 would make equal. */
export function isHashable(password: string): boolean {
  // A UTF-16 unit is at most three bytes; the first comparison keeps huge texts from being encoded.
  return (
    password.length <= longestPassword &&
    password.isWellFormed() &&
    Buffer.byteLength(password, "utf8") <= longestPassword
  );
}

function derive(password: string, salt: Buffer, cost: Cost, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // The same letters typed on another system may be composed differently (NFC, as RFC 8265 §4.2.2 does).
    const message = Buffer.from(password.normalize("NFC"), "utf8");
    argon2("argon2id", { message, nonce: salt, tagLength: length, ...cost }, (error, hash) =>
      error ? reject(error) : resolve(hash),
    );
  });
}

function phc({ memory, passes, parallelism }: Cost, salt: Buffer, hash: Buffer): string {
  const text = (bytes: Buffer) => bytes.toString("base64").replaceAll("=", "");
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${text(salt)}$${text(hash)}`;
}

function readPhc(stored: string): { cost: Cost; salt: Buffer; hash: Buffer } {
  const parts =
    /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/.exec(
      stored,
    );
  if (!parts) throw new Error("A stored password hash is not an argon2id PHC string.");
  const [, m, t, p, salt = "", hash = ""] = parts;
  return {
    cost: { memory: Number(m), passes: Number(t), parallelism: Number(p) },
    salt: Buffer.from(salt, "base64"),
    hash: Buffer.from(hash, "base64"),
  };
}
