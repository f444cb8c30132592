/**
 * The authorization endpoint under attack: what requests may ask, and in which form.
 *
 * RFC 6749 §3.1 and §4.1, RFC 7636 §4.4, RFC 8252 §7.3, RFC 9207, RFC 9700 §2 and §4; OpenID Connect Core §3.1.2. Rows AZ of
 * the catalogue of attacks.
 */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { assertErrorPage, assertRedirectedError } from "./lib/answers.ts";
import { createBrowser } from "./lib/browser.ts";
import { codeAndRefresh, useWorld } from "./lib/fixtures.ts";
import {
  authorizationUrl,
  claimsOf,
  createPkce,
  exchange,
  getCode,
  getTokens,
  type Params,
  read,
  type TestClient,
  walk,
} from "./lib/flow.ts";

describe("authorization requests", () => {
  const world = useWorld(() => ({
    bob: true,
    args: ["--registration", "open"],
    config: { scopes: { "photos:read": "See your photos" } },
    clients: {
      rp: { name: "Relying <b>Party</b>", redirect_uris: ["https://rp.test/cb"], grant_types: codeAndRefresh },

      native: { name: "Native", redirect_uris: ["http://127.0.0.1/cb"], pub: true },

      narrow: { name: "Narrow", scope: "openid email" },
      itself: { name: "Only itself", grant_types: ["client_credentials"], redirect_uris: [], scope: "photos:read" },
    },
  }));
  const { challenge } = createPkce();
  let rp: TestClient;

  let native: TestClient;

  before(() => {
    const { client } = world();
    [rp, native] = [client("rp"), client("native")];
  });

  const open = (client: TestClient, params: Params = {}, browser = createBrowser(world().issuer)) =>
    browser.open(authorizationUrl(world().issuer, client, { code_challenge: challenge, ...params }));

  /** A browser in which alice is signed in and has allowed `openid` to this client. */
  async function signedIn(client: TestClient = rp) {
    const { browser } = await getCode(world().issuer, client, { user: world().alice });
    return browser;
  }

  describe("what requests may ask", () => {
    it("AZ-22 no response type puts a token into the front channel; only `code` is there", async () => {
      for (const response_type of [
        "token",
        "id_token",
        "id_token token",
        "code token",
        "code id_token",
        "none",
        "code code",
        "token code id_token x",
      ]) {
        assertRedirectedError(
          await open(rp, { response_type }),
          world().issuer,
          /^(unsupported_response_type|unauthorized_client|invalid_request)$/,
        );
      }
      for (const response_type of ["", undefined])
        assertRedirectedError(await open(rp, { response_type }), world().issuer, "invalid_request");
    });

    it("AZ-28, AZ-32 every client needs PKCE with S256 and a well-formed challenge, and hears so at once", async () => {
      const { issuer } = world();
      for (const client of [rp, native]) {
        assertRedirectedError(await open(client, { code_challenge: undefined }), issuer, "invalid_request");
        assertRedirectedError(await open(client, { code_challenge_method: "plain" }), issuer, "invalid_request");
        assertRedirectedError(await open(client, { code_challenge_method: undefined }), issuer, "invalid_request");
      }
      const bad = [
        challenge.slice(1),
        `${challenge}a`,
        `${challenge.slice(1)}=`,
        challenge.replace(/^./, "+"),
        challenge.replace(/^./, "/"),
        challenge.replace(/^./, " "),
      ];
      for (const code_challenge of bad)
        assertRedirectedError(await open(rp, { code_challenge }), issuer, "invalid_request");
    });

    it("AZ-26 state comes back byte for byte, in success and in error", async () => {
      const { issuer } = world();
      const browser = await signedIn();
      for (const state of ["a b", "a+b", "a%2Bb", "a&b=c", "={}\"'<>", "été 🔑", "s".repeat(1024)]) {
        const good = await open(rp, { state }, browser);
        assert.equal(good.url.searchParams.get("state"), state);
        assert.ok(good.url.searchParams.has("code"), good.text);
        assertRedirectedError(
          await open(rp, { state, prompt: "none login" }, browser),
          issuer,
          "invalid_request",
          state,
        );
      }
      const without = await open(rp, { state: undefined }, browser);
      assert.ok(without.url.searchParams.has("code"), "state is the client's choice");
      assert.equal(without.url.searchParams.has("state"), false);
      const huge = await browser
        .open(authorizationUrl(issuer, rp, { state: "s".repeat(65_536), code_challenge: challenge }))
        .catch(() => undefined);
      assert.ok(
        huge === undefined ||
          (huge.status >= 400 && huge.status < 500) ||
          huge.url.searchParams.get("error") === "invalid_request",
        `${huge?.status}`,
      );
    });

    it("AZ-33 prompt=none never shows a page: login_required, consent_required, or the code", async () => {
      const { issuer, alice } = world();
      const anonymous = createBrowser(issuer);
      assertRedirectedError(await open(rp, { prompt: "none" }, anonymous), issuer, "login_required");
      const browser = await signedIn();
      assert.ok((await open(rp, { prompt: "none" }, browser)).url.searchParams.has("code"));
      assertRedirectedError(
        await open(rp, { prompt: "none", scope: "openid profile" }, browser),
        issuer,
        /^(consent|interaction)_required$/,
      );
      assertRedirectedError(await open(rp, { prompt: "none login" }, browser), issuer, "invalid_request");
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      assertRedirectedError(await open(rp, { prompt: "none", max_age: "1" }, browser), issuer, "login_required");
      for (const max_age of ["-1", "x", "1.5", "1e3"])
        assertRedirectedError(await open(rp, { max_age }, browser), issuer, "invalid_request");

      // max_age=0 and prompt=login ask for the password again, and the ID token says when that was.
      for (const params of [{ prompt: "login" }, { max_age: "0" }]) {
        const before = Math.floor(Date.now() / 1000);
        const code = await getCode(issuer, rp, { browser, user: alice, params });
        const reply = await exchange(issuer, code);
        assert.ok(Number(claimsOf(reply.json.id_token).auth_time) >= before, JSON.stringify(params));
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
      const login = await browser.post(new URL("/authorize", issuer), new URLSearchParams(url.searchParams), {
        headers: { Origin: "https://rp.test", "Sec-Fetch-Site": "cross-site" },
      });
      assert.ok((await walk(browser, login, { user: alice })).url.searchParams.has("code"));
      for (const type of ["application/json", "multipart/form-data; boundary=x", "text/plain"]) {
        const reply = await read(
          await fetch(new URL("/authorize", issuer), {
            method: "POST",
            headers: { "Content-Type": type },
            body: "{}",
            redirect: "manual",
          }),
        );
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
      for (const [name, value] of [
        ["__proto__[admin]", "1"],
        ["constructor[prototype][x]", "1"],
        ["scope[$ne]", ""],
        ["__proto__", "x"],
        ["client_id[]", "x"],
      ] as const) {
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
      const nonce = `${"n".repeat(60)}+/=&`;
      const reply = await exchange(issuer, await getCode(issuer, rp, { user: alice, params: { nonce } }));
      assert.equal(claimsOf(reply.json.id_token).nonce, nonce);
      assertRedirectedError(await open(rp, { nonce: "n".repeat(8192) }), issuer, "invalid_request");
    });

    it("AZ-51 a client that did not register for codes gets unauthorized_client or a page, never a code", async () => {
      const page = await open(world().client("itself"));
      assert.ok(
        page.status === 400 || page.url.searchParams.get("error") === "unauthorized_client",
        `${page.status} ${page.url}`,
      );
    });

    it("scopes: unknown ones are invalid_scope, those outside the client's own are left out", async () => {
      const { issuer, client, alice } = world();
      assertRedirectedError(await open(rp, { scope: "openid unheard-of" }), issuer, "invalid_scope");
      assertRedirectedError(await open(rp, { scope: 'openid "x"' }), issuer, "invalid_scope");

      const tokens = await getTokens(issuer, client("narrow"), {
        user: alice,
        params: { scope: "openid profile email photos:read" },
      });
      assert.deepEqual(tokens.scope.split(" ").sort(), ["email", "openid"]);
    });

    it("what a request must not carry is refused by name: registration to the client, a request_uri on a page, never fetched", async () => {
      const { issuer } = world();
      assertRedirectedError(await open(rp, { registration: "{}" }), issuer, "registration_not_supported");
      // A request object of a client without keys could be anybody's: no target is trusted.
      for (const params of [{ request: "a.b.c" }, { request_uri: "http://127.0.0.2:9/canary" }])
        assertErrorPage(await open(rp, params));
    });
  });
});
