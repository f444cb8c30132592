/**
 * What `createProvider` takes and gives: the public face of the provider.
 */
import type { ClientMetadata, ServerMetadata } from "@valetkey/protocol/metadata";
import type { Entry, Store } from "@valetkey/store";
import type { AuthorizationDetail, AuthorizationDetailType } from "./authorization-details.ts";
import type { ClientAuthMethod } from "./client-auth/method.ts";
import type { ClientIdDocuments } from "./client-id-documents.ts";
import type { Client } from "./clients.ts";
import type { GrantType } from "./grants/grant-type.ts";
import type { LogoutChannel } from "./logout/channels.ts";
import type { OAuth1 } from "./oauth1.ts";
import type {
  Accounts,
  Awaitable,
  BindingPolicy,
  EndpointName,
  ErrorPage,
  ErrorRedirectPolicy,
  Keys,
  Lifetimes,
  Log,
  Pages,
  Peer,
  PkcePolicy,
  RegistrationPolicy,
  Resource,
  ResourcePolicy,
  RotationPolicy,
  Session,
  SigningAlg,
  Throttle,
} from "./op.ts";
import type { PairwiseSubjects } from "./pairwise.ts";
import type { Extension } from "./part.ts";
import type { ProtectedAnswer } from "./protected-answers.ts";
import type { PushedRequests } from "./pushed-requests.ts";
import type { RequestObjects } from "./request-objects.ts";
import type { ResponseMode } from "./response-modes/response-mode.ts";
import type { ResponseType } from "./response-types.ts";
import type { BindingMethod, Confirmation } from "./tokens/binding.ts";

export interface ProviderOptions {
  /** The issuer identifier, https (http only on loopback), exactly as clients know it. May have a path. */
  readonly issuer: string;
  readonly store: Store;
  readonly keys: Keys;
  readonly accounts: Accounts;
  /** At least 32 characters each; the first is used for what is made now, all are tried when checking. */
  readonly secret: string | readonly string[];
  /** Scope → words for the consent page, beside `openid`, `profile`, `email`, `offline_access`, which exist already. */
  readonly scopes?: Readonly<Record<string, string>>;
  /** Scope → claims it releases, beside the standard ones. */
  readonly claims?: Readonly<Record<string, readonly string[]>>;
  readonly resources?: readonly Resource[];
  /** `[authorizationCode, refreshToken, clientCredentials]` unless given. */
  readonly grants?: readonly GrantType[];
  /** `[secretBasic, secretPost, none]` unless given. */
  readonly clientAuth?: readonly ClientAuthMethod[];
  /** Ways tokens can be tied to a key: `[dpop()]`, `[certificateBound()]`. None unless given. */
  readonly bindings?: readonly BindingMethod[];
  /** Who must have bound tokens: those that registered so unless a policy from `binding-policy.ts` is given. */
  readonly boundTokens?: BindingPolicy;
  /** `[code]` unless given; the others are in `legacy.ts`. */
  readonly responseTypes?: readonly ResponseType[];
  /** `[query, fragment, formPost]` unless given. */
  readonly responseModes?: readonly ResponseMode[];
  /** `pushedRequests()`: clients may push their requests. Absent: they cannot. */
  readonly push?: PushedRequests;
  /** `requestObjects()`: clients may send signed requests. Absent: they cannot. */
  readonly requestObjects?: RequestObjects;
  /** `clientIdDocuments()`: clients may be known by a document at their own URL. Absent: they must be registered. */
  readonly clientIdDocuments?: ClientIdDocuments;
  /** `oauth1()`: applications of OAuth 1.0a are served, too. Absent: they are not. */
  readonly oauth1?: OAuth1;
  /** Types of `authorization_details`. */
  readonly authorizationDetails?: readonly AuthorizationDetailType[];
  /** How applications hear that somebody signed out: `[backchannelLogout, frontchannelLogout]`. Not at all unless given. */
  readonly logout?: readonly LogoutChannel[];
  /** Answers clients can have as JWTs: `[signedUserinfo]` unless given; see `protected-answers.ts`. */
  readonly answers?: readonly ProtectedAnswer[];
  /** `pairwiseSubjects({ salt })`: clients may be told another `sub` of a person than others. */
  readonly pairwise?: PairwiseSubjects;
  /** `[refreshExpiration, signedMetadata(), grantManagement()]`: what has no list of its own. None unless given. */
  readonly extensions?: readonly Extension[];
  /** Authentication contexts (`acr`) a person can sign in with, from the weakest to the strongest; pages say which was used. */
  readonly acrs?: readonly string[];
  /** PKCE S256 required of every client unless a policy from `pkce-policy.ts` is given. */
  readonly pkce?: PkcePolicy;
  /** Signature algorithms that may be used here, of those there are keys for; all of them unless given. */
  readonly signingAlgs?: readonly SigningAlg[];
  /** Refresh tokens are replaced with each use unless a policy from `refresh-rotation.ts` is given. */
  readonly refreshRotation?: RotationPolicy;
  /** Requests may leave `resource` out unless a policy from `resource-policy.ts` is given. */
  readonly resourceIndicators?: ResourcePolicy;
  readonly errorRedirects?: ErrorRedirectPolicy;
  /** Absent: no registration endpoint. */
  readonly registration?: RegistrationPolicy;
  /** The embedding application's own session; then its login page calls `interactions.answer` after signing in. */
  readonly session?: (request: Request) => Awaitable<Session | undefined>;
  /** `/login`, `/select-account`, `/consent`, `/logout`, `/device`, `/approve`, `/oauth1/code` under the issuer unless given. */
  readonly pages?: Partial<Pages>;
  readonly errorPage?: ErrorPage;
  readonly throttle?: Throttle;
  readonly lifetimes?: Partial<Lifetimes>;
  /** Paths of endpoints under the issuer, e.g. `{ authorize: "/oauth/authorize" }`. */
  readonly paths?: Partial<Record<EndpointName, string>>;
  readonly now?: () => number;
  readonly log?: Log;
  readonly fetch?: typeof fetch;
}

