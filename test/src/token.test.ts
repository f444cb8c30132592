/**
 * The token endpoint under attack: codes, client authentication, and the form of requests and answers.
 *
 * RFC 6749 §2.3, §3.2, §4.1.3, §4.4, §5; RFC 7636 §4.6; RFC 9700 §2. Rows CD and TK of the catalogue of attacks, over SQLite
 * and over PostgreSQL.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { assertRefused } from "./lib/answers.ts";
import { onEachDatabase } from "./lib/each-database.ts";
import { addClient, addUser, callback, codeAndRefresh, useWorld } from "./lib/fixtures.ts";
import {
  basic,
  claimsOf,
  createPkce,
  exchange,
  getCode,
  getTokens,
  introspect,
  postAs,
  read,
  refresh,
  type TestClient,
  userinfo,
} from "./lib/flow.ts";
import { sideBySide } from "./lib/suites.ts";

/** A second address of the same client. */
const other = "http://127.0.0.1:9/other";

sideBySide("token endpoint", () => {
  onEachDatabase("codes and client authentication", (database) => {
    const world = useWorld(async () => ({
      database: await database.fresh(),
      config: { scopes: { "jobs:run": "Run jobs" } },
      clients: { two: { name: "Two addresses", redirect_uris: [callback, other] } },
    }));

    it("an answer with tokens is JSON that nobody may keep, says its type, lifetime and scope (RFC 6749 §5.1)", async () => {
      const { issuer, conf, alice } = world();
      const reply = await exchange(issuer, await getCode(issuer, conf, { user: alice }));
      assert.equal(reply.status, 200, reply.text);
      assert.equal(reply.headers.get("Cache-Control"), "no-store");
      assert.match(reply.headers.get("Content-Type") ?? "", /^application\/json/);
      assert.match(reply.json.token_type, /^bearer$/i);
      assert.equal(typeof reply.json.expires_in, "number");
      assert.equal(reply.json.scope, "openid");
      assert.equal(claimsOf(reply.json.id_token).aud, conf.client_id);
      // Handles carry their kind, so that secret scanners know one when they see one.
      assert.match(reply.json.refresh_token, /^vk_refresh_/);
    });

    it("CD-01 a code works once; presented again by its client with everything right, it takes its tokens with it", async () => {
      const { issuer, conf, alice } = world();
      const code = await getCode(issuer, conf, { user: alice });
      const first = await exchange(issuer, code);
      assert.equal(first.status, 200, first.text);
      assertRefused(await exchange(issuer, code), 400, "invalid_grant");
      assert.equal((await introspect(issuer, conf, first.json.access_token)).json.active, false);
      assert.equal((await introspect(issuer, conf, first.json.refresh_token)).json.active, false);
      assert.equal((await userinfo(issuer, first.json.access_token)).status, 401);
      assertRefused(await refresh(issuer, conf, first.json.refresh_token), 400, "invalid_grant");
      assertRefused(await exchange(issuer, code), 400, "invalid_grant");
    });

    it("CD-01 a replay by somebody who could not have redeemed the code changes nothing (wrong client, verifier, redirect URI)", async () => {
      const { issuer, conf, conf2, alice } = world();
      const code = await getCode(issuer, conf, { user: alice });
      const first = await exchange(issuer, code);
      assert.equal(first.status, 200, first.text);
      assertRefused(await exchange(issuer, code, {}, conf2), 400, "invalid_grant");
      assertRefused(await exchange(issuer, code, { code_verifier: createPkce().verifier }), 400, "invalid_grant");
      assertRefused(await exchange(issuer, code, { redirect_uri: `${callback}/` }), 400, "invalid_grant");
      assert.equal((await introspect(issuer, conf, first.json.access_token)).json.active, true);
    });

    it("CD-05 the redirect URI must be the one of the authorization request: other, with a slash, or left out is invalid_grant", async () => {
      const { issuer, client, alice } = world();
      const two = client("two");
      const code = await getCode(issuer, two, { user: alice });
      for (const redirect_uri of [other, `${callback}/`, undefined]) {
        assertRefused(await exchange(issuer, code, { redirect_uri }), 400, "invalid_grant");
      }
      assert.equal((await exchange(issuer, code)).status, 200, "a failed attempt does not use the code up (P1)");
    });

    it("P1 the verifier must fit; a wrong client never uses attempts up; five wrong attempts do", async () => {
      const { issuer, conf, conf2, alice } = world();
      const code = await getCode(issuer, conf, { user: alice });
      for (let n = 0; n < 8; n++) assertRefused(await exchange(issuer, code, {}, conf2), 400, "invalid_grant");
      for (let n = 0; n < 4; n++) {
        assertRefused(await exchange(issuer, code, { code_verifier: createPkce().verifier }), 400, "invalid_grant");
      }
      assert.equal((await exchange(issuer, code)).status, 200);

      const dead = await getCode(issuer, conf, { user: alice });
      for (let n = 0; n < 5; n++) {
        assertRefused(await exchange(issuer, dead, { code_verifier: createPkce().verifier }), 400, "invalid_grant");
      }
      assertRefused(await exchange(issuer, dead), 400, "invalid_grant");
    });

    it("a verifier that is missing or malformed is refused, and unknown and foreign codes look the same", async () => {
      const { issuer, conf, conf2, alice } = world();
      const code = await getCode(issuer, conf, { user: alice });
      for (const code_verifier of [undefined, "short", "a".repeat(129), `${code.verifier}=`]) {
        const reply = await exchange(issuer, code, { code_verifier });
        assert.equal(reply.status, 400);
        assert.match(reply.json.error, /^invalid_(grant|request)$/);
      }
      const foreign = await exchange(issuer, code, {}, conf2);
      const unknown = await exchange(issuer, code, {
        code: `${code.code.slice(0, -1)}${code.code.endsWith("x") ? "y" : "x"}`,
      });
      const nonsense = await exchange(issuer, code, { code: "nonsense" });
      assertRefused(foreign, 400, "invalid_grant");
      assert.deepEqual(unknown.json, foreign.json);
      assert.deepEqual(nonsense.json, foreign.json);
    });

    it("TK-04 two names for one client are refused: Basic says one, the body another", async () => {
      const { issuer, conf, conf2, alice } = world();
      const code = await getCode(issuer, conf, { user: alice });
      const reply = await exchange(issuer, code, { client_id: conf2.client_id });
      assert.ok(reply.status === 400 || reply.status === 401, reply.text);
      assert.match(reply.json.error, /^invalid_(request|client)$/);
      assert.equal(
        (await exchange(issuer, code, { client_id: conf.client_id })).status,
        200,
        "the same name twice is fine",
      );
    });

    it("TK-06 a confidential client without its secret gets 401 invalid_client everywhere, and nothing happens", async () => {
      const { issuer, conf, alice } = world();
      const { access_token, refresh_token } = await getTokens(issuer, conf, { user: alice });
      const code = await getCode(issuer, conf, { user: alice });
      const bare: TestClient = { client_id: conf.client_id, redirect_uri: conf.redirect_uri };
      assertRefused(await exchange(issuer, code, {}, bare), 401, "invalid_client");
      assertRefused(await refresh(issuer, bare, refresh_token), 401, "invalid_client");
      const post = (path: string, form: Record<string, string>) => postAs(new URL(path, issuer), bare, form);
      assertRefused(await post("/token", { grant_type: "client_credentials" }), 401, "invalid_client");
      assertRefused(await post("/revoke", { token: refresh_token }), 401, "invalid_client");
      assertRefused(await post("/introspect", { token: access_token }), 401, "invalid_client");
      assert.equal((await introspect(issuer, conf, refresh_token)).json.active, true);
      assert.equal((await exchange(issuer, code)).status, 200);
    });

    it("P7 invalid_client is 401, challenged with Basic when Basic was tried; unknown and wrong are one answer", async () => {
      const { issuer, conf } = world();
      const attempt = (client_id: string, client_secret: string) =>
        postAs(
          new URL("/token", issuer),
          { client_id, client_secret, redirect_uri: callback },
          { grant_type: "client_credentials" },
        );
      const wrong = await attempt(conf.client_id, "wrong-secret-wrong-secret-wrong-secret");
      const unknown = await attempt("nobody", "wrong-secret-wrong-secret-wrong-secret");
      assertRefused(wrong, 401, "invalid_client");
      assert.match(wrong.headers.get("WWW-Authenticate") ?? "", /^Basic realm=/);
      assert.deepEqual(unknown.json, wrong.json);
      assert.equal(unknown.headers.get("WWW-Authenticate"), wrong.headers.get("WWW-Authenticate"));
    });

    it("a client authenticates in the one way it registered for, and in one way at a time (RFC 6749 §2.3)", async () => {
      const { issuer, conf, alice } = world();
      const code = await getCode(issuer, conf, { user: alice });
      assertRefused(await exchange(issuer, code, {}, { ...conf, method: "client_secret_post" }), 401, "invalid_client");
      const both = await exchange(issuer, code, { client_secret: conf.client_secret });
      assert.ok(both.status === 400 || both.status === 401, both.text);
      assert.equal((await exchange(issuer, code)).status, 200);
    });

    it("TK-09 other methods get 405 with Allow, other bodies 415 or 400, a charset is fine", async () => {
      const { issuer, conf, alice } = world();
      const url = new URL("/token", issuer);
      for (const method of ["GET", "PUT", "DELETE", "PATCH"]) {
        const reply = await read(await fetch(url, { method }));
        assert.equal(reply.status, 405, method);
        assert.match(reply.headers.get("Allow") ?? "", /POST/);
      }
      const code = await getCode(issuer, conf, { user: alice });
      const form = {
        grant_type: "authorization_code",
        code: code.code,
        redirect_uri: callback,
        code_verifier: code.verifier,
      };
      const headers = { Authorization: basic(conf.client_id, conf.client_secret ?? "") };
      const body = new URLSearchParams(form).toString();
      const types: [string, string][] = [
        ["application/json", JSON.stringify(form)],
        ["Content-Type: ;", body],
        [";", body],
        ["text/plain", body],
        [
          "multipart/form-data; boundary=x",
          `--x\r\nContent-Disposition: form-data; name="grant_type"\r\n\r\nauthorization_code\r\n--x--\r\n`,
        ],
      ];
      for (const [type, text] of types) {
        const reply = await read(
          await fetch(url, { method: "POST", headers: { ...headers, "Content-Type": type }, body: text }),
        );
        assert.ok(
          reply.status === 415 || (reply.status === 400 && reply.json?.error === "invalid_request"),
          `${type}: ${reply.status} ${reply.text}`,
        );
      }
      const untyped = await read(
        await fetch(url, { method: "POST", headers, body: new Uint8Array(Buffer.from(body)) }),
      );
      assert.ok(untyped.status === 415 || untyped.status === 400, untyped.text);
      const good = await postAs(url, conf, form, {
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
      });
      assert.equal(good.status, 200, good.text);
    });

    it("TK-10 a repeated parameter is invalid_request, whichever it is (P16)", async () => {
      const { issuer, conf, alice } = world();
      const code = await getCode(issuer, conf, { user: alice });
      const form = {
        grant_type: "authorization_code",
        code: code.code,
        redirect_uri: callback,
        code_verifier: code.verifier,
        client_id: conf.client_id,
        scope: "openid",
      };
      for (const [name, value] of Object.entries(form)) {
        const body = new URLSearchParams([...Object.entries(form), [name, value]]);
        assertRefused(await postAs(new URL("/token", issuer), conf, body), 400, "invalid_request");
      }
      const twice = new URLSearchParams([
        ["grant_type", "refresh_token"],
        ["refresh_token", "a"],
        ["refresh_token", "a"],
      ]);
      assertRefused(await postAs(new URL("/token", issuer), conf, twice), 400, "invalid_request");
      assert.equal((await exchange(issuer, code)).status, 200, "none of them touched the code");
    });

    it("TK-11 the password grant and unknown ones are unsupported_grant_type, one not registered is unauthorized_client", async () => {
      const { issuer, conf, alice } = world();
      const ask = (grant_type: string | undefined, more: Record<string, string> = {}) =>
        postAs(new URL("/token", issuer), conf, { grant_type, ...more });
      assertRefused(
        await ask("password", { username: alice.email, password: alice.password }),
        400,
        "unsupported_grant_type",
      );
      for (const unknown of ["implicit", "urn:example:unknown", "__proto__", "constructor", "authorization_code "]) {
        assertRefused(await ask(unknown), 400, "unsupported_grant_type");
      }
      assertRefused(await ask("client_credentials"), 400, "unauthorized_client");
      assertRefused(await ask(undefined), 400, "invalid_request");
      assertRefused(await ask(""), 400, "invalid_request");
    });

    it("TK-22 errors do not echo what was sent", async () => {
      const { issuer, conf } = world();
      const reply = await postAs(new URL("/token", issuer), conf, {
        grant_type: "authorization_code",
        code: "vk_code_sentinel-4711",
        redirect_uri: callback,
      });
      assert.doesNotMatch(reply.text, /sentinel/);
      const scope = await postAs(new URL("/token", issuer), conf, { grant_type: "<script>alert(1)</script>" });
      assert.doesNotMatch(scope.text, /<script>/);
    });

    it("TK-24 a client that is disabled cannot authenticate, and its tokens stop at once; enabled again, they work", async () => {
      const { issuer, server, conf, alice } = world();
      const app = await addClient(server, { name: "Switched off", grant_types: codeAndRefresh });
      const tokens = await getTokens(issuer, app, { user: alice });
      const off = await server.cli(["client", "set", app.client_id, "--disable", "--json"]);
      assert.equal(off.code, 0, off.stderr);
      assert.equal((await userinfo(issuer, tokens.access_token)).status, 401);
      for (const reply of [
        await refresh(issuer, app, tokens.refresh_token),
        await introspect(issuer, app, tokens.access_token),
        await postAs(new URL("/revoke", issuer), app, { token: tokens.access_token }),
      ]) {
        assertRefused(reply, 401, "invalid_client");
      }
      assert.equal((await introspect(issuer, conf, tokens.access_token)).json.active, false);
    });

    it("TK-26 a rotated secret: the old one is refused at once, or after the overlap that was asked for", async () => {
      const { issuer, server } = world();
      const app = await addClient(server, {
        name: "Rotating",
        grant_types: ["client_credentials"],
        scope: "jobs:run",
        redirect_uris: [],
      });
      const ask = (client_secret: string | undefined) =>
        postAs(
          new URL("/token", issuer),
          { ...app, client_secret: client_secret ?? "" },
          { grant_type: "client_credentials" },
        );
      assert.equal((await ask(app.client_secret)).status, 200);
      const first = await server.cli(["client", "rotate", app.client_id, "--overlap", "600", "--json"]);
      assert.equal(first.code, 0, first.stderr);
      assert.equal((await ask(app.client_secret)).status, 200, "the overlap");
      assert.equal((await ask(first.json.client_secret)).status, 200);
      const second = await server.cli(["client", "rotate", app.client_id, "--json"]);
      assert.equal(second.code, 0, second.stderr);
      assertRefused(await ask(first.json.client_secret), 401, "invalid_client");
      assert.equal((await ask(second.json.client_secret)).status, 200);
    });

    it("a person who is disabled or deleted: tokens are inactive, refreshing is refused, and codes too", async () => {
      const { issuer, server, conf } = world();
      const carol = await addUser(server, `carol-${database.name.toLowerCase()}`);
      const tokens = await getTokens(issuer, conf, { user: carol });
      const code = await getCode(issuer, conf, { user: carol, browser: tokens.browser });
      const off = await server.cli(["user", "disable", carol.email, "--json"]);
      assert.equal(off.code, 0, off.stderr);
      assert.equal((await introspect(issuer, conf, tokens.access_token)).json.active, false);
      assert.equal((await userinfo(issuer, tokens.access_token)).status, 401);
      assertRefused(await refresh(issuer, conf, tokens.refresh_token), 400, "invalid_grant");
      assertRefused(await exchange(issuer, code), 400, "invalid_grant");
    });
  });
});
