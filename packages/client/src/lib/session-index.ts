/**
 * By what sessions are found when no browser shows its cookie: by account, by the issuer's name for its session, by person.
 *
 * OpenID Connect Back-Channel Logout 1.0 §2.7, OWASP ASVS 7.4.3 (all sessions of a person).
 * The first account is in the session's own entry; each further one, and the person of the application, has an entry beside it
 * that says nothing but where. Guarantees that such an entry alone signs nobody in: what counts is the session it leads to.
 */
import type { Change, Entry, Filter } from "@valetkey/store";
import type { App } from "./app.ts";
import {
  accountIn,
  accountsIn,
  type FoundSession,
  findSessionById,
  type HeldAccount,
  type Session,
  sessionOf,
} from "./session.ts";
import { accountNames, knownId, personId, sidId } from "./session-names.ts";

/** kind `app-account`: id = `<session id>.<provider>`, subject and client as in a session. kind `app-person`: id = session id. */
type Mark = "app-account" | "app-person";

/** A session, and the account of it that was asked for. */
export interface Holding {
  readonly session: FoundSession;
  readonly account: Session;
}

/** The change by which a session is found by its person, if it is not yet. */
export async function markPerson(app: App, { id, knownAs, expiresAt }: FoundSession): Promise<Change[]> {
  if (knownAs === undefined || (await app.store.get("app-person", id)) !== undefined) return [];
  return [
    {
      do: "insert",
      entry: { kind: "app-person", id, version: 0, subject: await knownId(knownAs), expiresAt, data: null },
    },
  ];
}

/** The change by which a session is found by an account that was added. */
export async function markAccount(app: App, session: FoundSession, account: HeldAccount): Promise<Change> {
  const id = `${session.id}.${account.provider}`;
  const former = await app.store.get("app-account", id);
  const { expiresAt } = session;
  const entry = {
    kind: "app-account",
    id,
    version: former?.version ?? 0,
    ...(await accountNames(account)),
    expiresAt,
    data: null,
  };
  return { do: former === undefined ? "insert" : "replace", entry };
}

/** The change that takes away the mark of an account, if there is one. */
export const unmarkAccount = (app: App, { id }: FoundSession, provider: string): Promise<Change[]> =>
  unmark(app, "app-account", `${id}.${provider}`);

/** The changes that take away every mark of a session. */
export async function unmarkSession(app: App, session: FoundSession): Promise<Change[]> {
  const accounts = await Promise.all(session.more.map(({ provider }) => unmarkAccount(app, session, provider)));
  return [...accounts.flat(), ...(session.knownAs === undefined ? [] : await unmark(app, "app-person", session.id))];
}

async function unmark(app: App, kind: Mark, id: string): Promise<Change[]> {
  const entry = await app.store.get(kind, id);
  return entry === undefined ? [] : [{ do: "remove", entry: { kind, id, version: entry.version, data: null } }];
}

/** Lists where an account is held, in every browser: as the one the person signed in with, or added. */
export const holdingsOf = async (app: App, { iss, sub }: Pick<HeldAccount, "iss" | "sub">): Promise<Holding[]> =>
  (await holdings(app, { subject: await personId(iss, sub) })).filter(
    ({ account }) => account.iss === iss && account.sub === sub,
  );

/** Lists where an account is held on the strength of one session at the issuer. */
export const holdingsOfSid = async (app: App, { iss, sid }: { readonly iss: string; readonly sid: string }) =>
  (await holdings(app, { client: await sidId(iss, sid) })).filter(
    ({ account }) => account.iss === iss && account.sid === sid,
  );

/** Lists the live sessions of a person of the application. */
export async function sessionsKnownAs(app: App, knownAs: string): Promise<FoundSession[]> {
  const marks = await listAll(app, "app-person", { subject: await knownId(knownAs) });
  const found = await Promise.all(marks.map(({ id }) => findSessionById(app, id)));
  return found.filter((one): one is FoundSession => one?.knownAs === knownAs);
}

/** Lists the other live sessions of whoever a session belongs to: by person, and by each of its accounts. */
export async function otherSessions(app: App, session: FoundSession): Promise<FoundSession[]> {
  const { knownAs } = session;
  const byPerson = knownAs === undefined ? [] : await sessionsKnownAs(app, knownAs);
  const held = (await Promise.all(accountsIn(session).map((account) => holdingsOf(app, account)))).flat();
  // An account that belonged to somebody else in between is no reason to end their session.
  const theirs = ({ knownAs: other }: FoundSession) =>
    other !== undefined && knownAs !== undefined && other !== knownAs;
  const byAccount = held.map((one) => one.session).filter((one) => !theirs(one));
  const found = new Map([...byPerson, ...byAccount].map((one) => [one.id, one]));
  found.delete(session.id);
  return [...found.values()];
}

async function holdings(app: App, which: Pick<Filter, "subject" | "client">): Promise<Holding[]> {
  const sessions = (await listAll(app, "app-session", which)).map(sessionOf);
  const found: Holding[] = sessions.map((session) => ({
    session,
    account: { ...session, id: session.tokens ?? session.id },
  }));
  for (const { id } of await listAll(app, "app-account", which)) {
    const dot = id.indexOf(".");
    const session = await findSessionById(app, id.slice(0, dot));
    const account = session && accountIn(session, id.slice(dot + 1));
    if (session !== undefined && account !== undefined) found.push({ session, account });
  }
  return found;
}

async function listAll(
  app: App,
  kind: Mark | "app-session",
  which: Pick<Filter, "subject" | "client">,
): Promise<Entry[]> {
  const found: Entry[] = [];
  const limit = 1000;
  for (let page: Entry[] | undefined; page === undefined || page.length === limit; ) {
    const after: string | undefined = page?.at(-1)?.id;
    page = await app.store.list(kind, { ...which, limit, ...(after === undefined ? {} : { after }) });
    found.push(...page);
  }
  return found;
}
