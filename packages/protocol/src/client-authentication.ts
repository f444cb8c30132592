/**
 * How whoever asks an issuer proves which client it is, in each of the registered ways: the client itself, or an API that asks about
 * a token.
 *
 * RFC 6749 §2.3.1 (secrets), OpenID Connect Core §9 and RFC 7523 §2.2 as updated by RFC 10070 §4 (assertions: the audience is the
 * issuer), RFC 8705 §2 and §5 (certificates and the endpoints for them).
 * Guarantees that exactly one way is used in a request, and that an assertion convinces nobody but the issuer that is meant.
 */
import { basicHeader } from "./authorization-header.ts";
import { type AssertionSigner, clientAssertionType, createClientAssertion } from "./client-assertion.ts";
import type { ImportedKey, Jwk, JwsAlgorithm } from "./jose.ts";
import type { ServerMetadata } from "./metadata.ts";
import type { HmacAlgorithm } from "./secret-jwt.ts";

/** A secret that is sent. */
export interface BySecret {
  readonly client_id: string;
  /** A function for a secret that is made anew each time, as Apple wants it. */
  readonly client_secret: string | (() => string | Promise<string>);
  /** Default `client_secret_basic`. */
  readonly token_endpoint_auth_method?: "client_secret_basic" | "client_secret_post";
}

/** An assertion signed with a key of its own. */
export interface ByPrivateKey {
  readonly client_id: string;
  readonly token_endpoint_auth_method: "private_key_jwt";
  /** An imported key, or a JWK with its private half. */
  readonly private_key: ImportedKey | Jwk;
  readonly kid?: string;
  /** `token_endpoint_auth_signing_alg` as registered. */
  readonly alg: JwsAlgorithm;
}

/** An assertion signed with a secret that is not sent. */
export interface BySecretJwt {
  readonly client_id: string;
  readonly token_endpoint_auth_method: "client_secret_jwt";
  /** At least as long as the hash: 32 bytes for HS256. */
  readonly client_secret: string;
  /** Default HS256. */
  readonly alg?: HmacAlgorithm;
}

/** A certificate. It travels with the connection: the `fetch` that is passed in carries it. */
export interface ByCertificate {
  readonly client_id: string;
  readonly token_endpoint_auth_method: "tls_client_auth" | "self_signed_tls_client_auth";
}

/** No proof at all, by a client that can keep none. */
export interface ByName {
  readonly client_id: string;
  readonly token_endpoint_auth_method: "none";
}

/** What to add to a request. */
export interface Authenticated {
  readonly headers: Readonly<Record<string, string>>;
  readonly parameters: Readonly<Record<string, string>>;
}

/** Makes what proves the client in one request; an assertion is made anew for each. What cannot be signed with throws as `signJwt` does. */
export async function proveClient(
  client: BySecret | ByPrivateKey | BySecretJwt | ByCertificate | ByName,
  at: { readonly issuer: string /** Milliseconds. */; readonly now: number },
): Promise<Authenticated> {
  const { client_id } = client;
  switch (client.token_endpoint_auth_method) {
    case "private_key_jwt": {
      const { private_key, alg, kid = "kty" in private_key ? private_key.kid : undefined } = client;
      return assertion(client_id, at, { private_key, alg, kid });
    }
    case "client_secret_jwt":
      return assertion(client_id, at, { client_secret: client.client_secret, alg: client.alg ?? "HS256" });
    case "tls_client_auth":
    case "self_signed_tls_client_auth":
    case "none":
      return { headers: {}, parameters: { client_id } };
    case "client_secret_post":
      return { headers: {}, parameters: { client_id, client_secret: await secretOf(client) } };
    default:
      return { headers: { Authorization: basicHeader(client_id, await secretOf(client)) }, parameters: {} };
  }
}

async function assertion(
  client_id: string,
  { issuer, now }: { readonly issuer: string; readonly now: number },
  signer: AssertionSigner,
): Promise<Authenticated> {
  const client_assertion = await createClientAssertion({ client_id, issuer, signer, now });
  return { headers: {}, parameters: { client_id, client_assertion_type: clientAssertionType, client_assertion } };
}

async function secretOf({ client_secret }: BySecret): Promise<string> {
  return typeof client_secret === "string" ? client_secret : client_secret();
}

/** Tells whether a client authenticates by certificate. */
export const byCertificate = (client: { readonly token_endpoint_auth_method?: string }): boolean =>
  client.token_endpoint_auth_method === "tls_client_auth" ||
  client.token_endpoint_auth_method === "self_signed_tls_client_auth";

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
