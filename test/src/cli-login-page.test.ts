/**
 * The page at which a sign-in from a terminal ends, in a real Chromium, light and dark: nothing that axe finds, no script, no
 * complaint of the browser. The issuer is the one for tests, over real HTTP and with its own pages.
 *
 * WCAG 2.2 AA by axe; RFC 8252 §7.3; CSP Level 3. TEST_SHOTS names a folder for pictures.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { login } from "@valetkey/client/cli-login";
import { isClientError } from "@valetkey/client/client-error";
import { nodeHandler } from "@valetkey/provider/node";
import { startTestServer } from "@valetkey/provider/testing";
import { axeViolations, type Browser, type Page, startChromium } from "@valetkey/test-support/chromium";

const shots = process.env.TEST_SHOTS;

describe("the page at which a sign-in from a terminal ends", () => {
  let chromium: Browser;
  let server: Server;
  let issuer: string;
  let dir: string;
  before(async () => {
    chromium = await startChromium();
    dir = await mkdtemp(join(tmpdir(), "valetkey-cli-page-"));
    if (shots !== undefined) await mkdir(shots, { recursive: true });
    server = createServer().listen(0, "localhost");
    await once(server, "listening");
    issuer = `http://localhost:${(server.address() as AddressInfo).port}`;
    const tool = {
      client_id: "tool",
      token_endpoint_auth_method: "none",
      redirect_uris: ["http://127.0.0.1/callback"],
      grant_types: ["authorization_code", "refresh_token"],
    } as const;
    server.on("request", nodeHandler(await startTestServer({ issuer, users: [{ sub: "alice" }], clients: [tool] })));
  });
  after(async () => {
    await chromium?.close();
    server?.close();
    server?.closeAllConnections();
    await rm(dir, { recursive: true, force: true });
  });

  /** Does what a person does, as soon as the program has opened the address. */
  const walk = async (page: Page, url: string, decision: "allow" | "deny") => {
    await page.goto(url);
    if (await page.locator("#username").count()) {
      await page.fill("#username", "alice");
      await page.click("#submit");
    }
    await page.click(`#${decision}`);
    await page.waitForURL("http://127.0.0.1:*/**");
  };

  for (const colorScheme of ["light", "dark"] as const) {
    for (const [decision, title] of [
      ["deny", "Not signed in"],
      ["allow", "Signed in"],
    ] as const) {
      it(`is readable for everybody after ${decision}, ${colorScheme}`, async () => {
        const context = await chromium.newContext({ colorScheme, viewport: { width: 320, height: 700 } });
        context.setDefaultTimeout(8_000);
        const page = await context.newPage();
        const complaints: string[] = [];
        page.on("console", (message) => {
          // The icon that browsers ask for by themselves; and an error page is reported as one by its status.
          if (message.type() === "error" && !/status of 4\d\d|ERR_CONNECTION_REFUSED/.test(message.text()))
            complaints.push(message.text());
        });
        page.on("pageerror", (error) => complaints.push(error.message));
        let walking: Promise<void> | undefined;
        const open = (url: string): boolean => {
          walking = walk(page, url, decision);
          return true;
        };
        const output = { write: () => true };
        const signingIn = login({ issuer, clientId: "tool", dir, output, open, prompt: "consent" });
        if (decision === "allow") assert.equal((await signingIn).user.sub, "alice");
        else await assert.rejects(signingIn, (error) => isClientError(error, "access_denied"));
        await walking;
        assert.equal(await page.textContent("h1"), title);
        assert.match((await page.textContent("main")) ?? "", /You can close this window and go back to the terminal\./);
        assert.equal(await page.locator("script").count(), 0);
        assert.deepEqual(await axeViolations(page), []);
        const wide = (await page.evaluate("document.documentElement.scrollWidth - innerWidth")) as number;
        assert.ok(wide <= 0, "wider than the window");
        assert.deepEqual(complaints, []);
        if (shots !== undefined) await page.screenshot({ path: join(shots, `cli-${decision}-${colorScheme}.png`) });
        await context.close();
      });
    }
  }
});
