/**
 * Back from a provider of OAuth 1.0a: the verifier becomes a token, and the API says who it belongs to.
 *
 * RFC 5849 §2.2 and §2.3.
 * Guarantees that only a token obtained with a verifier of this browser's own transaction says who the person is.
 */
import { ClientError } from "../client-error.ts";
import { checkOAuth1Callback } from "../oauth1-callback.ts";
import { requestTokenCredentials } from "../oauth1-token-credentials.ts";
import type { App } from "./app.ts";
import { type Arrival, type Arrived, spend } from "./arrival.ts";
import type { OAuth1Remote } from "./oauth1-remote.ts";
import { signRequest } from "./oauth1-send.ts";
import { checkProfile } from "./oauth2-arrival.ts";
import { profileApi, runProfile } from "./profile-api.ts";
import { userFromProfile } from "./user.ts";
import { keep } from "./vault.ts";

/** Checks the answer, exchanges the verifier and asks who it is. */
export async function arriveFromOAuth1(app: App, arrival: Arrival<OAuth1Remote>): Promise<Arrived> {
  const { remote, answer, transaction } = arrival;
  const { temporary } = transaction;
  if (temporary === undefined)
    throw new ClientError("transaction_missing", "the transaction has no temporary credentials");
  const { oauth_verifier } = checkOAuth1Callback(answer, temporary);
  await spend(app, transaction);
  const { token_endpoint, client, headers } = remote;
  const { fetch, now } = app;
  const asked = { token_endpoint, ...temporary, oauth_verifier, client, headers, fetch, now };
  const { oauth_token, oauth_token_secret, parameters } = await requestTokenCredentials(asked);
  const tokens = { access_token: oauth_token, token_secret: oauth_token_secret, obtainedAt: now() };
  const signing = { client, token: oauth_token, token_secret: oauth_token_secret, now };
  const api = profileApi(app, remote, {
    access_token: oauth_token,
    prove: (url, init) => signRequest(url, init, signing),
    tokens: { ...parameters },
    callback: answer,
  });
  const profile = checkProfile(await runProfile(() => remote.profile(api)), remote.name);
  return { iss: remote.issuer, user: userFromProfile(profile), tokens, kept: keep(tokens) };
}
