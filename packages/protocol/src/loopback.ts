/**
 * Which hosts are this machine (RFC 8252 §7.3 and §8.3): the two literal addresses and the name, spelled exactly so.
 * Guarantees that no other spelling (127.0.0.2, 0x7f.1, localhost.example) counts.
 */

/** Tells whether a host, as written in a URL, is loopback. */
export function isLoopbackHost(host: string): boolean {
  return host === "127.0.0.1" || host === "[::1]" || host === "localhost";
}
