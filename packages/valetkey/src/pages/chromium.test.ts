/**
 * The pages in a real browser, over a real connection: what headers, scripts and styles do can be seen only there.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttp, type Server as Http, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { nodeHandler } from "@valetkey/provider/node";
import {
  axeViolations,
  type Browser,
  type BrowserContext,
  type Page,
  startChromium,
} from "@valetkey/test-support/chromium";
import { authorizeUrl, password, startSite, type TestSite } from "../site.test.ts";

let browser: Browser;
let site: TestSite;
let servers: Http[];
let issuer: string;
/** The client's origin: another one, which redirects once more after it got the code. */
let app: string;

before(async () => {
  browser = await startChromium();
  const appServer = await listen((request, response) => {
    const landed = request.url?.startsWith("/done") === true;
    response.writeHead(landed ? 200 : 303, landed ? {} : { location: `${app.replace("127.0.0.1", "localhost")}/done` });
    response.end("back in the app");
  });
  app = `http://127.0.0.1:${portOf(appServer)}`;
  const own = await listen((request, response) => void handler(request, response));
  issuer = `http://localhost:${portOf(own)}`;
  const scopes = { "photos:read": "See your photos" };
  site = await startSite({ issuer, now: Date.now, scopes, helpUrl: "https://help.example", people: "nobody" });
  const handler = nodeHandler(site.server);
  await site.server.provider.clients.add(
    {
      client_id: "app",
      client_name: "An app",
      redirect_uris: [`${app}/cb`],
      application_type: "native",
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
    },
    { provenance: "dynamic" },
  );
  servers = [appServer, own];
});

after(async () => {
  await browser.close();
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
  await site[Symbol.asyncDispose]();
});

async function listen(listener: RequestListener): Promise<Http> {
  const server = createHttp(listener).listen(0);
  await once(server, "listening");
  return server;
}

const portOf = (server: Http): number => (server.address() as AddressInfo).port;
const ask = (more: Record<string, string> = {}): string =>
  authorizeUrl(
    {
      client_id: "app",
      redirect_uri: `${app}/cb`,
      scope: "openid profile photos:read offline_access",
      prompt: "consent",
      ...more,
    },
    issuer,
  );

/** Opens a page that collects what the browser complains of. */
async function open(
  options: Parameters<Browser["newContext"]>[0] = {},
): Promise<{ context: BrowserContext; page: Page; complaints: string[] }> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (line) => {
    // A form that is shown again with 422 is no complaint about the page.
    if (line.type() === "error" && !line.text().includes("status of 4")) complaints.push(line.text());
  });
  return { context, page, complaints };
}

async function signIn(page: Page): Promise<void> {
  await page.fill("#username", "alice@example.com");
  await page.fill("#password", password);
  await page.click("#submit");
}

/** Looks at the page as it is: both colour schemes, and as narrow as a page must work. */
async function checkLooks(page: Page, title: string): Promise<void> {
  assert.match((await page.textContent("#title")) ?? "", new RegExp(title));
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await axeViolations(page), [], `${title}, ${colorScheme}`);
  }
  await page.setViewportSize({ width: 320, height: 640 });
  assert.ok(Number(await page.evaluate("document.documentElement.scrollWidth")) <= 320, `${title} at 320 px`);
  const small = `[...document.querySelectorAll("button, a.button, nav a, .input input, .check label")]
    .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 43.9).map((one) => one.outerHTML)`;
  assert.deepEqual(await page.evaluate(small), [], title);
  await page.setViewportSize({ width: 1000, height: 800 });
}

test("the first account is made in the browser, a refused password first", async () => {
  const { context, page, complaints } = await open();
  await page.goto(`${issuer}/login`);
  await checkLooks(page, "Sign in");
  await page.goto(`${issuer}/setup?token=${await site.directory.createSetupToken()}`);
  await checkLooks(page, "Create the first account");
  await page.fill("#email", "alice@example.com");
  await page.fill("#name", "Alice");
  await page.fill("#password", "password");
  await page.click("#submit");
  await page.waitForSelector("[role=alert]");
  await checkLooks(page, "Create the first account");
  assert.equal(await page.evaluate("document.activeElement.id"), "password");
  await page.fill("#password", password);
  await page.click("#submit");
  await page.waitForURL(/\/account/);
  await checkLooks(page, "Your account");
  assert.deepEqual(complaints, []);
  await context.close();
});

