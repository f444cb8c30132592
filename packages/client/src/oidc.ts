/**
 * Names an OpenID Connect issuer people can sign in with.
 *
 * OpenID Connect Core §3.1, Discovery §4, RFC 8707 §2, RFC 6749 §2.3.1.
 * Guarantees that everything that can be checked without asking the issuer is checked here, before anybody signs in.
 */
import { type JwsAlgorithm, jwsAlgorithms } from "@valetkey/protocol/jwk";
import { checkIssuer } from "@valetkey/protocol/metadata";
import { checkIssuerOption, checkName, checkPrefixes, checkSpelling, type Fail } from "./lib/check-provider.ts";
import { fillTemplate } from "./lib/issuer-template.ts";
import type { OidcOptions } from "./oidc-options.ts";

export type { OidcOptions, ResponseMode, TokenEndpointAuthMethod } from "./oidc-options.ts";

/** A way to sign in: one value in the list `createOAuth` takes. */
export interface OidcProvider extends OidcOptions {
  readonly kind: "oidc";
  readonly name: string;
  readonly scope: string;
  readonly resource: readonly string[];
  readonly id_token_signed_response_alg: JwsAlgorithm;
  readonly label: string;
}

/**
 * Names an OpenID Connect issuer. A mistake is `configuration_invalid` and says which option and what to write instead.
 *
 * @example oidc("acme", { issuer: "https://id.acme.example", scope: "openid email" })
 */
export function oidc(name: string, options: OidcOptions): OidcProvider {
  const fail = checkName("oidc", name);
  checkSpelling(options, fail);
  checkIssuerOption(options.issuer, fail);
  try {
    // Any text a claim could hold: what stays must be an issuer.
    if (options.issuer_template !== undefined) {
      const anything = new Proxy({}, { get: () => "x" });
      checkIssuer(fillTemplate(options.issuer_template, anything), { allowLoopbackHttp: true });
    }
  } catch (cause) {
    throw fail(cause instanceof Error ? cause.message : String(cause));
  }
  const { scope = "openid profile email", resource = [], id_token_signed_response_alg = "RS256" } = options;
  if (!scope.split(" ").includes("openid"))
    throw fail(
      `scope must contain openid, got "${scope}": write "openid ${scope}", or name a service without ID tokens with oauth2()`,
    );
  checkAlgorithms({ ...options, id_token_signed_response_alg }, fail);
  checkPrefixes("resource", resource, fail);
  checkPrefixes("api", options.api === undefined ? [] : [options.api], fail);
  const { max_age, response_type = "code", response_mode = "query" } = options;
  // OAuth 2.0 Multiple Response Types §5: such an answer must not be in a query, and a fragment never reaches the server.
  if (response_type === "code id_token" && !response_mode.startsWith("form_post")) {
    throw fail(`response_type "code id_token" needs response_mode: "form_post"`);
  }
  if (max_age !== undefined && !(Number.isSafeInteger(max_age) && max_age >= 0)) {
    throw fail(`max_age must be a whole number of seconds, got ${max_age}`);
  }
  return {
    ...options,
    kind: "oidc",
    name,
    scope,
    resource,
    id_token_signed_response_alg,
    label: options.label ?? name,
  };
}

function checkAlgorithms(options: OidcOptions, fail: Fail): void {
  const signing = [
    "id_token_signed_response_alg",
    "userinfo_signed_response_alg",
    "authorization_signed_response_alg",
    "token_endpoint_auth_signing_alg",
  ] as const;
  for (const name of signing) {
    const alg = options[name];
    if (alg !== undefined && !(jwsAlgorithms as readonly string[]).includes(alg)) {
      throw fail(`${name} must be one of ${jwsAlgorithms.join(", ")}, got ${alg}`);
    }
  }
  const encrypting = [
    "id_token_encrypted_response_alg",
    "userinfo_encrypted_response_alg",
    "authorization_encrypted_response_alg",
  ] as const;
  for (const name of encrypting) {
    if (options[name] !== undefined && (options.decryption_keys ?? []).length === 0) {
      throw fail(`${name} needs decryption_keys: the private keys that are registered for it`);
    }
  }
}
