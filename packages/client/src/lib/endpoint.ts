/**
 * Finds an endpoint in an issuer's metadata.
 *
 * RFC 8414 §2, RFC 8705 §5 (`mtls_endpoint_aliases`).
 * Guarantees https, or http on loopback where the issuer itself is there, whoever wrote the metadata.
 */
import { byCertificate, mtlsEndpoints } from "@valetkey/protocol/client-authentication";
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import type { ClientAuthentication } from "../client-authentication.ts";
import { ClientError } from "../client-error.ts";
import { readSecureUrl } from "./secure-url.ts";

/** Gives the endpoint a client is to use; one that is missing or unsafe is `metadata_invalid`. */
export function endpointOf(metadata: ServerMetadata, name: string, client?: ClientAuthentication): string {
  const value = (client !== undefined && byCertificate(client) ? mtlsEndpoints(metadata) : metadata)[name];
  if (value === undefined) throw new ClientError("metadata_invalid", `${metadata.issuer} has no ${name}`);
  const url = readSecureUrl(value, metadata.issuer.startsWith("http:"));
  if (url === undefined) {
    throw new ClientError("metadata_invalid", `${name} of ${metadata.issuer} must be an https URL`);
  }
  return String(value);
}
