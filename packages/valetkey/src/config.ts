/**
 * The configuration as people write it, in `valetkey.config.ts` or as the argument of `startServer`.
 *
 * Names that a specification gives are spelled as there (`redirect_uris`); durations are seconds or texts like `15m`.
 * Everything is optional: without any configuration the server runs on http://localhost:4000 with a file in `./data`.
 */
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import type { Lifetimes, PkcePolicy } from "@valetkey/provider/op";
import type { Brand } from "./server-options.ts";

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
    | "id_token_signed_response_alg"
  > {
  client_id: string;
  /** 32 to 512 printable ASCII characters; needed unless `token_endpoint_auth_method` is `none`. */
  client_secret?: string | undefined;
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

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

export interface Config {
  /** The public URL, exactly as clients know it. `http://localhost:<port>` unless given. */
  issuer?: string;
  /** 4000 unless given; 0 takes a free one. */
  port?: number;
  /** Address to listen on, 127.0.0.1 unless given. */
  host?: string;
  /** `file:<path>` or `postgres://…`; `file:./data/valetkey.db` unless given. */
  database?: string;
  /** At least 32 characters. Of several the first is used, the others still count. */
  secret?: string | string[];
  clients?: ConfigClient[];
  resources?: ConfigResource[];
  /** Scope → words for the consent page. */
  scopes?: Record<string, string>;
  /** Whether applications may register themselves (RFC 7591): not at all (`off`), or with a token an operator gave out. */
  registration?: "off" | "open" | "token";
  lifetimes?: Partial<Record<keyof Lifetimes, Duration>>;
  /**
   * Which requests for a code must carry a PKCE challenge: all of them unless a policy of `@valetkey/provider/pkce-policy` is
   * given, for confidential clients that cannot.
   */
  pkce?: PkcePolicy;
  brand?: Brand;
  /** Addresses or networks (`10.0.0.0/8`) of proxies whose X-Forwarded-For is believed, for throttling only. */
  trustedProxies?: string[];
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
