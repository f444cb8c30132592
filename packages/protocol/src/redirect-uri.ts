/**
 * Which redirect URIs may be registered, and which of them a request means.
 *
 * RFC 6749 §3.1.2, RFC 8252 §7 and §8, RFC 9700 §2.1 and §4.1.3, RFC 7591 §2 (URIs shown to people).
 * Guarantees that a sent URI matches only if it is byte for byte a registered one; the port of a loopback URI alone may differ.
 */
import { invalidClientMetadata, invalidRedirectUri } from "./errors.ts";
import { isLoopbackHost } from "./loopback.ts";

const maxLength = 2048;

/** What kind of client registers, and whether plain http on loopback is accepted from a web client too. */
export interface RedirectUriPolicy {
  readonly application_type: "web" | "native";
  /** True when the issuer itself is on loopback: development. Default false. Native clients may always use it. */
  readonly allowLoopbackHttp?: boolean;
}

/**
 * Checks a redirect URI for registration; what is refused is `invalid_redirect_uri`.
 * Web: https. Native: https, http on loopback, or a private-use scheme with a dot in it. Never: relative URIs, fragments,
 * userinfo, wildcards, hosts that are not in their plain spelling, characters outside RFC 3986, more than 2048 characters.
 */
export function checkRedirectUri(uri: unknown, policy: RedirectUriPolicy): asserts uri is string {
  const parts = splitUri(uri);
  if (typeof parts === "string") throw invalidRedirectUri(`a redirect URI ${parts}`);
  if (parts.fragment) throw invalidRedirectUri("a redirect URI must not have a fragment");
  // Matching is exact, so a wildcard would be dead text at best and a misunderstanding at worst.
  if (parts.beforeQuery.includes("*")) throw invalidRedirectUri("a redirect URI must not contain a wildcard");
  if (parts.scheme === "https" && parts.host !== undefined) return;
  const native = policy.application_type === "native";
  if (parts.scheme === "http" && parts.host !== undefined && isLoopbackHost(parts.host)) {
    if (native || policy.allowLoopbackHttp === true) return;
    throw invalidRedirectUri("a web client's redirect URI must be https, also on localhost");
  }
  if (parts.scheme === "http")
    throw invalidRedirectUri("a redirect URI may be http on 127.0.0.1, [::1] or localhost only");
  // RFC 8252 §7.1: a private-use scheme is a reversed domain name. The dot also keeps javascript:, data: and file: out.
  // The slash keeps `example.com:8080/callback`, an address that lost its scheme, from passing as one.
  if (native && /^[^:]*\.[^:]*:\//.test(parts.beforeQuery)) return;
  throw invalidRedirectUri(
    native
      ? "a redirect URI must be https, http on loopback, or a private-use scheme like com.example.app:/callback"
      : "a web client's redirect URI must be https",
  );
}

/**
 * Tells whether the URI sent in a request is one of those registered: equal byte for byte, except that a registered
 * http URI on loopback matches any port (RFC 8252 §7.3).
 */
export function matchesRedirectUri(registered: readonly string[], sent: string): boolean {
  if (sent.length > maxLength) return false;
  if (registered.includes(sent)) return true;
  const loopback = splitLoopback(sent);
  if (loopback === undefined) return false;
  return registered.some((uri) => {
    const own = splitLoopback(uri);
    return own !== undefined && own.host === loopback.host && own.rest === loopback.rest;
  });
}

/**
 * Checks a URI that is shown to people as a link or an image (`logo_uri`, `client_uri`, `tos_uri`, `policy_uri`): https, or http
 * on loopback. Anything else is `invalid_client_metadata` naming the member.
 */
export function checkDisplayUri(uri: unknown, member = "the URI"): asserts uri is string {
  const parts = splitUri(uri);
  if (typeof parts === "string") throw invalidClientMetadata(`${member} ${parts}`);
  if (parts.host !== undefined && parts.scheme === "https") return;
  if (parts.host !== undefined && parts.scheme === "http" && isLoopbackHost(parts.host)) return;
  throw invalidClientMetadata(`${member} must be an https URL`);
}

interface UriParts {
  readonly scheme: string;
  /** As written; only for http and https. */
  readonly host?: string;
  readonly beforeQuery: string;
  readonly fragment: boolean;
}

/** Splits an absolute URI whose text and parsed form agree; otherwise says, as the end of a sentence, what is wrong. */
function splitUri(uri: unknown): UriParts | string {
  if (typeof uri !== "string" || uri === "") return "must be a string";
  if (uri.length > maxLength) return `must not be longer than ${maxLength} characters`;
  // RFC 3986 §2: everything else (blanks, control characters, backslashes, non-ASCII) is read differently by different parsers.
  if (!/^[A-Za-z0-9._~:/?#[\]@!$&'()*+,;=%-]+$/.test(uri) || /%(?![0-9A-Fa-f]{2})/.test(uri)) {
    return "contains a character that is not allowed in a URI";
  }
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(uri)?.[1]?.toLowerCase();
  if (scheme === undefined || !URL.canParse(uri)) return "must be an absolute URI";
  const withoutFragment = uri.split("#", 1)[0] ?? "";
  const beforeQuery = withoutFragment.split("?", 1)[0] ?? "";
  const common = { scheme, beforeQuery, fragment: uri.includes("#") };
  const authority = /^[^:]+:\/\/([^/?#]*)/.exec(uri)?.[1];
  if (authority?.includes("@")) return "must not contain user information";
  if (scheme !== "http" && scheme !== "https") return common;
  const [, host, port] = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]]+)(?::([1-9][0-9]{0,4}))?$/.exec(authority ?? "") ?? [];
  // A host the parser rewrites (%65vil, 0x7f.1) is not the host a person reads.
  if (host === undefined || new URL(uri).hostname !== host.toLowerCase()) return "must have a plainly written host";
  return Number(port ?? 1) > 65535 ? "must have a valid port" : { ...common, host };
}

function splitLoopback(uri: string): { host: string; rest: string } | undefined {
  const [, host, port, rest = ""] = /^http:\/\/([^/?#:@[\]]+|\[::1\])(?::([1-9][0-9]{0,4}))?([/?].*)?$/.exec(uri) ?? [];
  return host !== undefined && isLoopbackHost(host) && Number(port ?? 1) <= 65535 ? { host, rest } : undefined;
}
