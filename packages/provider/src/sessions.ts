/**
 * The provider's own sessions: who is signed in in a browser, since when, and until when.
 *
 * OpenID Connect Core §2 (auth_time), Front-Channel Logout §3 (sid); NIST SP 800-63B §7 (idle and absolute ends).
 * Guarantees that every login makes a fresh handle, that the absolute end never slides, and that only somebody who holds
 * the handle is the person: the store knows its digest.
 */
import { createHandle, randomToken } from "@valetkey/protocol/random";
import { type Change, StoreUnavailable } from "@valetkey/store";
import { cutSessions, listAll, removeAll } from "./cut.ts";
import { find, findByHandle, insert, type Known, remove, replace, type SessionData } from "./entries.ts";
import { framesFor, queueNotices, type SignedInAt, signedInAt, startDelivery } from "./logout/notices.ts";
import type { Op, Session } from "./op.ts";
import type { ListedSession, Login, Sessions } from "./options.ts";
import { maxSessions, readSessionCookie, type SessionSlot, writeSessionCookie } from "./session-cookie.ts";

const touchEvery = 5 * 60_000;
const maxAttempts = 5;

/** A session that this browser proved to hold. */
interface Opened {
  readonly handle: string;
  readonly entry: Known<"session">;
}

/** What a login page knows of a login. */
/** Finds who is signed in: by the application's own session if there is one, else by our cookie. */
export async function currentSession(op: Op, request: Request): Promise<Session | undefined> {
  return (await sessionsInBrowser(op, request)).current;
}

/** Finds the current session of this browser, and all that are open in it, the current one first. */
export async function sessionsInBrowser(
  op: Op,
  request: Request,
): Promise<{ readonly current: Session | undefined; readonly all: readonly Session[] }> {
  if (op.session !== undefined) {
    const session = await op.session(request);
    if (session === undefined || session.expiresAt <= op.now()) return { current: undefined, all: [] };
    return { current: session, all: [session] };
  }
  const [current, ...others] = await open(op, request);
  if (current !== undefined) await touch(op, current.entry);
  const all = [current, ...others].filter((one) => one !== undefined).map(({ entry }) => sessionOf(entry));
  return { current: current && sessionOf(current.entry), all };
}

/**
 * Prepares a login: the changes to commit, and the `Set-Cookie` value that makes it the current session. It takes the place
 * of a session the same person has in this browser, under a new handle; what was bound to that one stays bound (same `sid`).
 */
export async function prepareLogin(
  op: Op,
  request: Request,
  login: Login,
): Promise<{ changes: Change[]; cookie: string; confirm: () => Promise<void> }> {
  const now = op.now();
  const opened = (await open(op, request)).filter((one) => one !== undefined);
  const replaced = opened.find(({ entry }) => entry.subject === login.subject);
  const others = opened.filter((one) => one !== replaced);
  const [kept, dropped] = [others.slice(0, maxSessions - 1), others.slice(maxSessions - 1)];
  const { handle, id, digest } = await createHandle("session", now);
  const { sessionAbsolute, sessionShort, sessionIdle } = op.lifetimes;
  const remember = login.remember === true;
  const agent = request.headers.get("user-agent")?.slice(0, 256);
  const data: SessionData = {
    digest,
    sid: replaced?.entry.data.sid ?? randomToken(16),
    auth_time: Math.floor(now / 1000),
    ...(login.amr === undefined ? {} : { amr: login.amr }),
    ...(login.acr === undefined ? {} : { acr: login.acr }),
    createdAt: now,
    lastSeen: now,
    absoluteEnd: now + (remember ? sessionAbsolute : sessionShort) * 1000,
    idle: sessionIdle * 1000,
    remember,
    ...(agent === undefined ? {} : { agent }),
  };
  return {
    changes: [
      insert("session", { id, subject: login.subject, expiresAt: endOf(data), data }),
      ...(replaced === undefined ? [] : [remove(replaced.entry)]),
    ],
    cookie: writeSessionCookie(op, [slotOf(handle, data), ...kept.map((one) => slotOf(one.handle, one.entry.data))]),
    // After the commit: whoever ends all sessions of a person either finds this one, or has changed what `still` looks at.
    async confirm() {
      for (const { entry } of dropped) await endSession(op, entry);
      if (login.still === undefined || (await login.still())) return;
      const entry = await find(op.store, "session", id);
      if (entry !== undefined) await removeAll(op, [entry]);
      op.log.warn(
        { event: "session.withdrawn", subject: login.subject },
        "a sign-in was overtaken by a change of the account",
      );
    },
  };
}

/** Makes another session of this browser the current one: the `Set-Cookie` value, or nothing if it is not open here. */
export async function selectSession(op: Op, request: Request, sid: string): Promise<string | undefined> {
  const opened = (await open(op, request)).filter((one) => one !== undefined);
  const chosen = opened.find(({ entry }) => entry.data.sid === sid);
  if (chosen === undefined) return undefined;
  const ordered = [chosen, ...opened.filter((one) => one !== chosen)];
  return writeSessionCookie(
    op,
    ordered.map(({ handle, entry }) => slotOf(handle, entry.data)),
  );
}

/**
 * Ends the current session and cuts what is bound to it (P11); gives the `Set-Cookie` values, and the frames that tell
 * applications through this browser.
 */
export async function endCurrent(
  op: Op,
  request: Request,
): Promise<{ readonly cookies: string[]; readonly frames: readonly string[] }> {
  const [current, ...others] = await open(op, request);
  const told = current === undefined ? [] : await endSession(op, current.entry);
  const kept = others.filter((one) => one !== undefined).map(({ handle, entry }) => slotOf(handle, entry.data));
  return { cookies: [writeSessionCookie(op, [{ handle: "" }, ...kept])], frames: framesFor(op, told) };
}

