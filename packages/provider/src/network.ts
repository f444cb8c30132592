/**
 * Whom an address stands for when attempts are counted: one IPv4 address, or one subscriber's IPv6 network.
 *
 * RFC 6177 §2 (end sites get a /64 at least), RFC 4291 §2.5.5.2 (mapped addresses). Guarantees one answer for every spelling of
 * an address, and never more than 64 characters.
 */

/** One IPv4 address, or the /64 that one IPv6 subscriber has at least; `undefined` when nothing is known. */
export function networkOf(ip: string | undefined): string | undefined {
  if (ip === undefined || ip === "") return undefined;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1];
  if (mapped !== undefined) return mapped;
  if (!ip.includes(":") || !URL.canParse(`http://[${ip}]`)) return ip.slice(0, 64);
  const [head = "", tail = ""] = new URL(`http://[${ip}]`).hostname.slice(1, -1).split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === "" ? [] : tail.split(":");
  const zeros = Array<string>(Math.max(0, 8 - left.length - right.length)).fill("0");
  return [...left, ...zeros, ...right].slice(0, 4).join(":");
}
