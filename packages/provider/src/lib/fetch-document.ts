/**
 * Fetches a client ID metadata document: one exchange, bounded in time and size, and how long what came counts.
 *
 * draft-ietf-oauth-client-id-metadata-document-03 §5, §5.1, §5.2, §9.6, §9.7; RFC 9111 §4.2 and §5.2.2. Guarantees that nothing but a 200 with a
 * JSON object of at most ten kilobytes is a document, and that it says for how long it counts only within the server's own bounds.
 */
import { readJsonObject, UnreadableResponse } from "@valetkey/protocol/read-json";
import type { ClientIdDocuments } from "../client-id-documents.ts";
import type { Op } from "../op.ts";

const limit = 10_240;
const timeoutMs = 5000;

/** There is no document to be had: for good, or because its host does not answer now (`outage`). The message is for the log. */
export class NoDocument extends Error {
  override readonly name = "NoDocument";
  readonly outage: boolean;
  constructor(message: string, outage: boolean, options?: { cause?: unknown }) {
    super(message, options);
    this.outage = outage;
  }
}

export interface FetchedDocument {
  readonly body: Readonly<Record<string, unknown>>;
  /** Seconds for which it counts. */
  readonly age: number;
}

/** Fetches. Rejects with `NoDocument`. */
export async function fetchDocument(op: Op, rules: ClientIdDocuments, url: URL): Promise<FetchedDocument> {
  const response = await get(op, url);
  const { status, headers } = response;
  if (status !== 200) {
    giveUp(response);
    throw new NoDocument(`HTTP status ${status}`, status >= 500 || status === 429 || status === 408);
  }
  const type = (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (!/^application\/(?:json|[\w.+-]+\+json)$/.test(type)) {
    giveUp(response);
    throw new NoDocument("the document is not application/json", false);
  }
  try {
    return { body: await readJsonObject(response, { limit }), age: ageOf(rules, headers) };
  } catch (cause) {
    if (!(cause instanceof UnreadableResponse)) throw cause;
    throw new NoDocument(cause.message, false, { cause });
  }
}

/** What is left of it is of no interest, nor is how its end goes. */
const giveUp = ({ body }: Response): void => void body?.cancel().catch(() => undefined);

async function get(op: Op, url: URL): Promise<Response> {
  const headers = { Accept: "application/json" };
  try {
    // §5: a redirect is no document.
    return await op.fetch(url, { headers, redirect: "manual", signal: AbortSignal.timeout(timeoutMs) });
  } catch (cause) {
    throw new NoDocument("the document cannot be fetched", true, { cause });
  }
}

/** §5.2: what the answer says, within our bounds; an hour where it says nothing. */
function ageOf({ minAge, maxAge, usualAge }: ClientIdDocuments, headers: Headers): number {
  const control = (headers.get("cache-control") ?? "").toLowerCase();
  if (/(?:^|[,\s])(?:no-store|no-cache|private)(?:$|[,\s=])/.test(control) || headers.get("vary")?.includes("*"))
    return minAge;
  const said = /(?:^|[,\s])(?:s-maxage|max-age)="?(\d{1,10})/.exec(control)?.[1];
  if (said === undefined) return usualAge;
  const already = Number(/^\d{1,10}$/.exec(headers.get("age") ?? "")?.[0] ?? 0);
  return Math.min(Math.max(Number(said) - already, minAge), maxAge);
}
