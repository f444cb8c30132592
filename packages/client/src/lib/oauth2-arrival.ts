/**
 * Back from a service with plain OAuth 2: its API says who it is, asked with the token that has just arrived.
 *
 * RFC 6749 §4.1.2 to §4.1.4, RFC 9207 §2.4.
 * Guarantees that only a token obtained with a code of this browser's own transaction says who the person is: none that was
 * made for another application can (RFC 6749 §10.16).
 */
import { checkCallback } from "../callback.ts";
import { ClientError } from "../client-error.ts";
import type { Profile } from "../profile.ts";
import type { App } from "./app.ts";
import { type Arrival, type Arrived, askedOf, exchange, spend } from "./arrival.ts";
import { profileApi, runProfile } from "./profile-api.ts";
import type { OAuth2Remote } from "./remote.ts";
import { userFromProfile } from "./user.ts";
import { keep } from "./vault.ts";

/** Checks the answer, exchanges the code and asks who it is. */
export async function arriveFromOAuth2(app: App, arrival: Arrival<OAuth2Remote>): Promise<Arrived> {
  const { remote, answer, transaction } = arrival;
  const metadata = await remote.issuerOf.metadata();
  const { code } = checkCallback(answer, {
    metadata,
    state: transaction.state,
    asked: askedOf(arrival),
    iss: "if_sent",
  });
  await spend(app, transaction);
  let raw: Readonly<Record<string, unknown>> = {};
  const { tokens: answered, dpop } = await exchange(app, arrival, code, (body) => {
    raw = body;
    return remote.readTokens?.(body) ?? body;
  });
  // Some write commas between scopes: from here on there are blanks, as RFC 6749 §3.3 has it.
  const { scope } = answered;
  const tokens = scope === undefined ? answered : { ...answered, scope: scope.split(/[\s,]+/).join(" ") };
  const { access_token } = tokens;
  const api = profileApi(app, remote, { access_token, dpop, tokens: raw, callback: answer });
  const profile = checkProfile(await runProfile(() => remote.profile(api)), remote.name);
  return {
    iss: remote.issuer,
    user: userFromProfile(profile),
    tokens,
    kept: keep({ scope: transaction.scope ?? remote.scope, ...tokens }, transaction.dpop),
  };
}

/** An id that is missing, or reads like one that is, would make one person of everybody. */
export function checkProfile(profile: Profile, name: string): Profile {
  const { id } = profile;
  const usable = typeof id === "string" && id.trim() !== "" && id.length <= 255;
  if (usable && !["undefined", "null", "NaN", "[object Object]"].includes(id)) return profile;
  throw new ClientError("userinfo_invalid", `the profile of ${name} has no usable id`);
}
