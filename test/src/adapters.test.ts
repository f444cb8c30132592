/**
 * The example app in each framework, as a program of its own, with our own server as its provider: guarded page, API call, a
 * permission that is taken away, sign-out; over plain HTTP and once in a real Chromium.
 */
import assert from "node:assert/strict";
import { resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type Browser, startChromium } from "@valetkey/test-support/chromium";
import { type RunningProcess, startProcess } from "@valetkey/test-support/process";
import { createBrowser } from "./lib/browser.ts";
import { codeAndRefresh, useWorld } from "./lib/fixtures.ts";
import { signIn } from "./lib/flow.ts";
import { freePort } from "./lib/server.ts";

const frameworks = ["hono", "express", "fastify", "node"] as const;
const folder = resolve(import.meta.dirname, "../../examples/adapters/dist");

describe("the same app in every framework", { concurrency: 1 }, () => {
  const ports = new Map<string, number>();
  const world = useWorld(async () => {
    for (const name of frameworks) ports.set(name, await freePort());
    const app = (name: string) => ({
      name: `App in ${name}`,
      redirect_uris: [`http://localhost:${ports.get(name)}/auth/callback/acme`],
      grant_types: codeAndRefresh,
    });
    return {
      clients: Object.fromEntries(frameworks.map((name) => [name, app(name)])),
      config: { lifetimes: { access: 1 } },
    };
  });
  const running: RunningProcess[] = [];
  const urls = new Map<string, string>();
  let chromium: Browser;

  before(async () => {
    chromium = await startChromium();
    for (const name of frameworks) {
      const { client_id, client_secret = "" } = world().client(name);
      const port = `${ports.get(name)}`;
      const env = {
        PATH: process.env.PATH,
        PORT: port,
        ACME_ISSUER: world().issuer,
        ACME_CLIENT_ID: client_id,
        ACME_CLIENT_SECRET: client_secret,
      };
      running.push(await startProcess(process.execPath, [resolve(folder, `${name}.js`)], { env, ready: "ready http" }));
      urls.set(name, `http://localhost:${port}`);
    }
  });
  after(async () => {
    await chromium?.close();
    for (const one of running) await one.stop();
  });
  const urlOf = (name: string): string => urls.get(name) ?? assert.fail(`${name} was not started`);

  for (const name of frameworks) {
    it(`${name}: signs in and comes back, calls the API, signs in again after access was removed, signs out`, async () => {
      const { issuer, alice } = world();
      const app = urlOf(name);
      const browser = createBrowser([issuer, app]);
      assert.match((await browser.open(app)).text, /Nobody is signed in/);
      const program = await fetch(`${app}/me`, { headers: { Accept: "application/json" } });
      assert.equal(program.status, 401);
      assert.equal((await program.json()).error, "login_required");

      const consent = await signIn(browser, await browser.open(`${app}/me`), alice);
      assert.match(consent.text, new RegExp(`App in ${name}`));
      const me = await browser.press(consent, "allow");
      assert.equal(me.url.href, `${app}/me`);
      assert.match(me.text, /Signed in as Alice/);
      assert.match((await browser.open(`${app}/call`)).text, new RegExp(alice.subject));
      await pause(1_100);
      assert.match((await browser.open(`${app}/call`)).text, new RegExp(alice.subject), "after the token has expired");

      const apps = await browser.open(`${issuer}/account/apps`);
      await browser.press(apps, `client_id=${name}`);
      await pause(1_100);
      // The sign-in is a moment old: what went wrong is shown, with the way to mend it.
      const ended = await browser.open(`${app}/call`);
      assert.equal(ended.status, 401);
      const again = /href="(\/auth\/login\/acme[^"]*)"/.exec(ended.html)?.[1] ?? assert.fail(ended.text);
      const asked = await browser.open(`${app}${again}`);
      const back = await browser.press(asked, "allow");
      assert.equal(back.url.href, `${app}/call`);
      assert.match(back.text, new RegExp(alice.subject));

      const out = await browser.press(back, "sign-out");
      assert.match(out.text, /Nobody is signed in/);
      assert.ok(!browser.cookies("localhost").has("vk_app"));
    });

    it(`${name}: in Chromium`, async () => {
      const { issuer, alice } = world();
      const app = urlOf(name);
      const context = await chromium.newContext();
      context.setDefaultTimeout(8_000);
      try {
        const page = await context.newPage();
        await page.goto(app);
        await page.click("#sign-in");
        await page.waitForURL(`${issuer}/login**`);
        await page.fill("#username", alice.email);
        await page.fill("#password", alice.password);
        await page.click("#submit");
        await page.waitForURL(`${app}/me`);
        assert.equal(await page.textContent("#name"), "Alice");
        await page.click("#call");
        assert.equal(JSON.parse((await page.textContent("#answer")) ?? "").sub, alice.subject);
        await page.click("#sign-out");
        await page.waitForSelector("#sign-in");
        assert.equal(page.url(), `${app}/`);
        assert.ok(!(await context.cookies()).some((cookie) => cookie.name === "vk_app"));
      } finally {
        await context.close();
      }
    });
  }
});
