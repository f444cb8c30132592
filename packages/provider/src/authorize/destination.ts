/**
 * Where a person will be sent, as they should read it on the consent page (RFC 8252 §7 and §8.6, RFC 9700 §4.11).
 *
 * Guarantees that the host shown is the one the browser will go to: it is taken from the parsed URL.
 */
import { isLoopbackHost } from "@valetkey/protocol/loopback";
import type { Interaction } from "../options.ts";

/** Describes a registered redirect URI: its host, whether that is this computer, or the scheme that opens an app. */
export function destinationOf(redirect_uri: string): NonNullable<Interaction["destination"]> {
  const { protocol, host, hostname } = new URL(redirect_uri);
  const scheme = protocol.slice(0, -1);
  // RFC 8252 §7.1: there is no host; whichever app claimed the scheme gets the answer.
  if (scheme !== "https" && scheme !== "http") return { host: scheme, loopback: false, scheme };
  return { host, loopback: isLoopbackHost(hostname) };
}
