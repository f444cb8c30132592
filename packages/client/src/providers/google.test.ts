/**
 * Google's ID token and userinfo, as documented.
 */
import { openId, registered, testDocumented } from "../lib/stand-in.test.ts";
import { google } from "./google.ts";

const issuer = "https://accounts.google.com";
const claims = {
  sub: "10769150350006150715113082367",
  name: "Jane Doe",
  email: "jsmith@example.com",
  email_verified: true,
};

testDocumented([
  {
    provider: google(registered),
    source: "https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload",
    answers: openId(issuer, { ...claims, hd: "example.com", azp: "app" }, { userinfo: claims }),
    user: claims,
  },
]);
