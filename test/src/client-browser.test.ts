/**
 * What people do with a browser while they sign in to an application of ours: several tabs, the back button, two clicks for one,
 * a lunch in between. In a real Chromium, with an application made with `createOAuth` and our own server, each a site of its own.
 *
 * RFC 6749 §4.1 and §10.12, RFC 9700 §2.1 and §4.7, OpenID Connect Core §3.1.2.1, RFC 6265bis §5.2.
 * The one property: nobody meets a page that does not say what to do, and nobody becomes or stops being somebody by accident.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { oidc } from "@valetkey/client/create-oauth";
import { sqliteStore } from "@valetkey/store/sqlite";
import { type Browser, type Page, startChromium } from "@valetkey/test-support/chromium";
import { startAlternatingProxy } from "./lib/alternating-proxy.ts";
import { assertCalm, type ClientApp, type ClientAppSetup, meeting, startClientApp } from "./lib/client-app.ts";
import { codeAndRefresh, useWorld } from "./lib/fixtures.ts";
import { freePort } from "./lib/server.ts";
import { allow, arrives, considered, isMember, leftOver, lookAt, sessionOf } from "./lib/visitor.ts";

/** One registered application per test, so that what one person allowed one of them means nothing to the others. */
const known = ["tabs", "pair", "fetched", "again", "late", "cleared", "out", "fresh"];
/** Those where the person is asked. */
const asking = ["back", "back-plain", "twice", "twice-plain", "denied", "denied-plain"];
const names = [...known, ...asking];

