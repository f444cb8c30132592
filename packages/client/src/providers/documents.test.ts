/**
 * Notion, Figma and Todoist, as documented.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { plain, registered, signInWith, testDocumented } from "../lib/stand-in.test.ts";
import { figma, notion, todoist } from "./documents.ts";

const person = {
  object: "user",
  id: "16d84278-ab0e-484c-9bdd-b35da3bd8905",
  name: "pied piper",
  type: "person",
  person: { email: "p@example.test" },
};
const notionAnswers = (owner: object) => ({
  "POST https://api.notion.com/v1/oauth/token": {
    access_token: "ntn_secret",
    token_type: "bearer",
    bot_id: "8f7c",
    workspace_id: "w1",
    duplicated_template_id: null,
    owner,
  },
});

testDocumented([
  {
    provider: notion(registered),
    source: "https://developers.notion.com/reference/create-a-token",
    answers: notionAnswers({ type: "user", user: person }),
    user: { sub: person.id, name: "pied piper", email: "p@example.test" },
  },
  {
    provider: figma(registered),
    source: "https://developers.figma.com/docs/rest-api/users-endpoints/",
    answers: {
      "POST https://api.figma.com/v1/oauth/token": { ...plain, user_id_string: "1010", refresh_token: "r" },
      "GET https://api.figma.com/v1/me": {
        id: "1010",
        email: "jane@example.test",
        handle: "Jane",
        img_url: "https://s3-alpha.figma.com/x",
      },
    },
    user: { sub: "1010", name: "Jane", username: "Jane", email: "jane@example.test" },
  },
  {
    provider: todoist(registered),
    source: "https://developer.todoist.com/api/v1/#tag/User",
    answers: {
      "POST https://todoist.com/oauth/access_token": {
        access_token: "0123456789abcdef0123456789abcdef01234567",
        token_type: "Bearer",
      },
      "GET https://api.todoist.com/api/v1/user": { id: "1855589", email: "me@example.com", full_name: "Example User" },
    },
    user: { sub: "1855589", name: "Example User", email: "me@example.com" },
  },
]);

test("Notion: the secret goes in the header, a person's own integration is asked for", async () => {
  const { authorization, asked } = await signInWith(notion(registered), {
    answers: notionAnswers({ type: "user", user: person }),
  });
  const { headers, form } = asked.get("POST https://api.notion.com/v1/oauth/token") ?? {};
  assert.match(headers?.get("authorization") ?? "", /^Basic /);
  assert.equal(form?.has("client_secret"), false);
  assert.equal(authorization.searchParams.get("owner"), "user");
  assert.equal(authorization.searchParams.get("scope"), null, "Notion has no scopes");
});

test("Notion: an integration that a workspace owns signs nobody in", async () => {
  const { user, failure } = await signInWith(notion(registered), {
    answers: notionAnswers({ type: "workspace", workspace: true }),
  });
  assert.deepEqual([user, failure], [undefined, "userinfo_invalid"]);
});
