/**
 * Op: what every part of the provider is given as its first parameter, and nothing imports.
 *
 * It is the frozen result of reading `createProvider`'s options: the three ports (store, keys, accounts), clock, log and
 * fetch, and the lists of values the provider is composed of. Discovery is derived from these lists (RFC 8414, OpenID
 * Connect Discovery 1.0), so what is not in a list is neither served nor announced.
 */

import type { JwkSet } from "@valetkey/protocol/jwk";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import type { Change, Store } from "@valetkey/store";
import type { AuthorizationDetailType } from "./authorization-details.ts";
import type { ClientAuthMethod } from "./client-auth/method.ts";
import type { ClientIdDocuments } from "./client-id-documents.ts";
import type { RemoteKeys } from "./client-keys.ts";
import type { Client } from "./clients.ts";
import type { GrantType } from "./grants/grant-type.ts";
import type { MemberCheck } from "./lib/client-members.ts";
import type { LogoutChannel } from "./logout/channels.ts";
import type { OAuth1 } from "./oauth1.ts";
import type { PairwiseSubjects } from "./pairwise.ts";
import type { Part } from "./part.ts";
import type { ProtectedAnswer } from "./protected-answers.ts";
import type { PushedRequests } from "./pushed-requests.ts";
import type { RequestObjects } from "./request-objects.ts";
import type { ResponseMode } from "./response-modes/response-mode.ts";
import type { ResponseType } from "./response-types.ts";
import type { SoftwareStatements } from "./software-statements.ts";
import type { BindingMethod } from "./tokens/binding.ts";

export type Awaitable<T> = T | Promise<T>;

