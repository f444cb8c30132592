/**
 * Clients that nobody registered: their `client_id` is the URL of a document that says what they are
 * (draft-ietf-oauth-client-id-metadata-document-03, Model Context Protocol 2026-07-28).
 *
 * Nothing is fetched here; see `meet-client.ts`. Guarantees that a URL names a client in one spelling only, and that none leads to
 * this machine unless the issuer itself is there for development.
 */
import { isLoopbackHost } from "@valetkey/protocol/loopback";
import { isClientId } from "./clients.ts";
import type { Awaitable, Limit } from "./op.ts";
import type { Part } from "./part.ts";

/** Made by `clientIdDocuments()`. It remembers which documents are being fetched: one value for one provider. */
export interface ClientIdDocuments extends Part {
  /** Whether the document at this URL may be one of a client here. */
  readonly allow: (url: URL) => Awaitable<boolean>;
  readonly ports: readonly number[];
  readonly grant_types: readonly string[];
  /** Seconds. */
  readonly minAge: number;
  readonly maxAge: number;
  readonly usualAge: number;
  readonly staleFor: number;
  readonly unusedTtl: number;
  readonly onChange: "ask" | "revoke";
  readonly limit: Limit;
  /** Documents being fetched: whoever comes meanwhile waits for the same answer. */
  readonly pending: Map<string, Promise<unknown>>;
  /** Documents that were of no use, and until when (milliseconds) they are not fetched again. */
  readonly failed: Map<string, { readonly until: number; readonly outage: boolean }>;
}

export interface ClientIdDocumentOptions {
  /** Which clients may come, by URL; all unless given. See `onlyHosts` and `notHosts`. */
  readonly allow?: (url: URL) => Awaitable<boolean>;
  /** Ports beside 443 that a `client_id` may name. */
  readonly ports?: readonly number[];
  /** Grant types such a client gets of those it asks for; `["authorization_code", "refresh_token"]` unless given. */
  readonly grant_types?: readonly string[];
  /** Seconds for which a document counts at least, and at most, whatever its `Cache-Control` says; 60 and a day unless given. */
  readonly minAge?: number;
  readonly maxAge?: number;
  /** Seconds after that for which it still counts while its host does not answer; a day unless given. */
  readonly staleFor?: number;
  /** Seconds after which a client that never got a token is forgotten; a day unless given. */
  readonly unusedTtl?: number;
  /**
   * When a document says another name, other redirect URIs or other keys: people are asked again (`ask`, unless given), or
   * everything that was granted to the client is revoked, too.
   */
  readonly onChange?: "ask" | "revoke";
  /** How many unknown documents one network may have fetched; 60 in ten minutes unless given. */
  readonly limit?: Limit;
}

/**
 * Lets clients come with the URL of a document as their `client_id`. They are strangers: whatever they ask for, people decide.
 *
 * The document is fetched with the provider's `fetch`: give one that refuses addresses of your own network.
 */
export function clientIdDocuments(options: ClientIdDocumentOptions = {}): ClientIdDocuments {
  const day = 86_400;
  const { minAge = 60, maxAge = day, staleFor = day, unusedTtl = day, onChange = "ask" } = options;
  if (minAge < 1 || maxAge < minAge) throw new TypeError("clientIdDocuments: minAge must be 1 to maxAge seconds");
  return {
    allow: options.allow ?? (() => true),
    ports: options.ports ?? [],
    grant_types: options.grant_types ?? ["authorization_code", "refresh_token"],
    minAge,
    maxAge,
    usualAge: Math.min(Math.max(3600, minAge), maxAge),
    staleFor,
    unusedTtl,
    onChange,
    limit: options.limit ?? { attempts: 60, seconds: 600 },
    pending: new Map(),
    failed: new Map(),
    metadata: () => ({ client_id_metadata_document_supported: true }),
  };
}

/** Allows clients of these hosts only: `agent.example`, or `*.example` for every host below it. */
export function onlyHosts(hosts: readonly string[]): (url: URL) => boolean {
  return ({ hostname }) => hosts.some((host) => isAt(hostname, host));
}

/** Allows clients of all hosts but these, spelled as for `onlyHosts`. */
export function notHosts(hosts: readonly string[]): (url: URL) => boolean {
  return ({ hostname }) => !hosts.some((host) => isAt(hostname, host));
}

const isAt = (hostname: string, host: string): boolean =>
  host.startsWith("*.") ? hostname.endsWith(host.slice(1)) && hostname !== host.slice(2) : hostname === host;

/**
 * Reads a `client_id` as the URL of a document (§3): https, a host name, a path; no query, fragment, user information or dot
 * segments. Nothing if it is none. An issuer on http at loopback takes loopback URLs, http included, so that clients can be developed.
 */
export function readDocumentUrl(
  issuer: string,
  { ports }: Pick<ClientIdDocuments, "ports">,
  client_id: string,
): URL | undefined {
  // What is empty but there (`?`, `#`) is no more welcome than what is in it.
  if (!isClientId(client_id) || /[?#\\]/.test(client_id) || !URL.canParse(client_id)) return undefined;
  const url = new URL(client_id);
  const { protocol, hostname, port, username, password, pathname, href } = url;
  // §3: clients are compared as text, so whatever a parser would rewrite is not a spelling of any of them.
  if (href !== client_id || username !== "" || password !== "" || pathname === "/") return undefined;
  if (isLoopbackHost(hostname)) {
    const developing = issuer.startsWith("http:") && isLoopbackHost(new URL(issuer).hostname);
    return developing && /^https?:$/.test(protocol) ? url : undefined;
  }
  if (protocol !== "https:" || (port !== "" && !ports.includes(Number(port)))) return undefined;
  // A name with a dot in it that does not end in digits: neither an address nor a machine next door.
  return /^[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z][a-z0-9-]*$/.test(hostname) ? url : undefined;
}
