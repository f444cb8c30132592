/**
 * DPoP proofs: that whoever sends a request holds a key, for this method, this URL and, at an API, this access token.
 *
 * RFC 9449 §4.2 (form), §4.3 (checks), §7.1 (`ath`), §8 and §9 (nonces), §11.1 (what remains for the caller: refusing a `jti`
 * seen before). RFC 3986 §6.2.2 and §6.2.3 (equal URLs).
 * Guarantees that a verified proof was signed by the key whose thumbprint comes back, just now, for this request.
 */
import { base64url, constantTimeEqual, sha256 } from "./digest.ts";
import { invalidDpopProof, type OAuthError, useDpopNonce } from "./errors.ts";
import {
  decodeUnverified,
  generateBoundKey,
  generateKey,
  type ImportedKey,
  importKey,
  type Jwk,
  type JwsAlgorithm,
  type JwtClaims,
  JwtError,
  signJwt,
  thumbprint,
  verifyJwt,
} from "./jose.ts";
import { checkPublicJwk } from "./jwk.ts";
import { timeOf } from "./jwt-claims.ts";
import { randomToken } from "./random.ts";

/** A key proofs are made with. It can be kept in IndexedDB as it is: the private half never leaves WebCrypto. */
export interface DpopKey {
  readonly alg: JwsAlgorithm;
  readonly privateKey: ImportedKey;
  readonly publicJwk: Jwk;
}

/** Generates a key for proofs; its private half cannot be exported. */
export async function generateDpopKey(alg: JwsAlgorithm = "ES256"): Promise<DpopKey> {
  return { alg, ...(await generateBoundKey(alg)) };
}

/**
 * Generates a key for proofs as a JWK with its private half, for a server whose other processes must make proofs too, also after
 * a restart. Whoever has it can use the tokens: keep it only encrypted. In a browser take `generateDpopKey`.
 */
export async function generateDpopJwk(alg: JwsAlgorithm = "ES256"): Promise<Jwk> {
  const { kid: _, use: __, ...jwk } = (await generateKey(alg)).privateJwk;
  return jwk;
}

/** Takes a key that was kept as a JWK, with its private half and `alg`, into use. */
export async function readDpopJwk(jwk: Jwk): Promise<DpopKey> {
  const privateKey = await importKey(jwk);
  return { alg: jwk.alg as JwsAlgorithm, privateKey, publicJwk: publicHalf(jwk) };
}

/** Only what makes the key (RFC 7638 §3.2): §4.2 forbids a private half, and a `kid` or `key_ops` would be noise. */
const publicHalf = ({ kty, crv, x, y, n, e }: Jwk): Jwk => JSON.parse(JSON.stringify({ kty, crv, x, y, n, e }));

/** Computes what a token is bound to and what `dpop_jkt` says: the thumbprint of the key (RFC 9449 §6.1 and §10). */
export const dpopThumbprint = (key: DpopKey): Promise<string> => thumbprint(key.publicJwk);

/** What a proof is for. */
export interface DpopRequest {
  /** The method, in upper case: a proof compares it as text. */
  readonly htm: string;
  /** The URL of the request; query and fragment do not count. */
  readonly htu: string | URL;
  /** The access token that is sent along; only at an API, never at the token endpoint. */
  readonly access_token?: string | undefined;
}

/** Makes a proof. `now` in milliseconds; `nonce` is the one the server gave last. */
export async function createDpopProof(
  request: DpopRequest & { readonly key: DpopKey; readonly now: number; readonly nonce?: string | undefined },
): Promise<string> {
  const { key, htm, htu, access_token, now, nonce } = request;
  const url = new URL(htu);
  const claims = {
    jti: randomToken(16),
    htm,
    htu: `${url.origin}${url.pathname}`,
    iat: Math.floor(now / 1000),
    ...(nonce === undefined ? {} : { nonce }),
    ...(access_token === undefined ? {} : { ath: await athOf(access_token) }),
  };
  return signJwt(claims, { key: key.privateKey, alg: key.alg, typ: "dpop+jwt", jwk: publicHalf(key.publicJwk) });
}

/** What the server that got the request knows. */
export interface DpopChecks extends DpopRequest {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The algorithms accepted. */
  readonly algorithms: readonly JwsAlgorithm[];
  /** Seconds a proof counts after its `iat`; default 60. */
  readonly maxAge?: number;
  /** Seconds by which clocks may differ, 0 to 60; default 10. */
  readonly clockTolerance?: number;
  /** Tells whether a nonce is one of this server's that still counts; without it none is wanted. */
  readonly checkNonce?: (nonce: string) => boolean | Promise<boolean>;
}

