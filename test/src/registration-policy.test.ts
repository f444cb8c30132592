/**
 * Dynamic client registration under attack: who may register, and how many.
 *
 * RFC 7591 §3 and §5. Row RG-01 and fault F-49 of the catalogue.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { strangersCallback as callback, useWorld } from "./lib/fixtures.ts";
import { type Reply, read } from "./lib/flow.ts";
import { assertNotRegistered, post } from "./lib/registering.ts";
import { sideBySide, suite } from "./lib/suites.ts";

sideBySide("registration", () => {
  suite("registration that nobody switched on", () => {
    const world = useWorld();

    it("RG-01 is not there: no endpoint, and discovery does not speak of one", async () => {
      const { issuer } = world();
      const reply = await post(issuer, { redirect_uris: [callback] });
      assert.ok([401, 403, 404].includes(reply.status), `${reply.status}`);
      for (const path of ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]) {
        assert.equal((await read(await fetch(new URL(path, issuer)))).json.registration_endpoint, undefined);
      }
    });
  });

  suite("registration with an initial access token", () => {
    const world = useWorld(() => ({ args: ["--registration", "token"] }));

    it("RG-01 without one, with a wrong or an empty one it is 401 with a Bearer challenge; a good one works as often as it says", async () => {
      const { issuer, server } = world();
      const client = { redirect_uris: [callback], client_name: "By token" };
      for (const headers of [
        {},
        { Authorization: "Bearer" },
        { Authorization: "Bearer " },
        { Authorization: "Bearer nonsense" },
        { Authorization: "Basic eDp5" },
      ]) {
        const reply = await post(issuer, client, headers as Record<string, string>);
        assert.equal(reply.status, 401, JSON.stringify(headers));
        assert.match(reply.headers.get("WWW-Authenticate") ?? "", /^Bearer/);
      }
      const made = await server.cli(["client", "token", "--json"]);
      assert.equal(made.code, 0, made.stderr);
      const token: string = made.json.token ?? made.json.initial_access_token;
      assert.equal(typeof token, "string", made.stdout);
      const headers = { Authorization: `Bearer ${token}` };
      assertNotRegistered(
        await post(issuer, { redirect_uris: ["https://rp.test/#x"] }, headers),
        400,
        "invalid_redirect_uri",
      );
      const replies = await Promise.all(Array.from({ length: 10 }, () => post(issuer, client, headers)));
      assert.equal(
        replies.filter((reply) => reply.status === 201).length,
        1,
        "a refused attempt did not use it up, and ten at once have one winner",
      );
      for (const reply of replies)
        assert.ok(reply.status === 201 || reply.status === 401, `${reply.status} ${reply.text}`);
    });
  });

  suite("registration without end", () => {
    const world = useWorld(() => ({ args: ["--registration", "open"] }));

    it("F-49 one address cannot fill the database: after so many registrations it is told when to come back", async () => {
      const { issuer } = world();
      let slowed: Reply | undefined;
      for (let n = 0; n < 1_000 && !slowed; n += 20) {
        const replies = await Promise.all(
          Array.from({ length: 20 }, () => post(issuer, { redirect_uris: [callback] })),
        );
        for (const reply of replies)
          assert.ok(reply.status === 201 || reply.status === 429, `${reply.status} ${reply.text}`);
        slowed = replies.find((reply) => reply.status === 429);
      }
      assert.ok(slowed, "1,000 registrations and no answer was 429");
      assert.match(slowed.headers.get("Retry-After") ?? "", /^[1-9][0-9]*$/);
    });
  });
});
