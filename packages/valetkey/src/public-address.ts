/**
 * Which addresses are out in the public Internet, and which only this machine or its own network can reach.
 *
 * RFC 6890 and the IANA special-purpose address registries, RFC 4291 §2.5.5.2, RFC 6052 §2.1 (IPv4 inside IPv6), RFC 4193. The one
 * property: an address counts as public only if it is known to be, and one that carries another inside is judged by that one.
 */
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** `local`: one's own machine or network; `never`: nobody's host, or one that hands out secrets to whoever asks from here. */
export type AddressKind = "public" | "local" | "never";

type Address = ReturnType<typeof ipaddr.parse>;

/** Says what kind of address this is; text that is none is `never`. */
export function kindOfAddress(text: string): AddressKind {
  const plain = plainly(text);
  return plain === undefined ? "never" : judge(ipaddr.process(plain));
}

/** Tells whether this is the machine itself. */
export function isLoopbackAddress(text: string): boolean {
  const plain = plainly(text);
  return plain !== undefined && ipaddr.process(plain).range() === "loopback";
}

/** An address as URLs have it: ipaddr.js takes `1.2.3` for an address, and `::127.0.0.1` for a mapped one, which they are not. */
function plainly(text: string): string | undefined {
  if (text.includes("%") || isIP(text) === 0) return undefined;
  return text.includes(":") ? new URL(`http://[${text}]`).hostname.slice(1, -1) : text;
}

function judge(address: Address): AddressKind {
  // Azure's host answers here to every machine on it, from an address that is registered like any other.
  if (address.toString() === "168.63.129.16") return "never";
  if (address.kind() === "ipv6" && isNat64(address))
    return judge(ipaddr.fromByteArray(address.toByteArray().slice(12)));
  const range: string = address.range();
  if (["loopback", "private", "uniqueLocal", "carrierGradeNat"].includes(range)) return "local";
  // Only 2000::/3 is given out; ipaddr.js calls whatever it has no name for unicast.
  const given = address.kind() === "ipv4" || ((address.toByteArray()[0] ?? 0) & 0xe0) === 0x20;
  return range === "unicast" && given ? "public" : "never";
}

/** RFC 6052 §2.1: 64:ff9b::/96, in whose last 32 bits networks without IPv4 put the address a name has. */
function isNat64(address: Address): boolean {
  return address.match(ipaddr.parseCIDR("64:ff9b::/96"));
}
