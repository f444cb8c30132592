import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { atHash, verifyIdToken } from "@valetkey/protocol/id-token";
import { createWorld, issuer, keys, rp, secret, start } from "./op.ts";
import { api, assertError, claimsOf, post, sendAs, service, tokensFor, tokensOf, userinfo } from "./token-side.ts";

describe("the ID token (OpenID Connect Core §2, §3.1.3)", () => {
  it("verifies as the client is told to, and says who, when and in which session", async () => {
    const world = await createWorld();
    const { id_token = "", access_token } = await tokensFor(world, { scope: "openid profile email", nonce: "n-0" });
    const claims = await verifyIdToken(id_token, {
      issuer,
      client_id: "rp",
      nonce: "n-0",
      max_age: 100,
      access_token,
      keys: await keys.published(),
      alg: "RS256",
      now: start,
    });
    const { sid, ...rest } = claims;
    assert.equal(typeof sid, "string");
    assert.deepEqual(rest, {
      iss: issuer,
      sub: "alice",
      aud: "rp",
      exp: start / 1000 + 3600,
      iat: start / 1000,
      auth_time: start / 1000,
      nonce: "n-0",
      at_hash: await atHash(access_token, "RS256"),
    });
  });

  it("is signed as the client registered, and comes only with openid", async () => {
    const world = await createWorld();
    const es = { ...rp, client_id: "es", id_token_signed_response_alg: "ES256" };
    await world.addClient(es);
    const { id_token = "" } = await tokensFor(world, {}, es);
    assert.equal(JSON.parse(Buffer.from(id_token.split(".")[0] ?? "", "base64url").toString()).alg, "ES256");
    assert.equal((await tokensFor(world, { scope: "email" })).id_token, undefined);
  });

  it("never carries what an account puts under a name of the protocol's (JW-24)", async () => {
    const world = await createWorld({ claims: { profile: ["name", "tenant"] } });
    const evil = { iss: "https://evil.test", aud: "x", scope: "admin", client_id: "x", tenant: "t1", name: "Mallory" };
    world.people.set("alice", { sub: "alice", claims: evil });
    const { id_token, access_token } = await tokensFor(world, { scope: "openid profile" });
    assert.equal(claimsOf(id_token).iss, issuer);
    assert.deepEqual(await (await userinfo(world, access_token)).json(), {
      sub: "alice",
      name: "Mallory",
      tenant: "t1",
    });
  });
});

describe("userinfo (OpenID Connect Core §5.3, §5.4)", () => {
  it("answers GET and POST with sub and the claims of the granted scopes, and no more (IN-16)", async () => {
    const world = await createWorld();
    const { access_token } = await tokensFor(world, { scope: "openid email" });
    const headers = { authorization: `Bearer ${access_token}` };
    for (const method of ["GET", "POST"]) {
      const response = await sendAs(world, "/userinfo", { method, headers });
      assert.equal(response.headers.get("cache-control"), "no-store");
      assert.deepEqual(await response.json(), { sub: "alice", email: "alice@people.test", email_verified: true });
    }
    const bare = await tokensFor(world);
    assert.deepEqual(await (await userinfo(world, bare.access_token)).json(), { sub: "alice" });
  });

  it("challenges whoever brings nothing, without an error code (RFC 6750 §3.1)", async () => {
    const world = await createWorld();
    const response = await sendAs(world, "/userinfo", {});
    assert.equal(response.status, 401);
    assert.equal(response.headers.get("www-authenticate"), "Bearer");
  });

  it("refuses every other kind of token with invalid_token (IN-14)", async () => {
    const world = await createWorld({ resources: [api] });
    const tokens = await tokensFor(world);
    const forApi = await tokensFor(world, { scope: "api:read", resource: api.resource });
    for (const token of [
      tokens.id_token,
      tokens.refresh_token,
      forApi.access_token,
      "bogus",
      `${tokens.access_token}x`,
    ]) {
      const response = await userinfo(world, token ?? "");
      assert.match(response.headers.get("www-authenticate") ?? "", /^Bearer error="invalid_token"/);
      await assertError(response, "invalid_token", 401);
    }
    world.clock.advance(900);
    await assertError(await userinfo(world, tokens.access_token), "invalid_token", 401);
  });

  it("refuses a token without openid, also a client's own, with insufficient_scope (IN-14)", async () => {
    const world = await createWorld({ scopes: { jobs: "Run jobs" } });
    const svc = { ...service, scope: "jobs" };
    await world.addClient(svc);
    const own = await tokensOf(await post(world, "/token", { grant_type: "client_credentials" }, svc));
    const email = await tokensFor(world, { scope: "email" });
    for (const { access_token } of [own, email]) {
      const response = await userinfo(world, access_token);
      assert.match(
        response.headers.get("www-authenticate") ?? "",
        /^Bearer error="insufficient_scope".*scope="openid"/,
      );
      await assertError(response, "insufficient_scope", 403);
    }
  });

  it("takes the token from the header only, and from one place only (IN-15)", async () => {
    const world = await createWorld();
    const { access_token } = await tokensFor(world);
    const headers = { authorization: `Bearer ${access_token}` };
    const body = new URLSearchParams({ access_token });
    for (const [path, init] of [
      [`/userinfo?access_token=${access_token}`, {}],
      [`/userinfo?access_token=${access_token}`, { headers }],
      ["/userinfo", { method: "POST", body }],
      ["/userinfo", { method: "POST", body, headers }],
      ["/userinfo", { headers: { authorization: `Bearer ${access_token}, Bearer ${access_token}` } }],
    ] as const) {
      await assertError(await sendAs(world, path, init), "invalid_request");
    }
  });

  it("is over as soon as the account is (IN-16)", async () => {
    const world = await createWorld();
    const { access_token } = await tokensFor(world);
    world.people.delete("alice");
    await assertError(await userinfo(world, access_token), "invalid_token", 401);
  });
});

describe("discovery (OpenID Connect Discovery §3, RFC 8414 §3)", () => {
  it("says the same at both places, may be cached, and is readable from scripts", async () => {
    const world = await createWorld({ issuer: "https://id.test/tenant" });
    const places = ["/tenant/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/tenant"];
    for (const place of places) {
      const response = await world.send(`https://id.test${place}`);
      assert.equal(response.headers.get("access-control-allow-origin"), "*");
      assert.match(response.headers.get("cache-control") ?? "", /^public, max-age=/);
      assert.deepEqual(await response.json(), world.provider.metadata);
    }
    assert.equal(world.provider.metadata.token_endpoint, "https://id.test/tenant/token");
    assert.equal(await world.provider.handle(new Request("https://id.test/token")), undefined);
  });

  it("announces what is served and nothing else", async () => {
    const { metadata } = (await createWorld({ resources: [api] })).provider;
    assert.equal(metadata.registration_endpoint, undefined);
    assert.deepEqual(metadata.response_types_supported, ["code"]);
    assert.deepEqual(metadata.code_challenge_methods_supported, ["S256"]);
    assert.deepEqual(metadata.id_token_signing_alg_values_supported, ["RS256", "ES256"]);
    assert.deepEqual(metadata.token_endpoint_auth_methods_supported, [
      "client_secret_basic",
      "client_secret_post",
      "none",
    ]);
    assert.deepEqual(metadata.introspection_endpoint_auth_methods_supported, [
      "client_secret_basic",
      "client_secret_post",
    ]);
    assert.deepEqual(metadata.scopes_supported, [
      "openid",
      "profile",
      "email",
      "offline_access",
      "api:read",
      "api:write",
    ]);
    assert.ok(secret.length >= 32);
  });
});
