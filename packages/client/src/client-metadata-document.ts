/**
 * A client that introduces itself by a document at its own address: the address is its `client_id`.
 *
 * OAuth Client ID Metadata Document (draft-ietf-oauth-client-id-metadata-document-03) §3, §4, §4.1, §4.3 and §6; what it asks
 * for fits -00 too, the version MCP 2026-07-28 names. RFC 7591 §2 (the members), OpenID Connect RP Metadata Choices §2.
 * Guarantees that a document made here names its own address and how the client proves who it is, and holds no secret: neither
 * one shared nor half of a key, not in its software statement either.
 */
import { isOAuthError } from "@valetkey/protocol/errors";
import { decodeUnverified } from "@valetkey/protocol/jose";
import { checkJwks } from "@valetkey/protocol/jwk";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import { ClientError } from "./client-error.ts";

/** A document that was checked. */
export interface ClientMetadataDocument extends ClientMetadata {
  readonly client_id: string;
  /** Written down in any case: where it is left out, servers that know less than -03 take RFC 7591's default, a secret. */
  readonly token_endpoint_auth_method: string;
}

/** Authorization servers may refuse to read more (§9.7). */
const mostBytes = 5120;

/**
 * Makes the document for an address. A client of many servers that differ names all methods it has in
 * `token_endpoint_auth_methods_supported`, and in `token_endpoint_auth_method` the one for servers that know no such list
 * (default: `none` if that is in the list, else its first; without a list `none`). Refused as `configuration_invalid`: an address
 * that cannot be a `client_id`, secrets and the methods that need one, private keys, a method outside the list, a document of
 * more than 5 KB.
 *
 * @example clientMetadataDocument("https://app.example/client.json", { client_name: "App", redirect_uris: [...] })
 */
export function clientMetadataDocument(client_id: string, metadata: ClientMetadata): ClientMetadataDocument {
  const fail: Fail = (message, cause) =>
    new ClientError("configuration_invalid", `the client metadata document ${message}`, { cause });
  const problem = clientIdProblem(client_id);
  if (problem !== undefined) throw fail(`cannot be at ${client_id}: ${problem}`);
  const methods = readMethods(metadata, fail);
  const document = { ...metadata, token_endpoint_auth_method: methods[0] ?? "none", client_id };
  checkPublic(document, fail);
  // §4.3: what it says counts as if the document said it.
  if (metadata.software_statement !== undefined) checkPublic(claimsOf(metadata.software_statement, fail), fail);
  const needsKeys = methods.find((one) => one === "private_key_jwt" || one === "self_signed_tls_client_auth");
  if (needsKeys !== undefined && document.jwks === undefined && document.jwks_uri === undefined) {
    throw fail(`must have jwks or jwks_uri for ${needsKeys}`);
  }
  if (new TextEncoder().encode(JSON.stringify(document)).length > mostBytes) throw fail("is larger than 5 KB");
  return document;
}

type Fail = (message: string, cause?: unknown) => ClientError;

/** The ways the client has, the one for servers that know no list first. */
function readMethods({ token_endpoint_auth_method: one, ...more }: ClientMetadata, fail: Fail): readonly string[] {
  const { token_endpoint_auth_methods_supported: all } = more;
  if (all === undefined) return [one ?? "none"];
  if (!Array.isArray(all) || all.length === 0 || !all.every((each) => typeof each === "string")) {
    throw fail("must name at least one method in token_endpoint_auth_methods_supported, or leave it out");
  }
  // RP Metadata Choices §2: the one must be among the many.
  if (one !== undefined && !all.includes(one)) {
    throw fail(`has ${one} as token_endpoint_auth_method, which token_endpoint_auth_methods_supported lacks`);
  }
  const first = one ?? (all.includes("none") ? "none" : String(all[0]));
  return [first, ...all.filter((each: string) => each !== first)];
}

/** §4.1: whoever can read the address can read the document, so there is nothing to share a secret with. */
function checkPublic(document: Readonly<Record<string, unknown>>, fail: Fail): void {
  for (const name of ["client_secret", "client_secret_expires_at"]) {
    if (name in document) throw fail(`must not contain ${name}`);
  }
  const { token_endpoint_auth_method, token_endpoint_auth_methods_supported: all = [], jwks } = document;
  const methods: unknown[] = [token_endpoint_auth_method, ...(Array.isArray(all) ? all : [all])];
  if (methods.some((one) => typeof one === "string" && one.startsWith("client_secret_"))) {
    throw fail("cannot use a method with a secret; use none or private_key_jwt");
  }
  try {
    if (jwks !== undefined) checkJwks(jwks);
  } catch (cause) {
    throw fail(isOAuthError(cause) ? `is refused: ${cause.description}` : "has unusable jwks", cause);
  }
}

function claimsOf(software_statement: string, fail: Fail): Readonly<Record<string, unknown>> {
  try {
    return decodeUnverified(software_statement).claims;
  } catch (cause) {
    throw fail("has a software_statement that is no JWT", cause);
  }
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
