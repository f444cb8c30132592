/**
 * Battle.net, Epic Games, Roblox, Bungie.net, osu!, Lichess and AniList, as documented.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openId, plain, registered, signInWith, testDocumented } from "../lib/stand-in.test.ts";
import { anilist, battlenet, bungie, epicgames, lichess, osu, roblox } from "./games.ts";

const lichessAnswers = {
  "POST https://lichess.org/api/token": { token_type: "Bearer", access_token: "lio_4EIy", expires_in: 31536000 },
  "GET https://lichess.org/api/account": { id: "georges", username: "Georges" },
  "GET https://lichess.org/api/account/email": { email: "abathur@mail.org" },
};

testDocumented([
  {
    provider: battlenet(registered),
    source: "https://develop.battle.net/documentation/battle-net/oauth-apis",
    answers: {
      "POST https://oauth.battle.net/token": { ...plain, token_type: "bearer", scope: "openid", sub: "123456" },
      "GET https://oauth.battle.net/userinfo": { sub: "123456", id: 123456, battletag: "AbcDef#1234" },
    },
    user: { sub: "123456", name: "AbcDef#1234", username: "AbcDef#1234" },
  },
  {
    provider: epicgames(registered),
    source: "https://dev.epicgames.com/docs/web-api-ref/authentication",
    answers: {
      "POST https://api.epicgames.dev/epic/oauth/v2/token": {
        ...plain,
        token_type: "bearer",
        account_id: "5a7e",
        scope: "basic_profile",
      },
      "GET https://api.epicgames.dev/epic/oauth/v2/userInfo": { sub: "5a7e", preferred_username: "Jane" },
    },
    user: { sub: "5a7e", name: "Jane", username: "Jane" },
  },
  {
    provider: roblox(registered),
    source: "https://create.roblox.com/docs/cloud/auth/oauth2-reference",
    answers: openId(
      "https://apis.roblox.com/oauth/",
      { sub: "1516563360", name: "exampleuser", nickname: "exampleuser", preferred_username: "exampleuser" },
      { alg: "ES256" },
    ),
    user: { sub: "1516563360", name: "exampleuser", username: "exampleuser" },
  },
  {
    provider: bungie({ ...registered, api_key: "k1" }),
    source: "https://bungie-net.github.io/",
    answers: {
      "POST https://www.bungie.net/Platform/App/OAuth/token/": { ...plain, membership_id: "4611686018429783292" },
      "GET https://www.bungie.net/Platform/User/GetCurrentBungieNetUser/": {
        Response: {
          membershipId: "4611686018429783292",
          displayName: "Jane",
          uniqueName: "Jane#1234",
          profilePicturePath: "/img/a.jpg",
        },
        ErrorCode: 1,
      },
    },
    user: { sub: "4611686018429783292", name: "Jane", username: "Jane#1234" },
  },
  {
    provider: osu(registered),
    source: "https://osu.ppy.sh/docs/index.html#get-own-data",
    answers: {
      "POST https://osu.ppy.sh/oauth/token": plain,
      "GET https://osu.ppy.sh/api/v2/me": { id: 1, username: "exampleuser", avatar_url: "https://a.ppy.sh/1" },
    },
    user: { sub: "1", name: "exampleuser", username: "exampleuser" },
  },
  {
    provider: lichess({ client_id: "app.example" }),
    source: "https://lichess.org/api#tag/Account",
    answers: lichessAnswers,
    user: { sub: "georges", name: "Georges", username: "Georges", email: "abathur@mail.org" },
  },
  {
    provider: anilist(registered),
    source: "https://docs.anilist.co/reference/object/user",
    answers: {
      "POST https://anilist.co/api/v2/oauth/token": plain,
      "POST https://graphql.anilist.co/": {
        data: { Viewer: { id: 5, name: "jane", avatar: { large: "https://s4.anilist.co/x.png" } } },
      },
    },
    user: { sub: "5", name: "jane", username: "jane" },
  },
]);

test("Bungie.net: API requests carry the application's key", async () => {
  const { asked } = await signInWith(bungie({ ...registered, api_key: "k1" }), {
    answers: { "POST https://www.bungie.net/Platform/App/OAuth/token/": plain },
  });
  assert.equal(
    asked.get("GET https://www.bungie.net/Platform/User/GetCurrentBungieNetUser/")?.headers.get("x-api-key"),
    "k1",
  );
});

test("Lichess: a client without a secret proves itself by PKCE alone", async () => {
  const { authorization, asked } = await signInWith(lichess({ client_id: "app.example" }), { answers: lichessAnswers });
  assert.equal(authorization.searchParams.get("code_challenge_method"), "S256");
  const { form, headers } = asked.get("POST https://lichess.org/api/token") ?? {};
  assert.deepEqual(
    [form?.get("client_id"), form?.has("client_secret"), headers?.has("authorization")],
    ["app.example", false, false],
  );
  assert.ok(form?.get("code_verifier"));
});
