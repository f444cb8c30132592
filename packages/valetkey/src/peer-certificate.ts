/**
 * The certificate a client's connection was made with, as the proxy that ended the connection says (RFC 8705 §6.5, RFC 9440 §4).
 *
 * The one property: a header about certificates counts from the one proxy that is named for it, directly connected, and is taken
 * away from every other request before anybody else sees it.
 */
import { BlockList, isIP } from "node:net";
import { type CertificateOfPeer, readCertificateHeader } from "@valetkey/provider/client-certificate";
import type { TrustedProxy } from "./config.ts";
import { readNetwork } from "./config-schema.ts";

/** Headers that proxies use for certificates, whether or not one of ours does (RFC 9440 §2.4: they must not pass through). */
const always = ["client-cert", "client-cert-chain"];

export interface PeerCertificate {
  /** What the proxy says; nothing where there is none, or none that may say it. */
  readonly peer: CertificateOfPeer;
  /** There was a header, and who sent it is no proxy that may set it. */
  readonly ignored: boolean;
}

export interface CertificateHeaders {
  /** Reads what a request says. `connection`: the address it came from directly. */
  read(connection: string | undefined, headers: Headers): PeerCertificate;
  /** Takes everything about certificates out of a request. */
  strip(headers: Headers): void;
}

/** Makes the functions that look at headers about certificates. */
export function certificateHeaders(proxies: readonly TrustedProxy[]): CertificateHeaders {
  const known = proxies.map((proxy) => {
    const network = new BlockList();
    readNetwork(network, proxy.address);
    return { ...proxy, network };
  });
  const names = new Set(always);
  for (const { certificateHeader, certificateVerified } of known) {
    if (certificateHeader !== undefined) names.add(certificateHeader.toLowerCase());
    if (typeof certificateVerified === "string") names.add(certificateVerified.toLowerCase());
  }
  const read: CertificateHeaders["read"] = (connection, headers) => {
    const address = connection?.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "").replace(/%.*$/, "");
    const family = isIP(address ?? "");
    const proxy =
      address === undefined || family === 0
        ? undefined
        : known.find(
            ({ certificateHeader, network }) =>
              certificateHeader !== undefined && network.check(address, family === 6 ? "ipv6" : "ipv4"),
          );
    if (proxy?.certificateHeader === undefined)
      return { peer: {}, ignored: [...names].some((name) => headers.has(name)) };
    const certificate = readCertificateHeader(headers.get(proxy.certificateHeader) ?? "");
    if (certificate === undefined) return { peer: {}, ignored: false };
    const { certificateVerified = false } = proxy;
    const verified =
      typeof certificateVerified === "string"
        ? headers.get(certificateVerified) === "SUCCESS"
        : certificateVerified === true;
    return { peer: { certificate, certificateVerified: verified }, ignored: false };
  };
  return {
    read,
    strip(headers) {
      for (const name of names) if (headers.has(name)) headers.delete(name);
    },
  };
}
