/**
 * The names of all options, for `checkNames`.
 *
 * Guarantees completeness: an option that is added to a type and not here does not compile.
 */
import type { IntrospectionOptions } from "../introspection.ts";
import type { McpOptions } from "../mcp.ts";
import type { DpopOptions, ResourceOptions, TrustedIssuer } from "../options.ts";
import type { RequireOptions } from "../requirement.ts";
import type { Names } from "./known-options.ts";

export const issuerNames: Names<TrustedIssuer> = {
  issuer: true,
  introspection: true,
  prefix: true,
  algorithms: true,
  signedTokens: true,
};

const sharedNames = {
  ...issuerNames,
  issuers: true,
  read: true,
  clockTolerance: true,
  verifiedTokens: true,
  baseUrl: true,
  dpop: true,
  metadata: true,
  allowedOrigins: true,
  realm: true,
  fetch: true,
  now: true,
} as const;

/** Adapters have `certificate` besides. */
export const resourceNames: Names<ResourceOptions & { certificate: unknown }> = {
  ...sharedNames,
  audience: true,
  resource_metadata: true,
  certificate: true,
};

export const mcpNames: Names<McpOptions> = {
  ...sharedNames,
  resource: true,
  scope: true,
  tools: true,
  bodyLimit: true,
};

export const dpopNames: Names<DpopOptions> = { algorithms: true, nonceSecret: true, store: true };

export const introspectionNames: Names<IntrospectionOptions> = {
  client_id: true,
  client_secret: true,
  token_endpoint_auth_method: true,
  private_key: true,
  kid: true,
  alg: true,
  cacheFor: true,
  cacheEntries: true,
  signed: true,
  decryption_keys: true,
  fetch: true,
};

export const requireNames: Names<RequireOptions> = {
  optional: true,
  dpop: true,
  certificate: true,
  acr: true,
  maxAge: true,
  authorizationDetails: true,
};
