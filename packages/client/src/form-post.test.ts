/** Answers that the browser posts (OAuth 2.0 Form Post Response Mode): they come from another site, without SameSite=Lax cookies. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOAuth, oidc } from "./create-oauth.ts";
import { Browser, startIssuer } from "./lib/hostile-issuer.test.ts";
import { recordingLog, secret, startApp } from "./lib/test-app.test.ts";

/** Goes to the issuer and gives what its page would post: the cookies Lax keeps back are taken out meanwhile. */
async function leave(browser: Browser, app: string) {
  const left = await browser.get(`${app}/auth/login/acme?returnTo=/me`);
  const there = new URL(left.headers.get("location") ?? "");
  const back = await fetch(there, { redirect: "manual" });
  const url = new URL(back.headers.get("location") ?? "");
  return { there, callback: url.origin + url.pathname, form: url.search.slice(1) };
}

const post = (browser: Browser, url: string, body: string): Promise<Response> =>
  browser.get(url, { method: "POST", body, headers: { "Content-Type": "application/x-www-form-urlencoded" } });

test("a posted answer signs in: its transaction cookie is SameSite=None and Secure, and the redirect carries on", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url, { provider: { response_mode: "form_post" } });
  const browser = new Browser();
  const { there, callback, form } = await leave(browser, app.url);
  assert.equal(there.searchParams.get("response_mode"), "form_post");
  assert.match(browser.received.find((line) => line.startsWith("vk_tx_")) ?? "", /SameSite=None.*Secure.*HttpOnly/);
  const back = await post(browser, callback, form);
  assert.equal(back.status, 303, await back.text());
  assert.equal(back.headers.get("location"), "/me");
  assert.equal((await browser.get(`${app.url}/me`)).status, 200);
  assert.match(browser.received.find((line) => line.startsWith("vk_app=")) ?? "", /SameSite=Lax/);
  const again = await post(browser, callback, form);
  assert.equal(again.status, 400, "an answer is taken once");
});

test("on https the cookie of a posted answer keeps its __Host- prefix", async () => {
  await using issuer = await startIssuer();
  const acme = oidc("acme", { issuer: issuer.url, client_id: "app", client_secret: "s", response_mode: "form_post" });
  const oauth = createOAuth({
    providers: [acme],
    secret,
    baseUrl: "https://app.example",
    store: {} as never,
    log: recordingLog().log,
  });
  const left = await oauth.handle(new Request("https://app.example/auth/login"));
  const [cookie = ""] = left?.headers.getSetCookie() ?? [];
  assert.match(cookie, /^__Host-vk_tx_.*SameSite=None.*Secure/);
});

test("an answer comes only in the way that was asked for", async () => {
  await using issuer = await startIssuer();
  await using posted = await startApp(issuer.url, { provider: { response_mode: "form_post" } });
  const browser = new Browser();
  const one = await leave(browser, posted.url);
  const got = await browser.get(`${one.callback}?${one.form}`);
  assert.equal(got.status, 405);
  assert.equal(got.headers.get("allow"), "POST");
  await using redirected = await startApp(issuer.url);
  const two = await leave(browser, redirected.url);
  assert.equal((await post(browser, two.callback, two.form)).status, 405);
  assert.equal(issuer.tokenRequests.length, 0);
});

test("a posted answer from another browser, doubled, or of another media type signs nobody in", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url, { provider: { response_mode: "form_post" } });
  const browser = new Browser();
  const { callback, form } = await leave(browser, app.url);
  const stranger = await post(new Browser(), callback, form);
  assert.match(await stranger.text(), /transaction_missing/);
  const doubled = await post(browser, callback, `${form}&${form}`);
  assert.match(await doubled.text(), /response_invalid/);
  const json = await browser.get(callback, {
    method: "POST",
    body: "{}",
    headers: { "Content-Type": "application/json" },
  });
  assert.match(await json.text(), /response_invalid/);
  assert.equal(issuer.tokenRequests.length, 0);
});

test("the session the browser had is ended though its cookie did not come along (session fixation)", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url, { provider: { response_mode: "form_post" } });
  const browser = new Browser();
  const first = await leave(browser, app.url);
  await post(browser, first.callback, first.form);
  const former = browser.cookies.get("vk_app") ?? "";
  const second = await leave(browser, app.url);
  browser.cookies.delete("vk_app");
  assert.equal((await post(browser, second.callback, second.form)).status, 303);
  const old = new Browser();
  old.cookies.set("vk_app", former);
  assert.equal((await old.get(`${app.url}/me`)).status, 303, "the former session is over");
});
