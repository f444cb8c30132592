/**
 * The certificate of a client's connection: from Node's TLS socket, or from a header of the proxy that ended the connection.
 *
 * RFC 8705 §2 and §6.5, RFC 9440 §2. What a header says is worth what its sender is worth: whoever reads one must know that it
 * comes from a proxy of their own which sets it itself. Guarantees that a header which is not exactly one certificate is none.
 */
import type { Peer } from "./op.ts";

/** What a connection says about certificates. */
export type CertificateOfPeer = Pick<Peer, "certificate" | "certificateVerified">;

/** The part of Node's TLSSocket that is read. */
export interface CertificateSocket {
  /** True once an authority of the server's `ca` has signed the certificate. */
  readonly authorized?: boolean;
  getPeerCertificate?(detailed: boolean): { readonly raw?: Uint8Array } | null;
}

/** Reads the certificate of a connection that Node ended itself; nothing for plain connections and those without one. */
export function certificateOfSocket(socket: CertificateSocket | undefined): CertificateOfPeer {
  const raw = socket?.getPeerCertificate?.(true)?.raw;
  if (raw === undefined) return {};
  const binary = Array.from(raw, (byte) => String.fromCharCode(byte)).join("");
  return { certificate: btoa(binary), certificateVerified: socket?.authorized === true };
}

/**
 * Reads a certificate from a header: `:MII…:` (RFC 9440), PEM in URL encoding (nginx: `$ssl_client_escaped_cert`), or DER in plain
 * base64. Gives DER in base64; nothing if it is none of these, or more than one certificate.
 */
export function readCertificateHeader(value: string): string | undefined {
  const bytes = /^:([A-Za-z0-9+/]+={0,2}):$/.exec(value.trim())?.[1];
  const encoded = bytes ?? bodyOfPem(value) ?? value.trim();
  if (!/^[A-Za-z0-9+/]{4,}={0,2}$/.test(encoded) || encoded.length % 4 !== 0) return undefined;
  return encoded;
}

function bodyOfPem(value: string): string | undefined {
  let text: string;
  try {
    text = decodeURIComponent(value);
  } catch {
    return undefined;
  }
  const body = /^\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*$/.exec(text)?.[1];
  return body?.replace(/\s/g, "");
}
