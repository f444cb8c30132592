/**
 * Mounts a provider in whatever speaks Node's request and response: bare `node:http`, Express, Fastify's raw pair.
 *
 * RFC 9110 §7.1. Guarantees that the issuer's origin is the configured one whatever a Host header says, and that a request
 * which is not the provider's is handed on untouched.
 */
import { type NodeRequest, type NodeResponse, sendResponse, toRequest } from "@valetkey/protocol/node-http";
import type { Peer } from "./op.ts";

/** A provider, or a whole server: anything that answers its own URLs and leaves the others alone. */
export interface Mountable {
  readonly issuer: string;
  handle(request: Request, peer?: Peer): Promise<Response | undefined>;
}

/** A request whose connection is known, as Node's and Express's are. */
export type SocketRequest = NodeRequest & { readonly socket?: { readonly remoteAddress?: string | undefined } };

/**
 * Gives the handler. It answers the provider's URLs and calls `next` for all others; without a `next` those are 404.
 * `ip` names the caller where a trusted proxy stands between; it is the connection's address unless given.
 *
 * ```ts
 * express().use(nodeHandler(provider));
 * http.createServer(nodeHandler(provider));
 * ```
 */
export function nodeHandler(
  target: Mountable,
  { ip = (req) => req.socket?.remoteAddress }: { readonly ip?: (req: SocketRequest) => string | undefined } = {},
): (req: SocketRequest, res: NodeResponse, next?: (error?: unknown) => void) => Promise<void> {
  return async (req, res, next) => {
    try {
      const response = await target.handle(toRequest(req, { origin: target.issuer, response: res }), { ip: ip(req) });
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
