/** Asking the person again: because it was too long ago, or because more is needed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOAuth, oauth2, oidc } from "./create-oauth.ts";
import { Browser, startIssuer } from "./lib/hostile-issuer.test.ts";
import { type Act, recordingLog, secret, startApp } from "./lib/test-app.test.ts";
import { oauth1 } from "./oauth1.ts";

const now = () => Math.floor(Date.now() / 1000);

test("a page that needs a fresh proof asks with max_age, and lets through who gave one (Core §3.1.2.1)", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  issuer.mischief.idToken = (claims) => ({ ...claims, auth_time: now() - 3600 });
  const browser = new Browser();
  assert.equal((await browser.follow(`${app.url}/me`)).status, 200);
  const sent = await browser.get(`${app.url}/recent`);
  assert.equal(sent.headers.get("location"), "/auth/login/acme?returnTo=%2Frecent&max_age=60");
  const there = await browser.get(new URL(sent.headers.get("location") ?? "", app.url).href);
  assert.equal(new URL(there.headers.get("location") ?? "").searchParams.get("max_age"), "60");
  const stale = await browser.follow(`${app.url}/recent`);
  assert.equal(stale.status, 502, "an issuer that did not ask again is not believed, and nobody goes round in circles");
  assert.match(await stale.text(), /id_token_invalid/);
  issuer.mischief.idToken = (claims) => ({ ...claims, auth_time: now() });
  assert.equal((await browser.follow(`${app.url}/recent`)).status, 200);
});

test("a form that needs a fresh proof is answered with a page that leads to one, and back to the form", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  issuer.mischief.idToken = (claims) => ({ ...claims, auth_time: now() - 3600 });
  const browser = new Browser();
  await browser.follow(`${app.url}/me`);
  const headers = { Referer: `${app.url}/form` };
  const page = await browser.get(`${app.url}/recent`, { method: "POST", headers });
  assert.equal(page.status, 401);
  const html = await page.text();
  assert.match(html, /This needs a sign-in of a moment ago[\s\S]*insufficient_user_authentication/);
  assert.match(html, /href="\/auth\/login\/acme\?returnTo=%2Fform&amp;max_age=60"/);
});

test("a session whose proof the issuer never dated is not fresh, however young it is", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const browser = new Browser();
  await browser.follow(`${app.url}/me`);
  assert.equal((await browser.get(`${app.url}/recent`)).status, 303);
  const missing = await browser.follow(`${app.url}/recent`);
  assert.match(
    await missing.text(),
    /id_token_invalid/,
    "auth_time is required once max_age was sent (§3.1.3.7 step 13)",
  );
  const program = await browser.get(`${app.url}/recent`, { headers: { Accept: "application/json" } });
  assert.equal(program.status, 401);
  assert.equal(((await program.json()) as { error: string }).error, "insufficient_user_authentication");
});

test("max_age can be configured, and a login link can make it stricter only", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url, { provider: { max_age: 600 } });
  const sent = async (query: string) => {
    const left = await new Browser().get(`${app.url}/auth/login/acme${query}`);
    return new URL(left.headers.get("location") ?? "").searchParams;
  };
  assert.equal((await sent("")).get("max_age"), "600");
  assert.equal((await sent("?max_age=60")).get("max_age"), "60");
  assert.equal((await sent("?max_age=6000")).get("max_age"), "600");
  assert.equal((await sent("?max_age=-1")).get("max_age"), "600");
  assert.equal((await sent("?login_hint=alice%40example.test")).get("login_hint"), "alice@example.test");
});

test("more scopes are asked for when they are needed; what was granted and the refresh token stay", async () => {
  await using issuer = await startIssuer();
  const act: Act = async (auth) => {
    const redirect = await auth.needScope("acme", "calendar contacts", { returnTo: "/me" });
    return { to: redirect?.headers.get("location"), accounts: await auth.accounts() };
  };
  await using app = await startApp(issuer.url, { act });
  const browser = new Browser();
  await browser.follow(`${app.url}/me`);
  const acting = async () =>
    (await (await browser.get(`${app.url}/act`)).json()) as { to?: string; accounts: { scope: string[] }[] };
  const { to = "" } = await acting();
  assert.match(to, /^\/auth\/login\/acme\?returnTo=%2Fme&ask=/);
  assert.ok(!to.includes("calendar"), "what is asked for travels sealed");
  // This time the answer has no refresh token: the first consent brought it.
  issuer.mischief.token = ({ refresh_token: _, ...rest }) => rest;
  const left = await browser.get(app.url + to);
  const url = new URL(left.headers.get("location") ?? "");
  assert.equal(url.searchParams.get("scope"), "openid profile email calendar contacts");
  assert.equal((await browser.follow(url.href)).status, 200);
  const after = await acting();
  assert.equal(after.to, undefined, "granted now");
  assert.deepEqual(after.accounts[0]?.scope, ["openid", "profile", "email", "calendar", "contacts"]);
  assert.equal(issuer.revoked.length, 0);
  issuer.mischief = {};
  await browser.get(`${app.url}/auth/logout`, {
    method: "POST",
    headers: { Origin: app.url, "Content-Type": "application/x-www-form-urlencoded" },
  });
  assert.equal(issuer.revoked.length, 1, "the refresh token of the first consent was kept, and is revoked now");
});

test("nobody else can make a link that asks for more: it must be sealed for this provider and this session", async () => {
  await using issuer = await startIssuer();
  const act: Act = async (auth) => (await auth.needScope("acme", "calendar"))?.headers.get("location");
  const named = (name: string) => {
    const alg = { id_token_signed_response_alg: "ES256" } as const;
    return oidc(name, { issuer: issuer.url, client_id: "app", client_secret: "s", ...alg });
  };
  await using app = await startApp(issuer.url, { act, providers: [named("acme"), named("other")] });
  const browser = new Browser();
  await browser.follow(`${app.url}/auth/login/acme`);
  const location = String(await (await browser.get(`${app.url}/act`)).json());
  const ask = new URL(location, app.url).searchParams.get("ask") ?? "";
  // A transaction that asks for the same, sealed with the same key.
  const transaction = await browser.get(app.url + location);
  assert.match(transaction.headers.get("location") ?? "", /calendar/);
  const [, sealed = ""] = /^[^=]+=([^;]+)/.exec(transaction.headers.getSetCookie()[0] ?? "") ?? [];
  for (const bad of ["calendar", `${ask}x`, ask.slice(1), sealed, ""]) {
    const left = await browser.get(`${app.url}/auth/login/acme?scope=calendar&ask=${encodeURIComponent(bad)}`);
    assert.equal(new URL(left.headers.get("location") ?? "").searchParams.get("scope"), "openid profile email", bad);
  }
  const other = await browser.get(`${app.url}/auth/login/other?ask=${encodeURIComponent(ask)}`);
  assert.ok(!other.headers.get("location")?.includes("calendar"), "sealed for another provider");
  // Somebody sends the link they got to another person, who is signed in, or to nobody.
  const somebody = new Browser();
  await somebody.follow(`${app.url}/auth/login/acme`);
  for (const victim of [somebody, new Browser()]) {
    const sent = await victim.get(app.url + location);
    assert.equal(new URL(sent.headers.get("location") ?? "").searchParams.get("scope"), "openid profile email");
  }
});

test("with plain OAuth coming back from the service is the proof, and it ages", async () => {
  await using issuer = await startIssuer();
  let later = 0;
  const forge = oauth2("forge", {
    authorization_endpoint: `${issuer.url}/authorize`,
    token_endpoint: `${issuer.url}/token`,
    client_id: "app",
    client_secret: "s",
    profile: async () => ({ id: "7", claims: {} }),
  });
  await using app = await startApp(issuer.url, { providers: [forge], now: () => Date.now() + later });
  const browser = new Browser();
  assert.equal((await browser.follow(`${app.url}/recent`)).status, 200);
  later = 120_000;
  const again = await browser.get(`${app.url}/recent`);
  assert.match(again.headers.get("location") ?? "", /^\/auth\/login\/forge\?/);
  assert.equal((await browser.follow(`${app.url}/recent`)).status, 200);
});

test("where there are no scopes more of them cannot be asked for", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const browser = new Browser();
  await browser.follow(`${app.url}/me`);
  // The same name, now with OAuth 1.0a: its session is what an application has in hand.
  const endpoint = `${issuer.url}/x`;
  const acme = oauth1("acme", {
    request_token_endpoint: endpoint,
    authorization_endpoint: endpoint,
    token_endpoint: endpoint,
    client_id: "app",
    client_secret: "s",
    profile: async () => ({ id: "7", claims: {} }),
  });
  const oauth = createOAuth({ providers: [acme], secret, store: app.store, log: recordingLog().log });
  const cookie = `vk_app=${browser.cookies.get("vk_app")}`;
  const auth = await oauth.session(new Request(app.url, { headers: { cookie } }));
  await assert.rejects(async () => auth?.needScope("acme", "calendar"), { code: "configuration_invalid" });
});