describe("signing in to an application, with all that people do meanwhile", { concurrency: 2 }, () => {
  const ports = new Map<string, number>();
  const portOf = (name: string): number => ports.get(name) ?? 0;
  const world = useWorld(async () => {
    for (const name of names) ports.set(name, await freePort());
    const client = (name: string) => ({
      name: `App ${name}`,
      redirect_uris: [`http://127.0.0.1:${portOf(name)}/auth/callback/acme`],
      post_logout_redirect_uris: [`http://127.0.0.1:${portOf(name)}/`],
      grant_types: codeAndRefresh,
      firstParty: !asking.includes(name),
    });
    return { clients: Object.fromEntries(names.map((name) => [name, client(name)])) };
  });
  let chromium: Browser;
  before(async () => {
    chromium = await startChromium();
  });
  after(() => chromium?.close());

  const start = (name: string, more: Partial<ClientAppSetup> = {}): Promise<ClientApp> => {
    const { issuer, client } = world();
    const { client_id, client_secret = "" } = client(name);
    return startClientApp({
      port: portOf(name),
      providers: [oidc("acme", { issuer, client_id, client_secret })],
      ...more,
    });
  };
  /** Somebody's browser. */
  const open = async (javaScriptEnabled = true) => {
    const context = await chromium.newContext({ javaScriptEnabled });
    context.setDefaultTimeout(8_000);
    return { context, page: await context.newPage(), [Symbol.asyncDispose]: () => context.close() };
  };
  const atProvider = (page: Page, path: string) => page.waitForURL(`${world().issuer}${path}**`);
  const prove = async (page: Page) => {
    await page.fill("#username", world().alice.email);
    await page.fill("#password", world().alice.password);
    await page.click("#submit");
  };

  it("two tabs sign in at the same time, in either order or together, and each comes back to its own page", async () => {
    await using app = await start("tabs");
    const [one, two] = [`${app.origin}/one?x=1`, `${app.origin}/two?y=2`];
    const ways: Record<string, (a: Page, b: Page) => Promise<unknown>> = {
      "the first one first": async (a, b) => {
        await arrives(prove(a), a, one);
        await arrives(prove(b), b, two);
      },
      "the second one first": async (a, b) => {
        await arrives(prove(b), b, two);
        await arrives(prove(a), a, one);
      },
      together: (a, b) => Promise.all([arrives(prove(a), a, one), arrives(prove(b), b, two)]),
    };
    for (const [name, way] of Object.entries(ways)) {
      await using person = await open();
      const { context, page: a } = person;
      const b = await context.newPage();
      // They have been there before: the provider's pages know this browser.
      await a.goto(`${world().issuer}/login`);
      await Promise.all([a.goto(one), b.goto(two)]);
      await Promise.all([atProvider(a, "/login"), atProvider(b, "/login")]);
      await way(a, b);
      await isMember(a, "/one?x=1");
      await isMember(b, "/two?y=2");
      // Whoever came last took the session over: the other tab is in it, too.
      await Promise.all([a.click("#next"), b.click("#next")]);
      await Promise.all([isMember(a, "/next?x=1"), isMember(b, "/next?x=1")]);
      assert.deepEqual(await leftOver(context), [], name);
    }
    assertCalm(app);
  });

  it("two instances behind a proxy without sticky sessions: sign-in, API call and sign-out are one application's", async () => {
    const folder = await mkdtemp(join(tmpdir(), "valetkey-pair-"));
    const file = join(folder, "app.db");
    const [one, two] = [await sqliteStore({ file }), await sqliteStore({ file })];
    try {
      const origin = `http://127.0.0.1:${portOf("pair")}`;
      const targets = [await freePort(), await freePort()] as const;
      const api = `${world().issuer}/userinfo`;
      await using first = await start("pair", { port: targets[0], store: one, origin, api });
      await using second = await start("pair", { port: targets[1], store: two, origin, api });
      await using _ = await startAlternatingProxy(portOf("pair"), targets);
      await using person = await open();
      const { page } = person;
      await page.goto(`${origin}/wanted`);
      await atProvider(page, "/login");
      await arrives(prove(page), page, `${origin}/wanted`);
      const servedBy = (answer: string) => [first, second].map(({ answers }) => answers.includes(answer));
      assert.notDeepEqual(
        servedBy("303 GET /auth/login"),
        servedBy("303 GET /auth/callback/acme"),
        "each served one end",
      );
      for (const _ of [1, 2]) {
        await page.goto(`${origin}/call`);
        assert.equal(JSON.parse((await page.textContent("#answer")) ?? "").sub, world().alice.subject);
      }
      const { value = "" } = (await sessionOf(person.context)) ?? {};
      await page.click("#sign-out");
      await page.waitForSelector("#sign-in");
      // Both know at once, also of a browser that still has the cookie.
      const asked = () => fetch(`${origin}/`, { headers: { Cookie: `vk_app=${value}` } });
      for (const _ of [1, 2]) assert.match(await (await asked()).text(), /Nobody is signed in/);
      for (const { answers } of [first, second]) assert.ok(answers.includes("200 GET /"));
      assertCalm(first);
      assertCalm(second);
    } finally {
      for (const store of [one, two]) await store.close();
      await rm(folder, { recursive: true, force: true });
    }
  });

  for (const javaScript of [true, false]) {
    it(`the back button after signing in, JavaScript ${javaScript ? "on" : "off"}: pages that are over say so, and the person stays who they are`, async () => {
      await using app = await start(javaScript ? "back" : "back-plain");
      await using person = await open(javaScript);
      const { page, context } = person;
      const look = (where: string) => lookAt(page, where, javaScript);
      const callback = page.waitForRequest((request) => request.url().includes("/auth/callback/"));
      await page.goto(`${app.origin}/`);
      await page.click("#sign-in");
      await prove(page);
      await atProvider(page, "/consent");
      await arrives(allow(page), page, `${app.origin}/`);
      for (const path of ["/consent", "/login"]) {
        await page.goBack();
        assert.equal(new URL(page.url()).pathname, path);
        assert.match((await page.textContent("main")) ?? "", /has expired.*Go back to the app/);
        await look(`back at ${path}`);
      }
      await page.goBack();
      await isMember(page, "/");
      // The address of the answer, from the history or a bookmark.
      const answer = await page.goto((await callback).url());
      assert.equal(answer?.status(), 400);
      await look("the callback once more");
      assert.match((await page.textContent("main")) ?? "", /finished already/);
      assert.doesNotMatch((await page.textContent("h1")) ?? "", /Not signed in/);
      await page.click('a:text-is("Back to the application")');
      await isMember(page, "/");
      assert.equal(app.signIns.length, 1);
      assert.deepEqual(await leftOver(context), []);
    });
  }

  it("a double click on every button on the way signs in once, and shows no error", async () => {
    await using app = await start("twice");
    await using person = await open();
    const { page } = person;
    const posted: string[] = [];
    page.on("request", (request) => request.method() === "POST" && posted.push(new URL(request.url()).pathname));
    await page.goto(`${app.origin}/wanted`);
    await page.fill("#username", world().alice.email);
    await page.fill("#password", world().alice.password);
    // Apart enough for the first to be on its way.
    const twice = { clickCount: 2, delay: 25 };
    await page.click("#submit", twice);
    await atProvider(page, "/consent");
    await considered(page);
    await arrives(page.click("#allow", twice), page, `${app.origin}/wanted`);
    await isMember(page, "/wanted");
    assert.deepEqual(posted, ["/login", "/consent"], "each form once");
    assert.equal(app.signIns.length, 1);
    assertCalm(app);
  });

  it("two clicks without JavaScript sign in at most once; where the provider's page is over, the way in stays open", async () => {
    await using app = await start("twice-plain");
    await using person = await open(false);
    const { page } = person;
    await page.goto(`${app.origin}/wanted`);
    await prove(page);
    await atProvider(page, "/consent");
    const { x = 0, y = 0 } = (await page.locator("#allow").boundingBox()) ?? {};
    for (const _ of [1, 2]) await page.mouse.click(x + 9, y + 9);
    await page.locator("#name").or(page.getByText("has expired")).waitFor();
    assert.ok(app.signIns.length <= 1);
    await page.goto(`${app.origin}/wanted`);
    await page.waitForURL(`${app.origin}/wanted`);
    await isMember(page, "/wanted");
    assertCalm(app);
  });

  for (const how of ["fetched by another tab", "loaded again in the same tab"] as const) {
    it(`an answer that arrives twice at once, ${how}: somebody is signed in, and no error is shown`, async () => {
      await using app = await start(how === "fetched by another tab" ? "fetched" : "again");
      await using person = await open();
      const { context, page } = person;
      const other = await context.newPage();
      await other.goto(`${app.origin}/`);
      const arrived = meeting(app);
      await page.goto(`${app.origin}/wanted?y=1`);
      const first = prove(page).catch(() => undefined);
      const callback = `${app.origin}${await arrived.first}`;
      // Chromium lets two requests for one address wait for each other, unless the cache is left out.
      const fetched = `fetch(${JSON.stringify(callback)}, { cache: "no-store", redirect: "manual" }).then(({ type }) => type)`;
      const again = how === "fetched by another tab" ? other.evaluate(fetched) : page.goto(callback);
      await arrived.both;
      await Promise.all([first, again]);
      await page.waitForURL(`${app.origin}/wanted?y=1`);
      await isMember(page, "/wanted?y=1");
      await other.reload();
      await isMember(other, "/");
      assert.deepEqual(await leftOver(context), []);
      assertCalm(app);
    });
  }

  for (const javaScript of [true, false]) {
    it(`whoever does not allow it reads why and starts again with the keyboard, JavaScript ${javaScript ? "on" : "off"}`, async () => {
      await using app = await start(javaScript ? "denied" : "denied-plain");
      await using person = await open(javaScript);
      const { page, context } = person;
      await page.goto(`${app.origin}/wanted?y=1`);
      await prove(page);
      for (const button of ["#deny", "again"]) {
        await atProvider(page, "/consent");
        if (button === "again") break;
        await page.click(button);
        await page.waitForURL(`${app.origin}/auth/callback/**`);
        assert.equal(app.answers.at(-1), "403 GET /auth/callback/acme");
        const text = (await page.textContent("main")) ?? "";
        for (const words of [/Not signed in/, /was not allowed/, /access_denied/]) assert.match(text, words);
        await lookAt(page, "denied", javaScript);
        await page.keyboard.press("Tab");
        assert.equal(await page.locator("a:focus").textContent(), "Sign in again");
        await page.keyboard.press("Enter");
      }
      await arrives(allow(page), page, `${app.origin}/wanted?y=1`);
      await isMember(page, "/wanted?y=1");
      assert.deepEqual(app.failures, ["access_denied"]);
      assert.deepEqual(await leftOver(context), []);
    });
  }

  it("whoever comes back after the sign-in's time reads that, and one click leads to the page they wanted", async () => {
    await using app = await start("late");
    await using person = await open();
    const { page, context } = person;
    app.ahead = -16 * 60_000;
    await page.goto(`${app.origin}/wanted?y=1#part`);
    await atProvider(page, "/login");
    app.ahead = 0;
    await prove(page);
    await page.waitForURL(`${app.origin}/auth/callback/**`);
    assert.match((await page.textContent("main")) ?? "", /too long ago/);
    await lookAt(page, "late");
    assert.equal(app.signIns.length, 0);
    await page.click('a:text-is("Sign in again")');
    await page.waitForURL(`${app.origin}/wanted?y=1`);
    await isMember(page, "/wanted?y=1");
    assert.deepEqual(await leftOver(context), []);
  });

  it("cookies that are gone in the middle, the application's or all, are named, and the next try signs in", async () => {
    await using app = await start("cleared");
    await using person = await open();
    const { page, context } = person;
    await page.goto(`${app.origin}/wanted`);
    await atProvider(page, "/login");
    await context.clearCookies({ name: /^vk_tx_/ });
    await prove(page);
    await page.waitForURL(`${app.origin}/auth/callback/**`);
    assert.match((await page.textContent("main")) ?? "", /cookies/);
    await lookAt(page, "without the application's cookie");
    await page.click('a:text-is("Sign in again")');
    await page.waitForURL(`${app.origin}/`);
    await isMember(page, "/");

    await context.clearCookies();
    await page.goto(`${app.origin}/wanted`);
    await atProvider(page, "/login");
    await context.clearCookies();
    await prove(page);
    await page.waitForSelector("text=cookie");
    await lookAt(page, "without any cookie");
    await page.goto(`${app.origin}/wanted`);
    await atProvider(page, "/login");
    await arrives(prove(page), page, `${app.origin}/wanted`);
    await isMember(page, "/wanted");
    assert.deepEqual(app.failures, ["transaction_missing"]);
  });

  it("after signing out in one tab, the next click in another leads to the sign-in and back", async () => {
    await using app = await start("out");
    await using person = await open();
    const { page, context } = person;
    await page.goto(`${app.origin}/mine`);
    await prove(page);
    await page.waitForURL(`${app.origin}/mine`);
    const other = await context.newPage();
    await other.goto(`${app.origin}/other`);
    await isMember(other, "/other");
    await page.click("#leave");
    await page.waitForURL(`${app.origin}/`);
    await page.waitForSelector("#sign-in");
    await isMember(other, "/other");
    await other.click("#next");
    await atProvider(other, "/login");
    await arrives(prove(other), other, `${app.origin}/next?x=1`);
    await isMember(other, "/next?x=1");
    // The button of a page that is out of date does no harm either.
    await page.goto(`${app.origin}/mine`);
    await other.click("#sign-out");
    await page.click("#sign-out");
    await page.waitForSelector("#sign-in");
    assertCalm(app);
  });

  it("a page for those who have proved lately who they are asks again, and only then", async () => {
    const maxAge = 4;
    await using app = await start("fresh", { maxAge, clockTolerance: 0 });
    await using person = await open();
    const { page } = person;
    await page.goto(`${app.origin}/wanted`);
    await prove(page);
    await page.waitForURL(`${app.origin}/wanted`);
    await page.goto(`${app.origin}/fresh`);
    await isMember(page, "/fresh");
    await pause((maxAge + 1) * 1000);
    await page.goto(`${app.origin}/fresh`);
    await atProvider(page, "/login");
    assert.match((await page.textContent("main")) ?? "", /sign in again, to be sure that it is you/);
    await lookAt(page, "asked again");
    await page.goto(`${app.origin}/wanted`);
    await isMember(page, "/wanted");
    await page.goBack();
    await page.fill("#password", world().alice.password);
    await arrives(page.click("#submit"), page, `${app.origin}/fresh`);
    await isMember(page, "/fresh");
    assert.equal(app.signIns.length, 2);
    assertCalm(app);
  });
});
