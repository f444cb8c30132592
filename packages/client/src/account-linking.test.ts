/**
 * Several accounts of one person: who may add one, and what a stranger cannot.
 *
 * OpenID Connect Core §5.7, RFC 9700 §4.7; the rows AL of the attack catalogue.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOAuth, oidc, type SignInHook } from "./create-oauth.ts";
import { Browser } from "./lib/hostile-issuer.test.ts";
import { recordingLog, secret, type TestApp } from "./lib/test-app.test.ts";
import {
  acted,
  becomes,
  codeOf,
  kinds,
  link,
  logout,
  look,
  people,
  pressLink,
  type Seen,
  signIn,
  startTwo,
  statusOf,
} from "./lib/two-issuers.test.ts";

test("an account is added to whoever is signed in and asks for it, and its API is called with its own tokens", async () => {
  const { onSignIn, seen } = people();
  await using two = await startTwo({ onSignIn, act: look });
  const { app, acme, forge } = two;
  becomes(forge, "alice-at-forge");
  const browser = new Browser();
  await signIn(browser, app, "acme");
  const former = browser.cookies.get("vk_app") ?? "";
  assert.equal((await link(browser, app, "forge")).url, `${app.url}/me`);

  const { accounts, answers, ...who } = await acted<Seen>(browser, app);
  assert.deepEqual(who, { sub: "alice", provider: "acme", person: "person 1" });
  assert.deepEqual(
    accounts.map(({ provider, issuer, sub }) => [provider, issuer, sub]),
    [
      ["acme", acme.url, "alice"],
      ["forge", forge.url, "alice-at-forge"],
    ],
  );
  assert.deepEqual(answers, [200, 200]);
  for (const issuer of [acme, forge]) {
    assert.equal(issuer.calls.length, 1);
    assert.ok(issuer.live.has(issuer.calls[0]?.replace("Bearer ", "") ?? ""), "each token went to its own API");
  }
  assert.equal(seen[0]?.previous, undefined);
  assert.equal(seen[0]?.intent, "sign-in");
  assert.equal(seen[1]?.intent, "link");
  assert.deepEqual(
    [seen[1]?.previous?.user.sub, seen[1]?.previous?.person, seen[1]?.previous?.issuer],
    ["alice", "person 1", acme.url],
  );
  const thief = new Browser();
  thief.cookies.set("vk_app", former);
  assert.equal(await statusOf(thief, app), 303, "a handle from before is worth nothing");
});

test("an ordinary sign-in adds nothing: it is another person, who is told who was there (AL-08)", async () => {
  const { onSignIn, seen, owners } = people();
  await using two = await startTwo({ onSignIn, act: look });
  const { app, acme } = two;
  becomes(two.forge, "alice-at-forge");
  const browser = new Browser();
  await signIn(browser, app, "acme");
  // A link that somebody sends, or an image, can do as much.
  for (const query of ["?link=true", "?link=1&returnTo=/me"])
    await browser.follow(`${app.url}/auth/login/forge${query}`);
  const { person, provider, accounts } = await acted<Seen>(browser, app);
  assert.deepEqual([person, provider, accounts.length], ["person 2", "forge", 1]);
  assert.deepEqual([seen[1]?.intent, seen[1]?.previous?.person], ["sign-in", "person 1"]);
  assert.equal(new Set(owners.values()).size, 2);
  assert.equal(acme.revoked.length, 1, "the tokens of whoever was there before are revoked");
});

test("only a form on the application's own pages can ask, and only while somebody is signed in (AL-08)", async () => {
  const { onSignIn, owners } = people();
  await using two = await startTwo({ onSignIn });
  const { app } = two;
  const browser = new Browser();
  const nobody = await pressLink(browser, app, "forge");
  assert.deepEqual([nobody.status, await codeOf(nobody)], [409, "link_refused"]);
  await signIn(browser, app, "acme");
  for (const headers of [
    { "Sec-Fetch-Site": "cross-site", Origin: app.url },
    { "Sec-Fetch-Site": "same-site" },
    { Origin: "https://evil.example" },
    {},
  ] as Record<string, string>[]) {
    const refused = await pressLink(browser, app, "forge", headers);
    assert.deepEqual([refused.status, await codeOf(refused)], [403, "foreign_origin"], JSON.stringify(headers));
  }
  assert.equal(owners.size, 1);
});

test("an account is added to the very session that asked, once, or to none (AL-08)", async () => {
  const { onSignIn, owners } = people();
  await using two = await startTwo({ onSignIn, act: look });
  const { app, acme, forge } = two;
  const start = async (browser: Browser) => {
    const left = await pressLink(browser, app, "forge");
    return (await browser.get(left.headers.get("location") ?? "")).headers.get("location") ?? "";
  };
  // Signed out while away, and signed in as somebody else while away.
  for (const meanwhile of ["out", "in"] as const) {
    const browser = new Browser();
    becomes(acme, "alice");
    await signIn(browser, app, "acme");
    const back = await start(browser);
    if (meanwhile === "out") await logout(browser, app);
    becomes(acme, "bob");
    if (meanwhile === "in") await signIn(browser, app, "acme");
    const page = await browser.get(back);
    assert.equal(page.status, 409);
    const html = await page.text();
    assert.match(html, /<h1>The account was not added<\/h1>[\s\S]*link_refused/);
    assert.doesNotMatch(html, /auth\/login/, "signing in would be something else");
    assert.deepEqual(
      [...owners.keys()].filter((key) => key.startsWith(forge.url)),
      [],
    );
  }
  becomes(acme, "alice");
  const browser = new Browser();
  await signIn(browser, app, "acme");
  const back = await start(browser);
  const copy = new Map([...browser.cookies].filter(([name]) => name.startsWith("vk_tx_")));
  const stolen = await new Browser().get(back);
  assert.equal(stolen.status, 400, "only the browser that left can come back");
  assert.equal((await browser.get(back)).status, 303);
  for (const [name, value] of copy) browser.cookies.set(name, value);
  const [once, held] = [forge.tokenRequests.length, browser.cookies.get("vk_app")];
  assert.equal((await browser.get(back)).status, 303, "on to the page that was wanted");
  assert.deepEqual([forge.tokenRequests.length, browser.cookies.get("vk_app")], [once, held], "and nothing else");
});

test("an account whose answer is posted is added without the session's cookie, which comes from no other site", async () => {
  await using two = await startTwo({ forgeWith: { response_mode: "form_post" }, act: look });
  const { app } = two;
  for (const signedOut of [false, true]) {
    const browser = new Browser();
    await signIn(browser, app, "acme");
    const left = await pressLink(browser, app, "forge");
    const back = new URL(
      (await fetch(left.headers.get("location") ?? "", { redirect: "manual" })).headers.get("location") ?? "",
    );
    if (signedOut) await logout(browser, app);
    browser.cookies.delete("vk_app");
    const answer = await browser.get(back.origin + back.pathname, { method: "POST", body: back.searchParams });
    assert.equal(answer.status, signedOut ? 409 : 303);
    if (!signedOut) assert.equal((await acted<Seen>(browser, app)).accounts.length, 2);
  }
});

test("an account of somebody else is refused with 409, whoever of two comes first (AL-13)", async () => {
  const { onSignIn, owners } = people();
  await using two = await startTwo({ onSignIn, act: look });
  const { app, acme, forge } = two;
  const [alice, bob] = [new Browser(), new Browser()];
  await signIn(alice, app, "acme");
  becomes(acme, "bob");
  await signIn(bob, app, "acme");
  becomes(forge, "shared");
  const back = async (browser: Browser) => {
    const left = await pressLink(browser, app, "forge");
    return (await browser.get(left.headers.get("location") ?? "")).headers.get("location") ?? "";
  };
  const [one, other] = [await back(alice), await back(bob)];
  const pages = await Promise.all([alice.get(one), bob.get(other)]);
  assert.deepEqual(pages.map(({ status }) => status).sort(), [303, 409]);
  const refused = pages[0]?.status === 409 ? alice : bob;
  assert.equal((await acted<Seen>(refused, app)).accounts.length, 1, "who was refused stays as they were");
  assert.equal([...owners.keys()].length, 3);
});

test("who the application says somebody else is, is not added either (AL-13)", async () => {
  // This one forgets to look who asks.
  const onSignIn: SignInHook = (user, _tokens, { provider }) => ({ person: `${provider} ${user.sub}` });
  await using two = await startTwo({ onSignIn, act: look });
  const browser = new Browser();
  await signIn(browser, two.app, "acme");
  const page = await link(browser, two.app, "forge");
  assert.deepEqual([page.status, await codeOf(page)], [409, "account_taken"]);
  const { person, accounts } = await acted<Seen>(browser, two.app);
  assert.deepEqual([person, accounts.length], ["acme alice", 1]);
});

test("an account is issuer and subject: neither the address nor the same subject elsewhere is the person (AL-03)", async () => {
  const { onSignIn, owners } = people();
  await using two = await startTwo({ onSignIn, act: look });
  const { app, acme, forge } = two;
  const alice = new Browser();
  await signIn(alice, app, "acme");
  // The same subject and the same verified address, at another issuer.
  becomes(forge, "alice", { email: "alice@example.test", email_verified: true });
  const mallory = new Browser();
  await signIn(mallory, app, "forge");
  assert.equal((await acted<Seen>(mallory, app)).person, "person 2");
  // Another account that takes on the victim's address and name.
  becomes(acme, "mallory", { email: "alice@example.test", email_verified: true, name: "Alice" });
  await signIn(mallory, app, "acme");
  assert.equal((await acted<Seen>(mallory, app)).person, "person 3");
  // The victim's own account with another address is still the victim's.
  becomes(acme, "alice", { email: "new@example.test" });
  await signIn(alice, app, "acme");
  assert.equal((await acted<Seen>(alice, app)).person, "person 1");
  assert.equal(owners.size, 3);
});

test("a provider or a person that was disabled while somebody was away lets nobody in (AL-07)", async () => {
  let disabled = false;
  await using two = await startTwo({
    onSignIn: () => {
      if (disabled) throw new Error("this person is locked");
    },
    act: look,
  });
  const { app } = two;
  const browser = new Browser();
  const left = await browser.get(`${app.url}/auth/login/acme`);
  const back = (await browser.get(left.headers.get("location") ?? "")).headers.get("location") ?? "";
  // The same application, without this provider.
  const { forge } = two;
  const { log } = recordingLog();
  const only = oidc("forge", { issuer: forge.url, client_id: "app", client_secret: "s" });
  const oauth = createOAuth({ providers: [only], secret, store: app.store, log });
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  assert.equal((await oauth.handle(new Request(back, { headers: { cookie } })))?.status, 404);
  disabled = true;
  const refused = await browser.get(back);
  assert.equal(await codeOf(refused), "sign_in_refused");
  assert.equal(browser.cookies.has("vk_app"), false);
  disabled = false;
  await signIn(browser, app, "acme");
  disabled = true;
  assert.equal((await link(browser, app, "forge")).status, 500);
  assert.equal((await acted<Seen>(browser, app)).accounts.length, 1);
});

test("what an issuer claims about rights is a claim and nothing else (AL-10)", async () => {
  await using two = await startTwo({ act: async (auth) => auth });
  becomes(two.acme, "alice", { roles: ["admin"], is_admin: true, person: "root", email_verified: "true" });
  const browser = new Browser();
  await signIn(browser, two.app, "acme");
  const auth = await acted<Record<string, unknown> & { user: Record<string, unknown> }>(browser, two.app);
  assert.deepEqual(Object.keys(auth).sort(), ["issuer", "provider", "user"]);
  assert.deepEqual(
    Object.keys(auth.user).sort(),
    ["claims", "email", "email_verified", "name", "sub"],
    "roles are in claims",
  );
});

test("tokens of all accounts stay on the server (AL-14)", async () => {
  await using two = await startTwo({ act: look });
  const { app, acme, forge } = two;
  const browser = new Browser();
  await signIn(browser, app, "acme");
  await link(browser, app, "forge");
  const shown = JSON.stringify([await acted(browser, app), [...browser.cookies], browser.received, app.lines]);
  const kept = JSON.stringify(await Promise.all(kinds.map((kind) => app.store.list(kind, {}))));
  for (const token of [...acme.live.keys(), ...forge.live.keys()]) {
    assert.ok(token.length > 10 && !shown.includes(token) && !kept.includes(token));
  }
});

test("what the application answers must be usable as a name, or nobody is let in", async () => {
  for (const person of ["", " ", "undefined", 7, null, "x".repeat(256)]) {
    await using two = await startTwo({ onSignIn: () => ({ person }) as { person: string } });
    const browser = new Browser();
    assert.equal(await codeOf(await signIn(browser, two.app, "acme")), "sign_in_refused", String(person));
    assert.equal(browser.cookies.has("vk_app"), false);
  }
});

/** A browser that has come back from a provider in a tab of its own, before the application has seen it. */
async function tab(browser: Browser, app: TestApp, name: "acme" | "forge"): Promise<string> {
  const left = await pressLink(browser, app, name);
  return (await browser.get(left.headers.get("location") ?? "")).headers.get("location") ?? "";
}

