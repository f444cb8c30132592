/**
 * Registrations of one application at `oidc-provider`, each with another protection, and what the application says about it.
 */
import { generateKeyPairSync } from "node:crypto";
import type { OidcOptions } from "@valetkey/client/oidc-options";
import type { Jwk } from "@valetkey/protocol/jwk";

export const secret = "a-secret-of-the-application-0123456789";
const jwk = (more: object): Jwk => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { ...privateKey.export({ format: "jwk" }), ...more } as unknown as Jwk;
};
const signing = jwk({ kid: "ours-sig", alg: "ES256", use: "sig" });
const decryption = jwk({ kid: "ours-enc", alg: "ECDH-ES", use: "enc" });
const publicOf = ({ d: _, ...rest }: Jwk): Jwk => rest;
const jwks = { keys: [publicOf(signing), publicOf(decryption)] };
const signer = { private_key: signing, alg: "ES256" } as const;

/** Each registration at the provider, and what the application says about it. */
export const ways: Record<string, { registered: Record<string, unknown>; options: Partial<OidcOptions> }> = {
  pushed: {
    registered: { require_pushed_authorization_requests: true },
    options: { require_pushed_authorization_requests: true },
  },
  "signed-request": {
    registered: { request_object_signing_alg: "ES256", require_signed_request_object: true, jwks },
    options: { request_object: signer },
  },
  "pushed-signed-request": {
    registered: {
      request_object_signing_alg: "ES256",
      require_signed_request_object: true,
      require_pushed_authorization_requests: true,
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: "ES256",
      client_secret: undefined,
      jwks,
    },
    options: {
      request_object: signer,
      require_pushed_authorization_requests: true,
      token_endpoint_auth_method: "private_key_jwt",
      private_key: signing,
    },
  },
  "signed-answer": {
    registered: { authorization_signed_response_alg: "ES256" },
    options: { response_mode: "jwt", authorization_signed_response_alg: "ES256" },
  },
  "sealed-answer": {
    registered: {
      authorization_signed_response_alg: "RS256",
      authorization_encrypted_response_alg: "ECDH-ES",
      authorization_encrypted_response_enc: "A256GCM",
      jwks,
    },
    options: {
      response_mode: "query.jwt",
      authorization_encrypted_response_alg: "ECDH-ES",
      authorization_encrypted_response_enc: "A256GCM",
      decryption_keys: [decryption],
    },
  },
  "sealed-tokens": {
    registered: {
      id_token_signed_response_alg: "ES256",
      id_token_encrypted_response_alg: "ECDH-ES",
      id_token_encrypted_response_enc: "A128GCM",
      userinfo_signed_response_alg: "ES256",
      userinfo_encrypted_response_alg: "ECDH-ES",
      userinfo_encrypted_response_enc: "A128CBC-HS256",
      jwks,
    },
    options: {
      id_token_signed_response_alg: "ES256",
      id_token_encrypted_response_alg: "ECDH-ES",
      id_token_encrypted_response_enc: "A128GCM",
      userinfo_signed_response_alg: "ES256",
      userinfo_encrypted_response_alg: "ECDH-ES",
      decryption_keys: [decryption],
    },
  },
  "signed-userinfo": {
    registered: { userinfo_signed_response_alg: "RS256" },
    options: { userinfo_signed_response_alg: "RS256" },
  },
  "single-claims": {
    registered: {},
    options: {
      scope: "openid",
      claims: { id_token: { email: null, auth_time: { essential: true } } },
      acr_values: "silver",
    },
  },
};
/** Answers that the page of the provider posts. */
export const posted: Record<string, Partial<OidcOptions>> = {
  posted: { response_mode: "form_post" },
  "posted-signed": { response_mode: "form_post.jwt" },
};
