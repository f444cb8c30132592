/**
 * A client that introduces itself by a document at its own address: the address is its `client_id`.
 *
 * OAuth Client ID Metadata Document (draft-ietf-oauth-client-id-metadata-document-02) §3 and §4; what it asks for fits -00 too,
 * the version MCP 2026-07-28 names. RFC 7591 §2 (the members).
 * Guarantees that a document made here names its own address and holds no secret: neither one shared nor half of a key.
 */
import { isOAuthError } from "@valetkey/protocol/errors";
import { checkJwks } from "@valetkey/protocol/jwk";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import { ClientError } from "./client-error.ts";

/** A document that was checked. */
export interface ClientMetadataDocument extends ClientMetadata {
  readonly client_id: string;
}

/** Authorization servers may refuse to read more (§6). */
const mostBytes = 5120;

/**
 * Makes the document for an address. Refused as `configuration_invalid`: an address that cannot be a `client_id`, secrets and
 * the methods that need one, private keys, a document of more than 5 KB.
 *
 * @example clientMetadataDocument("https://app.example/client.json", { client_name: "App", redirect_uris: [...] })
 */
export function clientMetadataDocument(client_id: string, metadata: ClientMetadata): ClientMetadataDocument {
  const fail = (message: string, cause?: unknown) =>
    new ClientError("configuration_invalid", `the client metadata document ${message}`, { cause });
  const problem = clientIdProblem(client_id);
  if (problem !== undefined) throw fail(`cannot be at ${client_id}: ${problem}`);
  const document = { token_endpoint_auth_method: "none", ...metadata, client_id };
  // Whoever can read the address can read the document: there is nothing to share a secret with.
  for (const name of ["client_secret", "client_secret_expires_at"]) {
    if (name in document) throw fail(`must not contain ${name}`);
  }
  if (/^client_secret_/.test(document.token_endpoint_auth_method)) {
    throw fail("cannot use a method with a secret; use none or private_key_jwt");
  }
  try {
    if (document.jwks !== undefined) checkJwks(document.jwks);
  } catch (cause) {
    throw fail(isOAuthError(cause) ? `is refused: ${cause.description}` : "has unusable jwks", cause);
  }
  if (document.token_endpoint_auth_method === "private_key_jwt" && !("jwks" in document || "jwks_uri" in document)) {
    throw fail("must have jwks or jwks_uri for private_key_jwt");
  }
  if (new TextEncoder().encode(JSON.stringify(document)).length > mostBytes) throw fail("is larger than 5 KB");
  return document;
}

/** Answers a request for the document. It must be served at its address, without a redirect. */
export function clientMetadataResponse(document: ClientMetadataDocument, options: { maxAge?: number } = {}): Response {
  const { maxAge = 3600 } = options;
  const headers = { "Content-Type": "application/json", "Cache-Control": `public, max-age=${maxAge}` };
  return new Response(JSON.stringify(document), { headers });
}

/** Tells why a text cannot be such a `client_id` (§3); nothing if it can. */
export function clientIdProblem(client_id: string): string | undefined {
  if (!/^https:\/\/[\w.~:/?#[\]@!$&'()*+,;=%-]+$/.test(client_id) || !URL.canParse(client_id))
    return "it must be an https URL";
  const { username, password } = new URL(client_id);
  const [, authority = "", path = ""] = /^https:\/\/([^/?#]*)([^?#]*)/.exec(client_id) ?? [];
  if (username !== "" || password !== "" || authority.includes("@")) return "it must not name a user";
  if (client_id.includes("#")) return "it must not have a fragment";
  if (authority === "" || path === "") return "it must have a host and a path";
  // The URL parser would remove them, and the text is compared as it is.
  const dotted = path.split("/").some((segment) => /^(\.|%2e){1,2}$/i.test(segment));
  return dotted ? "it must not have . or .. in its path" : undefined;
}
