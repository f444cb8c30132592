/**
 * The tokens of a session, encrypted, in the store.
 *
 * RFC 9449 §5 (the key they may be bound to), RFC 9700 §4.14, OWASP ASVS 14.2: tokens stay on the server and are unreadable without the application's secret.
 * Guarantees that sealed tokens open only in the entry they were sealed for.
 */
import type { Jwk } from "@valetkey/protocol/jose";
import type { Change, Entry, Json } from "@valetkey/store";
import type { Tokens } from "../token-request.ts";
import type { App } from "./app.ts";
import { open, seal } from "./sealed.ts";

/** kind `app-tokens`, id = `<session id>.<provider>`. */
interface VaultData {
  readonly sealed: string;
  /** Why the person must sign in again. */
  readonly again?: string;
  readonly lease?: Lease;
  readonly restUntil?: number;
}

/** Whoever is refreshing: nobody else may until it is over. */
export interface Lease {
  readonly owner: string;
  /** Milliseconds from which on the owner counts as dead. */
  readonly until: number;
}

/** An access token for one audience. Times in milliseconds. */
export type HeldToken = Pick<Tokens, "access_token" | "token_secret" | "obtainedAt" | "expiresAt" | "scope">;

/** What a vault entry holds. */
export interface Kept {
  /** By resource; under `""` the token for the issuer itself. */
  readonly access: Readonly<Record<string, HeldToken>>;
  readonly refresh_token?: string;
  readonly id_token?: string;
  /** The key they are all bound to; absent: Bearer tokens. */
  readonly dpop?: Jwk;
  /** Granted at sign-in, names separated by blanks. */
  readonly scope?: string;
}

/** A vault entry, opened. */
export interface Vault {
  readonly id: string;
  readonly version: number;
  readonly expiresAt: number | undefined;
  readonly kept: Kept;
  readonly again: string | undefined;
  readonly lease?: Lease | undefined;
  /** Milliseconds until which the issuer is left alone: it did not answer whoever asked last. */
  readonly restUntil?: number | undefined;
}

const kind = "app-tokens";

/** Names the vault entry of a session's account with a provider. */
export const vaultId = (sessionId: string, provider: string): string => `${sessionId}.${provider}`;

/** Takes over tokens as they arrived at sign-in, with the key they are bound to. */
export function keep(tokens: Tokens, dpop?: Jwk): Kept {
  const { refresh_token, id_token, scope } = tokens;
  return {
    access: { "": held(tokens) },
    ...(refresh_token === undefined ? {} : { refresh_token }),
    ...(id_token === undefined ? {} : { id_token }),
    ...(scope === undefined ? {} : { scope }),
    ...(dpop === undefined ? {} : { dpop }),
  };
}

/** What may outlive a session of the same person at the same provider. */
export type Former = Pick<Kept, "refresh_token" | "dpop">;

/**
 * Takes over a former refresh token where none came with the new tokens. If it is bound to a key, that key is taken over too,
 * and the access token that just came is not: one entry, one key.
 */
export function keepFormer(kept: Kept, { refresh_token, dpop }: Former): Kept {
  if (kept.refresh_token !== undefined || refresh_token === undefined) return kept;
  return dpop === undefined ? { ...kept, refresh_token } : { ...kept, refresh_token, dpop, access: {} };
}

/** The part of an answer that is kept for one audience. */
export const held = ({ access_token, token_secret, obtainedAt, expiresAt, scope }: Tokens): HeldToken => ({
  access_token,
  obtainedAt,
  ...(token_secret === undefined ? {} : { token_secret }),
  ...(expiresAt === undefined ? {} : { expiresAt }),
  ...(scope === undefined ? {} : { scope }),
});

/** The change that stores tokens for the first time. */
export async function insertVault(app: App, id: string, kept: Kept, expiresAt: number): Promise<Change> {
  return { do: "insert", entry: await sealedEntry(app, { id, version: 0, expiresAt, kept, again: undefined }) };
}

/** The change that stores them anew; it expects the version that was read. */
export async function replaceVault(app: App, vault: Vault): Promise<Change> {
  return { do: "replace", entry: await sealedEntry(app, vault) };
}

/** The change that forgets them. */
export const removeVault = ({ id, version }: Vault): Change => ({
  do: "remove",
  entry: { kind, id, version, data: null },
});

/** Reads the tokens; nothing if they are gone. Tokens that cannot be opened ask for a new sign-in. */
export async function readVault(app: App, id: string): Promise<Vault | undefined> {
  const entry = await app.store.get(kind, id);
  if (entry === undefined) return undefined;
  const { sealed, again, lease, restUntil } = entry.data as unknown as VaultData;
  const { tokens: keys } = await app.keys();
  const opened = await open<{ id: string; kept: Kept }>(keys, sealed);
  const common = { id, version: entry.version, expiresAt: entry.expiresAt };
  if (opened?.id !== id) {
    return { ...common, kept: { access: {} }, again: "the stored tokens cannot be read with this secret" };
  }
  return { ...common, kept: opened.kept, again, lease, restUntil };
}

async function sealedEntry(app: App, vault: Vault): Promise<Entry> {
  const { id, version, expiresAt, kept, again, lease, restUntil } = vault;
  const { tokens: keys } = await app.keys();
  const data: VaultData = {
    sealed: await seal(keys, { id, kept }),
    ...(again === undefined ? {} : { again }),
    ...(lease === undefined ? {} : { lease }),
    ...(restUntil === undefined ? {} : { restUntil }),
  };
  return { kind, id, version, ...(expiresAt === undefined ? {} : { expiresAt }), data: data as unknown as Json };
}
