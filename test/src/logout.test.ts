/**
 * Signing out: by the app, by the person, on another device; and what becomes of tokens and codes.
 *
 * OpenID Connect RP-Initiated Logout 1.0 §2 and §3. Rows LO and CD-10 of the catalogue of attacks and its policy P11.
 */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { createBrowser, type FetchBrowser, type PageOf } from "./lib/browser.ts";
import { codeAndRefresh, useWorld } from "./lib/fixtures.ts";
import {
  authorizationUrl,
  claimsOf,
  createPkce,
  exchange,
  getCode,
  getTokens,
  introspect,
  refresh,
  signIn,
  type TestClient,
  userinfo,
} from "./lib/flow.ts";
import { tagsOf } from "./lib/html.ts";

const goodbye = "http://127.0.0.1:9/goodbye";

describe("signing out", () => {
  const world = useWorld(() => ({
    bob: true,
    clients: { leaving: { name: "Leaving", post_logout_redirect_uris: [goodbye], grant_types: codeAndRefresh } },
  }));
  let app: TestClient;
  before(() => {
    app = world().client("leaving");
  });

  const end = (browser: FetchBrowser, params: Record<string, string>) => {
    const url = new URL("/end-session", world().issuer);
    for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value);
    return browser.open(url);
  };
  /** Whether the browser is still signed in: asks without showing a page. */
  async function isSignedIn(browser: FetchBrowser): Promise<boolean> {
    const page = await browser.open(
      authorizationUrl(world().issuer, app, { prompt: "none", code_challenge: createPkce().challenge }),
    );
    return page.url.searchParams.get("error") !== "login_required";
  }
  const confirmed = async (browser: FetchBrowser, page: PageOf) =>
    page.has("confirm") ? browser.press(page, "confirm") : page;

  it("LO-01 without a hint the person is asked, nothing ends before that, and nobody is sent anywhere unregistered", async () => {
    const { issuer, alice } = world();
    const { browser } = await getTokens(issuer, app, { user: alice });
    const asked = await end(browser, {});
    assert.ok(asked.has("confirm"), asked.text);
    assert.equal(await isSignedIn(browser), true, "a link alone signs nobody out");
    const evil = await end(browser, { client_id: app.client_id, post_logout_redirect_uri: "https://evil.test/" });
    assert.equal(evil.foreign, false);
    assert.ok(!evil.html.includes('href="https://evil.test'), "a way to an address nobody registered");
    const done = await browser.press(asked, "confirm");
    assert.equal(done.foreign, false);
    assert.equal(done.status, 200);
    assert.equal(await isSignedIn(browser), false);
  });

  it("with the app's own ID token, the registered address gets the browser back, state byte for byte (LO-04)", async () => {
    const { issuer, alice } = world();
    const { browser, id_token } = await getTokens(issuer, app, { user: alice });
    const state = `a b+c%2B&d="><script>alert(1)</script>é`;
    const page = await end(browser, { id_token_hint: id_token, post_logout_redirect_uri: goodbye, state });
    assert.doesNotMatch(page.html, /<script>alert/);
    const left = await confirmed(browser, page);
    assert.equal(left.foreign, true, left.text);
    assert.equal(`${left.url.origin}${left.url.pathname}`, goodbye);
    assert.equal(left.url.searchParams.get("state"), state);
    assert.equal(await isSignedIn(browser), false);
    const huge = await end(browser, {
      id_token_hint: id_token,
      post_logout_redirect_uri: goodbye,
      state: "s".repeat(65_000),
    }).catch(() => undefined);
    assert.ok(huge === undefined || huge.status < 500);
  });

  it("LO-02 a hint that is forged, or of another issuer, ends nothing by itself and leads nowhere", async () => {
    const { issuer, alice, bob } = world();
    const { browser, id_token } = await getTokens(issuer, app, { user: alice });
    const [header, payload, signature] = id_token.split(".");
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = claimsOf(id_token);
    for (const hint of [
      `${part({ alg: "none" })}.${payload}.`,
      `${header}.${part({ ...claims, sub: bob.subject })}.${signature}`,
      `${header}.${part({ ...claims, iss: "https://other.test" })}.${signature}`,
      `${header}.${payload}.`,
      "nonsense",
    ]) {
      const page = await end(browser, { id_token_hint: hint, post_logout_redirect_uri: goodbye });
      assert.equal(page.foreign, false, "a forged hint is followed");
      assert.ok(page.status < 500);
      assert.equal(await isSignedIn(browser), true, hint.slice(0, 20));
    }
  });

  it("the hint of another person does not sign this one out unasked", async () => {
    const { issuer, alice, bob } = world();
    const { browser } = await getTokens(issuer, app, { user: alice });
    const other = await getTokens(issuer, app, { user: bob });
    const page = await end(browser, { id_token_hint: other.id_token, post_logout_redirect_uri: goodbye });
    assert.equal(await isSignedIn(browser), true);
    assert.ok(page.status < 500);
  });

  it("the address must be the app's own, byte for byte", async () => {
    const { issuer, alice } = world();
    const { browser, id_token } = await getTokens(issuer, app, { user: alice });
    for (const uri of [
      `${goodbye}/`,
      `${goodbye}?x=1`,
      "http://127.0.0.1:9/GOODBYE",
      "javascript:alert(1)",
      "//evil.test/",
      "https://evil.test/",
    ]) {
      const page = await confirmed(
        browser.copy(),
        await end(browser.copy(), { id_token_hint: id_token, post_logout_redirect_uri: uri }),
      );
      assert.equal(page.foreign, false, uri);
    }
  });

  it("LO-09, P11 tokens bound to the session die with it, an offline grant stays; CD-10 an unredeemed code dies", async () => {
    const { issuer, alice } = world();
    const bound = await getTokens(issuer, app, { user: alice });
    const { browser } = bound;
    const offline = await getTokens(issuer, app, {
      user: alice,
      browser,
      params: { scope: "openid offline_access", prompt: "consent" },
    });
    const code = await getCode(issuer, app, { user: alice, browser });
    await confirmed(browser, await end(browser, { id_token_hint: bound.id_token }));
    assert.equal(await isSignedIn(browser), false);
    assert.equal((await refresh(issuer, app, bound.refresh_token)).json.error, "invalid_grant");
    assert.equal((await userinfo(issuer, bound.access_token)).status, 401);
    assert.equal((await introspect(issuer, app, bound.access_token)).json.active, false);
    assert.equal((await exchange(issuer, code)).json.error, "invalid_grant");
    assert.equal((await userinfo(issuer, offline.access_token)).status, 200);
    assert.equal((await refresh(issuer, app, offline.refresh_token)).status, 200);
  });

  it("LO-10 the next person in the same browser gets a session of their own and nothing of the last one's", async () => {
    const { issuer, alice, bob } = world();
    const first = await getTokens(issuer, app, { user: alice });
    const { browser } = first;
    const cookie = JSON.stringify([...browser.cookies("localhost")].sort());
    await confirmed(browser, await end(browser, { id_token_hint: first.id_token }));
    const second = await getTokens(issuer, app, { user: bob, browser, params: { scope: "openid email" } });
    assert.equal(claimsOf(second.id_token).sub, bob.subject);
    assert.notEqual(claimsOf(second.id_token).sid ?? "b", claimsOf(first.id_token).sid ?? "a");
    assert.notEqual(JSON.stringify([...browser.cookies("localhost")].sort()), cookie);
    assert.equal((await userinfo(issuer, second.access_token)).json.email, bob.email);
    const account = await browser.open(new URL("/account", issuer));
    assert.match(account.text, /bob@example\.test/);
    assert.doesNotMatch(account.html, /alice/i);
  });

  it("a cookie kept from before signing out is worth nothing", async () => {
    const { issuer, alice } = world();
    const { browser, id_token } = await getTokens(issuer, app, { user: alice });
    const kept = browser.copy();
    await confirmed(browser, await end(browser, { id_token_hint: id_token }));
    assert.equal(await isSignedIn(kept), false);
  });

  it("LO-11 the account page ends a session on another device, and its tokens with it", async () => {
    const { issuer, alice } = world();
    const other = await getTokens(issuer, app, { user: alice });
    const here = createBrowser(issuer);
    await signIn(here, await here.open(new URL("/login", issuer)), alice);
    const sid = claimsOf(other.id_token).sid;
    const page = await here.open(new URL("/account/sessions", issuer));
    const buttons = tagsOf(page.html).filter((tag) => tag.name === "button" && tag.attributes.name === "sid");
    assert.ok(buttons.length >= 1, page.text);
    if (typeof sid === "string") {
      await here.press(page, `sid=${sid}`);
    } else await here.press(page, "end-others");
    assert.equal(await isSignedIn(other.browser), false);
    assert.equal((await refresh(issuer, app, other.refresh_token)).json.error, "invalid_grant");
    assert.equal(await isSignedIn(here), true);
    const all = await here.open(new URL("/account/sessions", issuer));
    if (all.has("end-others")) await here.press(all, "end-others");
    assert.doesNotMatch((await here.open(new URL("/account/sessions", issuer))).html, /name="sid"/);
  });

  it("the sign-out button of the account page signs out, and a form of another site does not", async () => {
    const { issuer, alice } = world();
    const { browser } = await getTokens(issuer, app, { user: alice });
    const account = await browser.open(new URL("/account", issuer));
    const forged = await browser.press(
      account,
      "sign-out",
      {},
      { headers: { "Sec-Fetch-Site": "cross-site", Origin: "https://evil.test" } },
    );
    assert.ok(forged.status >= 400 && forged.status < 500);
    assert.equal(await isSignedIn(browser), true);
    const bare = await browser.post(new URL("/account/sign-out", issuer), {});
    assert.ok(bare.status >= 400 && bare.status < 500, "without the token of the form");
    assert.equal(await isSignedIn(browser), true);
    await browser.press(account, "sign-out");
    assert.equal(await isSignedIn(browser), false);
  });
});
