/**
 * What the provider keeps in the store: one kind of entry each, and the shape of its data.
 *
 * Whatever was given out as a handle is kept as `digest` (SHA-256 of its secret part) under the handle's id, never in the
 * clear. A grant is one authorization event and the root of its tokens; a consent is what a person remembers having allowed.
 */
import type { Jwk } from "@valetkey/protocol/jwk";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import { matchesDigest, readHandle } from "@valetkey/protocol/random";
import type { Change, Entry, Filter, Json, Store } from "@valetkey/store";
import type { AuthorizationDetail } from "./authorization-details.ts";
import type { SignedTokenData, TemporaryData } from "./oauth1/entries.ts";
import type { SigningAlg } from "./op.ts";
import type { Confirmation } from "./tokens/binding.ts";
import type { UserCodeData, WaitingData } from "./waiting.ts";

/** Who vouches for a client: the configuration, an administrator, or a stranger (RFC 7591, or a document at its URL). */
export type Provenance = "config" | "admin" | "dynamic" | "document";

/** What is known of a client ID metadata document. Times in milliseconds. */
export interface DocumentState {
  readonly fetchedAt: number;
  /** Until then it counts without being fetched again. */
  readonly freshUntil: number;
  /** Ways in which the client may authenticate; the document may offer several, or none that we have. */
  readonly methods: readonly string[];
  /** When what people were shown, or what proves the client, was last another. */
  readonly changedAt?: number;
}

/** kind `client`, id = client_id. */
export interface ClientData {
  readonly metadata: ClientMetadata & { readonly client_id: string };
  /**
   * Accepted secrets: during a rotation with overlap there are two. `expiresAt` in milliseconds. `sealed`: the secret itself,
   * encrypted, for a method that cannot do with the digest (`client_secret_jwt`).
   */
  readonly secrets: readonly { readonly digest: string; readonly sealed?: string; readonly expiresAt?: number }[];
  /** Who made it: configuration, an administrator, or a stranger, by dynamic registration or by a document of theirs. */
  readonly provenance: Provenance;
  readonly disabled?: boolean;
  /** Set by an administrator only: the consent page is skipped. */
  readonly firstParty?: boolean;
  /** Digest of the registration access token's secret (RFC 7592), for `dynamic`. */
  readonly registration?: string;
  /** For `document`: how it was last read. */
  readonly document?: DocumentState;
  /** Milliseconds. */
  readonly createdAt: number;
}

/** kind `session`, id = handle id; subject set. */
export interface SessionData {
  readonly digest: string;
  readonly sid: string;
  /** Seconds since the epoch. */
  readonly auth_time: number;
  readonly amr?: readonly string[];
  readonly acr?: string;
  /** Milliseconds. */
  readonly createdAt: number;
  readonly lastSeen: number;
  /** Milliseconds: never slid. */
  readonly absoluteEnd: number;
  /** Milliseconds without activity after which it ends. */
  readonly idle: number;
  readonly remember: boolean;
  /** First 256 characters of User-Agent, for the person's list of devices. */
  readonly agent?: string;
}

/** An authorization request after it was read and checked; everything a later step needs. */
export interface AuthorizationRequest {
  readonly client_id: string;
  readonly redirect_uri: string;
  /** Whether the request carried redirect_uri (then the token request must repeat it, RFC 6749 §4.1.3). */
  readonly redirect_uri_sent: boolean;
  readonly response_type: string;
  readonly response_mode: string;
  readonly scope: readonly string[];
  readonly state?: string;
  readonly nonce?: string;
  readonly code_challenge?: string;
  readonly prompt: readonly string[];
  /** Seconds. */
  readonly max_age?: number;
  readonly login_hint?: string;
  /** Subject named by a valid id_token_hint. */
  readonly hint_subject?: string;
  readonly ui_locales?: string;
  /** Authentication contexts that will do (`acr_values`, or the `acr` claim); `essential`: no other will. */
  readonly acr?: { readonly values: readonly string[]; readonly essential: boolean };
  readonly resource: readonly string[];
  /** The `claims` parameter, checked (OpenID Connect Core §5.5). */
  readonly claims?: ClaimsRequest;
  readonly authorization_details?: readonly AuthorizationDetail[];
  /** Thumbprint of the DPoP key the code will be bound to (RFC 9449 §10). */
  readonly dpop_jkt?: string;
  /** What the client wants done with a grant of its own. */
  readonly grant_management?: { readonly action: "create" | "merge" | "replace"; readonly grant_id?: string };
  /** The answer is not sent by redirect: it is the approval of a device or backchannel request with this id. */
  readonly approval?: { readonly kind: "device" | "backchannel" | "oauth1"; readonly id: string };
}

