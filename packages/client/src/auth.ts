/**
 * Who is signed in, and what the application may do on their behalf.
 */

/** The person. `sub` is stable with its issuer; an e-mail address is not: never use it as a key. */
export interface User {
  readonly sub: string;
  readonly name?: string;
  readonly username?: string;
  readonly email?: string;
  readonly email_verified?: boolean;
  readonly picture?: string;
  /** Claims of the ID token and of userinfo, or what a profile said, as they arrived at sign-in. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** An account of the person with a provider. */
export interface Account {
  readonly provider: string;
  readonly issuer: string;
  readonly sub: string;
  /** Granted at sign-in. */
  readonly scope: readonly string[];
  /** Milliseconds at which the access token for the issuer ends, as far as known. */
  readonly expiresAt?: number;
  /** Set: the permission has ended, and this is why. */
  readonly signInAgain?: string;
}

export interface SignOutOptions {
  /** Also sign out at the issuer, where it offers that. */
  readonly provider?: boolean;
  /** Ends all sessions of this person, in every browser. */
  readonly everywhere?: boolean;
  /** Path to go to afterwards; default `/`. Signing out at the issuer leads to `/` always: that URL is registered. */
  readonly returnTo?: string;
}

/** A signed-in person, for the time of one request. */
export interface Auth {
  readonly user: User;
  /** Name of the provider the person signed in with. */
  readonly provider: string;
  /** Its issuer: together with `user.sub` the key of the account. */
  readonly issuer: string;
  /** Who this is in the application: the `person` that `onSignIn` answered with. */
  readonly person?: string;
  /** Milliseconds at which the person last proved who they are, as far as the provider tells. */
  readonly authTime?: number;
  /**
   * Fetches from the provider's API with a token that refreshes itself. A relative URL lies under the provider's `api`.
   * Redirects are handed back, not followed. Throws
   * `ClientError`: `url_not_allowed`, `sign_in_again`, `issuer_unavailable`, `no_refresh_token`, `not_connected`.
   *
   * @example const answer = await auth.fetch("acme", "https://api.acme.example/photos");
   */
  fetch(provider: string, url: string | URL, init?: RequestInit): Promise<Response>;
  /**
   * Asks for more scopes when they are needed: gives the redirect to answer with, or nothing if they were granted already. The
   * person comes back to the same page, or to `returnTo`. What was granted before stays.
   *
   * @example const redirect = await auth.needScope("acme", "calendar"); if (redirect) return redirect;
   */
  needScope(provider: string, scope: string, options?: { readonly returnTo?: string }): Promise<Response | undefined>;
  /**
   * Answers an API that wants the person to prove who they are in another way, or again (RFC 9470): gives the redirect to answer
   * with, or nothing if its answer says no such thing. The person comes back to the same page, or to `returnTo`, with tokens that say so.
   * A provider that did not sign them in as the API wants is refused there, so nobody goes round in circles.
   *
   * @example const redirect = await auth.needStepUp("acme", answer); if (redirect) return redirect;
   */
  needStepUp(
    provider: string,
    answer: Response,
    options?: { readonly returnTo?: string },
  ): Promise<Response | undefined>;
  /** The accounts this session holds tokens of: first the one the person signed in with, then those that were added. */
  accounts(): Promise<readonly Account[]>;
  /**
   * Takes an account away, by name of its provider or by its key, and revokes its tokens. Where `onSignIn` says who a person is, it
   * goes out of all their sessions, and those that were begun with it end. The account this session was begun with is
   * `account_in_use`: signing out ends that one. What the application itself stores about it is the application's.
   *
   * @example await auth.unlink("acme");
   */
  unlink(account: string | { readonly issuer: string; readonly sub: string }): Promise<void>;
  /** Ends the session and gives the redirect to answer with. The session is over even if the answer is not used. */
  signOut(options?: SignOutOptions): Promise<Response>;
}
