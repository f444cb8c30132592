/**
 * Signs an authorization request, so that the issuer knows that nobody changed it on its way through the browser.
 *
 * RFC 9101 §4, §5 (by value), §6.1, §10.8; OpenID Connect Core §6.1; CIBA §7.1.1 asks for the same claims.
 * Guarantees that a request object can be used at one issuer, for minutes, and never as a client assertion: it has no `sub`.
 */
import {
  encryptJwt,
  type ImportedKey,
  type JweAlgorithm,
  type JweEncryption,
  type Jwk,
  type JwsAlgorithm,
  signJwt,
} from "@valetkey/protocol/jose";
import { randomToken } from "@valetkey/protocol/random";
import { ClientError } from "./client-error.ts";
import type { Parameters } from "./token-request.ts";

/** The client's key for request objects. */
export interface RequestSigner {
  /** An imported key, or a JWK with its private half. */
  readonly private_key: ImportedKey | Jwk;
  /** `request_object_signing_alg` as registered. */
  readonly alg: JwsAlgorithm;
  readonly kid?: string;
  /** The issuer's public key, if it is to be encrypted too. */
  readonly encryption?: { readonly key: Jwk; readonly alg: JweAlgorithm; readonly enc: JweEncryption };
}

export interface RequestObject extends RequestSigner {
  readonly issuer: string;
  readonly client_id: string;
  /** Of the authorization request. JSON parameters (`claims`, `authorization_details`) as text, as they are sent otherwise. */
  readonly parameters: Parameters;
  readonly now?: () => number;
  /** Seconds; default 300. */
  readonly lifetime?: number;
}

/** Parameters that are numbers or JSON when they are claims (RFC 9101 §4, OpenID Connect Core §6.1, RFC 9396 §4). */
const typed = ["max_age", "requested_expiry", "claims", "authorization_details"];

/**
 * Makes a request object: the value of `request`. Beside it, send `client_id`, and for OpenID Connect Core §6.1 `response_type`
 * and `scope` with the same values. A `request` inside a request is `configuration_invalid`, as is JSON that is none.
 */
export async function requestObject(options: RequestObject): Promise<string> {
  const { issuer, client_id, parameters, private_key, alg, encryption, now = Date.now, lifetime = 300 } = options;
  const kid = options.kid ?? ("kty" in private_key ? private_key.kid : undefined);
  const iat = Math.floor(now() / 1000);
  const claims: Record<string, unknown> = Object.create(null);
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined) continue;
    // RFC 9101 §4: neither may be included. §10.8: with sub = client_id it could pass for a client assertion.
    if (["request", "request_uri", "sub"].includes(name)) {
      throw new ClientError("configuration_invalid", `${name} has no place in a request object`);
    }
    claims[name] = typed.includes(name) && typeof value === "string" ? parsed(name, value) : value;
  }
  const times = { iat, nbf: iat, exp: iat + lifetime, jti: randomToken(16) };
  const all = { ...claims, client_id, iss: client_id, aud: issuer, ...times };
  const key = { key: private_key, alg, ...(kid === undefined ? {} : { kid }) };
  const signed = await signJwt(all, { ...key, typ: "oauth-authz-req+jwt" });
  return encryption === undefined ? signed : encryptJwt(signed, encryption);
}

function parsed(name: string, value: string): unknown {
  try {
    return JSON.parse(value);
  } catch (cause) {
    throw new ClientError("configuration_invalid", `${name} is not JSON`, { cause });
  }
}
