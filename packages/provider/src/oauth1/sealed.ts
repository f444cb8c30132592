/**
 * Secrets of OAuth 1.0a as they are kept: encrypted, because a signature can only be checked with the secret itself (RFC 5849 §4.5).
 *
 * The key is derived from the server's secret, so a copy of the database alone signs nothing.
 */
import { type Bytes, hkdf } from "@valetkey/protocol/digest";
import { decryptText, encryptText, JwtError } from "@valetkey/protocol/jose";
import { KeysUnreadable } from "../keys.ts";
import type { Op } from "../op.ts";

/** Encrypts. */
export async function seal(op: Pick<Op, "secrets">, text: string): Promise<string> {
  return encryptText(await keyFrom(op.secrets[0]), text);
}

/** Decrypts with whichever of the server's secrets it was. Throws `KeysUnreadable` when it was none of them. */
export async function unseal(op: Pick<Op, "secrets">, sealed: string): Promise<string> {
  try {
    return await decryptText(await Promise.all(op.secrets.map(keyFrom)), sealed);
  } catch (cause) {
    if (!(cause instanceof JwtError)) throw cause;
    throw new KeysUnreadable("the secret of a token cannot be decrypted with any of the server's secrets", { cause });
  }
}

const keyFrom = (secret: string): Promise<Bytes> => hkdf(secret, "valetkey oauth1 secrets", 32);