/** The same cookies, and what comes of them apart: an answer that has not arrived yet. */
function sameBrowser(browser: Browser): Browser {
  const other = new Browser();
  for (const [name, value] of browser.cookies) other.cookies.set(name, value);
  return other;
}

test("a tab that comes back with the former handle, as another one was a moment faster, is sent once more and brings the new one", async () => {
  await using two = await startTwo({ act: look });
  const { app, acme, forge } = two;
  const browser = new Browser();
  await signIn(browser, app, "acme");
  becomes(forge, "alice-at-forge");
  const [first, second] = [await tab(browser, app, "forge"), await tab(browser, app, "acme")];
  const early = sameBrowser(browser);
  assert.equal((await browser.get(first)).headers.get("location"), "/me");
  // Sent before the first answer was there.
  const anew = await early.get(second);
  assert.equal(anew.status, 303);
  const again = anew.headers.get("location") ?? "";
  assert.match(again, /^\/auth\/callback\/acme\?.*once_more=1$/);
  assert.deepEqual(anew.headers.getSetCookie(), []);
  const spent = acme.tokenRequests.length;
  // Whoever has nothing but the former handle gets nothing for it, and is not sent round.
  assert.equal(await codeOf(await sameBrowser(early).get(app.url + again)), "link_refused");
  assert.equal(acme.tokenRequests.length, spent);
  assert.equal((await browser.get(app.url + again)).headers.get("location"), "/me");
  const { accounts } = await acted<Seen>(browser, app);
  assert.deepEqual(accounts.map(({ provider }) => provider).sort(), ["acme", "forge"]);
});

