/**
 * Reads JSON objects and other text from people we do not trust: bounded in size, nesting and time.
 *
 * RFC 8259, RFC 7591 §3.1 (requests), RFC 6749 §5.1 (responses); CWE-400, CWE-1321.
 * Guarantees that what comes back is a plain object of at most `limit` bytes of JSON, without a
 * member `__proto__` at any depth and without one that is named twice.
 */
import { contentTooLarge, invalidRequest, unsupportedMediaType } from "./errors.ts";
import { shapeOf } from "./lib/json-shape.ts";
import { parseWithoutProto } from "./lib/parse-json.ts";
import { decodeUtf8, hasContentEncoding, readBytes, utf8MediaType } from "./lib/read-body.ts";

/** A response that could not be used: too large, not JSON, not an object. The message is for the log. */
export class UnreadableResponse extends Error {
  override readonly name = "UnreadableResponse";
  /** HTTP status of the response. */
  readonly status: number;

  constructor(message: string, status: number, options?: { cause?: unknown }) {
    super(message, options);
    this.status = status;
  }
}

/** The fetch that is passed in: only what we use of it. */
export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** Bounds of reading. */
export interface ReadOptions {
  /** Bytes; default 65536. */
  readonly limit?: number;
}

/** Bounds of fetching. */
export interface FetchOptions extends ReadOptions {
  /** Milliseconds for the whole exchange, body included; default 10000. */
  readonly timeoutMs?: number;
  /** What to do about a redirect: refuse it (default), or hand the 3xx response back. None is ever followed. */
  readonly redirect?: "error" | "manual";
}

const maxDepth = 20;

/**
 * Reads a JSON object from a request or a response, at most `limit` bytes (default 65536) and 20 levels deep.
 * A request must say it is JSON (415 otherwise; 413 when too large) and its faults are `invalid_request`;
 * the faults of a response are `UnreadableResponse`.
 */
export async function readJsonObject(
  source: Request | Response,
  options: ReadOptions = {},
): Promise<Record<string, unknown>> {
  if (source instanceof Response) return parseJsonObject(await readText(source, options), unreadable(source));
  const type = utf8MediaType(source.headers);
  if (type === undefined || !/^application\/(json|[\w.+-]+\+json)$/.test(type)) {
    throw unsupportedMediaType("the body must be application/json in UTF-8");
  }
  if (hasContentEncoding(source.headers)) throw unsupportedMediaType("the body must not be compressed");
  return parseJsonObject(await readText(source, options), invalidRequest);
}

/** Reads a JSON array from a response, within the same bounds; its faults are `UnreadableResponse`. */
export async function readJsonArray(source: Response, options: ReadOptions = {}): Promise<unknown[]> {
  const value = parseJson(await readText(source, options), unreadable(source));
  if (!Array.isArray(value)) throw unreadable(source)("the body must be a JSON array");
  return value;
}

/** Reads the body as UTF-8 text within the limit, with the same faults as `readJsonObject`. */
export async function readText(source: Request | Response, { limit = 65536 }: ReadOptions = {}): Promise<string> {
  const fault = source instanceof Response ? unreadable(source) : invalidRequest;
  const tooLarge = source instanceof Response ? fault : contentTooLarge;
  const bytes = await readBytes(source, limit, { tooLarge, broken: fault });
  const text = decodeUtf8(bytes);
  if (text === undefined) throw fault("the body is not UTF-8");
  return text;
}

/** Fetches text: one exchange, bounded in size and time, no redirects followed. */
export async function fetchText(
  fetch: Fetch,
  url: string | URL,
  init: RequestInit = {},
  { limit = 65536, timeoutMs = 10_000, redirect = "error" }: FetchOptions = {},
): Promise<{ response: Response; text: string }> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
  const response = await fetch(url, { ...init, redirect, signal });
  return { response, text: await readText(response, { limit }) };
}

/** Fetches a JSON object, whatever the status: an OAuth error is JSON too. See `fetchText`. */
export async function fetchJson(
  fetch: Fetch,
  url: string | URL,
  init: RequestInit = {},
  options: FetchOptions = {},
): Promise<{ response: Response; body: Record<string, unknown> }> {
  const headers = new Headers(init.headers);
  if (!headers.has("accept")) headers.set("Accept", "application/json");
  const { response, text } = await fetchText(fetch, url, { ...init, headers }, options);
  return { response, body: parseJsonObject(text, unreadable(response)) };
}

/** Makes the error for what is wrong. */
export type Fault = (message: string, detail?: { cause?: unknown }) => Error;

const unreadable =
  (response: Response): Fault =>
  (message, detail) =>
    new UnreadableResponse(`${message} (HTTP status ${response.status})`, response.status, detail);

function parseJsonObject(text: string, fault: Fault): Record<string, unknown> {
  const value = parseJson(text, fault);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw fault("the body must be a JSON object");
  return value as Record<string, unknown>;
}

/** Parses JSON out of a parameter, within the same bounds but for its length; what is wrong with it is said by `fault`. */
export function parseJson(text: string, fault: Fault, levels = maxDepth): unknown {
  const { depth, repeats } = shapeOf(text, levels);
  if (depth > levels) throw fault(`the JSON is nested more than ${levels} levels deep`);
  // Which of the two counts is a matter of the parser: neither does (RFC 8259 §4).
  if (repeats) throw fault("the JSON names a member twice");
  try {
    return parseWithoutProto(text);
  } catch {
    // Without the parser's own error: it quotes the text, and the text may be a token.
    throw fault("it is not JSON");
  }
}
