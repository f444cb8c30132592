/**
 * The authorization endpoint under attack: where answers may go, what requests may ask, and what browsers may be made to do.
 *
 * RFC 6749 §3.1 and §4.1, RFC 7636 §4.4, RFC 8252 §7.3, RFC 9207, RFC 9700 §2 and §4; OpenID Connect Core §3.1.2. Rows AZ, CD-15
 * and DO-14 of the catalogue of attacks.
 */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { createBrowser, type PageOf } from "./lib/browser.ts";
import { addClient, addUser, callback, codeAndRefresh, useWorld } from "./lib/fixtures.ts";
import {
  authorizationUrl,
  claimsOf,
  createPkce,
  exchange,
  getCode,
  getTokens,
  type Params,
  postAs,
  read,
  signIn,
  type TestClient,
  walk,
} from "./lib/flow.ts";
import { tablesOfSqlite } from "./lib/tables.ts";

/** `PAGE400`: our own page, going nowhere, framed by nobody. */
function assertErrorPage(page: PageOf, status = 400): void {
  assert.equal(page.foreign, false, `sent to ${page.url}`);
  assert.equal(page.status, status, page.text.slice(0, 300));
  assert.equal(page.headers.get("Location"), null);
  assert.match(page.headers.get("Content-Type") ?? "", /^text\/html/);
  assertSafePage(page);
}

function assertSafePage(page: Pick<PageOf, "headers" | "html" | "url">): void {
  const policy = page.headers.get("Content-Security-Policy") ?? "";
  assert.match(policy, /frame-ancestors 'none'/, `${page.url}`);
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval/);
  assert.equal(page.headers.get("X-Frame-Options"), "DENY");
  assert.equal(page.headers.get("Referrer-Policy"), "no-referrer");
  assert.equal(page.headers.get("X-Content-Type-Options"), "nosniff");
  assert.match(page.headers.get("Cache-Control") ?? "", /no-store/);
  assert.doesNotMatch(page.html, /(?:src|href)="(?:https?:)?\/\/(?!localhost)[^"]*\.(?:js|css|png|woff)/);
}

/** `R:error`: to the registered URI, with error, state and our issuer, and without a code. */
function assertRedirectedError(page: PageOf, issuer: string, error: string | RegExp, state: string | null = "state-1"): void {
  assert.equal(page.foreign, true, `not sent to the client: ${page.status} ${page.text.slice(0, 300)}`);
  assert.ok([302, 303].includes(page.status), `${page.status}`);
  const query = page.url.searchParams;
  assert.match(query.get("error") ?? "(none)", error instanceof RegExp ? error : new RegExp(`^${error}$`));
  assert.equal(query.get("state"), state);
  assert.deepEqual(query.getAll("iss"), [issuer]);
  assert.equal(query.get("code"), null);
}

