/**
 * User codes: what a device shows and a person types (RFC 8628 §3.2, §5.1, §6.1).
 *
 * A code is derived from the device's entry and the server's secret, and found again by a MAC: the store alone gives away none.
 * Guarantees 20^8 codes of eight letters that spell no words, and one reading whatever the case, the blanks and the dashes.
 */
import { base64url, hmacSha256 } from "@valetkey/protocol/digest";
import { find, type Known } from "./entries.ts";
import type { Op } from "./op.ts";

/** §6.1: no vowels, nothing that looks like a digit. */
const alphabet = "BCDFGHJKLMNPQRSTVWXZ";
const length = 8;

/** The code of the device with this id, as it is shown: `BDWP-HQPK`. */
async function userCodeOf(secret: string, device: string): Promise<string> {
  return spellUserCode(await hmacSha256(secret, `valetkey user code ${device}`));
}

/** Spells at least 20 random bytes as a code for people to type. */
export function spellUserCode(bytes: Uint8Array): string {
  // 160 bits: what the remainder is off by is nothing.
  let rest = [...bytes.subarray(0, 20)].reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  let letters = "";
  for (const base = BigInt(alphabet.length); letters.length < length; rest /= base)
    letters += alphabet.charAt(Number(rest % base));
  return `${letters.slice(0, length / 2)}-${letters.slice(length / 2)}`;
}

/** Id of the entry a code is found by. */
async function idOf(secret: string, user_code: string): Promise<string> {
  return base64url(await hmacSha256(secret, `valetkey user code index ${user_code}`));
}

/** Makes the code of a new device, and the id under which it is kept. Two devices may get the same: then the ids are the same. */
export async function makeUserCode(
  op: Pick<Op, "secrets">,
  device: string,
): Promise<{ user_code: string; id: string }> {
  const [secret] = op.secrets;
  const user_code = await userCodeOf(secret, device);
  return { user_code, id: await idOf(secret, user_code) };
}

/** Makes the code of a device again; nothing if the secret it was made with is gone. */
export async function sameUserCode(op: Pick<Op, "secrets" | "store">, device: string): Promise<string | undefined> {
  for (const secret of op.secrets) {
    const user_code = await userCodeOf(secret, device);
    if ((await find(op.store, "user-code", await idOf(secret, user_code)))?.data.device === device) return user_code;
  }
  return undefined;
}

/** Reads what somebody typed; nothing if it can be no code. Only ASCII counts as a letter: no other folds into one. */
export function readUserCode(typed: string): string | undefined {
  // Keyboards make other dashes and blanks of those that were typed.
  const letters = typed.slice(0, 64).replace(/[\s\p{Pd}._]/gu, "");
  if (!/^[A-Za-z]{8}$/.test(letters)) return undefined;
  const upper = letters.toUpperCase();
  return `${upper.slice(0, length / 2)}-${upper.slice(length / 2)}`;
}

/** Finds the device that shows a code. What is unknown takes as long as what is known. */
export async function findDevice(
  op: Pick<Op, "secrets" | "store">,
  user_code: string | undefined,
): Promise<Known<"device"> | undefined> {
  let device = "none";
  for (const secret of op.secrets) {
    const known = await find(op.store, "user-code", await idOf(secret, user_code ?? ""));
    if (known !== undefined) ({ device } = known.data);
  }
  return find(op.store, "device", device);
}
