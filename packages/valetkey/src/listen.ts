/**
 * The HTTP listener: node:http in front of `Request → Response`, with limits, health and an orderly end.
 *
 * RFC 9112 §3.2 (Host, request target), §6 (message body). The one property: a client that is slow, silent, rude or gone
 * costs a bounded time and nothing else, and what was accepted before the end is answered.
 */

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type NodeResponse, pathOf, sendResponse, toRequest } from "@valetkey/protocol/node-http";
import type { Log, Peer } from "@valetkey/provider/op";
import type { TrustedProxy } from "./config.ts";
import { peerAddress } from "./peer-address.ts";
import { certificateHeaders } from "./peer-certificate.ts";

/** Milliseconds, but for sizes and counts. */
export interface Limits {
  /** Until all headers are there. */
  readonly headers: number;
  /** Until the whole request is there, and for a client that does not read its answer. */
  readonly request: number;
  readonly keepAlive: number;
  /** How often the first two are looked after. */
  readonly interval: number;
  readonly headerBytes: number;
  /** Requests on one connection. */
  readonly requestsPerConnection: number;
  /** Requests on one connection that wait for their answers: beyond that the connection is cut. */
  readonly pipelined: number;
  /** For requests under way at the end. */
  readonly end: number;
  /** For the rest of a body that nobody read, so that its sender can read the answer. */
  readonly linger: number;
}

export const defaultLimits: Limits = {
  headers: 10_000,
  request: 20_000,
  keepAlive: 5_000,
  interval: 2_000,
  headerBytes: 16_384,
  requestsPerConnection: 1_000,
  pipelined: 16,
  end: 10_000,
  linger: 500,
};

export interface ListenOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  readonly trustedProxies?: readonly (string | TrustedProxy)[];
  readonly log: Log;
  readonly limits?: Partial<Limits>;
}

/** What answers once everything is open. */
export interface Answerer {
  /** Where requests are said to arrive, whatever their Host header says: the issuer. */
  readonly origin: string;
  handle(request: Request, peer: Peer): Promise<Response | undefined>;
  /** What `handle` left: there is nothing at this address. */
  notFound(request: Request): Promise<Response>;
  /** Rejects or says no when the store or the keys cannot be used. */
  ready(): Promise<boolean>;
}

export interface Listener {
  readonly port: number;
  /** From now on requests are answered; before, they are told to come back. */
  answerWith(answerer: Answerer): void;
  /** Accepts nothing new, lets requests under way finish (at most `limits.end`), then closes every connection. */
  close(): Promise<void>;
}

/** Starts to listen. Rejects with Node's error (`EADDRINUSE`, `EACCES`) if it cannot. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { log } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const proxies = (options.trustedProxies ?? []).map((one) => (typeof one === "string" ? { address: one } : one));
  const addressOf = peerAddress(proxies.map(({ address }) => address));
  const certificates = certificateHeaders(proxies);
  const underWay = new Set<ServerResponse>();
  const waitingOn = new WeakMap<Socket, number>();
  let answerer: Answerer | undefined;
  let ending = false;
  let warned = false;
  let warnedOfCertificate = false;

  const peerOf = (incoming: IncomingMessage, request: Request): Peer => {
    const { ip, ignored } = addressOf(incoming.socket.remoteAddress, forwardedFor(incoming));
    if (ignored && !warned) {
      warned = true;
      log.warn(
        { event: "proxy.untrusted", address: ip },
        "X-Forwarded-For came from an address that is not in trustedProxies and is ignored: if this is your proxy, everybody behind it counts as one",
      );
    }
    const { peer, ignored: unbelieved } = certificates.read(incoming.socket.remoteAddress, request.headers);
    certificates.strip(request.headers);
    if (unbelieved && !warnedOfCertificate) {
      warnedOfCertificate = true;
      log.warn(
        { event: "proxy.untrusted-certificate", address: ip },
        "a header with a client's certificate came from an address that is not in trustedProxies with a certificateHeader and is ignored",
      );
    }
    return { ip, ...peer };
  };
  const respond = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<Response> => {
    const fault = faultOf(incoming);
    if (fault !== undefined) return plain(fault, "bad request", { connection: "close" });
    const request = toRequest(incoming, { origin: answerer?.origin ?? "http://localhost", response: outgoing });
    const path = pathOf(request.url);
    if (path === "/healthz") return plain(200, "ok");
    if (path === "/readyz") return (await isReady(answerer)) && !ending ? plain(200, "ready") : plain(503, "not ready");
    if (!answerer) return plain(503, "starting", { "retry-after": "1" });
    return (await answerer.handle(request, peerOf(incoming, request))) ?? answerer.notFound(request);
  };
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    try {
      const response = await respond(incoming, outgoing).catch((error: unknown) => {
        log.error({ event: "listen.failed", error }, "a request failed");
        return plain(500, "internal error");
      });
      const whole = incoming.complete || outgoing.destroyed;
      await sendResponse(whole ? outgoing : unread(incoming, outgoing, limits.linger), response);
    } catch (error) {
      log.error({ event: "listen.failed", error }, "an answer could not be sent");
      outgoing.destroy();
    }
  };

  const server = createServer(
    {
      headersTimeout: limits.headers,
      requestTimeout: limits.request,
      keepAliveTimeout: limits.keepAlive,
      connectionsCheckingInterval: limits.interval,
      maxHeaderSize: limits.headerBytes,
      insecureHTTPParser: false,
      requireHostHeader: true,
      keepAlive: true,
    },
    (incoming, outgoing) => {
      const { socket } = incoming;
      const waiting = (waitingOn.get(socket) ?? 0) + 1;
      waitingOn.set(socket, waiting);
      underWay.add(outgoing);
      outgoing.once("close", () => {
        underWay.delete(outgoing);
        waitingOn.set(socket, (waitingOn.get(socket) ?? 1) - 1);
      });
      // The parts of a connection that break under us concern nobody else.
      incoming.on("error", () => {});
      outgoing.on("error", () => {});
      if (ending) outgoing.setHeader("connection", "close");
      // Nobody we serve sends requests without waiting for answers; whoever sends hundreds at once wants to keep us busy.
      if (waiting > limits.pipelined) socket.destroy();
      else if (!socket.destroyed) void answer(incoming, outgoing);
    },
  );
  server.timeout = limits.request;
  server.maxRequestsPerSocket = limits.requestsPerConnection;
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => refuseConnection(error, socket));
  server.listen(options.port, options.host);
  // Rejects with the error if listening fails.
  await once(server, "listening");
  server.on("error", (error) => log.error({ event: "listen.error", error }, "the listener reported an error"));

  return {
    port: (server.address() as AddressInfo).port,
    answerWith: (next) => {
      answerer = next;
    },
    async close() {
      if (ending) return;
      ending = true;
      const closed = once(server, "close");
      server.close();
      for (const outgoing of underWay) if (!outgoing.headersSent) outgoing.setHeader("connection", "close");
      const timer = setTimeout(() => server.closeAllConnections(), limits.end);
      await closed;
      clearTimeout(timer);
    },
  };
}

/**
 * The response to a request whose body was not read to its end. RFC 9112 §9.6: the connection cannot be used again, which
 * its sender is told; and it ends only when the rest has come or some time has passed, because a connection that is closed
 * over bytes nobody read takes the answer with it.
 */
