import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { StoreUnavailable } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";
import { codeFor, createWorld, rp, start, type World } from "./op.ts";
import {
  activeOf,
  api,
  assertError,
  claimsOf,
  isActive,
  other,
  post,
  pub,
  redeem,
  refresh,
  sendAs,
  tokensFor,
  tokensOf,
} from "./token-side.ts";

const offline = { scope: "openid email offline_access", prompt: "consent" };
const cutEvents = (world: World) => world.lines.filter(({ fields }) => fields.event === "refresh.replayed").length;

describe("rotation of refresh tokens (RFC 6749 §6, RFC 9700 §4.14.2)", () => {
  it("gives a new refresh token each time and spends the old one", async () => {
    const world = await createWorld();
    const first = await tokensFor(world);
    const second = await tokensOf(await refresh(world, first.refresh_token));
    assert.notEqual(second.refresh_token, first.refresh_token);
    assert.equal(await isActive(world, first.refresh_token), false);
    assert.equal(await activeOf(world, second), "access refresh");
    await tokensOf(await refresh(world, second.refresh_token));
  });

  it("answers a retry within the window with the very same successor (P3)", async () => {
    const world = await createWorld();
    const first = await tokensFor(world);
    const second = await tokensOf(await refresh(world, first.refresh_token));
    world.clock.advance(19);
    const again = await tokensOf(await refresh(world, first.refresh_token));
    assert.equal(again.refresh_token, second.refresh_token);
    assert.notEqual(again.access_token, second.access_token);
    assert.equal(await activeOf(world, second), "access refresh");
    assert.equal(cutEvents(world), 0);
  });

  it("cuts the grant when a spent token comes after the window (RT-01)", async () => {
    const world = await createWorld();
    const first = await tokensFor(world);
    const second = await tokensOf(await refresh(world, first.refresh_token));
    world.clock.advance(20);
    await assertError(await refresh(world, first.refresh_token), "invalid_grant");
    assert.equal((await activeOf(world, first)) + (await activeOf(world, second)), "");
    assert.equal(cutEvents(world), 1);
    await assertError(await refresh(world, second.refresh_token), "invalid_grant");
  });

  it("cuts the grant within the window too once the successor was used", async () => {
    const world = await createWorld();
    const first = await tokensFor(world);
    const second = await tokensOf(await refresh(world, first.refresh_token));
    const third = await tokensOf(await refresh(world, second.refresh_token));
    await assertError(await refresh(world, first.refresh_token), "invalid_grant");
    assert.equal(await activeOf(world, third), "");
  });

  it("has no window when refreshRetry is 0", async () => {
    const world = await createWorld({ lifetimes: { refreshRetry: 0 } });
    const first = await tokensFor(world);
    await tokensOf(await refresh(world, first.refresh_token));
    await assertError(await refresh(world, first.refresh_token), "invalid_grant");
    assert.equal(cutEvents(world), 1);
  });

  it("has none either on a server whose clock is behind that of the one which spent it", async () => {
    const world = await createWorld({ lifetimes: { refreshRetry: 0 } });
    const first = await tokensFor(world);
    await tokensOf(await refresh(world, first.refresh_token));
    world.clock.advance(-2);
    await assertError(await refresh(world, first.refresh_token), "invalid_grant");
    assert.equal(cutEvents(world), 1);
  });

  it("knows the successor again after the server's secret was rotated", async () => {
    const world = await createWorld();
    const first = await tokensFor(world);
    const second = await tokensOf(await refresh(world, first.refresh_token));
    const moved = await createWorldOn(world, [
      "a new secret of the provider, long enough",
      "a secret of the provider for its tests",
    ]);
    assert.equal((await tokensOf(await refresh(moved, first.refresh_token))).refresh_token, second.refresh_token);
  });

  it("gives fifty who refresh at once one successor between them, and no alarm (races)", async () => {
    const world = await createWorld();
    const first = await tokensFor(world);
    const all = await Promise.all(Array.from({ length: 50 }, () => refresh(world, first.refresh_token)));
    const tokens = await Promise.all(all.map(tokensOf));
    assert.equal(new Set(tokens.map(({ refresh_token }) => refresh_token)).size, 1);
    assert.equal(new Set(tokens.map(({ access_token }) => access_token)).size, 50);
    const successors = (await world.store.list("refresh", {})).filter(
      ({ data }) => (data as { spentAt?: number }).spentAt === undefined,
    );
    assert.equal(successors.length, 1);
    assert.equal(cutEvents(world), 0);
    assert.equal(await activeOf(world, tokens[49] ?? {}), "access refresh");
  });

  it("without a window has one winner among fifty, and the grant is cut", async () => {
    const world = await createWorld({ lifetimes: { refreshRetry: 0 } });
    const first = await tokensFor(world);
    const all = await Promise.all(Array.from({ length: 50 }, () => refresh(world, first.refresh_token)));
    const won = all.filter(({ status }) => status === 200);
    assert.equal(won.length, 1);
    for (const lost of all.filter(({ status }) => status !== 200)) await assertError(lost, "invalid_grant");
    assert.equal(await activeOf(world, await tokensOf(won[0] as Response)), "");
  });

  it("is for the client it was issued to; a foreign one neither works nor sets off the alarm", async () => {
    const world = await createWorld();
    await world.addClient(other);
    await world.addClient(pub);
    const first = await tokensFor(world);
    const second = await tokensOf(await refresh(world, first.refresh_token));
    world.clock.advance(60);
    for (const client of [other, pub]) {
      await assertError(await refresh(world, first.refresh_token, {}, client), "invalid_grant");
      await assertError(await refresh(world, second.refresh_token, {}, client), "invalid_grant");
    }
    assert.equal(await activeOf(world, second), "access refresh");
  });

  it("works for public clients with their client_id", async () => {
    const world = await createWorld();
    await world.addClient(pub);
    const first = await tokensFor(world, {}, pub);
    await tokensOf(await refresh(world, first.refresh_token, {}, pub));
  });

  it("still sets off the alarm after the expired was swept away (RT-15)", async () => {
    const world = await createWorld({ lifetimes: { refreshIdle: 3600 } });
    const first = await tokensFor(world, offline);
    let live = first;
    for (let hour = 0; hour < 30; hour++) {
      live = await tokensOf(await refresh(world, live.refresh_token));
      world.clock.advance(3000);
      await world.store.sweep();
    }
    assert.equal(await isActive(world, live.refresh_token), true);
    await assertError(await refresh(world, first.refresh_token), "invalid_grant");
    assert.equal(await isActive(world, live.refresh_token), false);
    assert.equal(cutEvents(world), 1);
  });
});

