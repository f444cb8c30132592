/**
 * Signed and encrypted tokens. The one file that imports `jose`: nobody else depends on how it is done.
 *
 * RFC 7515 (JWS), RFC 7516 (JWE), RFC 7519 (JWT), RFC 7638 (thumbprints), RFC 8725 (what must be refused).
 * Guarantees that the algorithm is one the caller allowed and fits the key, and that no claim is believed before the signature.
 */
import * as jose from "jose";
import { type Bytes, base64url, fromBase64url, sha256 } from "./digest.ts";
import {
  decrypts,
  type JweAlgorithm,
  type JweEncryption,
  type Jwk,
  type JwkSet,
  type JwsAlgorithm,
  jweAlgorithms,
  jweEncryptions,
  jwsAlgorithms,
  type SigningKey,
  suitsAlgorithm,
} from "./jwk.ts";
import { checkClaims, type JwtChecks, type JwtClaims, JwtError, type JwtHeader, normalTyp } from "./jwt-claims.ts";
import { shapeOf } from "./lib/json-shape.ts";
import type { KeyHere } from "./lib/node-crypto.ts";
import { parseWithoutProto } from "./lib/parse-json.ts";
import { decodeUtf8 } from "./lib/read-body.ts";
import { checkHere, checkingKeyHere, signHere, signingKeyHere } from "./lib/signature-here.ts";
import type { KeyResolver } from "./remote-jwks.ts";

export type { JweAlgorithm, JweEncryption, Jwk, JwkSet, JwsAlgorithm, SigningKey } from "./jwk.ts";
export { type JwtClaims, JwtError, type JwtErrorCode, type JwtHeader } from "./jwt-claims.ts";
export { createRemoteJwks, JwksUnavailable, type KeyResolver, type RemoteJwksOptions } from "./remote-jwks.ts";

/** A key that WebCrypto has imported. */
export type ImportedKey = CryptoKey;

const maxToken = 65536;
const maxDepth = 20;
const maxCandidates = 4;

/**
 * Signs claims as a compact JWT. `typ` goes into the header as given, e.g. `"at+jwt"`; without it the header has none.
 * `jwk` puts the public key itself into the header, for the one kind of token that wants it (DPoP, RFC 9449 §4.2).
 */
export async function signJwt(
  claims: Readonly<Record<string, unknown>>,
  options: {
    readonly key: ImportedKey | Jwk;
    readonly alg: JwsAlgorithm;
    readonly kid?: string;
    readonly typ?: string;
    readonly jwk?: Jwk;
  },
): Promise<string> {
  const { key, alg, kid, typ, jwk } = options;
  if (!jwsAlgorithms.includes(alg)) throw new TypeError(`not an asymmetric signature algorithm: ${alg}`);
  const header = {
    alg,
    ...(typ === undefined ? {} : { typ }),
    ...(kid === undefined ? {} : { kid }),
    ...(jwk === undefined ? {} : { jwk: jwk as jose.JWK }),
  };
  const payload = encoder.encode(JSON.stringify(claims));
  const here = signingKeys.get(key);
  const signed = here?.alg === alg ? signedHere(here.key, alg, header, payload) : undefined;
  return signed ?? new jose.CompactSign(payload).setProtectedHeader(header).sign(key as jose.KeyInput);
}

/** RFC 7515 §7.1. Nothing: that is for `jose` to do. */
function signedHere(key: KeyHere, alg: string, header: object, payload: Uint8Array): string | undefined {
  const text = `${base64url(encoder.encode(JSON.stringify(header)))}.${base64url(payload)}`;
  const signature = signHere(key, alg, encoder.encode(text));
  return signature && `${text}.${base64url(signature)}`;
}

const encoder = new TextEncoder();
/** Of what `importKey` gave: the same key for signing without a detour. */
const signingKeys = new WeakMap<object, { readonly alg: string; readonly key: KeyHere }>();

