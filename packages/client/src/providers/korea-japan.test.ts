/**
 * Kakao, Naver and LINE: nested profiles, digits as text, and an ID token that only LINE can verify.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Answer, plain, registered, signInWith, testDocumented } from "../lib/stand-in.test.ts";
import { kakao, line, naver } from "./korea-japan.ts";

const account = {
  profile_nickname_needs_agreement: false,
  profile: { nickname: "Hong Gildong", profile_image_url: "http://yyy.kakao.com/dn/.../img_640x640.jpg" },
  email_needs_agreement: false,
  is_email_valid: true,
  is_email_verified: true,
  email: "sample@sample.com",
};
const kakaoAnswers = (kakao_account: object): Record<string, Answer> => ({
  "POST https://kauth.kakao.com/oauth/token": {
    token_type: "bearer",
    access_token: "kat",
    expires_in: 43199,
    refresh_token: "krt",
    refresh_token_expires_in: 5184000,
    scope: "account_email profile_nickname",
  },
  "GET https://kapi.kakao.com/v2/user/me": { id: 123456789, connected_at: "2022-04-11T01:45:28Z", kakao_account },
});
const lineAnswers = (claims: object): Record<string, Answer> => ({
  "POST https://api.line.me/oauth2/v2.1/token": {
    ...plain,
    scope: "openid profile email",
    id_token: "eyJhbGciOiJIUzI1NiJ9.e30.x",
  },
  "GET https://api.line.me/v2/profile": {
    userId: "U4af4980629",
    displayName: "Brown",
    pictureUrl: "https://profile.line-scdn.net/x",
  },
  "POST https://api.line.me/oauth2/v2.1/verify": {
    iss: "https://access.line.me",
    sub: "U4af4980629",
    aud: "app",
    name: "Brown",
    email: "brown@example.test",
    ...claims,
  },
});

testDocumented([
  {
    provider: kakao(registered),
    source: "https://developers.kakao.com/docs/latest/en/kakaologin/rest-api#req-user-info",
    answers: kakaoAnswers(account),
    user: { sub: "123456789", name: "Hong Gildong", email: "sample@sample.com", email_verified: true },
  },
  {
    provider: naver(registered),
    source: "https://developers.naver.com/docs/login/profile/profile.md",
    answers: {
      "POST https://nid.naver.com/oauth2.0/token": {
        access_token: "AAAAQosjWDJieBiQZc3to9YQp6HDLvrmyKC+6+iZ3gq7qrkqf50ljZC+Lgoqrg",
        refresh_token: "c8ceMEJisO4Se7uGisHoX0f5JEii7JnipglQipkOn5Zp3tyP7dHQoP0zNKHUq2gY",
        token_type: "bearer",
        expires_in: "3600",
      },
      "GET https://openapi.naver.com/v1/nid/me": {
        resultcode: "00",
        message: "success",
        response: { email: "openapi@naver.com", nickname: "OpenAPI", id: "32742776", name: "오픈 API" },
      },
    },
    user: { sub: "32742776", name: "오픈 API", email: "openapi@naver.com" },
  },
  {
    provider: line(registered),
    source: "https://developers.line.biz/en/reference/line-login/#verify-id-token",
    answers: lineAnswers({}),
    user: { sub: "U4af4980629", name: "Brown", email: "brown@example.test" },
  },
]);

test("Kakao: an address that is no longer valid is not verified, and who agreed to nothing still has an id", async () => {
  const stale = await signInWith(kakao(registered), { answers: kakaoAnswers({ ...account, is_email_valid: false }) });
  assert.equal(stale.user?.email_verified, false);
  const bare = await signInWith(kakao(registered), { answers: kakaoAnswers({ email_needs_agreement: true }) });
  assert.deepEqual([bare.user?.sub, bare.user?.name, bare.user?.email], ["123456789", undefined, undefined]);
});

test("Naver: digits in expires_in are seconds, and an error with 200 is a refusal", async () => {
  const refused = await signInWith(naver(registered), {
    answers: {
      "POST https://nid.naver.com/oauth2.0/token": { error: "invalid_request", error_description: "no valid data" },
    },
  });
  assert.equal(refused.failure, "token_refused");
});

test("LINE: an ID token for another client or about another person signs nobody in", async () => {
  for (const claims of [{ aud: "other" }, { sub: "U0000000000" }]) {
    const { user, failure } = await signInWith(line(registered), { answers: lineAnswers(claims) });
    assert.equal(user, undefined);
    assert.equal(failure, "userinfo_subject_mismatch");
  }
});

test("LINE: verifies the ID token at LINE, with this client's id", async () => {
  const { asked } = await signInWith(line(registered), { answers: lineAnswers({}) });
  const { form } = asked.get("POST https://api.line.me/oauth2/v2.1/verify") ?? { form: new URLSearchParams() };
  assert.deepEqual([form.get("id_token"), form.get("client_id")], ["eyJhbGciOiJIUzI1NiJ9.e30.x", "app"]);
});
