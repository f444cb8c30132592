/**
 * The configuration as people write it, in `valetkey.config.ts` or as the argument of `startServer`.
 *
 * Names that a specification gives are spelled as there (`redirect_uris`); durations are seconds or texts like `15m`.
 * Everything is optional: without any configuration the server runs on http://localhost:4000 with a file in `./data`.
 */
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import type { SignatureMethod } from "@valetkey/protocol/oauth1/signature";
import type { FederatedIdentity } from "@valetkey/provider/client-auth/federated";
import type { ClientAuthMethod } from "@valetkey/provider/client-auth/method";
import type { GrantType } from "@valetkey/provider/grants/grant-type";
import type { LogoutChannel } from "@valetkey/provider/logout/channels";
import type { OAuth1 } from "@valetkey/provider/oauth1";
import type { Lifetimes, PkcePolicy, SigningAlg } from "@valetkey/provider/op";
import type { Extension } from "@valetkey/provider/part";
import type { ResponseMode } from "@valetkey/provider/response-modes/response-mode";
import type { ClientAuthName } from "./client-auth-names.ts";
import type { GrantName } from "./grant-names.ts";
import type { BindingMethod, PushName } from "./part-names.ts";
import type { ProfileName } from "./profile-setting.ts";
import type { Brand } from "./server-options.ts";

export type BindingName = "dpop" | "certificate";
export type ResponseModeName = "query" | "fragment" | "form_post" | "jwt";
export type LogoutName = "backchannel" | "frontchannel";
export type ExtensionName = "refresh_expiration" | "signed_metadata" | "grant_management";

/** Seconds, or a number and `s`, `m`, `h` or `d`. */
export type Duration = number | string;

/** A client that is part of the configuration: made or brought up to date at each start. */
export interface ConfigClient
  extends Pick<
    ClientMetadata,
    | "client_name"
    | "client_uri"
    | "logo_uri"
    | "tos_uri"
    | "policy_uri"
    | "contacts"
    | "redirect_uris"
    | "post_logout_redirect_uris"
    | "grant_types"
    | "response_types"
    | "application_type"
    | "scope"
    | "token_endpoint_auth_method"
    | "token_endpoint_auth_signing_alg"
    | "jwks"
    | "jwks_uri"
    | "id_token_signed_response_alg"
    | "userinfo_signed_response_alg"
    | "request_object_signing_alg"
    | "require_pushed_authorization_requests"
    | "dpop_bound_access_tokens"
    | "backchannel_logout_uri"
    | "backchannel_logout_session_required"
    | "default_max_age"
    | "default_acr_values"
  > {
  client_id: string;
  /** 32 to 512 printable ASCII characters; needed for the methods whose names begin with `client_secret_`. */
  client_secret?: string | undefined;
  /** For `tls_client_auth` one of these: whom its certificate names (RFC 8705 §2.1.2). */
  tls_client_auth_subject_dn?: string;
  tls_client_auth_san_dns?: string;
  tls_client_auth_san_uri?: string;
  tls_client_auth_san_ip?: string;
  tls_client_auth_san_email?: string;
  id_token_encrypted_response_alg?: string;
  id_token_encrypted_response_enc?: string;
  userinfo_encrypted_response_alg?: string;
  userinfo_encrypted_response_enc?: string;
  require_signed_request_object?: boolean;
  tls_client_certificate_bound_access_tokens?: boolean;
  frontchannel_logout_uri?: string;
  frontchannel_logout_session_required?: boolean;
  /** For `federated_jwt`: which workload of which issuer it is. */
  federatedIdentity?: FederatedIdentity;
  /** For `urn:openid:params:grant-type:ciba` (CIBA Core §4): `poll` unless given. */
  backchannel_token_delivery_mode?: "poll" | "ping";
  backchannel_client_notification_endpoint?: string;
  backchannel_authentication_request_signing_alg?: string;
  /** With `oauth1`: it speaks OAuth 1.0a and signs so. Then `redirect_uris` are its callbacks and `scope` is what its tokens may do. */
  oauth1_signature_methods?: SignatureMethod[];
  /** Resources whose access tokens it may introspect. */
  introspects?: string[];
  /** It is ours: nobody is asked for consent. */
  firstParty?: boolean;
}

/** A protected API, its scopes, and the form of its access tokens: `opaque` (introspection) unless given. */
export interface ConfigResource {
  resource: string;
  scopes: string[];
  tokens?: "opaque" | "at+jwt";
}

/** A proxy whose word about requests counts. */
export interface TrustedProxy {
  /** Address or network, e.g. `10.0.0.0/8`. */
  address: string;
  /**
   * Header in which it passes on the certificate of the client's connection: `client-cert` (RFC 9440), or one that you make your
   * proxy set, with URL-encoded PEM in it. It must set or remove this header on every request. Absent: certificates are not passed on.
   */
  certificateHeader?: string | undefined;
  /**
   * Whether it has verified who signed the certificate, which `tls_client_auth` needs: `true` if it passes on no others, or the name of
   * a header that it sets to `SUCCESS` when it has.
   */
  certificateVerified?: true | string | undefined;
}

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