/** One thing a person must do before an authorization request can be answered. */
export type Step = "login" | "select_account" | "consent" | "create";

/** What a page needs to know to ask. Everything in it is text from outside: escape it. */
export interface Interaction {
  readonly id: string;
  /** `answer`: nothing is left to ask. The page sends the browser on, to the authorization endpoint with `interaction=<id>`. */
  readonly step: Step | "answer";
  readonly client: {
    readonly client_id: string;
    readonly client_name: string;
    readonly client_uri?: string;
    readonly policy_uri?: string;
    readonly tos_uri?: string;
    readonly provenance: Client["provenance"];
    /** Of a client that is known by a document of its own: the host that document, and so the name, comes from. */
    readonly host?: string;
    /** It has changed since this person allowed it something. */
    readonly changed?: true;
  };
  /**
   * Host (or scheme, for private-use schemes) the person will be sent to; `loopback`: an app on this computer. Absent for an
   * approval: nobody is sent anywhere.
   */
  readonly destination?: { readonly host: string; readonly loopback: boolean; readonly scheme?: string };
  /** Scopes asked for that may be granted, in words; `granted`: allowed on an earlier occasion. */
  readonly scopes: readonly { readonly scope: string; readonly words: string; readonly granted: boolean }[];
  /** Asked on another device than this one. */
  readonly approval?: Approval;
  readonly resource: readonly string[];
  /** Claims asked for beyond those of the scopes, by name. */
  readonly claims: readonly string[];
  /** `authorization_details` in the words of their types. */
  readonly details: readonly { readonly type: string; readonly words: readonly string[] }[];
  /** Authentication contexts that were asked for and can be had here, if any: sign in with one of them. */
  readonly acr: readonly string[];
  /** The person who is signed in or was selected, on the consent page. */
  readonly subject?: string;
  /** Sessions in this browser, for the select-account page. */
  readonly sessions: readonly Session[];
  readonly login_hint?: string;
  readonly ui_locales?: string;
  /** The person signed in before and is asked to do it again (`prompt=login`, `max_age`). */
  readonly again: boolean;
  /** Milliseconds: when the application sent the person here. A sign-in from before is not the one that `again` asks for. */
  readonly createdAt: number;
}

/** A request that was made on another device (RFC 8628 §3.3, CIBA Core §7), or that ends with a code to type (RFC 5849 §2.2, `oob`). */
export interface Approval {
  readonly kind: "device" | "backchannel" | "oauth1";
  /** To be compared with what the device shows. */
  readonly user_code?: string;
  /** To be compared with what the other device shows (CIBA Core §7.1). */
  readonly binding_message?: string;
  /** Network the request came from; see `networkOf`. */
  readonly network?: string;
  /** Milliseconds: when it was made, and when it ends. */
  readonly createdAt: number;
  readonly until: number;
}

