/**
 * Patreon, DonationAlerts, Tiltify, Yahoo and 42, as documented.
 */
import { plain, registered, testDocumented } from "../lib/stand-in.test.ts";
import { donationalerts, patreon, tiltify } from "./creators.ts";
import { fortyTwo, yahoo } from "./portals.ts";

testDocumented([
  {
    provider: patreon(registered),
    source: "https://docs.patreon.com/#get-api-oauth2-v2-identity",
    answers: {
      "POST https://www.patreon.com/api/oauth2/token": { ...plain, scope: "identity identity[email]" },
      "GET https://www.patreon.com/api/oauth2/v2/identity": {
        data: {
          id: "12345689",
          type: "user",
          attributes: {
            full_name: "Platform Team",
            email: "some-email@email.com",
            is_email_verified: true,
            vanity: "platform",
          },
        },
      },
    },
    user: {
      sub: "12345689",
      name: "Platform Team",
      username: "platform",
      email: "some-email@email.com",
      email_verified: true,
    },
  },
  {
    provider: donationalerts(registered),
    source: "https://www.donationalerts.com/apidoc#api_v1__users__user_profile_information",
    answers: {
      "POST https://www.donationalerts.com/oauth/token": plain,
      "GET https://www.donationalerts.com/api/v1/user/oauth": {
        data: {
          id: 3,
          code: "tris",
          name: "Tris",
          avatar: "https://static-cdn.example/a.png",
          email: "user@example.com",
        },
      },
    },
    user: { sub: "3", name: "Tris", username: "tris", email: "user@example.com" },
  },
  {
    provider: tiltify(registered),
    source: "https://developers.tiltify.com/api-reference/public",
    answers: {
      "POST https://v5api.tiltify.com/oauth/token": { ...plain, scope: "public" },
      "GET https://v5api.tiltify.com/api/public/current-user": {
        data: {
          id: "a4fd5207-bd9f-4712-920a-85f8d92cf4e6",
          username: "UserName",
          avatar: { src: "https://a.example/x.png" },
        },
      },
    },
    user: { sub: "a4fd5207-bd9f-4712-920a-85f8d92cf4e6", name: "UserName", username: "UserName" },
  },
  {
    provider: yahoo(registered),
    source: "https://developer.yahoo.com/sign-in-with-yahoo/#get-user-info-api",
    answers: {
      "POST https://api.login.yahoo.com/oauth2/get_token": {
        ...plain,
        token_type: "bearer",
        xoauth_yahoo_guid: "FSVIDUW3D7FSVIDUW3D72F2F",
        id_token: "e30.e30.e30",
      },
      "GET https://api.login.yahoo.com/openid/v1/userinfo": {
        sub: "FSVIDUW3D7FSVIDUW3D72F2F",
        name: "Jane Doe",
        email: "janedoe@example.com",
        email_verified: true,
      },
    },
    user: { sub: "FSVIDUW3D7FSVIDUW3D72F2F", name: "Jane Doe", email: "janedoe@example.com", email_verified: true },
  },
  {
    provider: fortyTwo(registered),
    source: "https://api.intra.42.fr/apidoc/2.0/users/me.html",
    answers: {
      "POST https://api.intra.42.fr/oauth/token": {
        ...plain,
        token_type: "bearer",
        scope: "public",
        created_at: 1443451918,
      },
      "GET https://api.intra.42.fr/v2/me": {
        id: 2,
        email: "andre@42.fr",
        login: "andre",
        displayname: "André Aubin",
        usual_full_name: "Juliette Aubin",
        image: { link: "https://cdn.example/a.jpg" },
      },
    },
    user: { sub: "2", name: "Juliette Aubin", username: "andre", email: "andre@42.fr" },
  },
]);
