/**
 * Gets a token for the application itself: no person is involved.
 *
 * RFC 6749 §4.4, RFC 8707 §2.2.
 */
import { ClientError } from "./client-error.ts";
import { type Parameters, type TokenRequestOptions, type Tokens, tokenRequest } from "./token-request.ts";

export interface ClientCredentials extends TokenRequestOptions {
  readonly scope?: string;
  /** The resource the token is for; without it the issuer decides. */
  readonly resource?: string | readonly string[];
  /** Parameters of the issuer's own, e.g. `audience`. */
  readonly parameters?: Parameters;
}

/**
 * Asks for a token in the client's own name; see `tokenRequest` for refusals. A client that cannot prove who it is
 * (`none`) is `configuration_invalid`: §4.4 is for confidential clients only.
 */
export async function clientCredentials(request: ClientCredentials): Promise<Tokens> {
  const { scope, resource, parameters, client } = request;
  if (client.token_endpoint_auth_method === "none") {
    throw new ClientError(
      "configuration_invalid",
      "the client credentials grant is not for clients without credentials",
    );
  }
  return tokenRequest({ ...parameters, grant_type: "client_credentials", scope, resource }, request);
}
