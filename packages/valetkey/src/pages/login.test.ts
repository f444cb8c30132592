import assert from "node:assert/strict";
import { test } from "node:test";
import { authorizeUrl, password, startSite } from "../site.test.ts";
import { type Visited, visit } from "../visit.test.ts";

const right = { username: "alice@example.com", password };
const alertIn = (page: Visited): string => /role="alert"[^>]*>([\s\S]*?)<\/div>/.exec(page.html)?.[1] ?? "";

test("the ids that scripts rely on are there: #title #username #password #remember #submit (name=action, value=login)", async () => {
  await using site = await startSite();
  const { html } = await visit(site.server).go("/login");
  assert.match(html, /<h1 id="title">Sign in<\/h1>/);
  assert.match(html, /<input id="username" name="username"[^>]*autocomplete="username"/);
  assert.match(html, /<input id="password" name="password" type="password" autocomplete="current-password"/);
  assert.match(html, /<input type="checkbox" id="remember" name="remember"/);
  assert.match(html, /<button id="submit"[^>]*name="action" value="login"/);
  assert.match(html, /<html lang="en" dir="ltr">/);
  assert.equal(html.match(/<h1/g)?.length, 1);
});

test("unknown, wrong, disabled and invited answer alike: status, headers, body (ASVS 6.3.8)", async () => {
  await using site = await startSite();
  const bob = await site.directory.create({ email: "bob@example.com", name: "Bob", password });
  await site.directory.setDisabled(bob.subject, true);
  await site.directory.create({ email: "carol@example.com", name: "Carol" });
  const tries = [
    { username: "nobody@example.com", password },
    { username: "alice@example.com", password: "wrong" },
    { username: "bob@example.com", password },
    { username: "carol@example.com", password },
  ];
  const answers = await Promise.all(
    tries.map(async (fields) => {
      const browser = visit(site.server);
      const page = await browser.send(await browser.go("/login"), fields, "submit");
      const body = page.html.replaceAll(fields.username, "NAME").replace(/name="csrf" value="[^"]*"/, "");
      // The name of a cookie ends at random.
      const cookies = [...browser.cookies.keys()].map((name) => name.replace(/_[\w-]{8}$/, ""));
      return JSON.stringify([page.status, [...page.headers], cookies, body]);
    }),
  );
  assert.equal(new Set(answers).size, 1);
  assert.match(answers[0] ?? "", /^\[422/);
});

test("after ten wrong passwords the eleventh waits with 429 and says when, the right one too; from elsewhere it signs in", async () => {
  await using site = await startSite();
  const browser = visit(site.server, "192.0.2.1");
  let page = await browser.go("/login");
  for (let n = 0; n < 10; n++) page = await browser.send(page, { ...right, password: `wrong ${n}` }, "submit");
  assert.equal(page.status, 422);
  page = await browser.send(page, right, "submit");
  assert.deepEqual([page.status, page.headers.get("retry-after")], [429, "900"]);
  assert.match(alertIn(page), /Too many attempts\. Try again in 15 minutes\./);
  const elsewhere = visit(site.server, "192.0.2.2");
  const account = await elsewhere.send(await elsewhere.go("/login"), right, "submit");
  assert.equal(new URL(account.url).pathname, "/account");
  site.clock.pass(15 * 60_000);
  const later = await browser.send(page, right, "submit");
  assert.equal(new URL(later.url).pathname, "/account", "nobody is locked out for good");
});

test("a forwarded address is not believed: the count stays with the connection (P15)", async () => {
  await using site = await startSite();
  const browser = visit(site.server, "192.0.2.1");
  const page = await browser.go("/login");
  const csrf = /name="csrf" value="([^"]*)"/.exec(page.html)?.[1] ?? "";
  const statuses: number[] = [];
  for (let n = 0; n < 11; n++) {
    const body = new URLSearchParams({ csrf, username: "alice@example.com", password: `wrong ${n}`, action: "login" });
    const headers = { "x-forwarded-for": `198.51.100.${n}`, forwarded: `for=198.51.100.${n}` };
    statuses.push((await browser.post("/login", body.toString(), headers)).status);
  }
  assert.deepEqual([statuses[9], statuses[10]], [422, 429]);
});

