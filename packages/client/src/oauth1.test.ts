/**
 * Signing in by OAuth 1.0a through createOAuth, at a provider made with oauthlib.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fetch } from "@valetkey/protocol/read-json";
import { isClientError } from "./client-error.ts";
import { createOAuth, type SignInHook } from "./create-oauth.ts";
import { Browser } from "./lib/hostile-issuer.test.ts";
import { type ForeignProvider, skip, startOauthlib } from "./lib/oauthlib.test.ts";
import { type Act, secret, startApp } from "./lib/test-app.test.ts";
import { type OAuth1Options, oauth1 } from "./oauth1.ts";

const endpoints = (url: string) => ({
  request_token_endpoint: `${url}/request_token`,
  authorization_endpoint: `${url}/authorize`,
  token_endpoint: `${url}/access_token`,
});

const bird = ({ url, client_id, client_secret }: ForeignProvider, options: Partial<OAuth1Options> = {}) =>
  oauth1("bird", {
    ...endpoints(url),
    client_id,
    client_secret,
    api: `${url}/api`,
    profile: async (api) => {
      const me = await api.json("/me?a=b%20c");
      assert.equal(me.id, api.tokens.user_id);
      return { id: String(me.id), name: String(me.name), claims: me };
    },
    ...options,
  });

interface More {
  readonly act?: Act;
  readonly fetch?: Fetch;
  readonly onSignIn?: SignInHook;
}

const start = (provider: ForeignProvider, options: Partial<OAuth1Options> = {}, more: More = {}) =>
  startApp(provider.url, { providers: [bird(provider, options)], ...more });

/** Leaves for the provider, has it answer, and gives the URL the browser is sent back to. */
async function leaveAndAnswer(browser: Browser, appUrl: string): Promise<string> {
  const left = await browser.get(`${appUrl}/auth/login/bird?returnTo=/me`);
  assert.equal(left.status, 303, await left.text());
  const answer = await browser.get(left.headers.get("location") ?? "");
  return answer.headers.get("location") ?? "";
}

test("a person signs in and the application calls the API with signed requests (RFC 5849 §2, §3)", {
  skip,
}, async () => {
  await using provider = await startOauthlib();
  for (const options of [
    {},
    { placement: "query" },
    { signature_method: "RSA-SHA256", private_key: provider.private_key },
  ] as const) {
    let given: unknown;
    const act: Act = async (auth) => {
      const body = new URLSearchParams("status=hello world &é");
      const answer = await auth.fetch("bird", "/update.json?x=1", { method: "POST", body });
      return { ...((await answer.json()) as object), accounts: await auth.accounts(), issuer: auth.issuer };
    };
    const onSignIn: SignInHook = (_user, tokens) => {
      given = tokens;
    };
    await using app = await start(provider, options, { act, onSignIn });
    const browser = new Browser();
    const page = await browser.follow(`${app.url}/auth/login/bird?returnTo=/me`);
    assert.deepEqual(
      { ...((await page.json()) as object), claims: undefined },
      { sub: "alice-1", name: "Alice", claims: undefined },
    );
    assert.ok((given as { token_secret?: string }).token_secret, "onSignIn gets what requests are signed with");
    const acted = (await (await browser.get(`${app.url}/act`)).json()) as Record<string, unknown>;
    assert.equal(acted.method, "POST");
    assert.match(String(acted.path), /^\/api\/update\.json\?x=1/);
    assert.match(String(acted.body), /^status=hello\+world\+&%C3%A9=$/);
    assert.equal(acted.issuer, provider.url);
    assert.deepEqual(acted.accounts, [{ provider: "bird", issuer: provider.url, sub: "alice-1", scope: [] }]);
    const shown = JSON.stringify([...browser.cookies]) + JSON.stringify(app.lines);
    assert.ok(!shown.includes((given as { access_token: string }).access_token), "tokens stay on the server");
  }
});

test("a signed request goes to the provider's API only, and nowhere after sign-out (O1-11)", { skip }, async () => {
  await using provider = await startOauthlib();
  const codes: unknown[] = [];
  const act: Act = async (auth) => {
    for (const url of ["https://evil.test/", `${provider.url}.evil.test/`, "https://127.0.0.1/"])
      await auth.fetch("bird", url).catch((e) => codes.push(isClientError(e) && e.code));
    await auth.signOut({ provider: true, everywhere: true });
    await auth.fetch("bird", "/me").catch((e) => codes.push(isClientError(e) && e.code));
  };
  await using app = await start(provider, {}, { act });
  const browser = new Browser();
  await browser.follow(`${app.url}/auth/login/bird`);
  await browser.get(`${app.url}/act`);
  assert.deepEqual(codes, ["url_not_allowed", "url_not_allowed", "url_not_allowed", "sign_in_again"]);
  assert.equal((await browser.get(`${app.url}/act`)).status, 401);
});