/** A proof that was verified. The caller refuses the same `jkt` and `jti` a second time until `expiresAt`. */
export interface VerifiedDpopProof {
  /** The key's thumbprint: a bound token must have it as `cnf.jkt` (otherwise `invalid_token`, §7.1). */
  readonly jkt: string;
  readonly jti: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Longest proof that is looked at: an RSA key of 8192 bits and its signature fit. */
const longest = 8192;

/**
 * Reads the proof of a request; nothing if it has none. Two of them (§4.3 step 1) are `invalid_dpop_proof`: headers of the same
 * name arrive joined by a comma, which no JWT contains.
 */
export function readDpopHeader(headers: Headers): string | undefined {
  const proof = headers.get("dpop");
  if (proof === null) return undefined;
  if (proof.length > longest || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(proof))
    throw invalidDpopProof("DPoP must be one proof");
  return proof;
}

/**
 * Verifies a proof as §4.3 lists it. Failures are `invalid_dpop_proof`; a nonce that is missing or over is `use_dpop_nonce`,
 * found last, so that only the holder of a key is given a new one.
 */
export async function verifyDpopProof(proof: string, checks: DpopChecks): Promise<VerifiedDpopProof> {
  if (proof.length > longest) throw invalidDpopProof("the proof is too long");
  const { maxAge = 60, clockTolerance = 10, now } = checks;
  const { jwk, claims } = await verifySignature(proof, checks, clockTolerance);
  const { jti, htm, htu, nonce, ath } = claims;
  if (typeof jti !== "string" || jti === "" || jti.length > 256) throw invalidDpopProof("jti is missing or too long");
  if (htm !== checks.htm) throw invalidDpopProof("htm is not the method of the request");
  if (typeof htu !== "string" || normalHtu(htu) === undefined || normalHtu(htu) !== normalHtu(String(checks.htu))) {
    throw invalidDpopProof("htu is not the URL of the request");
  }
  const iat = timeOf(claims, "iat") ?? 0;
  const expiresAt = (iat + maxAge + clockTolerance) * 1000;
  if (expiresAt <= now) throw invalidDpopProof("the proof is too old");
  const { access_token } = checks;
  if (access_token !== undefined && !(typeof ath === "string" && constantTimeEqual(ath, await athOf(access_token)))) {
    throw invalidDpopProof("ath does not fit the access token");
  }
  if (checks.checkNonce !== undefined && !(typeof nonce === "string" && (await checks.checkNonce(nonce)))) {
    throw useDpopNonce("the proof must carry the nonce that comes with this answer");
  }
  return { jkt: await thumbprint(jwk), jti, expiresAt };
}

async function verifySignature(
  proof: string,
  { algorithms, now }: DpopChecks,
  clockTolerance: number,
): Promise<{ jwk: Jwk; claims: JwtClaims }> {
  try {
    const { header, claims } = decodeUnverified(proof);
    // Before any cryptography: a key that is private, symmetric, weak or enormous is not worth a signature check.
    const jwk: unknown = header.jwk;
    checkPublicJwk(jwk);
    const { kid: _, ...key } = jwk;
    const keys = { keys: [header.kid === undefined ? key : { ...key, kid: header.kid }] as Jwk[] };
    const requiredClaims = ["jti", "htm", "htu", "iat"];
    const common = { issuer: undefined, audience: undefined, now, clockTolerance, exp: "optional" } as const;
    await verifyJwt(proof, { keys, algorithms, typ: "dpop+jwt", requiredClaims, ...common });
    return { jwk, claims };
  } catch (cause) {
    throw refusal(cause);
  }
}

function refusal(cause: unknown): OAuthError {
  if (cause instanceof JwtError) return invalidDpopProof(cause.message, { cause });
  // checkPublicJwk says what is wrong with a key in a registration; here it is in a proof.
  if (cause instanceof Error && cause.name === "OAuthError") {
    return invalidDpopProof("the jwk of the proof is not a usable public key", { cause });
  }
  throw cause;
}

/** Brings a URL into the one form that is compared (§4.3 step 9); nothing if it is not an http(s) URL, or names a user. */
export function normalHtu(text: string): string | undefined {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") return undefined;
  // RFC 3986 §6.2.2: hex digits in upper case, what needs no escape without one. The URL parser does the rest.
  const path = url.pathname.replace(/%([0-9a-f]{2})/gi, (escaped, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return /[\w.~-]/.test(character) ? character : escaped.toUpperCase();
  });
  return url.origin + path;
}

const athOf = async (access_token: string): Promise<string> => base64url(await sha256(access_token));
