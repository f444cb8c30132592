/**
 * What `createProvider` takes and gives: the public face of the provider.
 */
import type { ClientMetadata, ServerMetadata } from "@valetkey/protocol/metadata";
import type { Entry, Store } from "@valetkey/store";
import type { ClientAuthMethod } from "./client-auth/method.ts";
import type { Client } from "./clients.ts";
import type { GrantType } from "./grants/grant-type.ts";
import type {
  Accounts,
  Awaitable,
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
  Session,
  Throttle,
} from "./op.ts";

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
  /** PKCE S256 required of every client unless a policy from `pkce-policy.ts` is given. */
  readonly pkce?: PkcePolicy;
  readonly errorRedirects?: ErrorRedirectPolicy;
  /** Absent: no registration endpoint. */
  readonly registration?: RegistrationPolicy;
  /** The embedding application's own session; then its login page calls `interactions.answer` after signing in. */
  readonly session?: (request: Request) => Awaitable<Session | undefined>;
  /** `/login`, `/select-account`, `/consent`, `/logout` under the issuer unless given. */
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
export type Step = "login" | "select_account" | "consent";

/** What a page needs to know to ask. Everything in it is text from outside: escape it. */
export interface Interaction {
  readonly id: string;
  readonly step: Step;
  readonly client: {
    readonly client_id: string;
    readonly client_name: string;
    readonly client_uri?: string;
    readonly policy_uri?: string;
    readonly tos_uri?: string;
    readonly provenance: Client["provenance"];
  };
  /** Host (or scheme, for private-use schemes) the person will be sent to; `loopback`: an app on this computer. */
  readonly destination: { readonly host: string; readonly loopback: boolean; readonly scheme?: string };
  /** Scopes asked for that may be granted, in words; `granted`: allowed on an earlier occasion. */
  readonly scopes: readonly { readonly scope: string; readonly words: string; readonly granted: boolean }[];
  readonly resource: readonly string[];
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

/** A logout that waits for the person to confirm (OpenID Connect RP-Initiated Logout §2). */
export interface Logout {
  readonly id: string;
  readonly client?: { readonly client_id: string; readonly client_name: string };
  readonly subject?: string;
  /** Where the browser goes afterwards, with `state`; only ever a registered post_logout_redirect_uri. */
  readonly returnTo?: string;
}

export interface Logouts {
  /** Finds a logout request waiting in this browser. */
  find(request: Request, id: string): Promise<Logout | undefined>;
  /** Ends the session (P11) and answers 303 to `returnTo`, or to the logout page with `?done=1`; or, declined, keeps it. */
  answer(request: Request, id: string, answer: { readonly confirm: boolean }): Promise<Response>;
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
  /** Ends the current session and what is bound to it; gives the `Set-Cookie` values. */
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
}

export interface Tokens {
  /** Reads a token of ours, opaque or `at+jwt`: `undefined` when it is not active, whatever the reason. */
  read(token: string): Promise<TokenState | undefined>;
  /** Revokes a token as its client would (RFC 7009 §2.1). False: it was not active. */
  revoke(token: string): Promise<boolean>;
}

export interface Provider {
  /** Answers what concerns the provider; `undefined`: not one of its URLs. Never rejects. */
  handle(request: Request, peer?: Peer): Promise<Response | undefined>;
  readonly interactions: Interactions;
  readonly logouts: Logouts;
  readonly sessions: Sessions;
  readonly grants: Grants;
  readonly clients: Clients;
  readonly tokens: Tokens;
  readonly metadata: ServerMetadata;
  readonly issuer: string;
}

export type { Entry };
