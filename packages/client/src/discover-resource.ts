/**
 * Finds out which authorization servers a protected resource accepts, starting from its 401.
 *
 * RFC 9728 §3.1, §3.3, §5.1 and §5.3.
 * Guarantees that the document is about the resource that was asked, wherever it was fetched from: no resource can send a client
 * to somebody else's servers in another's name.
 */
import type { ResourceMetadata } from "@valetkey/protocol/metadata";
import { wellKnown } from "@valetkey/protocol/metadata";
import { type Fetch, readJsonObject } from "@valetkey/protocol/read-json";
import { ClientError } from "./client-error.ts";
import { ask } from "./lib/ask.ts";
import { readChallengeParameter } from "./lib/challenge-parameter.ts";
import { readSecureUrl } from "./lib/secure-url.ts";
import { shownValue } from "./lib/shown-value.ts";

export interface DiscoverResourceOptions {
  /** The answer of the resource, if there was one: its `WWW-Authenticate` may say where the document is. */
  readonly response?: Response;
  /** The resource's identifier, where the URL that was asked lies below it. Default that URL. */
  readonly resource?: string;
  readonly fetch?: Fetch;
  /** Milliseconds; default 10000. */
  readonly timeoutMs?: number;
}

/**
 * Fetches a resource's metadata: from where its challenge says, else from its well-known place, else from that of its origin. A
 * document about another resource, or with unsafe addresses, is `metadata_invalid`; an outage is `issuer_unavailable`.
 *
 * @example
 * const response = await fetch("https://api.example/photos");
 * const { authorization_servers = [] } = await discoverResource("https://api.example/photos", { response });
 * const metadata = await discover(authorization_servers[0] ?? "https://id.example");
 */
export async function discoverResource(
  url: string | URL,
  options: DiscoverResourceOptions = {},
): Promise<ResourceMetadata> {
  const resource = readSecureUrl(new URL(url).href, true);
  if (resource === undefined) throw invalid(`a resource is an https URL (http on loopback), got ${url}`);
  resource.hash = "";
  const named = readChallengeParameter(options.response?.headers.get("www-authenticate") ?? "", "resource_metadata");
  if (named !== undefined) {
    const place = readSecureUrl(named, resource.protocol === "http:");
    if (place === undefined) throw invalid(`resource_metadata must be an https URL, got ${shownValue(named)}`);
    const document = await read(place, options);
    if (document === undefined) throw invalid(`there is nothing at ${place.origin}${place.pathname}`);
    // §3.3: identical to the URL that was asked, unless the caller knows the resource by another name.
    return check(document, resource, spellings(options.resource ?? resource.href));
  }
  // §3.1: for a resource with a path the document may be about the path or about the whole origin.
  for (const identifier of new Set([options.resource ?? resource.href, `${resource.origin}/`])) {
    const document = await read(wellKnown(identifier, "oauth-protected-resource"), options);
    if (document !== undefined) return check(document, resource, spellings(identifier));
  }
  throw invalid(`${resource.origin} publishes no metadata about its resources`);
}

async function read(url: URL, options: DiscoverResourceOptions): Promise<Record<string, unknown> | undefined> {
  const { fetch = globalThis.fetch, timeoutMs = 10_000 } = options;
  const init = { headers: { Accept: "application/json" }, timeoutMs };
  const { response, text } = await ask(fetch, url, init, "metadata_invalid");
  if (response.status === 404) return undefined;
  if (response.status !== 200) throw invalid(`${url.href} answered ${response.status}, expected 200`);
  try {
    return await readJsonObject(new Response(text));
  } catch (cause) {
    throw new ClientError("metadata_invalid", `${url.href} is not a JSON object`, { cause });
  }
}

function check(document: Record<string, unknown>, url: URL, accepted: readonly string[]): ResourceMetadata {
  const { resource, authorization_servers } = document;
  // §3.3: the document must be about what was asked for; otherwise nothing in it may be used.
  if (typeof resource !== "string" || !accepted.includes(resource)) {
    throw invalid(`the document is about another resource: asked for ${url.href}, got ${shownValue(resource)}`);
  }
  const servers = authorization_servers ?? [];
  const safe = (one: unknown) => readSecureUrl(one, url.protocol === "http:") !== undefined;
  if (!Array.isArray(servers) || !servers.every(safe)) {
    throw invalid("authorization_servers must be a list of https URLs");
  }
  return document as unknown as ResourceMetadata;
}

// The root is written with and without its slash.
const spellings = (identifier: string): readonly string[] =>
  new URL(identifier).pathname === "/" ? [identifier, identifier.replace(/\/$/, "")] : [identifier];

const invalid = (message: string): ClientError => new ClientError("metadata_invalid", message);
