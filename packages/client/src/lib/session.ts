/**
 * Who is signed in in this browser: a handle in a cookie, everything else in the store.
 *
 * OWASP ASVS 7.2 and 7.4, RFC 6265bis §4.1.3 (`__Host-`).
 * Guarantees a fresh handle for every sign-in, and that a session which was removed is over at once everywhere.
 */
import { readCookies, setCookie } from "@valetkey/protocol/cookie";
import { createHandle, digestOf, matchesDigest, readHandle } from "@valetkey/protocol/random";
import type { Change, Entry, Filter, Json } from "@valetkey/store";
import type { User } from "../auth.ts";
import type { App } from "./app.ts";

/** kind `app-session`, id = handle id; subject = `personId(iss, sub)`, client = `sidId(iss, sid)`. */
export interface SessionData {
  readonly digest: string;
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
  /** Milliseconds. */
  readonly createdAt: number;
}

/** A session that was found, under the id its tokens share. */
export interface Session extends Omit<SessionData, "digest"> {
  readonly id: string;
  readonly version: number;
}

const kind = "app-session";

/** Names a person for the store's list: the pair of issuer and subject, of bounded length. */
export const personId = (iss: string, sub: string): Promise<string> => digestOf(JSON.stringify([iss, sub]));

/** Names a session at the issuer, for the store's list by `client`: what the issuer calls its session with this browser. */
const sidId = (iss: string, sid: string): Promise<string> => digestOf(JSON.stringify([iss, "sid", sid]));

/** Makes a session: the change that stores it, and the cookie that carries it. */
export async function createSession(
  app: App,
  origin: string,
  person: Omit<SessionData, "digest" | "createdAt">,
): Promise<{ readonly id: string; readonly expiresAt: number; readonly change: Change; readonly cookie: string }> {
  const now = app.now();
  const { id, handle, digest } = await createHandle("app", now);
  const expiresAt = now + app.sessionLifetime;
  const data = { ...person, digest, createdAt: now } as unknown as Json;
  const subject = await personId(person.iss, person.sub);
  const client = person.sid === undefined ? {} : { client: await sidId(person.iss, person.sid) };
  const entry = { kind, id, version: 0, subject, ...client, expiresAt, data };
  const cookie = sessionCookie(origin, handle, Math.floor(app.sessionLifetime / 1000));
  return { id, expiresAt, change: { do: "insert", entry }, cookie };
}

/** Finds the session this browser holds the handle of. Store failures are thrown: they are not "nobody". */
export async function findSession(app: App, request: Request, origin: string): Promise<Session | undefined> {
  const handle = readHandle(readCookies(request).get(cookieName(origin)) ?? "", "app");
  if (handle === undefined) return undefined;
  const entry = await app.store.get(kind, handle.id);
  if (entry === undefined) return undefined;
  const session = sessionOf(entry);
  const { digest } = entry.data as unknown as SessionData;
  if (!(await matchesDigest(handle.secret, digest))) return undefined;
  // A provider taken out of the configuration signs nobody in any more.
  return app.remotes.has(session.provider) ? session : undefined;
}

/** Finds a session by an id that nobody but the application could have written down. */
export async function findSessionById(app: App, id: string): Promise<Session | undefined> {
  const entry = await app.store.get(kind, id);
  return entry === undefined ? undefined : sessionOf(entry);
}

/** Lists the live sessions of the person, in every browser. */
export const sessionsOfPerson = async (app: App, { iss, sub }: Pick<Session, "iss" | "sub">): Promise<Session[]> =>
  listSessions(app, { subject: await personId(iss, sub) });

/** Lists the live sessions that belong to one session at the issuer. */
export const sessionsOfSid = async (app: App, at: { readonly iss: string; readonly sid: string }): Promise<Session[]> =>
  listSessions(app, { client: await sidId(at.iss, at.sid) });

async function listSessions(app: App, which: Pick<Filter, "subject" | "client">): Promise<Session[]> {
  const found: Session[] = [];
  const limit = 1000;
  for (let page: Entry[] | undefined; page === undefined || page.length === limit; ) {
    const after: string | undefined = page?.at(-1)?.id;
    page = await app.store.list(kind, { ...which, limit, ...(after === undefined ? {} : { after }) });
    found.push(...page.map(sessionOf));
  }
  return found;
}

/** The change that ends a session. */
export const removeSession = ({ id, version }: Session): Change => ({
  do: "remove",
  entry: { kind, id, version, data: null },
});

/** The cookie that takes the handle away from the browser. */
export const dropSessionCookie = (origin: string): string => sessionCookie(origin, "", 0);

function sessionOf({ id, version, data }: Entry): Session {
  const { digest: _, ...session } = data as unknown as SessionData;
  return { ...session, id, version };
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
