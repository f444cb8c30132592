/**
 * GitLab, Bitbucket, Gitea, Forgejo and Hugging Face, as documented.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openId, plain, registered, signInWith, testDocumented } from "../lib/stand-in.test.ts";
import { bitbucket, forgejo, gitea, gitlab, huggingface } from "./code.ts";

const gitlabClaims = {
  sub: "42",
  name: "Jane Doe",
  preferred_username: "jane",
  email: "jane@example.test",
  email_verified: true,
};
const gitlabUser = { sub: "42", name: "Jane Doe", username: "jane", email: "jane@example.test", email_verified: true };
const bitbucketAnswers = (values: readonly object[]) => ({
  "POST https://bitbucket.org/site/oauth2/access_token": { ...plain, scopes: "account email" },
  "GET https://api.bitbucket.org/2.0/user": {
    uuid: "{a9ad0b5f-1b1c-4b0f-8f5d-0b1c4b0f8f5d}",
    display_name: "Jane Doe",
    nickname: "jane",
    links: { avatar: { href: "https://avatar.example/j.png" } },
  },
  "GET https://api.bitbucket.org/2.0/user/emails": { values },
});
const giteaUser = {
  sub: "7",
  name: "",
  preferred_username: "jane",
  email: "jane@example.test",
  picture: "https://a.example/7",
};

testDocumented([
  {
    provider: gitlab(registered),
    source: "https://docs.gitlab.com/integration/openid_connect_provider/#shared-information",
    answers: openId("https://gitlab.com", { sub: "42" }, { userinfo: gitlabClaims }),
    user: gitlabUser,
  },
  {
    provider: gitlab({ ...registered, url: "https://git.example.org" }),
    source: "https://docs.gitlab.com/integration/openid_connect_provider/",
    answers: openId("https://git.example.org", gitlabClaims),
    user: gitlabUser,
  },
  {
    provider: bitbucket(registered),
    source: "https://developer.atlassian.com/cloud/bitbucket/rest/api-group-users/",
    answers: bitbucketAnswers([
      { email: "new@example.test", is_primary: false, is_confirmed: false },
      { email: "jane@example.test", is_primary: true, is_confirmed: true },
    ]),
    user: {
      sub: "{a9ad0b5f-1b1c-4b0f-8f5d-0b1c4b0f8f5d}",
      name: "Jane Doe",
      username: "jane",
      email: "jane@example.test",
      email_verified: true,
    },
  },
  {
    provider: gitea({ ...registered, url: "https://tea.example.org" }),
    source: "https://docs.gitea.com/development/oauth2-provider",
    answers: {
      "POST https://tea.example.org/login/oauth/access_token": plain,
      "GET https://tea.example.org/login/oauth/userinfo": giteaUser,
    },
    user: { sub: "7", name: "jane", username: "jane", email: "jane@example.test" },
  },
  {
    provider: forgejo(registered),
    source: "https://forgejo.org/docs/latest/user/oauth2-provider/",
    answers: {
      "POST https://codeberg.org/login/oauth/access_token": plain,
      "GET https://codeberg.org/login/oauth/userinfo": giteaUser,
    },
    user: { sub: "7", name: "jane", username: "jane", email: "jane@example.test" },
  },
  {
    provider: huggingface(registered),
    source: "https://huggingface.co/docs/hub/oauth",
    answers: openId("https://huggingface.co", { ...gitlabClaims, sub: "62f264b9f3c90f4b6514a269" }),
    user: { ...gitlabUser, sub: "62f264b9f3c90f4b6514a269" },
  },
]);

test("Bitbucket: an address that is not confirmed is not given", async () => {
  const values = [{ email: "victim@example.test", is_primary: true, is_confirmed: false }];
  const { user } = await signInWith(bitbucket(registered), { answers: bitbucketAnswers(values) });
  assert.ok(user);
  assert.equal(user.email, undefined);
});
