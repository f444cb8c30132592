/**
 * The ways to sign in, as values: what `createOAuth({ providers })` takes.
 */
import type { OAuth1Provider } from "./oauth1.ts";
import type { OAuth2Provider } from "./oauth2.ts";
import type { OidcProvider } from "./oidc.ts";

/** Made by `oidc()`, `oauth2()` or `oauth1()`, or by a preset that calls one of them. */
export type Provider = OidcProvider | OAuth2Provider | OAuth1Provider;
