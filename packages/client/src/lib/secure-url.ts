/**
 * Which URLs a client may use: https, or http on this machine while developing.
 *
 * RFC 9700 §2.6, RFC 8252 §8.3, CVE-2025-6514 (an authorization endpoint that is no web address).
 * Guarantees that what passed is an absolute http(s) URL without user information.
 */
import { isLoopbackHost } from "@valetkey/protocol/loopback";

/** Tells whether a host is this machine, in one of the three spellings that always mean it. */
export function isLoopback(url: URL): boolean {
  return isLoopbackHost(url.hostname);
}

/** Reads an absolute URL that is https, or http on loopback if that is allowed; nothing for any other. */
export function readSecureUrl(text: unknown, allowLoopbackHttp: boolean): URL | undefined {
  // RFC 3986 §2: what is no character of a URI is dropped by some parsers and means something to others (a shell).
  if (typeof text !== "string" || !/^https?:\/\/[\w.~:/?#[\]@!$&'()*+,;=%-]+$/.test(text) || !URL.canParse(text))
    return undefined;
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") return undefined;
  if (url.protocol === "https:") return url;
  return allowLoopbackHttp && isLoopback(url) ? url : undefined;
}
