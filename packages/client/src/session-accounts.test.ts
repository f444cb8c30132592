/**
 * A session that holds several accounts: how one is renewed, replaced and taken away, and that all of them end together.
 *
 * Back-Channel Logout 1.0 §2.7, RFC 7009; rows AL-13 and LO-11 of the attack catalogue.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { signJwt } from "@valetkey/protocol/jose";
import { memoryStore } from "@valetkey/store/memory";
import type { Account } from "./auth.ts";
import { isClientError } from "./client-error.ts";
import { Browser, type HostileIssuer } from "./lib/hostile-issuer.test.ts";
import type { Act } from "./lib/test-app.test.ts";
import {
  acted,
  becomes,
  link,
  logout,
  look,
  people,
  type Seen,
  signIn,
  startTwo,
  statusOf,
  stored,
} from "./lib/two-issuers.test.ts";

test("an account is taken away with its tokens; the one the person signed in with is not (AL-13)", async () => {
  const codes: unknown[] = [];
  const act: Act = async (auth) => {
    const failing = (which: Parameters<typeof auth.unlink>[0]) =>
      auth.unlink(which).catch((e) => codes.push(isClientError(e) && e.code));
    await failing("acme");
    await failing({ issuer: auth.issuer, sub: auth.user.sub });
    await auth.unlink("forge");
    await failing("nowhere");
    await auth.fetch("forge", two.forge.url).catch((e) => codes.push(isClientError(e) && e.code));
    return auth.accounts();
  };
  const two = await startTwo({ act });
  await using _ = two;
  const { app, forge, acme } = two;
  const browser = new Browser();
  await signIn(browser, app, "acme");
  await link(browser, app, "forge");
  assert.deepEqual(await stored(app), [1, 1, 0, 2]);
  const left = await acted<Account[]>(browser, app);
  assert.deepEqual(
    left.map(({ provider }) => provider),
    ["acme"],
  );
  assert.deepEqual(codes, ["account_in_use", "account_in_use", "not_connected", "sign_in_again"]);
  assert.deepEqual([acme.revoked.length, forge.revoked.length], [0, 1]);
  assert.deepEqual(await stored(app), [1, 0, 0, 1]);
});

test("an account that is taken from a person goes out of all their sessions, and those it began end", async () => {
  const { onSignIn } = people();
  let which: { issuer: string; sub: string } | undefined;
  const act: Act = async (auth) => (which === undefined ? look(auth) : auth.unlink(which).then(() => "done"));
  await using two = await startTwo({ onSignIn, act });
  const { app, forge } = two;
  becomes(forge, "f");
  const [here, begun, added, stranger] = [new Browser(), new Browser(), new Browser(), new Browser()];
  await signIn(here, app, "acme");
  await link(here, app, "forge");
  await signIn(begun, app, "forge");
  await signIn(added, app, "acme");
  await link(added, app, "forge");
  becomes(forge, "g");
  await signIn(stranger, app, "forge");
  // From a browser where the account is not even there.
  becomes(forge, "f");
  const last = new Browser();
  await signIn(last, app, "acme");
  which = { issuer: forge.url, sub: "f" };
  await acted(last, app);
  which = undefined;
  assert.equal(await statusOf(begun, app), 303);
  for (const browser of [here, added]) {
    assert.deepEqual(
      (await acted<Seen>(browser, app)).accounts.map(({ provider }) => provider),
      ["acme"],
    );
  }
  assert.equal((await acted<Seen>(stranger, app)).accounts.length, 1);
});

test("signing out ends all accounts of a session and revokes all tokens; nothing stays in the store", async () => {
  const { onSignIn } = people();
  await using two = await startTwo({ onSignIn });
  const { app, acme, forge } = two;
  const browser = new Browser();
  await signIn(browser, app, "acme");
  await link(browser, app, "forge");
  assert.deepEqual(await stored(app), [1, 1, 1, 2]);
  const answer = await logout(browser, app, { provider: "true" });
  assert.ok(answer.headers.get("location")?.startsWith(`${acme.url}/end-session`), "at the issuer they signed in with");
  assert.deepEqual(await stored(app), [0, 0, 0, 0]);
  assert.deepEqual([acme.revoked.length, forge.revoked.length], [1, 1]);
});

test("signing out everywhere ends the sessions begun with any account of the person, and nobody else's (LO-11)", async () => {
  const { onSignIn } = people();
  await using two = await startTwo({ onSignIn });
  const { app, acme, forge } = two;
  becomes(forge, "f");
  const [here, byPerson, stranger] = [new Browser(), new Browser(), new Browser()];
  await signIn(here, app, "acme");
  await link(here, app, "forge");
  await signIn(byPerson, app, "forge");
  becomes(acme, "bob");
  await signIn(stranger, app, "acme");
  // Again with the first account alone: what leads to the other one is the person.
  becomes(acme, "alice");
  const again = new Browser();
  await signIn(again, app, "acme");
  await logout(again, app, { everywhere: "true" });
  assert.deepEqual(
    await Promise.all([here, byPerson, stranger].map((browser) => statusOf(browser, app))),
    [303, 303, 200],
  );
});

const later = (issuer: HostileIssuer, ms: number) => {
  const seconds = Math.floor((Date.now() + ms) / 1000);
  const { idToken } = issuer.mischief;
  issuer.mischief.idToken = (claims) => ({ ...(idToken?.(claims) ?? claims), iat: seconds, exp: seconds + 300 });
};

test("an added account whose permission has ended is renewed in its place; the others stay", async () => {
  let clock = 0;
  const now = () => Date.now() + clock;
  const act: Act = async (auth) => {
    try {
      return (await auth.fetch("forge", `${two.forge.url}/api`)).status;
    } catch (e) {
      const request = new Request(`${two.app.url}/page?a=1`, { headers: { accept: "text/html", cookie: cookie() } });
      return (await two.app.oauth.recover(request, e))?.headers.get("location");
    }
  };
  const browser = new Browser();
  const cookie = () => `vk_app=${browser.cookies.get("vk_app")}`;
  const { onSignIn, seen } = people();
  const two = await startTwo({ act, now, onSignIn, store: memoryStore({ now }) });
  await using _ = two;
  const { app, forge, acme } = two;
  await signIn(browser, app, "acme");
  await link(browser, app, "forge");
  forge.mischief.token = (good, form) =>
    form.get("grant_type") === "refresh_token" ? { error: "invalid_grant" } : good;
  clock = 7200_000;
  for (const issuer of [acme, forge]) later(issuer, clock);
  assert.equal(await acted(browser, app), "/auth/login/forge?returnTo=%2Fpage%3Fa%3D1");
  await signIn(browser, app, "forge");
  assert.equal(seen.at(-1)?.intent, "sign-in");
  assert.equal(await acted(browser, app), 200);
  const me = (await (await browser.get(`${app.url}/me`)).json()) as { sub: string };
  assert.equal(me.sub, "alice", "still signed in with the first account");
  assert.deepEqual(await stored(app), [1, 1, 1, 2]);
  // The first one is renewed in the same way.
  await signIn(browser, app, "acme");
  assert.equal(await acted(browser, app), 200);
  assert.deepEqual(await stored(app), [1, 1, 1, 2]);
  assert.equal(acme.revoked.length + forge.revoked.length, 0);
});

test("another account at a provider that is there already takes its place, and shares no token with it", async () => {
  const { onSignIn } = people();
  await using two = await startTwo({ onSignIn, act: look });
  const { app, forge } = two;
  const browser = new Browser();
  await signIn(browser, app, "acme");
  becomes(forge, "f");
  await link(browser, app, "forge");
  const before = new Set(forge.live.keys());
  becomes(forge, "g");
  await link(browser, app, "forge");
  const { accounts, person } = await acted<Seen>(browser, app);
  assert.equal(person, "person 1");
  assert.deepEqual(
    accounts.map(({ sub }) => sub),
    ["alice", "g"],
  );
  assert.ok(!before.has(forge.calls.at(-1)?.replace("Bearer ", "") ?? ""));
  assert.equal(forge.revoked.length, 1);
  assert.deepEqual(await stored(app), [1, 1, 1, 2]);
});

test("a logout token takes out the account it is about; the session ends with the account it was begun with", async () => {
  const { onSignIn } = people();
  await using two = await startTwo({ onSignIn, act: look });
  const { app, forge, acme } = two;
  const send = async (issuer: HostileIssuer, name: string, claims: object) => {
    const { kid, privateJwk } = issuer.key;
    const iat = Math.floor(Date.now() / 1000);
    const events = { "http://schemas.openid.net/event/backchannel-logout": {} };
    const all = { iss: issuer.url, aud: "app", iat, exp: iat + 120, jti: crypto.randomUUID(), events, ...claims };
    const logout_token = await signJwt(all, { key: privateJwk, alg: "ES256", kid, typ: "logout+jwt" });
    const body = new URLSearchParams({ logout_token });
    return (await fetch(`${app.url}/auth/backchannel-logout/${name}`, { method: "POST", body })).status;
  };
  becomes(acme, "alice", { sid: "s1" });
  becomes(forge, "f", { sid: "s2" });
  const browser = new Browser();
  await signIn(browser, app, "acme");
  await link(browser, app, "forge");
  assert.equal(await send(forge, "forge", { sid: "s2" }), 200);
  assert.deepEqual(
    (await acted<Seen>(browser, app)).accounts.map(({ provider }) => provider),
    ["acme"],
  );
  await link(browser, app, "forge");
  assert.equal(await send(acme, "acme", { sid: "s1" }), 200);
  assert.equal(await statusOf(browser, app), 303);
  assert.deepEqual(await stored(app), [0, 0, 0, 0]);
});

test("a fresh proof is that of the account the person signed in with, and asking for it keeps the others (Core §3.1.2.1)", async () => {
  await using two = await startTwo({ act: look });
  const { app, acme, forge } = two;
  const now = () => Math.floor(Date.now() / 1000);
  becomes(acme, "alice", { auth_time: now() - 3600 });
  becomes(forge, "f", { auth_time: now() });
  const browser = new Browser();
  await signIn(browser, app, "acme");
  await link(browser, app, "forge");
  const sent = await browser.get(`${app.url}/recent`);
  assert.equal(sent.headers.get("location"), "/auth/login/acme?returnTo=%2Frecent&max_age=60");
  becomes(acme, "alice", { auth_time: now() });
  assert.equal((await browser.follow(`${app.url}/recent`)).status, 200);
  const { accounts, provider } = await acted<Seen>(browser, app);
  assert.deepEqual([provider, accounts.length], ["acme", 2]);
});

test("more scopes are asked of an added account in the same way; the others stay", async () => {
  const act: Act = async (auth) => ({
    to: (await auth.needScope("forge", "calendar", { returnTo: "/me" }))?.headers.get("location"),
    scopes: (await auth.accounts()).map(({ scope }) => scope.includes("calendar")),
  });
  await using two = await startTwo({ act });
  const { app } = two;
  const browser = new Browser();
  await signIn(browser, app, "acme");
  await link(browser, app, "forge");
  const { to = "" } = await acted<{ to?: string }>(browser, app);
  assert.match(to, /^\/auth\/login\/forge\?returnTo=%2Fme&ask=/);
  await browser.follow(app.url + to);
  assert.deepEqual(await acted(browser, app), { scopes: [false, true] });
});

test("a session ends at its time: neither use nor another account puts that off (SE-24)", async () => {
  let clock = 0;
  const now = () => Date.now() + clock;
  await using two = await startTwo({ act: look, now, store: memoryStore({ now }), sessionLifetime: "1h" });
  const { app, acme, forge } = two;
  const browser = new Browser();
  await signIn(browser, app, "acme");
  assert.match(browser.received.find((line) => line.startsWith("vk_app=")) ?? "", /Max-Age=3600/);
  clock = 3000_000;
  for (const issuer of [acme, forge]) later(issuer, clock);
  browser.received.length = 0;
  await link(browser, app, "forge");
  const left = /Max-Age=(\d+)/.exec(browser.received.find((line) => line.startsWith("vk_app=")) ?? "")?.[1];
  assert.ok(Number(left) > 500 && Number(left) <= 600, `the cookie lasts for ${left} s`);
  assert.equal((await acted<Seen>(browser, app)).accounts.length, 2);
  clock = 3601_000;
  assert.equal(await statusOf(browser, app), 303);
  assert.deepEqual(await stored(app), [0, 0, 0, 0]);
});

test("whoever is another person by now takes none of the former one's accounts along", async () => {
  let person = "one";
  await using two = await startTwo({ onSignIn: () => ({ person }), act: look });
  const { app, forge } = two;
  const browser = new Browser();
  await signIn(browser, app, "acme");
  await link(browser, app, "forge");
  person = "two";
  await signIn(browser, app, "acme");
  const seen = await acted<Seen>(browser, app);
  assert.deepEqual([seen.person, seen.accounts.length], ["two", 1]);
  assert.equal(forge.revoked.length, 1);
});

test("a session that was begun before anybody said who it is learns that with the next account", async () => {
  let answer: { person?: string } = {};
  await using two = await startTwo({ onSignIn: () => answer, act: look });
  const { app, acme } = two;
  const [browser, other] = [new Browser(), new Browser()];
  await signIn(browser, app, "acme");
  answer = { person: "one" };
  await link(browser, app, "forge");
  assert.equal((await acted<Seen>(browser, app)).person, "one");
  becomes(acme, "another account of the same person");
  await signIn(other, app, "acme");
  await logout(other, app, { everywhere: "true" });
  assert.equal(await statusOf(browser, app), 303);
});
