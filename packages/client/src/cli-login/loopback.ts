/**
 * Waits on this computer for the browser to come back with an answer.
 *
 * RFC 8252 §7.3 (loopback, any port) and §8.3, RFC 9700 §4.7 (CSRF).
 * Guarantees that it can be reached from this computer only and under its own address only, that exactly one request is taken,
 * the one that brings the state which was sent out, and that nothing listens any more afterwards, nor once the time is over.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { constantTimeEqual } from "@valetkey/protocol/digest";
import { ClientError } from "../client-error.ts";
import { type Page, strangerPage } from "./page.ts";

/** Milliseconds the browser has for the last page. */
const farewell = 2_000;

export interface Listening {
  /** Where the browser is to come back to, with the port that was free. */
  readonly redirect_uri: string;
  /** Resolves with the answer that came; `access_denied` when none came in time, or the reason of the caller's signal. */
  readonly answer: Promise<URL>;
  /** Shows the page to whoever brought the answer, if somebody did, and stops listening. */
  close(page?: Page): Promise<void>;
}

export interface Expected {
  readonly redirectUri: URL;
  readonly state: string;
  /** Seconds. */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
}

/** Starts to listen. A port that was asked for and is taken is `configuration_invalid`. */
export async function listen({ redirectUri, state, timeout, signal }: Expected): Promise<Listening> {
  const server = createServer({ requestTimeout: 10_000, keepAlive: false });
  const { hostname, port: wanted, pathname } = redirectUri;
  server.listen(Number(wanted || 0), hostname === "[::1]" ? "::1" : "127.0.0.1");
  await once(server, "listening").catch((cause: unknown) => {
    throw new ClientError("configuration_invalid", `login cannot listen at ${redirectUri.href}`, { cause });
  });
  const { port } = server.address() as AddressInfo;
  const host = `${hostname}:${port}`;

  let waiting: ServerResponse | undefined;
  const arrived = Promise.withResolvers<URL>();
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const url = waiting === undefined ? expectedUrl(request, { host, pathname, state }) : 400;
    if (typeof url === "number") return show(response, strangerPage(url));
    waiting = response;
    arrived.resolve(url);
  });

  const late = AbortSignal.timeout(timeout * 1000);
  const why = `nobody came back from the browser within ${timeout} seconds`;
  const giveUp = () => {
    arrived.reject(signal?.aborted ? signal.reason : new ClientError("access_denied", why));
    // Whoever waits may have gone on to something else, and forgotten to close. An answer that came before is still shown its page.
    server.close();
    if (waiting === undefined) server.closeAllConnections();
  };
  late.addEventListener("abort", giveUp, { once: true });
  signal?.addEventListener("abort", giveUp, { once: true });
  if (signal?.aborted) giveUp();
  // Whoever gives up before they wait for it has nothing to handle.
  arrived.promise.catch(() => undefined);

  return {
    redirect_uri: `http://${host}${pathname}`,
    answer: arrived.promise,
    async close(page) {
      late.removeEventListener("abort", giveUp);
      signal?.removeEventListener("abort", giveUp);
      server.close();
      if (waiting !== undefined && page !== undefined && !waiting.destroyed) {
        // A browser that does not read it holds nobody up.
        const sent = once(waiting, "close", { signal: AbortSignal.timeout(farewell) }).catch(() => undefined);
        show(waiting, page);
        await sent;
      }
      server.closeAllConnections();
    },
  };
}

/** The address of the request, if it is the answer; otherwise the status it gets. */
function expectedUrl(
  { url = "", method, headers }: IncomingMessage,
  { host, pathname, state }: { readonly host: string; readonly pathname: string; readonly state: string },
): URL | number {
  // A page elsewhere whose name suddenly leads to this computer would come under that name (DNS rebinding).
  if (headers.host !== host) return 421;
  if (!url.startsWith("/")) return 400;
  const target = new URL(`http://${host}${url}`);
  if (target.pathname !== pathname) return 404;
  if (method !== "GET") return 405;
  // Without the state anybody on this computer, or any page, could end the waiting.
  const [sent, ...more] = target.searchParams.getAll("state");
  return sent !== undefined && more.length === 0 && constantTimeEqual(sent, state) ? target : 400;
}

function show(response: ServerResponse, { status, headers, html }: Page): void {
  response.writeHead(status, headers).end(html);
}
