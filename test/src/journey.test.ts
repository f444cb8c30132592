/**
 * The main job, as a newcomer does it: `npm start`, open the app, sign in, see who asks for what, allow, call the API, call it
 * again after the token has expired, sign out. In a real Chromium, with and without JavaScript.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as until } from "node:timers/promises";
import { axeViolations, type Browser, type Page, startChromium } from "@valetkey/test-support/chromium";
import { type RunningProcess, startProcess } from "@valetkey/test-support/process";
import { freePort } from "./lib/server.ts";

const start = resolve(import.meta.dirname, "../../examples/sign-in/dist/start.js");
const password = "a long walk along the sea";
let folder: string;
let browser: Browser;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "valetkey-journey-"));
  browser = await startChromium();
});
after(async () => {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
});

async function npmStart(cwd: string): Promise<{ running: RunningProcess; issuer: string; app: string }> {
  const [port, appPort] = [await freePort(), await freePort()];
  const running = await startProcess(process.execPath, [start], {
    cwd,
    env: {
      PATH: process.env.PATH,
      HOME: cwd,
      PORT: String(port),
      APP_PORT: String(appPort),
      EXAMPLE_ACCESS_SECONDS: "2",
    },
    ready: `ready http://localhost:${port}`,
  });
  return { running, issuer: `http://localhost:${port}`, app: `http://localhost:${appPort}` };
}

async function answerOf(page: Page): Promise<{ message: string; sub: string; exp: number }> {
  await page.goto(new URL("/", page.url()).href);
  await page.click("#call");
  await page.waitForSelector("#answer");
  return JSON.parse((await page.textContent("#answer")) ?? "");
}

for (const javaScriptEnabled of [true, false]) {
  test(`a person signs in to the example app and out again, JavaScript ${javaScriptEnabled ? "on" : "off"}`, async () => {
    const { running, issuer, app } = await npmStart(await mkdtemp(join(folder, "run-")));
    const context = await browser.newContext({ javaScriptEnabled });
    context.setDefaultTimeout(8_000);
    const page = await context.newPage();
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    const look = async (where: string) => {
      if (javaScriptEnabled) assert.deepEqual(await axeViolations(page), [], where);
    };
    try {
      await page.goto(app);
      await look("the app, signed out");
      await page.click("#sign-in");
      await page.waitForURL(`${issuer}/login**`);
      await look("login before there is an account");

      // The first account, through the link the terminal shows.
      const link = /http:\/\/localhost:\d+\/setup\?token=\S+/.exec(running.stderr())?.[0];
      assert.ok(link, `no set-up link in:\n${running.stderr()}`);
      assert.match(
        running.stderr(),
        /^ {2}Open the link beside .first account. first, .* open http:\S+ and sign in\.$/m,
      );
      await page.goto(link);
      await look("set-up");
      await page.fill("[name=email]", "ada@example.com");
      await page.fill("[name=name]", "Ada Lovelace");
      await page.fill("[name=password]", password);
      await page.click("#submit");
      await page.waitForURL(`${issuer}/account**`);
      await look("account");

      // The link works once.
      assert.equal((await page.goto(link))?.status(), 404);
      assert.equal(await page.locator("[name=password]").count(), 0);
      // The browser notes the 404 just asked for.
      assert.deepEqual(
        problems.splice(0).filter((problem) => !problem.includes("404")),
        [],
      );

      // Back in the app: already signed in at the server, so only consent is asked.
      await page.goto(app);
      await page.click("#sign-in");
      await page.waitForURL(`${issuer}/consent**`);
      await look("consent");
      const asked = await page.textContent("main");
      for (const words of ["Example app", "Ada Lovelace", "ada@example.com", "localhost"]) {
        assert.ok(asked?.includes(words), `consent does not say ${words}`);
      }
      await page.click("#allow");
      await page.waitForURL(`${app}/`);
      assert.equal(await page.textContent("#name"), "Ada Lovelace");
      assert.equal(await page.textContent("#email"), "ada@example.com");
      await look("the app, signed in");

      // The API, before and after the first access token has expired.
      const first = await answerOf(page);
      assert.equal(first.message, "You are allowed in.");
      // The app counts from when it got the token, in whole seconds: by then it has expired for everybody.
      await until(Math.max(0, first.exp * 1000 - Date.now()) + 1_500);
      const second = await answerOf(page);
      assert.equal(second.message, "You are allowed in.");
      assert.ok(second.exp > first.exp, "a fresh access token was used");
      assert.equal(second.sub, first.sub);

      // Without a token, and with rubbish, the API says no.
      assert.equal((await fetch(`${app}/api/profile`)).status, 401);
      assert.equal((await fetch(`${app}/api/profile`, { headers: { Authorization: "Bearer x" } })).status, 401);

      await page.goto(app);
      await page.click("#sign-out");
      await page.waitForSelector("#sign-in");

      // Later, with the same account: the consent is remembered.
      await context.clearCookies();
      await page.goto(app);
      await page.click("#sign-in");
      await page.fill("#username", "ada@example.com");
      await page.fill("#password", password);
      await page.click("#submit");
      await page.waitForURL(`${app}/`);
      assert.equal(await page.textContent("#name"), "Ada Lovelace");
      assert.deepEqual(problems, []);
    } catch (error) {
      throw new Error(`at ${page.url()}: ${await page.textContent("body").catch(() => "")}`, { cause: error });
    } finally {
      await context.close();
      const ended = await running.stop();
      assert.equal(ended.code, 0, running.stderr());
    }
  });
}
