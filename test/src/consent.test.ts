/**
 * People: the first account, and what they allow to whom.
 *
 * ASVS 5.0 §6.3.2 and §10.7, OpenID Connect Core §3.1.2.4. Rows SE-26, SE-27 and CN of the catalogue of attacks.
 */
import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { createBrowser, type FetchBrowser, type PageOf } from "./lib/browser.ts";
import { onEachDatabase } from "./lib/each-database.ts";
import { codeAndRefresh, useWorld } from "./lib/fixtures.ts";
import {
  authorizationUrl,
  claimsOf,
  createPkce,
  exchange,
  getCode,
  getTokens,
  refresh,
  signIn,
  type TestClient,
  userinfo,
} from "./lib/flow.ts";
import { formsOf } from "./lib/html.ts";
import { install, type RunningServer, serve } from "./lib/server.ts";
import { sideBySide, suite } from "./lib/suites.ts";
import { dumpSqlite } from "./lib/tables.ts";

/** The login page, outside of any app's request. */
const login = (browser: FetchBrowser, issuer: string) => browser.open(new URL("/login", issuer));

/** Whether this browser is signed in: the account page is shown, not the login page. */
async function isSignedIn(browser: FetchBrowser, issuer: string): Promise<boolean> {
  const page = await browser.open(new URL("/account", issuer));
  return !page.has("password") && page.url.pathname === "/account";
}

