/**
 * Refresh tokens: rotation, the window for an honest retry, reuse, scopes, lifetimes and what becomes of them at the end.
 *
 * RFC 6749 §6, RFC 9700 §4.14.2, OpenID Connect Core §11 and §12. Rows RT of the catalogue of attacks and its policy P3, over
 * SQLite and over PostgreSQL.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { createBrowser } from "./lib/browser.ts";
import { dump, onEachDatabase } from "./lib/each-database.ts";
import { useWorld } from "./lib/fixtures.ts";
import {
  authorizationUrl,
  claimsOf,
  createPkce,
  getTokens,
  introspect,
  type Reply,
  refresh,
  revoke,
  userinfo,
  walk,
} from "./lib/flow.ts";
import { sideBySide, suite } from "./lib/suites.ts";

/** Longer than a window of one second, whatever the machine does: waiting too long is never wrong here. */
const pastTheWindow = () => new Promise((resolve) => setTimeout(resolve, 1_200));

function assertGranted(reply: Reply): void {
  assert.equal(reply.status, 200, reply.text);
  assert.equal(reply.headers.get("Cache-Control"), "no-store");
}

function assertDead(reply: Reply): void {
  assert.equal(`${reply.status} ${reply.json?.error}`, "400 invalid_grant", reply.text);
}

