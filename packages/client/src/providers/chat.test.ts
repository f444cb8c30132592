/**
 * Discord, Slack, Zoom, Webex and Mattermost, as documented.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openId, plain, registered, signInWith, testDocumented } from "../lib/stand-in.test.ts";
import { discord, mattermost, slack, webex, zoom } from "./chat.ts";

const nelly = {
  id: "80351110224678912",
  username: "nelly",
  global_name: "Nelly",
  discriminator: "0",
  avatar: "8342729096ea3675442027381ff50dfe",
  verified: true,
  email: "nelly@discord.com",
};
const discordAnswers = (user: object) => ({
  "POST https://discord.com/api/oauth2/token": {
    ...plain,
    refresh_token: "D43f5y0ahjqew82jZ4NViEr2YafMKhue",
    scope: "identify email",
  },
  "GET https://discord.com/api/users/@me": { ...user },
});
const slackClaims = {
  sub: "U0R7MFMJM",
  "https://slack.com/user_id": "U0R7MFMJM",
  "https://slack.com/team_id": "T0R7GR",
  name: "krane",
  email: "krane@slack-corp.com",
  email_verified: true,
};
const zoomUser = {
  id: "KDcuGIm1QgePTO8WbOqwIQ",
  first_name: "Jill",
  last_name: "Chill",
  email: "jchill@example.com",
  verified: 1,
};
const zoomAnswers = (user: object) => ({
  "POST https://zoom.us/oauth/token": { ...plain, scope: "user:read:user" },
  "GET https://api.zoom.us/v2/users/me": { ...user },
});

testDocumented([
  {
    provider: discord(registered),
    source: "https://docs.discord.com/developers/resources/user#user-object",
    answers: discordAnswers(nelly),
    user: {
      sub: "80351110224678912",
      name: "Nelly",
      username: "nelly",
      email: "nelly@discord.com",
      email_verified: true,
    },
  },
  {
    provider: slack(registered),
    source: "https://docs.slack.dev/reference/methods/openid.connect.userInfo",
    answers: openId("https://slack.com", slackClaims, {
      discovery: { code_challenge_methods_supported: undefined },
      userinfo: { ok: true, ...slackClaims },
    }),
    user: { sub: "U0R7MFMJM", name: "krane", email: "krane@slack-corp.com", email_verified: true },
  },
  {
    provider: zoom(registered),
    source: "https://developers.zoom.us/docs/api/users/#tag/users/GET/users/{userId}",
    answers: zoomAnswers(zoomUser),
    user: { sub: "KDcuGIm1QgePTO8WbOqwIQ", name: "Jill Chill", email: "jchill@example.com", email_verified: true },
  },
  {
    provider: webex(registered),
    source: "https://developer.webex.com/messaging/docs/api/v1/people/get-my-own-details",
    answers: {
      "POST https://webexapis.com/v1/access_token": plain,
      "GET https://webexapis.com/v1/people/me": {
        id: "Y2lzY29zcGFyazovL3VzL1BFT1BMRS9mNWIz",
        emails: ["john.andersen@example.com"],
        displayName: "John Andersen",
      },
    },
    user: { sub: "Y2lzY29zcGFyazovL3VzL1BFT1BMRS9mNWIz", name: "John Andersen", email: "john.andersen@example.com" },
  },
  {
    provider: mattermost({ ...registered, url: "https://chat.example.org" }),
    source: "https://developers.mattermost.com/integrate/apps/authentication/oauth2/",
    answers: {
      "POST https://chat.example.org/oauth/access_token": plain,
      "GET https://chat.example.org/api/v4/users/me": {
        id: "4xp9fdt77pncbef59f4k1qe83o",
        username: "jane",
        email: "jane@example.test",
        email_verified: true,
        first_name: "Jane",
        last_name: "Doe",
      },
    },
    user: {
      sub: "4xp9fdt77pncbef59f4k1qe83o",
      name: "Jane Doe",
      username: "jane",
      email: "jane@example.test",
      email_verified: true,
    },
  },
]);

test("Discord: an account may have no e-mail, and one it has may be unverified", async () => {
  const without = { ...nelly, email: null, verified: false, global_name: null, avatar: null };
  const { user } = await signInWith(discord(registered), { answers: discordAnswers(without) });
  assert.deepEqual(
    [user?.sub, user?.name, user?.email, user?.email_verified, user?.picture],
    ["80351110224678912", "nelly", undefined, undefined, undefined],
  );
  const unverified = await signInWith(discord(registered), { answers: discordAnswers({ ...nelly, verified: false }) });
  assert.equal(unverified.user?.email_verified, false);
});

test("Slack: without PKCE, with a nonce that must come back", async () => {
  const provider = slack(registered);
  const more = { discovery: { code_challenge_methods_supported: undefined } };
  const { authorization } = await signInWith(provider, { answers: openId("https://slack.com", slackClaims, more) });
  assert.equal(authorization.searchParams.get("code_challenge"), null);
  assert.ok(authorization.searchParams.get("nonce"));
  const stolen = openId("https://slack.com", { ...slackClaims, nonce: "another" }, more);
  const { user, failure } = await signInWith(provider, { answers: stolen });
  assert.equal(user, undefined);
  assert.equal(failure, "id_token_invalid");
});

test("Zoom: 0 is not verified", async () => {
  const { user } = await signInWith(zoom(registered), { answers: zoomAnswers({ ...zoomUser, verified: 0 }) });
  assert.equal(user?.email_verified, false);
});
