/**
 * Reads the body of a request or response without ever holding more than a limit (CWE-400, CWE-409).
 *
 * RFC 9110 §8.3 (Content-Type) and §8.4 (Content-Encoding).
 * Guarantees that reading stops at the first chunk that goes over the limit.
 */

import { gatherBytes } from "./gather-bytes.ts";
import { byteTaker } from "./incoming-request.ts";

/** What to throw when a body cannot be read whole. A body that was read before is our own mistake: a `TypeError`. */
export interface BodyFaults {
  readonly tooLarge: (message: string) => Error;
  readonly broken: (message: string, detail: { cause: unknown }) => Error;
}

/**
 * Reads the body as bytes, at most `limit` of them. No body counts as an empty one. `mostPieces` is for copies: what is copied keeps
 * each piece it came in by itself, and a piece of one byte costs two hundred (CWE-400).
 */
export async function readBytes(
  source: Request | Response,
  limit: number,
  faults: BodyFaults,
  mostPieces = Number.POSITIVE_INFINITY,
): Promise<Uint8Array> {
  if (source.bodyUsed) throw new TypeError("the body has been read before");
  // Giving up on a request's body must not cut the connection: the refusal still has to get out. A response is cancelled.
  const giveUp = async (body: { cancel(): Promise<void> } | null) => {
    if (source instanceof Response) await body?.cancel().catch(() => undefined);
    return faults.tooLarge(`the body is larger than ${limit} bytes`);
  };
  const announced = Number(source.headers.get("content-length") ?? 0);
  if (announced > limit) throw await giveUp(source instanceof Response ? source.body : null);
  const take = byteTaker(source);
  if (take !== undefined) {
    const bytes = await take(limit).catch((cause: unknown) => {
      throw faults.broken("the body could not be read", { cause });
    });
    if (bytes === undefined) throw await giveUp(null);
    return bytes;
  }
  if (source.body === null) return new Uint8Array();
  const reader: ReadableStreamDefaultReader<Uint8Array> = source.body.getReader();
  const gathered = gatherBytes();
  for (let pieces = 0; ; pieces++) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw faults.broken("the body could not be read", { cause });
    });
    if (done) return gathered.whole();
    if (gathered.size() + value.byteLength > limit || pieces >= mostPieces) throw await giveUp(reader);
    gathered.add(value);
  }
}

// Keeps nothing between calls: none of them is a part of a stream.
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Decodes UTF-8; nothing if the bytes are not UTF-8. A byte order mark is kept as a character, so that it is noticed. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Reads the media type in lower case, `""` if absent; nothing if a charset other than UTF-8 is declared. */
export function utf8MediaType(headers: Headers): string | undefined {
  const [type = "", ...parameters] = (headers.get("content-type") ?? "").toLowerCase().split(";");
  for (const parameter of parameters) {
    const [name = "", value = ""] = parameter.split("=");
    if (name.trim() === "charset" && value.trim().replaceAll('"', "") !== "utf-8") return undefined;
  }
  return type.trim();
}

/** Tells whether the body is compressed or otherwise encoded: such bodies are not read. */
export function hasContentEncoding(headers: Headers): boolean {
  const encoding = headers.get("content-encoding");
  return encoding !== null && encoding.trim().toLowerCase() !== "identity";
}