/** The `claims` parameter (OpenID Connect Core §5.5). */
export interface ClaimsRequest {
  readonly userinfo?: Readonly<Record<string, ClaimRequest | null>>;
  readonly id_token?: Readonly<Record<string, ClaimRequest | null>>;
}

/** How one claim is asked for (§5.5.1). */
export interface ClaimRequest {
  readonly essential?: boolean;
  readonly value?: unknown;
  readonly values?: readonly unknown[];
}

/** kind `pushed`, id = handle id; client set: a pushed authorization request (RFC 9126). */
export interface PushedData {
  readonly digest: string;
  /** The parameters as a form. */
  readonly parameters: string;
  /** They were in a request object. */
  readonly signed: boolean;
  /** Thumbprint of the DPoP key that was proved when pushing. */
  readonly dpop_jkt?: string;
  /** The interaction it was begun as: from then on only that browser goes on with it. */
  readonly interaction?: string;
}

/** kind `auth-session`, id = handle id; client set: questions an application of ours asks a person (first-party-apps §5.3.1). */
export interface AuthSessionData {
  readonly digest: string;
  readonly request: AuthorizationRequest;
  /** The first request as a form. */
  readonly parameters: string;
  readonly attempts: number;
  /** Thumbprint of the DPoP key that was proved with the first request. */
  readonly dpop_jkt?: string;
  /** What whoever decides wants to remember. */
  readonly state?: Json;
}

/** kind `interaction`, id = handle id; client set; the browser holds the handle in a cookie of its own. */
export interface InteractionData {
  readonly digest: string;
  /** Milliseconds. */
  readonly createdAt: number;
  readonly request: AuthorizationRequest;
  readonly done: InteractionDone;
  /** What the person is being asked, and as whom they were signed in when asked: an answer counts for that person only. */
  readonly asked?: { readonly step: "login" | "select_account" | "consent" | "create"; readonly subject?: string };
}

/** What the person has done in this interaction. */
export interface InteractionDone {
  /** Milliseconds when the person last signed in within it, and as whom. */
  readonly login?: { readonly at: number; readonly subject: string };
  /** The account picked on the select-account page; without a subject: another one than those signed in here. */
  readonly selected?: { readonly subject?: string };
  /** Decision on the consent page, and for whom; `scopes` is what was left ticked. */
  readonly consent?: { readonly subject: string; readonly scopes: readonly string[] };
  readonly denied?: boolean;
}

/** kind `consent`, id = `consentId(subject, client_id)`; subject and client set. */
export interface ConsentData {
  /** Claims allowed beyond those of the scopes (OpenID Connect Core §5.5). */
  readonly claims?: readonly string[];
  /**
   * Scopes allowed per resource; the key `""` holds those of the provider itself. Kept apart because a scope may be a name in
   * several resources: allowing `read` at one and `write` at another allows neither at both.
   */
  readonly allowed: Readonly<Record<string, readonly string[]>>;
  /** Milliseconds. */
  readonly updatedAt: number;
}

/** kind `logout`, id = handle id: a logout request that waits; the browser holds the handle in a cookie of its own. */
export interface LogoutData {
  readonly digest: string;
  readonly client_id?: string;
  /** From a valid id_token_hint. */
  readonly hint?: { readonly subject: string; readonly sid?: string };
  /** The session that was in force when the person was asked. */
  readonly session?: { readonly subject: string; readonly sid: string };
  /** Registered post_logout_redirect_uri, `state` appended. */
  readonly returnTo?: string;
  /** The session is over: URLs whose frames tell applications so (Front-Channel Logout §3). */
  readonly frames?: readonly string[];
}

