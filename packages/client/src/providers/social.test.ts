/**
 * TikTok, Snapchat, Reddit, Pinterest and Dribbble, as documented.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Answer, plain, registered, signInWith, testDocumented } from "../lib/stand-in.test.ts";
import { dribbble, pinterest, reddit, snapchat, tiktok } from "./social.ts";

const tiktokAnswers = (profile: object): Record<string, Answer> => ({
  "POST https://open.tiktokapis.com/v2/oauth/token/": {
    access_token: "act.example12345Example12345Example",
    expires_in: 86400,
    open_id: "afd97af1-b87b-48b9-ac98-410aghda5344",
    refresh_expires_in: 31536000,
    refresh_token: "rft.example12345Example12345Example",
    scope: "user.info.basic,video.list",
    token_type: "Bearer",
  },
  "GET https://open.tiktokapis.com/v2/user/info/": { ...profile },
});
const tiktokUser = {
  open_id: "723f24d7-e717-40f8-a2b6-cb8464cd23b4",
  display_name: "Tik Toker",
  avatar_url: "https://p19.example/x",
};

testDocumented([
  {
    provider: tiktok(registered),
    source: "https://developers.tiktok.com/doc/tiktok-api-v2-get-user-info",
    answers: tiktokAnswers({ data: { user: tiktokUser }, error: { code: "ok", message: "", log_id: "2022" } }),
    user: { sub: "723f24d7-e717-40f8-a2b6-cb8464cd23b4", name: "Tik Toker" },
  },
  {
    provider: snapchat(registered),
    source: "https://developers.snap.com/snap-kit/login-kit/Tutorials/web",
    answers: {
      "POST https://accounts.snapchat.com/accounts/oauth2/token": plain,
      "POST https://kit.snapchat.com/v1/me": {
        data: { me: { externalId: "CAESIPiRBp0e5gLDq7VVurQ3rVdmdbqxpOJWynjyBL", displayName: "Jane" } },
        errors: [],
      },
    },
    user: { sub: "CAESIPiRBp0e5gLDq7VVurQ3rVdmdbqxpOJWynjyBL", name: "Jane" },
  },
  {
    provider: reddit(registered),
    source: "https://www.reddit.com/dev/api/#GET_api_v1_me",
    answers: {
      "POST https://www.reddit.com/api/v1/access_token": { ...plain, token_type: "bearer", scope: "identity" },
      "GET https://oauth.reddit.com/api/v1/me": {
        id: "1w72",
        name: "spez",
        icon_img: "https://styles.redditmedia.com/x.png?width=256&amp;s=71c",
        has_verified_email: true,
      },
    },
    user: { sub: "1w72", name: "spez", username: "spez" },
  },
  {
    provider: pinterest(registered),
    source: "https://developers.pinterest.com/docs/api/v5/user_account-get",
    answers: {
      "POST https://api.pinterest.com/v5/oauth/token": {
        ...plain,
        token_type: "bearer",
        scope: "user_accounts:read",
        response_type: "authorization_code",
      },
      "GET https://api.pinterest.com/v5/user_account": {
        account_type: "BUSINESS",
        id: "2783136121146311751",
        username: "jane",
      },
    },
    user: { sub: "2783136121146311751", name: "jane", username: "jane" },
  },
  {
    provider: dribbble(registered),
    source: "https://developer.dribbble.com/v2/user/",
    answers: {
      "POST https://dribbble.com/oauth/token": {
        access_token: "29ed478ab86c07f1c069b1af76088f7431396b7c4a2523d06911345da82224a0",
        token_type: "bearer",
        scope: "public",
      },
      "GET https://api.dribbble.com/v2/user": {
        id: 1,
        name: "Dan Cederholm",
        login: "simplebits",
        avatar_url: "https://d13yacurqjgara.example/dc.jpg",
      },
    },
    user: { sub: "1", name: "Dan Cederholm", username: "simplebits" },
  },
]);

test("TikTok: the client's id is client_key, also in the token request; scopes have commas; there is no PKCE", async () => {
  const provider = tiktok({ ...registered, scope: "user.info.basic video.list" });
  const { authorization, asked, tokens } = await signInWith(provider, {
    answers: tiktokAnswers({ data: { user: tiktokUser }, error: { code: "ok" } }),
  });
  const sent = authorization.searchParams;
  assert.deepEqual(
    [sent.get("client_key"), sent.get("scope"), sent.get("code_challenge")],
    ["app", "user.info.basic,video.list", null],
  );
  const { form } = asked.get("POST https://open.tiktokapis.com/v2/oauth/token/") ?? { form: new URLSearchParams() };
  assert.deepEqual([form.get("client_key"), form.get("client_secret")], ["app", "app secret"]);
  assert.equal(tokens?.scope, "user.info.basic video.list");
});

test("TikTok: a failure with 200 signs nobody in", async () => {
  const profile = { data: { user: tiktokUser }, error: { code: "scope_not_authorized", message: "no" } };
  const { user, failure } = await signInWith(tiktok(registered), { answers: tiktokAnswers(profile) });
  assert.deepEqual([user, failure], [undefined, "userinfo_invalid"]);
});

test("Reddit: the picture's address is as a browser needs it, and a User-Agent is sent", async () => {
  const { user, asked } = await signInWith(reddit(registered), {
    answers: {
      "POST https://www.reddit.com/api/v1/access_token": plain,
      "GET https://oauth.reddit.com/api/v1/me": {
        id: "1w72",
        name: "spez",
        icon_img: "https://a.example/x.png?w=1&amp;s=7",
      },
    },
  });
  assert.equal(user?.picture, "https://a.example/x.png?w=1&s=7");
  assert.match(asked.get("GET https://oauth.reddit.com/api/v1/me")?.headers.get("user-agent") ?? "", /valetkey/);
});
