/**
 * Asks the issuer for claims about the person who signed in.
 *
 * OpenID Connect Core §5.3, §5.3.2 (plain, signed, encrypted or both) and §5.3.4.
 * Guarantees that the answer is about the subject of the ID token, and is protected as was agreed; any other is thrown away whole.
 */
import {
  decryptJwt,
  type JweAlgorithm,
  type JweEncryption,
  type Jwk,
  type JwkSet,
  JwksUnavailable,
  type JwsAlgorithm,
  JwtError,
  type KeyResolver,
  verifyJwt,
} from "@valetkey/protocol/jose";
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import { type Fetch, readJsonObject } from "@valetkey/protocol/read-json";
import { ClientError } from "./client-error.ts";
import { ask } from "./lib/ask.ts";

/** How the issuer protects its answer, as registered. */
export interface UserinfoProtection {
  /** `userinfo_signed_response_alg`, and what verifies it. */
  readonly signed?: {
    readonly alg: JwsAlgorithm;
    readonly keys: JwkSet | KeyResolver;
    readonly issuer: string;
    readonly client_id: string;
    /** Milliseconds since the epoch. */
    readonly now: number;
    /** Seconds, 0 to 60; default 8. */
    readonly clockTolerance?: number;
  };
  /** `userinfo_encrypted_response_alg` and `_enc`, and our private keys. */
  readonly encrypted?: { readonly alg: JweAlgorithm; readonly enc: JweEncryption; readonly keys: readonly Jwk[] };
}

export interface UserinfoRequest extends UserinfoProtection {
  readonly metadata: ServerMetadata;
  readonly access_token: string;
  /** `sub` of the verified ID token. */
  readonly sub: string;
  readonly fetch?: Fetch;
}

/**
 * Fetches the claims; nothing if the issuer has no userinfo endpoint. Another person's are `userinfo_subject_mismatch`; an answer
 * that is not protected as agreed, or no JSON object, is `userinfo_invalid`.
 */
export async function fetchUserinfo(request: UserinfoRequest): Promise<Record<string, unknown> | undefined> {
  const { metadata, access_token, sub, fetch = globalThis.fetch, signed, encrypted } = request;
  const { userinfo_endpoint } = metadata;
  if (userinfo_endpoint === undefined) return undefined;
  const isProtected = signed !== undefined || encrypted !== undefined;
  const headers = {
    Authorization: `Bearer ${access_token}`,
    Accept: isProtected ? "application/jwt" : "application/json",
  };
  const { response, text } = await ask(fetch, userinfo_endpoint, { headers }, "userinfo_invalid");
  if (response.status !== 200) throw new ClientError("userinfo_invalid", `the status is ${response.status}`);
  const claims = isProtected ? await openClaims(text.trim(), request) : await readClaims(text);
  // §5.3.2: sub must be there and match exactly, otherwise nothing in the answer may be used.
  if (typeof claims.sub !== "string") throw new ClientError("userinfo_invalid", "the answer has no sub");
  if (claims.sub !== sub) {
    throw new ClientError("userinfo_subject_mismatch", "sub is not the one of the ID token");
  }
  return claims;
}

async function readClaims(text: string): Promise<Record<string, unknown>> {
  try {
    return await readJsonObject(new Response(text));
  } catch (cause) {
    throw new ClientError("userinfo_invalid", "the answer is not a JSON object", { cause });
  }
}

async function openClaims(text: string, { signed, encrypted }: UserinfoProtection): Promise<Record<string, unknown>> {
  try {
    const inner =
      encrypted === undefined
        ? text
        : await decryptJwt(text, {
            keys: encrypted.keys,
            algorithms: [encrypted.alg],
            encryptions: [encrypted.enc],
          });
    if (signed === undefined) return await readClaims(inner);
    // §5.3.2: iss and aud say from whom and for whom; exp is not asked for, as an answer is used at once.
    const { claims } = await verifyJwt(inner, {
      keys: signed.keys,
      algorithms: [signed.alg],
      issuer: signed.issuer,
      audience: signed.client_id,
      now: signed.now,
      exp: "optional",
      requiredClaims: ["iss", "aud"],
      ...(signed.clockTolerance === undefined ? {} : { clockTolerance: signed.clockTolerance }),
    });
    return claims;
  } catch (cause) {
    if (cause instanceof JwksUnavailable) throw new ClientError("issuer_unavailable", cause.message, { cause });
    if (!(cause instanceof JwtError)) throw cause;
    throw new ClientError("userinfo_invalid", `${cause.code}: ${cause.message}`, { cause });
  }
}