/** kind `logout-notice`, id = createId; client and subject set: an application is to be told that a session ended. */
export interface LogoutNoticeData {
  readonly sid: string;
  readonly attempts: number;
  /** Milliseconds: not tried before. */
  readonly nextAt: number;
}

/** kind `grant`, id = `createId`; subject and client set. Removing it cuts every token under it. */
export interface GrantData {
  readonly scope: readonly string[];
  readonly resource: readonly string[];
  /** Seconds since the epoch. */
  readonly auth_time: number;
  readonly amr?: readonly string[];
  readonly acr?: string;
  readonly sid: string;
  readonly nonce?: string;
  /** offline_access was granted: the grant outlives the session (P11). */
  readonly offline: boolean;
  /** Its code has not been redeemed yet: until then it ends with the session, whatever was granted. */
  readonly unredeemed?: true;
  readonly claims?: ClaimsRequest;
  readonly authorization_details?: readonly AuthorizationDetail[];
  /** The grant it was made from by an exchange: it ends with that one. */
  readonly parent?: string;
  /** Made from somebody's token or assertion, for minutes: no person gave it, and nothing is added to it. */
  readonly borrowed?: true;
  /** What the refresh tokens of a public client are bound to (RFC 9449 §5, RFC 8705 §4). */
  readonly cnf?: Confirmation;
  /** The installation of the client that got it, where installations authenticate with keys of their own. */
  readonly instance?: string;
  /** Milliseconds, and how often: when the client changed what is in it. */
  readonly updatedAt?: number;
  readonly generation?: number;
  /** How the client authenticated when it got it, where it may do so in several ways: it never falls back to `none`. */
  readonly method?: string;
  /** Milliseconds. */
  readonly createdAt: number;
}

/** kind `code`, id = handle id; whose it is, its grant says. */
export interface CodeData {
  readonly digest: string;
  readonly grant: string;
  /** Milliseconds: until when the grant stands once the code is redeemed. Until then it ends soon after the code. */
  readonly grantUntil: number;
  readonly redirect_uri: string;
  readonly redirect_uri_sent: boolean;
  readonly code_challenge?: string;
  readonly dpop_jkt?: string;
  /** Redeemed, it changes a grant that stands already (`grant-management.ts`). */
  readonly into?: { readonly grant: string; readonly action: "merge" | "replace" };
  /** Failed redemptions; at 5 the code is dead (P1). */
  readonly failures: number;
  /** Milliseconds. */
  readonly spentAt?: number;
}

/** kind `refresh`, id = handle id; whose it is, its grant says. */
export interface RefreshData {
  readonly digest: string;
  readonly grant: string;
  /** Seconds since the epoch. */
  readonly iat: number;
  /** Milliseconds. */
  readonly spentAt?: number;
  /** Of the grant when it was made. */
  readonly generation?: number;
  /** Handle id of the successor; its secret is derived anew from the presented token and the server's secret. */
  readonly successor?: string;
}

