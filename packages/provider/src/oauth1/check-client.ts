/**
 * Which metadata makes a client one of OAuth 1.0a, and what belongs to it.
 *
 * RFC 5849 knows no registration, so the words are those of RFC 7591 §2: `oauth1_signature_methods` (our extension) says that it is
 * one, `redirect_uris` are its callbacks, `scope` is what its tokens may do, `jwks` its public keys. Guarantees that no stranger
 * registers such a client.
 */
import { invalidClientMetadata } from "@valetkey/protocol/errors";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import type { SignatureMethod } from "@valetkey/protocol/oauth1/signature";
import { type Client, isStranger } from "../clients.ts";
import { type MemberCheck, texts } from "../lib/client-members.ts";
import { isRsa, registeredMethods } from "./registered-methods.ts";

/** Checks the member that makes a client one of OAuth 1.0a. */
export const signatureMethodsMember =
  (accepted: readonly SignatureMethod[]): MemberCheck =>
  (value, name) => {
    texts(accepted.length, 20)(value, name);
    const methods = value as readonly SignatureMethod[];
    if (methods.length === 0 || !methods.every((method) => accepted.includes(method)))
      throw invalidClientMetadata(`${name} must be among ${accepted.join(", ")}`);
    return true;
  };

/** Checks what belongs together in the metadata of such a client. Throws `invalid_client_metadata`. */
export function checkOAuth1Client(metadata: ClientMetadata, provenance: Client["provenance"]): void {
  const methods = registeredMethods(metadata);
  if (methods.length === 0) return;
  if (isStranger({ provenance }))
    throw invalidClientMetadata("oauth1_signature_methods is for clients that an administrator registers");
  if (metadata.scope === undefined)
    throw invalidClientMetadata("scope is needed with oauth1_signature_methods: in OAuth 1.0a no request names scopes");
  if (methods.some(isRsa) && metadata.jwks === undefined && metadata.jwks_uri === undefined)
    throw invalidClientMetadata("jwks or jwks_uri is needed for RSA among oauth1_signature_methods");
}
