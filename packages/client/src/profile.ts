/**
 * Who the person is at a provider that has no ID token, and the API a `profile` function finds it out with.
 *
 * OpenID Connect Core §5.1 lends its names; §5.7 its rule: only issuer and id together name a person, an address never does.
 */

/** The person, as the provider tells. */
export interface Profile {
  /** Stable at this provider, never given to somebody else: not a name, not an address. */
  readonly id: string;
  readonly name?: string;
  readonly username?: string;
  readonly email?: string;
  /** True only if the provider says that it verified the address. */
  readonly email_verified?: boolean;
  readonly picture?: string;
  /** The provider's own words. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/**
 * Calls the provider during a sign-in, with the fresh token. URLs are absolute, or relative to `api`. Anything but 200 and JSON is
 * `userinfo_invalid`, an outage `issuer_unavailable`, an address tokens must not go to `url_not_allowed`.
 */
export interface ProfileApi {
  /** Fetches a JSON object. */
  json(url: string, init?: RequestInit): Promise<Record<string, unknown>>;
  /** Fetches a JSON array. */
  list(url: string, init?: RequestInit): Promise<unknown[]>;
  readonly client_id: string;
  /** The token answer, as it arrived. */
  readonly tokens: Readonly<Record<string, unknown>>;
  /** Parameters of the authorization answer, e.g. Apple's `user`. They came through the browser: verify nothing by them. */
  readonly callback: Readonly<Record<string, string>>;
}
