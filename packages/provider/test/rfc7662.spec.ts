import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createWorld, issuer, start, type TestClient, type World } from "./op.ts";
import {
  api,
  assertError,
  other,
  post,
  pub,
  refresh,
  sendAs,
  service,
  signedApi,
  tokensFor,
  tokensOf,
} from "./token-side.ts";

const rs: TestClient = { ...other, client_id: "rs", introspects: [api.resource, signedApi.resource] };
const options = { resources: [api, signedApi] };

async function introspect(
  world: World,
  token: string | undefined,
  client?: TestClient,
): Promise<Record<string, unknown>> {
  const response = await post(world, "/introspect", { token }, client);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("cache-control"), "no-store");
  return (await response.json()) as Record<string, unknown>;
}

describe("introspection (RFC 7662)", () => {
  it("describes a client's own access token and refresh token (§2.2)", async () => {
    const world = await createWorld();
    const tokens = await tokensFor(world, { scope: "openid email" });
    const seconds = start / 1000;
    const access = await introspect(world, tokens.access_token);
    const { jti, ...rest } = access;
    assert.match(String(jti), /^[0-9a-z]{26}$/);
    assert.deepEqual(rest, {
      active: true,
      iss: issuer,
      sub: "alice",
      client_id: "rp",
      aud: issuer,
      scope: "openid email",
      token_type: "Bearer",
      iat: seconds,
      exp: seconds + 900,
      auth_time: seconds,
    });
    const refreshing = await introspect(world, tokens.refresh_token);
    assert.equal(refreshing.active, true);
    assert.equal(refreshing.token_type, undefined);
  });

  it("tells a resource server about tokens for its resource, and about no other (§4)", async () => {
    const world = await createWorld(options);
    await world.addClient(rs);
    await world.addClient(other);
    const forApi = await tokensFor(world, { scope: "api:read", resource: api.resource });
    const forUserinfo = await tokensFor(world);
    assert.equal((await introspect(world, forApi.access_token, rs)).active, true);
    for (const [token, client] of [
      [forUserinfo.access_token, rs],
      [forApi.refresh_token, rs],
      [forApi.access_token, other],
    ] as const) {
      assert.deepEqual(await introspect(world, token, client), { active: false });
    }
  });

  it("describes an at+jwt as well, until it is revoked, cut or expired", async () => {
    const world = await createWorld(options);
    await world.addClient(rs);
    const ask = () => tokensFor(world, { scope: "signed:read", resource: signedApi.resource });
    const [expired, cut] = [await ask(), await ask()];
    const body = await introspect(world, expired.access_token, rs);
    assert.equal(body.active, true);
    assert.equal(body.aud, signedApi.resource);
    assert.equal(body.sub, "alice");
    await post(world, "/revoke", { token: cut.refresh_token });
    assert.deepEqual(await introspect(world, cut.access_token, rs), { active: false });
    world.clock.advance(900);
    assert.deepEqual(await introspect(world, expired.access_token, rs), { active: false });
  });

  it("is the same {active:false} for unknown, expired, spent and revoked tokens, and other kinds of text", async () => {
    const world = await createWorld();
    const tokens = await tokensFor(world);
    await tokensOf(await refresh(world, tokens.refresh_token));
    for (const token of [
      tokens.refresh_token,
      "x",
      tokens.id_token,
      "a.b.c",
      `${tokens.access_token} `,
      "x".repeat(60_000),
    ]) {
      assert.deepEqual(await introspect(world, token), { active: false });
    }
    world.clock.advance(900);
    assert.deepEqual(await introspect(world, tokens.access_token), { active: false });
  });

  it("tells nobody but its client about a refresh token, though it is meant for us", async () => {
    const world = await createWorld();
    await world.addClient({ ...rs, introspects: [issuer] });
    const tokens = await tokensFor(world);
    assert.equal((await introspect(world, tokens.access_token, rs)).active, true);
    assert.deepEqual(await introspect(world, tokens.refresh_token, rs), { active: false });
  });

  it("is inactive as soon as the client is gone, however it went", async () => {
    const world = await createWorld();
    await world.addClient({ ...rs, introspects: [issuer] });
    const tokens = await tokensFor(world);
    const entry = await world.store.get("client", "rp");
    if (entry !== undefined) await world.store.commit([{ do: "remove", entry }]);
    assert.deepEqual(await introspect(world, tokens.access_token, rs), { active: false });
    assert.equal(await world.provider.tokens.read(tokens.refresh_token ?? ""), undefined);
  });

  it("is inactive as soon as the person is gone (TK-24, IN-16)", async () => {
    const world = await createWorld();
    const tokens = await tokensFor(world);
    world.people.delete("alice");
    assert.deepEqual(await introspect(world, tokens.access_token), { active: false });
  });

  it("is for authenticated confidential clients only (§2.1, IN-01)", async () => {
    const world = await createWorld();
    await world.addClient(pub);
    const { access_token } = await tokensFor(world);
    await assertError(await post(world, "/introspect", { token: access_token }, pub), "invalid_client");
    await assertError(
      await post(world, "/introspect", { token: access_token }, { ...other, client_secret: "wrong" }),
      "invalid_client",
    );
    const body = new URLSearchParams({ token: access_token });
    await assertError(await sendAs(world, "/introspect", { method: "POST", body }), "invalid_client");
    const headers = { authorization: `Bearer ${access_token}` };
    await assertError(await sendAs(world, "/introspect", { method: "POST", body, headers }), "invalid_client");
  });

  it("takes any token_type_hint, even two (IN-04)", async () => {
    const world = await createWorld();
    const { access_token, refresh_token } = await tokensFor(world);
    for (const token_type_hint of ["refresh_token", "access_token", "bogus", ["a", "b"]]) {
      for (const token of [access_token, refresh_token]) {
        const body = (await (await post(world, "/introspect", { token, token_type_hint })).json()) as {
          active: boolean;
        };
        assert.equal(body.active, true);
      }
    }
  });

  it("refuses GET, and a token in the query counts as none (IN-05, P12)", async () => {
    const world = await createWorld();
    const { access_token } = await tokensFor(world);
    assert.equal((await sendAs(world, `/introspect?token=${access_token}`, { method: "GET" })).status, 405);
    await assertError(await post(world, `/introspect?token=${access_token}`, {}), "invalid_request");
    assert.ok(!JSON.stringify(world.lines).includes(access_token));
  });

  it("flags a client's own token by its sub (RS-10)", async () => {
    const world = await createWorld(options);
    await world.addClient(rs);
    const svc = { ...service, scope: "signed:read" };
    await world.addClient(svc);
    const { access_token } = await tokensOf(await post(world, "/token", { grant_type: "client_credentials" }, svc));
    assert.equal((await introspect(world, access_token, rs)).sub, "client:svc");
  });
});
