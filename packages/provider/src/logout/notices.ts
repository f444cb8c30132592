/**
 * Tells applications that sessions ended: which ones, and by server-to-server calls that are queued, tried again and reported.
 *
 * OpenID Connect Back-Channel Logout §2.4 (the token), §2.5 (the request), §2.8 (the answer); Front-Channel Logout §3. Guarantees
 * that nobody waits for an application to be told, that a notice outlives this process until it was delivered or a day is over, and
 * that one node at a time tries it.
 */
import { createId } from "@valetkey/protocol/random";
import { readJsonObject } from "@valetkey/protocol/read-json";
import { appendQuery } from "../authorize/respond.ts";
import { type Client, findClient } from "../clients.ts";
import { listAll } from "../cut.ts";
import { find, insert, type Known, list, remove, replace } from "../entries.ts";
import type { Op } from "../op.ts";
import { subjectFor } from "../pairwise.ts";
import { protect } from "../protected-answers.ts";

const batch = 100;
/** Milliseconds. */
const keepTrying = 86_400_000;
/** Milliseconds to wait after each failed attempt; the last one is repeated. */
const pauses = [15_000, 60_000, 300_000, 1_800_000];
const timeoutMs = 5000;

/** Where a session was used to sign in. */
export interface SignedInAt {
  readonly client: Client;
  readonly subject: string;
  readonly sid: string;
}

/** Finds the applications that sessions of a person were used at, as far as those have a channel to be told by. */
export async function signedInAt(op: Op, subject: string, isEnded: (sid: string) => boolean): Promise<SignedInAt[]> {
  if (op.logout.length === 0) return [];
  const found = new Map<string, SignedInAt>();
  for (const { client: client_id = "", data } of await listAll(op, "grant", { subject })) {
    const key = JSON.stringify([client_id, data.sid]);
    if (!isEnded(data.sid) || found.has(key)) continue;
    const client = await findClient(op, client_id);
    if (client !== undefined) found.set(key, { client, subject, sid: data.sid });
  }
  return [...found.values()];
}

/**
 * Queues notices for those with a back channel; gives their ids, for `startDelivery`. To be called before what they are about is
 * removed: then none is forgotten.
 */
export async function queueNotices(op: Op, told: readonly SignedInAt[]): Promise<readonly string[]> {
  if (!hasChannel(op, "back")) return [];
  const now = op.now();
  const queued = told
    .filter(({ client }) => client.metadata.backchannel_logout_uri !== undefined)
    .map((one) => ({ ...one, id: createId(now) }));
  const changes = queued.map(({ id, client, subject, sid }) =>
    insert("logout-notice", {
      id,
      client: client.client_id,
      subject,
      expiresAt: now + keepTrying,
      data: { sid, attempts: 0, nextAt: now },
    }),
  );
  for (let at = 0; at < changes.length; at += batch) await op.store.commit(changes.slice(at, at + batch));
  return queued.map(({ id }) => id);
}

/** The URLs that tell applications through the browser, for frames of a page (Front-Channel Logout §2 and §3). */
export function framesFor(op: Op, told: readonly SignedInAt[]): string[] {
  if (!hasChannel(op, "front")) return [];
  const urls = told.flatMap(({ client, sid }) => {
    const { frontchannel_logout_uri, frontchannel_logout_session_required } = client.metadata;
    if (typeof frontchannel_logout_uri !== "string") return [];
    // Both or none (§3); we know both always, and send them to whoever does not object.
    return [
      appendQuery(
        frontchannel_logout_uri,
        frontchannel_logout_session_required === false ? {} : { iss: op.issuer, sid },
      ),
    ];
  });
  return [...new Set(urls)];
}

/**
 * Delivers the notices that are due. Gives how many were delivered. Failures are logged and tried again later; only the store can
 * make it reject.
 */
export async function deliverNotices(op: Op): Promise<number> {
  if (!hasChannel(op, "back")) return 0;
  let delivered = 0;
  for (let after: string | undefined; ; ) {
    const page = await list(op.store, "logout-notice", { limit: batch, ...(after === undefined ? {} : { after }) });
    const due = page.filter(({ data }) => data.nextAt <= op.now());
    delivered += (await Promise.all(due.map((notice) => deliver(op, notice)))).filter((done) => done).length;
    after = page.at(-1)?.id;
    if (page.length < batch || after === undefined) return delivered;
  }
}

