/**
 * How a client proves who it is at the issuer's endpoints, in each of the registered ways.
 *
 * RFC 6749 §2.3.1 (secrets), OpenID Connect Core §9 and RFC 7523 §2.2 as updated by RFC 10070 §4 (assertions: the audience is the
 * issuer), RFC 8705 §2 and §5 (certificates and the endpoints for them).
 * Guarantees that exactly one way is used in a request, and that an assertion convinces nobody but the issuer that is meant.
 */
import { basicHeader } from "@valetkey/protocol/authorization-header";
import { type AssertionSigner, clientAssertionType, createClientAssertion } from "@valetkey/protocol/client-assertion";
import type { ImportedKey, Jwk, JwsAlgorithm } from "@valetkey/protocol/jose";
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import type { HmacAlgorithm } from "@valetkey/protocol/secret-jwt";
import { ClientError } from "./client-error.ts";

/** How the client proves who it is. */
export type ClientAuthentication =
  | {
      readonly client_id: string;
      /** A function for a secret that is made anew each time, as Apple wants it. */
      readonly client_secret: string | (() => string | Promise<string>);
      readonly token_endpoint_auth_method: "client_secret_basic" | "client_secret_post";
    }
  | {
      readonly client_id: string;
      readonly token_endpoint_auth_method: "private_key_jwt";
      /** An imported key, or a JWK with its private half. */
      readonly private_key: ImportedKey | Jwk;
      readonly kid?: string;
      /** `token_endpoint_auth_signing_alg` as registered. */
      readonly alg: JwsAlgorithm;
    }
  | {
      readonly client_id: string;
      readonly token_endpoint_auth_method: "client_secret_jwt";
      /** At least as long as the hash: 32 bytes for HS256. */
      readonly client_secret: string;
      /** Default HS256. */
      readonly alg?: HmacAlgorithm;
    }
  | {
      /** The certificate travels with the connection: the `fetch` that is passed in carries it. */
      readonly client_id: string;
      readonly token_endpoint_auth_method: "tls_client_auth" | "self_signed_tls_client_auth";
    }
  | { readonly client_id: string; readonly token_endpoint_auth_method: "none" };

/** What to add to a request. */
export interface Authenticated {
  readonly headers: Readonly<Record<string, string>>;
  readonly parameters: Readonly<Record<string, string>>;
}

/** Authenticates one request; an assertion is made anew for each. A key or secret that cannot sign is `configuration_invalid`. */
export async function authenticate(
  client: ClientAuthentication,
  at: { readonly issuer: string /** Milliseconds. */; readonly now: number },
): Promise<Authenticated> {
  const { client_id } = client;
  switch (client.token_endpoint_auth_method) {
    case "client_secret_basic":
      return { headers: { Authorization: basicHeader(client_id, await secretOf(client)) }, parameters: {} };
    case "client_secret_post":
      return { headers: {}, parameters: { client_id, client_secret: await secretOf(client) } };
    case "private_key_jwt":
      return assertion(client_id, at, { private_key: client.private_key, alg: client.alg, kid: kidOf(client) });
    case "client_secret_jwt":
      return assertion(client_id, at, { client_secret: client.client_secret, alg: client.alg ?? "HS256" });
    default:
      return { headers: {}, parameters: { client_id } };
  }
}

/**
 * Gives the metadata with the endpoints for connections with a certificate, where there are others (RFC 8705 §5). Clients that
 * authenticate by certificate get them without asking; others need them if their tokens are to be bound to a certificate.
 */
export function mtlsEndpoints(metadata: ServerMetadata): ServerMetadata {
  const aliases = metadata.mtls_endpoint_aliases;
  if (typeof aliases !== "object" || aliases === null || Array.isArray(aliases)) return metadata;
  // Endpoints only: an alias may not rename the issuer.
  const endpoints = Object.entries(aliases).filter(([name]) => name.endsWith("_endpoint"));
  return { ...metadata, ...Object.fromEntries(endpoints) };
}

/** Tells whether a client authenticates by certificate. */
export const byCertificate = ({ token_endpoint_auth_method }: ClientAuthentication): boolean =>
  token_endpoint_auth_method === "tls_client_auth" || token_endpoint_auth_method === "self_signed_tls_client_auth";

async function assertion(
  client_id: string,
  { issuer, now }: { readonly issuer: string; readonly now: number },
  signer: AssertionSigner,
): Promise<Authenticated> {
  try {
    const client_assertion = await createClientAssertion({ client_id, issuer, signer, now });
    return { headers: {}, parameters: { client_id, client_assertion_type: clientAssertionType, client_assertion } };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClientError("configuration_invalid", `the client assertion cannot be signed: ${reason}`, { cause });
  }
}

const kidOf = ({ kid, private_key }: { kid?: string; private_key: ImportedKey | Jwk }): string | undefined =>
  kid ?? ("kty" in private_key ? private_key.kid : undefined);

async function secretOf({ client_secret }: { client_secret: string | (() => string | Promise<string>) }) {
  return typeof client_secret === "string" ? client_secret : client_secret();
}