/** Who signed in, and how. */
export interface Login {
  readonly subject: string;
  /** How, e.g. `["pwd"]` (RFC 8176). */
  readonly amr?: readonly string[];
  readonly acr?: string;
  /** Stay signed in when the browser is closed. */
  readonly remember?: boolean;
  /**
   * Asked once the session stands: does what was proved still hold? A password that was changed or an account that was
   * disabled while it was being checked must not leave a session behind: if not, the session is removed at once.
   */
  readonly still?: () => Awaitable<boolean>;
}

/** What the person did. */
export type Answer =
  | ({ readonly step: "login" } & Login)
  | { readonly step: "select_account"; readonly sid: string }
  /** Sign in with another account instead. */
  | { readonly step: "select_account"; readonly other: true }
  /** `scopes`: what was left ticked; all of them if absent. */
  | { readonly step: "consent"; readonly decision: "allow"; readonly scopes?: readonly string[] }
  | { readonly step: "consent"; readonly decision: "deny" }
  /** From any page: back to the client with `access_denied`. */
  | { readonly cancel: true };

export interface Interactions {
  /** Finds the interaction this browser holds the cookie of; nothing once it is over, expired, or another browser's. */
  find(request: Request, id: string): Promise<Interaction | undefined>;
  /**
   * Records what the person did and sends the browser back to the authorization endpoint (303), which works out the
   * next step anew. Throws `invalid_request` when there is no such interaction here or it comes from another site.
   */
  answer(request: Request, id: string, answer: Answer): Promise<Response>;
}

/** A request that waits for a person's approval, for the page that lists them. */
export interface WaitingRequest extends Approval {
  readonly id: string;
  readonly client: { readonly client_id: string; readonly client_name: string };
}

/** Approvals of requests that were made on other devices: what their pages need. */
export interface Approvals {
  /**
   * Begins the approval of the device that shows this code, however it was typed, and sends the browser to the authorization
   * endpoint (303). Nothing for a code that is unknown, has expired or was used: those are one answer. Throws 429 for whoever has
   * guessed too often, `invalid_request` for what another site sent.
   */
  enter(request: Request, user_code: string, peer?: Peer): Promise<Response | undefined>;
  /** What waits for this person, the oldest first (CIBA). */
  list(subject: string): Promise<WaitingRequest[]>;
  /**
   * Begins one of those (303): whoever is not the person it is for is asked to sign in as them. Nothing if it is over, or there never
   * was one with this id.
   */
  open(request: Request, id: string, peer?: Peer): Promise<Response | undefined>;
}

/** A logout that waits for the person to confirm (OpenID Connect RP-Initiated Logout §2). */
export interface Logout {
  readonly id: string;
  readonly client?: { readonly client_id: string; readonly client_name: string };
  readonly subject?: string;
  /** Where the browser goes afterwards, with `state`; only ever a registered post_logout_redirect_uri. */
  readonly returnTo?: string;
  /**
   * The person is signed out already: show these in frames, so that applications hear of it, and then go to `returnTo`. Until they
   * are there: ask.
   */
  readonly frames?: readonly string[];
}

export interface Logouts {
  /** Tells applications what is due to be told them; for a timer. Gives how many were told. */
  deliver(): Promise<number>;
  /** Finds a logout request waiting in this browser. */
  find(request: Request, id: string): Promise<Logout | undefined>;
  /**
   * Ends the session (P11) and answers 303 to `returnTo`, or to the logout page: with `?done=1`, or with a logout that has `frames`.
   * Declined: keeps it.
   */
  answer(request: Request, id: string, answer: { readonly confirm: boolean }): Promise<Response>;
  /** Ends the session of this browser because the person said so on a page of the server itself; answers as `answer` does. */
  end(request: Request): Promise<Response>;
}

/** One of a person's sessions, for the page that lists them. */
export interface ListedSession extends Session {
  /** Milliseconds. */
  readonly createdAt: number;
  readonly lastSeen: number;
  readonly agent?: string;
  readonly current: boolean;
}

