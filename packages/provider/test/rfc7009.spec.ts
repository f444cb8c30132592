import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createWorld, issuer } from "./op.ts";
import {
  activeOf,
  assertError,
  isActive,
  other,
  post,
  pub,
  refresh,
  sendAs,
  service,
  signedApi,
  snapshot,
  tokensFor,
  tokensOf,
} from "./token-side.ts";

describe("revocation (RFC 7009 §2)", () => {
  it("ends an access token and nothing else", async () => {
    const world = await createWorld();
    const tokens = await tokensFor(world);
    const response = await post(world, "/revoke", { token: tokens.access_token });
    assert.equal(response.status, 200);
    assert.equal(await response.text(), "");
    assert.equal(await activeOf(world, tokens), "refresh");
  });

  it("ends a refresh token with every access token of its grant (§2.1)", async () => {
    const world = await createWorld();
    const first = await tokensFor(world);
    const second = await tokensOf(await refresh(world, first.refresh_token));
    assert.equal((await post(world, "/revoke", { token: second.refresh_token })).status, 200);
    assert.equal((await activeOf(world, first)) + (await activeOf(world, second)), "");
    await assertError(await refresh(world, second.refresh_token), "invalid_grant");
  });

  it("ends the grant also when the client holds the spent refresh token only", async () => {
    const world = await createWorld();
    const first = await tokensFor(world);
    const second = await tokensOf(await refresh(world, first.refresh_token));
    await post(world, "/revoke", { token: first.refresh_token });
    assert.equal(await activeOf(world, second), "");
  });

  it("answers 200 for unknown, malformed and already revoked tokens (§2.2)", async () => {
    const world = await createWorld();
    const { access_token } = await tokensFor(world);
    await post(world, "/revoke", { token: access_token });
    for (const token of [access_token, "nonsense", `${access_token}x`, "a.b.c", "vk_access_"]) {
      assert.equal((await post(world, "/revoke", { token })).status, 200);
    }
  });

  it("answers 200 for a foreign token and leaves it as it is (P8)", async () => {
    const world = await createWorld();
    await world.addClient(other);
    const first = await tokensFor(world);
    const tokens = await tokensOf(await refresh(world, first.refresh_token));
    const before = await snapshot(world, "access", "refresh", "grant");
    for (const token of [tokens.access_token, tokens.refresh_token, first.refresh_token]) {
      assert.equal((await post(world, "/revoke", { token }, other)).status, 200);
    }
    assert.equal(await snapshot(world, "access", "refresh", "grant"), before);
  });

  it("lets a public client revoke its own with client_id alone (IN-11)", async () => {
    const world = await createWorld();
    await world.addClient(pub);
    const tokens = await tokensFor(world, {}, pub);
    assert.equal((await post(world, "/revoke", { token: tokens.refresh_token }, pub)).status, 200);
    assert.equal(await activeOf(world, tokens), "");
  });

  it("takes any token_type_hint, even two (IN-04)", async () => {
    const world = await createWorld();
    for (const token_type_hint of ["refresh_token", "bogus", ["access_token", "refresh_token"]]) {
      const { access_token } = await tokensFor(world);
      await post(world, "/revoke", { token: access_token, token_type_hint });
      assert.equal(await isActive(world, access_token), false);
    }
  });

  it("remembers a revoked at+jwt until it would have ended (P9, IN-13)", async () => {
    const world = await createWorld({ resources: [signedApi] });
    const svc = { ...service, scope: "signed:read" };
    await world.addClient(svc);
    const { access_token } = await tokensOf(await post(world, "/token", { grant_type: "client_credentials" }, svc));
    assert.equal(await isActive(world, access_token), true);
    for (const _ of [1, 2]) assert.equal((await post(world, "/revoke", { token: access_token }, svc)).status, 200);
    assert.equal(await isActive(world, access_token), false);
    const marks = await world.store.list("revoked", {});
    assert.deepEqual(
      marks.map(({ expiresAt }) => expiresAt),
      [world.clock.now + 900_000],
    );
  });

  it("needs a client, a token, and POST", async () => {
    const world = await createWorld();
    await assertError(await post(world, "/revoke", {}), "invalid_request");
    await assertError(
      await post(world, "/revoke", { token: "x" }, { client_id: "nobody", client_secret: "x" }),
      "invalid_client",
    );
    assert.equal((await sendAs(world, "/revoke?token=x", { method: "GET" })).status, 405);
  });

  it("is open to operators as tokens.revoke", async () => {
    const world = await createWorld();
    const tokens = await tokensFor(world);
    assert.equal(await world.provider.tokens.revoke(tokens.refresh_token ?? ""), true);
    assert.equal(await world.provider.tokens.revoke(tokens.access_token), false);
    assert.equal(await world.provider.tokens.revoke(issuer), false);
  });
});
