/**
 * Spotify, Twitch, Kick and Vimeo, as documented.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { plain, registered, signInWith, testDocumented } from "../lib/stand-in.test.ts";
import { kick, spotify, twitch, vimeo } from "./streaming.ts";

const twitchAnswers = (user: object) => ({
  "POST https://id.twitch.tv/oauth2/token": {
    access_token: "rfx2uswqe8l4g1mkagrvg5tv0ks3",
    expires_in: 14124,
    refresh_token: "5b93chm6hdve3mycz05zfzatkfdenfspp1h1ar2xxdalen01",
    scope: ["user:read:email", "openid"],
    token_type: "bearer",
  },
  "GET https://api.twitch.tv/helix/users": { data: [user] },
});
const twitchUser = { id: "141981764", login: "twitchdev", display_name: "TwitchDev", email: "not-real@email.com" };

testDocumented([
  {
    provider: spotify(registered),
    source: "https://developer.spotify.com/documentation/web-api/reference/get-current-users-profile",
    answers: {
      "POST https://accounts.spotify.com/api/token": { ...plain, scope: "user-read-email user-read-private" },
      "GET https://api.spotify.com/v1/me": {
        id: "smedjan",
        display_name: "Smedjan",
        email: "smedjan@example.test",
        images: [{ url: "https://i.scdn.co/image/ab67616d00001e02ff9ca10b55ce82ae553c8228", height: 300, width: 300 }],
      },
    },
    user: { sub: "smedjan", name: "Smedjan", email: "smedjan@example.test", email_verified: false },
  },
  {
    provider: twitch(registered),
    source: "https://dev.twitch.tv/docs/api/reference/#get-users",
    answers: twitchAnswers(twitchUser),
    user: {
      sub: "141981764",
      name: "TwitchDev",
      username: "twitchdev",
      email: "not-real@email.com",
      email_verified: true,
    },
  },
  {
    provider: kick(registered),
    source: "https://docs.kick.com/apis/users",
    answers: {
      "POST https://id.kick.com/oauth/token": { ...plain, scope: "user:read" },
      "GET https://api.kick.com/public/v1/users": {
        data: [{ user_id: 123, name: "jane", email: "jane@example.test", profile_picture: "https://kick.com/j.webp" }],
        message: "OK",
      },
    },
    user: { sub: "123", name: "jane", email: "jane@example.test" },
  },
  {
    provider: vimeo(registered),
    source: "https://developer.vimeo.com/api/reference/users",
    answers: {
      "POST https://api.vimeo.com/oauth/access_token": { access_token: "v1", token_type: "bearer", scope: "public" },
      "GET https://api.vimeo.com/me": {
        uri: "/users/152184",
        name: "Jane",
        pictures: { base_link: "https://i.vimeocdn.com/p" },
      },
    },
    user: { sub: "152184", name: "Jane" },
  },
]);

test("Twitch: a list of scopes is read, the client's id goes with API requests, and without e-mail nothing is verified", async () => {
  const { email: _, ...without } = twitchUser;
  const { user, tokens, asked } = await signInWith(twitch(registered), { answers: twitchAnswers(without) });
  assert.equal(tokens?.scope, "user:read:email openid");
  assert.equal(asked.get("GET https://api.twitch.tv/helix/users")?.headers.get("client-id"), "app");
  assert.deepEqual([user?.email, user?.email_verified], [undefined, undefined]);
});

test("Kick and Twitch: an empty list of users signs nobody in", async () => {
  const { user, failure } = await signInWith(kick(registered), {
    answers: {
      "POST https://id.kick.com/oauth/token": plain,
      "GET https://api.kick.com/public/v1/users": { data: [] },
    },
  });
  assert.deepEqual([user, failure], [undefined, "userinfo_invalid"]);
});