export interface Config {
  /** The public URL, exactly as clients know it. `http://localhost:<port>` unless given. */
  issuer?: string;
  /** 4000 unless given; 0 takes a free one. */
  port?: number;
  /** Address to listen on, 127.0.0.1 unless given. */
  host?: string;
  /**
   * How many processes of `valetkey serve` answer at this port: one unless given, `auto` for one per core. More than one needs
   * PostgreSQL. `startServer` is always one: the process that calls it.
   */
  workers?: number | "auto";
  /** `file:<path>` or `postgres://…`; `file:./data/valetkey.db` unless given. */
  database?: string;
  /**
   * What the server is for: OpenID Connect (`openid`, unless given), OAuth 2.1 (`oauth21`), the FAPI 2.0 Security Profile (`fapi2`), or
   * MCP servers (`mcp`). It decides what each of `grants`, `clientAuth`, `bindings`, `responseModes`, `logout`, `push` and `signingAlgs` is
   * that is not written down; `valetkey config print` shows them.
   */
  profile?: ProfileName;
  /** At least 32 characters. Of several the first is used, the others still count. */
  secret?: string | string[];
  clients?: ConfigClient[];
  resources?: ConfigResource[];
  /** Scope → words for the consent page. */
  scopes?: Record<string, string>;
  /** Whether applications may register themselves (RFC 7591): not at all (`off`), or with a token an operator gave out. */
  registration?: "off" | "open" | "token";
  /**
   * Whether applications may come that nobody registered, with the URL of a document about themselves as their `client_id`: from
   * everywhere (`true`), from some hosts (`allow`), or from all but some (`deny`); `*.example.org` means every host below it. Off
   * unless the profile says otherwise. `onChange: "revoke"`: what people allowed such an application ends when its document changes.
   */
  clientIdDocuments?: boolean | { allow?: string[]; deny?: string[]; onChange?: "ask" | "revoke" };
  /**
   * What this server may call beside public hosts at port 443 when a client tells it to: hosts of your own network by name
   * (`rp.internal:8443`), and other ports of public hosts.
   */
  outbound?: { allow?: string[]; ports?: number[] };
  lifetimes?: Partial<Record<keyof Lifetimes, Duration>>;
  /**
   * Which requests for a code must carry a PKCE challenge: all of them unless a policy of `@valetkey/provider/pkce-policy` is
   * given, for confidential clients that cannot.
   */
  pkce?: PkcePolicy;
  brand?: Brand;
  /**
   * What clients can turn into tokens, if they register it: with the profile `openid` `authorization_code`, `refresh_token`,
   * `client_credentials` and `urn:ietf:params:oauth:grant-type:device_code` unless given. Others by name (`urn:openid:params:grant-type:ciba`), or as a value of
   * `@valetkey/provider/grants/…`.
   */
  grants?: (GrantName | GrantType)[];
  /**
   * How clients may authenticate: with the profile `openid` `client_secret_basic`, `client_secret_post`, `private_key_jwt` and `none`
   * unless given. Others by name, or as a value of `@valetkey/provider/client-auth/…`, e.g. `federatedCredentials({ issuers: [githubActions()] })`.
   */
  clientAuth?: (ClientAuthName | ClientAuthMethod)[];
  /** Ways tokens can be bound to a key of their client: `dpop`, `certificate`, or a value of `@valetkey/provider/bindings/…`. */
  bindings?: (BindingName | BindingMethod)[];
  /** Ways answers go to clients: `query`, `fragment`, `form_post`, `jwt`, or a value of `@valetkey/provider/response-modes/…`. */
  responseModes?: (ResponseModeName | ResponseMode)[];
  /** How applications hear that somebody signed out: `backchannel`, `frontchannel`. */
  logout?: (LogoutName | LogoutChannel)[];
  /**
   * What is in no other list: `refresh_expiration` (how long refresh tokens last), `signed_metadata` (RFC 8414 §2.1), `grant_management`,
   * or a value of `@valetkey/provider`. None unless given.
   */
  extensions?: (ExtensionName | Extension)[];
  /** Whether clients may push their requests (RFC 9126): `off`, `allowed`, or `required` of all of them. */
  push?: PushName;
  /** Algorithms there are signing keys for: of `RS256`, `PS256`, `ES256`, `EdDSA`, `ML-DSA-44`, `ML-DSA-65`, `ML-DSA-87`. */
  signingAlgs?: SigningAlg[];
  /**
   * Authentication contexts (`acr`) that applications may ask for, from the weakest to the strongest. A password is the first of them.
   */
  acrs?: string[];
  /** Applications of OAuth 1.0a are served, too: `true`, or `oauth1({ … })` of `@valetkey/provider/oauth1`. */
  oauth1?: boolean | OAuth1;
  /**
   * Addresses or networks (`10.0.0.0/8`) of proxies whose X-Forwarded-For is believed, for throttling only; with more words also
   * what they say about certificates.
   */
  trustedProxies?: (string | TrustedProxy)[];
  log?: { level?: LogLevel };
  /** Where people get help; linked on the sign-in and error pages. */
  helpUrl?: string;
}

/**
 * Gives a configuration its types.
 *
 * ```ts
 * export default defineConfig({ issuer: "https://id.example.org", database: "postgres://…" });
 * ```
 */
export function defineConfig(config: Config): Config {
  return config;
}