test("what was typed is kept, but not the password, and missing fields are named beside them", async () => {
  await using site = await startSite();
  const browser = visit(site.server);
  const start = await browser.go("/login");
  const page = await browser.send(start, { username: '"><script>x</script>', password: "", remember: "yes" }, "submit");
  assert.equal(page.status, 422);
  assert.match(page.html, /value="&quot;&gt;&lt;script&gt;x&lt;\/script&gt;"/);
  assert.match(page.html, /<input type="checkbox" id="remember"[^>]*checked/);
  assert.match(page.html, /aria-describedby="password-error" aria-invalid="true"/);
  assert.match(alertIn(page), /<a href="#password">Enter your password\.<\/a>/);
  assert.match(page.html, /<title>Error: Sign in/);
  const wrong = await browser.send(start, { ...right, password: "my secret words" }, "submit");
  assert.doesNotMatch(wrong.html, /my secret words/);
});

test("hints are text: escaped, cut, and never a path (AZ-54)", async () => {
  await using site = await startSite();
  const hint = `"><script>alert(1)</script>${"x".repeat(200)}`;
  for (const ui_locales of ["../../etc/passwd", "__proto__", "xx"]) {
    const page = await visit(site.server).go(authorizeUrl({ login_hint: hint, ui_locales }));
    assert.equal(page.status, 200);
    assert.match(page.html, /value="&quot;&gt;&lt;script&gt;alert\(1\)&lt;\/script&gt;x+"/);
    assert.doesNotMatch(page.html, /<script>alert/);
    assert.ok(page.html.length < 10_000);
  }
});

test("every login makes a fresh session, also where somebody else was signed in (LO-10)", async () => {
  await using site = await startSite();
  await site.directory.create({ email: "bob@example.com", name: "Bob", password });
  const browser = visit(site.server);
  await browser.send(await browser.go("/login"), right, "submit");
  const first = browser.cookies.get("vk_session");
  const login = await browser.go("/login");
  assert.match(login.html, /You are signed in/);
  const account = await browser.send(login, { ...right, username: "bob@example.com" }, "submit");
  assert.match(account.html, /bob@example\.com/);
  const second = browser.cookies.get("vk_session")?.split(".")[0];
  assert.ok(second !== undefined && second !== first);
});

test("cancel goes back to the app with access_denied, without a name or a password", async () => {
  await using site = await startSite();
  const browser = visit(site.server);
  const login = await browser.go(authorizeUrl());
  const { location = "" } = await browser.send(login, {}, "cancel");
  assert.equal(new URL(location).searchParams.get("error"), "access_denied");
  assert.equal(new URL(location).searchParams.get("state"), "the state");
});

test("a form without our token, from another site, or of another browser does nothing and leads back to the page", async () => {
  await using site = await startSite();
  const browser = visit(site.server);
  const login = await browser.go("/login");
  const body = new URLSearchParams({ ...right, action: "login" });
  const forged = await browser.post("/login", body.toString());
  assert.equal(forged.status, 403);
  assert.match(forged.html, /href="\/login"/);
  body.set("csrf", /name="csrf" value="([^"]*)"/.exec(login.html)?.[1] ?? "");
  assert.equal((await browser.post("/login", body.toString(), { "sec-fetch-site": "cross-site" })).status, 403);
  assert.equal((await visit(site.server).post("/login", body.toString())).status, 403, "the token alone is not enough");
  assert.equal(browser.cookies.has("vk_session"), false);
  assert.equal((await browser.post("/login", `${body}&username=b`)).status, 400, "a repeated field");
});

test("while there is no account, the sign-in page tells how the first one is made", async () => {
  await using site = await startSite({ people: "nobody" });
  assert.match((await visit(site.server).go("/login")).html, /set-up link/);
});

test("an interaction of another browser is over, and the page says what to do; on this computer also why", async () => {
  await using site = await startSite();
  const { url } = await visit(site.server).go(authorizeUrl());
  const stranger = await visit(site.server).go(url, { host: "127.0.0.1:4000" });
  assert.equal(stranger.status, 400);
  assert.match(stranger.html, /Go back to the app you came from/);
  assert.match(stranger.html, /the address http:\/\/127\.0\.0\.1:4000[\s\S]*the address http:\/\/localhost:4000/);
});

