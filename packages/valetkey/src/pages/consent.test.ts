import assert from "node:assert/strict";
import { test } from "node:test";
import { clientIdDocuments } from "@valetkey/provider/client-id-documents";
import { authorizeUrl, callback, issuer, password, startSite } from "../site.test.ts";
import { type Visited, type Visitor, visit } from "../visit.test.ts";

async function signIn(browser: Visitor, url = authorizeUrl(), username = "alice@example.com"): Promise<Visited> {
  return browser.send(await browser.go(url), { username, password }, "submit");
}

test("the consent page says who asks, for whom, what in words and where the person will be sent (CN-05)", async () => {
  await using site = await startSite({ scopes: { "photos:read": "See your photos" } });
  const scope = "openid profile photos:read offline_access";
  const { html } = await signIn(visit(site.server), authorizeUrl({ scope, prompt: "consent" }));
  for (const part of ["Photo printer", "photos.example", "alice@example.com", "Not you?", "See your photos"]) {
    assert.ok(html.includes(part), part);
  }
  assert.match(html, /You will be sent to <bdi class="host">photos\.example<\/bdi>/);
  assert.match(html, /access lasts until you remove it/);
  assert.match(html, /remove access at any time/);
  assert.match(html, /<input type="checkbox" id="scope-photos:read" name="scope" value="photos:read" checked/);
  assert.match(
    html,
    /<button id="deny" type="submit" name="decision" value="deny">[\s\S]*<button id="allow"[^>]*name="decision" value="allow">/,
  );
  assert.doesNotMatch(html, /autofocus/, "nothing leads to allowing");
});

test("text from outside is escaped, whoever chose it", async () => {
  await using site = await startSite({ scopes: { danger: "<i>words</i>" } });
  await site.server.provider.clients.add(
    {
      client_id: "x",
      client_name: `<img src=x onerror="1">`,
      redirect_uris: [callback],
      token_endpoint_auth_method: "none",
    },
    { provenance: "admin" },
  );
  await site.directory.setProfile(site.alice, { name: "<b>Alice" });
  const { html } = await signIn(visit(site.server), authorizeUrl({ client_id: "x", scope: "openid danger" }));
  assert.doesNotMatch(html, /<img|<i>|<b>/);
  assert.match(html, /&lt;img src=x/);
});

test("a stranger's client is marked as not verified; apps on this computer and private-use schemes come with a warning", async () => {
  await using site = await startSite();
  const uris = { loopback: "http://127.0.0.1/cb", scheme: "com.example.app:/cb" };
  for (const [client_id, uri] of Object.entries(uris)) {
    await site.server.provider.clients.add(
      { client_id, redirect_uris: [uri], application_type: "native", token_endpoint_auth_method: "none" },
      { provenance: "dynamic" },
    );
  }
  const browser = visit(site.server);
  const ask = { client_id: "loopback", redirect_uri: "http://127.0.0.1:9999/cb", scope: "openid" };
  const loopback = await signIn(browser, authorizeUrl(ask));
  assert.match(loopback.html, /Not verified/);
  assert.match(loopback.html, /app on this computer, <bdi class="host">127\.0\.0\.1:9999<\/bdi>/);
  const scheme = await browser.go(authorizeUrl({ client_id: "scheme", redirect_uri: uris.scheme, scope: "openid" }));
  assert.match(scheme.html, /opens <bdi class="host">com\.example\.app:<\/bdi> links/);
  const trusted = await browser.go(authorizeUrl());
  assert.doesNotMatch(trusted.html, /Not verified|notice warning/);
});

test("of an app known by a document the host it comes from is shown first, and any other place the answer goes to (CI-10, CI-15)", async () => {
  const client_id = "https://agent.example/oauth/client.json";
  const logo_uri = "https://tracker.example/logo.svg";
  const redirect_uris = ["https://agent.example/cb", "https://elsewhere.example/cb", "http://localhost/cb"];
  const about = { client_id, client_name: "Your Bank", client_uri: "https://agent.example/", logo_uri, redirect_uris };
  let said: object = about;
  await using site = await startSite({
    clientIdDocuments: clientIdDocuments(),
    fetch: async () => Response.json(said),
  });
  const browser = visit(site.server);
  const ask = (redirect_uri = "") => authorizeUrl({ client_id, redirect_uri, scope: "openid" });
  const login = await browser.go(ask(redirect_uris[0]));
  assert.match(login.html, /<bdi>Your Bank<\/bdi>[\s\S]{0,100}<bdi>agent\.example<\/bdi>/);
  const same = await signIn(browser, ask(redirect_uris[0]));
  assert.match(same.html, /<p class="lead"><bdi class="host">agent\.example<\/bdi>/);
  assert.match(same.html, /Not verified\.<\/strong> This app comes from <bdi class="host">agent\.example<\/bdi>/);
  assert.doesNotMatch(same.html, /not be sent back there|has changed/);
  assert.doesNotMatch(same.html, /tracker\.example|<img/, "its logo is not shown");
  const elsewhere = await browser.go(ask(redirect_uris[1]));
  assert.match(elsewhere.html, /not be sent back there, but to <bdi class="host">elsewhere\.example<\/bdi>/);
  const here = await browser.go(ask("http://localhost:9999/cb"));
  assert.match(here.html, /<p class="lead"><bdi class="host">agent\.example<\/bdi>/);
  assert.match(here.html, /app on this computer, <bdi class="host">localhost:9999<\/bdi>/);
  await browser.send(same, {}, "allow");
  const apps = await browser.go(`${issuer}/account/apps`);
  assert.match(apps.html, /<bdi>Your Bank<\/bdi><\/strong> <bdi class="host">agent\.example<\/bdi>/);
  said = { ...about, client_name: "Another Bank" };
  site.clock.pass(3_600_000);
  assert.match((await browser.go(ask(redirect_uris[0]))).html, /This app has changed since you allowed it something/);
});