/** What a token must satisfy. `issuer` and `audience` must be written down, if only as `undefined`: nobody forgets them. */
export interface VerifyOptions extends JwtChecks {
  /** A key set, or a function that finds keys. A key that was used is frozen. */
  readonly keys: JwkSet | KeyResolver;
  /** The algorithms accepted; never taken from the token. `none` and symmetric ones are a `TypeError`. */
  readonly algorithms: readonly JwsAlgorithm[];
  /** The header's type, e.g. `"at+jwt"`; compared as RFC 7515 §4.1.9 says, without `application/`. */
  readonly typ?: string;
}

/**
 * Verifies a signed JWT: form, header, algorithm, key, signature, type, then claims, each failure a `JwtError` with its code.
 * A header with `kid` is verified by keys of that `kid` only; without one, by up to 4 keys that suit the algorithm.
 */
export async function verifyJwt(
  token: string,
  options: VerifyOptions,
): Promise<{ header: JwtHeader; claims: JwtClaims }> {
  const { keys, algorithms, typ } = options;
  if (algorithms.length === 0 || algorithms.some((alg) => !jwsAlgorithms.includes(alg))) {
    throw new TypeError(`algorithms must be a list of asymmetric signature algorithms, got ${algorithms.join(", ")}`);
  }
  const { header, claims } = decodeUnverified(token);
  const { alg, kid } = header;
  // RFC 8725 §3.1: the caller's list decides, the header only selects from it.
  if (!(algorithms as readonly string[]).includes(alg))
    throw new JwtError("algorithm", "the algorithm is not accepted here");
  if (typ !== undefined && normalTyp(header.typ) !== normalTyp(typ))
    throw new JwtError("typ", `the token is not of type ${typ}`);
  const found = typeof keys === "function" ? await keys(kid === undefined ? { alg } : { alg, kid }) : keys.keys;
  const candidates = found.filter((key) => (kid === undefined || key.kid === kid) && suitsAlgorithm(key, alg));
  // OpenID Connect Core §10.1: with several keys a kid is required. A few are tried; more would be work for the asking.
  if (candidates.length === 0 || candidates.length > maxCandidates)
    throw new JwtError("key_not_found", "no key fits the token");
  await verifyWithAny(token, candidates, alg);
  checkClaims(claims, options);
  return { header, claims };
}

async function verifyWithAny(token: string, candidates: readonly Jwk[], alg: string): Promise<void> {
  let cause: unknown;
  for (const candidate of candidates) {
    const right = isSigned(token, candidate, alg);
    if (right === true) return;
    if (right === false) continue;
    try {
      await jose.compactVerify(token, candidate as jose.JWK, { algorithms: [alg] });
      return;
    } catch (e) {
      cause = e;
    }
  }
  throw new JwtError("signature", "the signature does not verify", { cause });
}

/** Keys that were imported for checking, by algorithm; `null`: `jose` checks with it. Key sets are read anew when they change. */
const checkingKeys = new WeakMap<Jwk, Map<string, KeyHere | null>>();

function checkingKey(jwk: Jwk, alg: string): KeyHere | undefined {
  const known = checkingKeys.get(jwk) ?? new Map<string, KeyHere | null>();
  let key = known.get(alg);
  if (key === undefined) {
    key = checkingKeyHere(jwk, alg) ?? null;
    // Another key in the same object would be checked with this one.
    checkingKeys.set(Object.freeze(jwk), known.set(alg, key));
  }
  return key ?? undefined;
}

/** RFC 7515 §5.2 steps 8 and 9; what comes before them `decodeUnverified` has done. Nothing: that is for `jose` to say. */
function isSigned(token: string, jwk: Jwk, alg: string): boolean | undefined {
  const key = checkingKey(jwk, alg);
  const end = token.lastIndexOf(".");
  const signature = fromBase64url(token.slice(end + 1));
  if (key === undefined || signature === undefined) return undefined;
  return checkHere(key, alg, encoder.encode(token.slice(0, end)), signature);
}

