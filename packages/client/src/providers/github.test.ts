/**
 * GitHub's answers, as documented: with and without a public address, with unverified ones, with fewer scopes.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Answer, plain, registered, signInWith, testDocumented } from "../lib/stand-in.test.ts";
import { github } from "./github.ts";

const tokens = {
  access_token: "gho_16C7e42F292c6912E7710c838347Ae178B4a",
  token_type: "bearer",
  scope: "read:user,user:email",
};
const octocat = {
  login: "octocat",
  id: 1,
  name: "monalisa octocat",
  email: null,
  avatar_url: "https://github.com/a.gif",
};
const answers = (user: object, emails?: readonly object[]): Record<string, Answer> => ({
  "POST https://github.com/login/oauth/access_token": tokens,
  "GET https://api.github.com/user": { ...user },
  ...(emails === undefined ? {} : { "GET https://api.github.com/user/emails": emails }),
});
const address = (email: string, primary: boolean, verified: boolean) => ({
  email,
  primary,
  verified,
  visibility: null,
});
const source = "https://docs.github.com/en/rest/users/emails";
const provider = github(registered);

testDocumented([
  {
    provider,
    source,
    answers: answers(octocat, [address("spare@github.com", false, true), address("octocat@github.com", true, true)]),
    user: {
      sub: "1",
      name: "monalisa octocat",
      username: "octocat",
      email: "octocat@github.com",
      email_verified: true,
    },
  },
]);

test("GitHub: an address that is not verified is not given, even if it is the public one", async () => {
  const user = { ...octocat, email: "victim@example.test", name: null };
  const script = { answers: answers(user, [address("victim@example.test", true, false)]) };
  const signedIn = await signInWith(provider, script);
  assert.equal(signedIn.user?.email, undefined);
  assert.equal(signedIn.user?.name, "octocat", "without a name the login stands in");
  assert.equal(signedIn.tokens?.scope, "read:user user:email");
});

test("GitHub: a verified address is preferred to a primary one that is not", async () => {
  const emails = [address("new@example.test", true, false), address("old@example.test", false, true)];
  const { user } = await signInWith(provider, { answers: answers(octocat, emails) });
  assert.equal(user?.email, "old@example.test");
});

test("GitHub: who did not grant user:email signs in without an address", async () => {
  const script = {
    answers: { ...answers(octocat), "POST https://github.com/login/oauth/access_token": { ...tokens, scope: "" } },
  };
  const { user, asked } = await signInWith(provider, script);
  assert.equal(user?.sub, "1");
  assert.ok(!asked.has("GET https://api.github.com/user/emails"));
});

test("GitHub: sends PKCE, a User-Agent and the version of the API", async () => {
  const { authorization, asked } = await signInWith(provider, { answers: answers(octocat, []) });
  assert.equal(authorization.origin + authorization.pathname, "https://github.com/login/oauth/authorize");
  assert.equal(authorization.searchParams.get("code_challenge_method"), "S256");
  const headers = asked.get("GET https://api.github.com/user")?.headers;
  assert.equal(headers?.get("user-agent"), "valetkey");
  assert.equal(headers?.get("x-github-api-version"), "2022-11-28");
});

test("GitHub: an error with the status 200 is a refusal", async () => {
  const refusal = { error: "bad_verification_code", error_description: "The code passed is incorrect or expired." };
  const { user, failure } = await signInWith(provider, {
    answers: { "POST https://github.com/login/oauth/access_token": refusal },
  });
  assert.equal(user, undefined);
  assert.equal(failure, "token_refused");
});

test("GitHub: an Enterprise Server has its own addresses", async () => {
  const { user, authorization } = await signInWith(github({ ...registered, domain: "git.example.org" }), {
    answers: {
      "POST https://git.example.org/login/oauth/access_token": { ...plain, scope: "read:user" },
      "GET https://git.example.org/api/v3/user": octocat,
    },
  });
  assert.equal(authorization.origin, "https://git.example.org");
  assert.equal(user?.sub, "1");
});
