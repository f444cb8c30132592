/**
 * What the provider keeps in the store: one kind of entry each, and the shape of its data.
 *
 * Whatever was given out as a handle is kept as `digest` (SHA-256 of its secret part) under the handle's id, never in the
 * clear. A grant is one authorization event and the root of its tokens; a consent is what a person remembers having allowed.
 */
import type { Jwk } from "@valetkey/protocol/jwk";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import { matchesDigest, readHandle } from "@valetkey/protocol/random";
import type { Change, Entry, Filter, Store } from "@valetkey/store";

/** kind `client`, id = client_id. */
export interface ClientData {
  readonly metadata: ClientMetadata & { readonly client_id: string };
  /** Accepted secrets: during a rotation with overlap there are two. `expiresAt` in milliseconds. */
  readonly secrets: readonly { readonly digest: string; readonly expiresAt?: number }[];
  /** Who made it: configuration, an administrator, or a stranger by dynamic registration. */
  readonly provenance: "config" | "admin" | "dynamic";
  readonly disabled?: boolean;
  /** Set by an administrator only: the consent page is skipped. */
  readonly firstParty?: boolean;
  /** Digest of the registration access token's secret (RFC 7592), for `dynamic`. */
  readonly registration?: string;
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
  readonly response_type: "code";
  readonly response_mode: "query";
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
  readonly acr_values?: string;
  readonly resource: readonly string[];
}

/** kind `interaction`, id = handle id; client set; the browser holds the handle in a cookie of its own. */
export interface InteractionData {
  readonly digest: string;
  /** Milliseconds. */
  readonly createdAt: number;
  readonly request: AuthorizationRequest;
  readonly done: InteractionDone;
  /** What the person is being asked, and as whom they were signed in when asked: an answer counts for that person only. */
  readonly asked?: { readonly step: "login" | "select_account" | "consent"; readonly subject?: string };
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
  /** Milliseconds. */
  readonly createdAt: number;
}

/** kind `code`, id = handle id; subject and client set. */
export interface CodeData {
  readonly digest: string;
  readonly grant: string;
  /** Milliseconds: until when the grant stands once the code is redeemed. Until then it ends soon after the code. */
  readonly grantUntil: number;
  readonly sid: string;
  readonly redirect_uri: string;
  readonly redirect_uri_sent: boolean;
  readonly code_challenge?: string;
  /** Failed redemptions; at 5 the code is dead (P1). */
  readonly failures: number;
  /** Milliseconds. */
  readonly spentAt?: number;
}

/** kind `refresh`, id = handle id; subject and client set. */
export interface RefreshData {
  readonly digest: string;
  readonly grant: string;
  /** Seconds since the epoch. */
  readonly iat: number;
  /** Milliseconds. */
  readonly spentAt?: number;
  /** Handle id of the successor; its secret is derived anew from the presented token and the server's secret. */
  readonly successor?: string;
}

/** kind `access`, id = handle id; client set, subject set unless it is the client's own (client_credentials). */
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
}

/** kind `revoked`, id = jti of an `at+jwt` that was revoked before its end (P9). */
export type RevokedData = Record<string, never>;

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
  readonly alg: "RS256" | "ES256" | "EdDSA";
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
  session: SessionData;
  interaction: InteractionData;
  consent: ConsentData;
  grant: GrantData;
  code: CodeData;
  refresh: RefreshData;
  access: AccessData;
  revoked: RevokedData;
  "initial-access": InitialAccessData;
  keyring: KeyringData;
  logout: LogoutData;
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
