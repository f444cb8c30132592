/**
 * examples/social-login as its readers start it: several ways to sign in, of which one is a provider written by others, one
 * person with several accounts, and what happens when something goes wrong.
 *
 * RFC 6749 §4.1 and §6, OpenID Connect Core §5.7 (who is who), RP-Initiated Logout §2.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as pass } from "node:timers/promises";
import { createBrowser, type FetchBrowser, type PageOf } from "./lib/browser.ts";
import { type ForeignProvider, foreigner, startForeignProvider } from "./lib/foreign-provider.ts";
import { follow, type RunningExample, setUp, startExample, twoPorts } from "./lib/running-example.ts";

const client_secret = "a-secret-of-the-example-0123456789-0123456789";
const frida = { email: foreigner.email, name: "Frida Fernandez" };
const answerOf = (page: PageOf) => JSON.parse(page.find("answer")?.text ?? page.text) as Record<string, unknown>;
const clientWith = (redirect_uris: string[], more: object = {}) => ({
  client_id: "example",
  client_secret,
  redirect_uris,
  grant_types: ["authorization_code", "refresh_token"],
  response_types: ["code"],
  ...more,
});

function deniedWithReason(page: PageOf, reason: RegExp): void {
  assert.equal(page.status, 403, page.text);
  assert.match(page.find("reason")?.text ?? "", reason);
}

describe("examples/social-login", () => {
  let company: ForeignProvider;
  let example: RunningExample;
  let app: string;
  /** Has an account with our server and is signed in there. */
  let browser: FetchBrowser;
  before(async () => {
    const ports = await twoPorts();
    app = `http://localhost:${ports.appPort}`;
    company = await startForeignProvider([
      clientWith([`${app}/auth/callback/company`], { post_logout_redirect_uris: [`${app}/`] }),
    ]);
    example = await startExample("social-login", {
      ports,
      env: {
        EXAMPLE_ACCESS_SECONDS: "2",
        COMPANY_ISSUER: company.issuer,
        COMPANY_CLIENT_ID: "example",
        COMPANY_CLIENT_SECRET: client_secret,
        COMPANY_NAME: "Example Ltd",
        GITHUB_CLIENT_ID: "github-client",
        GITHUB_CLIENT_SECRET: "github-secret",
        GOOGLE_CLIENT_ID: "",
      },
    });
    browser = createBrowser([app, example.issuer, company.issuer]);
    await setUp(example, browser, frida);
  });
  after(async () => {
    await example?.[Symbol.asyncDispose]();
    await company?.[Symbol.asyncDispose]();
  });

  const signIn = async (who: FetchBrowser, way: "valetkey" | "company", to = "/profile") => {
    const page = await who.open(`${app}/auth/login/${way}?returnTo=${encodeURIComponent(to)}`);
    return page.has("allow") ? who.press(page, "allow") : page;
  };
  const signOut = (who: FetchBrowser) => who.post(`${app}/auth/logout`, {});

  it("offers the ways that are configured, and no others", async () => {
    const login = await follow(browser, await browser.open(app), "sign-in");
    assert.match(login.text, /Continue with Valetkey.*Continue with Example Ltd.*Continue with GitHub/);
    assert.ok(!login.has("way-google"));
    const { url, foreign } = await follow(browser, login, "way-github");
    assert.ok(foreign);
    assert.equal(url.origin + url.pathname, "https://github.com/login/oauth/authorize");
    assert.equal(url.searchParams.get("redirect_uri"), `${app}/auth/callback/github`);
    assert.equal(url.searchParams.get("code_challenge_method"), "S256");
  });

  it("shows in its own frame why a sign-in failed, and how to start again", async () => {
    const login = await browser.open(`${app}/profile?done=saved`);
    const denied = await browser.press(await follow(browser, login, "way-valetkey"), "deny");
    deniedWithReason(denied, /access_denied/);
    assert.ok(denied.has("to-sign-in"), "it is a page of this site");
    assert.match(denied.headers.get("Content-Security-Policy") ?? "", /style-src 'self'/);
    assert.match(denied.html, /\/auth\/login\/valetkey\?returnTo=%2Fprofile%3Fdone%3Dsaved/);
    for (const [path, status] of [
      ["/auth/login/nobody", 404],
      ["/auth/callback/company?code=x&state=y", 400],
    ] as const) {
      const page = await browser.open(app + path);
      assert.equal(page.status, status);
      assert.ok(page.has("to-sign-in") && page.has("hint"), page.html);
    }
    const lost = await browser.open(`${app}/nowhere`);
    assert.equal(lost.status, 404);
    assert.ok(lost.has("to-sign-in"));
  });

  it("the guard returns to the page somebody was going to; preferences are kept; forged forms are not", async () => {
    const login = await browser.open(`${app}/profile?done=saved`);
    const profile = await browser.press(await follow(browser, login, "way-valetkey"), "allow");
    assert.equal(profile.url.href, `${app}/profile?done=saved`);
    assert.equal(profile.find("name")?.text, frida.name);
    const saved = await browser.press(profile, "save", { name: "Frida F." });
    assert.match(saved.text, /Saved/);
    assert.match((await browser.open(app)).text, /Hello, Frida F\./);
    const foreign = { headers: { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" } };
    assert.equal((await browser.post(`${app}/profile`, { name: "Evil" }, foreign)).status, 403);
    assert.equal((await browser.post(`${app}/auth/logout`, {}, foreign)).status, 403);
    assert.match((await browser.open(app)).text, /Hello, Frida F\./);
  });

  it("asks the provider with a token that is renewed, whichever provider it is", async () => {
    await pass(2_500);
    const own = await follow(browser, await browser.open(`${app}/profile`), "ask-valetkey");
    assert.equal(answerOf(own).name, frida.name);
    const other = createBrowser([app, company.issuer]);
    const profile = await signIn(other, "company");
    await pass(3_500);
    assert.equal(answerOf(await follow(other, profile, "ask-company")).name, foreigner.name);
  });

  it("a permission that the person took back is explained, and given anew", async () => {
    const { issuer } = example;
    await signIn(browser, "valetkey");
    await browser.press(await browser.open(`${issuer}/account/apps`), "client_id=social-login");
    await pass(2_500);
    const ended = await browser.open(`${app}/profile/ask/valetkey`);
    assert.equal(ended.status, 401, ended.text);
    assert.ok(ended.has("hint") && ended.has("to-profile"), ended.html);
    const again = /href="(\/auth\/login\/valetkey\?[^"]*)"/.exec(ended.html)?.[1] ?? "";
    const answer = await browser.press(await browser.open(app + again), "allow");
    assert.equal(answer.url.href, `${app}/profile/ask/valetkey`);
    assert.equal(answerOf(answer).name, frida.name);
  });

  it("the same e-mail address elsewhere is another person, until whoever is signed in adds the account", async () => {
    const other = createBrowser([app, company.issuer]);
    const stranger = await signIn(other, "company");
    assert.ok(stranger.text.includes(foreigner.email) && !stranger.text.includes("Frida F."), stranger.text);
    // A link adds nothing: it signs in. Nor does a form from elsewhere.
    const foreign = { headers: { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" } };
    const forged = await browser.post(`${app}/auth/login/company`, { link: "true" }, foreign);
    assert.deepEqual([forged.status, forged.has("to-profile")], [403, true]);

    const failed = await browser.open(`${app}/auth/callback/company?error=access_denied&state=x`);
    assert.ok(failed.has("to-profile"), "whoever fails to add an account is still signed in");
    const added = await browser.press(await browser.open(`${app}/profile`), "connect-company");
    assert.equal(added.url.pathname, "/profile");
    assert.match(added.text, /From now on you can sign in with this account too/);
    assert.match(added.text, /Signed in with Valetkey as Frida Fernandez/);
    assert.equal(answerOf(await follow(browser, added, "ask-company")).name, foreigner.name);
    assert.equal(answerOf(await follow(browser, added, "ask-valetkey")).name, frida.name);
    assert.match((await signIn(other, "company", "/")).text, /Hello, Frida F\./);
  });

  it("an account that was removed is signed out at once and is somebody new afterwards; the one in use stays", async () => {
    const other = createBrowser([app, company.issuer]);
    const form = { issuer: company.issuer, sub: foreigner.sub };
    const { url } = await signIn(other, "company", "/");
    assert.equal(url.pathname, "/");
    assert.match((await other.post(`${app}/disconnect`, form)).text, /The account you are signed in with stays/);
    await signIn(browser, "valetkey");
    assert.match((await browser.post(`${app}/disconnect`, form)).text, /The account was removed/);
    assert.ok((await other.open(app)).has("sign-in"), "whoever is signed in with it is so no more");
    const begun = await signIn(createBrowser([app, company.issuer]), "company", "/");
    assert.match(begun.text, new RegExp(`Hello, ${foreigner.name}`));
    assert.match((await browser.open(app)).text, /Hello, Frida F\./);
    await signOut(browser);
  });

  it("signs out in every browser, and at the provider", async () => {
    const other = createBrowser([app, company.issuer]);
    await signIn(other, "company");
    const profile = await signIn(browser, "company");
    await browser.press(profile, "sign-out-everywhere");
    for (const who of [browser, other]) assert.ok((await who.open(app)).has("sign-in"));

    const left = await browser.press(await signIn(browser, "valetkey"), "sign-out-provider");
    assert.ok(
      left.trail.some(({ url }) => url.startsWith(example.issuer)),
      "went by the provider",
    );
    assert.ok((await browser.open(app)).has("sign-in"));
    const away = await other.press(await signIn(other, "company"), "sign-out-provider");
    assert.ok(away.trail.some(({ url }) => url.startsWith(`${company.issuer}/session/end`)));
  });
});
