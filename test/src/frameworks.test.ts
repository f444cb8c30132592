/**
 * The example app in Next.js and in SvelteKit: built as they build, with their own servers, with our own server as the provider,
 * in a real Chromium with and without JavaScript.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { clientCredentials } from "@valetkey/client/client-credentials";
import { discover } from "@valetkey/client/discover";
import {
  axeViolations,
  type Browser,
  type BrowserContext,
  type Page,
  startChromium,
} from "@valetkey/test-support/chromium";
import type { RunningProcess } from "@valetkey/test-support/process";
import { createBrowser } from "./lib/browser.ts";
import { codeAndRefresh, startWorld, type World } from "./lib/fixtures.ts";
import { signIn } from "./lib/flow.ts";
import { build, frameworkExamples, notInstalled, start } from "./lib/framework-example.ts";
import { freePort } from "./lib/server.ts";

/** An API that is none of the app's. */
const elsewhere = "https://elsewhere.example/api";
/** Milliseconds: after an access token has expired. */
const expired = 1_100;
/** Milliseconds: a permission that ends sooner after the sign-in is explained, not asked for again. */
const notJustNow = 10_500;

// In CI nothing is skipped.
const skip = process.env.CI ? false : (notInstalled ?? false);

describe("the app in frameworks that build it", { skip, concurrency: frameworkExamples.length }, () => {
  const running: RunningProcess[] = [];
  const ports = new Map<string, number>();
  let world: World;
  let chromium: Browser;

  before(async () => {
    assert.equal(notInstalled, undefined);
    for (const { name } of frameworkExamples) ports.set(name, await freePort());
    const clients = frameworkExamples.map(({ name }) => [
      name,
      { name: `App in ${name}`, redirect_uris: [`${urlOf(name)}/auth/callback/acme`], grant_types: codeAndRefresh },
    ]);
    const robot = { grant_types: ["client_credentials"], redirect_uris: [], scope: "photos:read photos:write" };
    const [scopes, tokens] = [["photos:read", "photos:write"], "at+jwt"];
    const apis = {
      scopes: { "photos:read": "See your photos", "photos:write": "Change your photos" },
      resources: [`${urlOf("next")}/api/v1`, elsewhere].map((resource) => ({ resource, scopes, tokens })),
    };
    [world, chromium] = await Promise.all([
      startWorld({ clients: { ...Object.fromEntries(clients), robot }, config: { lifetimes: { access: 1 }, ...apis } }),
      startChromium(),
    ]);
  });
  after(async () => {
    await chromium?.close();
    for (const one of running) await one.stop();
    await world?.server[Symbol.asyncDispose]();
  });
  const portOf = (name: string): number => ports.get(name) ?? assert.fail(`${name} has no port`);
  const urlOf = (name: string): string => `http://localhost:${portOf(name)}`;

  /** A page that notes what the browser complains about: blocked redirects, scripts that fail, what React cannot take over. */
  async function open(options: { javaScriptEnabled: boolean }) {
    const context = await chromium.newContext(options);
    context.setDefaultTimeout(8_000);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(`${page.url()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error.message}`));
    return { context, page, complaints, axe: async () => complaints.push(...(await axeViolations(page))) };
  }

  async function signInAtProvider(page: Page): Promise<void> {
    await page.waitForURL(`${world.issuer}/login**`);
    await page.fill("#username", world.alice.email);
    await page.fill("#password", world.alice.password);
    await page.click("#submit");
  }

  const allow = (page: Page): Promise<void> => page.click("#allow:not([disabled]):not([aria-disabled=true])");

  const transactions = async (context: BrowserContext): Promise<string[]> =>
    (await context.cookies()).map((cookie) => cookie.name).filter((name) => name.startsWith("vk_tx_"));

  const subjectShown = async (page: Page): Promise<string> => {
    await page.waitForSelector("#answer");
    return JSON.parse((await page.textContent("#answer")) ?? "").sub;
  };

  for (const example of frameworkExamples) {
    const { name } = example;
    describe(name, { concurrency: 1 }, () => {
      let alices: Awaited<ReturnType<typeof open>>;
      let signedInAt = 0;

      before(async () => {
        await build(example, portOf(name));
        const { client_id, client_secret = "" } = world.client(name);
        const env = { ACME_ISSUER: world.issuer, ACME_CLIENT_ID: client_id, ACME_CLIENT_SECRET: client_secret };
        running.push(await start(example, portOf(name), env));
      });

      it("signs in where the framework's own router leads, calls the API, complains of nothing", async () => {
        const app = urlOf(name);
        alices = await open({ javaScriptEnabled: true });
        const { page, context, complaints, axe } = alices;
        await page.goto(app, { waitUntil: "networkidle" });
        await axe();
        assert.deepEqual(await transactions(context), [], "no sign-in begins before anybody asks for one");
        await page.click("#sign-in");
        await signInAtProvider(page);
        await allow(page);
        await page.waitForURL(`${app}/me`);
        signedInAt = Date.now();
        assert.equal(await page.textContent("#name"), "Alice");
        assert.deepEqual(await transactions(context), [], "one sign-in was begun, and finished");
        await axe();
        await page.waitForLoadState("networkidle");
        await page.evaluate("window.sameDocument = true");
        await page.click("#call");
        assert.equal(await subjectShown(page), world.alice.subject);
        assert.equal(await page.evaluate("window.sameDocument"), true, "the router went there, not the browser");
        await axe();
        assert.deepEqual(complaints, []);
      });

      it("works without JavaScript: sign-in, guarded page, API, sign-out", async () => {
        const app = urlOf(name);
        const { page, context } = await open({ javaScriptEnabled: false });
        await page.goto(app);
        await page.click("#sign-in");
        await signInAtProvider(page);
        await page.waitForURL(`${app}/me`);
        assert.equal(await page.textContent("#name"), "Alice");
        await page.click("#call");
        assert.equal(await subjectShown(page), world.alice.subject);
        await page.click("#sign-out");
        await page.waitForSelector("#sign-in");
        assert.equal(page.url(), `${app}/`);
        assert.ok(!(await context.cookies()).some((cookie) => cookie.name === "vk_app"));
        await context.close();
      });

      it("requests at the same time with an expired token, and the next after them, all get their answer", async () => {
        const app = urlOf(name);
        const browser = createBrowser([world.issuer, app]);
        const me = await signIn(browser, await browser.open(`${app}/me`), world.alice);
        assert.match(me.text, /Signed in as Alice/);
        for (const count of [3, 1]) {
          await pause(expired);
          const pages = await Promise.all(Array.from({ length: count }, () => browser.copy().open(`${app}/call`)));
          for (const page of pages) assert.match(page.text, new RegExp(world.alice.subject), `${count} at once`);
        }
      });

      it("programs get 401; forms from elsewhere are refused, what a provider sends without a browser arrives", async () => {
        const app = urlOf(name);
        const program = await fetch(`${app}/me`, { headers: { Accept: "application/json" } });
        assert.deepEqual([program.status, program.redirected], [401, false]);
        const post = async (path: string, form: Record<string, string>, headers: Record<string, string>) => {
          const init = { method: "POST", body: new URLSearchParams(form), headers, redirect: "manual" } as const;
          return (await fetch(`${app}${path}`, init)).status;
        };
        const stranger = { Origin: "https://elsewhere.example" };
        assert.equal(await post("/auth/logout", {}, stranger), 403);
        assert.equal(await post("/auth/logout", {}, { Origin: app }), 303);
        assert.equal(await post("/auth/backchannel-logout/acme", { logout_token: "no token" }, {}), 400);
        if (name === "sveltekit") assert.equal(await post("/me", {}, stranger), 403);
        if (name === "next") assert.equal((await fetch(`${app}/api/me`)).status, 401);
      });

      if (name === "next")
        it("its own API takes tokens made for it, with their scope alone (RFC 6750 §3, RFC 9728 §3)", async () => {
          const api = `${urlOf(name)}/api/v1`;
          const ask = (token?: string) =>
            fetch(`${api}/photos`, token === undefined ? {} : { headers: { Authorization: `Bearer ${token}` } });
          const { client_id, client_secret = "" } = world.client("robot");
          const client = { client_id, client_secret, token_endpoint_auth_method: "client_secret_basic" } as const;
          const metadata = await discover(world.issuer);
          const tokenFor = async (resource: string, scope: string) =>
            (await clientCredentials({ metadata, client, scope, resource })).access_token;

          const good = await tokenFor(api, "photos:read");
          const answer = await ask(good);
          assert.equal(answer.status, 200, answer.headers.get("www-authenticate") ?? "");
          assert.deepEqual(await answer.json(), { sub: "client:robot", scope: ["photos:read"] });
          const none = await ask();
          const place = `${urlOf(name)}/.well-known/oauth-protected-resource/api/v1`;
          const challenge = `Bearer realm="${api}", resource_metadata="${place}", scope="photos:read"`;
          assert.deepEqual([none.status, none.headers.get("www-authenticate")], [401, challenge]);
          const [head = "", body = "", signature = ""] = good.split(".");
          const forged = [head, body.replace(/^.{20}/, (text) => [...text].reverse().join("")), signature].join(".");
          for (const bad of [await tokenFor(elsewhere, "photos:read"), forged, "x", `${head}.${body}.`])
            assert.equal((await ask(bad)).status, 401);
          const less = await ask(await tokenFor(api, "photos:write"));
          assert.equal(less.status, 403);
          assert.match(less.headers.get("www-authenticate") ?? "", /error="insufficient_scope".*scope="photos:read"/);
          const document = await fetch(place);
          assert.partialDeepStrictEqual(await document.json(), {
            resource: api,
            authorization_servers: [world.issuer],
          });
          const headers = { Origin: "https://elsewhere.example", "Access-Control-Request-Method": "GET" };
          const preflight = await fetch(place, { method: "OPTIONS", headers });
          assert.deepEqual([preflight.status, preflight.headers.get("access-control-allow-origin")], [204, "*"]);
          assert.equal((await fetch(`${place}/other`)).status, 404);
        });

      it("a permission that ends right after the sign-in is told, with the way to sign in again", async () => {
        const app = urlOf(name);
        const { page, context, complaints, axe } = await open({ javaScriptEnabled: true });
        await page.goto(`${app}/me`);
        await signInAtProvider(page);
        await page.waitForURL(`${app}/me`);
        await page.goto(`${world.issuer}/account/apps`);
        await page.click(`button[name=client_id][value=${name}]`);
        await page.waitForLoadState();
        await pause(expired);
        await page.goto(`${app}/call`);
        await page.waitForSelector("#failure");
        assert.equal(await page.getAttribute("#again", "href"), "/auth/login");
        await axe();
        // The browser reports the status of the page, and React (error 441) that the server failed.
        const others = complaints.filter((text) => !/status of 500|React error #441/.test(text));
        assert.deepEqual(others, []);
        await context.close();
      });

      it("a permission that has ended since: the person allows it again, comes back, signs out", async () => {
        const app = urlOf(name);
        const { page, context, complaints } = alices;
        await pause(Math.max(0, signedInAt + notJustNow - Date.now()));
        await page.goto(`${app}/me`, { waitUntil: "networkidle" });
        await page.click("#call");
        await allow(page);
        await page.waitForURL(`${app}/call`);
        assert.equal(await subjectShown(page), world.alice.subject);
        await page.waitForLoadState("networkidle");
        await page.click("#sign-out");
        await page.waitForSelector("#sign-in");
        assert.ok(!(await context.cookies()).some((cookie) => cookie.name === "vk_app"));
        assert.deepEqual(complaints, []);
        await context.close();
      });
    });
  }
});
