/**
 * The authorization server of MCP servers (Model Context Protocol 2026-07-28, Authorization): OAuth 2.1 whose tokens are each for
 * one server, for clients that nobody registered.
 *
 * One screen of lists: what is not here is not served, and any of it is replaced by writing another value after the spread. List
 * the MCP servers in `resources`: tokens are for those and no others.
 */
import { boundAsRegistered } from "../binding-policy.ts";
import { dpop } from "../bindings/dpop.ts";
import { none } from "../client-auth/none.ts";
import { privateKeyJwt } from "../client-auth/private-key-jwt.ts";
import { secretBasic, secretPost } from "../client-auth/secret.ts";
import { clientIdDocuments } from "../client-id-documents.ts";
import { authorizationCode } from "../grants/authorization-code.ts";
import { clientCredentials } from "../grants/client-credentials.ts";
import { refreshToken } from "../grants/refresh-token.ts";
import type { ProviderOptions } from "../options.ts";
import { pkceAlways } from "../pkce-policy.ts";
import { rotateAlways } from "../refresh-rotation.ts";
import { resourceRequired } from "../resource-policy.ts";
import { query } from "../response-modes/response-mode.ts";
import { code } from "../response-types.ts";

/**
 * Gives the options of the authorization server of MCP servers. Clients come with the URL of a document about themselves; those
 * that cannot yet need `registration: openRegistration()`.
 *
 * ```ts
 * const resources = [{ resource: "https://mcp.example.com/mcp", scopes: ["files:read"], tokens: "at+jwt" }] as const;
 * const provider = createProvider({ ...mcp(), issuer, store, keys, accounts, secret, resources, fetch: guardedFetch });
 * ```
 */
export function mcp() {
  return {
    grants: [authorizationCode, refreshToken, clientCredentials],
    responseTypes: [code],
    responseModes: [query],
    clientAuth: [none, privateKeyJwt(), secretBasic, secretPost],
    clientIdDocuments: clientIdDocuments(),
    pkce: pkceAlways,
    // RFC 8707: what a token is for is said when it is asked for, and it is of use nowhere else.
    resourceIndicators: resourceRequired,
    refreshRotation: rotateAlways,
    bindings: [dpop()],
    boundTokens: boundAsRegistered,
    answers: [],
    logout: [],
  } satisfies Partial<ProviderOptions>;
}
