/**
 * Second leg of OAuth 1.0a: where the person goes to allow access.
 *
 * RFC 5849 §2.2.
 * Guarantees that the query the endpoint already has is kept and that the token in the URL is the one that was issued.
 */
import { ClientError } from "./client-error.ts";
import { readSecureUrl } from "./lib/secure-url.ts";

export interface OAuth1AuthorizationUrlOptions {
  readonly authorization_endpoint: string;
  /** Of the temporary credentials. */
  readonly oauth_token: string;
  /** What this provider wants besides, e.g. `{ perms: "read" }`. They never replace the token. */
  readonly authorization_params?: Readonly<Record<string, string>>;
}

/** Builds the URL. An endpoint that is no https URL (http on loopback) is `configuration_invalid`. */
export function oauth1AuthorizationUrl(options: OAuth1AuthorizationUrlOptions): URL {
  const { authorization_endpoint, oauth_token, authorization_params = {} } = options;
  const url = readSecureUrl(authorization_endpoint, true);
  if (url === undefined) {
    throw new ClientError(
      "configuration_invalid",
      `authorization_endpoint must be https, got ${authorization_endpoint}`,
    );
  }
  for (const [name, value] of Object.entries(authorization_params)) url.searchParams.set(name, value);
  url.searchParams.set("oauth_token", oauth_token);
  return url;
}
