/**
 * Small extensions: how long refresh tokens last (draft-ietf-oauth-refresh-token-expiration-03), signed metadata (RFC 8414 §2.1).
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeUnverified, verifyJwt } from "@valetkey/protocol/jose";
import { refreshExpiration } from "@valetkey/provider/refresh-expiration";
import { rotateForPublicClients } from "@valetkey/provider/refresh-rotation";
import { signedMetadata } from "@valetkey/provider/signed-metadata";
import { createWorld, issuer, keys, rp, start } from "./op.ts";
import { post, refresh, service, tokensFor, tokensOf } from "./token-side.ts";

const day = 86_400;

describe("how long a refresh token and its permission last (refresh-token-expiration §6)", () => {
  const ready = (options: Parameters<typeof createWorld>[0] = {}) =>
    createWorld({
      extensions: [refreshExpiration],
      lifetimes: { refreshIdle: 7 * day, refreshAbsolute: 10 * day },
      ...options,
    });
  const lasts = (tokens: Record<string, unknown>) => [tokens.refresh_token_timeout, tokens.authorization_expires_in];

  it("is said with each refresh token, counted from the answer, and the token never outlasts the permission (§6.3)", async () => {
    const world = await ready();
    const first = await tokensFor(world, { scope: "openid offline_access" });
    assert.deepEqual(lasts(first), [7 * day, 10 * day]);
    world.clock.advance(2 * day);
    const second = await tokensOf(await refresh(world, first.refresh_token));
    assert.deepEqual(lasts(second), [7 * day, 8 * day]);
    // The very same answer again: the same token, which lasts as long as it did.
    world.clock.advance(10);
    assert.deepEqual(lasts(await tokensOf(await refresh(world, first.refresh_token))), [7 * day - 10, 8 * day - 10]);
    world.clock.advance(5 * day - 10);
    assert.deepEqual(lasts(await tokensOf(await refresh(world, second.refresh_token))), [3 * day, 3 * day]);
  });

  it("is said of the token that was presented, where that one goes on (§6.1)", async () => {
    const world = await ready({ refreshRotation: rotateForPublicClients });
    const first = await tokensFor(world, { scope: "openid offline_access" });
    world.clock.advance(2 * day);
    const second = await tokensOf(await refresh(world, first.refresh_token));
    assert.equal(second.refresh_token, undefined);
    assert.deepEqual(lasts(second), [7 * day, 8 * day]);
    world.clock.advance(10);
    const third = await tokensOf(await refresh(world, first.refresh_token));
    assert.deepEqual(lasts(third), [7 * day - 10, 8 * day - 10], "too soon to put anything off");
  });

  it("ends with the session where there is no offline_access", async () => {
    const world = await ready({ lifetimes: { refreshIdle: 7 * day, refreshAbsolute: 10 * day, sessionShort: 3600 } });
    assert.deepEqual(lasts(await tokensFor(world)), [3600, 3600]);
  });

  it("is not said where there is no refresh token", async () => {
    const world = await ready();
    await world.addClient({ ...rp, client_id: "once", grant_types: ["authorization_code"] });
    await world.addClient(service);
    const once = await tokensFor(world, {}, { ...rp, client_id: "once" });
    assert.deepEqual(lasts(once), [undefined, undefined]);
    const own = await tokensOf(await post(world, "/token", { grant_type: "client_credentials", scope: "" }, service));
    assert.deepEqual(lasts(own), [undefined, undefined]);
  });

  it("is said by introspection of a refresh token, and of no other; asking puts nothing off (§7)", async () => {
    const world = await ready();
    const { refresh_token, access_token } = await tokensFor(world, { scope: "openid offline_access" });
    world.clock.advance(day);
    const look = async (token: string | undefined) =>
      (await (await post(world, "/introspect", { token })).json()) as Record<string, unknown>;
    for (const _ of [1, 2]) assert.deepEqual(lasts(await look(refresh_token)), [6 * day, 9 * day]);
    const fresh = await tokensOf(await refresh(world, refresh_token));
    assert.deepEqual(lasts(await look(fresh.access_token)), [undefined, undefined]);
    assert.deepEqual(lasts(await look(access_token)), [undefined, undefined]);
  });

  it("is announced (§8), and none of it is there without the extension", async () => {
    const types = (world: Awaited<ReturnType<typeof createWorld>>) =>
      world.provider.metadata.refresh_token_expiration_types_supported;
    assert.deepEqual(types(await ready()), ["authorization", "token_timeout"]);
    const plain = await createWorld();
    assert.equal(types(plain), undefined);
    assert.deepEqual(lasts(await tokensFor(plain)), [undefined, undefined]);
  });
});

describe("signed metadata (RFC 8414 §2.1)", () => {
  for (const alg of [undefined, "ES256"] as const) {
    it(`says what stands beside it, signed by a key of the issuer: ${alg ?? "the first algorithm"}`, async () => {
      const world = await createWorld({ extensions: [signedMetadata(alg === undefined ? {} : { alg })] });
      for (const document of ["openid-configuration", "oauth-authorization-server"]) {
        const answer = await world.send(`/.well-known/${document}`);
        const { signed_metadata, ...plain } = (await answer.json()) as Record<string, unknown>;
        const jwt = String(signed_metadata);
        assert.equal(decodeUnverified(jwt).header.typ, "metadata+jwt");
        assert.equal(decodeUnverified(jwt).header.alg, alg ?? keys.algs[0]);
        const { claims } = await verifyJwt(jwt, {
          keys: await keys.published(),
          algorithms: keys.algs,
          issuer,
          audience: undefined,
          now: start,
          exp: "optional",
        });
        assert.deepEqual(claims, { ...plain, iss: issuer, iat: start / 1000 });
        assert.ok(!("signed_metadata" in claims));
      }
    });
  }
});