/** Begins to deliver what was just queued without anybody waiting for it. What fails waits for `deliverNotices`. */
export function startDelivery(op: Op, ids: readonly string[]): void {
  const all = ids.map(async (id) => {
    const notice = await find(op.store, "logout-notice", id);
    if (notice !== undefined && notice.data.nextAt <= op.now()) await deliver(op, notice);
  });
  Promise.all(all).catch((cause: unknown) => {
    op.log.warn({ event: "logout-notices.delayed", cause }, "notices of a logout wait for the store");
  });
}

async function deliver(op: Op, notice: Known<"logout-notice">): Promise<boolean> {
  const { client: client_id = "", data } = notice;
  const attempts = data.attempts + 1;
  const nextAt = op.now() + (pauses[Math.min(attempts, pauses.length) - 1] ?? 0);
  // Whoever wins this has the next attempt to itself.
  if (!(await op.store.commit([replace(notice, { data: { ...data, attempts, nextAt } })]))) return false;
  const client = await findClient(op, client_id);
  const uri = client?.metadata.backchannel_logout_uri;
  const problem = client === undefined || uri === undefined ? undefined : await send(op, client, uri, notice);
  if (problem?.again === true) {
    const { cause } = problem;
    if (nextAt < (notice.expiresAt ?? 0))
      op.log.warn(
        { event: "logout-notice.failed", client_id, attempts, cause },
        "an application could not be told of a logout",
      );
    else
      op.log.error(
        { event: "logout-notice.given-up", client_id, attempts, cause },
        "an application was not told of a logout",
      );
    return false;
  }
  if (problem !== undefined)
    op.log.error(
      { event: "logout-notice.refused", client_id, cause: problem.cause },
      "an application refused to hear of a logout",
    );
  const last = await find(op.store, "logout-notice", notice.id);
  if (last !== undefined) await op.store.commit([remove(last)]);
  const delivered = uri !== undefined && problem === undefined;
  if (delivered)
    op.log.info({ event: "logout-notice.delivered", client_id, attempts }, "an application was told of a logout");
  return delivered;
}

/** Sends a notice; gives what went wrong, and whether it makes sense to try again. */
async function send(
  op: Op,
  client: Client,
  uri: string,
  { subject = "", data: { sid } }: Known<"logout-notice">,
): Promise<{ readonly cause: unknown; readonly again: boolean } | undefined> {
  try {
    const logout_token = await logoutToken(op, client, subject, sid);
    const response = await op.fetch(uri, {
      method: "POST",
      body: new URLSearchParams({ logout_token }),
      // §2.5: an answer, not a way elsewhere.
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (response.status === 400) return await refusalOf(response);
    await response.body?.cancel();
    return response.ok ? undefined : { cause: `HTTP status ${response.status}`, again: true };
  } catch (cause) {
    return { cause, again: true };
  }
}

/** §2.8: 400 says that the token is refused, and the next one would be the same; or, by `error`, that only the logout failed. */
async function refusalOf(response: Response): Promise<{ readonly cause: unknown; readonly again: boolean }> {
  const { error } = await readJsonObject(response, { limit: 4096 }).catch(() => ({ error: undefined }));
  const again = error === "server_error" || error === "temporarily_unavailable";
  return { cause: `HTTP status 400${typeof error === "string" ? `, ${error.slice(0, 100)}` : ""}`, again };
}

async function logoutToken(op: Op, client: Client, subject: string, sid: string): Promise<string> {
  const now = op.now();
  const iat = Math.floor(now / 1000);
  const claims = {
    iss: op.issuer,
    aud: client.client_id,
    iat,
    // §4: not longer than two minutes.
    exp: iat + 120,
    jti: createId(now),
    sub: await subjectFor(op, client, subject),
    sid,
    events: { "http://schemas.openid.net/event/backchannel-logout": {} },
  };
  return protect(op, client, "id_token", claims, "logout+jwt");
}

const hasChannel = (op: Op, which: "back" | "front") => op.logout.some(({ channel }) => channel === which);
