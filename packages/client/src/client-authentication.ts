/**
 * How a client proves who it is at the issuer's endpoints, and what its developer hears when it cannot.
 *
 * RFC 6749 §2.3.1, OpenID Connect Core §9, RFC 7523 §2.2, RFC 8705 §2: the ways themselves are in the protocol's
 * `client-authentication.ts`.
 * Guarantees that a key or secret that cannot sign is told from an issuer that refuses it.
 */
import {
  type Authenticated,
  type ByCertificate,
  type ByName,
  type ByPrivateKey,
  type BySecret,
  type BySecretJwt,
  proveClient,
} from "@valetkey/protocol/client-authentication";
import { ClientError } from "./client-error.ts";

export { mtlsEndpoints } from "@valetkey/protocol/client-authentication";

/** How the client proves who it is; the method is always written down. */
export type ClientAuthentication =
  | (BySecret & Required<Pick<BySecret, "token_endpoint_auth_method">>)
  | ByPrivateKey
  | BySecretJwt
  | ByCertificate
  | ByName;

/** Authenticates one request; an assertion is made anew for each. A key or secret that cannot sign is `configuration_invalid`. */
export async function authenticate(
  client: ClientAuthentication,
  at: { readonly issuer: string /** Milliseconds. */; readonly now: number },
): Promise<Authenticated> {
  try {
    return await proveClient(client, at);
  } catch (cause) {
    // A secret that the application makes anew fails in the application's own words.
    if (!client.token_endpoint_auth_method.endsWith("_jwt")) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClientError("configuration_invalid", `the client assertion cannot be signed: ${reason}`, { cause });
  }
}
