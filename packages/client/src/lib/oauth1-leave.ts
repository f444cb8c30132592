/**
 * Sends a person to a provider of OAuth 1.0a, and finds out which sign-in an answer belongs to.
 *
 * RFC 5849 §2.1 and §2.2.
 * Guarantees that only the browser that left can come back: the temporary credentials are sealed in a cookie of its own, and
 * nothing is remembered on the server.
 */
import { constantTimeEqual } from "@valetkey/protocol/digest";
import type { Form } from "@valetkey/protocol/form";
import { ClientError } from "../client-error.ts";
import { oauth1AuthorizationUrl } from "../oauth1-authorization-url.ts";
import { answeredToken, withoutToken } from "../oauth1-callback.ts";
import { requestTemporaryCredentials } from "../oauth1-temporary-credentials.ts";
import type { App } from "./app.ts";
import type { OAuth1Remote } from "./oauth1-remote.ts";
import { createState, openTransactions, type Transaction } from "./transaction.ts";

/** Asks for temporary credentials and makes the URL to leave for. The state is ours alone: it is not sent. */
export async function leaveForOAuth1(app: App, remote: OAuth1Remote, oauth_callback: string) {
  const { request_token_endpoint, authorization_endpoint, authorization_params, client, headers } = remote;
  const { fetch, now } = app;
  const asked = { request_token_endpoint, oauth_callback, client, headers, fetch, now };
  const credentials = await remote.departures.send(() => requestTemporaryCredentials(asked));
  const { oauth_token, oauth_token_secret } = credentials;
  return {
    url: oauth1AuthorizationUrl({ authorization_endpoint, authorization_params, oauth_token }),
    state: createState(app),
    temporary: { oauth_token, oauth_token_secret },
    nonce: "",
    code_verifier: "",
  };
}

/**
 * Finds the transaction an answer belongs to by its token: OAuth 1.0a has no state. An answer without a token is what
 * `checkOAuth1Callback` makes of it; one of no sign-in of this browser is `transaction_missing`.
 */
export async function findOAuth1Transaction(
  app: App,
  request: Request,
  answer: Form,
  from: { readonly provider: string; readonly origin: string },
): Promise<Transaction> {
  const token = answeredToken(answer);
  if (token === undefined) throw withoutToken(answer);
  const open = await openTransactions(app, request, from.origin);
  const found = open.find(
    ({ provider, temporary }) =>
      provider === from.provider && temporary !== undefined && constantTimeEqual(temporary.oauth_token, token),
  );
  if (found !== undefined) return found;
  throw new ClientError("transaction_missing", "there is no live transaction cookie for this token in the browser");
}
