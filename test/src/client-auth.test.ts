/**
 * The token endpoint under attack, once is enough: encodings, guessing, expiry, and clients on their own behalf.
 *
 * RFC 6749 §2.3, §3.2, §4.4; RFC 8707 §2; RFC 9700 §4.15. Rows CD-07, TK-01, TK-13 and TK-23 of the
 * catalogue of attacks.
 */
import assert from "node:assert/strict";
import { request } from "node:http";
import { it } from "node:test";
import { assertRefused } from "./lib/answers.ts";
import { addClient, useWorld } from "./lib/fixtures.ts";
import { basic, claimsOf, exchange, getCode, postAs, type Reply, userinfo } from "./lib/flow.ts";
import { sideBySide, suite } from "./lib/suites.ts";

sideBySide("clients at the token endpoint", () => {
  suite("token endpoint, once is enough", () => {
    const world = useWorld(() => ({
      config: { lifetimes: { code: 2 }, scopes: { "jobs:run": "Run jobs" } },
      clients: { guessed: { grant_types: ["client_credentials"], scope: "jobs:run", redirect_uris: [] } },
    }));

    it("CD-07 a code that was not redeemed in its lifetime is refused", async () => {
      const { issuer, conf, alice } = world();
      const code = await getCode(issuer, conf, { user: alice });
      // Only ever longer than two seconds: there is no race in this direction.
      await new Promise((resolve) => setTimeout(resolve, 2_200));
      assertRefused(await exchange(issuer, code), 400, "invalid_grant");
    });

    it("TK-01 id and secret are form-encoded before they are joined: colons, blanks, percent signs and plus survive", async () => {
      const { issuer, server } = world();
      const secret = "p:a%s+s/w o=r&d-0123456789-abcdefghijklmnop";
      const odd = await addClient(server, {
        name: "Odd",
        id: "odd id:100%+/",
        secret,
        grant_types: ["client_credentials"],
        scope: "jobs:run",
        redirect_uris: [],
      });
      const good = await postAs(
        new URL("/token", issuer),
        { ...odd, client_secret: secret },
        { grant_type: "client_credentials" },
      );
      assert.equal(good.status, 200, good.text);
      const raw = { Authorization: `Basic ${Buffer.from(`${odd.client_id}:${secret}`).toString("base64")}` };
      const unencoded = await postAs(new URL("/token", issuer), odd, { grant_type: "client_credentials" }, raw);
      assert.ok(unencoded.status < 500, unencoded.text);
      for (const bad of [
        "Basic",
        "Basic ",
        "Basic !!!!",
        `Basic ${Buffer.from("no colon").toString("base64")}`,
        `Basic ${Buffer.from("%zz:%").toString("base64")}`,
        `Basic ${Buffer.from([0xff, 0x3a, 0xff]).toString("base64")}`,
      ]) {
        const reply = await postAs(
          new URL("/token", issuer),
          odd,
          { grant_type: "client_credentials" },
          { Authorization: bad },
        );
        assert.ok(reply.status === 400 || reply.status === 401, `${bad}: ${reply.status}`);
      }
    });

    it("TK-13 guessing a secret is slowed down for the guesser, not for the client that knows it", async () => {
      const { issuer, server, client } = world();
      const app = client("guessed");
      let slowed: Reply | undefined;
      for (let n = 0; n < 500 && !slowed; n += 10) {
        const replies = await Promise.all(
          Array.from({ length: 10 }, () =>
            postAs(
              new URL("/token", issuer),
              { ...app, client_secret: "guess-guess-guess-guess-guess-guess" },
              { grant_type: "client_credentials" },
            ),
          ),
        );
        for (const reply of replies) assert.ok(reply.status === 401 || reply.status === 429, reply.text);
        slowed = replies.find((reply) => reply.status === 429);
      }
      assert.ok(slowed, "500 wrong secrets and no answer was 429");
      assert.match(slowed.headers.get("Retry-After") ?? "", /^[1-9][0-9]*$/);
      // The whole 127.0.0.0/8 is this machine: another address is another peer.
      const from = await new Promise<number>((resolve, reject) => {
        const body = "grant_type=client_credentials";
        const sent = request(
          {
            host: "127.0.0.1",
            port: server.port,
            path: "/token",
            method: "POST",
            localAddress: "127.0.0.2",
            headers: {
              Authorization: basic(app.client_id, app.client_secret ?? ""),
              "Content-Type": "application/x-www-form-urlencoded",
              "Content-Length": body.length,
            },
          },
          (answer) => {
            answer.resume();
            resolve(answer.statusCode ?? 0);
          },
        );
        sent.on("error", reject);
        sent.end(body);
      });
      assert.equal(from, 200);
    });
  });

  suite("client_credentials (RFC 6749 §4.4)", () => {
    const resource = "https://api.example.test/";
    const world = useWorld(() => ({
      config: {
        scopes: { "photos:read": "See your photos", "photos:write": "Change your photos" },
        resources: [{ resource, scopes: ["photos:read", "photos:write"], tokens: "at+jwt" }],
      },
      clients: {
        svc: { name: "Service", grant_types: ["client_credentials"], scope: "photos:read", redirect_uris: [] },
      },
    }));

    it("TK-23 a public client gets none; scopes outside the client's own, and those about people, are invalid_scope", async () => {
      const { issuer, client, pub, alice } = world();
      const token = new URL("/token", issuer);
      const refused = await postAs(token, pub, { grant_type: "client_credentials" });
      assert.ok(refused.status === 400 || refused.status === 401, refused.text);
      assert.match(refused.json.error, /^(unauthorized_client|invalid_client)$/);

      const svc = client("svc");
      for (const scope of ["photos:write", "openid", "offline_access", "profile", "unheard-of"]) {
        const reply = await postAs(token, svc, { grant_type: "client_credentials", scope });
        assertRefused(reply, 400, "invalid_scope");
      }
      const reply = await postAs(token, svc, { grant_type: "client_credentials", scope: "photos:read", resource });
      assert.equal(reply.status, 200, reply.text);
      assert.equal(reply.json.scope, "photos:read");
      assert.equal(reply.json.refresh_token, undefined);
      assert.equal(reply.json.id_token, undefined);
      const claims = claimsOf(reply.json.access_token);
      assert.deepEqual([claims.aud].flat(), [resource]);
      assert.equal(claims.client_id, svc.client_id);
      // RFC 9700 §4.15: nobody can take a client for a person.
      assert.notEqual(claims.sub, alice.subject);
      assert.match(String(claims.sub), /^client:/);
      assert.equal((await userinfo(issuer, reply.json.access_token)).status, 401);
    });

    it("an unknown resource is invalid_target (RFC 8707 §2)", async () => {
      const { issuer, client } = world();
      const svc = client("svc");
      for (const resource of ["https://other.example.test/", "not a uri", "https://api.example.test/#x"]) {
        assertRefused(
          await postAs(new URL("/token", issuer), svc, { grant_type: "client_credentials", resource }),
          400,
          "invalid_target",
        );
      }
    });
  });
});
