/**
 * Introspection, revocation and userinfo: who may ask, what they hear, and that what is revoked is dead everywhere.
 *
 * RFC 6750 §2 and §3, RFC 7009 §2, RFC 7662 §2, RFC 9068; OpenID Connect Core §5.3. Rows IN of the catalogue of attacks and its
 * policies P8, P9 and P12, over SQLite and over PostgreSQL.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { onEachDatabase } from "./lib/each-database.ts";
import { addUser, codeAndRefresh, useWorld } from "./lib/fixtures.ts";
import {
  basic,
  claimsOf,
  exchange,
  getCode,
  getTokens,
  introspect,
  postAs,
  type Reply,
  read,
  refresh,
  revoke,
  userinfo,
} from "./lib/flow.ts";
import { sideBySide, suite } from "./lib/suites.ts";

const inactive = { active: false };

function assertInvalidClient(reply: Reply): void {
  assert.equal(`${reply.status} ${reply.json?.error}`, "401 invalid_client", reply.text);
}

sideBySide("introspection, revocation and userinfo", () => {
  onEachDatabase("introspection and revocation", (database) => {
    const world = useWorld(async () => ({ database: await database.fresh() }));

    it("says of a live token who it is for, of what kind, and how long; nobody may keep the answer (RFC 7662 §2.2)", async () => {
      const { issuer, conf, alice } = world();
      const tokens = await getTokens(issuer, conf, { user: alice, params: { scope: "openid email" } });
      const access = await introspect(issuer, conf, tokens.access_token);
      assert.equal(access.headers.get("Cache-Control"), "no-store");
      assert.match(access.headers.get("Content-Type") ?? "", /^application\/json/);
      assert.equal(access.json.active, true);
      assert.equal(access.json.client_id, conf.client_id);
      assert.equal(access.json.sub, alice.subject);
      assert.equal(access.json.iss, issuer);
      assert.deepEqual(access.json.scope.split(" ").sort(), ["email", "openid"]);
      assert.ok(access.json.exp > Date.now() / 1000 && access.json.exp < Date.now() / 1000 + 86_400);
      assert.equal((await introspect(issuer, conf, tokens.refresh_token)).json.active, true);
    });

    it("IN-01 nobody asks without authenticating: not without, not with a wrong secret, not as a public client, not with a token", async () => {
      const { issuer, conf, pub, alice } = world();
      const { access_token } = await getTokens(issuer, conf, { user: alice });
      const url = new URL("/introspect", issuer);
      assertInvalidClient(await postAs(url, undefined, { token: access_token }));
      assertInvalidClient(
        await postAs(url, { ...conf, client_secret: "wrong-wrong-wrong-wrong-wrong" }, { token: access_token }),
      );
      assertInvalidClient(
        await postAs(url, undefined, { token: access_token }, { Authorization: `Bearer ${access_token}` }),
      );
      const open = await postAs(url, pub, { token: access_token });
      assert.ok(
        open.status === 401 ||
          open.status === 403 ||
          (open.status === 400 && open.json.error === "unauthorized_client"),
        open.text,
      );
      assert.notEqual(open.json?.active, true);
    });

    it("a client hears about its own tokens; another's are inactive to it, and so is everything that is no token", async () => {
      const { issuer, conf, conf2, alice } = world();
      const { access_token, id_token } = await getTokens(issuer, conf, { user: alice });
      const code = await getCode(issuer, conf, { user: alice });
      assert.deepEqual((await introspect(issuer, conf2, access_token)).json, inactive);
      for (const token of [
        "nonsense",
        `${access_token}x`,
        access_token.slice(0, -1),
        code.code,
        id_token,
        "\u00e9",
        "a".repeat(5_000),
      ]) {
        const reply = await introspect(issuer, conf, token);
        assert.equal(reply.status, 200, reply.text);
        assert.deepEqual(reply.json, inactive, token.slice(0, 20));
      }
    });

    it("P12 a request without a token is invalid_request", async () => {
      const { issuer, conf } = world();
      for (const path of ["/introspect", "/revoke"]) {
        const reply = await postAs(new URL(path, issuer), conf, {});
        assert.equal(`${reply.status} ${reply.json?.error}`, "400 invalid_request", path);
      }
    });

    it("IN-04 a hint that is wrong, unknown or repeated does not keep the token from being found", async () => {
      const { issuer, conf, alice } = world();
      const tokens = await getTokens(issuer, conf, { user: alice });
      for (const hint of ["access_token", "refresh_token", "id_token", "nonsense"]) {
        assert.equal(
          (await introspect(issuer, conf, tokens.access_token, { token_type_hint: hint })).json.active,
          true,
          hint,
        );
        assert.equal(
          (await introspect(issuer, conf, tokens.refresh_token, { token_type_hint: hint })).json.active,
          true,
          hint,
        );
      }
      const twice = new URLSearchParams([
        ["token", tokens.access_token],
        ["token_type_hint", "access_token"],
        ["token_type_hint", "access_token"],
      ]);
      assert.equal((await postAs(new URL("/introspect", issuer), conf, twice)).json.active, true);
      assert.equal((await revoke(issuer, conf, tokens.refresh_token, { token_type_hint: "access_token" })).status, 200);
      assert.deepEqual((await introspect(issuer, conf, tokens.refresh_token)).json, inactive);
    });

    it("IN-05 tokens do not travel in URLs: GET is 405, a token in the query of a POST is not read", async () => {
      const { issuer, server, conf, alice } = world();
      const { access_token } = await getTokens(issuer, conf, { user: alice });
      const headers = { Authorization: basic(conf.client_id, conf.client_secret ?? "") };
      for (const path of ["/introspect", "/revoke"]) {
        const url = new URL(`${path}?token=${access_token}`, issuer);
        const got = await fetch(url, { headers });
        assert.equal(got.status, 405);
        assert.match(got.headers.get("Allow") ?? "", /POST/);
        assert.equal((await postAs(url, conf, {})).status, 400);
      }
      assert.equal((await introspect(issuer, conf, access_token)).json.active, true);
      assert.ok(!server.output().includes(access_token), "the token is in the log");
    });

    it("IN-09 revoking a refresh token ends the grant, revoking an access token ends that token; 200 and nothing else, always", async () => {
      const { issuer, conf, alice } = world();
      const tokens = await getTokens(issuer, conf, { user: alice });
      const other = await refresh(issuer, conf, tokens.refresh_token);
      const one = await revoke(issuer, conf, tokens.access_token);
      assert.equal(one.status, 200);
      assert.equal(one.text, "");
      assert.deepEqual((await introspect(issuer, conf, tokens.access_token)).json, inactive);
      assert.equal((await userinfo(issuer, tokens.access_token)).status, 401);
      assert.equal((await introspect(issuer, conf, other.json.access_token)).json.active, true);
      assert.equal((await introspect(issuer, conf, other.json.refresh_token)).json.active, true);
      assert.equal((await revoke(issuer, conf, other.json.refresh_token)).status, 200);
      assert.deepEqual((await introspect(issuer, conf, other.json.access_token)).json, inactive);
      assert.equal((await refresh(issuer, conf, other.json.refresh_token)).json.error, "invalid_grant");
      for (const token of ["nonsense", tokens.access_token, other.json.refresh_token]) {
        assert.equal((await revoke(issuer, conf, token)).status, 200);
      }
    });

    it("P8 revoking another client's token answers 200 and does nothing", async () => {
      const { issuer, conf, conf2, pub, alice } = world();
      const tokens = await getTokens(issuer, conf, { user: alice });
      for (const other of [conf2, pub]) {
        for (const token of [tokens.access_token, tokens.refresh_token])
          assert.equal((await revoke(issuer, other, token)).status, 200);
      }
      assert.equal((await introspect(issuer, conf, tokens.access_token)).json.active, true);
      assert.equal((await introspect(issuer, conf, tokens.refresh_token)).json.active, true);
    });

    it("IN-11 a public client revokes its own token with its client_id alone", async () => {
      const { issuer, pub, alice } = world();
      const tokens = await getTokens(issuer, pub, { user: alice });
      assert.equal((await revoke(issuer, pub, tokens.refresh_token)).status, 200);
      assert.equal((await userinfo(issuer, tokens.access_token)).status, 401);
      assert.equal((await refresh(issuer, pub, tokens.refresh_token)).json.error, "invalid_grant");
    });

    it("IN-16 userinfo tells what the scopes release and no more, and nothing of a person who is disabled", async () => {
      const { issuer, server, conf } = world();
      const erin = await addUser(server, `erin-${database.name.toLowerCase()}`);
      const email = await getTokens(issuer, conf, { user: erin, params: { scope: "openid email" } });
      const seen = await userinfo(issuer, email.access_token);
      assert.equal(seen.status, 200);
      assert.equal(seen.headers.get("Cache-Control"), "no-store");
      assert.deepEqual(Object.keys(seen.json).sort(), ["email", "email_verified", "sub"]);
      assert.equal(seen.json.sub, erin.subject);
      assert.equal((await server.cli(["user", "disable", erin.email, "--json"])).code, 0);
      const gone = await userinfo(issuer, email.access_token);
      assert.equal(gone.status, 401);
      assert.match(gone.headers.get("WWW-Authenticate") ?? "", /error="invalid_token"/);
    });
  });

  suite("userinfo", () => {
    const api = "https://api.example.test/";
    const world = useWorld(() => ({
      config: {
        scopes: { "photos:read": "See your photos" },
        resources: [{ resource: api, scopes: ["photos:read"], tokens: "at+jwt" }],
      },
      clients: {
        svc: { name: "Service", grant_types: ["client_credentials"], redirect_uris: [], scope: "photos:read" },
        app: { name: "Photo app", grant_types: codeAndRefresh },
        rs: { name: "Photo API", grant_types: ["client_credentials"], redirect_uris: [], introspects: [api] },
      },
    }));
    const get = async (headers: Record<string, string> = {}, query = "") =>
      read(await fetch(new URL(`/userinfo${query}`, world().issuer), { headers }));

    it("IN-14 only an access token of a person, for us, with openid: ID tokens, refresh tokens, codes and others are refused", async () => {
      const { issuer, client, conf, alice } = world();
      const tokens = await getTokens(issuer, conf, { user: alice });
      const code = await getCode(issuer, conf, { user: alice });
      for (const token of [tokens.id_token, tokens.refresh_token, code.code, "nonsense", ""]) {
        const reply = await get({ Authorization: `Bearer ${token}` });
        assert.ok(
          reply.status === 401 || (reply.status === 400 && token === ""),
          `${reply.status} ${token.slice(0, 12)}`,
        );
        assert.match(reply.headers.get("WWW-Authenticate") ?? "", /^Bearer/);
      }
      const bare = await get();
      assert.equal(bare.status, 401);
      // RFC 6750 §3.1: who presented nothing is told no error.
      assert.doesNotMatch(bare.headers.get("WWW-Authenticate") ?? "", /error=/);

      const svc = client("svc");
      const own = await postAs(new URL("/token", issuer), svc, { grant_type: "client_credentials" });
      assert.equal(own.status, 200, own.text);
      assert.ok([401, 403].includes((await get({ Authorization: `Bearer ${own.json.access_token}` })).status));
      const plain = await getTokens(issuer, conf, { user: alice, params: { scope: "photos:read" } });
      const refused = await get({ Authorization: `Bearer ${plain.access_token}` });
      assert.ok(refused.status === 403 || refused.status === 401, refused.text);
    });

    it("IN-15 one way of presenting a token at a time: not in the query, not twice, not in header and body", async () => {
      const { issuer, conf, alice } = world();
      const { access_token } = await getTokens(issuer, conf, { user: alice });
      assert.equal((await get({}, `?access_token=${access_token}`)).status, 400);
      assert.equal(
        (await get({ Authorization: `Bearer ${access_token}` }, `?access_token=${access_token}`)).status,
        400,
      );
      const both = await postAs(
        new URL("/userinfo", issuer),
        undefined,
        { access_token },
        { Authorization: `Bearer ${access_token}` },
      );
      assert.equal(both.status, 400);
      const two = await get({ Authorization: `Bearer ${access_token}, Bearer ${access_token}` });
      assert.ok(two.status === 400 || two.status === 401);
      const other = await get({ Authorization: `Basic ${access_token}` });
      assert.equal(other.status, 401);
      const posted = await postAs(
        new URL("/userinfo", issuer),
        undefined,
        {},
        { Authorization: `bearer ${access_token}` },
      );
      assert.equal(posted.status, 200, "the scheme's case does not matter, and POST works");
    });

    it("IN-13, P9 a signed access token that is revoked is inactive to introspection, for its client and for the API it is for", async () => {
      const { issuer, client, alice, conf2 } = world();
      const [app, rs] = [client("app"), client("rs")];
      const code = await getCode(issuer, app, { user: alice, params: { scope: "photos:read", resource: api } });
      const reply = await exchange(issuer, code, { resource: api });
      assert.equal(reply.status, 200, reply.text);
      const token: string = reply.json.access_token;
      const header = JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()) as { typ: string };
      assert.match(header.typ, /^(application\/)?at\+jwt$/);
      assert.deepEqual([claimsOf(token).aud].flat(), [api]);
      assert.equal(claimsOf(token).client_id, app.client_id);
      for (const asker of [app, rs]) assert.equal((await introspect(issuer, asker, token)).json.active, true);
      assert.deepEqual((await introspect(issuer, conf2, token)).json, inactive);
      const [head, body, signature = ""] = token.split(".");
      assert.deepEqual((await introspect(issuer, app, `${head}.${body}.${signature.slice(0, -4)}AAAA`)).json, inactive);
      assert.equal((await userinfo(issuer, token)).status, 401, "it is not for us");
      const answer = await revoke(issuer, app, token);
      assert.equal(answer.status, 200);
      for (const asker of [app, rs]) assert.deepEqual((await introspect(issuer, asker, token)).json, inactive);
    });

    it("cutting the grant makes its signed access tokens inactive too", async () => {
      const { issuer, client, alice } = world();
      const app = client("app");
      const code = await getCode(issuer, app, { user: alice, params: { scope: "photos:read", resource: api } });
      const reply = await exchange(issuer, code, { resource: api });
      assert.equal((await introspect(issuer, app, reply.json.access_token)).json.active, true);
      assert.equal((await revoke(issuer, app, reply.json.refresh_token)).status, 200);
      assert.deepEqual((await introspect(issuer, app, reply.json.access_token)).json, inactive);
    });

    it("JW-19 the key set holds public halves with distinct ids, and says how long it may be kept", async () => {
      const { issuer } = world();
      const reply = await read(await fetch(new URL("/jwks", issuer)));
      assert.equal(reply.status, 200);
      assert.match(reply.headers.get("Cache-Control") ?? "", /max-age=[1-9]/);
      const keys = reply.json.keys as Record<string, unknown>[];
      assert.ok(keys.length >= 1);
      for (const key of keys)
        for (const secret of ["d", "p", "q", "dp", "dq", "qi", "k", "oth"]) assert.equal(key[secret], undefined);
      assert.equal(new Set(keys.map((key) => key.kid)).size, keys.length);
    });

    it("JW-21 after a rotation by command the running server signs with a key that was published before, and old tokens verify", async () => {
      const { issuer, server, conf, alice } = world();
      const kids = async () =>
        ((await read(await fetch(new URL("/jwks", issuer)))).json.keys as { kid: string }[]).map((key) => key.kid);
      const kidOf = (jwt: string) =>
        (JSON.parse(Buffer.from(jwt.split(".")[0] ?? "", "base64url").toString()) as { kid: string }).kid;
      const old = await getTokens(issuer, conf, { user: alice });
      const before = await kids();
      assert.ok(before.includes(kidOf(old.id_token)));
      const rotated = await server.cli(["key", "rotate", "--json"]);
      assert.equal(rotated.code, 0, rotated.stderr);
      const fresh = await getTokens(issuer, conf, { user: alice });
      const now = await kids();
      assert.ok(now.includes(kidOf(old.id_token)), "tokens signed a moment ago can still be verified");
      assert.ok(now.includes(kidOf(fresh.id_token)));
    });
  });
});
