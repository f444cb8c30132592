/**
 * What a request presents, whatever kind of object it is: read from web and Node requests without making one of the other.
 *
 * RFC 6750 §2.1, RFC 9449 §7.1 (the two schemes), RFC 8705 §3 (the certificate of the connection).
 * Guarantees that a header that came twice is seen twice, and that only the Authorization header is looked at: never a form or a URL.
 */
import { readAuthorization } from "@valetkey/protocol/authorization-header";
import { invalidRequest } from "@valetkey/protocol/errors";
import type { NodeRequest } from "@valetkey/protocol/node-http";

/** What is known of the connection a request came on. */
export interface Peer {
  /** The certificate the caller's TLS connection was made with (RFC 8705): DER, base64 without line breaks. */
  readonly certificate?: string | undefined;
}

export interface Presented {
  /** The request itself: two guards on one request check its token once. */
  readonly carrier: object;
  readonly authorization: string | null;
  readonly dpop: string | null;
  readonly method: string;
  // What follows is needed now and then only.
  /** Path and query, as they arrived. */
  target(): string;
  /** Name and port the request was sent to, as its sender says. */
  host(): string;
  /** The page that sent it, if a browser did. */
  origin(): string | null;
  certificate(): string | undefined;
}

/** The certificate, if this tells one: what frameworks pass beside a request may be anything. */
export function certificateOfPeer(peer: Peer | object | undefined): string | undefined {
  const { certificate } = (peer ?? {}) as { readonly certificate?: unknown };
  return typeof certificate === "string" ? certificate : undefined;
}

/** Reads a web request. */
export function presentedByRequest(request: Request, certificate: () => string | undefined): Presented {
  const { headers, method } = request;
  return {
    carrier: request,
    authorization: headers.get("authorization"),
    dpop: headers.get("dpop"),
    method,
    target: () => new URL(request.url).pathname,
    host: () => headers.get("host") ?? new URL(request.url).host,
    origin: () => headers.get("origin"),
    certificate,
  };
}

/** Reads Node's request, Express's, or Fastify's. */
export function presentedByNode(req: NodeRequest, certificate: () => string | undefined): Presented {
  const { method = "GET", url = "/", originalUrl = url, headers, raw } = req;
  const stream = raw ?? req;
  // Node's own object drops a second Authorization header silently instead of letting it be refused.
  const all = (name: string): string | null => {
    const { rawHeaders } = stream;
    if (rawHeaders === undefined) return [headers[name] ?? []].flat().join(", ") || null;
    let value: string | null = null;
    for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
      const header = rawHeaders[at] ?? "";
      if (header.length !== name.length || header.toLowerCase() !== name) continue;
      value = value === null ? (rawHeaders[at + 1] ?? "") : `${value}, ${rawHeaders[at + 1]}`;
    }
    return value;
  };
  return {
    carrier: stream,
    authorization: all("authorization"),
    dpop: all("dpop"),
    method,
    target: () => originalUrl,
    // RFC 9113 §8.3.1: HTTP/2 has a name of its own for it.
    host: () => all("host") ?? all(":authority") ?? "",
    origin: () => all("origin"),
    certificate,
  };
}

export interface Credentials {
  readonly scheme: "Bearer" | "DPoP";
  readonly token: string;
}

/**
 * Reads the token from the Authorization header. Nothing if it is absent or of another scheme; two credentials or a malformed one
 * are `invalid_request`.
 */
export function readCredentials(authorization: string | null): Credentials | undefined {
  const read = readAuthorization(authorization);
  const scheme = read?.scheme === "bearer" ? "Bearer" : read?.scheme === "dpop" ? "DPoP" : undefined;
  if (read === undefined || scheme === undefined) return undefined;
  // RFC 6750 §2.1: b64token. Two headers arrive joined by a comma, which is not in it.
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(read.credentials))
    throw invalidRequest(`the Authorization header must be one ${scheme} token`);
  return { scheme, token: read.credentials };
}

/** The part of Node's TLSSocket that is read. */
export interface CertificateSocket {
  readonly remoteAddress?: string | undefined;
  getPeerCertificate?(detailed: boolean): { readonly raw?: Uint8Array } | null;
}

/** Reads the certificate of a connection that Node ended itself; nothing for plain connections and those without one. */
export function certificateOfSocket(socket: CertificateSocket | null | undefined): string | undefined {
  const raw = socket?.getPeerCertificate?.(true)?.raw;
  if (raw === undefined) return undefined;
  return btoa(Array.from(raw, (byte) => String.fromCharCode(byte)).join(""));
}
