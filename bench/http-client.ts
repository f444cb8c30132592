/**
 * The least HTTP/1.1 client that measures honestly: one request at a time on a kept connection, straight on `node:net`.
 *
 * RFC 9112 §6 (Content-Length and chunked bodies), §9.6 (a connection the server closes is opened anew). The one property: it
 * costs a fraction of what any server here does, so that the generator's core is not what is measured.
 */
import { connect, type Socket } from "node:net";

export interface Answer {
  readonly status: number;
  /** The status line and the fields as they came. */
  readonly head: string;
  readonly body: string;
}

export interface Connection {
  /** Sends a whole request. One at a time: the next waits for this one's answer. */
  ask(request: string): Promise<Answer>;
  close(): void;
}

/** Opens when first asked, and again after the server has closed. */
export function openConnection(port: number): Connection {
  let socket: Socket | undefined;
  let received = "";
  let waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined;

  const drop = (error: Error) => {
    socket?.destroy();
    socket = undefined;
    received = "";
    const { reject } = waiting ?? {};
    waiting = undefined;
    reject?.(error);
  };
  const read = (chunk: Buffer) => {
    received = received === "" ? chunk.toString("latin1") : received + chunk.toString("latin1");
    const answer = readAnswer(received);
    if (answer === undefined || waiting === undefined) return;
    received = "";
    const { resolve } = waiting;
    waiting = undefined;
    if (field(answer.head, "connection") === "close") {
      socket?.destroy();
      socket = undefined;
    }
    resolve(answer);
  };
  const open = (): Socket => {
    const opened = connect({ port, host: "127.0.0.1", noDelay: true });
    const mine = (work: (error?: Error) => void) => (error?: Error) => {
      if (socket === opened) work(error);
    };
    opened.on("data", (chunk: Buffer) => socket === opened && read(chunk));
    opened.on(
      "error",
      mine((error) => drop(error ?? new Error("the connection broke"))),
    );
    opened.on(
      "close",
      mine(() => drop(new Error("the server closed the connection without an answer"))),
    );
    return opened;
  };

  return {
    ask: (request) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket ??= open();
        socket.write(request, "latin1");
      }),
    close() {
      socket?.destroy();
      socket = undefined;
    },
  };
}

/** One field's value, in lower case; nothing if it is absent. */
export function field(head: string, name: string): string | undefined {
  return new RegExp(`\r\n${name}: *([^\r\n]*)`, "i").exec(head)?.[1]?.toLowerCase();
}

function readAnswer(text: string): Answer | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const head = text.slice(0, end);
  const status = Number(head.slice(9, 12));
  const length = field(head, "content-length");
  const start = end + 4;
  if (length !== undefined) {
    const size = Number(length);
    return text.length - start < size ? undefined : { status, head, body: text.slice(start, start + size) };
  }
  if (field(head, "transfer-encoding") !== "chunked")
    return status === 204 || status === 304 ? { status, head, body: "" } : undefined;
  const body = readChunks(text, start);
  return body === undefined ? undefined : { status, head, body };
}

function readChunks(text: string, start: number): string | undefined {
  let body = "";
  for (let at = start; ; ) {
    const line = text.indexOf("\r\n", at);
    if (line < 0) return undefined;
    const size = Number.parseInt(text.slice(at, line), 16);
    if (text.length < line + 4 + size) return undefined;
    if (size === 0) return body;
    body += text.slice(line + 2, line + 2 + size);
    at = line + 4 + size;
  }
}

export type Fields = Readonly<Record<string, string>>;

/** A GET. */
export function get(path: string, headers: Fields = {}): string {
  return `GET ${path} HTTP/1.1\r\n${common}${lines(headers)}\r\n`;
}

/** A POST of a form. */
export function post(path: string, form: string, headers: Fields = {}): string {
  const type = form.startsWith("{") ? "application/json" : "application/x-www-form-urlencoded";
  const about = `Content-Type: ${type}\r\nContent-Length: ${form.length}\r\n`;
  return `POST ${path} HTTP/1.1\r\n${common}${about}${lines(headers)}\r\n${form}`;
}

const common = "Host: localhost\r\nAccept: */*\r\nUser-Agent: bench\r\n";
const lines = (headers: Fields): string =>
  Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
