/**
 * Logout: ending a session on a client's request, after the person confirmed or because a valid hint names that very session.
 *
 * OpenID Connect RP-Initiated Logout §2 and §3, §6 (confirmation), Front-Channel Logout §3; P11 of our policy.
 * Guarantees that the browser goes afterwards only where the client registered to, that another site cannot sign a person out
 * unasked, and that what was bound to the session is cut while `offline_access` stays.
 */
import { invalidRequest } from "@valetkey/protocol/errors";
import { createHandle } from "@valetkey/protocol/random";
import { seeOther } from "@valetkey/protocol/see-other";
import { appendQuery } from "./authorize/respond.ts";
import { bindCookies, findBound, unbindCookie } from "./bound-cookie.ts";
import { findClient } from "./clients.ts";
import { cutSessions, removeAll } from "./cut.ts";
import { insert, type LogoutData } from "./entries.ts";
import { checkFlood } from "./flood.ts";
import { deliverNotices, framesFor, queueNotices, signedInAt, startDelivery } from "./logout/notices.ts";
import type { Op, Peer, Session } from "./op.ts";
import type { Logout, Logouts } from "./options.ts";
import { checkSameSite } from "./same-site.ts";
import { currentSession, endCurrent } from "./sessions.ts";

/** What a logout request asks, once checked. */
export type AskedLogout = Omit<LogoutData, "digest" | "session" | "frames">;

/** Ends the session at once if that needs no asking; otherwise sends the person to the page that asks. */
export async function logoutOrAsk(
  op: Op,
  http: Request,
  peer: Peer,
  asked: AskedLogout,
  cookies: readonly string[] = [],
): Promise<Response> {
  const session = await currentSession(op, http);
  // The provider cannot end the application's own session: its logout page can.
  if (op.session === undefined) {
    if (session !== undefined && isHinted(asked, session)) {
      const ended = await endCurrent(op, http);
      return goOn(op, http, asked, ended.frames, [...ended.cookies, ...cookies]);
    }
    // Nobody is signed in: there is nothing to end and nothing to ask.
    if (session === undefined && (await mayPassOn(op, asked))) {
      return seeOther(asked.returnTo ?? donePage(op, true), cookies);
    }
  }
  return storeLogout(op, http, peer, asked, session, op.pages.logout, cookies);
}

/** Sends the person on; by way of the page with frames if applications are told through the browser. */
async function goOn(
  op: Op,
  http: Request,
  asked: AskedLogout,
  frames: readonly string[],
  cookies: readonly string[],
): Promise<Response> {
  if (frames.length === 0) return seeOther(asked.returnTo ?? donePage(op, true), cookies);
  // Nobody is turned away here: the session is over, and there was only one to end.
  return keep(op, http, { ...asked, frames }, op.pages.logout, cookies);
}

/** Stores a logout request as one of this browser's and sends it to `url?logout=<id>`. */
export async function storeLogout(
  op: Op,
  http: Request,
  peer: Peer,
  asked: AskedLogout,
  session: Session | undefined,
  url: string,
  cookies: readonly string[] = [],
): Promise<Response> {
  await checkFlood(op, peer);
  const whose = session === undefined ? {} : { session: { subject: session.subject, sid: session.sid } };
  return keep(op, http, { ...asked, ...whose }, url, cookies);
}

async function keep(
  op: Op,
  http: Request,
  asked: Omit<LogoutData, "digest">,
  url: string,
  cookies: readonly string[],
): Promise<Response> {
  const now = op.now();
  const handle = await createHandle("logout", now);
  const { id, digest } = handle;
  const seconds = op.lifetimes.interaction;
  const data: LogoutData = { ...asked, digest };
  const client = asked.client_id === undefined ? {} : { client: asked.client_id };
  await op.store.commit([insert("logout", { id, ...client, expiresAt: now + seconds * 1000, data })]);
  return seeOther(appendQuery(url, { logout: id }), [...bindCookies(op, http, handle, seconds), ...cookies]);
}

/**
 * The `Logouts` of the public face. Where the application brings its own session, `answer` cuts the grants and codes of that
 * session; ending the session itself is the work of the application's logout page, before or after it calls `answer`.
 */
export function logoutsOf(op: Op): Logouts {
  return {
    deliver: () => deliverNotices(op),

    async end(request) {
      checkSameSite(op, request);
      const session = await currentSession(op, request);
      const { cookies, frames } = await endHere(op, request, session && { subject: session.subject, sid: session.sid });
      return goOn(op, request, {}, frames, cookies);
    },

    async find(request, id) {
      const entry = await findBound(op, request, "logout", id);
      if (entry === undefined) return undefined;
      const { client_id, returnTo, frames } = entry.data;
      const client = client_id === undefined ? undefined : await findClient(op, client_id);
      const subject = (await currentSession(op, request))?.subject;
      const logout: Logout = {
        id,
        ...(client === undefined
          ? {}
          : { client: { client_id: client.client_id, client_name: client.metadata.client_name ?? client.client_id } }),
        ...(subject === undefined ? {} : { subject }),
        ...(returnTo === undefined ? {} : { returnTo }),
        ...(frames === undefined ? {} : { frames }),
      };
      return logout;
    },

    async answer(request, id, { confirm }) {
      checkSameSite(op, request);
      const entry = await findBound(op, request, "logout", id);
      if (entry === undefined) {
        throw invalidRequest("this logout was already answered, has expired, or was begun in another browser");
      }
      const gone = unbindCookie(op, "logout", id);
      const { session, frames: shown, digest: _, ...asked } = entry.data;
      // It was answered, and only waits for its frames: whoever is signed in by now is somebody else's business.
      if (shown !== undefined) {
        await removeAll(op, [entry]);
        return seeOther(asked.returnTo ?? donePage(op, true), [gone]);
      }
      // §3: the client is told nothing unless the person was logged out.
      if (!confirm) {
        await removeAll(op, [entry]);
        return seeOther(donePage(op, false), [gone]);
      }
      const { cookies, frames } = await endHere(op, request, session);
      // Last: after an outage the same form can be sent again.
      await removeAll(op, [entry]);
      return goOn(op, request, asked, frames, [...cookies, gone]);
    },
  };
}

/** Ends the session of this browser, or cuts what hangs on the application's own. */
async function endHere(op: Op, request: Request, session: LogoutData["session"]): ReturnType<typeof endCurrent> {
  if (op.session === undefined) return endCurrent(op, request);
  if (session === undefined) return { cookies: [], frames: [] };
  const isEnded = (sid: string) => sid === session.sid;
  const told = await signedInAt(op, session.subject, isEnded);
  const queued = await queueNotices(op, told);
  await cutSessions(op, session.subject, { isEnded });
  startDelivery(op, queued);
  op.log.info({ event: "session.ended", ...session }, "what was bound to the application's session was cut");
  return { cookies: [], frames: framesFor(op, told) };
}

// RFC 9700 §4.11.2: a stranger's client must not use us to send people anywhere, with or without a hint of its own.
async function mayPassOn(op: Op, { client_id, returnTo }: AskedLogout): Promise<boolean> {
  if (returnTo === undefined) return true;
  const client = client_id === undefined ? undefined : await findClient(op, client_id);
  return client !== undefined && op.errorRedirects({ client, signedIn: false });
}

function isHinted({ hint }: AskedLogout, session: Session): boolean {
  return hint?.subject === session.subject && hint.sid === session.sid;
}

function donePage(op: Op, done: boolean): string {
  return appendQuery(op.pages.logout, { done: done ? "1" : "0" });
}