sideBySide("consent and the first account", () => {
  suite("the first account", () => {
    let server: RunningServer;
    before(async () => {
      server = await serve(await install());
    });
    after(async () => {
      await server[Symbol.asyncDispose]();
    });
    const linkIn = (output: string) =>
      [...output.matchAll(/https?:\/\/\S+\/setup\?token=[\w.~%-]+/g)].at(-1)?.[0] ?? "";

    it("SE-27 there is no account at first; the printed link makes one, once, whoever races for it", async () => {
      const { issuer } = server;
      const link = linkIn(`${await server.process().waitForLine("/setup?token=")}\n`);
      assert.ok(link.startsWith(`${issuer}/setup?token=`), server.output());
      const token = new URL(link).searchParams.get("token") ?? "";
      assert.ok(token.length >= 22, "at least 128 bits");
      assert.ok(!(await dumpSqlite(server.databaseFile)).includes(token.slice(-38)), "the link is stored in the clear");
      for (const path of ["/setup", "/setup?token=", "/setup?token=nonsense", `/setup?token=${token.slice(0, -1)}`]) {
        const page = await createBrowser(issuer).open(new URL(path, issuer));
        assert.ok(page.status >= 400 && page.status < 500 && !page.has("email"), path);
      }
      for (const [email, password] of [
        ["admin@example.test", "admin"],
        ["admin", "admin"],
        ["root", "password"],
      ] as const) {
        const browser = createBrowser(issuer);
        await signIn(browser, await login(browser, issuer), { email, password });
        assert.equal(await isSignedIn(browser, issuer), false);
      }

      const first = createBrowser(issuer);
      const browsers = [first, ...Array.from({ length: 4 }, () => createBrowser(issuer))];
      const pages = await Promise.all(browsers.map((browser) => browser.open(link)));
      // SE-26: too short, too common, made of what is known of the person, too long. None of them uses the link up.
      const words = [
        "short7c",
        "password",
        "Password1!",
        "12345678",
        "qwertyuiop",
        "heidi@example.test",
        "heidiheidi",
        "valetkey1",
        "x".repeat(1_025),
      ];
      for (const password of words) {
        const weak = await first.press(pages[0] as PageOf, "submit", {
          email: "heidi@example.test",
          name: "Heidi",
          password,
        });
        assert.ok(
          weak.has("email") && weak.status >= 400 && weak.status < 500,
          `${password.slice(0, 20)}: ${weak.status}`,
        );
        assert.equal(weak.find("password")?.attributes.value ?? "", "", "the password is sent back");
      }
      const ends = await Promise.all(
        browsers.map((browser, n) =>
          browser.press(pages[n] as PageOf, "submit", {
            email: `first${n}@example.test`,
            name: `First ${n}`,
            password: "a long first password 6",
          }),
        ),
      );
      const winners = ends.filter((page) => page.status === 200 && page.url.pathname === "/account");
      assert.equal(winners.length, 1, ends.map((page) => `${page.status} ${page.url}`).join("\n"));
      const late = await createBrowser(issuer).open(link);
      assert.ok(late.status >= 400 && !late.has("email"), "the page is gone");
      const people = await server.cli(["user", "list", "--json"]);
      assert.equal(JSON.stringify(people.json).split("@example.test").length - 1, 1, people.stdout);
      await server.restart();
      assert.equal(
        linkIn(server.process().stdout() + server.process().stderr()),
        "",
        "no link once there is an account",
      );
    });
  });

  onEachDatabase("consent", (database) => {
    const world = useWorld(async () => ({
      bob: true,
      database: await database.fresh(),
      config: { scopes: { "photos:read": "See your photos" } },
      clients: {
        photos: {
          name: "Photos <i>& more</i>",
          redirect_uris: ["https://photos.example.test/cb"],
          grant_types: codeAndRefresh,
        },
        own: { name: "Our own", firstParty: true },
      },
    }));
    let app: TestClient;
    before(() => {
      app = world().client("photos");
    });
    const ask = (browser: FetchBrowser, params: Record<string, string> = {}, client = app) =>
      browser.open(authorizationUrl(world().issuer, client, { code_challenge: createPkce().challenge, ...params }));

    it("CN-05 says who asks, for whom, what in words, and where the browser will go; refusing is as easy as allowing", async () => {
      const { issuer, alice } = world();
      const browser = createBrowser(issuer);
      const page = await signIn(
        browser,
        await ask(browser, { scope: "openid email photos:read offline_access" }),
        alice,
      );
      assert.match(page.text, /Photos <i>& more<\/i>/);
      assert.doesNotMatch(page.html, /<i>& more/);
      assert.match(page.text, /photos\.example\.test/);
      assert.match(page.text, /alice@example\.test/);
      assert.match(page.text, /See your photos/);
      assert.match(page.text, /not here/i);
      assert.ok(page.html.indexOf('id="deny"') < page.html.indexOf('id="allow"'), "refusing comes first");
      assert.equal(page.find("allow")?.attributes.autofocus, undefined);
    });

    it("CN-02 what was not allowed is not granted, and asking for more asks again, naming what is new", async () => {
      const { issuer, alice } = world();
      const browser = createBrowser(issuer);
      const some = await getTokens(issuer, app, {
        user: alice,
        browser,
        params: { scope: "openid email photos:read" },
        consent: { "scope-photos:read": false },
      });
      assert.deepEqual(some.scope.split(" ").sort(), ["email", "openid"]);
      const same = await ask(browser, { scope: "openid email" });
      assert.ok(same.foreign, "what was allowed is not asked again");
      const more = await ask(browser, { scope: "openid email profile" });
      assert.ok(more.has("allow"));
      assert.ok(more.has("scope-profile"));
      const silent = await ask(browser, { scope: "openid profile", prompt: "none" });
      assert.match(silent.url.searchParams.get("error") ?? "", /^(consent|interaction)_required$/);
    });

    it("a scope that was not asked for cannot be slipped into the form", async () => {
      const { issuer, bob } = world();
      const browser = createBrowser(issuer);
      const page = await signIn(browser, await ask(browser, { scope: "openid" }), bob);
      const form = formsOf(page.html).find((one) => one.controls.some((tag) => tag.attributes.id === "allow"));
      const fields = new URLSearchParams();
      for (const { attributes } of form?.controls ?? [])
        if (attributes.type === "hidden") fields.append(attributes.name ?? "", attributes.value ?? "");
      fields.append("decision", "allow");
      fields.append("scope", "photos:read");
      fields.append("scope", "email");
      const end = await browser.post(new URL(form?.action ?? "", issuer), fields);
      const code = end.url.searchParams.get("code");
      if (end.foreign && code !== null) {
        const again = await ask(browser, { scope: "openid photos:read email", prompt: "none" });
        assert.match(again.url.searchParams.get("error") ?? "", /^(consent|interaction)_required$/);
      } else assert.ok(end.status < 500);
    });

    it("CN-10 prompt=consent asks although it is remembered", async () => {
      const { issuer, alice } = world();
      const { browser } = await getCode(issuer, app, { user: alice });
      assert.ok((await ask(browser)).foreign);
      assert.ok((await ask(browser, { prompt: "consent" })).has("allow"));
    });

    it("CN-04 the account page lists the app; removing it ends its tokens at once, and it has to ask again", async () => {
      const { issuer, alice } = world();
      const tokens = await getTokens(issuer, app, {
        user: alice,
        params: { scope: "openid photos:read offline_access", prompt: "consent" },
      });
      const { browser } = tokens;
      const page = await browser.open(new URL("/account/apps", issuer));
      assert.match(page.text, /Photos <i>& more<\/i>/);
      assert.match(page.text, /See your photos/);
      const after = await browser.press(page, `client_id=${app.client_id}`);
      assert.doesNotMatch(after.text, /See your photos/);
      assert.equal((await refresh(issuer, app, tokens.refresh_token)).json.error, "invalid_grant");
      assert.equal((await userinfo(issuer, tokens.access_token)).status, 401);
      assert.ok((await ask(browser)).has("allow"));
    });

    it("CN-06 an app that an operator marked as its own is not asked about, except when it asks to", async () => {
      const { client, issuer, alice } = world();
      const own = client("own");
      const browser = createBrowser(issuer);
      const end = await signIn(browser, await ask(browser, {}, own), alice);
      assert.ok(end.foreign && end.url.searchParams.has("code"), end.text);
      assert.ok((await ask(browser, { prompt: "consent" }, own)).has("allow"));
    });

    it("two accounts in one browser: the app may ask which, and gets the one that was chosen", async () => {
      const { issuer, alice, bob } = world();
      const browser = createBrowser(issuer);
      await getCode(issuer, app, { user: alice, browser });
      const asBob = await getCode(issuer, app, { user: bob, browser, params: { prompt: "login" } });
      assert.equal(claimsOf((await exchange(issuer, asBob)).json.id_token).sub, bob.subject);
      const choice = await ask(browser, { prompt: "select_account" });
      assert.match(choice.text, /alice@example\.test/);
      assert.match(choice.text, /bob@example\.test/);
      assert.ok(choice.has("other"));
    });
  });
});