/** Another provider over the same store and clock. */
async function createWorldOn(world: World, secret: readonly string[]): Promise<World> {
  const twin = await createWorld({ secret, now: () => world.clock.now, store: blind(world.store) });
  return { ...twin, clock: world.clock };
}

/** The same store, except that inserting `rp` a second time is taken for done. */
function blind(store: World["store"]): World["store"] {
  return {
    get: (kind, id) => store.get(kind, id),
    list: (kind, filter) => store.list(kind, filter),
    sweep: () => store.sweep(),
    commit: async (changes) => (await store.commit(changes)) || changes.some(({ entry }) => entry.id === rp.client_id),
  };
}

describe("what a refresh may ask for (RFC 6749 §6, RFC 8707 §2.2)", () => {
  it("narrows the scope for this access token only, and never widens it (RT-06)", async () => {
    const world = await createWorld();
    const first = await tokensFor(world, { scope: "openid email" });
    await assertError(await refresh(world, first.refresh_token, { scope: "openid email profile" }), "invalid_scope");
    const narrow = await tokensOf(await refresh(world, first.refresh_token, { scope: "email" }));
    assert.equal(narrow.scope, "email");
    assert.equal(narrow.id_token, undefined);
    assert.deepEqual((await world.provider.tokens.read(narrow.access_token))?.scope, ["email"]);
    const wide = await tokensOf(await refresh(world, narrow.refresh_token));
    assert.equal(wide.scope, "openid email");
  });

  it("is not spent by a scope or resource that is refused", async () => {
    const world = await createWorld({ resources: [api] });
    const first = await tokensFor(world);
    await assertError(await refresh(world, first.refresh_token, { scope: "bogus" }), "invalid_scope");
    await assertError(await refresh(world, first.refresh_token, { resource: api.resource }), "invalid_target");
    await assertError(await refresh(world, first.refresh_token, { resource: "https://else.test/" }), "invalid_target");
    assert.equal(await isActive(world, first.refresh_token), true);
  });
});

