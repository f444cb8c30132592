import assert from "node:assert/strict";
import { test } from "node:test";
import { authorizeUrl, password, redeem, startSite, type TestSite } from "../../site.test.ts";
import { type Visited, type Visitor, visit } from "../../visit.test.ts";
import { deviceWords } from "./device-words.ts";

async function signedIn(site: TestSite, word = password): Promise<Visitor> {
  const browser = visit(site.server);
  const page = await browser.send(
    await browser.go("/login"),
    { username: "alice@example.com", password: word },
    "submit",
  );
  assert.equal(new URL(page.url).pathname, "/account");
  return browser;
}

const pathOf = (page: Visited): string => new URL(page.url).pathname;

test("account pages are for whoever is signed in; others are sent to sign in, and their forms do nothing", async () => {
  await using site = await startSite();
  const stranger = visit(site.server);
  for (const path of ["/account", "/account/password", "/account/sessions", "/account/apps"]) {
    assert.equal(pathOf(await stranger.go(path)), "/login");
    if (path === "/account") continue;
    assert.equal(pathOf(await stranger.post(path, "client_id=photos")), "/login");
  }
  const browser = await signedIn(site);
  await site.directory.setDisabled(site.alice, true);
  assert.equal(pathOf(await browser.go("/account")), "/login", "a disabled person is out at once");
});

test("the name can be changed, what is wrong with it is said beside it", async () => {
  await using site = await startSite();
  const browser = await signedIn(site);
  const account = await browser.go("/account");
  const saved = await browser.send(account, { name: "Alice <3" }, "save");
  assert.match(saved.html, /role="status"[^>]*>Your name is saved/);
  assert.equal((await site.directory.person(site.alice))?.name, "Alice <3");
  const refused = await browser.send(account, { name: "x".repeat(5000) }, "save");
  assert.equal(refused.status, 422);
  assert.match(refused.html, /aria-invalid="true"/);
});

test("a password change needs the current one, ends all other sessions and every grant, and keeps this one (P10, ASVS 6.2.3)", async () => {
  await using site = await startSite();
  const other = await signedIn(site);
  const scope = "openid profile offline_access";
  const browser = await signedIn(site);
  const before = browser.cookies.get("vk_session");
  // One that outlives sessions, from elsewhere, and one that is bound to the session which stays.
  for (const [from, scopes] of [
    [other, scope],
    [browser, "openid profile"],
  ] as const) {
    const consent = await from.go(authorizeUrl({ scope: scopes, prompt: "consent" }));
    const tokens = await redeem(site.server, (await from.send(consent, {}, "allow")).location);
    assert.ok(tokens.refresh_token);
  }
  assert.equal((await site.store.list("grant", { subject: site.alice })).length, 2);
  const page = await browser.go("/account/password");
  const wrong = await browser.send(page, { current: "wrong", password: "a better phrase" }, "submit");
  assert.equal(wrong.status, 422);
  assert.match(wrong.html, /id="current-error"/);
  const weak = await browser.send(page, { current: password, password: "password" }, "submit");
  assert.match(weak.html, /id="password-error"/);
  assert.equal(pathOf(await other.go("/account")), "/account", "nothing has happened so far");
  const done = await browser.send(page, { current: password, password: "a better phrase" }, "submit");
  assert.match(done.html, /Your password is changed/);
  assert.equal(pathOf(await other.go("/account")), "/login");
  assert.equal(pathOf(await browser.go("/account")), "/account");
  assert.notEqual(browser.cookies.get("vk_session"), before, "a fresh session");
  assert.deepEqual(await site.store.list("grant", { subject: site.alice }), []);
  await signedIn(site, "a better phrase");
});

test("guessing the current password is as slow as at sign-in, and does not stop its owner from signing in (SE-32)", async () => {
  await using site = await startSite();
  const browser = await signedIn(site);
  const page = await browser.go("/account/password");
  let last = page;
  for (let n = 0; n < 11; n++) {
    last = await browser.send(page, { current: `wrong ${n}`, password: "a better phrase" }, "submit");
  }
  assert.deepEqual([last.status, last.headers.get("retry-after")], [429, "900"]);
  await signedIn(site);
});

