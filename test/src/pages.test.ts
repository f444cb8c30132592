/**
 * The pages in a real Chromium: readable by everybody, on any screen, with and without JavaScript, and never stuck at a policy.
 *
 * WCAG 2.2 AA by axe; CSP Level 3 §6.4.1 (`form-action` applies to redirects, the trap of consent pages); RFC 9700 §4.12 and §4.16.
 */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { after, before, describe, it } from "node:test";
import {
  axeViolations,
  type Browser,
  type BrowserContext,
  type Page,
  startChromium,
} from "@valetkey/test-support/chromium";
import { createBrowser } from "./lib/browser.ts";
import { addUser, codeAndRefresh, strangersCallback, useWorld } from "./lib/fixtures.ts";
import { authorizationUrl, createPkce, exchange, getTokens, type TestClient } from "./lib/flow.ts";
import { install, type RunningServer, serve } from "./lib/server.ts";

/** An app that redirects once more, to another origin, as many do. */
async function startHoppingApp(): Promise<{ redirect_uri: string; landing: string; close(): Promise<void> }> {
  const landings = createServer((_request, response) => {
    response.setHeader("Content-Type", "text/html");
    response.end('<!doctype html><html lang="en"><title>There</title><h1 id="there">There</h1></html>');
  });
  const landing = `http://127.0.0.1:${await listening(landings)}/there`;
  const hops = createServer((request, response) => {
    response.writeHead(302, { Location: `${landing}${new URL(request.url ?? "", "http://x").search}` });
    response.end();
  });
  const redirect_uri = `http://127.0.0.1:${await listening(hops)}/cb`;
  return {
    redirect_uri,
    landing,
    close: async () => {
      for (const server of [landings, hops]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

describe("pages in Chromium", () => {
  let hopping: Awaited<ReturnType<typeof startHoppingApp>>;
  before(async () => {
    hopping = await startHoppingApp();
  });
  const world = useWorld(() => ({
    bob: true,
    args: ["--registration", "open"],
    clients: {
      app: {
        name: "A rather long name of an application that people might really give to theirs",
        redirect_uris: [hopping.redirect_uri],
        grant_types: codeAndRefresh,
      },
    },
    config: {
      scopes: { "photos:read": "See your photos" },
      brand: { name: "Example ID", accent: "#0b57d0" },
      helpUrl: "https://help.example.test/",
    },
  }));
  let chromium: Browser;
  let app: TestClient;
  let empty: RunningServer;

  before(async () => {
    [chromium, empty] = await Promise.all([startChromium(), install().then(serve)]);
    app = world().client("app");
  });
  after(async () => {
    await chromium?.close();
    await hopping?.close();
    await empty?.[Symbol.asyncDispose]();
  });

  const start = (params: Record<string, string> = {}) =>
    authorizationUrl(world().issuer, app, { code_challenge: createPkce().challenge, ...params }).href;

  /** A page that fails the test when the browser complains: scripts, policies, missing files. */
  async function open(context: BrowserContext): Promise<{ page: Page; complaints: string[] }> {
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => {
      // A page that is an error by its status is reported as one; that is what it is.
      if (["error", "warning"].includes(message.type()) && !/status of 4\d\d/.test(message.text()))
        complaints.push(`${page.url()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error.message}`));
    page.on("requestfailed", (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText}`));
    return { page, complaints };
  }

  async function signIn(page: Page, user: { email: string; password: string }): Promise<void> {
    await page.fill("#username", user.email);
    await page.fill("#password", user.password);
    await page.click("#submit");
  }

  it("consent ends at an app that redirects to another origin: no policy blocks it (the form-action trap)", async () => {
    const context = await chromium.newContext();
    const { page, complaints } = await open(context);
    await page.goto(start());
    await signIn(page, world().alice);
    await page.waitForSelector("#allow");
    // Protection from clicks that were meant for something else lasts half a second.
    await page.waitForSelector("#allow:not([disabled]):not([aria-disabled=true])");
    await page.click("#allow");
    await page.waitForSelector("#there");
    assert.ok(page.url().startsWith(hopping.landing));
    assert.ok(new URL(page.url()).searchParams.has("code"));
    assert.deepEqual(complaints, []);

    // The same where there is no consent page: the login form itself ends at the app.
    await context.clearCookies();
    await page.goto(start());
    await signIn(page, world().alice);
    await page.waitForSelector("#there");
    await page.goto(start({ prompt: "select_account" }));
    await page.click("button.choice, #other");
    await page.waitForSelector("#there, #password");
    assert.deepEqual(complaints, []);
    await context.close();
  });

  it("the whole way works with JavaScript switched off", async () => {
    const context = await chromium.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    const { challenge, verifier } = createPkce();
    await page.goto(authorizationUrl(world().issuer, app, { code_challenge: challenge, prompt: "consent" }).href);
    await signIn(page, world().bob);
    await page.click("#allow");
    await page.waitForSelector("#there");
    const code = new URL(page.url()).searchParams.get("code") ?? "";
    const reply = await exchange(world().issuer, {
      code,
      verifier,
      client: app,
      response: {},
      browser: createBrowser(world().issuer),
    });
    assert.equal(reply.status, 200, reply.text);
    await page.goto(new URL("/account/password", world().issuer).href);
    await page.fill("#current", "wrong password 9");
    await page.fill("#password", "another long password 4");
    await page.click("#submit");
    await page.waitForSelector('[role="alert"]');
    await page.goto(new URL("/logout", world().issuer).href);
    await page.click("#confirm");
    await page.waitForURL(/done=1/);
    await page.goto(new URL("/account", world().issuer).href);
    assert.ok(await page.isVisible("#password"));
    await context.close();
  });

  it("Cancel on the login page and Don't allow go back to the app with access_denied", async () => {
    const context = await chromium.newContext();
    const { page, complaints } = await open(context);
    await page.goto(start());
    await page.click("#cancel");
    await page.waitForSelector("#there");
    assert.equal(new URL(page.url()).searchParams.get("error"), "access_denied");
    await page.goto(start({ prompt: "consent" }));
    await signIn(page, world().alice);
    await page.waitForSelector("#deny:not([disabled])");
    await page.click("#deny");
    await page.waitForSelector("#there");
    assert.equal(new URL(page.url()).searchParams.get("error"), "access_denied");
    assert.deepEqual(complaints, []);
    await context.close();
  });

  it("stable ids, types and autocomplete hints are there: scripts and password managers rely on them", async () => {
    const context = await chromium.newContext();
    const page = await context.newPage();
    await page.goto(start({ prompt: "consent" }));
    const attribute = (selector: string, name: string) => page.getAttribute(selector, name);
    assert.equal((await page.textContent("h1#title"))?.trim(), "Sign in");
    assert.match((await attribute("input#username[name=username]", "autocomplete")) ?? "", /^username/);
    assert.equal(await attribute("input#password[name=password][type=password]", "autocomplete"), "current-password");
    assert.equal(await page.isVisible("button#submit[name=action][value=login]"), true);
    assert.equal(await page.locator("main").count(), 1);
    assert.equal(await page.locator("h1").count(), 1);
    assert.equal(await attribute("html", "lang"), "en");
    await signIn(page, world().alice);
    await page.waitForSelector("#allow");
    assert.equal(await page.isVisible("button#deny[name=decision][value=deny]"), true);
    assert.equal(await page.isVisible("button#allow[name=decision][value=allow]"), true);
    const [deny, allow] = [await page.locator("#deny").boundingBox(), await page.locator("#allow").boundingBox()];
    assert.ok(
      deny && allow && Math.abs(deny.height - allow.height) < 2 && Math.abs(deny.width - allow.width) < 2,
      "refusing is as easy as allowing",
    );
    for (const box of [deny, allow])
      assert.ok((box?.height ?? 0) >= 44 || (box?.height ?? 0) >= 43.5, "large enough to touch");
    await context.close();
  });

  it("by keyboard alone: the first field has the focus, Tab reaches everything in order, Enter signs in", async () => {
    const context = await chromium.newContext();
    const page = await context.newPage();
    await page.goto(start({ prompt: "consent" }));
    const focused = () => page.evaluate("document.activeElement?.id ?? ''");
    // The browser gives the focus when it first paints the page.
    await page.waitForSelector("#username:focus");
    await page.keyboard.type(world().bob.email);
    await page.keyboard.press("Tab");
    for (let n = 0; n < 3 && (await focused()) !== "password"; n++) await page.keyboard.press("Tab");
    assert.equal(await focused(), "password");
    await page.keyboard.type(world().bob.password);
    await page.keyboard.press("Enter");
    await page.waitForSelector("#allow");
    assert.notEqual(await focused(), "allow", "Enter must not allow by accident");
    await context.close();
  });

  describe("every page", () => {
    let signedIn: Awaited<ReturnType<BrowserContext["storageState"]>>;
    let anonymousPages: Record<string, string>;
    let personPages: Record<string, string>;

    before(async () => {
      const { issuer, server } = world();
      const nina = await addUser(server, "nina");
      await getTokens(issuer, app, {
        user: nina,
        params: { scope: "openid profile photos:read offline_access", prompt: "consent" },
      });
      const reset = await server.cli(["user", "reset", nina.email, "--json"]);
      const setup =
        /https?:\/\/\S+\/setup\?token=[\w.~%-]+/.exec(await empty.process().waitForLine("/setup?token="))?.[0] ?? "";
      const stranger = (await (
        await fetch(new URL("/register", issuer), {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ redirect_uris: [strangersCallback], client_name: "Stranger" }),
        })
      ).json()) as { client_id: string };
      anonymousPages = {
        landing: `${issuer}/`,
        login: start(),
        "login of its own": `${issuer}/login`,
        "login where there is nobody yet": `${empty.issuer}/login`,
        setup,
        "setup link that is over": `${issuer}/setup?token=over`,
        reset: reset.json.link,
        "reset link that is over": `${issuer}/reset?token=over`,
        "signed out": `${issuer}/logout?done=1`,
        "not found": `${issuer}/nowhere`,
        "unknown client": `${issuer}/authorize?client_id=nobody&response_type=code`,
        "unregistered redirect": start({ redirect_uri: "https://evil.test/cb" }),
        "an error not sent to a stranger's client": authorizationUrl(
          issuer,
          { client_id: stranger.client_id, redirect_uri: strangersCallback },
          { prompt: "none" },
        ).href,
        "an interaction that is over": `${issuer}/login?interaction=over`,
      };
      personPages = {
        account: `${issuer}/account`,
        password: `${issuer}/account/password`,
        sessions: `${issuer}/account/sessions`,
        apps: `${issuer}/account/apps`,
        consent: start({ prompt: "consent", scope: "openid profile email photos:read offline_access" }),
        "select account": start({ prompt: "select_account" }),
        logout: `${issuer}/logout`,
        "end session": `${issuer}/end-session`,
      };
      const context = await chromium.newContext();
      const page = await context.newPage();
      await page.goto(`${issuer}/login`);
      await signIn(page, nina);
      await page.waitForURL(/account/);
      signedIn = await context.storageState();
      await context.close();
    });

    for (const colorScheme of ["light", "dark"] as const) {
      it(`has no accessibility violation, no sideways scrolling at 320 px and no complaint of the browser (${colorScheme})`, async () => {
        const problems: string[] = [];
        for (const [pages, storageState] of [
          [anonymousPages, undefined],
          [personPages, signedIn],
        ] as const) {
          const context = await chromium.newContext({
            colorScheme,
            viewport: { width: 320, height: 700 },
            ...(storageState ? { storageState } : {}),
          });
          const { page, complaints } = await open(context);
          for (const [name, url] of Object.entries(pages)) {
            const answer = await page.goto(url);
            assert.ok(answer, name);
            assert.ok(answer.status() < 500, `${name}: ${answer.status()}`);
            for (const line of await axeViolations(page)) problems.push(`${name} (${colorScheme}): ${line}`);
            const overflow = (await page.evaluate(
              "document.documentElement.scrollWidth - document.documentElement.clientWidth",
            )) as number;
            if (overflow > 0) problems.push(`${name} (${colorScheme}): ${overflow} px wider than the screen`);
            const headers = await answer.allHeaders();
            const policy = headers["content-security-policy"] ?? "";
            if (!/default-src 'none'/.test(policy) || !/frame-ancestors 'none'/.test(policy) || /unsafe/.test(policy))
              problems.push(`${name}: policy ${policy}`);
            const expected = {
              "x-frame-options": "DENY",
              "referrer-policy": "no-referrer",
              "x-content-type-options": "nosniff",
            };
            for (const [header, value] of Object.entries(expected))
              if (headers[header] !== value) problems.push(`${name}: ${header} is ${headers[header]}`);
            if (!/no-store/.test(headers["cache-control"] ?? "")) problems.push(`${name}: may be cached`);
          }
          problems.push(...complaints);
          await context.close();
        }
        assert.deepEqual(problems, []);
      });
    }

    it("shows what is wrong in a summary that is read out and beside the field, and keeps what was typed", async () => {
      const context = await chromium.newContext({ viewport: { width: 320, height: 700 } });
      const { page, complaints } = await open(context);
      await page.goto(start());
      await signIn(page, { email: "somebody@example.test", password: "wrong password 5" });
      await page.waitForSelector('[role="alert"]');
      assert.equal(await page.inputValue("#username"), "somebody@example.test");
      assert.equal(await page.inputValue("#password"), "");
      assert.deepEqual(await axeViolations(page), []);
      await page.goto(anonymousPages.setup ?? "");
      await page.fill("#email", "first@example.test");
      await page.fill("#name", "First");
      await page.fill("#password", "password1");
      await page.click("#submit");
      await page.waitForSelector('[role="alert"]');
      assert.equal(await page.getAttribute("#password", "aria-invalid"), "true");
      assert.ok(await page.getAttribute("#password", "aria-describedby"));
      assert.equal(await page.inputValue("#email"), "first@example.test");
      assert.deepEqual(await axeViolations(page), []);
      assert.deepEqual(complaints, []);
      await context.close();
    });
  });
});
