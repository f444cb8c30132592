/**
 * What we hand out and later recognise: random tokens, time-ordered ids, and handles made of both.
 *
 * A handle is `vk_<kind>_`, an id of 26 characters (48 bits of time, 80 random bits), a secret of 32 base64url characters
 * (192 bits) and a checksum of 6 characters, so that secret scanners can tell one without asking us. RFC 6749 §10.10.
 * Guarantees that what is stored (id and digest) is not enough to rebuild the handle.
 */
import { base64url, constantTimeEqual, hmacSha256, sha256Base64url } from "./digest.ts";
import { randomBytes } from "./lib/entropy.ts";

/** A handle as born: the text for the client, and the id and digest to store. */
export interface Handle {
  readonly kind: string;
  /** Key of the entry; sorts by time of creation. */
  readonly id: string;
  /** The whole text; given out once, never stored. */
  readonly handle: string;
  /** SHA-256 of the secret part, base64url. */
  readonly digest: string;
}

const crockford = "0123456789abcdefghjkmnpqrstvwxyz";
const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const idLength = 26;
const secretLength = 32;
const checksumLength = 6;

/** Draws `bytes` random bytes and writes them as base64url: 32 bytes are 43 characters. */
export function randomToken(bytes = 32): string {
  return base64url(randomBytes(bytes));
}

/** Creates an id of 26 lower-case characters; ids of different milliseconds sort by time. `now` in milliseconds. */
export function createId(now: number): string {
  if (!Number.isSafeInteger(Math.trunc(now)) || now < 0 || now >= 2 ** 48) throw new RangeError(`not a time: ${now}`);
  const codes = new Array<number>(idLength);
  for (let rest = Math.trunc(now), at = 9; at >= 0; at--, rest = Math.floor(rest / 32))
    codes[at] = crockford.charCodeAt(rest % 32);
  // 256 is a multiple of 32: five bits of each byte are unbiased.
  const bytes = randomBytes(idLength - 10);
  for (let at = 10; at < idLength; at++) codes[at] = crockford.charCodeAt((bytes[at - 10] ?? 0) & 31);
  // In one piece: texts put together from characters are taken apart again by whoever stores them.
  return String.fromCharCode(...codes);
}

/** Creates a handle with a fresh id and secret. `kind` is lower-case letters, digits and `-`. */
export async function createHandle(kind: string, now: number): Promise<Handle> {
  return assemble(kind, createId(now), randomToken(24));
}

/**
 * Derives the one handle that belongs to this id, key and message: its secret is HMAC-SHA-256(key, message) cut to 24 bytes.
 * A handle that must be given out a second time can thus be computed again instead of being stored in the clear.
 */
export async function deriveHandle(kind: string, id: string, key: string, message: string): Promise<Handle> {
  return assemble(kind, id, base64url((await hmacSha256(key, message)).subarray(0, 24)));
}

/** Reads a handle of this kind; nothing if the form, the alphabet or the checksum is wrong. Never throws. */
export function readHandle(text: string, kind: string): { id: string; secret: string } | undefined {
  const prefix = `vk_${kind}_`;
  if (text.length !== prefix.length + idLength + secretLength + checksumLength || !text.startsWith(prefix))
    return undefined;
  const body = text.slice(0, -checksumLength);
  const id = body.slice(prefix.length, prefix.length + idLength);
  const secret = body.slice(-secretLength);
  // The time is 48 bits in 50: the first character is at most 7.
  if (!/^[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(id) || !/^[A-Za-z0-9_-]{32}$/.test(secret)) return undefined;
  return checksumOf(body) === text.slice(-checksumLength) ? { id, secret } : undefined;
}

/** Hashes a secret for storage: SHA-256, base64url. Meant for secrets of high entropy, not for passwords. */
export async function digestOf(secret: string): Promise<string> {
  return sha256Base64url(secret);
}

/** Compares a secret with a stored digest in constant time. */
export async function matchesDigest(secret: string, digest: string): Promise<boolean> {
  return constantTimeEqual(await digestOf(secret), digest);
}

async function assemble(kind: string, id: string, secret: string): Promise<Handle> {
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(kind)) throw new TypeError(`not a kind of handle: ${kind}`);
  if (!/^[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(id)) throw new TypeError(`not an id: ${id}`);
  const body = `vk_${kind}_${id}${secret}`;
  return { kind, id, handle: body + checksumOf(body), digest: await digestOf(secret) };
}

const crcTable: readonly number[] = Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc >>> 0;
});

/** CRC-32 (ISO 3309) of ASCII text in 6 base-62 digits. */
function checksumOf(text: string): string {
  let crc = 0xffffffff;
  for (let at = 0; at < text.length; at++) crc = (crc >>> 8) ^ (crcTable[(crc ^ text.charCodeAt(at)) & 255] ?? 0);
  let rest = (crc ^ 0xffffffff) >>> 0;
  let digits = "";
  for (let count = 0; count < checksumLength; count++, rest = Math.floor(rest / 62))
    digits = base62.charAt(rest % 62) + digits;
  return digits;
}