/** Signature algorithms the provider can sign with; those of ML-DSA (FIPS 204) where the runtime has them. */
export const signingAlgs = ["RS256", "PS256", "ES256", "EdDSA", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"] as const;
export type SigningAlg = (typeof signingAlgs)[number];

/** What a person is to the provider: the stable `sub` and the claims that scopes may release (OpenID Connect Core §5.1). */
export interface Account {
  readonly sub: string;
  /** Standard claims by their own names: `name`, `email`, `email_verified`, `preferred_username`, … Reserved claims are ignored. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Port: the people. Nothing for an unknown, deleted or disabled subject: its tokens stop working at once. */
export interface Accounts {
  find(subject: string): Awaitable<Account | undefined>;
}

/** Port: the signing keys. `createKeys` in `keys.ts` keeps them encrypted in the store and rotates them. */
export interface Keys {
  /** The key that signs now for this algorithm. */
  signing(alg: SigningAlg): Promise<{ readonly kid: string; readonly alg: SigningAlg; readonly key: CryptoKey }>;
  /**
   * Public keys that are or will soon be in use, and those whose signatures may still be around. With a `kid` that is not
   * among those known, the store is asked again first.
   */
  published(kid?: string): Promise<JwkSet>;
  /** Algorithms there is a key for; announced in discovery. */
  readonly algs: readonly SigningAlg[];
  /** Seconds a key stays published after it stopped signing; tokens must not live longer. */
  readonly keepFor?: number;
}

/** Structured log: fields first, then a sentence. Never given secrets, codes or tokens. */
export interface Log {
  debug(fields: Record<string, unknown>, message: string): void;
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

/** A protected API (RFC 8707): its identifier, the scopes it knows, and the form of its access tokens. */
export interface Resource {
  /** Absolute URI without fragment; becomes `aud`. */
  readonly resource: string;
  readonly scopes: readonly string[];
  /** `opaque` (introspection, RFC 7662) or `at+jwt` (RFC 9068). */
  readonly tokens: "opaque" | "at+jwt";
  /** What its `at+jwt` are signed with; the first algorithm there is a key for unless given. */
  readonly alg?: SigningAlg;
}

/** Who is signed in in this browser, according to the provider's own cookie or to the embedding application. */
export interface Session {
  readonly subject: string;
  /** Seconds since the epoch of the last active authentication. */
  readonly auth_time: number;
  /** Public id of the session, goes into ID tokens (OpenID Connect Front-Channel Logout §3). */
  readonly sid: string;
  readonly amr?: readonly string[];
  readonly acr?: string;
  /** Milliseconds; the grants bound to this session end no later. */
  readonly expiresAt: number;
}

/** Seconds. */
export interface Lifetimes {
  readonly code: number;
  readonly access: number;
  readonly id_token: number;
  /** A refresh token unused for so long dies. */
  readonly refreshIdle: number;
  /** The grant behind refresh tokens ends after so long, whatever is rotated. */
  readonly refreshAbsolute: number;
  /** A spent refresh token answers with the same successor for so long (same client, same key). 0 turns it off. */
  readonly refreshRetry: number;
  readonly interaction: number;
  readonly sessionIdle: number;
  readonly sessionAbsolute: number;
  /** Absolute lifetime when the person did not ask to stay signed in (the cookie also ends with the browser). */
  readonly sessionShort: number;
}

/** Says whether a request for a code must carry a PKCE challenge (RFC 7636); see `pkce-policy.ts`. */
export type PkcePolicy = (request: { readonly client: Client; readonly nonce: string | undefined }) => boolean;

/** Says whether a client gets tokens only that are bound to a key; see `binding-policy.ts`. */
export type BindingPolicy = (request: { readonly client: Client }) => boolean;

/** Says whether a refresh token is replaced when it is used; see `refresh-rotation.ts`. */
export type RotationPolicy = (request: { readonly client: Client }) => boolean;

/** Says whether a request must name the resource its tokens are for; see `resource-policy.ts`. */
export type ResourcePolicy = (request: { readonly client: Client }) => boolean;

/** Says whether an error may be sent to the client by redirect although nobody is signed in (RFC 9700 §4.11.2). */
export type ErrorRedirectPolicy = (request: { readonly client: Client; readonly signedIn: boolean }) => boolean;

/** Whether and how strangers may register clients (RFC 7591); see `registration-policy.ts`. */
export interface RegistrationPolicy {
  readonly name: "open" | "token";
  /**
   * Throws `OAuthError` (401 `invalid_token`) when the caller may not register. Gives changes to be committed together with
   * the new client: the spending of an initial access token.
   */
  authorize(op: Op, request: Request, peer: Peer): Promise<readonly Change[]>;
  /** Told of each client that was registered. */
  registered?(op: Op, peer: Peer): Promise<void>;
  /** Seconds after which a client that was never used is forgotten. Absent: never. */
  readonly unusedTtl?: number;
  /** Seconds for which a secret counts that a client is given. Absent: for ever. */
  readonly secretLifetime?: number;
  /** Whose statements about a program count; see `software-statements.ts`. Absent: nobody's. */
  readonly statements?: SoftwareStatements;
  /** Metadata a stranger's client gets at most; throws `invalid_client_metadata`. */
  limit?(metadata: ClientMetadata): ClientMetadata;
}

/** So many attempts in so many seconds. */
export interface Limit {
  readonly attempts: number;
  readonly seconds: number;
}

/** Where attempts are counted so that guessing is slow. Keys are built by the caller, e.g. `client:IP`. */
export interface Throttle {
  /** Seconds until another attempt is allowed, 0 if it is allowed now. Without a limit the throttle's own applies. */
  blocked(key: string, limit?: Limit): Promise<number>;
  failed(key: string, limit?: Limit): Promise<void>;
}

/** What is known of the connection a request came in on; never read from forwarded headers here. */
export interface Peer {
  readonly ip?: string | undefined;
  /** The certificate the caller's TLS connection was made with (RFC 8705): DER, base64 without line breaks. */
  readonly certificate?: string | undefined;
  /** Where the connection ends it was verified that an authority which is trusted there signed the certificate. */
  readonly certificateVerified?: boolean | undefined;
}

/**
 * Where people are asked: paths or absolute URLs. Each gets `?interaction=<id>`, `logout` gets `?logout=<id>`, `device`,
 * `approve` and `oauth1` get `?done=approved`, `denied` or `failed` when it is over.
 */
export interface Pages {
  readonly login: string;
  readonly select_account: string;
  readonly consent: string;
  readonly logout: string;
  /** Where somebody makes an account (`prompt=create`). Absent: nobody can. */
  readonly create?: string;
  /** Where somebody enters the code a device shows; it may be there as `?user_code=`. */
  readonly device: string;
  /** Where somebody sees what waits for them; `?request=<id>` is one of them. */
  readonly approve: string;
  /** Where somebody reads the code to type into an application of OAuth 1.0a: `?oauth_verifier=` and `?client_id=` of the application. */
  readonly oauth1: string;
}

/** Shows an error that must not be sent to a client as a page (400 and HTML, unless said otherwise). */
export type ErrorPage = (
  request: Request,
  error: { readonly error: string; readonly description: string; readonly status: number; readonly returnTo?: string },
) => Awaitable<Response>;

export type EndpointName =
  | "authorize"
  | "token"
  | "userinfo"
  | "revoke"
  | "introspect"
  | "register"
  | "end_session"
  | "jwks"
  | "push"
  | "device_authorization"
  | "backchannel_authentication"
  | "oauth1_initiate"
  | "oauth1_authorize"
  | "oauth1_token"
  | "grant_management"
  | "challenge";

export interface Op {
  readonly issuer: string;
  readonly store: Store;
  readonly keys: Keys;
  readonly accounts: Accounts;
  /** The first makes, all check. */
  readonly secrets: readonly [string, ...string[]];
  /** Scope → words for the consent page. Only scopes in here can be asked for. */
  readonly scopes: Readonly<Record<string, string>>;
  /** Scope → the claims it releases (OpenID Connect Core §5.4). */
  readonly claims: Readonly<Record<string, readonly string[]>>;
  readonly resources: ReadonlyMap<string, Resource>;
  readonly grants: ReadonlyMap<string, GrantType>;
  readonly clientAuth: readonly ClientAuthMethod[];
  /** Ways a token can be tied to a key (RFC 9449, RFC 8705). Empty: all tokens are bearer tokens. */
  readonly bindings: readonly BindingMethod[];
  readonly boundTokens: BindingPolicy;
  readonly responseTypes: ReadonlyMap<string, ResponseType>;
  readonly responseModes: ReadonlyMap<string, ResponseMode>;
  /** Pushed authorization requests (RFC 9126). */
  readonly push: PushedRequests | undefined;
  /** Request objects (RFC 9101). */
  readonly requestObjects: RequestObjects | undefined;
  /** Clients that are known by a document at their URL. */
  readonly clientIdDocuments: ClientIdDocuments | undefined;
  /** OAuth 1.0a (RFC 5849). */
  readonly oauth1: OAuth1 | undefined;
  /** Types of `authorization_details` (RFC 9396) by name. */
  readonly authorizationDetails: ReadonlyMap<string, AuthorizationDetailType>;
  /** How applications hear that somebody signed out. */
  readonly logout: readonly LogoutChannel[];
  readonly pairwise: PairwiseSubjects | undefined;
  /** Forms of answers that clients can register for. */
  readonly answers: readonly ProtectedAnswer[];
  /** Authentication contexts (`acr`) a person can sign in with here, from the weakest to the strongest. */
  readonly acrs: readonly string[];
  readonly remoteKeys: RemoteKeys;
  /** Every listed value that brings something with it. */
  readonly parts: readonly Part[];
  /** Client metadata members known because of a part. */
  readonly members: Readonly<Record<string, MemberCheck>>;
  readonly pkce: PkcePolicy;
  readonly refreshRotation: RotationPolicy;
  readonly resourceIndicators: ResourcePolicy;
  readonly errorRedirects: ErrorRedirectPolicy;
  readonly registration: RegistrationPolicy | undefined;
  /** The embedding application's own session; `undefined`: the provider's sessions. */
  readonly session: ((request: Request) => Awaitable<Session | undefined>) | undefined;
  readonly pages: Pages;
  readonly errorPage: ErrorPage;
  readonly throttle: Throttle;
  /** Counts in this process what anybody may cause to be stored: interactions and logouts by network. */
  readonly flood: Throttle;
  readonly lifetimes: Lifetimes;
  /** Absolute URL of each endpoint. */
  readonly urls: Readonly<Record<EndpointName, string>>;
  /** Cookies carry `Secure` and the `__Host-` prefix: the issuer is https. */
  readonly secureCookies: boolean;
  readonly now: () => number;
  readonly log: Log;
  readonly fetch: typeof fetch;
}
