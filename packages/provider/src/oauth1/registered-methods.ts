/**
 * Which signature methods a client is registered for, as its metadata says (RFC 5849 §3.4). None: it is no client of OAuth 1.0a.
 */
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import type { SignatureMethod } from "@valetkey/protocol/oauth1/signature";

/** The methods a client may sign with. */
export function registeredMethods({ oauth1_signature_methods }: ClientMetadata): readonly SignatureMethod[] {
  // Checked when it was registered.
  return Array.isArray(oauth1_signature_methods) ? (oauth1_signature_methods as SignatureMethod[]) : [];
}

export const isRsa = (method: SignatureMethod): method is "RSA-SHA1" | "RSA-SHA256" => method.startsWith("RSA-");

/** Whether its secret must be readable: to check a MAC one must be able to make it (§3.4.2). */
export const signsWithSecret = (metadata: ClientMetadata): boolean =>
  registeredMethods(metadata).some((method) => !isRsa(method));
