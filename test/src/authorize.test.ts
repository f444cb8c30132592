/**
 * The authorization endpoint under attack: where answers may go, and what browsers may be made to do.
 *
 * RFC 6749 §3.1 and §4.1, RFC 7636 §4.4, RFC 8252 §7.3, RFC 9207, RFC 9700 §2 and §4; OpenID Connect Core §3.1.2. Rows AZ, CD-15
 * and DO-14 of the catalogue of attacks.
 */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { assertErrorPage, assertRedirectedError, assertSafePage } from "./lib/answers.ts";
import { createBrowser, type PageOf } from "./lib/browser.ts";
import { addClient, addUser, callback, codeAndRefresh, useWorld } from "./lib/fixtures.ts";
import {
  authorizationUrl,
  createPkce,
  exchange,
  getCode,
  type Params,
  postAs,
  read,
  signIn,
  type TestClient,
  walk,
} from "./lib/flow.ts";
import { tablesOfSqlite } from "./lib/tables.ts";

describe("authorization endpoint", () => {
  const world = useWorld(() => ({
    bob: true,
    args: ["--registration", "open"],
    config: { scopes: { "photos:read": "See your photos" } },
    clients: {
      rp: { name: "Relying <b>Party</b>", redirect_uris: ["https://rp.test/cb"], grant_types: codeAndRefresh },
      "with-query": { name: "With query", redirect_uris: ["https://rp.test/cb?a=1"] },
      native: { name: "Native", redirect_uris: ["http://127.0.0.1/cb"], pub: true },
      two: { name: "Two", redirect_uris: [callback, "http://127.0.0.1:9/b"] },
    },
  }));
  const { challenge } = createPkce();
  let rp: TestClient;
  let withQuery: TestClient;
  let native: TestClient;

  before(() => {
    const { client } = world();
    [rp, withQuery, native] = [client("rp"), client("with-query"), client("native")];
  });

  const open = (client: TestClient, params: Params = {}, browser = createBrowser(world().issuer)) =>
    browser.open(authorizationUrl(world().issuer, client, { code_challenge: challenge, ...params }));

  /** A browser in which alice is signed in and has allowed `openid` to this client. */
  async function signedIn(client: TestClient = rp) {
    const { browser } = await getCode(world().issuer, client, { user: world().alice });
    return browser;
  }

  describe("where answers may go", () => {
    it("AZ-01 a redirect URI that is not registered is shown as a page, signed in or not, and the browser goes nowhere", async () => {
      for (const browser of [createBrowser(world().issuer), await signedIn()]) {
        for (const redirect_uri of [
          "https://evil.test/cb",
          "javascript:alert(1)",
          "data:text/html,x",
          "//evil.test",
          "/cb",
          "cb",
          "https://rp.test",
        ]) {
          assertErrorPage(await open(rp, { redirect_uri }, browser));
        }
      }
    });

    it("AZ-02, AZ-06, AZ-07, AZ-08 only the same bytes match: no prefix, suffix, case, port, query, fragment or encoding of it", async () => {
      const variants = [
        "https://rp.test.evil.test/cb",
        "https://evilrp.test/cb",
        "https://rp.test:443.evil.test/cb",
        "https://rp.test@evil.test/cb",
        "https://evil.test/https://rp.test/cb",
        "https://rp.test/cb/../evil",
        "https://rp.test/cb/",
        "https://rp.test/cb%2f",
        "https://rp.test/CB",
        "https://RP.test/cb",
        "HTTPS://rp.test/cb",
        "http://rp.test/cb",
        "https://rp.test:443/cb",
        "https://rp.test:8443/cb",
        "https://rp.test:/cb",
        "https://rp.test./cb",
        "https://rp.test/cb?",
        "https://rp.test/cb?x=1",
        "https://rp.test/cb#x",
        "https://rp.test/cb#",
        "https://rp.test/cb%23x",
        "https://rp.test\\@evil.test/cb",
        "https://rp.test/cb\n",
        " https://rp.test/cb",
        "http://localhost.evil.test/cb",
      ];
      for (const redirect_uri of variants) assertErrorPage(await open(rp, { redirect_uri }));
      for (const redirect_uri of [
        "https://rp.test/cb?a=2",
        "https://rp.test/cb?a=1&b=2",
        "https://rp.test/cb?b=2&a=1",
        "https://rp.test/cb",
      ]) {
        assertErrorPage(await open(withQuery, { redirect_uri }));
      }
    });

    it("AZ-06 a registered query is kept and the answer is added to it", async () => {
      const { response } = await getCode(world().issuer, withQuery, { user: world().alice });
      assert.equal(response.a, "1");
      assert.ok(response.code);
    });

    it("a native app on loopback may come from any port (RFC 8252 §7.3), and only the port may differ", async () => {
      const { issuer, alice } = world();
      const page = await walk(
        createBrowser(issuer),
        authorizationUrl(issuer, native, { redirect_uri: "http://127.0.0.1:51234/cb", code_challenge: challenge }),
        { user: alice },
      );
      assert.equal(page.url.port, "51234");
      for (const redirect_uri of [
        "http://127.0.0.1:51234/other",
        "http://127.0.0.2:51234/cb",
        "http://localhost:51234/cb",
        "https://127.0.0.1:51234/cb",
        "http://127.0.0.1:99999/cb",
      ]) {
        assertErrorPage(await open(native, { redirect_uri }));
      }
    });

    it("AZ-12 the command line refuses wildcards, fragments and plain http off loopback, and stores nothing", async () => {
      const { server } = world();
      const bad = [
        "https://*.rp.test/cb",
        "https://rp.test/*",
        "https://rp.test/cb#x",
        "http://rp.test/cb",
        "javascript:alert(1)",
        "+",
      ];
      await Promise.all(
        bad.map(async (uri) => {
          const result = await server.cli(["client", "add", "--name", "Bad", "--redirect-uri", uri, "--json"]);
          assert.notEqual(result.code, 0, uri);
          assert.equal(result.stdout, "", uri);
        }),
      );
    });

    it("AZ-13 a request without redirect_uri is never guessed at for OpenID or where two are registered", async () => {
      assertErrorPage(await open(rp, { redirect_uri: undefined }));

      assertErrorPage(await open(world().client("two"), { redirect_uri: undefined, scope: "photos:read" }));
    });

    it("AZ-17 unknown and disabled clients get the same page", async () => {
      const { server, issuer } = world();
      const off = await addClient(server, { name: "Off", redirect_uris: ["https://rp.test/off"] });
      assert.equal((await server.cli(["client", "set", off.client_id, "--disable", "--json"])).code, 0);
      const disabled = await open(off);
      const unknown = await open({ ...off, client_id: "nobody" });
      assertErrorPage(disabled);
      assertErrorPage(unknown);
      // The request id, if one is shown, is all that may differ.
      // What was sent, the request's number and the time are all that may differ.
      const plain = ({ text }: PageOf, client_id: string) =>
        text
          .replaceAll(client_id, "CLIENT")
          .replaceAll(/\d{1,2}:\d{2}:\d{2}(\.\d+)?/g, "TIME")
          .replaceAll(/Request \S+/g, "REQUEST");
      assert.equal(plain(disabled, off.client_id), plain(unknown, "nobody"));
      assertErrorPage(await createBrowser(issuer).open(new URL("/authorize?response_type=code", issuer)));
    });

    it("AZ-18, P14 nobody is bounced to a client a stranger registered before they have signed in", async () => {
      const { issuer } = world();
      const made = await read(
        await fetch(new URL("/register", issuer), {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ redirect_uris: ["https://phish.test/cb"], client_name: "Your Bank" }),
        }),
      );
      assert.equal(made.status, 201, made.text);
      const phish: TestClient = { client_id: made.json.client_id, redirect_uri: "https://phish.test/cb" };
      for (const params of [
        { scope: "bogus" },
        { prompt: "none" },
        { response_type: "token" },
        { code_challenge: undefined },
      ]) {
        assert.equal((await open(phish, params)).foreign, false, JSON.stringify(params));
      }
    });

    it("AZ-27 iss is in every answer exactly once, with errors and with codes, and metadata says so", async () => {
      const { issuer } = world();
      const { response } = await getCode(issuer, rp, { user: world().alice });
      assert.equal(response.iss, issuer);
      for (const params of [{ scope: "unheard-of" }, { prompt: "none" }, { response_type: "token" }]) {
        const page = await open(rp, params);
        // An answer that could hold a token travels in the fragment, errors too.
        const sent = page.url.hash === "" ? page.url.searchParams : new URLSearchParams(page.url.hash.slice(1));
        assert.deepEqual(sent.getAll("iss"), [issuer]);
      }
      const metadata = await read(await fetch(new URL("/.well-known/openid-configuration", issuer)));
      assert.equal(metadata.json.authorization_response_iss_parameter_supported, true);
    });
  });

  describe("what browsers may be made to do", () => {
    it("AZ-19 after login and consent the browser is sent on with 303, never with 307 or 308", async () => {
      const { issuer, alice } = world();
      const browser = createBrowser(issuer);
      const login = await open(rp, { prompt: "consent" }, browser);
      const consent = await signIn(browser, login, alice);
      const end = await browser.press(consent, "allow");
      for (const step of [...login.trail, ...consent.trail, ...end.trail]) {
        assert.ok([200, 302, 303].includes(step.status), `${step.status} ${step.url}`);
        assert.match(step.headers.get("Cache-Control") ?? "", /no-store/, step.url);
      }
      assert.equal(consent.trail[0]?.status, 303);
      assert.equal(end.trail[0]?.status, 303);
    });

    it("AZ-20, AZ-21 login, consent and error pages cannot be framed, leak no referrer and load nothing from elsewhere", async () => {
      const { issuer, alice } = world();
      const browser = createBrowser(issuer);
      const login = await open(rp, { prompt: "consent" }, browser);
      const consent = await signIn(browser, login, alice);
      const missing = await browser.open(new URL("/nowhere", issuer));
      assert.equal(missing.status, 404);
      for (const page of [login, consent, missing, await open(rp, { redirect_uri: "https://evil.test/" }, browser)])
        assertSafePage(page);
    });

    it("CD-15 a denied request gives access_denied, and its consent form gives no code afterwards", async () => {
      const { issuer, bob } = world();
      const browser = createBrowser(issuer);
      const consent = await signIn(browser, await open(rp, { prompt: "consent" }, browser), bob);
      assert.ok(consent.has("deny"), consent.text);
      assertRedirectedError(await browser.press(consent, "deny"), issuer, "access_denied");
      const again = await browser.press(consent, "allow");
      assert.equal(again.url.searchParams.get("code"), null);
    });

    it("an interaction belongs to the browser that started it: another one gets a page, and neither login nor consent", async () => {
      const { issuer, alice, bob } = world();
      const mine = createBrowser(issuer);
      const login = await open(rp, {}, mine);
      const theirs = createBrowser(issuer);
      const stolen = await theirs.open(login.url);
      assert.ok(!stolen.has("password") || stolen.status >= 400, "the login page of another browser's interaction");
      const pressed = await theirs.press(login, "submit", { username: bob.email, password: bob.password });
      assert.equal(pressed.foreign, false);
      assert.ok(pressed.status >= 400 && pressed.status < 500, `${pressed.status}`);
      // It did the first one no harm.
      assert.ok((await walk(mine, login, { user: alice })).url.searchParams.has("code"));
    });

    it("a form posted by another site is refused, whatever cookies come with it", async () => {
      const { issuer, alice } = world();
      const browser = createBrowser(issuer);
      const consent = await signIn(browser, await open(rp, { prompt: "consent" }, browser), alice);
      assert.ok(consent.has("allow"));
      for (const headers of [
        { "Sec-Fetch-Site": "cross-site", Origin: "https://evil.test" },
        { "Sec-Fetch-Site": "same-site", Origin: "http://localhost:1" },
      ]) {
        const forged = await browser.press(consent, "allow", {}, { headers });
        assert.equal(forged.foreign, false, "a consent by another site");
        assert.ok(forged.status >= 400 && forged.status < 500, `${forged.status}`);
      }
      assert.ok((await browser.press(consent, "allow")).url.searchParams.has("code"));
    });

    it("AZ-54 login_hint, client names and ui_locales are text: escaped, and never a path", async () => {
      const { issuer, alice } = world();
      const browser = createBrowser(issuer);
      const login_hint = '"><script>alert(1)</script>';
      const page = await open(rp, { login_hint, ui_locales: "../../etc/passwd __proto__" }, browser);
      assert.equal(page.status, 200);
      assert.doesNotMatch(page.html, /<script>alert/);
      assert.doesNotMatch(page.html, /root:x:/);
      assert.doesNotMatch(page.html, /<b>Party<\/b>/, "the client's name is escaped");
      assert.match(page.text, /Relying <b>Party<\/b>/);
      assert.equal(page.find("username")?.attributes.value ?? login_hint, login_hint);
      const long = await open(rp, { login_hint: "x".repeat(8_000) }, browser);
      assert.ok(long.status < 500);
      assert.ok(
        (
          await walk(
            createBrowser(issuer),
            authorizationUrl(issuer, rp, { login_hint: alice.email, code_challenge: challenge }),
            { user: alice },
          )
        ).foreign,
      );
    });

    it("AZ-56 a disabled person hears what a wrong password would have said", async () => {
      const { issuer, server } = world();
      const dora = await addUser(server, "dora");
      assert.equal((await server.cli(["user", "disable", dora.email, "--json"])).code, 0);
      const attempt = async (user: { email: string; password: string }) => {
        const browser = createBrowser(issuer);
        const page = await signIn(browser, await open(rp, {}, browser), user);
        return { status: page.status, text: page.text.replaceAll(user.email, "E-MAIL") };
      };
      assert.deepEqual(await attempt(dora), await attempt({ email: "nobody@example.test", password: dora.password }));
    });

    it("DO-14 a name that grows under normalisation is cut off before it is normalised", async () => {
      const { issuer } = world();
      const browser = createBrowser(issuer);
      const page = await signIn(browser, await open(rp, {}, browser), {
        email: "\uFDFA".repeat(10_000),
        password: "x",
      });
      assert.ok(page.status < 500, `${page.status}`);
    });

    it("requests that fail leave nothing behind: no code, no grant (NOP)", async () => {
      const { server } = world();
      const count = () =>
        tablesOfSqlite(server.databaseFile)
          .flatMap(([, rows]) => rows)
          .filter((row) => ["code", "grant", "consent"].includes(String((row as { kind?: unknown }).kind))).length;
      const before = count();
      await open(rp, { redirect_uri: "https://evil.test/cb" });
      await open(rp, { scope: "unheard-of" });
      await open(rp, { prompt: "none" });
      assert.equal(count(), before);
    });
  });

  it("generic guard: after all of it, a normal sign-in works and the process is well", async () => {
    const { issuer, alice, conf } = world();
    assert.equal((await fetch(new URL("/healthz", issuer))).status, 200);
    assert.equal((await exchange(issuer, await getCode(issuer, conf, { user: alice }))).status, 200);
    assert.equal((await postAs(new URL("/token", issuer), conf, { grant_type: "x" })).status, 400);
  });
});
