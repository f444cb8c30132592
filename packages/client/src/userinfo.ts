/**
 * Asks the issuer for claims about the person who signed in.
 *
 * OpenID Connect Core §5.3, §5.3.2 (plain, signed, encrypted or both) and §5.3.4, RFC 9449 §7.1 (a token bound to a key).
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
import { type Dpop, dpopFetch } from "./dpop-fetch.ts";
import { ask } from "./lib/ask.ts";
import { endpointOf } from "./lib/endpoint.ts";
import { insteadOfJson } from "./lib/instead-of-json.ts";

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
  /** The key the token is bound to, if it is. */
  readonly dpop?: Dpop;
  readonly fetch?: Fetch;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/**
 * Fetches the claims; nothing if the issuer has no userinfo endpoint. Another person's are `userinfo_subject_mismatch`; an answer
 * that is not protected as agreed, or no JSON object, is `userinfo_invalid`.
 */
export async function fetchUserinfo(request: UserinfoRequest): Promise<Record<string, unknown> | undefined> {
  const { metadata, access_token, sub, dpop, fetch = globalThis.fetch, now = Date.now, signed, encrypted } = request;
  if (metadata.userinfo_endpoint === undefined) return undefined;
  const userinfo_endpoint = endpointOf(metadata, "userinfo_endpoint");
  const isProtected = signed !== undefined || encrypted !== undefined;
  const headers = {
    ...(dpop === undefined ? { Authorization: `Bearer ${access_token}` } : {}),
    Accept: isProtected ? "application/jwt" : "application/json",
  };
  const send = dpop === undefined ? fetch : dpopFetch({ dpop, access_token, fetch, now });
  const { response, text } = await ask(send, userinfo_endpoint, { headers }, "userinfo_invalid");
  if (response.status !== 200) throw refused(response, userinfo_endpoint);
  const claims = isProtected ? await openClaims(text.trim(), request) : await readClaims(text, response);
  // §5.3.2: sub must be there and match exactly, otherwise nothing in the answer may be used.
  if (typeof claims.sub !== "string") {
    throw new ClientError("userinfo_invalid", `the answer of ${userinfo_endpoint} has no sub`, {
      fix: "The userinfo endpoint must give sub (OpenID Connect Core §5.3.2). If it is an API of the provider's own, name the service with oauth2() and a profile function.",
    });
  }
  if (claims.sub !== sub) {
    throw new ClientError("userinfo_subject_mismatch", "sub is not the one of the ID token", {
      fix: "The userinfo endpoint must give the sub of the ID token (OpenID Connect Core §5.3.2): look for a cache before it, or for pairwise subjects that only one of the two has.",
    });
  }
  return claims;
}

/** Says what a status other than 200 means: the token has just been issued, so it is hardly the token's age. */
function refused(response: Response, endpoint: string): ClientError {
  const { status } = response;
  const error = /error="([\w.-]{1,60})"/.exec(response.headers.get("www-authenticate") ?? "")?.[1];
  const fix =
    status === 401 || status === 403
      ? "The token that was issued a moment ago is not accepted there: see that userinfo_endpoint belongs to this issuer and that the scope (openid) or the audience of the token lets it in."
      : insteadOfJson(response, "").fix;
  const said = error === undefined ? "" : ` (${error})`;
  return new ClientError("userinfo_invalid", `${endpoint} answered ${status}${said}, expected 200`, { fix });
}

async function readClaims(text: string, response = new Response(text)): Promise<Record<string, unknown>> {
  try {
    return await readJsonObject(new Response(text));
  } catch (cause) {
    const { got, fix } = insteadOfJson(response, text, cause);
    throw new ClientError("userinfo_invalid", `the answer is ${got}, expected a JSON object`, { cause, fix });
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
