/**
 * Between Node's request and response objects (also Express's and Fastify's) and the Request and Response of the web.
 *
 * RFC 9110 §7.1 (target URI), RFC 6265 §3 (several Set-Cookie headers stay apart).
 * Guarantees that the URL's origin is the configured one, never what a Host header or an absolute request target says.
 */
import { encodeForm } from "./form.ts";
import { gatherBytes } from "./lib/gather-bytes.ts";
import { incomingHeaders } from "./lib/incoming-headers.ts";
import { type BodySource, incomingRequest } from "./lib/incoming-request.ts";
import { type PlainHeaders, TextResponse } from "./text-response.ts";

type Listener = () => void;
type PlainResponse = NonNullable<TextResponse["plain"]>;

/** The stream part of Node's IncomingMessage, structurally. */
interface NodeStream extends AsyncIterable<Uint8Array | string> {
  readonly readableEnded?: boolean;
  readonly complete?: boolean;
  readonly rawHeaders?: readonly string[];
  readonly destroyed?: boolean;
  readonly readableLength?: number;
  once(event: "close", listener: Listener): unknown;
  read?(): unknown;
  pause?: BodySource["pause"];
}

/** Node's IncomingMessage, Express's Request, or (with `raw`) Fastify's Request. */
export interface NodeRequest extends Partial<NodeStream> {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  /** Express and Fastify: the target before any router has cut its mount path off. */
  readonly originalUrl?: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** What a body parser left, if one was there first. */
  readonly body?: unknown;
  /** Fastify: the IncomingMessage. */
  readonly raw?: NodeStream;
}

/** Node's ServerResponse, structurally. */
export interface NodeResponse {
  statusCode: number;
  readonly destroyed?: boolean;
  readonly writableFinished?: boolean;
  setHeader(name: string, value: string | readonly string[]): unknown;
  writeHead?(status: number, headers: PlainHeaders): unknown;
  write(chunk: Uint8Array): boolean;
  end(text?: string): unknown;
  once(event: "close" | "drain", listener: Listener): unknown;
  off(event: "close" | "drain", listener: Listener): unknown;
  destroy(error?: Error): unknown;
}

/** Where requests arrive, and the response whose closing tells that nobody waits any more. */
export interface ToRequestOptions {
  /** e.g. `https://auth.example.com`; a path in it is ignored. */
  readonly origin: string;
  /** With it the request's signal also fires when the client leaves while the answer is being worked out. */
  readonly response?: Pick<NodeResponse, "once" | "writableFinished" | "destroyed">;
}

/**
 * Makes a Request of Node's. The body is streamed; if a body parser has consumed it, it is written anew from `body`:
 * an object as form or JSON as its type says, text and bytes as they are. The signal fires when the client disconnects.
 */
export function toRequest(req: NodeRequest, { origin, response }: ToRequestOptions): Request {
  const stream = req.raw ?? (req as NodeStream);
  const method = (req.method ?? "GET").toUpperCase();
  const url = targetUrl(req.originalUrl ?? req.url ?? "/", origin);
  const headers = () => readHeaders(stream.rawHeaders, req.headers);
  const signal = () => abortSignal(stream, response);
  const forbidden = method === "TRACE" || method === "CONNECT" || method === "TRACK";
  const bodiless = method === "GET" || method === "HEAD";
  const whole = (headers: Headers, signal: AbortSignal): Request => {
    const body = bodiless ? null : bodyOf(req, stream, headers);
    const init: RequestInit & { duplex?: "half" } = { method: forbidden ? "POST" : method, headers, body, signal };
    if (body instanceof ReadableStream) init.duplex = "half";
    const request = new Request(url, init);
    // Fetch knows no TRACE, but whoever answers must see it in order to answer 405.
    if (forbidden) Object.defineProperty(request, "method", { value: method });
    return request;
  };
  // What a body parser has consumed is written anew, and a test's or a framework's own stream is read as it comes.
  if (forbidden || isConsumed(stream) || stream.pause === undefined) return whole(headers(), signal());
  const { "content-length": length, "transfer-encoding": coding } = req.headers;
  const hasBody = !bodiless && (length !== undefined || coding !== undefined);
  return incomingRequest({
    method,
    url,
    headers,
    signal,
    source: hasBody ? (stream as NodeStream & BodySource) : undefined,
    whole,
  });
}

/** The path of a request's URL, as `new URL(url).pathname` gives it. */
export function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const end = url.search(/[?#]/);
  const path = start < 0 ? "" : url.slice(start, end < 0 ? undefined : end);
  // Only what is written as it stays needs no parser: dots, percent signs and the like may mean another path.
  return /^\/[\w/-]*$/.test(path) ? path : new URL(url).pathname;
}

/**
 * Sends a Response through Node's. Several Set-Cookie headers stay apart, and a slow reader slows the body down.
 * If the client has left, the body is cancelled and nothing is thrown; if the body fails, the connection is cut and the
 * failure thrown.
 */
export async function sendResponse(res: NodeResponse, response: Response): Promise<void> {
  const plain = response instanceof TextResponse ? response.plain : undefined;
  if (plain !== undefined) {
    if (!res.destroyed) sendPlain(res, response.status, plain);
    return;
  }
  if (res.destroyed) return response.body?.cancel().catch(() => undefined);
  res.statusCode = response.status;
  let cookies = false;
  for (const [name, value] of response.headers) {
    if (name === "set-cookie") cookies = true;
    else res.setHeader(name, value);
  }
  if (cookies) res.setHeader("Set-Cookie", response.headers.getSetCookie());
  if (response.body === null) return void res.end();
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader();
  const left = () => void reader.cancel().catch(() => undefined);
  res.once("close", left);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (res.destroyed) return;
      if (done) return void res.end();
      if (!res.write(value)) await drained(res);
    }
  } catch (cause) {
    res.destroy();
    throw cause;
  } finally {
    res.off("close", left);
  }
}

