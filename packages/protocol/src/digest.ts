/**
 * Hashes, keyed hashes and their encoding: over WebCrypto, and over Node's own hashes where they are at hand.
 *
 * FIPS 180-4 (SHA-256), RFC 2104 (HMAC), RFC 5869 (HKDF), RFC 4648 §5 (base64url).
 * Guarantees that base64url has one spelling per value here: padding, foreign characters and stray bits are refused.
 */

import { node } from "./lib/node-crypto.ts";

/** Bytes on their own buffer, as WebCrypto takes them. */
export type Bytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();

/** Node's encoder, where it is at hand: it does in one step what takes four. */
const buffers = (globalThis as { Buffer?: Buffers }).Buffer;

interface Buffers {
  from(bytes: ArrayBufferLike, start: number, length: number): { toString(encoding: "base64url"): string };
  from(text: string, encoding: "base64url"): Uint8Array;
}

const bytesOf = (value: string | Bytes): Bytes => (typeof value === "string" ? encoder.encode(value) : value);

/** Hashes a text (as UTF-8) or bytes with SHA-256: 32 bytes. */
export async function sha256(value: string | Bytes): Promise<Bytes> {
  if (node !== undefined) return new Uint8Array(node.hash("sha256", value, "buffer"));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytesOf(value)));
}

/** Hashes like `sha256` and writes the hash as base64url. */
export async function sha256Base64url(value: string | Bytes): Promise<string> {
  return node === undefined ? base64url(await sha256(value)) : node.hash("sha256", value, "base64url");
}

/** Computes HMAC-SHA-256 of a text under a key: 32 bytes. An empty key is refused with a `TypeError`. */
export async function hmacSha256(key: string | Bytes, text: string): Promise<Bytes> {
  if (key.length === 0) throw new TypeError("an HMAC key must not be empty");
  if (node !== undefined) return new Uint8Array(node.createHmac("sha256", key).update(text).digest());
  const imported = await crypto.subtle.importKey("raw", bytesOf(key), { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, encoder.encode(text)));
}

/** Derives `bytes` bytes for the purpose `info` from a secret of high entropy: HKDF-SHA-256 without salt. */
export async function hkdf(secret: string | Bytes, info: string, bytes: number): Promise<Bytes> {
  if (secret.length === 0) throw new TypeError("the secret to derive from must not be empty");
  const key = await crypto.subtle.importKey("raw", bytesOf(secret), "HKDF", false, ["deriveBits"]);
  const parameters = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: encoder.encode(info) };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, bytes * 8));
}

/** Writes bytes as base64url without padding. */
export function base64url(bytes: Uint8Array): string {
  if (buffers !== undefined) return buffers.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64url");
  let binary = "";
  // fromCharCode takes its input as arguments: chunks keep it off the stack limit.
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Reads base64url; nothing for padding, other characters, an impossible length or bits that encode nothing. */
export function fromBase64url(text: string): Bytes | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return undefined;
  // One value, one spelling (RFC 4648 §3.5): the last character may not carry bits beyond the last byte.
  const spare = text.length % 4 === 2 ? "AQgw" : text.length % 4 === 3 ? "AEIMQUYcgkosw048" : undefined;
  if (spare?.includes(text.charAt(text.length - 1)) === false) return undefined;
  if (buffers !== undefined) return new Uint8Array(buffers.from(text, "base64url"));
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

/** Compares two texts or two byte strings in a time that depends on their lengths only. */
export function constantTimeEqual(a: string | Uint8Array, b: string | Uint8Array): boolean {
  let difference = 0;
  if (typeof a === "string" && typeof b === "string") {
    if (a.length !== b.length) return false;
    for (let at = 0; at < a.length; at++) difference |= a.charCodeAt(at) ^ b.charCodeAt(at);
    return difference === 0;
  }
  const left = typeof a === "string" ? encoder.encode(a) : a;
  const right = typeof b === "string" ? encoder.encode(b) : b;
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at++) difference |= (left[at] ?? 0) ^ (right[at] ?? 0);
  return difference === 0;
}