sideBySide("refresh tokens", () => {
  onEachDatabase("rotation", (database) => {
    let url = "sqlite";
    const world = useWorld(async () => {
      url = await database.fresh();
      return { database: url };
    });

    it("P3 an answer that got lost may be asked for again: within the window, the same client gets the same successor", async () => {
      const { issuer, conf, alice } = world();
      const { refresh_token } = await getTokens(issuer, conf, { user: alice });
      const once = await refresh(issuer, conf, refresh_token);
      const again = await refresh(issuer, conf, refresh_token);
      assertGranted(once);
      assertGranted(again);
      assert.equal(again.json.refresh_token, once.json.refresh_token);
      assertGranted(await refresh(issuer, conf, once.json.refresh_token));
    });

    it("P3 once the successor was used, its predecessor is reuse, also within the window", async () => {
      const { issuer, conf, alice } = world();
      const { refresh_token } = await getTokens(issuer, conf, { user: alice });
      const second = await refresh(issuer, conf, refresh_token);
      const third = await refresh(issuer, conf, second.json.refresh_token);
      assertGranted(third);
      assertDead(await refresh(issuer, conf, refresh_token));
      assertDead(await refresh(issuer, conf, third.json.refresh_token));
    });

    it("P3 the successor is nowhere in the database in the clear, nor any other token or code", async () => {
      const { issuer, server, conf, alice } = world();
      const tokens = await getTokens(issuer, conf, { user: alice });
      const second = await refresh(issuer, conf, tokens.refresh_token);
      await refresh(issuer, conf, tokens.refresh_token);
      const stored = await dump(server, url);
      // Proof that the dump sees what is stored: the client's id is there.
      assert.ok(stored.includes(conf.client_id));
      const secrets = [
        tokens.access_token,
        tokens.refresh_token,
        second.json.access_token,
        second.json.refresh_token,
        conf.client_secret ?? "",
        alice.password,
      ];
      for (const secret of secrets) {
        assert.ok(!stored.includes(secret), `${secret.slice(0, 12)}… is stored in the clear`);
        // A handle without its checksum, or its secret part alone, would do as well.
        if (secret.startsWith("vk_"))
          assert.ok(
            !stored.includes(secret.slice(-38, -6)),
            `the secret of ${secret.slice(0, 12)}… is stored in the clear`,
          );
      }
    });

    it("RT-06 a wider scope is invalid_scope; a narrower one narrows that access token and nothing else", async () => {
      const { issuer, conf, alice } = world();
      const tokens = await getTokens(issuer, conf, { user: alice, params: { scope: "openid profile email" } });
      const wider = await refresh(issuer, conf, tokens.refresh_token, { scope: "openid profile email offline_access" });
      assert.equal(`${wider.status} ${wider.json.error}`, "400 invalid_scope", wider.text);
      const narrow = await refresh(issuer, conf, tokens.refresh_token, { scope: "openid email" });
      assertGranted(narrow);
      assert.equal(narrow.json.scope, "openid email");
      const claims = (await userinfo(issuer, narrow.json.access_token)).json;
      assert.equal(claims.email, alice.email);
      assert.equal(claims.name, undefined);
      const wide = await refresh(issuer, conf, narrow.json.refresh_token, { scope: "openid profile email" });
      assertGranted(wide);
      assert.deepEqual(wide.json.scope.split(" ").sort(), ["email", "openid", "profile"]);
    });

    it("RT-10 what was revoked stays revoked over a kill and a restart", async () => {
      const { issuer, server, conf, alice } = world();
      const { refresh_token, access_token } = await getTokens(issuer, conf, { user: alice });
      assert.equal((await revoke(issuer, conf, refresh_token)).status, 200);
      await server.kill();
      await server.restart();
      assertDead(await refresh(issuer, conf, refresh_token));
      assert.equal((await userinfo(issuer, access_token)).status, 401);
    });

    it("RT-13 the ID token on refresh has the same iss, sub, aud and auth_time, a new iat, and no nonce of another request", async () => {
      const { issuer, conf, alice } = world();
      const tokens = await getTokens(issuer, conf, { user: alice, params: { nonce: "n-1" } });
      const again = await refresh(issuer, conf, tokens.refresh_token);
      assertGranted(again);
      const [one, two] = [claimsOf(tokens.id_token), claimsOf(again.json.id_token)];
      for (const name of ["iss", "sub", "aud", "auth_time"]) assert.deepEqual(two[name], one[name], name);
      assert.ok(Number(two.iat) >= Number(one.iat));
      assert.equal(one.nonce, "n-1");
      assert.ok(two.nonce === undefined || two.nonce === "n-1");
    });
  });

  onEachDatabase("refresh tokens after the window for a retry", (database) => {
    const world = useWorld(async () => ({
      database: await database.fresh(),
      config: { lifetimes: { refreshRetry: 1 } },
    }));

    it("RT-01 each use gives a new one; the old one after the window cuts the whole family", async () => {
      const { issuer, conf, pub, alice } = world();
      const families = await Promise.all(
        [conf, pub].map(async (client) => {
          const first = await getTokens(issuer, client, { user: alice });
          const second = await refresh(issuer, client, first.refresh_token);
          assertGranted(second);
          assert.notEqual(second.json.refresh_token, first.refresh_token);
          const third = await refresh(issuer, client, second.json.refresh_token);
          assertGranted(third);
          return { client, first, second, third };
        }),
      );
      // One whose successor is still waiting for its first use: only the window tells an honest retry from a theft.
      const lonely = await getTokens(issuer, conf, { user: alice });
      const waiting = await refresh(issuer, conf, lonely.refresh_token);
      assertGranted(waiting);
      await pastTheWindow();
      assertDead(await refresh(issuer, conf, lonely.refresh_token));
      assertDead(await refresh(issuer, conf, waiting.json.refresh_token));
      for (const { client, first, second, third } of families) {
        assertDead(await refresh(issuer, client, first.refresh_token));
        assertDead(await refresh(issuer, client, second.json.refresh_token));
        assertDead(await refresh(issuer, client, third.json.refresh_token));
        for (const token of [first.access_token, second.json.access_token, third.json.access_token]) {
          assert.equal((await userinfo(issuer, token)).status, 401);
        }
        assert.equal((await introspect(issuer, conf, third.json.access_token)).json.active, false);
      }
    });

    it("another client cannot use it, and cannot set off the alarm", async () => {
      const { issuer, conf, conf2, pub, alice } = world();
      const { refresh_token } = await getTokens(issuer, conf, { user: alice });
      const rotated = await refresh(issuer, conf, refresh_token);
      await pastTheWindow();
      for (const other of [conf2, pub]) {
        assertDead(await refresh(issuer, other, refresh_token));
        assertDead(await refresh(issuer, other, rotated.json.refresh_token));
      }
      assertGranted(await refresh(issuer, conf, rotated.json.refresh_token));
    });
  });

  suite("refresh tokens, whatever the database", () => {
    const world = useWorld(() => ({
      bob: true,
      config: { lifetimes: { refreshAbsolute: 6, refreshIdle: 6 } },
      clients: { plain: { name: "No refresh", grant_types: ["authorization_code"] } },
    }));

    it("RT-08 rotation does not stretch the family: after its end the newest one is dead too", async () => {
      const { issuer, conf, alice } = world();
      const started = Date.now();
      let { refresh_token } = await getTokens(issuer, conf, {
        user: alice,
        params: { scope: "openid offline_access", prompt: "consent" },
      });
      const rotated = await refresh(issuer, conf, refresh_token);
      assertGranted(rotated);
      refresh_token = rotated.json.refresh_token;
      const told = (await introspect(issuer, conf, refresh_token)).json;
      assert.ok(told.exp * 1000 <= Date.now() + 6_000, "the successor ends when the family does");
      await new Promise((resolve) => setTimeout(resolve, started + 7_500 - Date.now()));
      assertDead(await refresh(issuer, conf, refresh_token));
    });

    it("RT-12 offline_access is asked about by name; a client without the refresh grant never gets a refresh token", async () => {
      const { issuer, client, conf, bob } = world();
      const browser = createBrowser(issuer);
      // Remembered consent for openid alone.
      await getTokens(issuer, conf, { user: bob, browser });
      const silent = await browser.open(
        authorizationUrl(issuer, conf, {
          scope: "openid offline_access",
          prompt: "none",
          code_challenge: createPkce().challenge,
        }),
      );
      assert.equal(silent.url.searchParams.get("error"), "consent_required");
      const page = await browser.open(
        authorizationUrl(issuer, conf, { scope: "openid offline_access", code_challenge: createPkce().challenge }),
      );
      assert.ok(page.has("allow"), page.text);
      assert.match(page.html, /offline_access|not here|away/i);
      assert.ok((await walk(browser, page, {})).url.searchParams.has("code"));

      const tokens = await getTokens(issuer, client("plain"), {
        user: bob,
        params: { scope: "openid offline_access", prompt: "consent" },
      });
      assert.equal(tokens.refresh_token, undefined);
      assert.doesNotMatch(tokens.scope ?? "", /offline_access/);
    });
  });
});