function sendPlain(res: NodeResponse, status: number, { text, headers }: PlainResponse): void {
  // With the length in the head both go out in one write.
  if (res.writeHead !== undefined) res.writeHead(status, { ...headers, "Content-Length": String(lengthOf(text)) });
  else {
    res.statusCode = status;
    for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  }
  res.end(text);
}

function lengthOf(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is one byte a character
  return /^[\x00-\x7f]*$/.test(text) ? text.length : new TextEncoder().encode(text).length;
}

function drained(res: NodeResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      res.off("drain", go);
      res.off("close", go);
      resolve();
    };
    res.once("drain", go);
    res.once("close", go);
    if (res.destroyed) go();
  });
}

function targetUrl(target: string, origin: string): string {
  // Most are written as they are compared: no parser needed.
  const base = /^https?:\/\/[a-z\d.-]+(:(?!80$|443$)\d+)?$/.test(origin) ? origin : new URL(origin).origin;
  // Appended, not resolved: `//evil.example/` and `http://evil.example/` are paths here or nothing.
  if (target.startsWith("/")) return base + target;
  const absolute = URL.canParse(target) ? new URL(target) : undefined;
  return absolute === undefined ? `${base}/` : `${base}${absolute.pathname}${absolute.search}`;
}

// The raw list, because Node's own object drops a second Authorization header silently instead of letting it be refused.
function readHeaders(raw: readonly string[] | undefined, parsed: NodeRequest["headers"]): Headers {
  if (raw !== undefined) return incomingHeaders(raw);
  const lines = Object.entries(parsed).flatMap(([name, value]) => [value ?? []].flat().flatMap((one) => [name, one]));
  return incomingHeaders(lines);
}

function bodyOf(req: NodeRequest, stream: NodeStream, headers: Headers): BodyInit | null {
  if (!isConsumed(stream)) {
    if (!headers.has("content-length") && !headers.has("transfer-encoding")) return null;
    return streamOf(stream);
  }
  // The parser has undone framing and compression; what these headers said is no longer true.
  for (const name of ["content-length", "content-encoding", "transfer-encoding"]) headers.delete(name);
  const { body } = req;
  if (typeof body === "string") return body;
  if (body instanceof Uint8Array) return body as Uint8Array<ArrayBuffer>;
  if (typeof body !== "object" || body === null) return null;
  const type = (headers.get("content-type") ?? "").toLowerCase();
  return type.startsWith("application/x-www-form-urlencoded") ? encodeForm(formOf(body)) : JSON.stringify(body);
}

function isConsumed({ readableEnded, complete = false }: NodeStream): boolean {
  return readableEnded ?? complete;
}

function streamOf(stream: NodeStream): ReadableStream<Uint8Array> {
  const source: AsyncIterator<unknown> = stream[Symbol.asyncIterator]();
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await source.next();
        if (done) return controller.close();
        const pieces = gatherBytes();
        const add = (piece: unknown) =>
          pieces.add(piece instanceof Uint8Array ? piece : new TextEncoder().encode(String(piece)));
        add(value);
        // A body may come a byte at a time, and whoever keeps it, as a copy does, would keep each by itself: what arrives in this
        // turn goes together.
        if (pieces.size() < 1024) await turn();
        while (pieces.size() < 16_384 && (stream.readableLength ?? 0) > 0) {
          const more = stream.read?.() ?? null;
          if (more === null) break;
          add(more);
        }
        controller.enqueue(pieces.whole());
      },
      cancel() {
        // Not awaited: a read that is under way ends only when the client sends more.
        void source.return?.().catch(() => undefined);
      },
    },
    // Nothing is read ahead: a request that is not answered here is handed on with its body.
    { highWaterMark: 0 },
  );
}

/** Resolves when the event loop has gone round: Node's parser gives each piece a turn of the microtasks. */
const turn = (): Promise<void> => new Promise((go) => void (inLoop.setImmediate ?? setTimeout)(go));
const inLoop = globalThis as { setImmediate?: (go: () => void) => unknown };

// Parsers turn a repeated name into an array: it becomes repeated again, so that it can be refused.
function formOf(body: object): Record<string, string | string[]> {
  const form: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of Object.entries(body))
    form[name] = Array.isArray(value) ? value.map(textOf) : textOf(value);
  return form;
}

// Of `a[toString]=1` some parsers make an object that cannot be made a string.
const textOf = (value: unknown): string => (typeof value === "string" ? value : `${JSON.stringify(value)}`);

function abortSignal(stream: NodeStream, response: ToRequestOptions["response"]): AbortSignal {
  const controller = new AbortController();
  const cutShort = () => {
    if (stream.complete === false) controller.abort();
  };
  const unheard = () => {
    if (response?.writableFinished === false) controller.abort();
  };
  if (stream.destroyed === true) cutShort();
  else stream.once("close", cutShort);
  if (response?.destroyed === true) unheard();
  else response?.once("close", unheard);
  return controller.signal;
}
