/**
 * Signing out at the provider ends the applications' sessions at once: by the back channel, by frames in the browser, with and
 * without JavaScript. Our own client's receivers against our own server, in a real Chromium, each a site of its own.
 *
 * OpenID Connect Back-Channel Logout 1.0 §2.5 to §2.8, Front-Channel Logout 1.0 §2 and §3, RP-Initiated Logout 1.0 §2 and §3; LO-06.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { oidc } from "@valetkey/client/create-oauth";
import { axeViolations, type Browser, type Page, startChromium } from "@valetkey/test-support/chromium";
import { type ClientApp, startClientApp } from "./lib/client-app.ts";
import { codeAndRefresh, useWorld } from "./lib/fixtures.ts";
import { freePort } from "./lib/server.ts";
import { isMember, sessionOf } from "./lib/visitor.ts";

const channels = { back: ["back"], front: ["front"], frontToo: ["front"], both: ["back", "front"], deaf: [] } as const;
type AppName = keyof typeof channels;
const names = Object.keys(channels) as AppName[];

describe("signing out at the provider", () => {
  const ports = new Map<AppName, number>();
  const originOf = (name: AppName) => `http://127.0.0.1:${ports.get(name) ?? 0}`;
  const world = useWorld(async () => {
    for (const name of names) ports.set(name, await freePort());
    const client = (name: AppName) => {
      const told: readonly string[] = channels[name];
      const uri = (channel: string) => ({
        [`${channel}channel_logout_uri`]: `${originOf(name)}/auth/${channel}channel-logout/acme`,
        [`${channel}channel_logout_session_required`]: true,
      });
      return {
        name: `App ${name}`,
        redirect_uris: [`${originOf(name)}/auth/callback/acme`],
        post_logout_redirect_uris: [`${originOf(name)}/`],
        grant_types: codeAndRefresh,
        firstParty: true,
        more: Object.assign({}, ...told.map(uri)) as Record<string, unknown>,
      };
    };
    return { clients: Object.fromEntries(names.map((name) => [name, client(name)])) };
  });
  const apps = new Map<AppName, ClientApp>();
  const app = (name: AppName) => {
    const found = apps.get(name);
    if (found === undefined) throw new Error(`the application ${name} did not start`);
    return found;
  };
  let chromium: Browser;
  before(async () => {
    const { issuer, client } = world();
    for (const name of names) {
      const { client_id, client_secret = "" } = client(name);
      const providers = [oidc("acme", { issuer, client_id, client_secret })];
      apps.set(name, await startClientApp({ port: ports.get(name) ?? 0, providers }));
    }
    chromium = await startChromium();
  });
  after(async () => {
    await chromium?.close();
    for (const one of apps.values()) await one[Symbol.asyncDispose]();
  });

  /** Somebody's browser, signed in at these applications, at the last of them still with its cookie. */
  async function signedIn(at: readonly AppName[], javaScriptEnabled = true) {
    const context = await chromium.newContext({ javaScriptEnabled });
    context.setDefaultTimeout(8_000);
    const page = await context.newPage();
    const sessions = new Map<AppName, string>();
    for (const name of at) {
      // Cookies know no ports: each application would take the one of the other for its own.
      await context.clearCookies({ name: "vk_app" });
      await page.goto(`${originOf(name)}/in`);
      if (page.url().startsWith(world().issuer)) {
        await page.fill("#username", world().alice.email);
        await page.fill("#password", world().alice.password);
        await page.click("#submit");
        await page.waitForURL(`${originOf(name)}/in`);
      }
      await isMember(page, "/in");
      sessions.set(name, (await sessionOf(context))?.value ?? "");
    }
    /** Whether the application still knows whoever has the cookie. */
    const isIn = async (name: AppName) => {
      const headers = { Cookie: `vk_app=${sessions.get(name)}` };
      return (await (await fetch(`${originOf(name)}/`, { headers })).text()).includes("Signed in as");
    };
    return { page, isIn, [Symbol.asyncDispose]: () => context.close() };
  }
  /** Told by the server itself, which nobody waits for: soon is soon enough. */
  const soon = async (is: () => boolean | Promise<boolean>) => {
    for (let tries = 0; tries < 100; tries++) {
      if (await is()) return;
      await pause(30);
    }
    assert.ok(await is());
  };
  const told = (name: AppName, line: string) => app(name).answers.filter((answer) => answer === line).length;

  it("ends the application's session before the next click, by the back channel: no frame is shown for it", async () => {
    await using person = await signedIn(["back"]);
    const { page, isIn } = person;
    assert.equal(await isIn("back"), true);
    await page.goto(`${world().issuer}/logout`);
    await page.click("#confirm");
    await page.waitForURL("**/logout?done=1");
    await soon(async () => !(await isIn("back")));
    await page.goto(`${originOf("back")}/`);
    await page.waitForSelector("#sign-in");
    assert.equal(told("back", "200 POST /auth/backchannel-logout/acme"), 1);
  });

  for (const javaScript of [true, false]) {
    it(`ends the sessions of applications in frames, JavaScript ${javaScript ? "on" : "off"}, and goes on by itself`, async () => {
      await using person = await signedIn(["front", "frontToo", "deaf"], javaScript);
      const { page, isIn } = person;
      for (const name of ["front", "frontToo", "deaf"] as const) assert.equal(await isIn(name), true, name);
      const before = told("front", "200 GET /auth/frontchannel-logout/acme");
      // What is left then is that the frames are there.
      if (javaScript) await patient(page);
      await page.goto(`${world().issuer}/account`);
      await page.goto(`${world().issuer}/logout`);
      const shown = page.waitForResponse((response) => response.url().includes("/logout?logout=") && response.ok());
      await page.click("#confirm");
      const response = await shown;
      await page.waitForURL("**/logout?done=1");
      const policy = response.headers()["content-security-policy"] ?? "";
      const named = /frame-src ([^;]+)/.exec(policy)?.[1]?.split(" ").sort();
      assert.deepEqual(named, [originOf("front"), originOf("frontToo")].sort());
      assert.match(policy, /default-src 'none'/);
      assert.equal(told("front", "200 GET /auth/frontchannel-logout/acme") - before, 1);
      assert.equal(await isIn("front"), false);
      assert.equal(await isIn("frontToo"), false);
      assert.equal(await isIn("deaf"), true, "an application that has no way to hear of it goes on");
    });
  }

  /** The page of frames waits for them for ever. */
  const patient = (page: Page) =>
    page.addInitScript(
      "const later = setTimeout; window.setTimeout = (run, ms, ...more) => ms === 2000 ? 0 : later(run, ms, ...more);",
    );

  /** The application takes for ever to answer in its frame. */
  async function holding(work: () => Promise<void>): Promise<void> {
    const held = Promise.withResolvers<void>();
    app("front").before = (url) => (url.startsWith("/auth/frontchannel-logout/") ? held.promise : undefined);
    try {
      await work();
    } finally {
      held.resolve();
      app("front").before = () => {};
    }
  }

  it("is not held up by an application that does not answer", async () => {
    await using person = await signedIn(["front"]);
    const { page } = person;
    await holding(async () => {
      await page.goto(`${world().issuer}/logout`);
      await page.click("#confirm");
      await page.waitForURL("**/logout?done=1");
    });
  });

  it("is shown on a page for everybody, which says what happens and has a way on", async () => {
    await using person = await signedIn(["front"]);
    const { page } = person;
    await patient(page);
    await holding(async () => {
      await page.goto(`${world().issuer}/logout`);
      await page.click("#confirm");
      await page.waitForSelector("iframe", { state: "attached" });
      assert.equal(await page.textContent("#title"), "Signing you out of 1 app");
      assert.equal(await page.getAttribute("iframe", "sandbox"), "allow-scripts allow-same-origin");
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        assert.deepEqual(await axeViolations(page), [], colorScheme);
      }
      await page.click("#onward");
      await page.waitForURL("**/logout?done=1");
    });
  });

  it("by an application's wish ends the others by both channels, and leads back to it", async () => {
    await using person = await signedIn(["both", "deaf"]);
    const { page, isIn } = person;
    const before = told("both", "200 POST /auth/backchannel-logout/acme");
    await page.goto(`${originOf("deaf")}/in`);
    await page.click("#leave");
    await page.waitForURL(`${originOf("deaf")}/`);
    await page.waitForSelector("#sign-in");
    assert.equal(await isIn("both"), false);
    await soon(() => told("both", "200 POST /auth/backchannel-logout/acme") - before === 1);
    await page.goto(`${world().issuer}/account`);
    assert.match(page.url(), /\/login/, "signed out here, too");
  });

  it("of another device in the account's list ends what applications have there", async () => {
    await using far = await signedIn(["back"]);
    await using near = await signedIn(["deaf"]);
    const { page } = near;
    await page.goto(`${world().issuer}/account/sessions`);
    await page.click("#end-others");
    await soon(async () => !(await far.isIn("back")));
    assert.equal(await near.isIn("deaf"), true);
  });
});
