/**
 * Strava, Fitbit and Withings, as documented.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { plain, registered, signInWith, testDocumented } from "../lib/stand-in.test.ts";
import { fitbit, strava, withings } from "./health.ts";

const athlete = {
  id: 227615,
  firstname: "John",
  lastname: "Applestrava",
  username: "marianne_t",
  profile: "avatar/athlete/large.png",
};
const stravaTokens = { ...plain, expires_at: 1568775134, refresh_token: "e5n567567" };
const body = {
  userid: "363",
  access_token: "a075f8c14fb8df40b08ebc8508533dc332a6910a",
  refresh_token: "f631236f02b991810feb774765b6ae8e6c6839ca",
  expires_in: 10800,
  scope: "user.info,user.metrics",
  token_type: "Bearer",
};

testDocumented([
  {
    provider: strava(registered),
    source: "https://developers.strava.com/docs/authentication/",
    answers: { "POST https://www.strava.com/oauth/token": { ...stravaTokens, athlete } },
    user: { sub: "227615", name: "John Applestrava", username: "marianne_t" },
  },
  {
    provider: fitbit(registered),
    source: "https://dev.fitbit.com/build/reference/web-api/user/get-profile/",
    answers: {
      "POST https://api.fitbit.com/oauth2/token": { ...plain, user_id: "GGNJL9", scope: "profile" },
      "GET https://api.fitbit.com/1/user/-/profile.json": {
        user: {
          encodedId: "GGNJL9",
          fullName: "Jane Fit",
          displayName: "Jane F.",
          avatar: "https://static0.fitbit.com/d.png",
        },
      },
    },
    user: { sub: "GGNJL9", name: "Jane Fit" },
  },
  {
    provider: withings(registered),
    source: "https://developer.withings.com/api-reference/#tag/oauth2/operation/oauth2-getaccesstoken",
    answers: { "POST https://wbsapi.withings.net/v2/oauth2": { status: 0, body } },
    user: { sub: "363" },
  },
]);

test("Strava: asks for the athlete if the token answer has none; a relative picture is none", async () => {
  const { user, asked } = await signInWith(strava(registered), {
    answers: {
      "POST https://www.strava.com/oauth/token": stravaTokens,
      "GET https://www.strava.com/api/v3/athlete": athlete,
    },
  });
  assert.ok(asked.has("GET https://www.strava.com/api/v3/athlete"));
  assert.deepEqual([user?.sub, user?.picture], ["227615", undefined]);
});

test("Withings: the action is sent, and a status other than 0 is a refusal", async () => {
  const { user, failure, asked } = await signInWith(withings(registered), {
    answers: {
      "POST https://wbsapi.withings.net/v2/oauth2": { status: 503, body: {}, error: "Invalid Params: invalid code" },
    },
  });
  assert.deepEqual([user, failure], [undefined, "token_refused"]);
  assert.equal(asked.get("POST https://wbsapi.withings.net/v2/oauth2")?.form.get("action"), "requesttoken");
});
