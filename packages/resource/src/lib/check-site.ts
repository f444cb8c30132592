/**
 * Keeps pages of strangers away from an API on this machine.
 *
 * A name of theirs can be made to lead to 127.0.0.1 (DNS rebinding); the request then has their name as Host, and their page as Origin.
 * RFC 9110 §7.4 and §15.5.20 (421). Guarantees that an API on loopback answers only requests that were sent to loopback, by
 * programs, by pages on loopback, or by those that were allowed.
 */
import { OAuthError } from "@valetkey/protocol/errors";
import { isLoopbackHost } from "@valetkey/protocol/loopback";
import type { AllowedOrigins } from "../options.ts";
import type { Presented } from "./presented.ts";

/** Checks a request to an API on loopback. Throws `invalid_request` with status 421 or 403. */
export function checkSite(presented: Presented, allowedOrigins: AllowedOrigins): void {
  const [host, origin] = [presented.host(), presented.origin()];
  if (/[@/\\?#]/.test(host) || !isLoopback(`http://${host}`))
    throw new OAuthError("invalid_request", "this API is on loopback, and the request was sent to another host", {
      status: 421,
    });
  if (origin !== null && !isLoopback(origin) && allowedOrigins !== "*" && !allowedOrigins.includes(origin))
    throw new OAuthError("invalid_request", "pages of this origin may not call an API on loopback", { status: 403 });
}

const isLoopback = (url: string): boolean => URL.canParse(url) && isLoopbackHost(new URL(url).hostname);
