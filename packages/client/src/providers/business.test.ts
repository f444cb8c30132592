/**
 * Salesforce, HubSpot, Mailchimp, Intuit, Zoho, Eventbrite and FreshBooks, as documented.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { plain, registered, signInWith, testDocumented } from "../lib/stand-in.test.ts";
import { eventbrite, freshbooks, hubspot, intuit, mailchimp, salesforce, zoho } from "./business.ts";

const mailchimpAnswers = {
  "POST https://login.mailchimp.com/oauth2/token": {
    access_token: "5c6ccc561059aa386da9d112215bae55",
    expires_in: 0,
    scope: null,
    token_type: "bearer",
  },
  "GET https://login.mailchimp.com/oauth2/metadata": {
    dc: "us6",
    role: "owner",
    accountname: "Freddie",
    user_id: 15514218,
    login: {
      email: "freddie@example.com",
      avatar: null,
      login_id: 15514218,
      login_name: "freddie",
      login_email: "freddie@example.com",
    },
    api_endpoint: "https://us6.api.mailchimp.com",
  },
};
const eventbriteAnswers = (emails: readonly object[]) => ({
  "POST https://www.eventbrite.com/oauth/token": { access_token: "OAUTH", token_type: "bearer" },
  "GET https://www.eventbriteapi.com/v3/users/me/": { id: "12345", name: "Marie Doe", first_name: "Marie", emails },
});
const salesforceAnswers = {
  "POST https://login.salesforce.com/services/oauth2/token": {
    access_token: "00DB0000000TfcR!AQQAQFhoK8vTMg_rKA.esrJ2bCs.OOIjJgl",
    token_type: "Bearer",
    id: "https://login.salesforce.com/id/00DB0000000TfcRMAS/005B0000005Bk90IAC",
    instance_url: "https://mycompany.my.salesforce.com",
    issued_at: "1558553873237",
  },
  "GET https://login.salesforce.com/services/oauth2/userinfo": {
    sub: "https://login.salesforce.com/id/00DB0000000TfcRMAS/005B0000005Bk90IAC",
    user_id: "005B0000005Bk90IAC",
    organization_id: "00DB0000000TfcRMAS",
    preferred_username: "user@example.org",
    name: "Pat Patterson",
    email: "pat@example.org",
    email_verified: true,
  },
};

testDocumented([
  {
    provider: hubspot(registered),
    source: "https://developers.hubspot.com/docs/api-reference/auth-oauth-v1/guide",
    answers: {
      "POST https://api.hubapi.com/oauth/v1/token": {
        access_token: "CJSP5qf1KhICAQ",
        refresh_token: "6f18f21e",
        expires_in: 1800,
        token_type: "bearer",
      },
      "GET https://api.hubapi.com/oauth/v1/access-tokens/CJSP5qf1KhICAQ": {
        token: "CJSP5qf1KhICAQ",
        user: "test@hubspot.com",
        hub_domain: "meowmix.com",
        hub_id: 1234567,
        app_id: 111111,
        user_id: 293199,
        token_type: "access",
      },
    },
    user: { sub: "293199", name: "test@hubspot.com", email: "test@hubspot.com" },
  },
  {
    provider: mailchimp(registered),
    source: "https://mailchimp.com/developer/marketing/guides/access-user-data-oauth-2/",
    answers: mailchimpAnswers,
    user: { sub: "15514218", name: "freddie", username: "freddie", email: "freddie@example.com" },
  },
  {
    provider: intuit(registered),
    source:
      "https://developer.intuit.com/app/developer/qbo/docs/develop/authentication-and-authorization/openid-connect",
    answers: {
      "POST https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer": {
        ...plain,
        token_type: "bearer",
        x_refresh_token_expires_in: 8726400,
      },
      "GET https://accounts.platform.intuit.com/v1/openid_connect/userinfo": {
        sub: "1182d6ec-2a1f-4aa3-af3f-bb3b95db45af",
        givenName: "John",
        familyName: "Doe",
        email: "john@doe.com",
        emailVerified: true,
      },
    },
    user: {
      sub: "1182d6ec-2a1f-4aa3-af3f-bb3b95db45af",
      name: "John Doe",
      email: "john@doe.com",
      email_verified: true,
    },
  },
  {
    provider: zoho({ ...registered, domain: "accounts.zoho.eu" }),
    source: "https://www.zoho.com/accounts/protocol/oauth/web-apps/authorization.html",
    answers: {
      "POST https://accounts.zoho.eu/oauth/v2/token": { ...plain, api_domain: "https://www.zohoapis.eu" },
      "GET https://accounts.zoho.eu/oauth/user/info": {
        ZUID: 20065432,
        First_Name: "Jane",
        Last_Name: "Doe",
        Email: "jane@example.test",
        Display_Name: "Jane",
      },
    },
    user: { sub: "20065432", name: "Jane", email: "jane@example.test" },
  },
  {
    provider: eventbrite(registered),
    source: "https://www.eventbrite.com/platform/api#/reference/user",
    answers: eventbriteAnswers([
      { email: "old@eventbrite.com", verified: true, primary: false },
      { email: "marie@eventbrite.com", verified: true, primary: true },
    ]),
    user: { sub: "12345", name: "Marie Doe", email: "marie@eventbrite.com", email_verified: true },
  },
  {
    provider: freshbooks(registered),
    source: "https://www.freshbooks.com/api/me_endpoint",
    answers: {
      "POST https://api.freshbooks.com/auth/oauth/token": { ...plain, token_type: "bearer", created_at: 1424471407 },
      "GET https://api.freshbooks.com/auth/api/v1/users/me": {
        response: { id: 2192788, first_name: "Bill", last_name: "Smith", email: "bill@example.test" },
      },
    },
    user: { sub: "2192788", name: "Bill Smith", email: "bill@example.test" },
  },
  {
    provider: salesforce(registered),
    source: "https://help.salesforce.com/s/articleView?id=sf.remoteaccess_using_userinfo_endpoint.htm",
    answers: salesforceAnswers,
    user: {
      sub: "00DB0000000TfcRMAS/005B0000005Bk90IAC",
      name: "Pat Patterson",
      username: "user@example.org",
      email: "pat@example.org",
      email_verified: true,
    },
  },
]);

test("Mailchimp: 0 seconds means for ever, and the profile is asked for with the scheme OAuth", async () => {
  const { tokens, asked } = await signInWith(mailchimp(registered), { answers: mailchimpAnswers });
  assert.ok(tokens);
  assert.equal(tokens.expiresAt, undefined);
  const { headers } = asked.get("GET https://login.mailchimp.com/oauth2/metadata") ?? {};
  assert.equal(headers?.get("authorization"), "OAuth 5c6ccc561059aa386da9d112215bae55");
});

test("Eventbrite: an address that is not verified is not given", async () => {
  const emails = [{ email: "victim@eventbrite.com", verified: false, primary: true }];
  const { user } = await signInWith(eventbrite(registered), { answers: eventbriteAnswers(emails) });
  assert.deepEqual([user?.sub, user?.email], ["12345", undefined]);
});

test("HubSpot: the token, which its answer repeats, is not among the claims", async () => {
  const { user } = await signInWith(hubspot(registered), {
    answers: {
      "POST https://api.hubapi.com/oauth/v1/token": plain,
      "GET https://api.hubapi.com/oauth/v1/access-tokens/at-1": {
        token: "at-1",
        user: "t@example.test",
        user_id: 1,
        hub_id: 2,
      },
    },
  });
  assert.deepEqual(user?.claims, { user: "t@example.test", user_id: 1, hub_id: 2 });
});
