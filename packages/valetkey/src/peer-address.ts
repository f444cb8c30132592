/**
 * The address a request came from: the connection's, or what trusted proxies say it was.
 *
 * The one property: the address slows down guessing and decides nothing else, and X-Forwarded-For counts only as far as
 * an unbroken chain of trusted proxies vouches for it; what cannot be read is the last proxy's own address.
 */
import { BlockList, isIP } from "node:net";
import { readNetwork } from "./config-schema.ts";

export interface PeerAddress {
  readonly ip: string | undefined;
  /** There was an X-Forwarded-For, and who sent it is no trusted proxy. */
  readonly ignored: boolean;
}

/** Makes the function that tells the address. `trusted`: addresses and networks of proxies. */
export function peerAddress(
  trusted: readonly string[],
): (connection: string | undefined, forwarded: string | undefined) => PeerAddress {
  const proxies = new BlockList();
  for (const network of trusted) readNetwork(proxies, network);
  const isProxy = (address: string) => proxies.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");

  return (connection, forwarded) => {
    let address = plain(connection);
    if (address === undefined || forwarded === undefined) return { ip: address, ignored: false };
    const ignored = !isProxy(address);
    const hops = hopsOf(forwarded);
    while (isProxy(address) && hops.length > 0) {
      const hop = plain(hops.pop()?.trim());
      if (hop === undefined) break;
      address = hop;
    }
    return { ip: address, ignored };
  };
}

/** The last hops, which proxies of ours have added: whoever sends the request writes the first ones, as many as they like. */
function hopsOf(forwarded: string): string[] {
  if (forwarded.length <= 2_000) return forwarded.split(",");
  // The first of what is left may be cut in the middle.
  return forwarded.slice(-2_000).split(",").slice(1);
}

/** An address without zone, port and the IPv6 form of an IPv4 address; nothing if it is none. */
function plain(text: string | undefined): string | undefined {
  if (text !== undefined && isIP(text) === 4) return text;
  const address = text
    ?.replace(/^\[([^\]]*)\](:\d+)?$/, "$1")
    .replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1")
    .replace(/%.*$/, "")
    .replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
  return address !== undefined && isIP(address) !== 0 ? address : undefined;
}
