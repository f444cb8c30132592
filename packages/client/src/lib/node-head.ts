/**
 * What is needed of Node's request to know who sent it.
 *
 * Guarantees that the body stays untouched, and that the origin is the configured one.
 */
import { type NodeRequest, toRequest } from "@valetkey/protocol/node-http";
import type { OAuth } from "../create-oauth.ts";

/** The request without its body, which belongs to whoever answers: a stream that is touched here would be lost there. */
export function headOf(req: NodeRequest, origin: string): Request {
  const { method = "GET", url, originalUrl, headers } = req;
  const head = toRequest({ method: "GET", url, originalUrl, headers, once: () => undefined }, { origin });
  return method === "GET"
    ? head
    : new Request(head.url, { method: method === "HEAD" ? "HEAD" : "POST", headers: head.headers });
}

/** The application's origin. Without a configured one the Host header counts; createOAuth believes it on loopback only. */
export function originOf(oauth: Pick<OAuth, "baseUrl">, req: NodeRequest): string {
  if (oauth.baseUrl !== undefined) return oauth.baseUrl;
  const { host } = req.headers;
  const origin = `http://${typeof host === "string" ? host : "localhost"}`;
  return URL.canParse(origin) ? new URL(origin).origin : "http://localhost";
}