test("denying sends access_denied with state, and whatever is not a clear yes is a no", async () => {
  await using site = await startSite();
  const browser = visit(site.server);
  const denied = await browser.send(await signIn(browser), {}, "deny");
  assert.equal(new URL(denied.location ?? "").searchParams.get("error"), "access_denied");
  const unclear = await browser.send(await browser.go(authorizeUrl()), { decision: "maybe" }, undefined);
  assert.equal(new URL(unclear.location ?? "").searchParams.get("error"), "access_denied");
});

test("only what is left ticked and was asked for is allowed; what was allowed before is not asked as new (CN-02)", async () => {
  await using site = await startSite({ scopes: { read: "Read it", write: "Write it", admin: "Run it" } });
  const browser = visit(site.server);
  const consent = await signIn(browser, authorizeUrl({ scope: "openid read write" }));
  await browser.send(consent, { scope: ["openid", "read", "admin"] }, "allow");
  const [app] = await site.server.provider.grants.list(site.alice);
  assert.deepEqual([...(app?.scope ?? [])].sort(), ["openid", "read"]);
  const more = await browser.go(authorizeUrl({ scope: "openid read write" }));
  assert.match(more.html, /<legend>It wants to<\/legend>[^<]*<p class="check"><input type="checkbox" id="scope-write"/);
  assert.match(
    more.html,
    /Already allowed \(1\)<\/summary>[^<]*<p class="check"><input type="checkbox" id="scope-read"/,
  );
});

test("what Alice was shown is not Bob's to allow: after a change of account the page asks anew", async () => {
  await using site = await startSite();
  await site.directory.create({ email: "bob@example.com", name: "Bob", password });
  const browser = visit(site.server);
  const signInAs = async (username: string) =>
    browser.send(await browser.go("/login"), { username, password }, "submit");
  await signInAs("alice@example.com");
  const shownToAlice = await browser.go(authorizeUrl());
  await signInAs("bob@example.com");
  const again = await browser.send(shownToAlice, {}, "allow");
  assert.equal(again.location, undefined);
  assert.match(again.html, /Another account is signed in now[\s\S]*bob@example\.com/);
  assert.deepEqual(await site.server.provider.grants.list(site.alice), []);
});

test("not you: the person signs in as somebody else and the app gets that one", async () => {
  await using site = await startSite();
  await site.directory.create({ email: "bob@example.com", name: "Bob", password });
  const browser = visit(site.server);
  const login = await browser.send(await signIn(browser), {}, "not-you");
  assert.equal(new URL(login.url).pathname, "/login");
  const consent = await browser.send(login, { username: "bob@example.com", password }, "submit");
  assert.match(consent.html, /bob@example\.com/);
});

test("select-account shows the accounts of this browser; picking, another one and cancel do what they say", async () => {
  await using site = await startSite();
  await site.directory.create({ email: "bob@example.com", name: "Bob", password });
  const browser = visit(site.server);
  for (const username of ["bob@example.com", "alice@example.com"]) {
    await browser.send(await browser.go("/login"), { username, password }, "submit");
  }
  const choose = () => browser.go(authorizeUrl({ prompt: "select_account" }));
  const page = await choose();
  const sids = [...page.html.matchAll(/name="sid" value="([^"]+)"[\s\S]*?class="email">([^<]+)</g)];
  assert.deepEqual(sids.map(([, , email]) => email).sort(), ["alice@example.com", "bob@example.com"]);
  const bob = sids.find(([, , email]) => email === "bob@example.com")?.[1] ?? "";
  assert.match((await browser.send(page, { sid: bob })).html, /Allow[\s\S]*bob@example\.com/);
  assert.equal(new URL((await browser.send(await choose(), {}, "other")).url).pathname, "/login");
  const { location = "" } = await browser.send(await choose(), {}, "cancel");
  assert.equal(new URL(location).searchParams.get("error"), "access_denied");
  assert.equal((await browser.send(await choose(), { sid: "somebody else's" })).status, 400);
});
