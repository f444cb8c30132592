/**
 * Wikimedia, OpenStreetMap, ORCID and Mastodon, as documented.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { plain, registered, signInWith, testDocumented } from "../lib/stand-in.test.ts";
import { mastodon, openstreetmap, orcid, wikimedia } from "./commons.ts";

const wiki = "https://meta.wikimedia.org/w/rest.php/oauth2";
const wikiAnswers = (confirmed_email: boolean) => ({
  [`POST ${wiki}/access_token`]: plain,
  [`GET ${wiki}/resource/profile`]: {
    sub: 12345678,
    username: "JaneDoe",
    realname: "",
    email: "jane@example.test",
    confirmed_email,
    groups: ["*"],
  },
});
const mastodonAnswers = {
  "POST https://mastodon.example/oauth/token": {
    access_token: "ZA-Yj3aBD8U8Cm7lKUp-lm9O9BmDgdhHzDeqsY8tlL0",
    token_type: "Bearer",
    scope: "read:accounts",
    created_at: 1573979017,
  },
  "GET https://mastodon.example/api/v1/accounts/verify_credentials": {
    id: "14715",
    username: "trwnh",
    acct: "trwnh",
    display_name: "infinite love",
    avatar_static: "https://files.example/a.png",
  },
};

testDocumented([
  {
    provider: wikimedia(registered),
    source: "https://www.mediawiki.org/wiki/OAuth/For_Developers",
    answers: wikiAnswers(true),
    user: { sub: "12345678", name: "JaneDoe", username: "JaneDoe", email: "jane@example.test", email_verified: true },
  },
  {
    provider: openstreetmap(registered),
    source: "https://wiki.openstreetmap.org/wiki/API_v0.6#Details_of_the_logged-in_user",
    answers: {
      "POST https://www.openstreetmap.org/oauth2/token": {
        access_token: "nYt",
        token_type: "Bearer",
        scope: "read_prefs",
        created_at: 1646669786,
      },
      "GET https://api.openstreetmap.org/api/0.6/user/details.json": {
        version: "0.6",
        user: { id: 1234, display_name: "Max Muster", img: { href: "https://www.openstreetmap.org/m.png" } },
      },
    },
    user: { sub: "1234", name: "Max Muster", username: "Max Muster" },
  },
  {
    provider: orcid(registered),
    source: "https://info.orcid.org/documentation/api-tutorials/api-tutorial-get-and-authenticated-orcid-id/",
    answers: {
      "POST https://orcid.org/oauth/token": {
        access_token: "f5af9f51-07e6-4332-8f1a-c0c11c1e3728",
        token_type: "bearer",
        refresh_token: "f725f747-3a65-49f6-a231-3e8944ce464d",
        expires_in: 631138518,
        scope: "/authenticate",
        name: "Sofia Garcia",
        orcid: "0000-0001-2345-6789",
      },
    },
    user: { sub: "0000-0001-2345-6789", name: "Sofia Garcia" },
  },
  {
    provider: mastodon({ ...registered, url: "https://mastodon.example" }),
    source: "https://docs.joinmastodon.org/methods/accounts/#verify_credentials",
    answers: mastodonAnswers,
    user: { sub: "14715", name: "infinite love", username: "trwnh" },
  },
]);

test("Wikimedia: an address that was not confirmed is not verified", async () => {
  const { user } = await signInWith(wikimedia(registered), { answers: wikiAnswers(false) });
  assert.equal(user?.email_verified, false);
});

test("Mastodon: an id counts on its own server only: the server is the issuer", async () => {
  const { issuer } = await signInWith(mastodon({ ...registered, url: "https://mastodon.example" }), {
    answers: mastodonAnswers,
  });
  assert.equal(issuer, "https://mastodon.example");
});
