/**
 * The pages for devices and requests from elsewhere in a real Chromium: with and without JavaScript, small, light and dark.
 *
 * RFC 8628 §3.3, §5.4, RFC 10027 (user experience), CIBA Core §7.1; WCAG 2.2 AA by axe. Row DV-14 of the catalogue of attacks.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  axeViolations,
  type Browser,
  type BrowserContext,
  type Page,
  startChromium,
} from "@valetkey/test-support/chromium";
import { useWorld } from "./lib/fixtures.ts";
import { postAs } from "./lib/flow.ts";

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code";
const cibaGrant = "urn:openid:params:grant-type:ciba";
const longName = "A rather long name of a television that people might really give to theirs";

describe("pages for devices in Chromium", () => {
  const world = useWorld(() => ({
    clients: {
      tv: { name: longName, pub: true, redirect_uris: [], grant_types: [deviceGrant, "refresh_token"] },
      desk: { name: "Call Centre", redirect_uris: [], grant_types: [cibaGrant] },
    },
    config: {
      scopes: { "photos:read": "See your photos" },
      grants: ["authorization_code", "refresh_token", deviceGrant, cibaGrant],
    },
  }));
  let chromium: Browser;
  before(async () => {
    chromium = await startChromium();
  });
  after(() => chromium?.close());

  const startDevice = async (): Promise<{
    device_code: string;
    user_code: string;
    verification_uri_complete: string;
  }> => {
    const { issuer, client } = world();
    const scope = "openid profile photos:read offline_access";
    return (await postAs(new URL("/device-authorization", issuer), client("tv"), { scope })).json;
  };
  const ring = async (): Promise<void> => {
    const { issuer, client, alice } = world();
    const form = { scope: "openid email", login_hint: alice.email, binding_message: "Order 4711, 42,00 €" };
    const reply = await postAs(new URL("/backchannel-authentication", issuer), client("desk"), form);
    assert.equal(reply.status, 200, reply.text);
  };
  const signIn = async (page: Page): Promise<void> => {
    await page.fill("#username", world().alice.email);
    await page.fill("#password", world().alice.password);
    await page.click("#submit");
  };

  for (const [javaScriptEnabled, width] of [
    [true, 320],
    [false, 1000],
  ] as const) {
    it(`from the code to the end, ${width} px wide, ${javaScriptEnabled ? "with" : "without"} JavaScript`, async () => {
      const context = await chromium.newContext({ javaScriptEnabled, viewport: { width, height: 700 } });
      const { page, problems, look } = await watched(context, javaScriptEnabled);
      const { issuer } = world();
      const device = await startDevice();

      await page.goto(`${issuer}/device`);
      assert.equal(await page.getAttribute("input#user_code", "autocapitalize"), "characters");
      assert.equal(await page.getAttribute("input#user_code", "autocomplete"), "off");
      await look("code");
      await page.fill("#user_code", "bbbb bbbb");
      await page.click("#submit");
      await page.waitForSelector("#problem");
      assert.equal(await page.inputValue("#user_code"), "BBBB-BBBB");
      assert.equal(await page.getAttribute("#user_code", "aria-invalid"), "true");
      await look("wrong code", ["dark", "light"]);
      await page.fill("#user_code", ` ${device.user_code.toLowerCase().replace("-", " ")} `);
      await page.keyboard.press("Enter");
      await page.waitForSelector("#username");
      await look("sign in");
      await signIn(page);
      await page.waitForSelector("#user-code");
      await look("compare", ["dark", "light"]);
      assert.equal((await page.textContent("#user-code"))?.trim(), device.user_code);
      assert.match((await page.textContent("#origin")) ?? "", /from the network you are on now/);
      const [deny, allow] = [await page.locator("#deny").boundingBox(), await page.locator("#allow").boundingBox()];
      assert.ok(deny && allow && Math.abs(deny.width - allow.width) < 2, "refusing is as easy as allowing");
      assert.notEqual(await focused(page, javaScriptEnabled), "allow");
      await page.click("#allow:not([disabled])");
      await page.waitForSelector('[data-done="approved"]');
      await look("connected", ["dark", "light"]);
      const token = await postAs(new URL("/token", issuer), world().client("tv"), {
        grant_type: deviceGrant,
        device_code: device.device_code,
      });
      assert.equal(token.status, 200, token.text);

      const refused = await startDevice();
      await page.goto(refused.verification_uri_complete);
      await look("code from a link");
      assert.equal(await page.inputValue("#user_code"), refused.user_code);
      await page.click("#submit");
      await page.click("#deny");
      await page.waitForSelector('[data-done="denied"]');
      await look("refused");

      await page.goto(`${issuer}/approve`);
      await look("no requests");
      await ring();
      await page.reload();
      await look("requests");
      await page.click('a[href*="request="]');
      await page.waitForSelector("#binding-message");
      await look("request", ["dark", "light"]);
      assert.equal((await page.textContent("#binding-message"))?.trim(), "Order 4711, 42,00 €");
      await page.click("#allow:not([disabled])");
      await page.waitForSelector('[data-done="approved"]');
      await look("allowed");
      await page.goto(`${issuer}/approve?request=over`);
      await look("request that is over");
      assert.deepEqual(problems, []);
      await context.close();
    });
  }
});

const focused = async (page: Page, scripts: boolean): Promise<unknown> =>
  scripts ? page.evaluate("document.activeElement?.id ?? ''") : undefined;

/** A page, and what the browser, axe and a ruler complain of. */
async function watched(context: BrowserContext, scripts: boolean) {
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !/status of 4\d\d/.test(message.text()))
      problems.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`${page.url()}: ${error.message}`));
  page.on("requestfailed", (request) => problems.push(`${request.url()}: ${request.failure()?.errorText}`));
  return {
    page,
    problems,
    async look(name: string, schemes: readonly ("dark" | "light")[] = ["dark"]): Promise<void> {
      assert.equal(await page.locator("h1").count(), 1, name);
      // Without scripts neither axe nor the ruler runs.
      if (!scripts) return;
      for (const colorScheme of schemes) {
        await page.emulateMedia({ colorScheme });
        for (const line of await axeViolations(page)) problems.push(`${name} (${colorScheme}): ${line}`);
      }
      const overflow = (await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth",
      )) as number;
      if (overflow > 0) problems.push(`${name}: ${overflow} px wider than the screen`);
    },
  };
}
