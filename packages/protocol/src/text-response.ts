/**
 * A Response whose body is a text we hold anyway, and whose headers are a plain object: neither the stream nor the list of headers
 * is made that the platform makes of them.
 *
 * Fetch §5.5 (Response). Making those and reading them back costs as much as all the rest of an answer. Some platforms read past
 * the getters, so it is for our own Node adapter alone: see `answerFor`.
 * Guarantees that what is asked of it is what the platform's Response would say.
 */
import { isIncoming } from "./lib/incoming-request.ts";

/** Header → value; each name once. */
export type PlainHeaders = Readonly<Record<string, string>>;

export class TextResponse extends Response {
  readonly #text: string;
  #fields: PlainHeaders;
  #whole: Response | undefined;

  constructor(
    text: string,
    { status = 200, headers = {} }: { readonly status?: number; readonly headers?: PlainHeaders } = {},
  ) {
    // RFC 9110 §6.4.1: these have no content, so a text with one of them is a mistake of ours.
    if ([204, 205, 304].includes(status)) throw new TypeError(`an answer with status ${status} has no body`);
    super(null, status === 200 ? undefined : { status });
    this.#text = text;
    this.#fields = headers;
  }

  /** Text and headers, for whoever sends them; nothing once anything of it has been asked for as the platform has it. */
  get plain(): { readonly text: string; readonly headers: PlainHeaders } | undefined {
    return this.#whole === undefined ? { text: this.#text, headers: this.#fields } : undefined;
  }

  /** The platform's own Response with the same status, headers and body. */
  get whole(): Response {
    this.#whole ??= new Response(this.#text, { status: this.status, headers: this.#fields });
    return this.#whole;
  }

  /** Adds headers; one that is there is replaced. */
  addHeaders(headers: PlainHeaders): void {
    if (this.#whole === undefined) this.#fields = { ...this.#fields, ...headers };
    else for (const [name, value] of Object.entries(headers)) this.#whole.headers.set(name, value);
  }

  override get headers(): Headers {
    return this.whole.headers;
  }
  override get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    return this.whole.body;
  }
  override get bodyUsed(): boolean {
    return this.#whole?.bodyUsed === true;
  }
  override clone(): Response {
    return this.whole.clone();
  }
  override arrayBuffer(): Promise<ArrayBuffer> {
    return this.whole.arrayBuffer();
  }
  override blob(): Promise<Blob> {
    return this.whole.blob();
  }
  override bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.whole.bytes();
  }
  override formData(): Promise<FormData> {
    return this.whole.formData();
  }
  override text(): Promise<string> {
    return this.whole.text();
  }
  override json(): Promise<unknown> {
    return this.whole.json();
  }
}

/** Adds headers to an answer of whatever kind; one that is there is replaced. */
export function addHeaders(response: Response, headers: PlainHeaders): void {
  if (response instanceof TextResponse) response.addHeaders(headers);
  else for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
}

/** The answer to this request as whoever sent it understands it: anybody but our own Node adapter gets the platform's Response. */
export function answerFor(request: Request, response: Response): Response {
  return response instanceof TextResponse && !isIncoming(request) ? response.whole : response;
}
