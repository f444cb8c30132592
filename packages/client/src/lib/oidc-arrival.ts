/**
 * Back from an OpenID Connect issuer: the ID token says who it is, userinfo and `profile` add to it.
 *
 * OpenID Connect Core §3.1.2.7, §3.1.3.7, §3.3.2.8 to §3.3.2.12 (hybrid) and §5.3.2, RFC 9207.
 * Guarantees that nothing is believed before the ID token was verified, and that nothing else says who the person is.
 */
import type { User } from "../auth.ts";
import { checkCallback } from "../callback.ts";
import { ClientError } from "../client-error.ts";
import { fetchUserinfo, type UserinfoProtection } from "../userinfo.ts";
import type { App } from "./app.ts";
import { type Arrival, type Arrived, askedOf, exchange, spend } from "./arrival.ts";
import { type Fresh, profileApi, runProfile } from "./profile-api.ts";
import { readIdToken } from "./read-id-token.ts";
import type { OidcRemote } from "./remote.ts";
import { userOf, userWith } from "./user.ts";
import { keep } from "./vault.ts";

/** Checks the answer, exchanges the code and verifies who it is. */
export async function arriveFromOidc(app: App, arrival: Arrival<OidcRemote>): Promise<Arrived> {
  const { remote, answer, transaction } = arrival;
  const { issuerOf } = remote;
  const metadata = await issuerOf.metadata();
  const { code } = checkCallback(answer, { metadata, state: transaction.state, asked: askedOf(arrival) });
  const front = await readFrontIdToken(app, arrival, code);
  await spend(app, transaction);
  let raw: Readonly<Record<string, unknown>> = {};
  const { tokens, dpop } = await exchange(app, arrival, code, (body) => {
    raw = body;
    return body;
  });
  const { access_token } = tokens;
  const expected = {
    nonce: transaction.nonce,
    code,
    ...(transaction.max_age === undefined ? {} : { max_age: transaction.max_age }),
  };
  const read = await readIdToken(app, remote, tokens.id_token, { ...expected, access_token, c_hash: "optional" });
  const { claims: id, id_token } = read;
  checkAcr(transaction.acr_values, id.acr);
  if (front !== undefined && (front.iss !== id.iss || front.sub !== id.sub)) {
    throw new ClientError("id_token_invalid", "the two ID tokens are about different people");
  }
  const protection = await protectionOf(app, remote, id.iss);
  const { fetch, now } = app;
  const proof = dpop === undefined ? {} : { dpop, now };
  const userinfo = await fetchUserinfo({ metadata, access_token, sub: id.sub, fetch, ...proof, ...protection });
  const user = await complete(app, arrival, userOf(id, userinfo), { access_token, dpop, tokens: raw });
  const authTime = id.auth_time === undefined ? {} : { authTime: id.auth_time * 1000 };
  const sid = typeof id.sid === "string" ? { sid: id.sid } : {};
  return {
    iss: id.iss,
    user,
    tokens,
    kept: keep({ scope: transaction.scope ?? remote.scope, ...tokens, id_token }, transaction.dpop),
    ...authTime,
    ...sid,
    iat: id.iat,
  };
}

/**
 * Hybrid flow (§3.3): an ID token came along with the code. It is verified before the code is sent (§3.3.2.8), its `c_hash` ties
 * the two together, and the one from the token endpoint must agree with it (§3.3.3.6).
 */
async function readFrontIdToken(app: App, { remote, answer, transaction }: Arrival<OidcRemote>, code: string) {
  if (remote.response_type !== "code id_token") return undefined;
  const { claims } = await readIdToken(app, remote, answer.id_token, { nonce: transaction.nonce, code });
  return claims;
}

/** RFC 9470 §4: an API wanted it, and would only want it again. */
function checkAcr(acr_values: string | undefined, acr: unknown): void {
  if (acr_values === undefined || acr_values.split(" ").includes(String(acr))) return;
  throw new ClientError("id_token_invalid", `the person signed in with acr ${acr}, the API wants ${acr_values}`, {
    fix: "The provider must offer one of them: compare with acr_values_supported in its metadata.",
  });
}

async function protectionOf(app: App, remote: OidcRemote, issuer: string): Promise<UserinfoProtection> {
  const { userinfo_signed_response_alg: alg, userinfo_encrypted_response_alg, issuerOf, client } = remote;
  const { userinfo_encrypted_response_enc: enc = "A128CBC-HS256", decryption_keys: keys = [] } = remote;
  const { client_id } = client;
  const { clockTolerance } = app;
  const expected = { issuer, client_id, now: app.now(), clockTolerance };
  return {
    ...(alg === undefined ? {} : { signed: { ...expected, alg, keys: await issuerOf.keys() } }),
    ...(userinfo_encrypted_response_alg === undefined
      ? {}
      : { encrypted: { alg: userinfo_encrypted_response_alg, enc, keys } }),
  };
}

async function complete(
  app: App,
  { remote, answer }: Arrival<OidcRemote>,
  user: User,
  fresh: Omit<Fresh, "callback">,
): Promise<User> {
  const { profile } = remote;
  if (profile === undefined) return user;
  const api = profileApi(app, remote, { ...fresh, callback: answer });
  return userWith(user, await runProfile(async () => profile(user.claims, api)));
}
