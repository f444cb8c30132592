/**
 * What this API says about itself: which authorization servers it accepts, and how tokens are sent.
 *
 * RFC 9728 §2, §3 and §3.1 (the place of the document: between host and path), Fetch §3.2 (CORS).
 * Guarantees that `resource` is the configured URL, whatever a Host header says, and that the document of one resource is not
 * served at the place of another.
 */
import { methodNotAllowed } from "@valetkey/protocol/errors";
import { isLoopbackHost } from "@valetkey/protocol/loopback";
import { type ResourceMetadata, wellKnown } from "@valetkey/protocol/metadata";

/** Members of the document besides those that follow from the other options, e.g. `scopes_supported`, `resource_name`. */
export type ResourceDescription = Omit<
  Partial<ResourceMetadata>,
  "resource" | "authorization_servers" | "bearer_methods_supported"
>;

/** Reads the identifier of a resource: https (http on loopback), no fragment. Anything else is a `TypeError` that begins with `what`. */
export function readResourceUrl(resource: string, what = "the resource"): URL {
  const url = URL.canParse(resource) ? new URL(resource) : undefined;
  const isSecure = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopbackHost(url.hostname));
  if (url === undefined || !isSecure || resource.includes("#"))
    throw new TypeError(`${what} must be an https URL (http on loopback) without fragment, got ${resource}`);
  return url;
}

/** Gives the URL of the document, for `resource_metadata` in challenges. */
export const metadataUrl = (resource: string): string => wellKnown(resource, "oauth-protected-resource").href;

/** Puts the document together. */
export function resourceMetadata(
  resource: string,
  issuers: readonly string[],
  description: ResourceDescription,
): ResourceMetadata {
  readResourceUrl(resource);
  // Tokens in forms and URLs are not read here (RFC 9728 §2).
  const fixed = { resource, authorization_servers: [...issuers], bearer_methods_supported: ["header"] };
  return { ...description, ...fixed };
}

/** Fetch §3.2.3. */
const preflight = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Methods": "GET, HEAD",
  "Access-Control-Allow-Headers": "*",
  "Access-Control-Max-Age": "7200",
};

/** Answers a method and a path; nothing if the path is another. */
export type AnswerMetadata = (method: string, path: string) => Response | undefined;

/**
 * Makes the function that serves a document at its own place. Pages of any origin may read it, and send headers of their own along
 * (MCP clients name their protocol version): it holds no secret.
 */
export function serveMetadata(document: ResourceMetadata): AnswerMetadata {
  const { pathname } = new URL(metadataUrl(document.resource));
  const body = JSON.stringify(document);
  return (method, path) => {
    if (path !== pathname) return undefined;
    if (method === "OPTIONS") return new Response(null, { status: 204, headers: preflight });
    if (method !== "GET" && method !== "HEAD") return methodNotAllowed("GET, HEAD, OPTIONS");
    const headers = {
      "Content-Type": "application/json",
      "Cache-Control": "public, max-age=300",
      "Access-Control-Allow-Origin": "*",
    };
    return new Response(method === "HEAD" ? null : body, { headers });
  };
}
