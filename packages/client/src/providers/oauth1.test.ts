/**
 * The providers of OAuth 1.0a: Discogs, Flickr, Trello, Tumblr and X, as documented.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Answer, registered, signInWith, testDocumented } from "../lib/stand-in.test.ts";
import { discogs, flickr } from "./commons.ts";
import { trello } from "./projects.ts";
import { tumblr } from "./social.ts";
import { twitter } from "./x.ts";

const temporary = "oauth_token=temporary-1&oauth_token_secret=ts&oauth_callback_confirmed=true";
const threeLegs = (request: string, token: string, more = ""): Record<string, Answer> => ({
  [`POST ${request}`]: temporary,
  [`POST ${token}`]: `oauth_token=token-1&oauth_token_secret=s1${more}`,
});
const tumblrAnswers = (blogs: readonly object[]): Record<string, Answer> => ({
  ...threeLegs("https://www.tumblr.com/oauth/request_token", "https://www.tumblr.com/oauth/access_token"),
  "GET https://api.tumblr.com/v2/user/info": {
    meta: { status: 200, msg: "OK" },
    response: { user: { following: 263, likes: 606, name: "derekg", blogs } },
  },
});
const blog = { name: "derekg", title: "Derek Gottfrid", primary: true, uuid: "t:tQOo3Y9VJDm2I3Ci4kaIAg" };
const trelloAnswers = {
  ...threeLegs("https://trello.com/1/OAuthGetRequestToken", "https://trello.com/1/OAuthGetAccessToken"),
  "GET https://api.trello.com/1/members/me": {
    id: "5abbe4b7ddc1b351ef961414",
    username: "bentleycook",
    fullName: "Bentley Cook",
    email: "bcook@example.test",
    avatarUrl: "https://trello-members.s3.amazonaws.com/x",
  },
};
const flickrAnswers = {
  ...threeLegs(
    "https://www.flickr.com/services/oauth/request_token",
    "https://www.flickr.com/services/oauth/access_token",
    "&fullname=Jamal%20Fanaian&user_nsid=21207597%40N07&username=jamalfanaian",
  ),
  "GET https://api.flickr.com/services/rest": {
    user: { id: "21207597@N07", username: { _content: "jamalfanaian" } },
    stat: "ok",
  },
};

testDocumented([
  {
    provider: discogs(registered),
    source: "https://www.discogs.com/developers#page:user-identity",
    answers: {
      ...threeLegs("https://api.discogs.com/oauth/request_token", "https://api.discogs.com/oauth/access_token"),
      "GET https://api.discogs.com/oauth/identity": {
        id: 1,
        username: "example",
        consumer_name: "Your Application Name",
      },
    },
    user: { sub: "1", name: "example", username: "example" },
  },
  {
    provider: flickr(registered),
    source: "https://www.flickr.com/services/api/auth.oauth.html",
    answers: flickrAnswers,
    user: { sub: "21207597@N07", name: "Jamal Fanaian", username: "jamalfanaian" },
  },
  {
    provider: trello(registered),
    source: "https://developer.atlassian.com/cloud/trello/rest/api-group-members/",
    answers: trelloAnswers,
    user: {
      sub: "5abbe4b7ddc1b351ef961414",
      name: "Bentley Cook",
      username: "bentleycook",
      email: "bcook@example.test",
    },
  },
  {
    provider: tumblr(registered),
    source: "https://www.tumblr.com/docs/en/api/v2#userinfo--get-a-users-information",
    answers: tumblrAnswers([{ name: "side", primary: false, uuid: "t:side" }, blog]),
    user: { sub: blog.uuid, name: "derekg", username: "derekg" },
  },
  {
    provider: twitter(registered),
    source: "https://docs.x.com/fundamentals/authentication/guides/log-in-with-x",
    answers: {
      ...threeLegs(
        "https://api.x.com/oauth/request_token",
        "https://api.x.com/oauth/access_token",
        "&user_id=6253282&screen_name=twitterapi",
      ),
      "GET https://api.x.com/1.1/account/verify_credentials.json": {
        id_str: "1461881235364597761",
        name: "Twitter API",
        screen_name: "twitterapi",
        email: "api@example.test",
      },
    },
    user: { sub: "1461881235364597761", name: "Twitter API", username: "twitterapi", email: "api@example.test" },
  },
]);

test("Flickr and Trello: what shall be allowed is said where the person allows it (RFC 5849 §2.2)", async () => {
  const sent = (await signInWith(flickr(registered), { answers: flickrAnswers })).authorization.searchParams;
  assert.deepEqual([sent.get("oauth_token"), sent.get("perms")], ["temporary-1", "read"]);
  const { authorization, asked } = await signInWith(trello(registered), { answers: trelloAnswers });
  assert.equal(authorization.searchParams.get("scope"), "read,account");
  assert.match(
    asked.get("GET https://api.trello.com/1/members/me")?.headers.get("authorization") ?? "",
    /^OAuth .*oauth_token="token-1"/,
  );
});

test("Tumblr: a name alone signs nobody in, because names can change hands", async () => {
  const { uuid: _, ...without } = blog;
  const { user, failure } = await signInWith(tumblr(registered), { answers: tumblrAnswers([without]) });
  assert.deepEqual([user, failure], [undefined, "userinfo_invalid"]);
});
