/**
 * Makes and checks OAuth 1.0a signatures, over WebCrypto.
 *
 * RFC 5849 §3.4.2 (HMAC), §3.4.3 (RSA: RSASSA-PKCS1-v1_5 of RFC 8017 §8.2), §3.4.4 (PLAINTEXT). The SHA-256 methods are
 * the same two with the newer hash, as providers and libraries have agreed on.
 * Guarantees that a method only ever meets its own kind of key: a public key cannot be taken for a shared secret, because the
 * method is chosen with the key and not by the request.
 */
import { type Bytes, base64url, constantTimeEqual, fromBase64url } from "../digest.ts";
import type { Jwk } from "../jwk.ts";
import { percentEncode } from "./parameters.ts";

export const signatureMethods = ["HMAC-SHA1", "HMAC-SHA256", "RSA-SHA1", "RSA-SHA256", "PLAINTEXT"] as const;
export type SignatureMethod = (typeof signatureMethods)[number];

/** Methods whose key is the client's secret and, once there is one, the token's. */
export interface SharedSecrets {
  readonly signature_method: "HMAC-SHA1" | "HMAC-SHA256" | "PLAINTEXT";
  readonly client_secret: string;
  readonly token_secret?: string | undefined;
}

/** Methods with a key pair; the token's secret takes no part in them. `Key` is the private or the public half. */
export interface RsaKey {
  readonly signature_method: "RSA-SHA1" | "RSA-SHA256";
  readonly key: Jwk;
}

export type SignatureKey = SharedSecrets | RsaKey;

const hashOf = (method: SignatureMethod): string => (method.endsWith("SHA256") ? "SHA-256" : "SHA-1");

/** Signs a base string: the value of `oauth_signature`, not yet percent-encoded. A key that does not fit is a `TypeError`. */
export async function sign(baseString: string, credentials: SignatureKey): Promise<string> {
  if ("key" in credentials) {
    const key = await importRsa(credentials, "sign");
    return base64(new Uint8Array(await crypto.subtle.sign("RSASSA-PKCS1-v1_5", key, utf8(baseString))));
  }
  const secrets = joinSecrets(credentials);
  if (credentials.signature_method === "PLAINTEXT") return secrets;
  const algorithm = { name: "HMAC", hash: hashOf(credentials.signature_method) };
  const key = await crypto.subtle.importKey("raw", utf8(secrets), algorithm, false, ["sign"]);
  return base64(new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8(baseString))));
}

/** Tells whether a signature is right; secrets are compared in constant time. A malformed signature is wrong, not an error. */
export async function verify(baseString: string, credentials: SignatureKey, signature: string): Promise<boolean> {
  if (!("key" in credentials)) return constantTimeEqual(await sign(baseString, credentials), signature);
  const bytes = fromBase64(signature);
  if (bytes === undefined) return false;
  const key = await importRsa(credentials, "verify");
  return crypto.subtle.verify("RSASSA-PKCS1-v1_5", key, bytes, utf8(baseString));
}

// §3.4.2: the ampersand is there even if both secrets are empty.
const joinSecrets = ({ client_secret, token_secret = "" }: SharedSecrets): string =>
  `${percentEncode(client_secret)}&${percentEncode(token_secret)}`;

async function importRsa({ key, signature_method }: RsaKey, use: "sign" | "verify"): Promise<CryptoKey> {
  const { kty, n, e, d, p, q, dp, dq, qi } = key;
  if (kty !== "RSA" || n === undefined || e === undefined || (use === "sign" && d === undefined)) {
    throw new TypeError(`${signature_method} needs ${use === "sign" ? "a private" : "an"} RSA key`);
  }
  // Without alg, use and key_ops: they speak of JOSE, and WebCrypto would refuse an RS256 key for SHA-1.
  const parts = Object.entries(use === "sign" ? { n, e, d, p, q, dp, dq, qi } : { n, e });
  const bare = Object.fromEntries(parts.filter(([, value]) => typeof value === "string"));
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: hashOf(signature_method) };
  try {
    return await crypto.subtle.importKey("jwk", { kty, ...bare }, algorithm, false, [use]);
  } catch (cause) {
    throw new TypeError(`${signature_method}: the key is not a usable RSA key`, { cause });
  }
}

const utf8 = (text: string): Bytes => new TextEncoder().encode(text);

function base64(bytes: Bytes): string {
  const text = base64url(bytes).replaceAll("-", "+").replaceAll("_", "/");
  return text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}

function fromBase64(text: string): Bytes | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.length % 4 !== 0) return undefined;
  return fromBase64url(text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""));
}
