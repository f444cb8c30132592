/**
 * A Request over Node's own request, whose costly parts (body stream, signal, the platform's Request) are made when asked for.
 *
 * Fetch §5.4 (Request). Making the platform's object costs more than everything a token request does besides; most requests are
 * read by method, URL, headers and a form only. Guarantees that whatever is asked for is what the platform's Request would say.
 */

import { gatherBytes } from "./gather-bytes.ts";

/** What is read of Node's request for its body. */
export interface BodySource {
  readonly destroyed?: boolean;
  readonly readableFlowing?: boolean | null;
  readonly readableEncoding?: string | null;
  on(event: "data", listener: (chunk: Uint8Array) => void): unknown;
  on(event: "end" | "close", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  off(event: string, listener: (value: never) => void): unknown;
  pause(): unknown;
}

/** Node's `util.inspect`, which hands itself over. */
export type Inspect = (value: unknown, options: object) => string;

/** How the parts are made. */
export interface Parts {
  readonly method: string;
  readonly url: string;
  headers(): Headers;
  signal(): AbortSignal;
  /** Where the body comes from; nothing if there is none. */
  readonly source: BodySource | undefined;
  /** The platform's own Request, with everything in it. */
  whole(headers: Headers, signal: AbortSignal): Request;
}

/** Takes the body as bytes without a stream in between: nothing if it is larger than `limit`. Rejects if it breaks off. */
type TakeBytes = (limit: number) => Promise<Uint8Array | undefined>;

const taker: unique symbol = Symbol("body as bytes");

/** What stands for the platform's Request. `new Request(it)` is not possible, `it.clone()` is. */
class IncomingRequest {
  readonly #parts: Parts;
  #headers: Headers | undefined;
  #signal: AbortSignal | undefined;
  #whole: Request | undefined;
  #taken = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get method(): string {
    return this.#parts.method;
  }
  get url(): string {
    return this.#parts.url;
  }
  get headers(): Headers {
    this.#headers ??= this.#whole?.headers ?? this.#parts.headers();
    return this.#headers;
  }
  get signal(): AbortSignal {
    this.#signal ??= this.#parts.signal();
    return this.#signal;
  }
  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    return this.#parts.source === undefined ? null : this.#platform().body;
  }
  get bodyUsed(): boolean {
    return this.#taken || this.#whole?.bodyUsed === true;
  }
  get duplex(): "half" {
    return "half";
  }

  clone(): Request {
    return this.#platform().clone();
  }
  // Asynchronous all of them: a body that was read before is a rejection, never thrown.
  async arrayBuffer(): Promise<ArrayBuffer> {
    return this.#platform().arrayBuffer();
  }
  async blob(): Promise<Blob> {
    return this.#platform().blob();
  }
  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#platform().bytes();
  }
  async formData(): Promise<FormData> {
    return this.#platform().formData();
  }
  async json(): Promise<unknown> {
    return this.#platform().json();
  }
  async text(): Promise<string> {
    return this.#platform().text();
  }

  /** For whoever prints it: the platform's own looks at what only the platform's Request has. */
  [Symbol.for("nodejs.util.inspect.custom")](_: number, options: object, inspect: Inspect): string {
    const { method, url, headers } = this;
    return `Request ${inspect({ method, url, headers }, options)}`;
  }

  /** Nothing once somebody has asked for the stream, or has their hands on Node's: it is the one that holds the bytes then. */
  get [taker](): TakeBytes | undefined {
    const { source } = this.#parts;
    if (this.#whole !== undefined || (source !== undefined && isHeld(source))) return undefined;
    return async (limit) => {
      this.#taken = true;
      return source === undefined ? new Uint8Array() : collect(source, limit);
    };
  }

  #platform(): Request {
    if (this.#taken) throw new TypeError("the body has been read before");
    this.#whole ??= this.#parts.whole(this.headers, this.signal);
    return this.#whole;
  }
}
Object.setPrototypeOf(IncomingRequest.prototype, Request.prototype);
/** What a request has that came over a connection, rather than from a page: always the same. */
const always = {
  cache: "default",
  credentials: "same-origin",
  destination: "",
  integrity: "",
  keepalive: false,
  mode: "cors",
  redirect: "follow",
  referrer: "about:client",
  referrerPolicy: "",
};
for (const [name, value] of Object.entries(always))
  Object.defineProperty(IncomingRequest.prototype, name, { get: () => value });

/** Makes the request. */
export function incomingRequest(parts: Parts): Request {
  return new IncomingRequest(parts) as unknown as Request;
}

/** Tells whether it was made here. */
export function isIncoming(request: Request): boolean {
  return request instanceof IncomingRequest;
}

/** What takes the body of this request as bytes; nothing where it has to be read from its stream. */
export function byteTaker(source: Request | Response): TakeBytes | undefined {
  return (source as { readonly [taker]?: TakeBytes })[taker];
}

function collect(source: BodySource, limit: number): Promise<Uint8Array | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | undefined>();
  const body = gatherBytes();
  const settle = (value: Uint8Array | undefined) => {
    leave();
    resolve(value);
  };
  const fail = (error: Error) => {
    leave();
    reject(error);
  };
  const data = (chunk: Uint8Array) => {
    if (body.size() + chunk.byteLength <= limit) return body.add(chunk);
    // What is left stays where it is: whoever answers decides what becomes of the connection.
    source.pause();
    settle(undefined);
  };
  const end = () => settle(body.whole());
  const close = () => fail(new Error("the client left before the body was whole"));
  const leave = () => {
    source.off("data", data);
    source.off("end", end);
    source.off("error", fail);
    source.off("close", close);
  };
  if (source.destroyed === true) close();
  else {
    source.on("error", fail);
    source.on("close", close);
    source.on("end", end);
    source.on("data", data);
  }
  return promise;
}

/** Paused by somebody, or given out as text: listening would hear nothing, or no bytes. */
const isHeld = ({ readableFlowing, readableEncoding }: BodySource): boolean =>
  readableFlowing === false || (readableEncoding ?? null) !== null;
