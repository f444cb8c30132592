/**
 * Who is signed in in this browser: a handle in a cookie, everything else in the store.
 *
 * OWASP ASVS 7.2 and 7.4, RFC 6265bis §4.1.3 (`__Host-`).
 * Guarantees a fresh handle for every sign-in, and that a session which was removed is over at once everywhere.
 */
import { readCookies, setCookie } from "@valetkey/protocol/cookie";
import { createHandle, deriveHandle, matchesDigest, randomToken, readHandle } from "@valetkey/protocol/random";
import type { Change, Entry, Json } from "@valetkey/store";
import type { User } from "../auth.ts";
import type { App } from "./app.ts";
import { isIssuerOf } from "./issuer-template.ts";
import { accountNames } from "./session-names.ts";

/** An account with a provider, as a session holds it. */
export interface HeldAccount {
  readonly provider: string;
  readonly iss: string;
  readonly sub: string;
  /** Claims of the ID token and of userinfo, or what a profile said. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** What was read from them. */
  readonly person: Omit<User, "sub" | "claims">;
  /** Milliseconds at which the person proved who they are, if the provider said. */
  readonly authTime?: number;
  /** The provider's name for its session. */
  readonly sid?: string;
  /** Milliseconds at which the person last came back from the provider. */
  readonly createdAt: number;
  /** Names its tokens; absent: they go by the id of the session. */
  readonly tokens?: string;
}

/** kind `app-session`, id = handle id; subject and client are those of the account the person signed in with. */
interface SessionData extends HeldAccount {
  readonly digest: string;
  /** Who this is in the application. */
  readonly knownAs?: string;
  /** Accounts that were added: one for each further provider. */
  readonly more?: readonly HeldAccount[];
}

/** One account of a session that was found. `id` is what its tokens go by. */
export interface Session extends HeldAccount {
  readonly id: string;
}

/** A session that was found: the account the person signed in with, and those that were added. */
export interface FoundSession extends Session {
  readonly version: number;
  /** Milliseconds. */
  readonly expiresAt: number;
  readonly digest: string;
  readonly knownAs?: string;
  readonly more: readonly HeldAccount[];
}

const kind = "app-session";

/** Makes a session: the change that stores it, and the cookie that carries it. */
export async function createSession(app: App, origin: string, account: HeldAccount, knownAs: string | undefined) {
  const now = app.now();
  const { id, handle, digest } = await createHandle("app", now);
  const expiresAt = now + app.sessionLifetime;
  const known = knownAs === undefined ? {} : { knownAs };
  const session: FoundSession = { ...account, digest, ...known, more: [], id, version: 0, expiresAt };
  const { entry } = await replaceSession(session);
  const change: Change = { do: "insert", entry };
  return { session, change, cookie: sessionCookie(origin, handle, Math.floor(app.sessionLifetime / 1000)) };
}

/** The change that stores a session anew; it expects the version that was read. */
export async function replaceSession(session: FoundSession): Promise<Change> {
  const { id, version, expiresAt, ...data } = session;
  const entry = { kind, id, version, ...(await accountNames(session)), expiresAt, data: data as unknown as Json };
  return { do: "replace", entry };
}

/** Gives a session a new handle: whoever holds the former one holds nothing. */
export async function withNewHandle(app: App, origin: string, session: FoundSession) {
  const { handle, digest } = await deriveHandle("app", session.id, randomToken(32), "");
  const left = Math.max(0, Math.floor((session.expiresAt - app.now()) / 1000));
  return { session: { ...session, digest }, cookie: sessionCookie(origin, handle, left) };
}

/** Finds the session this browser holds the handle of. Store failures are thrown: they are not "nobody". */
export async function findSession(app: App, request: Request, origin: string): Promise<FoundSession | undefined> {
  const handle = readHandle(readCookies(request).get(cookieName(origin)) ?? "", "app");
  if (handle === undefined) return undefined;
  const session = await findSessionById(app, handle.id);
  if (session === undefined || !(await matchesDigest(handle.secret, session.digest))) return undefined;
  // A provider taken out of the configuration signs nobody in any more, and what was held of it is out of reach.
  if (!isConfigured(app, session)) return undefined;
  return { ...session, more: session.more.filter((account) => isConfigured(app, account)) };
}

/** Tells whether the browser holds a handle of this session that counts no more: the session has been given another since. */
export async function holdsFormerHandle(app: App, request: Request, origin: string, id: string): Promise<boolean> {
  const handle = readHandle(readCookies(request).get(cookieName(origin)) ?? "", "app");
  if (handle?.id !== id) return false;
  const session = await findSessionById(app, id);
  return session !== undefined && !(await matchesDigest(handle.secret, session.digest));
}

/** Another issuer under the same name is another provider: it vouched for nobody here, and must not get the former one's tokens. */
function isConfigured(app: App, { provider, iss }: HeldAccount): boolean {
  const remote = app.remotes.get(provider);
  return remote !== undefined && isIssuerOf(remote, iss);
}

/** Finds a session by an id that nobody but the application could have written down. */
export async function findSessionById(app: App, id: string): Promise<FoundSession | undefined> {
  const entry = await app.store.get(kind, id);
  return entry === undefined ? undefined : sessionOf(entry);
}

/** The accounts of a session: first the one the person signed in with. Each goes with the id its tokens have. */
export const accountsIn = (session: FoundSession): Session[] =>
  [session, ...session.more].map((account) => ({ ...heldAccount(account), id: account.tokens ?? session.id }));

/** The account with a provider, if the session has one. */
export const accountIn = (session: FoundSession, provider: string): Session | undefined =>
  accountsIn(session).find((one) => one.provider === provider);

/** Tells whether two are the same account: the e-mail address and whatever else may change say nothing about it. */
export const isSameAccount = (
  one: Pick<HeldAccount, "provider" | "iss" | "sub">,
  other: Pick<HeldAccount, "provider" | "iss" | "sub">,
): boolean => one.provider === other.provider && one.iss === other.iss && one.sub === other.sub;

/** The user an account is about. */
export const userOfAccount = ({ sub, person, claims }: HeldAccount): User => ({ sub, ...person, claims });

/** Takes out of something larger what belongs to the account. */
export function heldAccount(from: HeldAccount): HeldAccount {
  const { provider, iss, sub, claims, person, authTime, sid, createdAt, tokens } = from;
  return {
    provider,
    iss,
    sub,
    claims,
    person,
    createdAt,
    ...(authTime === undefined ? {} : { authTime }),
    ...(sid === undefined ? {} : { sid }),
    ...(tokens === undefined ? {} : { tokens }),
  };
}

/** The change that ends a session. */
export const removeSession = ({ id, version }: FoundSession): Change => ({
  do: "remove",
  entry: { kind, id, version, data: null },
});

/** The cookie that takes the handle away from the browser. */
export const dropSessionCookie = (origin: string): string => sessionCookie(origin, "", 0);

export function sessionOf({ id, version, expiresAt = 0, data }: Entry): FoundSession {
  return { more: [], ...(data as unknown as SessionData), id, version, expiresAt };
}

const cookieName = (origin: string): string => (origin.startsWith("https:") ? "__Host-vk_app" : "vk_app");

const sessionCookie = (origin: string, value: string, maxAge: number): string =>
  setCookie(cookieName(origin), value, {
    secure: origin.startsWith("https:"),
    httpOnly: true,
    sameSite: "Lax",
    path: "/",
    maxAge,
  });