describe("authorization endpoint", () => {
  const world = useWorld(() => ({ args: ["--registration", "open"], config: { scopes: { "photos:read": "See your photos" } } }));
  const { challenge } = createPkce();
  let rp: TestClient;
  let withQuery: TestClient;
  let native: TestClient;

  before(async () => {
    const { server } = world();
    [rp, withQuery, native] = await Promise.all([
      addClient(server, { name: "Relying <b>Party</b>", redirect_uris: ["https://rp.test/cb"], grant_types: codeAndRefresh }),
      addClient(server, { name: "With query", redirect_uris: ["https://rp.test/cb?a=1"] }),
      addClient(server, { name: "Native", redirect_uris: ["http://127.0.0.1/cb"], pub: true }),
    ]);
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
        for (const redirect_uri of ["https://evil.test/cb", "javascript:alert(1)", "data:text/html,x", "//evil.test", "/cb", "cb", "https://rp.test"]) {
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
      for (const redirect_uri of ["https://rp.test/cb?a=2", "https://rp.test/cb?a=1&b=2", "https://rp.test/cb?b=2&a=1", "https://rp.test/cb"]) {
        assertErrorPage(await open(withQuery, { redirect_uri }));
      }
    });

    it("AZ-06 a registered query is kept and the answer is added to it", async () => {
      const { response } = await getCode(world().issuer, withQuery, { user: world().alice });
      assert.equal(response["a"], "1");
      assert.ok(response["code"]);
    });

    it("a native app on loopback may come from any port (RFC 8252 §7.3), and only the port may differ", async () => {
      const { issuer, alice } = world();
      const page = await walk(createBrowser(issuer), authorizationUrl(issuer, native, { redirect_uri: "http://127.0.0.1:51234/cb", code_challenge: challenge }), { user: alice });
      assert.equal(page.url.port, "51234");
      for (const redirect_uri of ["http://127.0.0.1:51234/other", "http://127.0.0.2:51234/cb", "http://localhost:51234/cb", "https://127.0.0.1:51234/cb", "http://127.0.0.1:99999/cb"]) {
        assertErrorPage(await open(native, { redirect_uri }));
      }
    });

    it("AZ-12 the command line refuses wildcards, fragments and plain http off loopback, and stores nothing", async () => {
      const { server } = world();
      for (const uri of ["https://*.rp.test/cb", "https://rp.test/*", "https://rp.test/cb#x", "http://rp.test/cb", "javascript:alert(1)", "+"]) {
        const result = await server.cli(["client", "add", "--name", "Bad", "--redirect-uri", uri, "--json"]);
        assert.notEqual(result.code, 0, uri);
        assert.equal(result.stdout, "", uri);
      }
    });

    it("AZ-13 a request without redirect_uri is never guessed at for OpenID or where two are registered", async () => {
      assertErrorPage(await open(rp, { redirect_uri: undefined }));
      const two = await addClient(world().server, { name: "Two", redirect_uris: [callback, "http://127.0.0.1:9/b"] });
      assertErrorPage(await open(two, { redirect_uri: undefined, scope: "photos:read" }));
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
      const plain = (text: string) => text.replaceAll(/\b[0-9a-z-]{16,}\b/gi, "ID").replaceAll(/\d{1,2}:\d{2}(:\d{2})?/g, "TIME");
      assert.equal(plain(disabled.text), plain(unknown.text));
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
      for (const params of [{ scope: "bogus" }, { prompt: "none" }, { response_type: "token" }, { code_challenge: undefined }]) {
        assert.equal((await open(phish, params)).foreign, false, JSON.stringify(params));
      }
    });

    it("AZ-27 iss is in every answer exactly once, with errors and with codes, and metadata says so", async () => {
      const { issuer } = world();
      const { response } = await getCode(issuer, rp, { user: world().alice });
      assert.equal(response["iss"], issuer);
      for (const params of [{ scope: "unheard-of" }, { prompt: "none" }, { response_type: "token" }]) {
        const page = await open(rp, params);
        assert.deepEqual(page.url.searchParams.getAll("iss"), [issuer]);
      }
      const metadata = await read(await fetch(new URL("/.well-known/openid-configuration", issuer)));
      assert.equal(metadata.json.authorization_response_iss_parameter_supported, true);
    });
  });

  describe("what requests may ask", () => {
    it("AZ-22 no response type puts a token into the front channel; only `code` is there", async () => {
      for (const response_type of ["token", "id_token", "id_token token", "code token", "code id_token", "none", "code code", "token code id_token x"]) {
        assertRedirectedError(await open(rp, { response_type }), world().issuer, /^(unsupported_response_type|unauthorized_client|invalid_request)$/);
      }
      for (const response_type of ["", undefined]) assertRedirectedError(await open(rp, { response_type }), world().issuer, "invalid_request");
    });

    it("AZ-28, AZ-32 every client needs PKCE with S256 and a well-formed challenge, and hears so at once", async () => {
      const { issuer } = world();
      for (const client of [rp, native]) {
        assertRedirectedError(await open(client, { code_challenge: undefined }), issuer, "invalid_request");
        assertRedirectedError(await open(client, { code_challenge_method: "plain" }), issuer, "invalid_request");
        assertRedirectedError(await open(client, { code_challenge_method: undefined }), issuer, "invalid_request");
      }
      const bad = [challenge.slice(1), `${challenge}a`, `${challenge.slice(1)}=`, challenge.replace(/^./, "+"), challenge.replace(/^./, "/"), challenge.replace(/^./, " ")];
      for (const code_challenge of bad) assertRedirectedError(await open(rp, { code_challenge }), issuer, "invalid_request");
    });

    it("AZ-26 state comes back byte for byte, in success and in error", async () => {
      const { issuer } = world();
      const browser = await signedIn();
      for (const state of ["a b", "a+b", "a%2Bb", "a&b=c", "={}\"'<>", "été 🔑", "s".repeat(1024)]) {
        const good = await open(rp, { state }, browser);
        assert.equal(good.url.searchParams.get("state"), state);
        assert.ok(good.url.searchParams.has("code"), good.text);
        assertRedirectedError(await open(rp, { state, prompt: "none login" }, browser), issuer, "invalid_request", state);
      }
      const without = await open(rp, { state: undefined }, browser);
      assert.ok(without.url.searchParams.has("code"), "state is the client's choice");
      assert.equal(without.url.searchParams.has("state"), false);
      const huge = await browser.open(authorizationUrl(issuer, rp, { state: "s".repeat(65_536), code_challenge: challenge })).catch(() => undefined);
      assert.ok(huge === undefined || (huge.status >= 400 && huge.status < 500) || huge.url.searchParams.get("error") === "invalid_request", `${huge?.status}`);
    });

    it("AZ-33 prompt=none never shows a page: login_required, consent_required, or the code", async () => {
      const { issuer, alice } = world();
      const anonymous = createBrowser(issuer);
      assertRedirectedError(await open(rp, { prompt: "none" }, anonymous), issuer, "login_required");
      const browser = await signedIn();
      assert.ok((await open(rp, { prompt: "none" }, browser)).url.searchParams.has("code"));
      assertRedirectedError(await open(rp, { prompt: "none", scope: "openid profile" }, browser), issuer, /^(consent|interaction)_required$/);
      assertRedirectedError(await open(rp, { prompt: "none login" }, browser), issuer, "invalid_request");
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      assertRedirectedError(await open(rp, { prompt: "none", max_age: "1" }, browser), issuer, "login_required");
      for (const max_age of ["-1", "x", "1.5", "1e3"]) assertRedirectedError(await open(rp, { max_age }, browser), issuer, "invalid_request");

      // max_age=0 and prompt=login ask for the password again, and the ID token says when that was.
      for (const params of [{ prompt: "login" }, { max_age: "0" }]) {
        const before = Math.floor(Date.now() / 1000);
        const code = await getCode(issuer, rp, { browser, user: alice, params });
        const reply = await exchange(issuer, code);
        assert.ok(Number(claimsOf(reply.json.id_token)["auth_time"]) >= before, JSON.stringify(params));
      }
    });

    it("AZ-35 id_token_hint: another person's leads to login_required, a forged one selects nobody", async () => {
      const { issuer, alice, bob } = world();
      const asAlice = await getTokens(issuer, rp, { user: alice });
      const asBob = await getTokens(issuer, rp, { user: bob });
      const ask = (id_token_hint: string) => open(rp, { prompt: "none", id_token_hint }, asAlice.browser.copy());
      assert.ok((await ask(asAlice.id_token)).url.searchParams.has("code"));
      assertRedirectedError(await ask(asBob.id_token), issuer, /^(login_required|invalid_request)$/);
      const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
      const claims = claimsOf(asAlice.id_token);
      const [header, payload, signature] = asAlice.id_token.split(".");
      const forged = [
        `${part({ alg: "none" })}.${part(claims)}.`,
        `${header}.${part({ ...claims, sub: bob.subject })}.${signature}`,
        `${header}.${part({ ...claims, iss: "https://other.test" })}.${signature}`,
        `${header}.${payload}.${signature?.slice(0, -4)}AAAA`,
        `${part({ alg: "RS256", kid: "unknown" })}.${payload}.${signature}`,
        "nonsense",
        "a.b.c",
      ];
      for (const hint of forged) assertRedirectedError(await ask(hint), issuer, /^(login_required|invalid_request)$/);
    });

    it("AZ-39 POST works as GET does; other bodies and methods are refused with the right status", async () => {
      const { issuer, alice } = world();
      const browser = createBrowser(issuer);
      const url = authorizationUrl(issuer, rp, { code_challenge: challenge });
      const login = await browser.post(new URL("/authorize", issuer), new URLSearchParams(url.searchParams), { headers: { Origin: "https://rp.test", "Sec-Fetch-Site": "cross-site" } });
      assert.ok((await walk(browser, login, { user: alice })).url.searchParams.has("code"));
      for (const type of ["application/json", "multipart/form-data; boundary=x", "text/plain"]) {
        const reply = await read(await fetch(new URL("/authorize", issuer), { method: "POST", headers: { "Content-Type": type }, body: "{}", redirect: "manual" }));
        assert.ok(reply.status === 415 || reply.status === 400, `${type}: ${reply.status}`);
      }
      for (const method of ["PUT", "DELETE", "PATCH"]) {
        const reply = await read(await fetch(url, { method, redirect: "manual" }));
        assert.equal(reply.status, 405);
        assert.match(reply.headers.get("Allow") ?? "", /GET/);
      }
      const head = await fetch(url, { method: "HEAD", redirect: "manual" });
      assert.ok(head.status < 400 || head.status === 405, `${head.status}`);
    });

    it("AZ-43 names like __proto__ and client_id[] are parameters nobody knows", async () => {
      const { issuer } = world();
      const url = authorizationUrl(issuer, rp, { code_challenge: challenge });
      for (const [name, value] of [["__proto__[admin]", "1"], ["constructor[prototype][x]", "1"], ["scope[$ne]", ""], ["__proto__", "x"], ["client_id[]", "x"]] as const) {
        url.searchParams.set(name, value);
      }
      assert.ok((await createBrowser(issuer).open(url)).has("password"));
      assertErrorPage(await createBrowser(issuer).open(new URL("/authorize?client_id[]=x", issuer)));
    });

    it("P16 a repeated parameter is refused, wherever it could be sent to", async () => {
      const { issuer } = world();
      for (const name of ["client_id", "redirect_uri"]) {
        const url = authorizationUrl(issuer, rp, { code_challenge: challenge });
        url.searchParams.append(name, url.searchParams.get(name) ?? "");
        assertErrorPage(await createBrowser(issuer).open(url));
      }
      for (const name of ["scope", "state", "response_type", "code_challenge", "nonce", "prompt"]) {
        const url = authorizationUrl(issuer, rp, { code_challenge: challenge, nonce: "n", prompt: "login" });
        url.searchParams.append(name, "openid");
        const page = await createBrowser(issuer).open(url);
        assert.ok(page.status >= 400 || page.url.searchParams.get("error") === "invalid_request", name);
        assert.equal(page.url.searchParams.get("code"), null);
      }
    });

    it("AZ-49 a nonce of 64 characters is echoed exactly, a huge one is refused", async () => {
      const { issuer, alice } = world();
      const nonce = "n".repeat(60) + "+/=&";
      const reply = await exchange(issuer, await getCode(issuer, rp, { user: alice, params: { nonce } }));
      assert.equal(claimsOf(reply.json.id_token)["nonce"], nonce);
      assertRedirectedError(await open(rp, { nonce: "n".repeat(8192) }), issuer, "invalid_request");
    });

    it("AZ-51 a client that did not register for codes gets unauthorized_client or a page, never a code", async () => {
      const { server } = world();
      const svc = await addClient(server, { name: "Only itself", grant_types: ["client_credentials"], redirect_uris: [callback] }).catch(() => undefined);
      if (!svc) return;
      const page = await open(svc);
      assert.ok(page.status === 400 || page.url.searchParams.get("error") === "unauthorized_client", `${page.status} ${page.url}`);
    });

    it("scopes: unknown ones are invalid_scope, those outside the client's own are left out", async () => {
      const { issuer, server, alice } = world();
      assertRedirectedError(await open(rp, { scope: "openid unheard-of" }), issuer, "invalid_scope");
      assertRedirectedError(await open(rp, { scope: 'openid "x"' }), issuer, "invalid_scope");
      const narrow = await addClient(server, { name: "Narrow", scope: "openid email" });
      const tokens = await getTokens(issuer, narrow, { user: alice, params: { scope: "openid profile email photos:read" } });
      assert.deepEqual(tokens.scope.split(" ").sort(), ["email", "openid"]);
    });

    it("request, request_uri and registration, which are not offered, are refused by name and never fetched", async () => {
      const { issuer } = world();
      assertRedirectedError(await open(rp, { request: "a.b.c" }), issuer, "request_not_supported");
      assertRedirectedError(await open(rp, { request_uri: "http://127.0.0.2:9/canary" }), issuer, "request_uri_not_supported");
      assertRedirectedError(await open(rp, { registration: "{}" }), issuer, "registration_not_supported");
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
      for (const page of [login, consent, missing, await open(rp, { redirect_uri: "https://evil.test/" }, browser)]) assertSafePage(page);
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
      for (const headers of [{ "Sec-Fetch-Site": "cross-site", Origin: "https://evil.test" }, { "Sec-Fetch-Site": "same-site", Origin: "http://localhost:1" }]) {
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
      assert.equal(page.find("username")?.attributes["value"] ?? login_hint, login_hint);
      const long = await open(rp, { login_hint: "x".repeat(8_000) }, browser);
      assert.ok(long.status < 500);
      assert.ok((await walk(createBrowser(issuer), authorizationUrl(issuer, rp, { login_hint: alice.email, code_challenge: challenge }), { user: alice })).foreign);
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
      const page = await signIn(browser, await open(rp, {}, browser), { email: "\uFDFA".repeat(10_000), password: "x" });
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
