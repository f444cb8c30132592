/**
 * JSON that only this application can read: encrypted with a key derived from its secret.
 *
 * Guarantees that what cannot be opened (damaged, foreign, under a forgotten secret) is nothing, never an exception.
 */
import type { Bytes } from "@valetkey/protocol/digest";
import { decryptText, encryptText, JwtError } from "@valetkey/protocol/jose";

/** Seals a value with the first of the keys. */
export async function seal(keys: readonly Bytes[], value: unknown): Promise<string> {
  const [current] = keys;
  if (current === undefined) throw new TypeError("there is no key to seal with");
  return encryptText(current, JSON.stringify(value));
}

/** Opens what `seal` made with any of the keys. The keys vouch for the shape: nobody else could have written it. */
export async function open<T>(keys: readonly Bytes[], sealed: string): Promise<T | undefined> {
  try {
    return JSON.parse(await decryptText(keys, sealed)) as T;
  } catch (e) {
    if (e instanceof JwtError) return undefined;
    throw e;
  }
}
