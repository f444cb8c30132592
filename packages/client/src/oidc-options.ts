/**
 * What there is to say about an OpenID Connect issuer and this application's registration there.
 *
 * OpenID Connect Core §3.1.2.1 and §5.5, Registration §2, JARM §3, RFC 8705 §3.4, RFC 8707 §2, RFC 9101, RFC 9126 §6,
 * RFC 9396 §2, RFC 9449 §5.2.
 */
import type { ImportedKey, JweAlgorithm, JweEncryption, Jwk, JwsAlgorithm } from "@valetkey/protocol/jose";
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import type { Values } from "./oauth2.ts";
import type { Profile, ProfileApi } from "./profile.ts";
import type { RequestSigner } from "./request-object.ts";

export type TokenEndpointAuthMethod =
  | "client_secret_basic"
  | "client_secret_post"
  | "client_secret_jwt"
  | "private_key_jwt"
  | "tls_client_auth"
  | "self_signed_tls_client_auth"
  | "none";

/** How the answer comes back. `jwt` and `….jwt`: signed (JARM). `form_post`: posted by the browser, off loopback over https only. */
export type ResponseMode = "query" | "form_post" | "jwt" | "query.jwt" | "form_post.jwt";

/** The application's credentials and how it proves them. */
export interface CredentialOptions {
  /** `{NAME}_CLIENT_ID` from the environment unless given. */
  readonly client_id?: string;
  /** `{NAME}_CLIENT_SECRET` from the environment unless given. A function for one that is made anew each time. */
  readonly client_secret?: string | (() => string | Promise<string>);
  /** As registered; default `client_secret_basic`. `none` for a client without a secret. */
  readonly token_endpoint_auth_method?: TokenEndpointAuthMethod;
  /** For `private_key_jwt`: an imported key, or a JWK with its private half, `kid` and `alg`. */
  readonly private_key?: ImportedKey | Jwk;
  /** For `private_key_jwt`; default the key's own `alg`, else RS256. */
  readonly token_endpoint_auth_signing_alg?: JwsAlgorithm;
  /**
   * Tokens bound to a key (DPoP, RFC 9449): stolen ones are of no use. Each sign-in makes a key, which is kept with the tokens,
   * encrypted; `auth.fetch` proves that it is there. A token that is not bound is refused.
   */
  readonly dpop_bound_access_tokens?: boolean;
}

/** What to ask of the issuer. */
export interface RequestOptions {
  /** Names separated by blanks; must contain `openid`. Default `openid profile email`. */
  readonly scope?: string;
  /** What stands between names of scopes on the wire; default a blank. */
  readonly scope_separator?: " " | ",";
  /** APIs that `auth.fetch` may send tokens to, each with a token of its own. */
  readonly resource?: readonly string[];
  /** e.g. `consent` or `select_account`. */
  readonly prompt?: string;
  /** Seconds: whoever proved who they are longer ago has to do it again. Checked in the ID token. */
  readonly max_age?: number;
  /** Names of authentication context classes, separated by blanks, the preferred one first. Look at `claims.acr` afterwards. */
  readonly acr_values?: string;
  /** Single claims (Core §5.5): `{ id_token: { … }, userinfo: { … } }`. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** What the person shall allow, in more words than a scope has (RFC 9396). */
  readonly authorization_details?: readonly Readonly<Record<string, unknown>>[];
  /** Default `code`. With `code id_token` a first ID token comes along with the code; for answers that are posted. */
  readonly response_type?: "code" | "code id_token";
  /** Default `query`. */
  readonly response_mode?: ResponseMode;
  /** Further parameters of the authorization request. They never replace ours. */
  readonly authorization_params?: Values;
  /** Further parameters of token requests. They never replace ours. */
  readonly token_params?: Values;
  /** Hands every request to the issuer directly (RFC 9126). Done anyway where the issuer demands it. */
  readonly require_pushed_authorization_requests?: boolean;
  /** Signs the request, and encrypts it if there is a key for that (RFC 9101). */
  readonly request_object?: RequestSigner;
}

/** What the issuer was told at registration about the tokens and answers it makes. */
export interface AnswerOptions {
  /** Default RS256. */
  readonly id_token_signed_response_alg?: JwsAlgorithm;
  /** Set: an ID token that is not encrypted is refused. */
  readonly id_token_encrypted_response_alg?: JweAlgorithm;
  /** Default A128CBC-HS256, as the specification has it. */
  readonly id_token_encrypted_response_enc?: JweEncryption;
  /** Set: userinfo that is not signed is refused. */
  readonly userinfo_signed_response_alg?: JwsAlgorithm;
  /** Set: userinfo that is not encrypted is refused. */
  readonly userinfo_encrypted_response_alg?: JweAlgorithm;
  readonly userinfo_encrypted_response_enc?: JweEncryption;
  /** Of JARM answers; default RS256. */
  readonly authorization_signed_response_alg?: JwsAlgorithm;
  /** Set: an answer that is not encrypted is refused. */
  readonly authorization_encrypted_response_alg?: JweAlgorithm;
  readonly authorization_encrypted_response_enc?: JweEncryption;
  /** Private keys, as JWK, whose public halves are registered for encryption. */
  readonly decryption_keys?: readonly Jwk[];
}

/** What to know about an issuer and this application's registration there. */
export interface OidcOptions extends CredentialOptions, RequestOptions, AnswerOptions {
  /** Exactly as the issuer calls itself, e.g. `https://id.example.org`. */
  readonly issuer: string;
  /**
   * For a place where many issuers sign in, each under a name of its own: `{claim}` stands for a claim of the ID token, e.g.
   * `https://login.microsoftonline.com/{tid}/v2.0`. Whoever may open an account at any of them can sign in: look at the claim.
   */
  readonly issuer_template?: string;
  /**
   * Tokens bound to the application's certificate (RFC 8705 §3): every request goes to the issuer's endpoints for connections
   * with one, its `mtls_endpoint_aliases`. The `fetch` given to `createOAuth` carries the certificate.
   */
  readonly tls_client_certificate_bound_access_tokens?: boolean;
  /** What the issuer's discovery document lacks or gets wrong. */
  readonly metadata?: Partial<Omit<ServerMetadata, "issuer">>;
  /** Base of relative URLs in `auth.fetch` and `profile`; tokens may go there. */
  readonly api?: string;
  /** Sent with API requests, e.g. the version of the API. */
  readonly headers?: Values;
  /** Adds to, or corrects, what the claims say about the person. Who it is stays what the ID token says. */
  readonly profile?: (
    claims: Readonly<Record<string, unknown>>,
    api: ProfileApi,
  ) => Partial<Omit<Profile, "id">> | Promise<Partial<Omit<Profile, "id">>>;
  /** What the button says; default the name. */
  readonly label?: string;
}