/**
 * Decodes a JWT WITHOUT verifying anything but its form: nothing in it may be believed. Encrypted tokens, `crit` and `b64`
 * headers, more than 65536 characters and JSON nested more than 20 levels deep are refused as `JwtError`. Members `__proto__`
 * are left out; of a member that is named twice the last one counts (RFC 7515 §4, RFC 7519 §4).
 */
export function decodeUnverified(token: string): { header: JwtHeader; claims: JwtClaims } {
  if (typeof token !== "string" || token.length > maxToken || !/^[\w-]+\.[\w-]+\.[\w-]*$/.test(token)) {
    throw new JwtError("malformed", "not a signed JWT");
  }
  const [first = "", second = "", third = ""] = token.split(".");
  const header = decodeObject(first);
  const claims = decodeObject(second);
  // One token, one text: what verifies is not to pass as another where tokens are compared or remembered as text.
  if (fromBase64url(third) === undefined) throw new JwtError("malformed", "not a signed JWT");
  // RFC 7515 §4.1.11: an extension that is not understood must be refused, and we understand none.
  if ("crit" in header || "b64" in header)
    throw new JwtError("header", "the header asks for extensions that are not understood");
  for (const name of ["kid", "typ"]) {
    if (header[name] !== undefined && typeof header[name] !== "string")
      throw new JwtError("header", `${name} must be a string`);
  }
  if (typeof header.alg !== "string") throw new JwtError("algorithm", "alg must be a string");
  return { header: header as unknown as JwtHeader, claims };
}