test("only the browser that left can come back, once, and to its own sign-in (O1-12)", { skip }, async () => {
  await using provider = await startOauthlib();
  await using app = await start(provider);
  const [browser, thief] = [new Browser(), new Browser()];
  const back = await leaveAndAnswer(browser, app.url);
  const stolen = await thief.get(back);
  assert.equal(stolen.status, 400);
  assert.match(await stolen.text(), /transaction_missing|This browser did not start/);
  // An attacker's own answer, pushed into the browser of somebody else who is on the way.
  const attacker = new Browser();
  const foreign = await leaveAndAnswer(attacker, app.url);
  assert.equal((await browser.get(foreign)).status, 400);
  const other = new URL(back);
  other.searchParams.delete("oauth_verifier");
  const copy = new Map(browser.cookies);
  const first = await browser.get(back);
  assert.equal(first.status, 303);
  assert.equal(first.headers.get("location"), "/me");
  browser.cookies.clear();
  for (const [name, value] of copy) browser.cookies.set(name, value);
  const again = await browser.get(back);
  assert.deepEqual([again.status, again.headers.get("location"), browser.cookies.size], [303, "/me", 0], "as nobody");
});

test("an answer counts only at the provider the person left for (O1-12)", { skip }, async () => {
  await using provider = await startOauthlib();
  const other = { ...bird(provider), name: "other" };
  await using app = await startApp(provider.url, { providers: [bird(provider), other] });
  const browser = new Browser();
  const back = await leaveAndAnswer(browser, app.url);
  assert.equal((await browser.get(back.replace("/callback/bird", "/callback/other"))).status, 400);
  assert.equal((await browser.get(back)).status, 303);
});

test("an answer without verifier ends the sign-in; two tabs do not disturb each other (O1-12)", { skip }, async () => {
  await using provider = await startOauthlib();
  await using app = await start(provider);
  const browser = new Browser();
  const one = new URL(await leaveAndAnswer(browser, app.url));
  const two = await leaveAndAnswer(browser, app.url);
  one.searchParams.delete("oauth_verifier");
  const cut = await browser.get(one.href);
  assert.equal(cut.status, 400);
  assert.equal((await browser.get(two)).status, 303);
  assert.equal((await browser.get(`${app.url}/me`)).status, 200);
});

test("a person who said no is told so, and can start again (RFC 5849 §2.2)", { skip }, async () => {
  await using provider = await startOauthlib();
  for (const deny of ["denied", "problem"]) {
    await using app = await start(provider, { authorization_params: { deny } });
    const browser = new Browser();
    const page = await browser.follow(`${app.url}/auth/login/bird?returnTo=/me`);
    assert.equal(page.status, 403, deny);
    const text = await page.text();
    assert.match(text, /Access was not allowed/);
    assert.match(text, /\/auth\/login\/bird\?returnTo=%2Fme/);
    assert.deepEqual([...browser.cookies.keys()], []);
  }
});

test("a provider that is down or refuses is told apart before anybody leaves", { skip }, async () => {
  await using provider = await startOauthlib();
  await using down = await start(provider, {}, { fetch: () => Promise.reject(new TypeError("fetch failed")) });
  assert.equal((await new Browser().get(`${down.url}/auth/login/bird`)).status, 503);
  await using wrong = await start(provider, { client_secret: "wrong" });
  const refused = await new Browser().get(`${wrong.url}/auth/login/bird`);
  assert.equal(refused.status, 502);
  assert.match(await refused.text(), /did not give the application a token/);
});

test("a profile without an id signs nobody in", { skip }, async () => {
  await using provider = await startOauthlib();
  await using app = await start(provider, { profile: async (api) => ({ id: String(api.tokens.nothing), claims: {} }) });
  const browser = new Browser();
  assert.equal((await browser.follow(`${app.url}/auth/login/bird`)).status, 502);
  const me = await browser.get(`${app.url}/me`, { headers: { Accept: "application/json" } });
  assert.equal(me.status, 401);
});

test("mistakes in the options are told at once, with the variable that would help", () => {
  const options = { ...endpoints("https://bird.test"), profile: async () => ({ id: "1", claims: {} }) };
  const is = (words: RegExp) => (e: unknown) => isClientError(e, "configuration_invalid") && words.test(e.message);
  const wrong: [Partial<OAuth1Options>, RegExp][] = [
    [{ request_token_endpoint: "http://bird.test/x" }, /request_token_endpoint must be an https URL/],
    [{ authorization_endpoint: "javascript:alert(1)" }, /authorization_endpoint/],
    [{ token_endpoint: "/x" }, /token_endpoint/],
    [{ api: "https://bird.test/?a=1" }, /api/],
    [{ resource: ["http://bird.test"] }, /resource/],
    [{ signature_method: "MD5" as "PLAINTEXT" }, /signature_method must be one of HMAC-SHA1/],
    [{ signature_method: "RSA-SHA1" }, /private_key/],
    [{ placement: "cookie" as "query" }, /placement/],
    [{ realm: "é" }, /realm/],
    [{ issuer: "bird" }, /issuer/],
  ];
  for (const [more, words] of wrong)
    assert.throws(() => oauth1("bird", { ...options, ...more }), is(words), String(words));
  assert.throws(() => oauth1("Bird", options), is(/name/));
  const create = (more: Partial<OAuth1Options>) => () =>
    createOAuth({ providers: [oauth1("old-bird", { ...options, ...more })], secret, baseUrl: "http://localhost:1" });
  assert.throws(create({}), is(/OLD_BIRD_CLIENT_ID/));
  assert.throws(create({ client_id: "a" }), is(/OLD_BIRD_CLIENT_SECRET/));
});
