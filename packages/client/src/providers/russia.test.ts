/**
 * Yandex and VK: a token scheme of one's own, and an e-mail that comes with the token.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { plain, registered, signInWith, testDocumented } from "../lib/stand-in.test.ts";
import { vk, yandex } from "./russia.ts";

const yandexAnswers = {
  "POST https://oauth.yandex.com/token": { ...plain, token_type: "bearer", refresh_token: "1:GN686QVt0mmakDd9" },
  "GET https://login.yandex.ru/info": {
    id: "1000034426",
    login: "vasya",
    client_id: "app",
    default_email: "test@yandex.ru",
    emails: ["test@yandex.ru", "other-test@yandex.ru"],
    default_avatar_id: "131652443",
    is_avatar_empty: false,
    display_name: "vasya",
    real_name: "Vasya Pupkin",
    psuid: "1.AAceCw.tbHgw5DtJ9_zeqPrk-Ba2w.qPWSRC5v2t2IaksPJgnge",
  },
};
const vkAnswers = (tokens: object) => ({
  "POST https://oauth.vk.com/access_token": { access_token: "533bacf01e11f55b536a565b57531ac1", ...tokens },
  "GET https://api.vk.com/method/users.get": {
    response: [{ id: 743784474, first_name: "Persik", last_name: "The Cat", screen_name: "persik" }],
  },
});

testDocumented([
  {
    provider: yandex(registered),
    source: "https://yandex.com/dev/id/doc/en/user-information",
    answers: yandexAnswers,
    user: { sub: "1000034426", name: "Vasya Pupkin", username: "vasya", email: "test@yandex.ru" },
  },
  {
    provider: vk(registered),
    source: "https://dev.vk.com/en/api/access-token/authcode-flow-user",
    answers: vkAnswers({ expires_in: 43200, user_id: 743784474, email: "persik@example.test" }),
    user: { sub: "743784474", name: "Persik The Cat", username: "persik", email: "persik@example.test" },
  },
]);

test("Yandex: the profile is asked for with the scheme OAuth", async () => {
  const { asked, user } = await signInWith(yandex(registered), { answers: yandexAnswers });
  assert.equal(asked.get("GET https://login.yandex.ru/info")?.headers.get("authorization"), "OAuth at-1");
  assert.equal(user?.picture, "https://avatars.yandex.net/get-yapic/131652443/islands-200");
});

test("VK: expires_in 0 means that the token does not expire", async () => {
  const { tokens } = await signInWith(vk(registered), { answers: vkAnswers({ expires_in: 0, user_id: 743784474 }) });
  assert.equal(tokens?.expiresAt, undefined);
  assert.ok(tokens);
});
