/**
 * Signatures made and checked where one stands, by Node's own crypto: WebCrypto sends each through a pool of threads, and for the
 * quick algorithms the way there and back costs as much as the work.
 *
 * RFC 7518 §3.3 to §3.5, RFC 8037 §3.1. Guarantees that what is unusual (no Node, a slow algorithm, an odd key) is left alone:
 * then there is no key here, and `jose` decides.
 */

import type { Jwk, JwsAlgorithm } from "../jwk.ts";
import { type How, type KeyHere, node } from "./node-crypto.ts";

/** `RSA_PKCS1_PSS_PADDING`. */
const pss = 6;
const quickToSign: readonly JwsAlgorithm[] = ["ES256", "EdDSA", "Ed25519"];
const quickToCheck: readonly string[] = [...quickToSign, "RS256", "PS256"];

/** A private key for `signHere`; nothing if this is not the place to sign with it. */
export function signingKeyHere(jwk: Jwk, alg: string): KeyHere | undefined {
  if (!("d" in jwk) || !(quickToSign as readonly string[]).includes(alg)) return undefined;
  try {
    const key = node?.createPrivateKey({ key: jwk, format: "jwk" });
    return key !== undefined && isUsual(key, alg) ? key : undefined;
  } catch {
    return undefined;
  }
}

/** A public key for `checkHere`; nothing if this is not the place to check with it. */
export function checkingKeyHere(jwk: Jwk, alg: string): KeyHere | undefined {
  if ("d" in jwk || !quickToCheck.includes(alg)) return undefined;
  try {
    const key = node?.createPublicKey({ key: jwk, format: "jwk" });
    return key !== undefined && isUsual(key, alg) ? key : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a key is what the algorithm means. */
function isUsual({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyHere, alg: string): boolean {
  if (alg === "ES256") return asymmetricKeyType === "ec" && asymmetricKeyDetails.namedCurve === "prime256v1";
  if (alg.startsWith("Ed")) return asymmetricKeyType === "ed25519";
  // The cost of a check grows with modulus and exponent, and everybody else waits for it.
  const { modulusLength = 0, publicExponent } = asymmetricKeyDetails;
  return asymmetricKeyType === "rsa" && modulusLength >= 2048 && modulusLength <= 4096 && publicExponent === 65537n;
}

/** Signs; nothing if that cannot be done here. `alg` is the one the key was made for. */
export function signHere(key: KeyHere, alg: string, text: Uint8Array): Uint8Array | undefined {
  try {
    const signature = node?.sign(digestOf(alg), text, howTo(key, alg));
    return alg === "ES256" ? signature && pairOf(signature) : signature;
  } catch {
    return undefined;
  }
}

/** Tells whether a signature is right; nothing if that cannot be told here. `alg` is the one the key was made for. */
export function checkHere(key: KeyHere, alg: string, text: Uint8Array, signature: Uint8Array): boolean | undefined {
  if (alg === "ES256" && signature.length !== 2 * half) return false;
  const given = alg === "ES256" ? sequenceOf(signature) : signature;
  try {
    return node?.verify(digestOf(alg), text, howTo(key, alg), given);
  } catch {
    return undefined;
  }
}

const digestOf = (alg: string) => (alg.startsWith("Ed") ? null : "sha256");

const howTo = (key: KeyHere, alg: string): How => (alg === "PS256" ? { key, padding: pss, saltLength: 32 } : key);

/** Bytes of each number of an ES256 signature. */
const half = 32;

// Node has an option for this (`ieee-p1363`), with which it takes twice as long to sign as without.

/** Writes the two numbers of an ECDSA signature side by side (RFC 7518 §3.4), that were in a DER sequence (RFC 3279 §2.2.3). */
function pairOf(sequence: Uint8Array): Uint8Array {
  const pair = new Uint8Array(2 * half);
  // 30 length 02 length … 02 length …, and no number is longer than 33 bytes.
  let at = 2;
  for (const end of [half, 2 * half]) {
    const length = sequence[at + 1] ?? 0;
    at += 2 + length;
    const number = sequence.subarray(at - Math.min(length, half), at);
    pair.set(number, end - number.length);
  }
  return pair;
}

function sequenceOf(pair: Uint8Array): Uint8Array {
  const sequence = new Uint8Array(2 + 2 * (3 + half));
  let at = 2;
  for (const end of [half, 2 * half]) {
    let from = end - half;
    while (from < end - 1 && pair[from] === 0) from++;
    // A leading bit of 1 would make it negative: a zero goes before it, which is there already.
    const zero = (pair[from] ?? 0) < 128 ? 0 : 1;
    sequence[at] = 2;
    sequence[at + 1] = zero + end - from;
    sequence.set(pair.subarray(from, end), at + 2 + zero);
    at += 2 + zero + end - from;
  }
  sequence[0] = 0x30;
  sequence[1] = at - 2;
  return sequence.subarray(0, at);
}
