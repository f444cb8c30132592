/**
 * Dynamic client registration under attack: who may register, what they may ask for, and what they can do with it later.
 *
 * RFC 7591 §2 and §3, RFC 7592 §2, RFC 8252 §7 and §8, OpenID Connect Registration §2. Rows RG of the catalogue of attacks.
 */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { it } from "node:test";
import { createBrowser } from "./lib/browser.ts";
import { strangersCallback as callback, useWorld } from "./lib/fixtures.ts";
import { authorizationUrl, createPkce, exchange, getCode, postAs, read, signIn } from "./lib/flow.ts";
import { assertNotRegistered, post, postAlone } from "./lib/registering.ts";
import { sideBySide, suite } from "./lib/suites.ts";
import { tablesOfSqlite } from "./lib/tables.ts";

sideBySide("registered clients", () => {
  suite("registration that is open", () => {
    const world = useWorld(() => ({ args: ["--registration", "open"], config: { trustedProxies: ["127.0.0.1"] } }));
    const clientRows = () =>
      tablesOfSqlite(world().server.databaseFile)
        .flatMap(([, rows]) => rows)
        .filter((row) => (row as { kind?: unknown }).kind === "client").length;

    it("answers 201 with the metadata, the secret and the management token, once and for nobody to keep (RFC 7591 §3.2.1)", async () => {
      const { issuer } = world();
      const reply = await post(issuer, {
        redirect_uris: [callback],
        client_name: "A",
        "client_name#fr": "Un",
        unknown_member: 1,
      });
      assert.equal(reply.status, 201, reply.text);
      assert.equal(reply.headers.get("Cache-Control"), "no-store");
      assert.equal(reply.json.token_endpoint_auth_method, "client_secret_basic");
      assert.deepEqual(reply.json.redirect_uris, [callback]);
      assert.ok(reply.json.client_secret.length >= 32);
      assert.equal(typeof reply.json.client_secret_expires_at, "number");
      assert.equal(typeof reply.json.client_id_issued_at, "number");
      assert.equal(reply.json.registration_client_uri, `${issuer}/register/${reply.json.client_id}`);
      assert.equal(reply.json.unknown_member, undefined);
      const stored = JSON.stringify(tablesOfSqlite(world().server.databaseFile));
      assert.ok(!stored.includes(reply.json.client_secret));
      assert.ok(!stored.includes(reply.json.registration_access_token));
    });

    it("RG-02, AZ-07, AZ-12 redirect URIs that could be anybody's are invalid_redirect_uri, and nothing is stored", async () => {
      const { issuer } = world();
      const before = clientRows();
      const bad: unknown[] = [
        ["http://rp.test/cb"],
        ["myapp:cb"],
        ["https://rp.test/cb#x"],
        ["https://rp.test/cb#"],
        ["https://*.rp.test/cb"],
        ["https://rp.test/*"],
        ["https://user:pass@rp.test/cb"],
        ["/cb"],
        ["rp.test/cb"],
        [],
        [""],
        [callback, "javascript:alert(1)"],
        ["data:text/html,x"],
        ["https://rp.test\\@evil.test/"],
        ["https://rp.test/c b"],
        "https://rp.test/cb",
        { 0: callback },
        [null],
        Array.from({ length: 60 }, (_, n) => `https://rp.test/cb${n}`),
        [`https://rp.test/${"x".repeat(5_000)}`],
      ];
      for (const redirect_uris of bad) {
        const reply = await post(issuer, { redirect_uris });
        assertNotRegistered(
          reply,
          400,
          /^invalid_(redirect_uri|client_metadata)$/,
          JSON.stringify(redirect_uris).slice(0, 80),
        );
      }
      const native = await post(issuer, { application_type: "native", redirect_uris: ["http://127.0.0.2/cb"] });
      assert.ok(native.status === 400 || native.status === 201, "127.0.0.2 is this computer too");
      assertNotRegistered(
        await post(issuer, { application_type: "native", redirect_uris: ["myapp:cb"] }),
        400,
        "invalid_redirect_uri",
      );
      assert.equal(
        (
          await post(issuer, {
            application_type: "native",
            redirect_uris: ["com.example.app:/cb"],
            token_endpoint_auth_method: "none",
          })
        ).status,
        201,
      );
      assert.ok(clientRows() <= before + 2);
    });

    it("RG-04 links that people would be shown must be web pages, in every language", async () => {
      const { issuer } = world();
      for (const name of ["logo_uri", "client_uri", "tos_uri", "policy_uri", "logo_uri#fr", "client_uri#de-CH"]) {
        for (const uri of ["javascript:alert(1)", "data:text/html,x", "http://rp.test/", "//rp.test", 7]) {
          const reply = await post(issuer, { redirect_uris: [callback], [name]: uri });
          assertNotRegistered(reply, 400, "invalid_client_metadata", `${name} ${uri}`);
        }
      }
    });

    it("RG-07 a client without authentication has no secret and no grant that needs one; without a word it is confidential", async () => {
      const { issuer } = world();
      const open = await post(issuer, { redirect_uris: [callback], token_endpoint_auth_method: "none" });
      assert.equal(open.status, 201, open.text);
      assert.equal(open.json.client_secret, undefined);
      assertNotRegistered(
        await post(issuer, {
          redirect_uris: [callback],
          token_endpoint_auth_method: "none",
          grant_types: ["client_credentials"],
        }),
        400,
        "invalid_client_metadata",
      );
      const ask = await postAs(
        new URL("/token", issuer),
        { client_id: open.json.client_id, redirect_uri: callback },
        { grant_type: "client_credentials" },
      );
      assert.ok(ask.status === 400 || ask.status === 401);
      const silent = await post(issuer, { redirect_uris: [callback] });
      const bare = await postAs(
        new URL("/token", issuer),
        { client_id: silent.json.client_id, redirect_uri: callback },
        { grant_type: "client_credentials" },
      );
      assert.equal(bare.status, 401);
    });

    it("RG-10 private, symmetric, weak, empty or too many keys are invalid_client_metadata", async () => {
      const { issuer } = world();
      const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const weak = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({ format: "jwk" });
      const good = publicKey.export({ format: "jwk" });
      for (const jwks of [
        { keys: [privateKey.export({ format: "jwk" })] },
        { keys: [{ kty: "oct", k: "c2VjcmV0" }] },
        { keys: [weak] },
        [good],
        { keys: Array.from({ length: 300 }, () => good) },
        "x",
      ]) {
        assertNotRegistered(
          await post(issuer, { redirect_uris: [callback], jwks }),
          400,
          "invalid_client_metadata",
          JSON.stringify(jwks).slice(0, 60),
        );
      }
    });

    it("RG-12 what is no JSON object, or is too big, or nests without end, is refused at once", async () => {
      const { issuer } = world();
      for (const body of [
        "[]",
        "7",
        "null",
        '"x"',
        "",
        "{",
        `{"redirect_uris":["${callback}"],"redirect_uris":["https://evil.test/"]}`,
        `${"[".repeat(100_000)}`,
      ]) {
        const reply = await post(issuer, body);
        assert.ok(reply.status === 400 || reply.status === 413, `${body.slice(0, 30)} ${reply.status}`);
      }
      const nested = await post(
        issuer,
        `{"redirect_uris":["${callback}"],"x":${"[".repeat(50_000)}${"]".repeat(50_000)}}`,
      );
      assert.ok(nested.status >= 400 && nested.status < 500, `${nested.status}`);
      const big = await postAlone(issuer, { redirect_uris: [callback], client_name: "x".repeat(1_000_000) });
      assert.ok(big === undefined || big === 413 || big === 400, `${big}`);
      const many = await postAlone(issuer, { redirect_uris: Array.from({ length: 100_000 }, () => callback) });
      assert.ok(many === undefined || many === 413 || many === 400, `${many}`);
      const form = await post(issuer, "redirect_uris=x", { "Content-Type": "application/x-www-form-urlencoded" });
      assert.ok(form.status === 415 || form.status === 400);
      assert.equal((await fetch(new URL("/register", issuer))).status, 405);
    });

    it("RG-15 algorithms that sign nothing, or sign with a secret a public client does not have, are invalid_client_metadata", async () => {
      const { issuer } = world();
      for (const more of [
        { id_token_signed_response_alg: "none" },
        { id_token_signed_response_alg: "HS256", token_endpoint_auth_method: "none" },
        { token_endpoint_auth_method: "private_key_jwt", token_endpoint_auth_signing_alg: "none" },
        { userinfo_signed_response_alg: "none" },
        { token_endpoint_auth_method: "client_secret_magic" },
        { grant_types: ["password"] },
        { grant_types: ["implicit"], response_types: ["token"] },
        { response_types: ["id_token"] },
        { scope: 7 },
        { client_name: ["x"] },
        { default_max_age: -1 },
      ]) {
        assertNotRegistered(
          await post(issuer, { redirect_uris: [callback], ...more }),
          400,
          "invalid_client_metadata",
          JSON.stringify(more),
        );
      }
    });

    it("CN-06 a stranger cannot make itself trusted: no first party, no introspection of others, no id or secret of its choice", async () => {
      const { issuer, alice } = world();
      const wanted = {
        firstParty: true,
        first_party: true,
        skip_consent: true,
        introspects: ["https://api.example.test/"],
        client_id: "conf",
        client_secret: "chosen-by-a-stranger-chosen-by",
        provenance: "admin",
        disabled: false,
      };
      const reply = await post(issuer, { redirect_uris: [callback], client_name: "Cunning", ...wanted });
      if (reply.status !== 201) return assertNotRegistered(reply, 400, "invalid_client_metadata");
      assert.notEqual(reply.json.client_id, "conf");
      assert.notEqual(reply.json.client_secret, wanted.client_secret);
      for (const name of ["firstParty", "first_party", "skip_consent", "introspects", "provenance"])
        assert.equal(reply.json[name], undefined, name);
      const browser = createBrowser(issuer);
      const client = {
        client_id: reply.json.client_id,
        client_secret: reply.json.client_secret,
        redirect_uri: callback,
      };
      const page = await signIn(
        browser,
        await browser.open(authorizationUrl(issuer, client, { code_challenge: createPkce().challenge })),
        alice,
      );
      assert.ok(page.has("allow"), "it is asked about like any other");
      assert.match(page.text, /not verified/i);
    });

    it("RG-16 an update replaces, changes neither id nor secret nor trust, and needs the whole metadata", async () => {
      const { issuer, alice } = world();
      const made = (await post(issuer, { redirect_uris: [callback], client_name: "Before" })).json;
      const other = (await post(issuer, { redirect_uris: [callback], client_name: "Other" })).json;
      const put = async (body: Record<string, unknown>, token: string = made.registration_access_token) =>
        read(
          await fetch(made.registration_client_uri, {
            method: "PUT",
            headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
            body: JSON.stringify(body),
          }),
        );
      const whole = { client_id: made.client_id, redirect_uris: [callback], client_name: "After" };
      assert.equal((await put(whole, other.registration_access_token)).status, 401, "another client's token");
      for (const bad of [
        { ...whole, client_id: other.client_id },
        { ...whole, client_secret: "another-secret-another-secret-another" },
        { redirect_uris: [callback] },
        { ...whole, redirect_uris: undefined },
        { ...whole, redirect_uris: ["http://rp.test/"] },
      ]) {
        assertNotRegistered(
          await put(bad),
          400,
          /^invalid_(client_metadata|redirect_uri|request)$/,
          JSON.stringify(bad),
        );
      }
      const updates = await Promise.all(
        Array.from({ length: 8 }, (_, n) => put({ ...whole, client_name: `After ${n}` })),
      );
      for (const reply of updates)
        assert.ok([200, 401, 409, 503].includes(reply.status), `${reply.status} ${reply.text}`);
      const winner = updates.find((reply) => reply.status === 200);
      assert.ok(winner);
      const client = {
        client_id: made.client_id,
        client_secret: winner.json.client_secret ?? made.client_secret,
        redirect_uri: callback,
      };
      assert.equal((await exchange(issuer, await getCode(issuer, client, { user: alice }))).status, 200);
    });

    it("a client that its own management deleted is gone: its codes and tokens do nothing any more", async () => {
      const { issuer, alice } = world();
      const made = (
        await post(issuer, { redirect_uris: [callback], grant_types: ["authorization_code", "refresh_token"] })
      ).json;
      const client = {
        client_id: made.client_id as string,
        client_secret: made.client_secret as string,
        redirect_uri: callback,
      };
      const first = await exchange(issuer, await getCode(issuer, client, { user: alice }));
      assert.equal(first.status, 200, first.text);
      const gone = await fetch(made.registration_client_uri, {
        method: "DELETE",
        headers: { Authorization: `Bearer ${made.registration_access_token}` },
      });
      assert.equal(gone.status, 204);
      assert.equal(
        (
          await postAs(new URL("/token", issuer), client, {
            grant_type: "refresh_token",
            refresh_token: first.json.refresh_token,
          })
        ).status,
        401,
      );
      assert.equal(
        (await fetch(new URL("/userinfo", issuer), { headers: { Authorization: `Bearer ${first.json.access_token}` } }))
          .status,
        401,
      );
    });
  });
});