function unread(incoming: IncomingMessage, outgoing: ServerResponse, linger: number): NodeResponse {
  outgoing.setHeader("connection", "close");
  return {
    get destroyed() {
      return outgoing.destroyed;
    },
    set statusCode(status: number) {
      outgoing.statusCode = status;
    },
    setHeader: (name, value) => outgoing.setHeader(name, value),
    write: (chunk) => outgoing.write(chunk),
    end(text) {
      if (text === undefined) outgoing.flushHeaders();
      else outgoing.write(text);
      const timer = setTimeout(done, linger);
      function done(): void {
        clearTimeout(timer);
        outgoing.end();
      }
      incoming.once("close", done).once("end", done).resume();
    },
    once: (event, listener) => outgoing.once(event, listener),
    off: (event, listener) => outgoing.off(event, listener),
    destroy: (error) => outgoing.destroy(error),
  };
}

/** What Node's parser lets through and we do not: its status. */
function faultOf(incoming: IncomingMessage): number | undefined {
  const { rawHeaders, headers, url = "" } = incoming;
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]?.toLowerCase() === "host") hosts++;
  // RFC 9112 §3.2: more than one Host is an attempt to be seen differently by two servers.
  if (hosts > 1 || !/^([\w.~!$&'()*+,;=%-]+|\[[\da-f:.]+\])(:\d{0,5})?$/i.test(headers.host ?? "")) return 400;
  // We are no proxy: absolute-form and authority-form have no use here.
  if (!url.startsWith("/") || url.startsWith("//")) return 400;
  // Nothing we read is compressed, and unpacking is how small requests become big ones.
  const encoding = headers["content-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") return 415;
  if (headers.upgrade !== undefined && headers.connection?.toLowerCase().includes("upgrade")) return 400;
  return undefined;
}

function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === "HPE_HEADER_OVERFLOW"
      ? "431 Request Header Fields Too Large"
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? "408 Request Timeout"
        : "400 Bad Request";
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`, () => socket.destroy());
}

async function isReady(answerer: Answerer | undefined): Promise<boolean> {
  if (!answerer) return false;
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), 2_000);
  try {
    return await Promise.race([answerer.ready(), late.promise]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

function forwardedFor(incoming: IncomingMessage): string | undefined {
  const value = incoming.headers["x-forwarded-for"];
  return Array.isArray(value) ? value.join(",") : value;
}

const plainHeaders = {
  "content-type": "text/plain; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

function plain(status: number, text: string, headers: Record<string, string> = {}): Response {
  return new Response(`${text}\n`, { status, headers: { ...plainHeaders, ...headers } });
}
