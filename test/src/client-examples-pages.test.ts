/**
 * The pages of examples/social-login in a real Chromium, light and dark: the whole way of a person, with nothing that axe finds
 * and no complaint of the browser.
 *
 * WCAG 2.2 AA by axe; CSP Level 3 §6.4.1 (a form that ends at a provider). TEST_SHOTS names a folder for pictures.
 */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { axeViolations, type Browser, type Page, startChromium } from "@valetkey/test-support/chromium";
import { createBrowser } from "./lib/browser.ts";
import { type ForeignProvider, startForeignProvider } from "./lib/foreign-provider.ts";
import { type RunningExample, setUp, startExample, twoPorts } from "./lib/running-example.ts";

const client_secret = "a-secret-of-the-example-0123456789-0123456789";
const ada = { email: "ada@example.com", name: "Ada Lovelace" };
const shots = process.env.TEST_SHOTS;

describe("the pages of examples/social-login", () => {
  let company: ForeignProvider;
  let example: RunningExample;
  let chromium: Browser;
  before(async () => {
    const ports = await twoPorts();
    const app = `http://localhost:${ports.appPort}`;
    company = await startForeignProvider([
      { client_id: "example", client_secret, redirect_uris: [`${app}/auth/callback/company`] },
    ]);
    const env = {
      COMPANY_ISSUER: company.issuer,
      COMPANY_CLIENT_ID: "example",
      COMPANY_CLIENT_SECRET: client_secret,
      COMPANY_NAME: "Example Ltd",
      GITHUB_CLIENT_ID: "github-client",
      GITHUB_CLIENT_SECRET: "github-secret",
    };
    [example, chromium] = await Promise.all([startExample("social-login", { ports, env }), startChromium()]);
    await setUp(example, createBrowser([app, example.issuer]), ada);
    if (shots !== undefined) await mkdir(shots, { recursive: true });
  });
  after(async () => {
    await chromium?.close();
    await example?.[Symbol.asyncDispose]();
    await company?.[Symbol.asyncDispose]();
  });

  for (const colorScheme of ["light", "dark"] as const) {
    it(`are readable for everybody, ${colorScheme}`, async () => {
      const { app, issuer } = example;
      const context = await chromium.newContext({ colorScheme, viewport: { width: 1000, height: 900 } });
      context.setDefaultTimeout(8_000);
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on("console", (message) => {
        // An error page is reported as one by its status; that is what it is.
        const said = `${page.url()}: ${message.text()}`;
        if (message.type() === "error" && !/status of 4\d\d/.test(said)) complaints.push(said);
      });
      page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error.message}`));
      const look = async (name: string) => {
        assert.deepEqual(await axeViolations(page), [], name);
        const wide = (await page.evaluate("document.documentElement.scrollWidth - innerWidth")) as number;
        assert.ok(wide <= 0, `${name} is wider than the window`);
        if (shots !== undefined)
          await page.screenshot({ path: join(shots, `social-${name}-${colorScheme}.png`), fullPage: true });
      };

      await page.goto(app);
      await look("home");
      await page.goto(`${app}/profile?done=saved`);
      await look("sign-in");
      await page.click("#way-valetkey");
      await signInAtOurServer(page);
      // The first time it is denied: the error page has a way on.
      if (await page.locator("#deny").count()) {
        await page.click("#deny");
        await page.waitForSelector("#reason");
        await look("denied");
        await page.click("main a");
        await page.click("#allow:not([disabled]):not([aria-disabled=true])");
      }
      await page.waitForURL(`${app}/profile?done=saved`);
      await look("profile");
      await page.click("#ask-valetkey");
      await page.waitForSelector("#answer");
      await look("answer");
      await page.goto(`${app}/profile`);
      await page.click("#connect-company");
      await page.waitForSelector("#ask-company");
      await look("connected");
      await page.setViewportSize({ width: 360, height: 740 });
      await look("narrow");
      await page.goto(`${app}/nowhere`);
      await look("not-found");
      // Signing out here leads by the other provider's own page, through no policy of ours that could stop it.
      await page.goto(`${app}/auth/login/valetkey?returnTo=/profile`);
      await page.click("#sign-out-provider");
      await page.waitForURL((url) => url.origin === issuer || url.pathname === "/");
      await page.goto(app);
      await page.waitForSelector("#sign-in");
      assert.deepEqual(complaints, []);
      await context.close();
    });
  }
});

async function signInAtOurServer(page: Page): Promise<void> {
  await page.fill("#username", ada.email);
  await page.fill("#password", "a long walk by the sea");
  await page.click("#submit");
  await page.waitForSelector("#deny, #name");
}