test("prompt=login asks again with the name filled in, and going back to a step that is done leads on", async () => {
  await using site = await startSite();
  const browser = visit(site.server);
  const login = await browser.go(authorizeUrl());
  await browser.send(login, right, "submit");
  assert.equal(new URL((await browser.go(login.url)).url).pathname, "/consent");
  const again = await browser.go(authorizeUrl({ prompt: "login" }));
  assert.match(again.html, /asks you to sign in again/);
  assert.match(again.html, /value="alice@example\.com"/);
});

test("two tabs opened at once in a new browser can both send their forms (RFC 9700 §4.7)", async () => {
  await using site = await startSite();
  const [one, other] = [visit(site.server), visit(site.server)];
  const first = await one.go("/login");
  // The second request left before the first answer was there: it knows no cookie, and then they are one browser.
  const second = await other.go("/login");
  for (const [name, value] of other.cookies) one.cookies.set(name, value);
  const wrong = await one.send(first, { ...right, password: "wrong" }, "submit");
  assert.equal(wrong.status, 422, "judged, not refused");
  const account = await one.send(second, right, "submit");
  assert.equal(new URL(account.url).pathname, "/account");
});

test("who signed in in another tab meanwhile is not asked for the password again: the page goes on to the app", async () => {
  await using site = await startSite();
  const browser = visit(site.server);
  const consent = await browser.send(await browser.go(authorizeUrl()), right, "submit");
  await browser.send(consent, {}, "allow");
  browser.cookies.delete("vk_session");
  const login = await browser.go(authorizeUrl());
  assert.equal(new URL(login.url).pathname, "/login");
  await browser.send(await browser.go("/login"), right, "submit");
  const { location = "" } = await browser.go(login.url);
  assert.ok(new URL(location).searchParams.get("code"));
});

test("whoever comes too late, as with a second click, is led back to an app that was registered here, and to no other", async () => {
  await using site = await startSite();
  const { clients } = site.server.provider;
  const twice = async (client_id: string, redirect_uri: string, button: "submit" | "cancel" = "submit") => {
    const browser = visit(site.server);
    const login = await browser.go(authorizeUrl({ client_id, redirect_uri, prompt: "login" }));
    // The first click was answered, and what it led to is over.
    await browser.send(login, {}, "cancel");
    const late = await browser.send(login, button === "submit" ? right : {}, button);
    assert.equal(late.status, 400);
    assert.match(late.html, /This page has expired[\s\S]*<code id="error-code">interaction_over/);
    return /<a class="button" href="([^"]+)">([^<]+)<\/a>/.exec(late.html)?.slice(1);
  };
  const callback = "https://photos.example/callback";
  assert.deepEqual(await twice("photos", callback), ["https://photos.example/", "Go back to Photo printer"]);
  assert.deepEqual(await twice("photos", callback, "cancel"), ["https://photos.example/", "Go back to Photo printer"]);
  const metadata = (await clients.find("photos"))?.metadata ?? {};
  await clients.set("photos", { metadata: { ...metadata, client_uri: "https://photos.example/home" } });
  assert.deepEqual((await twice("photos", callback))?.[0], "https://photos.example/home");
  const started = { ...metadata, initiate_login_uri: "https://photos.example/start?a=1" };
  await clients.set("photos", { metadata: started });
  assert.deepEqual(
    (await twice("photos", callback))?.[0],
    "https://photos.example/start?a=1&amp;iss=http%3A%2F%2Flocalhost%3A4000",
  );
  const add = (client_id: string, redirect_uri: string, provenance: "admin" | "dynamic", more = {}) =>
    clients.add(
      { client_id, redirect_uris: [redirect_uri], token_endpoint_auth_method: "none", ...more },
      { provenance },
    );
  const evil = "https://evil.example/callback";
  await add("stranger", evil, "dynamic", { client_uri: "https://evil.example/" });
  assert.equal(await twice("stranger", evil), undefined);
  const native = "com.example.app:/callback";
  await add("native", native, "admin", { application_type: "native" });
  assert.equal(await twice("native", native), undefined);
  // Nor does a link that somebody made lead there.
  const made = await visit(site.server).go("/login?interaction=gone&app=stranger");
  assert.doesNotMatch(made.html, /class="button"/);
});
