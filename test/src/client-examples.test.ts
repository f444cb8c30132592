/**
 * examples/remote-app as its readers start it, with our own server and with a provider written by others: the same with
 * createOAuth and by hand.
 *
 * RFC 6749 §4.1 and §6, RFC 7636.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as pass } from "node:timers/promises";
import { createBrowser, type FetchBrowser, type PageOf } from "./lib/browser.ts";
import { foreigner, startForeignProvider } from "./lib/foreign-provider.ts";
import { type RunningExample, setUp, startExample, twoPorts } from "./lib/running-example.ts";

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

/** The two ways of remote-app: where each starts and where it ends. */
const remoteWays = [
  { way: "with createOAuth", start: "/auth/login/remote?returnTo=/me", home: "/", leave: "sign-out" },
  { way: "by hand", start: "/by-hand/login", home: "/by-hand/me", leave: "forget" },
] as const;

function deniedWithReason(page: PageOf, reason: RegExp): void {
  assert.equal(page.status, 403, page.text);
  assert.match(page.find("reason")?.text ?? "", reason);
}

describe("examples/remote-app with our own server", () => {
  let example: RunningExample;
  let browser: FetchBrowser;
  before(async () => {
    example = await startExample("remote-app", { env: { EXAMPLE_ACCESS_SECONDS: "2" } });
    browser = createBrowser([example.app, example.issuer]);
    await setUp(example, browser, frida);
  });
  after(() => example?.[Symbol.asyncDispose]());

  for (const { way, start } of remoteWays) {
    it(`${way}: who does not allow it is told so, with the reason`, async () => {
      const consent = await browser.open(example.app + start);
      deniedWithReason(await browser.press(consent, "deny"), /access_denied/);
      assert.ok(!(await browser.open(`${example.app}/`)).has("name"));
    });
  }

  for (const { way, start, home, leave } of remoteWays) {
    it(`${way}: connects, asks the API relative to the base URL, and goes on when the token has expired`, async () => {
      let page = await browser.open(example.app + start);
      if (page.has("allow")) page = await browser.press(page, "allow");
      assert.equal(answerOf(page).name, frida.name);
      const me = page.url;
      await pass(2_500);
      assert.equal(answerOf(await browser.open(me)).name, frida.name);
      const left = await browser.press(await browser.open(example.app + home), leave);
      assert.ok(left.has("sign-in"), left.text);
    });
  }

  it("by hand: an answer this browser did not ask for is refused, and leaves nothing behind", async () => {
    const stranger = createBrowser([example.app]);
    assert.equal((await stranger.open(`${example.app}/by-hand/callback?code=x&state=y`)).status, 400);
    assert.deepEqual(stranger.setCookies, []);
  });
});

describe("examples/remote-app with oidc-provider", () => {
  it("connects, asks, goes on when the token has expired, and shows why somebody was denied, both ways", async () => {
    const ports = await twoPorts();
    const app = `http://localhost:${ports.appPort}`;
    let denies = false;
    await using provider = await startForeignProvider(
      [clientWith([`${app}/auth/callback/remote`, `${app}/by-hand/callback`])],
      {
        // Asked at each request: this is how it lets others refuse one.
        extraParams: {
          mood: () => {
            const answer = { expose: true, allow_redirect: true, statusCode: 400, error_description: "Frida said no" };
            if (denies) throw Object.assign(new Error("access_denied"), answer);
          },
        },
      },
    );
    const { issuer } = provider;
    await using example = await startExample("remote-app", {
      ports,
      env: {
        REMOTE_AUTHORIZE_URL: `${issuer}/auth`,
        REMOTE_TOKEN_URL: `${issuer}/token`,
        REMOTE_BASE_URL: issuer,
        REMOTE_ME: "/me",
        REMOTE_SCOPE: "openid profile",
        REMOTE_CLIENT_ID: "example",
        REMOTE_CLIENT_SECRET: client_secret,
      },
    });
    const browser = createBrowser([example.app, issuer]);
    const pages: PageOf[] = [];
    for (const { start } of remoteWays) {
      pages.push(await browser.open(app + start));
      assert.equal(answerOf(pages.at(-1) as PageOf).name, foreigner.name);
    }
    // Tokens live for three seconds there.
    await pass(3_500);
    const refreshes = () => provider.requests.filter((line) => line === "POST /token").length;
    const count = refreshes();
    for (const { url } of pages) assert.equal(answerOf(await browser.open(url)).name, foreigner.name);
    assert.equal(refreshes() - count, 2);
    denies = true;
    for (const { start } of remoteWays) {
      deniedWithReason(await browser.open(app + start), /access_denied.*Frida said no/);
    }
  });
});