/** What is kept of a token, or copied into another, is written by functions that call themselves once per level. */
function decodeObject(part: string): Record<string, unknown> {
  const bytes = fromBase64url(part);
  const text = bytes && decodeUtf8(bytes);
  if (text !== undefined && shapeOf(text, maxDepth).depth <= maxDepth) {
    const value = readable(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  }
  throw new JwtError("malformed", "not a signed JWT");
}

function readable(text: string): unknown {
  try {
    return parseWithoutProto(text);
  } catch {
    // Without the parser's own error: it quotes the text.
    return undefined;
  }
}

/** Generates a signing key: RS256 with 2048 bits, ES256 on P-256, EdDSA on Ed25519, and their siblings. */
export async function generateKey(alg: JwsAlgorithm): Promise<SigningKey> {
  const pair = await jose.generateKeyPair(alg, { extractable: true });
  const exported = (await jose.exportJWK(pair.publicKey)) as Jwk;
  const kid = await thumbprint(exported);
  const common = { kid, alg, use: "sig" };
  return {
    kid,
    alg,
    publicJwk: { ...exported, ...common },
    privateJwk: { ...((await jose.exportJWK(pair.privateKey)) as Jwk), ...common },
  };
}

/** Imports a public or private key for its `alg`; import once and keep it. Symmetric keys and a missing `alg` are a `TypeError`. */
export async function importKey(jwk: Jwk): Promise<ImportedKey> {
  const { alg } = jwk;
  if (alg === undefined || !(jwsAlgorithms as readonly string[]).includes(alg))
    throw new TypeError(`not a signing key: alg ${alg}`);
  const key = await jose.importJWK(jwk as jose.JWK, alg);
  if (key instanceof Uint8Array) throw new TypeError("a symmetric key is not accepted");
  const here = signingKeyHere(jwk, alg);
  if (here !== undefined) signingKeys.set(key, { alg, key: here });
  return key;
}

/** Computes the RFC 7638 thumbprint of a key: SHA-256, base64url. */
export async function thumbprint(jwk: Jwk): Promise<string> {
  return jose.calculateJwkThumbprint(jwk as jose.JWK, "sha256");
}

/** Generates a pair for signing whose private half WebCrypto will use but never give out (RFC 9449 §11.4). */
export async function generateBoundKey(alg: JwsAlgorithm): Promise<{ privateKey: ImportedKey; publicJwk: Jwk }> {
  const { privateKey, publicKey } = await jose.generateKeyPair(alg, { extractable: false });
  return { privateKey, publicJwk: (await jose.exportJWK(publicKey)) as Jwk };
}

/** Encrypts a signed JWT for whoever holds the private half of a key: nested, `cty` is `JWT` (RFC 7519 §5.2). */
export async function encryptJwt(
  jwt: string,
  options: { readonly key: Jwk; readonly alg: JweAlgorithm; readonly enc: JweEncryption },
): Promise<string> {
  const { key, alg, enc } = options;
  const header = { alg, enc, cty: "JWT", ...(key.kid === undefined ? {} : { kid: key.kid }) };
  const recipient = await jose.importJWK(key as jose.JWK, alg);
  return new jose.CompactEncrypt(new TextEncoder().encode(jwt)).setProtectedHeader(header).encrypt(recipient);
}

/**
 * Decrypts a nested JWT with one of our private keys and gives the signed JWT in it, still to be verified. Algorithms outside
 * the lists, compression, unknown keys and damage are a `JwtError` with the code `decryption`, never saying which.
 */
export async function decryptJwt(
  token: string,
  options: {
    readonly keys: readonly Jwk[];
    readonly algorithms?: readonly JweAlgorithm[];
    readonly encryptions?: readonly JweEncryption[];
  },
): Promise<string> {
  const { keys, algorithms = jweAlgorithms, encryptions = jweEncryptions } = options;
  let cause: unknown;
  try {
    const { kid, zip, ...header } = jose.decodeProtectedHeader(token);
    const alg = algorithms.find((one) => one === header.alg);
    // OpenID Connect Core §10.2: with several keys for an algorithm a kid is required; without one the first is tried.
    const key = keys.find((one) => alg !== undefined && decrypts(one, alg) && (!kid || !one.kid || one.kid === kid));
    // RFC 8725 §3.6: what is unpacked can be of any size.
    if (key !== undefined && zip === undefined && token.length <= 2 * maxToken) {
      const options = { keyManagementAlgorithms: [...algorithms], contentEncryptionAlgorithms: [...encryptions] };
      const secret = await jose.importJWK(key as jose.JWK, alg);
      return new TextDecoder().decode((await jose.compactDecrypt(token, secret, options)).plaintext);
    }
  } catch (e) {
    cause = e;
  }
  throw new JwtError("decryption", "the token cannot be decrypted", { cause });
}

/**
 * Encrypts text for storage with a secret of 32 bytes: compact JWE, `dir` and A256GCM, with the secret's key id in the header.
 */
export async function encryptText(secret: Bytes, text: string): Promise<string> {
  return new jose.CompactEncrypt(new TextEncoder().encode(text))
    .setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: await secretId(secret) })
    .encrypt(secret);
}

/**
 * Decrypts what `encryptText` wrote, with whichever of the secrets it was (current first, former ones after it).
 * A text that is damaged, or written under none of them, is a `JwtError` with the code `decryption`.
 */
export async function decryptText(secrets: Bytes | readonly Bytes[], token: string): Promise<string> {
  const all = secrets instanceof Uint8Array ? [secrets] : secrets;
  let cause: unknown;
  try {
    const { kid } = jose.decodeProtectedHeader(token);
    for (const secret of all) {
      if ((await secretId(secret)) !== kid) continue;
      const options = { keyManagementAlgorithms: ["dir"], contentEncryptionAlgorithms: ["A256GCM"] };
      return new TextDecoder().decode((await jose.compactDecrypt(token, secret, options)).plaintext);
    }
  } catch (e) {
    cause = e;
  }
  throw new JwtError("decryption", "the text cannot be decrypted with any of the secrets", { cause });
}

/** Names a secret without revealing it: 16 characters of a hash that is used for nothing else. */
async function secretId(secret: Bytes): Promise<string> {
  if (secret.length !== 32) throw new TypeError(`the secret must be 32 bytes, got ${secret.length}`);
  return base64url(await sha256(`valetkey secret id ${base64url(secret)}`)).slice(0, 16);
}
