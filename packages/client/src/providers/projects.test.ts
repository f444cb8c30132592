/**
 * Atlassian, Asana, Linear, ClickUp and Basecamp, as documented.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { plain, registered, signInWith, testDocumented } from "../lib/stand-in.test.ts";
import { asana, atlassian, basecamp, clickup, linear } from "./projects.ts";

const atlassianAnswers = {
  "POST https://auth.atlassian.com/oauth/token": { ...plain, scope: "read:me" },
  "GET https://api.atlassian.com/me": {
    account_type: "atlassian",
    account_id: "112233aa-bb11-cc22-33dd-445566abcabc",
    email: "mia@example.com",
    name: "Mia Krystof",
    nickname: "mkrystof",
    picture: "https://avatar-management.example/mia.png",
    account_status: "active",
  },
};
const viewer = { id: "4f2b", name: "Jane Doe", displayName: "jane", email: "jane@example.test" };
const linearAnswers = (scope: unknown) => ({
  "POST https://api.linear.app/oauth/token": { ...plain, scope },
  "POST https://api.linear.app/graphql": { data: { viewer } },
});

testDocumented([
  {
    provider: atlassian(registered),
    source:
      "https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/#how-do-i-retrieve-the-public-profile-of-the-authenticated-user-",
    answers: atlassianAnswers,
    user: {
      sub: "112233aa-bb11-cc22-33dd-445566abcabc",
      name: "Mia Krystof",
      username: "mkrystof",
      email: "mia@example.com",
    },
  },
  {
    provider: asana(registered),
    source: "https://developers.asana.com/reference/getuser",
    answers: {
      "POST https://app.asana.com/-/oauth_token": {
        ...plain,
        token_type: "bearer",
        data: { id: 4673218951, gid: "4673218951", name: "Greg Sanchez", email: "gsanchez@example.com" },
      },
      "GET https://app.asana.com/api/1.0/users/me": {
        data: {
          gid: "4673218951",
          resource_type: "user",
          name: "Greg Sanchez",
          email: "gsanchez@example.com",
          photo: null,
        },
      },
    },
    user: { sub: "4673218951", name: "Greg Sanchez", email: "gsanchez@example.com" },
  },
  {
    provider: linear(registered),
    source: "https://linear.app/developers/oauth-2-0-authentication",
    answers: linearAnswers("read write"),
    user: { sub: "4f2b", name: "Jane Doe", username: "jane", email: "jane@example.test" },
  },
  {
    provider: clickup(registered),
    source: "https://developer.clickup.com/reference/getauthorizeduser",
    answers: {
      "POST https://api.clickup.com/api/v2/oauth/token": { access_token: "1234_abcd" },
      "GET https://api.clickup.com/api/v2/user": {
        user: { id: 123, username: "John Doe", email: "jd@example.test", profilePicture: null },
      },
    },
    user: { sub: "123", name: "John Doe", email: "jd@example.test" },
  },
  {
    provider: basecamp(registered),
    source: "https://github.com/basecamp/api/blob/master/sections/authentication.md#get-authorization",
    answers: {
      "POST https://launchpad.37signals.com/authorization/token": {
        access_token: "BAhbByIBsH",
        expires_in: 1209600,
        refresh_token: "r",
      },
      "GET https://launchpad.37signals.com/authorization.json": {
        expires_at: "2012-03-22T16:56:48-05:00",
        identity: { id: 9999999, first_name: "Jason", last_name: "Fried", email_address: "jason@basecamp.com" },
        accounts: [],
      },
    },
    user: { sub: "9999999", name: "Jason Fried", email: "jason@basecamp.com" },
  },
]);

test("Atlassian: the audience is named, and consent is asked for", async () => {
  const { authorization } = await signInWith(atlassian(registered), { answers: atlassianAnswers });
  const sent = authorization.searchParams;
  assert.deepEqual([sent.get("audience"), sent.get("prompt")], ["api.atlassian.com", "consent"]);
});

test("Linear: scopes may be a list", async () => {
  const { tokens } = await signInWith(linear(registered), { answers: linearAnswers(["read", "write"]) });
  assert.equal(tokens?.scope, "read write");
});

test("Basecamp: the type of the draft is sent in both requests", async () => {
  const { authorization, asked } = await signInWith(basecamp(registered), { answers: {} });
  assert.equal(authorization.searchParams.get("type"), "web_server");
  assert.equal(asked.get("POST https://launchpad.37signals.com/authorization/token")?.form.get("type"), "web_server");
});