/** kind `access`, id = handle id; whose it is, its grant says. Client set if it is the client's own (client_credentials). */
export interface AccessData {
  readonly digest: string;
  /** Absent for client_credentials. */
  readonly grant?: string;
  readonly scope: readonly string[];
  /** The issuer itself (userinfo) or resources. */
  readonly aud: readonly string[];
  /** Seconds since the epoch. */
  readonly iat: number;
  readonly auth_time?: number;
  readonly acr?: string;
  readonly cnf?: Confirmation;
  readonly authorization_details?: readonly AuthorizationDetail[];
  /** Further claims, e.g. `act`. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** kind `revoked`, id = jti of an `at+jwt` that was revoked before its end (P9). */
export type RevokedData = Record<string, never>;

/** kind `pairwise`, id = the `sub` a sector knows; subject set (OpenID Connect Core §8.1). */
export type PairwiseData = Record<string, never>;

/** kind `seen`, id = hash of what may be seen once: the `jti` of a proof or an assertion. */
export type SeenData = Record<string, never>;

/** kind `initial-access`, id = handle id: allows a stranger to register `uses` more clients (RFC 7591 §3). */
export interface InitialAccessData {
  readonly digest: string;
  readonly uses: number;
}

/** kind `keyring`, id `main`: the signing keys, private halves encrypted with the server's secret. */
export interface KeyringData {
  readonly keys: readonly KeyData[];
}

/** One signing key. Times in milliseconds. */
export interface KeyData {
  readonly kid: string;
  readonly alg: SigningAlg;
  /** `next` is published but does not sign; `retiring` no longer signs but is still published. */
  readonly state: "next" | "active" | "retiring";
  readonly publishedAt: number;
  readonly activatedAt?: number;
  /** For `retiring`: when it is dropped. */
  readonly dropAt?: number;
  readonly public: Jwk;
  /** Private JWK, encrypted; forgotten once the key is `retiring`. */
  readonly private?: string;
}

/** Kind → the shape of its data. */
export interface Kinds {
  client: ClientData;
  pushed: PushedData;
  "auth-session": AuthSessionData;
  session: SessionData;
  interaction: InteractionData;
  consent: ConsentData;
  grant: GrantData;
  code: CodeData;
  refresh: RefreshData;
  access: AccessData;
  revoked: RevokedData;
  seen: SeenData;
  pairwise: PairwiseData;
  "initial-access": InitialAccessData;
  keyring: KeyringData;
  logout: LogoutData;
  device: WaitingData;
  backchannel: WaitingData;
  oauth1: TemporaryData;
  "oauth1-token": SignedTokenData;
  "user-code": UserCodeData;
  "logout-notice": LogoutNoticeData;
}

/** Kinds of which something was given out that leads back to the entry. */
export type HandleKind = { [K in keyof Kinds]: Kinds[K] extends { readonly digest: string } ? K : never }[keyof Kinds];

/** An entry of a kind of ours, typed. */
export type Known<K extends keyof Kinds> = Entry<Kinds[K]>;

/** Finds a live entry of a kind of ours. */
export async function find<K extends keyof Kinds>(store: Store, kind: K, id: string): Promise<Known<K> | undefined> {
  // Nobody but this package writes these kinds, so the data has the shape it was inserted with.
  return (await store.get(kind, id)) as Known<K> | undefined;
}

/**
 * Finds the live entry behind a handle that somebody presents: well-formed, known, and with the right secret, compared in
 * constant time. Nothing otherwise, whatever is wrong with it.
 */
export async function findByHandle<K extends HandleKind>(
  store: Store,
  kind: K,
  text: string,
): Promise<Known<K> | undefined> {
  const handle = readHandle(text, kind);
  const entry = handle && (await find(store, kind, handle.id));
  if (handle === undefined || entry === undefined) return undefined;
  return (await matchesDigest(handle.secret, entry.data.digest)) ? entry : undefined;
}

/** Lists live entries of a kind of ours in order of id. */
export async function list<K extends keyof Kinds>(store: Store, kind: K, filter: Filter): Promise<Known<K>[]> {
  return (await store.list(kind, filter)) as unknown as Known<K>[];
}

/** The change that inserts a new entry. */
export function insert<K extends keyof Kinds>(
  kind: K,
  entry: { id: string; client?: string; subject?: string; expiresAt?: number; data: Kinds[K] },
): Change {
  return { do: "insert", entry: { kind, version: 1, ...entry } as unknown as Entry };
}

/** The change that replaces an entry that was read, keeping whatever is not given. */
export function replace<K extends keyof Kinds>(seen: Known<K>, update: { data: Kinds[K]; expiresAt?: number }): Change {
  return { do: "replace", entry: { ...seen, ...update } as unknown as Entry };
}

/** The change that removes an entry that was read. */
export function remove<K extends keyof Kinds>(seen: Known<K>): Change {
  return { do: "remove", entry: seen as unknown as Entry };
}

/** Id of the consent of one person for one client. */
export function consentId(subject: string, client_id: string): string {
  return `${encodeURIComponent(subject)} ${encodeURIComponent(client_id)}`;
}
