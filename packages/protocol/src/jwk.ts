/**
 * JSON Web Keys as others publish or register them: their shape, and which are too weak or too odd to use.
 *
 * RFC 7517 §4 and §5, RFC 7518 §6, RFC 8037 §2, RFC 8725 §3.2 and §3.5.
 * Guarantees that a key set that passed holds public signature or encryption keys only, of at least 112 bits of strength.
 */
import { fromBase64url } from "./digest.ts";
import { invalidClientMetadata } from "./errors.ts";

/** A key; which of the members are present depends on `kty`. */
export interface Jwk {
  readonly kty: string;
  readonly kid?: string;
  readonly alg?: string;
  readonly use?: string;
  readonly key_ops?: readonly string[];
  readonly crv?: string;
  readonly x?: string;
  readonly y?: string;
  readonly n?: string;
  readonly e?: string;
  readonly d?: string;
  readonly [member: string]: unknown;
}

/** A signing key, with the public half to publish. `kid` is the RFC 7638 thumbprint. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: JwsAlgorithm;
  readonly publicJwk: Jwk;
  readonly privateJwk: Jwk;
}

/** A set of keys (RFC 7517 §5). */
export interface JwkSet {
  readonly keys: readonly Jwk[];
}

/** Signature algorithms we sign with or accept. All are asymmetric: a shared secret never verifies a token here. */
export const jwsAlgorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
  // Where the runtime has them (FIPS 204).
  "ML-DSA-44",
  "ML-DSA-65",
  "ML-DSA-87",
] as const;
export type JwsAlgorithm = (typeof jwsAlgorithms)[number];

/** Key management and content encryption we use and accept in tokens of others (RFC 7518 §4.1 and §5.1). */
export const jweAlgorithms = ["RSA-OAEP-256", "RSA-OAEP", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"] as const;
export const jweEncryptions = ["A128GCM", "A256GCM", "A128CBC-HS256", "A256CBC-HS512"] as const;
export type JweAlgorithm = (typeof jweAlgorithms)[number];
export type JweEncryption = (typeof jweEncryptions)[number];

const privateMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];
const coordinateBytes: Readonly<Record<string, number>> = { "P-256": 32, "P-384": 48, "P-521": 66 };
/** Bytes of a public key (FIPS 204 §4). */
const latticeBytes: Readonly<Record<string, number>> = { "ML-DSA-44": 1312, "ML-DSA-65": 1952, "ML-DSA-87": 2592 };
const curveOf: Readonly<Record<string, string>> = { ES256: "P-256", ES384: "P-384", ES512: "P-521" };

/** Tells whether a key could verify a signature of this algorithm: type and curve fit, and nothing in it says otherwise. */
export function suitsAlgorithm(jwk: Jwk, alg: string): boolean {
  if (jwk.alg !== undefined && jwk.alg !== alg) return false;
  if (jwk.use !== undefined && jwk.use !== "sig") return false;
  if (jwk.key_ops !== undefined && !jwk.key_ops.includes("verify")) return false;
  return fitsKeyType(jwk, alg);
}

/** Tells whether one of our keys could decrypt what was encrypted with this algorithm. */
export function decrypts(jwk: Jwk, alg: JweAlgorithm): boolean {
  if (jwk.use === "sig" || (jwk.alg !== undefined && jwk.alg !== alg)) return false;
  return alg.startsWith("RSA") ? jwk.kty === "RSA" : jwk.kty === "EC" || jwk.kty === "OKP";
}

function fitsKeyType(jwk: Jwk, alg: string): boolean {
  if (/^[RP]S(256|384|512)$/.test(alg)) return jwk.kty === "RSA";
  if (alg === "EdDSA" || alg === "Ed25519") return jwk.kty === "OKP" && jwk.crv === "Ed25519";
  if (alg.startsWith("ML-DSA-")) return jwk.kty === "AKP" && jwk.alg === alg;
  return curveOf[alg] !== undefined && jwk.kty === "EC" && jwk.crv === curveOf[alg];
}

/** Checks one public key; refuses private, symmetric, weak, odd or self-contradicting ones as `invalid_client_metadata`. */
export function checkPublicJwk(jwk: unknown): asserts jwk is Jwk {
  const problem = problemOf(jwk);
  if (problem !== undefined) throw invalidClientMetadata(`a key in jwks ${problem}`);
}

