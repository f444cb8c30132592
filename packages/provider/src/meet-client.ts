/**
 * Finds the client a request comes from, and fetches its document if it has one and what is known of it is too old.
 *
 * draft-ietf-oauth-client-id-metadata-document-03 §5, §8.1, §9.4 to §9.7; RFC 5861 §4 (stale if error). What was read is kept in the store like a
 * registration, so all nodes agree. Guarantees that whoever was registered under a URL is that client, that a document
 * is fetched once at a time, seldom, and for one network only so often, and that what was of no use is not remembered.
 */
import { isOAuthError, temporarilyUnavailable, tooManyRequests } from "@valetkey/protocol/errors";
import { type ClientIdDocuments, readDocumentUrl } from "./client-id-documents.ts";
import { revokeGrants } from "./client-registry.ts";
import { type Client, findClient } from "./clients.ts";
import { type ClientData, insert, replace } from "./entries.ts";
import { readDocument, shownOf } from "./lib/client-document.ts";
import { fetchDocument, NoDocument } from "./lib/fetch-document.ts";
import { networkOf } from "./network.ts";
import type { Limit, Op, Peer } from "./op.ts";
import { checkSector, movesTo } from "./pairwise.ts";

/** Milliseconds for which a document that was of no use is not fetched again: no verdict, only a pause. */
const pause = 5000;
const mostFailed = 1000;
/** Nobody's server is asked more often than this for clients nobody knows, whoever asks us. */
const perHost: Limit = { attempts: 120, seconds: 60 };

/**
 * Finds the client; nothing for one that is neither registered nor has a document that can be used. Disabled ones are found, too.
 * `found`: what is registered under the id, if that has been looked up. Throws 429 for a network that comes with too many unknown ones, 503 for a known one whose document cannot be had.
 */
export async function meetClient(
  op: Op,
  client_id: string,
  peer: Peer,
  found?: Client | undefined,
): Promise<Client | undefined> {
  const known = found ?? (await findClient(op, client_id));
  // §8.2: registered is registered, whatever there is at the URL.
  if (known !== undefined && known.provenance !== "document") return known;
  const rules = op.clientIdDocuments;
  const url = rules && readDocumentUrl(op.issuer, rules, client_id);
  if (rules === undefined || url === undefined || !(await rules.allow(url))) return undefined;
  if (known !== undefined && (known.disabled || op.now() < freshUntil(known))) return known;
  try {
    return await once(rules, client_id, () => renew(op, rules, url, known, peer));
  } catch (error) {
    if (!(error instanceof NoDocument)) throw error;
    op.log.warn(
      { event: "client-document.unusable", client_id, known: known !== undefined, cause: error },
      "the metadata document of a client cannot be used",
    );
    if (known === undefined || !error.outage) return undefined;
    // Its host is down. The client did nothing wrong, and must not believe its tokens are void (P20).
    if (op.now() < freshUntil(known) + rules.staleFor * 1000) return known;
    throw temporarilyUnavailable("the client's metadata document cannot be fetched at the moment", {
      cause: error,
      headers: { "Retry-After": "60" },
    });
  }
}

const freshUntil = ({ entry }: Client): number => entry.data.document?.freshUntil ?? 0;

/** Whoever comes while it is under way waits for the same. */
async function once(rules: ClientIdDocuments, client_id: string, work: () => Promise<Client>): Promise<Client> {
  const { pending } = rules;
  const under = pending.get(client_id) as Promise<Client> | undefined;
  if (under !== undefined) return under;
  const mine = work().finally(() => pending.delete(client_id));
  pending.set(client_id, mine);
  return mine;
}

async function renew(
  op: Op,
  rules: ClientIdDocuments,
  url: URL,
  known: Client | undefined,
  peer: Peer,
): Promise<Client> {
  const { href: client_id } = url;
  const { failed } = rules;
  const last = failed.get(client_id);
  if (last !== undefined && op.now() < last.until) throw new NoDocument("it was of no use a moment ago", last.outage);
  failed.delete(client_id);
  if (known === undefined) await checkStrangers(op, rules, url, peer);
  try {
    const { body, age } = await fetchDocument(op, rules, url);
    const read = readDocument(op, rules, client_id, body);
    await checkSector(op, read.metadata);
    return await keep(op, rules, client_id, known, read, age);
  } catch (cause) {
    const error = isOAuthError(cause) ? new NoDocument(cause.message, false, { cause }) : cause;
    if (error instanceof NoDocument) {
      for (const oldest of failed.size >= mostFailed ? [...failed.keys()].slice(0, 1) : []) failed.delete(oldest);
      failed.set(client_id, { until: op.now() + pause, outage: error.outage });
    }
    throw error;
  }
}

/** Anybody can make this server call anybody: not often. */
async function checkStrangers(op: Op, { limit }: ClientIdDocuments, { host }: URL, peer: Peer): Promise<void> {
  const network = networkOf(peer.ip);
  const counts: [string, Limit][] = [[`document-at:${host}`, perHost]];
  if (network !== undefined) counts.push([`document:${network}`, limit]);
  for (const [key, most] of counts) {
    const wait = await op.flood.blocked(key, most);
    if (wait > 0) throw tooManyRequests("too many unknown clients came from this address", wait);
  }
  for (const [key, most] of counts) await op.flood.failed(key, most);
}

/** Stores what was read; whoever stored something meanwhile has read the same. */
async function keep(
  op: Op,
  rules: ClientIdDocuments,
  client_id: string,
  known: Client | undefined,
  read: ReturnType<typeof readDocument>,
  age: number,
): Promise<Client> {
  const now = op.now();
  const before = known?.entry.data;
  const changed =
    before?.document !== undefined &&
    shownOf(read) !== shownOf({ metadata: before.metadata, methods: before.document.methods });
  if (changed) {
    op.log.warn({ event: "client-document.changed", client_id }, "the metadata document of a client has changed");
  }
  // In another sector it gets no names for the people whom it knows already.
  const moved = before !== undefined && movesTo(op, before.metadata, read.metadata);
  if (moved || (changed && rules.onChange === "revoke")) await revokeGrants(op, client_id);
  const changedAt = changed ? now : before?.document?.changedAt;
  const data: ClientData = {
    secrets: [],
    createdAt: now,
    ...before,
    provenance: "document",
    metadata: { ...read.metadata, client_id },
    document: {
      fetchedAt: now,
      freshUntil: now + age * 1000,
      methods: read.methods,
      ...(changedAt === undefined ? {} : { changedAt }),
    },
  };
  const expiresAt = now + rules.unusedTtl * 1000;
  const change =
    known === undefined
      ? insert("client", { id: client_id, expiresAt, data })
      : replace(known.entry, { data, ...(known.entry.expiresAt === undefined ? {} : { expiresAt }) });
  if ((await op.store.commit([change])) && known === undefined)
    op.log.info({ event: "client.added", client_id, provenance: "document" }, "a client came with a document");
  const client = await findClient(op, client_id);
  if (client === undefined) throw new NoDocument("the client was removed while its document was fetched", false);
  return client;
}
