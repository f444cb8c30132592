/**
 * Names an OpenID Connect issuer people can sign in with.
 *
 * OpenID Connect Core §3.1, Discovery §4, RFC 8707 §2, RFC 6749 §2.3.1.
 * Guarantees that everything that can be checked without asking the issuer is checked here, before anybody signs in.
 */
import { type JwsAlgorithm, jwsAlgorithms } from "@valetkey/protocol/jwk";
import { checkIssuer, type ServerMetadata } from "@valetkey/protocol/metadata";
import { ClientError } from "./client-error.ts";
import { readSecureUrl } from "./lib/secure-url.ts";

export type TokenEndpointAuthMethod = "client_secret_basic" | "client_secret_post" | "none";

/** What to know about an issuer and this application's registration there. */
export interface OidcOptions {
  /** Exactly as the issuer calls itself, e.g. `https://id.example.org`. */
  readonly issuer: string;
  /** `{NAME}_CLIENT_ID` from the environment unless given. */
  readonly client_id?: string;
  /** `{NAME}_CLIENT_SECRET` from the environment unless given. */
  readonly client_secret?: string;
  /** Names separated by blanks; must contain `openid`. Default `openid profile email`. */
  readonly scope?: string;
  /** APIs that `auth.fetch` may send tokens to, each with a token of its own. */
  readonly resource?: readonly string[];
  /** As registered; default `client_secret_basic`. `none` for a client without a secret. */
  readonly token_endpoint_auth_method?: TokenEndpointAuthMethod;
  /** As registered; default RS256. */
  readonly id_token_signed_response_alg?: JwsAlgorithm;
  /** e.g. `consent` or `select_account`. */
  readonly prompt?: string;
  /** What the issuer's discovery document lacks or gets wrong. */
  readonly metadata?: Partial<Omit<ServerMetadata, "issuer">>;
  /** What the button says; default the name. */
  readonly label?: string;
}

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
  const fail = (message: string) => new ClientError("configuration_invalid", `oidc("${name}"): ${message}`);
  if (!/^[a-z0-9][a-z0-9_-]{0,63}$/.test(name)) throw fail("a name is lower-case letters, digits, - and _");
  try {
    checkIssuer(options.issuer, { allowLoopbackHttp: true });
  } catch (cause) {
    throw fail(cause instanceof Error ? cause.message : String(cause));
  }
  const { scope = "openid profile email", resource = [], id_token_signed_response_alg = "RS256" } = options;
  if (!scope.split(" ").includes("openid")) throw fail(`scope must contain openid, got "${scope}"`);
  if (!(jwsAlgorithms as readonly string[]).includes(id_token_signed_response_alg)) {
    throw fail(`id_token_signed_response_alg must be one of ${jwsAlgorithms.join(", ")}`);
  }
  for (const one of resource) {
    // RFC 8707 §2: absolute, without fragment. A query has no place in a prefix.
    if (readSecureUrl(one, true) === undefined || /[?#]/.test(one)) {
      throw fail(`resource must be https URLs without query and fragment (http on loopback), got ${one}`);
    }
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
