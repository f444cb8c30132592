/**
 * JWTs under a shared secret. Apart from all others, so that no verification of a signature can ever take a secret for a key.
 *
 * RFC 7515 Appendix A.1, RFC 7518 §3.2 (the secret is at least as long as the hash), RFC 8725 §2.1 and §3.5.
 * Used for `client_secret_jwt` alone (OpenID Connect Core §9). Guarantees that a short secret neither signs nor verifies.
 */
import { base64url, fromBase64url } from "./digest.ts";
import { decodeUnverified, type JwtClaims, JwtError } from "./jose.ts";
import { checkClaims, type JwtChecks, normalTyp } from "./jwt-claims.ts";

export const hmacAlgorithms = ["HS256", "HS384", "HS512"] as const;
export type HmacAlgorithm = (typeof hmacAlgorithms)[number];

/** Signs claims with a secret. A secret shorter than the hash (32, 48 or 64 bytes of UTF-8) is a `TypeError`. */
export async function signJwtWithSecret(
  claims: Readonly<Record<string, unknown>>,
  options: { readonly secret: string; readonly alg: HmacAlgorithm; readonly typ?: string },
): Promise<string> {
  const { secret, alg, typ } = options;
  const part = (value: unknown) => base64url(new TextEncoder().encode(JSON.stringify(value)));
  const text = `${part({ alg, ...(typ === undefined ? {} : { typ }) })}.${part(claims)}`;
  const key = await hmacKey(secret, alg, "sign");
  const signature = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(text));
  return `${text}.${base64url(new Uint8Array(signature))}`;
}

/** Verifies a JWT under a secret: form, algorithm, signature, type, claims; failures are `JwtError`, a short secret `TypeError`. */
export async function verifyJwtWithSecret(
  token: string,
  options: JwtChecks & {
    readonly secret: string;
    readonly algorithms: readonly HmacAlgorithm[];
    readonly typ?: string;
  },
): Promise<{ header: { readonly alg: string; readonly typ?: string }; claims: JwtClaims }> {
  const { secret, algorithms, typ } = options;
  const { header, claims } = decodeUnverified(token);
  const alg = algorithms.find((one) => one === header.alg);
  if (alg === undefined) throw new JwtError("algorithm", "the algorithm is not accepted here");
  if (typ !== undefined && normalTyp(header.typ) !== normalTyp(typ))
    throw new JwtError("typ", `the token is not of type ${typ}`);
  const key = await hmacKey(secret, alg, "verify");
  const dot = token.lastIndexOf(".");
  const signature = fromBase64url(token.slice(dot + 1));
  const text = new TextEncoder().encode(token.slice(0, dot));
  if (signature === undefined || !(await crypto.subtle.verify("HMAC", key, signature, text)))
    throw new JwtError("signature", "the signature does not verify");
  checkClaims(claims, options);
  return { header, claims };
}

async function hmacKey(secret: string, alg: HmacAlgorithm, use: "sign" | "verify"): Promise<CryptoKey> {
  if (!hmacAlgorithms.includes(alg)) throw new TypeError(`not an HMAC algorithm: ${alg}`);
  const bits = Number(alg.slice(2));
  const bytes = new TextEncoder().encode(secret);
  if (bytes.length * 8 < bits) {
    throw new TypeError(`a secret for ${alg} must have at least ${bits / 8} bytes, got ${bytes.length}`);
  }
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: `SHA-${bits}` }, false, [use]);
}
