/**
 * Sign in with Apple: the answer is posted, the name comes once and through the browser, and true may be a text.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeUnverified, generateKey, verifyJwt } from "@valetkey/protocol/jose";
import { openId, registered, signInWith, testDocumented } from "../lib/stand-in.test.ts";
import { apple, appleClientSecret } from "./apple.ts";

const claims = {
  sub: "001234.5b3a3bdf9c0b4f049c1471cae1cd1d8d.0001",
  email: "dpdcnf87nu@privaterelay.appleid.com",
  email_verified: "true",
  is_private_email: "true",
};
// As Apple's document is: without a word on PKCE.
const discovery = { code_challenge_methods_supported: undefined };
const answers = (more: object = {}) => openId("https://appleid.apple.com", { ...claims, ...more }, { discovery });
const callback = { user: '{"name":{"firstName":"Jane","lastName":"Appleseed"},"email":"somebody.else@example.test"}' };
const source = "https://developer.apple.com/documentation/signinwithapple/authenticating-users-with-sign-in-with-apple";
const person = { sub: claims.sub, email: claims.email, email_verified: true };

testDocumented([
  { provider: apple(registered), source, answers: answers(), callback, user: { ...person, name: "Jane Appleseed" } },
  { provider: apple({ ...registered, name: "apple-again" }), source, answers: answers(), user: person },
]);

test("Apple: asks for a posted answer, and sends PKCE although it is not announced", async () => {
  const { authorization } = await signInWith(apple(registered), { answers: answers() });
  assert.equal(authorization.searchParams.get("response_mode"), "form_post");
  assert.equal(authorization.searchParams.get("code_challenge_method"), "S256");
});

test("Apple: `user` came through the browser: whatever is in it, only a name is taken", async () => {
  const hostile = [
    "not JSON",
    "[]",
    "null",
    '{"name":"Root"}',
    '{"name":{"firstName":{"toString":"x"},"lastName":7}}',
    '{"email":"admin@example.test","email_verified":true,"sub":"admin"}',
    `{"name":{"firstName":"${"x".repeat(5000)}"}}`,
  ];
  for (const user of hostile) {
    const signedIn = await signInWith(apple(registered), { answers: answers(), callback: { user } });
    assert.deepEqual(
      [signedIn.user?.sub, signedIn.user?.email, signedIn.user?.name],
      [claims.sub, claims.email, undefined],
    );
  }
});

test('Apple: "false" is not true', async () => {
  for (const email_verified of ["false", false, "yes", 1, undefined]) {
    const { user } = await signInWith(apple(registered), { answers: answers({ email_verified }) });
    assert.equal(user?.email_verified, false, String(email_verified));
  }
});

test("Apple: the client secret is a JWT signed with the key from Apple, for six months at most", async () => {
  const { privateJwk, publicJwk } = await generateKey("ES256");
  const key = { team_id: "TEAM123456", key_id: "KEY1234567", client_id: "org.example.web", private_key: privateJwk };
  const now = () => 1_700_000_000_000;
  const secret = await appleClientSecret({ ...key, now, lifetime: 10 ** 9 });
  const { header } = decodeUnverified(secret);
  assert.equal(header.kid, "KEY1234567");
  const { claims } = await verifyJwt(secret, {
    keys: async () => [{ ...publicJwk, kid: "KEY1234567" }],
    algorithms: ["ES256"],
    issuer: "TEAM123456",
    audience: "https://appleid.apple.com",
    now: now(),
  });
  assert.equal(claims.sub, "org.example.web");
  assert.equal(claims.exp, 1_700_000_000 + 15_777_000);
});

test("Apple: a secret made anew for each request reaches the token endpoint", async () => {
  const provider = apple({ client_id: "app", client_secret: async () => "made just now" });
  const { asked } = await signInWith(provider, { answers: answers() });
  assert.equal(asked.get("POST https://appleid.apple.com/token")?.form.get("client_secret"), "made just now");
});
