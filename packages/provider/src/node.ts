/**
 * Mounts a provider in whatever speaks Node's request and response: bare `node:http`, Express, Fastify's raw pair.
 *
 * RFC 9110 §7.1, RFC 8705 §2. Guarantees that the issuer's origin is the configured one whatever a Host header says, that a client's
 * certificate is the connection's own, and that a request which is not the provider's is handed on untouched.
 */
import { type NodeRequest, type NodeResponse, sendResponse, toRequest } from "@valetkey/protocol/node-http";
import { type CertificateOfPeer, type CertificateSocket, certificateOfSocket } from "./client-certificate.ts";
import type { Peer } from "./op.ts";

/** A provider, or a whole server: anything that answers its own URLs and leaves the others alone. */
export interface Mountable {
  readonly issuer: string;
  handle(request: Request, peer?: Peer): Promise<Response | undefined>;
}

/** A request whose connection is known, as Node's and Express's are. */
export type SocketRequest = NodeRequest & {
  readonly socket?: CertificateSocket & { readonly remoteAddress?: string | undefined };
};

/** How to learn who calls where the connection itself does not say. */
export interface PeerOptions {
  /** Names the caller where a trusted proxy stands between; the connection's address unless given. */
  readonly ip?: (req: SocketRequest) => string | undefined;
  /**
   * Gives the client's certificate where a trusted proxy ends the TLS connection, e.g. with `readCertificateHeader`; the
   * connection's own unless given. A header that clients can send themselves makes anybody any client.
   */
  readonly certificate?: (req: SocketRequest) => CertificateOfPeer;
}

/**
 * Gives the handler. It answers the provider's URLs and calls `next` for all others; without a `next` those are 404.
 * For certificates of clients a TLS server asks for them: `requestCert: true, rejectUnauthorized: false`.
 *
 * ```ts
 * express().use(nodeHandler(provider));
 * http.createServer(nodeHandler(provider));
 * ```
 */
export function nodeHandler(
  target: Mountable,
  { ip = (req) => req.socket?.remoteAddress, certificate = (req) => certificateOfSocket(req.socket) }: PeerOptions = {},
): (req: SocketRequest, res: NodeResponse, next?: (error?: unknown) => void) => Promise<void> {
  return async (req, res, next) => {
    try {
      const request = toRequest(req, { origin: target.issuer, response: res });
      const response = await target.handle(request, { ip: ip(req), ...certificate(req) });
      if (response !== undefined) return await sendResponse(res, response);
      if (next !== undefined) return next();
      await sendResponse(res, new Response("Not found\n", { status: 404, headers: { "Content-Type": "text/plain" } }));
    } catch (error) {
      // Only the connection can have failed: `handle` never rejects.
      if (next !== undefined) next(error);
      else res.destroy();
    }
  };
}