for (const javaScriptEnabled of [true, false]) {
  test(`sign-in and consent end at another origin that redirects again, ${javaScriptEnabled ? "with" : "without"} JavaScript (form-action)`, async () => {
    const { context, page, complaints } = await open({ javaScriptEnabled });
    await page.goto(ask());
    await signIn(page);
    await page.click("#allow");
    await page.waitForURL(/\/done$/);
    assert.match((await page.textContent("body")) ?? "", /back in the app/);
    await page.goto(ask({ prompt: "login" }));
    await page.click("#cancel");
    await page.waitForURL(/\/done$/);
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("the whole way can be gone by keyboard", async () => {
  const { context, page } = await open();
  await page.goto(ask());
  await page.waitForSelector("#username:focus");
  await page.keyboard.type("alice@example.com");
  await page.keyboard.press("Tab");
  await page.keyboard.type(password);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#allow:enabled");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate("document.activeElement.className"), "skip");
  while ((await page.evaluate("document.activeElement.id")) !== "deny") await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate("document.activeElement.id"), "allow");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/done$/);
  await context.close();
});

test("#allow cannot be pressed in the first half second, and buttons for yes and no are equally large", async () => {
  const { context, page } = await open();
  await page.goto(`${issuer}/login`);
  await signIn(page);
  await page.goto(ask());
  assert.equal(await page.isDisabled("#allow"), true);
  await page.waitForSelector("#allow:enabled");
  const [deny, allow] = await Promise.all([page.locator("#deny").boundingBox(), page.locator("#allow").boundingBox()]);
  assert.deepEqual([deny?.width, deny?.height], [allow?.width, allow?.height]);
  await context.close();
});

test("the password can be revealed, and is hidden again when it is sent", async () => {
  const { context, page } = await open();
  await page.goto(`${issuer}/login`);
  await page.fill("#password", "wrong");
  await page.click(".reveal");
  assert.equal(await page.getAttribute("#password", "type"), "text");
  await page.fill("#username", "alice@example.com");
  await page.click("#submit");
  await page.waitForSelector("[role=alert]");
  assert.equal(await page.getAttribute("#password", "type"), "password");
  assert.equal(await page.evaluate("document.activeElement.id"), "password");
  await context.close();
});

test("every page: no axe violation in light and dark, nothing to scroll sideways at 320 px, targets of 44 px, no complaint", async () => {
  const { context, page, complaints } = await open();
  const goAndLook = async (path: string, title: string): Promise<void> => {
    await page.goto(new URL(path, issuer).href);
    await checkLooks(page, title);
  };
  await goAndLook("/", "localhost");
  await goAndLook("/login?interaction=gone", "expired");
  await goAndLook("/authorize?client_id=unknown", "cannot be completed");
  await goAndLook(
    `/reset?token=${await site.directory.createResetToken((await site.directory.byEmail("alice@example.com"))?.subject ?? "")}`,
    "Set a new password",
  );
  await goAndLook(ask(), "Sign in");
  await page.fill("#username", "alice@example.com");
  await page.fill("#password", "wrong");
  await page.click("#submit");
  await page.waitForSelector("[role=alert]");
  await checkLooks(page, "Sign in");
  await signIn(page);
  await page.waitForSelector("#allow:enabled");
  await checkLooks(page, "Allow An app");
  await page.click("#allow");
  await page.waitForURL(/\/done$/);
  await goAndLook(ask({ scope: "openid profile photos:read" }), "Allow An app");
  await goAndLook(ask({ prompt: "select_account" }), "Choose an account");
  await goAndLook("/account?done=profile", "Your account");
  await goAndLook("/account/password", "Password");
  await goAndLook("/account/sessions", "Sessions");
  await goAndLook("/account/apps", "Connected apps");
  await goAndLook("/end-session?client_id=app", "Sign out");
  await goAndLook("/logout?done=1", "signed out");
  assert.deepEqual(complaints, []);
  await context.close();
});
