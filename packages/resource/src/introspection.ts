/**
 * How this API asks an issuer what a token is: who it is itself, and how long an answer counts.
 *
 * RFC 7662 §2.1 and §4, RFC 7523 §2.2 as updated by RFC 10070, RFC 8705 §2, RFC 9701 §4.
 * Guarantees that an answer is used no longer than `cacheFor` allows, and never beyond the token's own end.
 */

import type { ByCertificate, ByPrivateKey, BySecret, BySecretJwt } from "@valetkey/protocol/client-authentication";
import type { Jwk } from "@valetkey/protocol/jose";
import type { Fetch } from "@valetkey/protocol/read-json";
import { type Duration, readDuration } from "./lib/duration.ts";

/** How this API proves who it is, as registered at the issuer. */
export type IntrospectionClient =
  | (BySecret & { readonly client_secret: string })
  | ByPrivateKey
  | BySecretJwt
  | ByCertificate;

export type IntrospectionOptions = IntrospectionClient & {
  /**
   * How long an answer counts, at most `"5m"`: so long a revoked token still passes. Default 0: every request asks. That a token is
   * not active is kept too, for 10 seconds at most.
   */
  readonly cacheFor?: Duration;
  /** How many answers are kept; default 1000, and as many of tokens that are not active. */
  readonly cacheEntries?: number;
  /** Asks for signed answers and accepts no others (RFC 9701); default false. */
  readonly signed?: boolean;
  /** Private keys, if answers are registered to be encrypted. */
  readonly decryption_keys?: readonly Jwk[];
  /** For this call alone; default the resource's. */
  readonly fetch?: Fetch;
};

const longestCache = 300;

/** Checks that there is a client and something to prove it by: an empty variable of the environment must not show at the first request. */
export function checkClient(client: object): void {
  const { client_id, client_secret, private_key, token_endpoint_auth_method } = client as Readonly<
    Record<string, unknown>
  >;
  const wrong = (what: string) => new TypeError(`introspection.${what}`);
  if (typeof client_id !== "string" || client_id === "")
    throw wrong("client_id is missing or empty: which client asks, as registered at the issuer?");
  if (client_secret === "") throw wrong("client_secret is empty: is the variable set that it comes from?");
  const byCertificate = String(token_endpoint_auth_method ?? "").endsWith("tls_client_auth");
  if (client_secret === undefined && private_key === undefined && !byCertificate)
    throw wrong("client_secret is missing: what does this client prove itself by?");
}

/** Reads `cacheFor` and `cacheEntries`; what is out of bounds is a `TypeError`. */
export function readCacheBounds({ cacheFor = 0, cacheEntries = 1000 }: IntrospectionOptions): {
  /** Seconds. */
  readonly lifetime: number;
  readonly entries: number;
} {
  const lifetime = readDuration("introspection.cacheFor", cacheFor);
  if (lifetime > longestCache) throw new TypeError(`introspection.cacheFor must be at most "5m", got ${cacheFor}`);
  if (!Number.isSafeInteger(cacheEntries) || cacheEntries < 1)
    throw new TypeError(`introspection.cacheEntries must be a positive number, got ${cacheEntries}`);
  return { lifetime, entries: cacheEntries };
}