/** Checks a set of 1 to 100 public keys; refuses anything else as `invalid_client_metadata`. */
export function checkJwks(jwks: unknown): asserts jwks is JwkSet {
  if (typeof jwks !== "object" || jwks === null || !("keys" in jwks) || !Array.isArray(jwks.keys)) {
    throw invalidClientMetadata("jwks must be an object with an array of keys");
  }
  if (jwks.keys.length === 0) throw invalidClientMetadata("jwks must hold at least one key");
  if (jwks.keys.length > 100) throw invalidClientMetadata("jwks must not hold more than 100 keys");
  // By index: a hole in a sparse array is a missing key too.
  for (let at = 0; at < jwks.keys.length; at++) checkPublicJwk(jwks.keys[at]);
}

function problemOf(jwk: unknown): string | undefined {
  if (typeof jwk !== "object" || jwk === null || Array.isArray(jwk)) return "must be an object";
  const key = jwk as Record<string, unknown>;
  if (privateMembers.some((member) => member in key)) return "must not have private or symmetric members";
  for (const member of ["kid", "alg", "use"]) {
    const value = key[member];
    if (value !== undefined && (typeof value !== "string" || value === "" || value.length > 256))
      return `has a malformed ${member}`;
  }
  const operations = key.key_ops;
  if (operations !== undefined && !(Array.isArray(operations) && operations.every((one) => typeof one === "string"))) {
    return "has malformed key_ops";
  }
  const material = materialProblem(key);
  if (material !== undefined) return material;
  const { alg } = key;
  // RFC 8725 §3.1: one key, one algorithm. An encryption algorithm (RSA-OAEP, ECDH-ES) is none of ours to judge.
  const signs =
    typeof alg === "string" &&
    (/^([RPE]S|HS)\d/.test(alg) || /^(Ed|ML-DSA-)/.test(alg) || alg.toLowerCase() === "none");
  return signs && !fitsKeyType(key as Jwk, alg) ? "has an alg that does not fit its type" : undefined;
}

function materialProblem(key: Record<string, unknown>): string | undefined {
  if (key.kty === "RSA") {
    const n = bytesOf(key.n);
    const e = bytesOf(key.e);
    if (n === undefined || e === undefined) return "has a malformed modulus or exponent";
    const bits = bitLength(n);
    if (bits < 2048) return "is an RSA key of less than 2048 bits";
    // The cost of a verification grows with the square of the size.
    if (bits > 8192) return "is an RSA key of more than 8192 bits";
    const exponent = e.length <= 4 ? e.reduce((value, byte) => value * 256 + byte, 0) : 0;
    if (exponent < 65537 || exponent % 2 === 0 || ((n.at(-1) ?? 0) & 1) === 0)
      return "is an RSA key with an unsafe exponent";
    return undefined;
  }
  const { crv } = key;
  if (key.kty === "EC") {
    const size = typeof crv === "string" && Object.hasOwn(coordinateBytes, crv) ? coordinateBytes[crv] : undefined;
    if (size === undefined) return "is on a curve that is not supported";
    return bytesOf(key.x)?.length === size && bytesOf(key.y)?.length === size ? undefined : "has malformed coordinates";
  }
  if (key.kty === "OKP") {
    if (crv !== "Ed25519" && crv !== "X25519") return "is on a curve that is not supported";
    return bytesOf(key.x)?.length === 32 ? undefined : "has a malformed x";
  }
  // draft-ietf-cose-dilithium §3: such a key names its algorithm.
  if (key.kty === "AKP") {
    const size =
      typeof key.alg === "string" && Object.hasOwn(latticeBytes, key.alg) ? latticeBytes[key.alg] : undefined;
    if (size === undefined) return "has no alg that is supported for its type";
    return bytesOf(key.pub)?.length === size ? undefined : "has a malformed pub";
  }
  return "is of a type that is not supported";
}

const bytesOf = (value: unknown) =>
  typeof value === "string" && value.length < 4096 ? fromBase64url(value) : undefined;

function bitLength(bytes: Uint8Array): number {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? 0 : (bytes.length - first) * 8 - (Math.clz32(bytes[first] ?? 0) - 24);
}
