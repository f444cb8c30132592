/**
 * The checks every way to sign in shares, made before anybody signs in.
 *
 * RFC 8707 §2, RFC 9700 §2.6.
 */
import { ClientError } from "../client-error.ts";
import { readSecureUrl } from "./secure-url.ts";

/** Makes `configuration_invalid` with the name of the function and the provider in front. */
export type Fail = (message: string) => ClientError;

/** Checks a provider's name; gives the function that words its other mistakes. */
export function checkName(made: "oidc" | "oauth2" | "oauth1", name: string): Fail {
  const fail = (message: string) => new ClientError("configuration_invalid", `${made}("${name}"): ${message}`);
  if (!/^[a-z0-9][a-z0-9_-]{0,63}$/.test(name)) throw fail("a name is lower-case letters, digits, - and _");
  return fail;
}

/** Checks URL prefixes that tokens may go to. */
export function checkPrefixes(option: "resource" | "api", urls: readonly string[], fail: Fail): void {
  for (const one of urls) {
    // RFC 8707 §2: absolute, without fragment. A query has no place in a prefix.
    if (readSecureUrl(one, true) === undefined || /[?#]/.test(one)) {
      throw fail(`${option} must be https URLs without query and fragment (http on loopback), got ${one}`);
    }
  }
}

/** Checks endpoints: https, or http on loopback. Absent ones pass. */
export function checkEndpoints(endpoints: Readonly<Record<string, string | undefined>>, fail: Fail): void {
  for (const [name, url] of Object.entries(endpoints)) {
    if (url !== undefined && readSecureUrl(url, true) === undefined) {
      throw fail(`${name} must be an https URL (http on loopback), got ${url}`);
    }
  }
}