/** The provider's own sessions: absent work for them when the application brings its own. */
export interface Sessions {
  /** The session in force in this browser: the first of those its cookie names. */
  current(request: Request): Promise<Session | undefined>;
  inBrowser(request: Request): Promise<Session[]>;
  /** Starts a session (always a fresh one) and gives the `Set-Cookie` values that make it the current one. */
  start(request: Request, login: Login): Promise<string[]>;
  list(request: Request, subject: string): Promise<ListedSession[]>;
  /**
   * Ends the current session and what is bound to it; gives the `Set-Cookie` values. Applications hear of it by the back channel
   * only: where there is a page to go to, `logouts.end` tells them through the browser, too.
   */
  end(request: Request): Promise<string[]>;
  /** Ends one of the subject's sessions by `sid`, with the grants bound to it. False: there is none. */
  endOne(subject: string, sid: string): Promise<boolean>;
  /** Ends all of a subject's sessions but one; `grants: "all"` also cuts offline grants (P10: password changed). */
  endAll(subject: string, options?: { exceptSid?: string | undefined; grants?: "session" | "all" }): Promise<void>;
}

/** What a person has allowed an application, for the page that lists it. */
export interface ConnectedApp {
  readonly client_id: string;
  readonly client_name: string;
  readonly client_uri?: string;
  /** Of a client that is known by a document of its own: the host it comes from. */
  readonly host?: string;
  readonly scope: readonly string[];
  readonly offline: boolean;
  /** Milliseconds. */
  readonly since: number;
}

export interface Grants {
  /** Applications with a consent or a live grant. */
  list(subject: string): Promise<ConnectedApp[]>;
  /** Forgets the consent and cuts every grant and code of this person for this client. */
  revoke(subject: string, client_id: string): Promise<void>;
  /** Everything of a person: sessions, consents, grants, codes (the account was disabled or deleted). */
  forget(subject: string): Promise<void>;
}

export interface Clients {
  find(client_id: string): Promise<Client | undefined>;
  list(page?: { after?: string; limit?: number }): Promise<Client[]>;
  /** Registers a client; the secret is in the answer once. Throws `invalid_client_metadata` or `invalid_redirect_uri`. */
  add(
    metadata: ClientMetadata & { client_id?: string; client_secret?: string },
    by: { provenance: Client["provenance"]; firstParty?: boolean },
  ): Promise<{ client: Client; client_secret?: string }>;
  /** Replaces metadata and flags; the client_id stays. Resolves to nothing for an unknown client. */
  set(
    client_id: string,
    update: { metadata?: ClientMetadata; disabled?: boolean; firstParty?: boolean; secret?: string },
  ): Promise<Client | undefined>;
  /** A new secret; the old one is accepted for `overlap` more seconds (0 unless told). */
  rotate(
    client_id: string,
    options?: { overlap?: number },
  ): Promise<{ client: Client; client_secret: string } | undefined>;
  /** Removes the client: its tokens stop working at once. */
  remove(client_id: string): Promise<boolean>;
}

/** What a token is, for operators and the introspection endpoint. */
export interface TokenState {
  readonly kind: "access" | "refresh";
  readonly client_id: string;
  readonly subject?: string;
  readonly scope: readonly string[];
  readonly aud: readonly string[];
  /** Seconds since the epoch. */
  readonly iat: number;
  readonly exp: number;
  readonly auth_time?: number;
  readonly acr?: string;
  readonly jti: string;
  readonly grant?: string;
  readonly cnf?: Confirmation;
  readonly authorization_details?: readonly AuthorizationDetail[];
  /** Further claims, e.g. `act`. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

export interface Tokens {
  /** Reads a token of ours, opaque or `at+jwt`: `undefined` when it is not active, whatever the reason. */
  read(token: string): Promise<TokenState | undefined>;
  /**
   * Reads the token of a request that is signed in the way of OAuth 1.0a, sent to an API in this process. The nonce counts as used:
   * ask once per request. `origin`: where clients reach the API, if a proxy hides it. `bodyHash`: `required` refuses bodies that are
   * neither forms nor signed by their hash. Throws `OAuth1Problem`.
   */
  readOAuth1(
    request: Request,
    place?: { readonly origin?: string; readonly bodyHash?: "required" | "checked" },
  ): Promise<TokenState>;
  /** Revokes a token as its client would (RFC 7009 §2.1). False: it was not active. */
  revoke(token: string): Promise<boolean>;
}

export interface Provider {
  /** Answers what concerns the provider; `undefined`: not one of its URLs. Never rejects. */
  handle(request: Request, peer?: Peer): Promise<Response | undefined>;
  readonly interactions: Interactions;
  readonly approvals: Approvals;
  readonly logouts: Logouts;
  readonly sessions: Sessions;
  readonly grants: Grants;
  readonly clients: Clients;
  readonly tokens: Tokens;
  readonly metadata: ServerMetadata;
  readonly issuer: string;
}

export type { Entry };