describe("how long refreshing goes on (P11, RT-08, RT-12)", () => {
  it("ends when the token is not used for long enough", async () => {
    const world = await createWorld({ lifetimes: { refreshIdle: 100 } });
    const first = await tokensFor(world, offline);
    world.clock.advance(99);
    const second = await tokensOf(await refresh(world, first.refresh_token));
    world.clock.advance(100);
    await assertError(await refresh(world, second.refresh_token), "invalid_grant");
  });

  it("ends at the grant's end, however often it is rotated", async () => {
    const world = await createWorld({ lifetimes: { refreshIdle: 100, refreshAbsolute: 250 } });
    let live = await tokensFor(world, offline);
    for (const seconds of [90, 90]) {
      world.clock.advance(seconds);
      live = await tokensOf(await refresh(world, live.refresh_token));
    }
    assert.equal(live.expires_in, 70);
    const [grant] = await world.store.list("grant", {});
    for (const { expiresAt } of await world.store.list("refresh", {})) {
      assert.ok((expiresAt ?? 0) <= (grant?.expiresAt ?? 0));
    }
    world.clock.advance(70);
    await assertError(await refresh(world, live.refresh_token), "invalid_grant");
    assert.equal(await activeOf(world, live), "");
  });

  it("ends with the session, unless offline_access was granted (P11)", async () => {
    for (const [scope, left] of [
      ["openid", ""],
      ["openid offline_access", "access refresh"],
    ] as const) {
      const world = await createWorld();
      const browser = world.browser();
      const tokens = await tokensOf(
        await redeem(world, await codeFor(world, "alice", { scope, prompt: "consent" }, browser)),
      );
      await world.provider.sessions.end(browser.request("/"));
      assert.equal(await activeOf(world, tokens), left);
    }
  });

  it("ends when the person is disabled, and goes on when they are enabled again", async () => {
    const world = await createWorld();
    const tokens = await tokensFor(world, offline);
    const alice = world.people.get("alice");
    world.people.delete("alice");
    await assertError(await refresh(world, tokens.refresh_token), "invalid_grant");
    assert.equal(await activeOf(world, tokens), "");
    if (alice !== undefined) world.people.set("alice", alice);
    await tokensOf(await refresh(world, tokens.refresh_token));
  });
});

describe("the ID token of a refresh (OpenID Connect Core §12.2, RT-13)", () => {
  it("has the same iss, sub, aud and auth_time, a new iat, no nonce, and an at_hash that fits", async () => {
    const world = await createWorld();
    const first = await tokensFor(world, { nonce: "n-1" });
    world.clock.advance(100);
    const second = await tokensOf(await refresh(world, first.refresh_token));
    const [before, after] = [claimsOf(first.id_token), claimsOf(second.id_token)];
    for (const name of ["iss", "sub", "aud", "auth_time", "sid"]) assert.deepEqual(after[name], before[name]);
    assert.equal(before.nonce, "n-1");
    assert.equal(after.nonce, undefined);
    assert.equal(Number(after.iat) - Number(before.iat), 100);
    assert.notEqual(after.at_hash, before.at_hash);
  });
});

describe("the answer of a refresh when the store is away (P20)", () => {
  it("is 503 with Retry-After, never invalid_grant", async () => {
    let away = false;
    const real = memoryStore({ now: () => start });
    const gone = () => (away ? Promise.reject(new StoreUnavailable("away", { retryAfter: 7 })) : undefined);
    const store = {
      get: (...args: Parameters<typeof real.get>) => gone() ?? real.get(...args),
      list: (...args: Parameters<typeof real.list>) => gone() ?? real.list(...args),
      commit: (...args: Parameters<typeof real.commit>) => gone() ?? real.commit(...args),
      sweep: () => real.sweep(),
    };
    const world: World = await createWorld({ store });
    const tokens = await tokensFor(world);
    away = true;
    for (const response of [
      await refresh(world, tokens.refresh_token),
      await post(world, "/revoke", { token: tokens.refresh_token }),
      await sendAs(world, "/userinfo", { headers: { authorization: `Bearer ${tokens.access_token}` } }),
    ]) {
      await assertError(response, "temporarily_unavailable", 503);
      assert.equal(response.headers.get("retry-after"), "7");
    }
    away = false;
    await tokensOf(await refresh(world, tokens.refresh_token));
  });
});
