/**
 * The ways clients may authenticate, by the names a configuration uses for them: those of `token_endpoint_auth_method`.
 *
 * OpenID Connect Core §9, RFC 8705 §2. The one property: a way that takes a decision of its own (which issuers to trust, former
 * audiences, drafts) has no name here and is put into the configuration as a value.
 */
import type { ClientAuthMethod } from "@valetkey/provider/client-auth/method";
import { none } from "@valetkey/provider/client-auth/none";
import { privateKeyJwt } from "@valetkey/provider/client-auth/private-key-jwt";
import { secretBasic, secretPost } from "@valetkey/provider/client-auth/secret";
import { secretJwt } from "@valetkey/provider/client-auth/secret-jwt";
import { selfSignedTlsClientAuth, tlsClientAuth } from "@valetkey/provider/client-auth/tls";

export const clientAuthNames = [
  "client_secret_basic",
  "client_secret_post",
  "client_secret_jwt",
  "private_key_jwt",
  "tls_client_auth",
  "self_signed_tls_client_auth",
  "none",
] as const;

export type ClientAuthName = (typeof clientAuthNames)[number];

const methods: Readonly<Record<ClientAuthName, () => ClientAuthMethod>> = {
  client_secret_basic: () => secretBasic,
  client_secret_post: () => secretPost,
  client_secret_jwt: () => secretJwt(),
  private_key_jwt: () => privateKeyJwt(),
  tls_client_auth: () => tlsClientAuth(),
  self_signed_tls_client_auth: () => selfSignedTlsClientAuth(),
  none: () => none,
};

/** Makes values of names; what is a value already stays as it is. */
export function clientAuthOf(given: readonly (ClientAuthName | ClientAuthMethod)[]): ClientAuthMethod[] {
  return given.map((one) => (typeof one === "string" ? methods[one]() : one));
}

/** Tells whether something can be such a value. */
export function isClientAuthMethod(value: unknown): value is ClientAuthMethod {
  if (typeof value !== "object" || value === null) return false;
  const { method, read, verify } = value as Partial<Record<keyof ClientAuthMethod, unknown>>;
  return typeof method === "string" && typeof read === "function" && typeof verify === "function";
}

/** Tells whether clients that authenticate in this way have a secret. */
export function needsSecret(token_endpoint_auth_method: unknown): boolean {
  const method = token_endpoint_auth_method ?? "client_secret_basic";
  return typeof method === "string" && method.startsWith("client_secret_");
}
