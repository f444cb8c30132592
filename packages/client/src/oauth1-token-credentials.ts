/**
 * Third leg of OAuth 1.0a: the temporary credentials and the verifier become an access token.
 *
 * RFC 5849 §2.3.
 * Guarantees that the verifier is sent once: after a failure nobody knows whether it was spent, so it is not tried again.
 */
import { askForCredentials, type Credentials, type OAuth1RequestOptions } from "./lib/oauth1-ask.ts";

/** Characters. It is kept in the store, and some providers write long ones. */
const longest = 4096;

export interface TokenCredentialsRequest extends OAuth1RequestOptions {
  readonly token_endpoint: string;
  /** The temporary credentials. */
  readonly oauth_token: string;
  readonly oauth_token_secret: string;
  /** From `checkOAuth1Callback`, or as the person typed it. */
  readonly oauth_verifier: string;
}

/**
 * Asks for the access token. Refusals are `token_refused`, an unusable answer is `token_response_invalid`, an outage
 * `issuer_unavailable`.
 */
export async function requestTokenCredentials(request: TokenCredentialsRequest): Promise<Credentials> {
  const { token_endpoint, oauth_token, oauth_token_secret, oauth_verifier } = request;
  return askForCredentials(token_endpoint, request, {
    longest,
    token: oauth_token,
    token_secret: oauth_token_secret,
    protocol: { oauth_verifier },
  });
}
