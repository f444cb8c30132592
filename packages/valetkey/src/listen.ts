/**
 * The HTTP listener: node:http in front of `Request → Response`, with limits, health and an orderly end.
 *
 * RFC 9112 §3.2 (Host, request target), §6 (message body). The one property: a client that is slow, silent, rude or gone
 * costs a bounded time and nothing else, and what was accepted before the end is answered.
 */

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Log, Peer } from "@valetkey/provider/op";
import { peerAddress } from "./peer-address.ts";

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
  /** For requests under way at the end. */
  readonly end: number;
}

export const defaultLimits: Limits = {
  headers: 10_000,
  request: 20_000,
  keepAlive: 5_000,
  interval: 2_000,
  headerBytes: 16_384,
  requestsPerConnection: 1_000,
  end: 10_000,
};

export interface ListenOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  readonly trustedProxies?: readonly string[];
  readonly log: Log;
  readonly limits?: Partial<Limits>;
}

/** What answers once everything is open. */
export interface Answerer {
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
  const addressOf = peerAddress(options.trustedProxies ?? []);
  const underWay = new Set<ServerResponse>();
  let answerer: Answerer | undefined;
  let ending = false;

  const respond = async (request: Request, incoming: IncomingMessage): Promise<Response> => {
    const path = new URL(request.url).pathname;
    if (path === "/healthz") return plain(200, "ok");
    if (path === "/readyz") return (await isReady(answerer)) && !ending ? plain(200, "ready") : plain(503, "not ready");
    if (!answerer) return plain(503, "starting", { "retry-after": "1" });
    const ip = addressOf(incoming.socket.remoteAddress, forwardedFor(incoming));
    return (await answerer.handle(request, { ip })) ?? answerer.notFound(request);
  };
  const listener = getRequestListener((request, env) => respond(request, env.incoming as IncomingMessage), {
    overrideGlobalObjects: false,
    errorHandler: (error) => {
      // A request nobody can make sense of, such as one with a bad Host.
      if (error instanceof Error && error.name === "RequestError")
        return plain(400, "bad request", { connection: "close" });
      log.error({ event: "listen.failed", error }, "a request failed");
      return plain(500, "internal error");
    },
  });

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
      underWay.add(outgoing);
      outgoing.once("close", () => underWay.delete(outgoing));
      // The parts of a connection that break under us concern nobody else.
      incoming.on("error", () => {});
      outgoing.on("error", () => {});
      if (ending) outgoing.setHeader("connection", "close");
      const fault = faultOf(incoming);
      if (fault === undefined) void listener(incoming, outgoing);
      else outgoing.writeHead(fault, { "content-type": "text/plain", connection: "close" }).end();
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

/** What Node's parser lets through and we do not: its status. */
function faultOf(incoming: IncomingMessage): number | undefined {
  const { rawHeaders, headers, url = "" } = incoming;
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]?.toLowerCase() === "host") hosts++;
  // RFC 9112 §3.2: more than one Host is an attempt to be seen differently by two servers.
  if (hosts > 1) return 400;
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