/** The `Sessions` of the public face. Without own sessions, `start` and `end` throw: the application does both itself. */
export function sessionsOf(op: Op): Sessions {
  const checkOwn = (what: string) => {
    if (op.session === undefined) return;
    throw new Error(
      `sessions.${what} is not available: createProvider was given a session, so sign people in and out there`,
    );
  };
  return {
    current: (request) => currentSession(op, request),
    inBrowser: async (request) => [...(await sessionsInBrowser(op, request)).all],

    async start(request, login) {
      checkOwn("start");
      for (let attempt = 0; attempt < maxAttempts; attempt++) {
        const { changes, cookie, confirm } = await prepareLogin(op, request, login);
        if (!(await op.store.commit(changes))) continue;
        await confirm();
        op.log.info({ event: "session.started", subject: login.subject }, "somebody signed in");
        return [cookie];
      }
      throw new StoreUnavailable("a session could not be started: those of this browser kept changing");
    },

    async list(request, subject) {
      const current = await currentSession(op, request);
      const entries = await listAll(op, "session", { subject });
      return entries.filter((entry) => isLive(op, entry)).map((entry) => listed(entry, current?.sid));
    },

    async end(request) {
      checkOwn("end");
      return (await endCurrent(op, request)).cookies;
    },

    async endOne(subject, sid) {
      const entries = await listAll(op, "session", { subject });
      const found = entries.filter((entry) => entry.data.sid === sid);
      for (const entry of found) await endSession(op, entry);
      return found.length > 0;
    },

    async endAll(subject, { exceptSid, grants = "session" } = {}) {
      const isEnded = (sid: string) => sid !== exceptSid;
      const ended = (await listAll(op, "session", { subject })).filter((entry) => isEnded(entry.data.sid));
      await endWith(op, ended, subject, { isEnded, offline: grants === "all" ? "cut" : "keep" });
      op.log.info({ event: "sessions.ended", subject, grants }, "all other sessions of a person were ended");
    },
  };
}

/**
 * Ends sessions and what hangs on them. What hangs on them first: if that fails, the sessions are there to try again with. And
 * once more afterwards, for what was committed in between by a request that had seen them alive.
 */
async function endWith(
  op: Op,
  sessions: readonly Known<"session">[],
  subject: string | undefined,
  which: Parameters<typeof cutSessions>[2],
): Promise<SignedInAt[]> {
  if (subject === undefined) {
    await removeAll(op, sessions);
    return [];
  }
  const told = await signedInAt(op, subject, which.isEnded);
  // Before anything is gone: a crash from here on may tell an application too much, never too little.
  const queued = await queueNotices(op, told);
  await cutSessions(op, subject, which);
  await removeAll(op, sessions);
  const late = (await signedInAt(op, subject, which.isEnded)).filter(
    (one) => !told.some((other) => isSameSignIn(one, other)),
  );
  const queuedLate = await queueNotices(op, late);
  await cutSessions(op, subject, which);
  startDelivery(op, [...queued, ...queuedLate]);
  return [...told, ...late];
}

const isSameSignIn = (one: SignedInAt, other: SignedInAt) =>
  one.client.client_id === other.client.client_id && one.sid === other.sid;

async function endSession(op: Op, entry: Known<"session">): Promise<SignedInAt[]> {
  const { sid } = entry.data;
  const told = await endWith(op, [entry], entry.subject, { isEnded: (one) => one === sid });
  op.log.info({ event: "session.ended", subject: entry.subject, sid }, "a session was ended");
  return told;
}

/** Opens the sessions the cookie names, in its order; the first place stays empty if the current one is over. */
async function open(op: Op, request: Request): Promise<[Opened | undefined, ...(Opened | undefined)[]]> {
  if (op.session !== undefined) return [undefined];
  const [first = "", ...others] = [...new Set(readSessionCookie(op, request))].slice(0, maxSessions + 1);
  return [await openOne(op, first), ...(await Promise.all(others.map((handle) => openOne(op, handle))))];
}

async function openOne(op: Op, handle: string): Promise<Opened | undefined> {
  const entry = await findByHandle(op.store, "session", handle);
  return entry !== undefined && isLive(op, entry) ? { handle, entry } : undefined;
}

/** Notes that the person is there, so that the idle end moves. Losing this to another request of theirs loses nothing. */
async function touch(op: Op, entry: Known<"session">): Promise<void> {
  const now = op.now();
  if (now - entry.data.lastSeen < touchEvery) return;
  const data = { ...entry.data, lastSeen: now };
  try {
    await op.store.commit([replace(entry, { data, expiresAt: endOf(data) })]);
  } catch (cause) {
    op.log.warn({ event: "session.untouched", cause }, "a session could not be marked as used");
  }
}

const endOf = (data: SessionData) => Math.min(data.lastSeen + data.idle, data.absoluteEnd);
const isLive = (op: Op, { data }: Known<"session">) => op.now() < endOf(data);

const slotOf = (handle: string, data: SessionData): SessionSlot =>
  data.remember ? { handle, until: data.absoluteEnd } : { handle };

function sessionOf({ subject = "", data }: Known<"session">): Session {
  const { auth_time, sid, amr, acr, absoluteEnd } = data;
  return {
    subject,
    auth_time,
    sid,
    ...(amr === undefined ? {} : { amr }),
    ...(acr === undefined ? {} : { acr }),
    expiresAt: absoluteEnd,
  };
}

function listed(entry: Known<"session">, current: string | undefined): ListedSession {
  const { createdAt, lastSeen, agent, sid } = entry.data;
  const session = { ...sessionOf(entry), createdAt, lastSeen, current: sid === current };
  return agent === undefined ? session : { ...session, agent };
}
