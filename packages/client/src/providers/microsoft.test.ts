/**
 * Microsoft Entra ID: one tenant and many, and e-mail addresses that a tenant's administrator may have made up.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openId, registered, signInWith, testDocumented } from "../lib/stand-in.test.ts";
import { microsoft } from "./microsoft.ts";

const login = "https://login.microsoftonline.com";
const tid = "3338040d-6c67-4c5b-b112-36a304b66dad";
const claims = {
  iss: `${login}/${tid}/v2.0`,
  sub: "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
  tid,
  oid: "00000000-0000-0000-66f3-3332eca7ea81",
  name: "Abe Lincoln",
  preferred_username: "AbeLi@example.com",
  email: "abeli@example.com",
};
const discovery = { issuer: `${login}/{tenantid}/v2.0` };
const common = (more: object) => openId(`${login}/common/v2.0`, { ...claims, ...more }, { discovery });
const { sub, name, preferred_username: username, email } = claims;

testDocumented([
  {
    provider: microsoft(registered),
    source: "https://learn.microsoft.com/en-us/entra/identity-platform/id-tokens",
    answers: common({}),
    user: { sub, name, username, email, email_verified: false },
  },
  {
    provider: microsoft({ ...registered, tenant: tid }),
    source: "https://learn.microsoft.com/en-us/entra/identity-platform/optional-claims-reference",
    answers: openId(`${login}/${tid}/v2.0`, { ...claims, xms_edov: true }),
    user: { sub, name, username, email, email_verified: true },
  },
]);

test("Microsoft: each tenant is an issuer of its own, the one the token names", async () => {
  const { issuer } = await signInWith(microsoft(registered), { answers: common({}) });
  assert.equal(issuer, `${login}/${tid}/v2.0`);
});

test("Microsoft: email_verified in the token does not count, nor does xms_edov that says no", async () => {
  for (const more of [{ email_verified: true }, { xms_edov: false }, { xms_edov: "0" }, { xms_edov: 0 }]) {
    const { user } = await signInWith(microsoft(registered), { answers: common(more) });
    assert.equal(user?.email_verified, false, JSON.stringify(more));
  }
});

test("Microsoft: a token whose issuer and tenant differ signs nobody in", async () => {
  const other = "99999999-6c67-4c5b-b112-36a304b66dad";
  for (const more of [{ tid: other }, { iss: `${login}/{tenantid}/v2.0` }, { tid: undefined }, { tid: "../x" }]) {
    const { user, failure } = await signInWith(microsoft(registered), { answers: common(more) });
    assert.equal(user, undefined, JSON.stringify(more));
    assert.equal(failure, "id_token_invalid");
  }
});
