/**
 * Facebook, X and LinkedIn: their documented answers, and what they leave out.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { plain, registered, signInWith, testDocumented } from "../lib/stand-in.test.ts";
import { linkedin } from "./linkedin.ts";
import { facebook } from "./meta.ts";
import { x } from "./x.ts";

const graph = "https://graph.facebook.com/v24.0";
const xTokens = { ...plain, scope: "users.read tweet.read" };
const xUser = {
  data: { id: "2244994945", name: "X Dev", username: "TwitterDev", confirmed_email: "dev@example.test" },
};
const xAnswers = (tokens: object, user: object = xUser) => ({
  "POST https://api.x.com/2/oauth2/token": { ...tokens },
  "GET https://api.x.com/2/users/me": { ...user },
});

testDocumented([
  {
    provider: facebook(registered),
    source: "https://developers.facebook.com/docs/graph-api/reference/user/",
    answers: {
      [`POST ${graph}/oauth/access_token`]: { access_token: "EAAG", token_type: "bearer", expires_in: 5183944 },
      [`GET ${graph}/me`]: {
        id: "10101010101",
        name: "Jane Doe",
        email: "jane@example.test",
        picture: {
          data: { height: 50, is_silhouette: false, url: "https://platform-lookaside.example/p.jpg", width: 50 },
        },
      },
    },
    user: { sub: "10101010101", name: "Jane Doe", email: "jane@example.test" },
  },
  {
    provider: x(registered),
    source: "https://docs.x.com/x-api/users/get-my-user",
    answers: xAnswers(xTokens, { data: { id: "2244994945", name: "X Dev", username: "TwitterDev" } }),
    user: { sub: "2244994945", name: "X Dev", username: "TwitterDev" },
  },
  {
    provider: x({ ...registered, scope: "users.read tweet.read users.email" }),
    source: "https://docs.x.com/x-api/users/get-my-user",
    answers: xAnswers({ ...xTokens, scope: "users.email users.read tweet.read" }),
    user: {
      sub: "2244994945",
      name: "X Dev",
      username: "TwitterDev",
      email: "dev@example.test",
      email_verified: true,
    },
  },
  {
    provider: linkedin(registered),
    source:
      "https://learn.microsoft.com/en-us/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2#api-request-to-retreive-member-details",
    answers: {
      "POST https://www.linkedin.com/oauth/v2/accessToken": {
        ...plain,
        scope: "email,openid,profile",
        id_token: "e30.e30.e30",
      },
      "GET https://api.linkedin.com/v2/userinfo": {
        sub: "782bbtaQ",
        name: "John Doe",
        given_name: "John",
        family_name: "Doe",
        picture: "https://media.licdn-ei.com/dms/image/C5F03AQHqK8v7tB1HCQ/",
        locale: "en-US",
        email: "doe@email.com",
        email_verified: true,
      },
    },
    user: { sub: "782bbtaQ", name: "John Doe", email: "doe@email.com", email_verified: true },
  },
]);

test("Facebook: scopes are separated by commas, and a missing e-mail fails nothing", async () => {
  const { user, authorization } = await signInWith(facebook(registered), {
    answers: {
      [`POST ${graph}/oauth/access_token`]: plain,
      [`GET ${graph}/me`]: {
        id: "1",
        name: "Jane",
        picture: { data: { is_silhouette: true, url: "https://a.example" } },
      },
    },
  });
  assert.equal(authorization.searchParams.get("scope"), "public_profile,email");
  assert.deepEqual([user?.sub, user?.email, user?.picture], ["1", undefined, undefined]);
});

test("Facebook: the secret goes to the token endpoint only, and no appsecret_proof is sent or promised", async () => {
  const { user, authorization, asked } = await signInWith(facebook(registered), {
    answers: { [`POST ${graph}/oauth/access_token`]: plain, [`GET ${graph}/me`]: { id: "1", name: "Jane" } },
  });
  assert.equal(user?.sub, "1");
  // What the browser is given.
  const names = ["client_id", "redirect_uri", "response_type", "scope", "state"];
  assert.deepEqual([...authorization.searchParams.keys()].sort(), names);
  assert.ok(!decodeURIComponent(authorization.href.replaceAll("+", " ")).includes(registered.client_secret));
  const [token, me] = [asked.get(`POST ${graph}/oauth/access_token`), asked.get(`GET ${graph}/me`)];
  assert.equal(new URLSearchParams(token?.body).get("client_secret"), registered.client_secret, "in the body");
  assert.deepEqual([...(me?.form.keys() ?? [])], ["fields"], "neither proof nor secret");
  assert.equal(me?.headers.get("authorization"), "Bearer at-1");
  // Whoever switches that requirement on must know: the preset says so.
  assert.match(facebook.about.note ?? "", /without appsecret_proof must be allowed/);
});

test("X: asks for the e-mail only where the scope was granted", async () => {
  const without = await signInWith(x(registered), { answers: xAnswers(xTokens) });
  assert.equal(without.asked.get("GET https://api.x.com/2/users/me")?.form.get("user.fields"), "profile_image_url");
  const tokens = { ...xTokens, scope: "users.read tweet.read users.email" };
  const granted = await signInWith(x(registered), { answers: xAnswers(tokens) });
  assert.match(granted.asked.get("GET https://api.x.com/2/users/me")?.form.get("user.fields") ?? "", /confirmed_email/);
  assert.equal(granted.authorization.searchParams.get("code_challenge_method"), "S256");
});

test("LinkedIn: sends no PKCE, and no e-mail is no failure", async () => {
  const { user, authorization, asked } = await signInWith(linkedin(registered), {
    answers: {
      "POST https://www.linkedin.com/oauth/v2/accessToken": plain,
      "GET https://api.linkedin.com/v2/userinfo": { sub: "782bbtaQ", name: "John Doe" },
    },
  });
  assert.equal(authorization.searchParams.get("code_challenge"), null);
  const { form } = asked.get("POST https://www.linkedin.com/oauth/v2/accessToken") ?? { form: new URLSearchParams() };
  assert.deepEqual([form.get("client_secret"), form.get("code_verifier")], ["app secret", null]);
  assert.equal(user?.email, undefined);
});

test("an id that is no text and no exact number signs nobody in", async () => {
  for (const id of [undefined, null, "", 2 ** 53, 1.5, true, { id: 1 }, ["1"], "x".repeat(256)]) {
    const { user, failure } = await signInWith(facebook(registered), {
      answers: { [`POST ${graph}/oauth/access_token`]: plain, [`GET ${graph}/me`]: { id, name: "Jane" } },
    });
    assert.equal(user, undefined, String(id));
    assert.equal(failure, "userinfo_invalid");
  }
});

test("what is of another type than documented is left out, never shown", async () => {
  const me = { id: "1", name: { toString: "x" }, email: ["a@example.test"], picture: "x" };
  const { user } = await signInWith(facebook(registered), {
    answers: { [`POST ${graph}/oauth/access_token`]: plain, [`GET ${graph}/me`]: me },
  });
  assert.deepEqual([user?.sub, user?.name, user?.email], ["1", undefined, undefined]);
});
