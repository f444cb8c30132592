/**
 * Sign in with services for sport and health: Strava, Fitbit, Withings.
 *
 * RFC 6749 §4.1. Strava gives the athlete with the token, Withings wraps its token answer. None of them gives an e-mail.
 */
import { oauth2Preset } from "../lib/preset.ts";
import { fullName, object, profileOf, text } from "../lib/read-profile.ts";
import { chain, lifetime, scopes } from "../lib/read-tokens.ts";

/** Signs people in with Strava. */
export const strava = oauth2Preset(
  {
    name: "strava",
    label: "Strava",
    sources: ["https://developers.strava.com/docs/authentication/"],
    email: "none",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://www.strava.com/oauth/authorize",
    token_endpoint: "https://www.strava.com/oauth/token",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    scope: "read",
    scope_separator: ",",
    api: "https://www.strava.com/api/v3",
    async profile(api) {
      // Part of the first token answer, to save the question.
      const sent = object(api.tokens.athlete);
      const me = sent.id === undefined ? await api.json("athlete") : sent;
      const picture = text(me.profile)?.startsWith("https://") ? me.profile : undefined;
      return profileOf(me, { id: me.id, name: fullName(me.firstname, me.lastname), username: me.username, picture });
    },
  },
);

/** Signs people in with Fitbit. */
export const fitbit = oauth2Preset(
  {
    name: "fitbit",
    label: "Fitbit",
    sources: [
      "https://dev.fitbit.com/build/reference/web-api/developer-guide/authorization/",
      "https://dev.fitbit.com/build/reference/web-api/user/get-profile/",
    ],
    email: "none",
    confirmed: true,
  },
  {
    authorization_endpoint: "https://www.fitbit.com/oauth2/authorize",
    token_endpoint: "https://api.fitbit.com/oauth2/token",
    revocation_endpoint: "https://api.fitbit.com/oauth2/revoke",
    scope: "profile",
    api: "https://api.fitbit.com",
    async profile(api) {
      const me = object((await api.json("1/user/-/profile.json")).user);
      return profileOf(me, { id: me.encodedId, name: text(me.fullName) ?? me.displayName, picture: me.avatar });
    },
  },
);

/** Signs people in with Withings. */
export const withings = oauth2Preset(
  {
    name: "withings",
    label: "Withings",
    sources: ["https://developer.withings.com/api-reference/#tag/oauth2"],
    email: "none",
    confirmed: true,
    note: "An id only: Withings gives neither name nor e-mail.",
  },
  {
    authorization_endpoint: "https://account.withings.com/oauth2_user/authorize2",
    token_endpoint: "https://wbsapi.withings.net/v2/oauth2",
    token_endpoint_auth_method: "client_secret_post",
    code_challenge_methods_supported: [],
    scope: "user.info",
    scope_separator: ",",
    token_params: { action: "requesttoken" },
    api: "https://wbsapi.withings.net",
    readTokens: chain(unwrap, scopes, lifetime),
    async profile(api) {
      const { userid } = object(api.tokens.body);
      return profileOf({ userid }, { id: userid });
    },
  },
);

/** `{ status: 0, body: { … } }`; any other status is a refusal, with the status 200. */
function unwrap(answer: Record<string, unknown>): Record<string, unknown> {
  if (answer.status === 0) return { ...object(answer.body) };
  const { status, error } = answer;
  return { error: `status ${String(status)}`, ...(typeof error === "string" ? { error_description: error } : {}) };
}
