/**
 * Decides where a token may go.
 *
 * RFC 8707 §2, RFC 9700 §4.9 (tokens must not leak to other servers).
 * Guarantees that a token goes to the provider's own origin, its API, or a declared resource, and nowhere else.
 */
import { ClientError } from "../client-error.ts";
import type { Remote } from "./remote.ts";
import { readSecureUrl } from "./secure-url.ts";

/** What is declared about a provider's addresses. */
export type Addresses = Pick<Remote, "kind" | "name" | "issuer" | "resource" | "api">;

/**
 * Finds the URL and the token it gets: that of the declared resource it lies in, or `""` for the one of the sign-in. A relative
 * URL lies under `api`. Any other address is `url_not_allowed`.
 */
export function audienceOf(remote: Addresses, target: string | URL): { readonly url: URL; readonly resource: string } {
  const text = absolute(remote, String(target));
  // What is judged is what is sent: the spelling a URL parser makes of it.
  const url = readSecureUrl(URL.canParse(text) ? new URL(text).href : text, true);
  if (url === undefined) {
    throw notAllowed(`an absolute https URL is needed (http on loopback), got ${text.slice(0, 200)}`);
  }
  const [resource] = remote.resource
    .filter((one) => liesIn(url, new URL(one)))
    .sort((a, b) => new URL(b).pathname.length - new URL(a).pathname.length);
  // Plain OAuth 2 has one token for everything; OpenID Connect here asks for one per resource (RFC 8707).
  if (resource !== undefined) return { url, resource: remote.kind === "oidc" ? resource : "" };
  const own = remote.api !== undefined && liesIn(url, new URL(remote.api));
  if (own || url.origin === new URL(remote.issuer).origin) return { url, resource: "" };
  throw notAllowed(`${url.origin} is neither the issuer nor in the resources of ${remote.name}`);
}

// Always under the base, whatever slashes either of them has: "/user" at https://api.example/v3 is /v3/user.
function absolute({ api }: Addresses, text: string): string {
  if (api === undefined || /^[a-z][a-z0-9+.-]*:/i.test(text)) return text;
  return text.startsWith("?") ? api + text : `${api.replace(/\/$/, "")}/${text.replace(/^\//, "")}`;
}

// Whole path segments: https://api.example/v1 does not cover /v10. An encoded slash or dot is read differently by servers, and
// so is a dot segment with path parameters: to Tomcat and some proxies `/v1/..;/admin` is /admin.
function liesIn(url: URL, resource: URL): boolean {
  if (url.origin !== resource.origin) return false;
  const prefix = resource.pathname.replace(/\/$/, "");
  if (prefix !== "" && /%2f|%5c|%2e|\/\.[.;]/i.test(url.pathname)) return false;
  return url.pathname === prefix || url.pathname.startsWith(`${prefix}/`);
}

const notAllowed = (message: string): ClientError => new ClientError("url_not_allowed", message);
