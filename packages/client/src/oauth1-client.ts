/**
 * What an OAuth 1.0a client is registered with, and the key it signs with.
 *
 * RFC 5849 §2 (client credentials), §3.4 (signature methods), §3.5 (placement).
 * Guarantees that a client whose method and key do not fit is refused before it sends anything (`configuration_invalid`).
 */
import type { Jwk } from "@valetkey/protocol/jwk";
import { type SignatureKey, type SignatureMethod, signatureMethods } from "@valetkey/protocol/oauth1/signature";
import { ClientError } from "./client-error.ts";

/** Where protocol parameters travel. `body` is for forms and for POST without a body; other requests use the header. */
export type Placement = "header" | "body" | "query";

/** This application's registration at a provider. */
export interface OAuth1Client {
  /** The consumer key. */
  readonly client_id: string;
  /** The consumer secret; RSA methods do without. */
  readonly client_secret?: string;
  /** Default HMAC-SHA1, which every provider knows. PLAINTEXT goes over https only (http on loopback). */
  readonly signature_method?: SignatureMethod;
  /** RSA private key as a JWK, for RSA-SHA1 and RSA-SHA256. */
  readonly private_key?: Jwk;
  /** Sent in the header, never signed. */
  readonly realm?: string;
  /** Default `header`, as RFC 5849 §3.5 prefers. */
  readonly placement?: Placement;
}

/** Finds the key for a method, with the secret of a token if there is one. A client without it is `configuration_invalid`. */
export function signatureKey(client: OAuth1Client, token_secret?: string): SignatureKey {
  const { signature_method = "HMAC-SHA1", private_key, client_secret } = client;
  if (signature_method === "RSA-SHA1" || signature_method === "RSA-SHA256") {
    if (private_key?.kty === "RSA" && private_key.d !== undefined) return { signature_method, key: private_key };
    throw invalid(`${signature_method} needs private_key, an RSA private key as a JWK`);
  }
  if (!signatureMethods.includes(signature_method)) {
    throw invalid(`signature_method must be one of ${signatureMethods.join(", ")}, got ${signature_method}`);
  }
  if (client_secret === undefined) throw invalid(`${signature_method} needs client_secret`);
  return { signature_method, client_secret, token_secret };
}

/** Checks what can be checked of a registration before it is used. Mistakes are `configuration_invalid`. */
export function checkClient(client: OAuth1Client): void {
  const { client_id, realm, placement = "header" } = client;
  if (typeof client_id !== "string" || client_id === "") throw invalid("client_id is missing");
  if (!["header", "body", "query"].includes(placement)) throw invalid("placement must be header, body or query");
  if (realm !== undefined && !/^[\x20-\x7e]*$/.test(realm)) throw invalid("realm must be printable ASCII");
  signatureKey(client);
}

const invalid = (message: string): ClientError => new ClientError("configuration_invalid", message);
