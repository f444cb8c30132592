/**
 * People: signing in, passwords, sessions and the account pages, under attack.
 *
 * ASVS 5.0 §6, §7 and §10.7, RFC 9700 §4.12, OpenID Connect Core §3.1.2.4. Rows SE, ST-06 and ST-12 of the catalogue of
 * attacks and its policy P10.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { createBrowser, type FetchBrowser, type PageOf } from "./lib/browser.ts";
import { addUser, useWorld } from "./lib/fixtures.ts";
import {
  authorizationUrl,
  createPkce,
  getTokens,
  introspect,
  refresh,
  signIn,
  type TestUser,
  userinfo,
} from "./lib/flow.ts";
import { sideBySide, suite } from "./lib/suites.ts";
import { dumpSqlite, tablesOfSqlite } from "./lib/tables.ts";

/** The login page, outside of any app's request. */
const login = (browser: FetchBrowser, issuer: string) => browser.open(new URL("/login", issuer));

/** Whether this browser is signed in: the account page is shown, not the login page. */
async function isSignedIn(browser: FetchBrowser, issuer: string): Promise<boolean> {
  const page = await browser.open(new URL("/account", issuer));
  return !page.has("password") && page.url.pathname === "/account";
}

sideBySide("people", () => {
  suite("sessions and passwords", () => {
    const world = useWorld();

    async function signedIn(user: TestUser, more: Record<string, boolean> = {}): Promise<FetchBrowser> {
      const browser = createBrowser(world().issuer);
      await signIn(browser, await login(browser, world().issuer), user, more);
      assert.equal(await isSignedIn(browser, world().issuer), true);
      return browser;
    }

    it("SE-01 signing in gives a fresh session: nothing that was in the browser before is in force", async () => {
      const { issuer, alice } = world();
      const browser = createBrowser(issuer);
      const page = await login(browser, issuer);
      const before = new Set(browser.cookies("localhost").values());
      await signIn(browser, page, alice);
      const fresh = [...browser.cookies("localhost").values()].filter((value) => !before.has(value));
      assert.ok(fresh.length >= 1);
      const again = createBrowser(issuer);
      await signIn(again, await login(again, issuer), alice);
      const shared = [...again.cookies("localhost").values()].filter((value) => fresh.includes(value));
      assert.deepEqual(shared, []);
    });

    it("SE-02 cookies are HttpOnly, SameSite, for this host alone, random, and say nothing of the person", async () => {
      const { alice } = world();
      const browser = await signedIn(alice, { remember: true });
      assert.ok(browser.setCookies.length >= 1);
      for (const line of browser.setCookies) {
        assert.match(line, /; ?HttpOnly/i, line);
        assert.match(line, /; ?SameSite=(Lax|Strict)/i, line);
        assert.doesNotMatch(line, /; ?Domain=/i, line);
        assert.ok(!decodeURIComponent(line).includes(alice.subject) && !line.includes("alice"), line);
      }
    });

    it("SE-08 an unknown name, a wrong password and a disabled account are one answer, in status, words, headers and cookies", async () => {
      const { issuer, server, alice } = world();
      const frank = await addUser(server, "frank");
      assert.equal((await server.cli(["user", "disable", frank.email, "--json"])).code, 0);
      const attempt = async (email: string, password: string) => {
        const browser = createBrowser(issuer);
        const page = await signIn(browser, await login(browser, issuer), { email, password });
        const kept = [...page.headers.keys()].filter((name) => !["date", "content-length"].includes(name)).sort();
        return {
          status: page.status,
          text: page.text.replaceAll(email, "E-MAIL"),
          headers: kept,
          // The cookie that binds forms to the browser has a name that ends at random.
          cookies: browser.setCookies.map((line) => line.split("=")[0]?.replace(/_[\w-]{8}$/, "_")),
        };
      };
      const wrong = await attempt(alice.email, "not the password at all");
      assert.deepEqual(await attempt("nobody@example.test", "not the password at all"), wrong);
      assert.deepEqual(await attempt(frank.email, frank.password), wrong);
      assert.match(wrong.text, /password/i);
    });

    it("SE-26 every character of the password counts, also the 73rd, and case, blanks and accents", async () => {
      const { issuer, server } = world();
      const long = `${"Pass phrase é ".repeat(6)}73rd`;
      const gail = await addUser(server, "gail", long);
      const attempt = async (password: string) => {
        const browser = createBrowser(issuer);
        await signIn(browser, await login(browser, issuer), { email: gail.email, password });
        return isSignedIn(browser, issuer);
      };
      assert.equal(await attempt(long), true);
      assert.equal(await attempt(long.normalize("NFD")), true, "however the keyboard composes an accent");
      assert.equal(await attempt(long.slice(0, -1)), false);
      assert.equal(await attempt(`${long.slice(0, -1)}e`), false);
      assert.equal(await attempt(long.toLowerCase()), false);
      assert.equal(await attempt(` ${long}`), false);
      assert.equal(await attempt(`${long} `), false);
    });

    it("SE-26 a huge password at sign-in is refused unhashed", async () => {
      const { issuer, alice } = world();
      const browser = createBrowser(issuer);
      const page = await browser.post(new URL("/login", issuer), {
        username: alice.email,
        password: "x".repeat(1_000_000),
      });
      assert.ok(page.status >= 400 && page.status < 500, `${page.status}`);
    });

    it("SE-33 one address is one account, whatever its case or blanks, and look-alikes are nobody else's way in", async () => {
      const { issuer, server, alice } = world();
      const again = async (email: string) => {
        const args = ["user", "add", "--email", email, "--name", "Not Alice", "--password-stdin", "--json"];
        const result = await server.cli(args, "another long password 9\n");
        assert.equal(result.code, 6, `${email}: ${result.code} ${result.stdout}`);
      };
      await Promise.all(
        ["ALICE@example.test", " alice@example.test ", "alice@EXAMPLE.test", "ａlice@example.test"].map(again),
      );
      const browser = createBrowser(issuer);
      await signIn(browser, await login(browser, issuer), { email: "Alice@Example.TEST", password: alice.password });
      assert.equal(await isSignedIn(browser, issuer), true);
      const cyrillic = "\u0430lice@example.test";
      const made = await server.cli(
        ["user", "add", "--email", cyrillic, "--name", "Look-alike", "--password-stdin", "--json"],
        "another long password 9\n",
      );
      if (made.code === 0) assert.notEqual(made.json.subject, alice.subject);
      const attempt = createBrowser(issuer);
      await signIn(attempt, await login(attempt, issuer), { email: cyrillic, password: alice.password });
      assert.equal(await isSignedIn(attempt, issuer), false);
    });

    it("SE-30 pages of people, and redirects with codes, are nobody's to keep", async () => {
      const { issuer, alice, conf } = world();
      const browser = await signedIn(alice);
      for (const path of ["/login", "/account", "/account/password", "/account/sessions", "/account/apps"]) {
        const page = await browser.open(new URL(path, issuer));
        assert.match(page.headers.get("Cache-Control") ?? "", /no-store/, path);
        assert.equal(page.headers.get("ETag"), null, path);
      }
      const page = await browser.open(authorizationUrl(issuer, conf, { code_challenge: createPkce().challenge }));
      for (const step of page.trail) assert.match(step.headers.get("Cache-Control") ?? "", /no-store/, step.url);
    });

    it("the account pages are for whoever is signed in; everybody else is sent to sign in", async () => {
      const { issuer } = world();
      for (const path of ["/account", "/account/password", "/account/sessions", "/account/apps"]) {
        const page = await createBrowser(issuer).open(new URL(path, issuer));
        assert.ok(page.has("password") && page.has("username"), path);
      }
      for (const path of ["/account/profile", "/account/password", "/account/sessions", "/account/apps"]) {
        const page = await createBrowser(issuer).post(new URL(path, issuer), { name: "x", action: "end-others" });
        assert.ok(page.has("password") || page.status >= 400, path);
      }
    });

    it("SE-32, P10 changing the password needs the current one; then other sessions and all grants are over", async () => {
      const { issuer, server, conf } = world();
      const ivan = await addUser(server, "ivan");
      const here = await signedIn(ivan);
      const there = await signedIn(ivan);
      const tokens = await getTokens(issuer, conf, {
        user: ivan,
        params: { scope: "openid offline_access", prompt: "consent" },
      });
      const next = "an even longer password 8";
      const page = await here.open(new URL("/account/password", issuer));
      const wrong = await here.press(page, "submit", { current: "wrong password 1", password: next });
      assert.ok(wrong.status >= 400 && wrong.status < 500, `${wrong.status}`);
      const forged = await here.press(
        page,
        "submit",
        { current: ivan.password, password: next },
        { headers: { "Sec-Fetch-Site": "cross-site", Origin: "https://evil.test" } },
      );
      assert.ok(forged.status >= 400 && forged.status < 500);
      assert.equal(await isSignedIn(there, issuer), true, "nothing has happened yet");
      const weak = await here.press(page, "submit", { current: ivan.password, password: "password1" });
      assert.ok(weak.status >= 400 && weak.status < 500);
      const done = await here.press(page, "submit", { current: ivan.password, password: next });
      assert.equal(done.status, 200, done.text);
      assert.equal(await isSignedIn(here, issuer), true);
      assert.equal(await isSignedIn(there, issuer), false);
      assert.equal((await refresh(issuer, conf, tokens.refresh_token)).json.error, "invalid_grant");
      assert.equal((await introspect(issuer, conf, tokens.access_token)).json.active, false);
      assert.equal(await isSignedIn(await signedIn({ ...ivan, password: next }), issuer), true);
    });

    it("a reset link works once, for its person, ends their sessions, and signs nobody in", async () => {
      const { issuer, server } = world();
      const judy = await addUser(server, "judy");
      const before = await signedIn(judy);
      const made = await server.cli(["user", "reset", judy.email, "--json"]);
      assert.equal(made.code, 0, made.stderr);
      const link = String(
        Object.values(made.json as Record<string, unknown>).find(
          (value) => typeof value === "string" && value.includes("/reset?"),
        ) ?? "",
      );
      assert.ok(link.startsWith(`${issuer}/reset?token=`), made.stdout);
      const browser = createBrowser(issuer);
      const page = await browser.open(link);
      assert.match(page.text, /judy@example\.test/);
      assert.ok(
        (await browser.press(page, "submit", { password: "password" })).status >= 400,
        "too weak; the link stays",
      );
      const next = "a password after the reset 5";
      const set = await browser.press(page, "submit", { password: next });
      assert.ok(set.has("password"), "she signs in with it herself");
      assert.equal(await isSignedIn(browser, issuer), false);
      assert.equal(await isSignedIn(before, issuer), false);
      const used = await createBrowser(issuer).open(link);
      assert.ok(used.status >= 400 && !used.has("password"), "the link works once");
      assert.ok((await browser.press(page, "submit", { password: "yet another password 3" })).status >= 400);
      await signedIn({ ...judy, password: next });
      const nonsense = await createBrowser(issuer).open(new URL("/reset?token=nonsense", issuer));
      assert.ok(nonsense.status >= 400 && nonsense.status < 500);
    });

    it("ST-06 passwords are kept as argon2id with at least 19 MiB and two passes, and never in the clear", async () => {
      const { server, alice } = world();
      const stored = await dumpSqlite(server.databaseFile);
      const [, memory, passes] = /\$argon2id\$v=19\$m=(\d+),t=(\d+),p=\d+\$/.exec(stored) ?? [];
      assert.ok(Number(memory) >= 19_456 && Number(passes) >= 2, `${memory} ${passes}`);
      assert.ok(!stored.includes(alice.password));
    });

    it("ST-12 a person who is removed is gone from every table, and their tokens with them", async () => {
      const { issuer, server, conf } = world();
      const kim = await addUser(server, "kim-unmistakable");
      const tokens = await getTokens(issuer, conf, { user: kim });
      assert.ok((await dumpSqlite(server.databaseFile)).includes("kim-unmistakable"));
      const gone = await server.cli(["user", "rm", kim.email, "--json"]);
      assert.equal(gone.code, 0, gone.stderr);
      assert.equal((await userinfo(issuer, tokens.access_token)).status, 401);
      assert.equal((await refresh(issuer, conf, tokens.refresh_token)).json.error, "invalid_grant");
      const again = createBrowser(issuer);
      await signIn(again, await login(again, issuer), kim);
      assert.equal(await isSignedIn(again, issuer), false);
      const rows = JSON.stringify(tablesOfSqlite(server.databaseFile));
      assert.ok(!rows.includes("kim-unmistakable"), "name or address is still in a row");
    });

    it("SE-35 forwarded headers of somebody we do not trust change nothing", async () => {
      const { issuer, alice } = world();
      for (const value of ["not-an-ip", "", "10.0.0.1", "127.0.0.1, 10.0.0.1"]) {
        const browser = createBrowser(issuer);
        const headers = {
          "X-Forwarded-For": value,
          "X-Forwarded-Host": "evil.test",
          "X-Forwarded-Proto": "https",
          Forwarded: "host=evil.test;proto=https",
        };
        const page = await browser.open(new URL("/login", issuer), { headers });
        assert.ok(page.has("password"));
        assert.ok(!page.html.includes("evil.test"));
        const wrong = await browser.press(
          page,
          "submit",
          { username: alice.email, password: "wrong password 2" },
          { headers },
        );
        assert.ok(wrong.has("password"), "still at the login page");
      }
      const metadata = await (
        await fetch(new URL("/.well-known/openid-configuration", issuer), {
          headers: { "X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "https" },
        })
      ).text();
      assert.ok(!metadata.includes("evil.test"));
    });
  });

  suite("sessions that end", () => {
    const world = useWorld(() => ({ config: { lifetimes: { sessionIdle: 3 } } }));

    it("SE-24 a session that nobody used for its idle time is over: silently nobody is signed in", async () => {
      const { issuer, conf, alice } = world();
      const tokens = await getTokens(issuer, conf, { user: alice });
      assert.equal((await userinfo(issuer, tokens.access_token)).status, 200);
      // Only ever longer than three seconds: there is no race in this direction.
      await new Promise((resolve) => setTimeout(resolve, 3_300));
      assert.equal(await isSignedIn(tokens.browser, issuer), false);
      const silent = await tokens.browser.open(
        authorizationUrl(issuer, conf, { prompt: "none", code_challenge: createPkce().challenge }),
      );
      assert.equal(silent.url.searchParams.get("error"), "login_required");
    });
  });

  suite("behind a TLS proxy", () => {
    const issuer = "https://id.example.test";
    const world = useWorld(() => ({ issuer }));

    it("SE-02, SC-08 cookies are __Host- and Secure, HSTS is sent, and every URL is the configured one, whatever the request says", async () => {
      const { server, alice } = world();
      const browser = createBrowser(server.origin);
      const headers = { Host: "evil.test", "X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "http" };
      const page = await browser.open(new URL("/login", server.origin), { headers });
      await signIn(browser, page, alice);
      assert.ok(browser.setCookies.length >= 2, "a cookie of the browser and one of the session");
      for (const line of browser.setCookies) {
        assert.match(line, /^__Host-/, line);
        for (const attribute of [/; ?Secure/i, /; ?HttpOnly/i, /; ?SameSite=(Lax|Strict)/i, /; ?Path=\/(;|$)/i])
          assert.match(line, attribute);
        assert.doesNotMatch(line, /; ?Domain=/i, line);
        // 128 bits are 22 characters of base64url.
        assert.ok((line.split(";")[0]?.split("=")[1]?.length ?? 0) >= 22 || /Max-Age=0/i.test(line), line);
      }
      assert.match(page.headers.get("Strict-Transport-Security") ?? "", /max-age=[1-9]/);
      const metadata = await fetch(new URL("/.well-known/openid-configuration", server.origin), { headers });
      const text = await metadata.text();
      assert.ok(!text.includes("evil.test") && !text.includes("http://"), text);
      assert.ok(text.includes(`"${issuer}/token"`));
    });
  });

  suite("guessing passwords", () => {
    const world = useWorld(() => ({ bob: true }));

    it("SE-04 wrong passwords slow the guesser down, over a restart too, and lock nobody out for good", async () => {
      const { issuer, server, bob } = world();
      const guess = async () => {
        const browser = createBrowser(issuer);
        return signIn(browser, await login(browser, issuer), { email: bob.email, password: "wrong password 3" });
      };
      let slowed: PageOf | undefined;
      for (let n = 0; n < 100 && !slowed; n++) {
        const page = await guess();
        if (page.status === 429) slowed = page;
      }
      assert.ok(slowed, "a hundred wrong passwords and no answer was 429");
      const wait = Number(slowed.headers.get("Retry-After"));
      assert.ok(wait >= 1 && wait <= 3_600, `Retry-After: ${wait}`);
      assert.ok(slowed.has("password"), "the form is shown again");
      await server.kill();
      await server.restart();
      assert.equal((await guess()).status, 429, "the count survives a restart");
      // Somebody else in the same place is not in the way of it, nor is the app's own work.
      const other = createBrowser(issuer);
      await signIn(other, await login(other, issuer), world().alice);
      assert.equal(await isSignedIn(other, issuer), true);
    });
  });
});
