/**
 * First leg of OAuth 1.0a: temporary credentials, for one authorization.
 *
 * RFC 5849 §2.1.
 * Guarantees that the provider has taken note of the callback (`oauth_callback_confirmed`): one that has not would fall back to
 * OAuth 1.0, where an attacker can have somebody else's authorization (O1-12).
 */
import { ClientError } from "./client-error.ts";
import { askForCredentials, type Credentials, type OAuth1RequestOptions } from "./lib/oauth1-ask.ts";

export type { Credentials, OAuth1RequestOptions } from "./lib/oauth1-ask.ts";

/** Characters. They travel in the URL and are kept in a cookie, of which browsers take 4096 bytes. */
const longest = 512;

export interface TemporaryCredentialsRequest extends OAuth1RequestOptions {
  readonly request_token_endpoint: string;
  /** Where the person comes back to; `"oob"`, the default: nowhere, they read a verifier and type it in. */
  readonly oauth_callback?: string;
}

/**
 * Asks for temporary credentials. Without `oauth_callback_confirmed=true` the answer is `token_response_invalid`; refusals are
 * `token_refused`, outages `issuer_unavailable`.
 */
export async function requestTemporaryCredentials(request: TemporaryCredentialsRequest): Promise<Credentials> {
  const { request_token_endpoint, oauth_callback = "oob" } = request;
  const asking = { longest, protocol: { oauth_callback } };
  const credentials = await askForCredentials(request_token_endpoint, request, asking);
  if (credentials.parameters.oauth_callback_confirmed === "true") return credentials;
  throw new ClientError(
    "token_response_invalid",
    "the provider did not confirm the callback: it does not speak OAuth 1.0a",
  );
}