test("of two tabs that add accounts in the very same moment one gives a new handle: no order of the answers ends the session", async () => {
  const meeting = Promise.withResolvers<void>();
  let linking = 0;
  const onSignIn: SignInHook = async (_user, _tokens, { intent }) => {
    if (intent !== "link") return;
    linking += 1;
    if (linking === 2) meeting.resolve();
    await meeting.promise;
  };
  await using two = await startTwo({ act: look, onSignIn });
  const { app, forge } = two;
  const browser = new Browser();
  await signIn(browser, app, "acme");
  becomes(forge, "alice-at-forge");
  const former = browser.cookies.get("vk_app");
  const tabs = [await tab(browser, app, "forge"), await tab(browser, app, "acme")];
  const answers = await Promise.all(tabs.map((at) => sameBrowser(browser).get(at)));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [303, 303],
  );
  const given = answers.flatMap(({ headers }) => headers.getSetCookie()).filter((one) => one.startsWith("vk_app="));
  assert.equal(given.length, 1);
  browser.cookies.set("vk_app", /^vk_app=([^;]+)/.exec(given[0] ?? "")?.[1] ?? "");
  assert.notEqual(browser.cookies.get("vk_app"), former);
  const { accounts } = await acted<Seen>(browser, app);
  assert.deepEqual(accounts.map(({ provider }) => provider).sort(), ["acme", "forge"]);
});