test("sessions are listed with this one marked; one other or all others can be ended, never another person's (ASVS 7.5.2)", async () => {
  await using site = await startSite();
  const others = [await signedIn(site), await signedIn(site), await signedIn(site)];
  const browser = await signedIn(site);
  const page = await browser.go("/account/sessions");
  assert.equal(page.html.match(/This device/g)?.length, 1);
  const sids = [...page.html.matchAll(/name="sid" value="([^"]+)"/g)].map(([, sid = ""]) => sid);
  assert.equal(sids.length, 3);
  const one = await browser.send(page, { sid: sids[0] ?? "" });
  assert.match(one.html, /That session has ended/);
  const alive = await Promise.all(others.map(async (other) => pathOf(await other.go("/account"))));
  assert.deepEqual(alive.sort(), ["/account", "/account", "/login"]);

  await site.directory.create({ email: "bob@example.com", name: "Bob", password });
  const bob = visit(site.server);
  await bob.send(await bob.go("/login"), { username: "bob@example.com", password }, "submit");
  const bobs = await bob.go("/account");
  const csrf = /name="csrf" value="([^"]*)"/.exec(bobs.html)?.[1] ?? "";
  await bob.post("/account/sessions", new URLSearchParams({ csrf, sid: sids[1] ?? "" }).toString());
  await browser.send(await browser.go("/account/sessions"), {}, "end-others");
  for (const other of others) assert.equal(pathOf(await other.go("/account")), "/login");
  assert.equal(pathOf(await browser.go("/account")), "/account");
  assert.equal(pathOf(await bob.go("/account")), "/account");
});

test("connected apps are listed with what was allowed; removing one asks again the next time (CN-04)", async () => {
  await using site = await startSite();
  const browser = await signedIn(site);
  const scope = "openid profile offline_access";
  await browser.send(await browser.go(authorizeUrl({ scope, prompt: "consent" })), {}, "allow");
  const page = await browser.go("/account/apps");
  assert.match(page.html, /Photo printer[\s\S]*Also when you are away[\s\S]*See your name and picture/);
  const removed = await browser.send(page, { client_id: "photos" });
  assert.match(removed.html, /has no access any more[\s\S]*There are none/);
  assert.equal(pathOf(await browser.go(authorizeUrl({ scope: "openid profile" }))), "/consent");
});

test("signing out needs our form, and ends the session", async () => {
  await using site = await startSite();
  const browser = await signedIn(site);
  assert.equal((await browser.post("/account/sign-out", "")).status, 403);
  assert.equal(pathOf(await browser.go("/account")), "/account");
  const done = await browser.send(await browser.go("/account"), {}, "sign-out");
  assert.match(done.html, /You are signed out/);
  assert.equal(pathOf(await browser.go("/account")), "/login");
});

test("an app's request to sign out asks first; staying keeps the session, confirming leads back to the app with state", async () => {
  await using site = await startSite();
  const browser = await signedIn(site);
  const url = `/end-session?${new URLSearchParams({
    client_id: "photos",
    post_logout_redirect_uri: "https://photos.example/bye",
    state: `"><script>`,
  })}`;
  const question = await browser.go(url);
  assert.match(question.html, /Photo printer[\s\S]*id="confirm"/);
  assert.equal(pathOf(await browser.send(question, {}, "stay")), "/account");
  const { location = "" } = await browser.send(await browser.go(url), {}, "confirm");
  assert.equal(location, "https://photos.example/bye?state=%22%3E%3Cscript%3E");
  assert.equal(pathOf(await browser.go("/account")), "/login");
  assert.match((await browser.go("/logout")).html, /You are signed out/);
});

test("a device is named well enough to recognise it", () => {
  const firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";
  const safari =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Mobile/15E148 Safari/604.1";
  assert.equal(deviceWords(firefox), "Firefox on Windows");
  assert.equal(deviceWords(safari), "Safari on iPhone");
  assert.equal(deviceWords("curl/8"), "A browser");
  assert.equal(deviceWords(undefined), "A browser");
});
