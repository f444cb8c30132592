/** When an address counts for finding a person: with a trusted provider, over its own addresses, in one spelling. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { User } from "../auth.ts";
import { createOAuth, oidc, type SignInFrom } from "../create-oauth.ts";
import { byVerifiedEmail, googleAccounts, type Linking } from "../linking.ts";
import { microsoft } from "../providers/microsoft.ts";
import { Browser } from "./hostile-issuer.test.ts";
import { recordingLog, secret } from "./test-app.test.ts";
import { becomes, signIn, startTwo } from "./two-issuers.test.ts";
import { verifiedEmail } from "./verified-email.ts";

const from = { provider: "acme", issuer: "https://id.example" };
const user = (email: unknown, email_verified: unknown = true, claims = {}) =>
  ({ sub: "1", email, email_verified, claims }) as User;
const policy = byVerifiedEmail({
  trust: { acme: ["Example.com", "sub.example.org"], all: "any", asked: ({ email }, issuer) => email === issuer },
});

test("only the policy lets an address count, and only a verified one of a trusted provider's domains (Core §5.7, AL-03)", () => {
  const cases: [Linking, User, string, string | undefined][] = [
    [policy, user("Alice@EXAMPLE.com"), "acme", "alice@example.com"],
    [policy, user("alice@sub.example.org"), "acme", "alice@sub.example.org"],
    [policy, user("alice@other.example.com"), "acme", undefined],
    [policy, user("alice@example.com.evil.test"), "acme", undefined],
    [policy, user("alice@evilexample.com"), "acme", undefined],
    [policy, user("alice@example.com", false), "acme", undefined],
    [policy, user("alice@anywhere.test"), "all", "alice@anywhere.test"],
    [policy, user("alice@example.com"), "stranger", undefined],
    [policy, user("alice@example.com"), "constructor", undefined],
    ["signed-in", user("alice@example.com"), "acme", undefined],
  ];
  for (const [linking, who, provider, expected] of cases) {
    assert.equal(verifiedEmail(linking, who, { ...from, provider }), expected, `${who.email} by ${provider}`);
  }
  for (const word of ["true", 1, null, {}])
    assert.equal(verifiedEmail(policy, user("a@example.com", word), from), undefined);
  const none: User = { sub: "1", email: "alice@example.com", claims: { email_verified: true } };
  assert.equal(verifiedEmail(policy, none, from), undefined);
});

test("a function decides with what the provider said and by whom; anything but true is no", () => {
  const issuer = "alice@asked.example";
  assert.equal(verifiedEmail(policy, user(issuer), { provider: "asked", issuer }), issuer);
  assert.equal(verifiedEmail(policy, user(issuer), { provider: "asked", issuer: "other" }), undefined);
  const lenient = byVerifiedEmail({ trust: { acme: (() => "yes") as unknown as () => boolean } });
  assert.equal(verifiedEmail(lenient, user("alice@example.com"), from), undefined);
});

test("spellings that look alike or fold into one another do not count (SE-33)", () => {
  const strange = [
    "alice@examp\u2113e.com",
    "al\u0131ce@example.com",
    "\u212Aate@example.com",
    "а\u006cice@example.com",
    "alice @example.com",
    " alice@example.com",
    "alice@example.com ",
    "alice@example.com\n",
    '"alice"@example.com',
    "alice@evil.test@example.com",
    "alice@example.com.",
    "alice@.example.com",
    "@example.com",
    "alice@",
    "alice",
    "",
    `${"a".repeat(65)}@example.com`,
    undefined,
    7,
  ];
  const any = byVerifiedEmail({ trust: { acme: "any" } });
  for (const email of strange) assert.equal(verifiedEmail(any, user(email), from), undefined, JSON.stringify(email));
});

test("Google has the last word on its own addresses and on those of a Workspace domain", () => {
  const trusted: [string, object, boolean][] = [
    ["a@gmail.com", {}, true],
    ["a@googlemail.com", {}, true],
    ["a@example.com", { hd: "example.com" }, true],
    ["a@example.com", {}, false],
    ["a@example.com", { hd: "other.com" }, false],
    ["a@gmail.com.evil.test", {}, false],
  ];
  for (const [email, claims, expected] of trusted)
    assert.equal(googleAccounts(user(email, true, claims)), expected, email);
});

test("a policy that names nobody, or tenants that claim what they like, is refused at once", () => {
  const { log } = recordingLog();
  const acme = oidc("acme", { issuer: "https://id.example", client_id: "a", client_secret: "s" });
  const tenants = microsoft({ client_id: "a", client_secret: "s" });
  const create = (linking: unknown) =>
    createOAuth({ providers: [acme, tenants], secret, log, linking: linking as Linking });
  for (const linking of [
    "email",
    true,
    {},
    byVerifiedEmail({ trust: { google: "any" } }),
    byVerifiedEmail({ trust: { microsoft: "any" } }),
    byVerifiedEmail({ trust: { microsoft: ["example.com"] } }),
    byVerifiedEmail({ trust: { acme: ["@example.com"] } }),
    byVerifiedEmail({ trust: { acme: "example.com" as "any" } }),
  ]) {
    assert.throws(
      () => create(linking),
      { code: "configuration_invalid", message: /linking/ },
      JSON.stringify(linking),
    );
  }
  create(
    byVerifiedEmail({
      trust: { acme: ["example.com"], microsoft: (_, issuer) => issuer.endsWith("/our-tenant/v2.0") },
    }),
  );
});

test("onSignIn gets the address under the policy, and an application finds the person by it", async () => {
  const seen: SignInFrom[] = [];
  const persons = new Map<string, string>();
  await using two = await startTwo({
    linking: byVerifiedEmail({ trust: { acme: ["example.test"] } }),
    onSignIn: (who, _tokens, at) => {
      seen.push(at);
      const key = `${at.issuer} ${who.sub}`;
      const person = persons.get(key) ?? persons.get(at.verifiedEmail ?? "") ?? `person ${seen.length}`;
      persons.set(key, person);
      if (at.verifiedEmail !== undefined) persons.set(at.verifiedEmail, person);
      return { person };
    },
    act: async (auth) => auth.person,
  });
  const { app, acme, forge } = two;
  const personOf = async (name: "acme" | "forge") => {
    const browser = new Browser();
    await signIn(browser, app, name);
    return (await browser.get(`${app.url}/act`)).json();
  };
  // First somebody at a provider that is not trusted claims the address, and then its owner comes.
  assert.equal(await personOf("forge"), "person 1");
  assert.equal(await personOf("acme"), "person 2", "nobody lies in wait under somebody else's address");
  becomes(acme, "alice-2");
  assert.equal(await personOf("acme"), "person 2");
  becomes(forge, "mallory");
  assert.equal(await personOf("forge"), "person 4");
  assert.deepEqual(
    seen.map(({ verifiedEmail: email }) => email),
    [undefined, "alice@example.test", "alice@example.test", undefined],
  );
});
