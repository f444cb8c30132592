import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeUnverified, signJwt, verifyJwt } from "@valetkey/protocol/jose";
import { codeFor, createWorld, issuer, keys, rp, start } from "./op.ts";
import {
  api,
  assertError,
  claimsOf,
  isActive,
  other,
  post,
  redeem,
  refresh,
  service,
  signedApi,
  tokensFor,
  tokensOf,
  userinfo,
} from "./token-side.ts";

const second = { resource: "https://second.test/", scopes: ["second:read", "api:read"], tokens: "opaque" } as const;
const options = { resources: [api, signedApi, second] };
const forSigned = { scope: "signed:read", resource: signedApi.resource };

describe("signed access tokens (RFC 9068)", () => {
  it("carry what §2.2 requires, under the type at+jwt, and verify with the published keys", async () => {
    const world = await createWorld(options);
    const { access_token, refresh_token } = await tokensFor(world, forSigned);
    const jwks = (await (await world.send("/jwks")).json()) as Awaited<ReturnType<typeof keys.published>>;
    const { header, claims } = await verifyJwt(access_token, {
      keys: jwks,
      algorithms: ["RS256"],
      issuer,
      audience: signedApi.resource,
      now: start,
      typ: "at+jwt",
    });
    assert.equal(header.typ, "at+jwt");
    const { jti, ...rest } = claims;
    const grant = (await world.provider.tokens.read(refresh_token ?? ""))?.grant;
    assert.ok(String(jti).endsWith(`.${grant}`));
    assert.deepEqual(rest, {
      iss: issuer,
      sub: "alice",
      aud: signedApi.resource,
      client_id: "rp",
      iat: start / 1000,
      exp: start / 1000 + 900,
      scope: "signed:read",
      auth_time: start / 1000,
    });
    assert.deepEqual(await world.store.list("access", {}), []);
  });

  it("are not valid at userinfo: they are for the resource (§4)", async () => {
    const world = await createWorld(options);
    const { access_token } = await tokensFor(world, { ...forSigned, scope: "openid signed:read" }).then(
      async (tokens) => tokensOf(await refresh(world, tokens.refresh_token, { resource: signedApi.resource })),
    );
    assert.equal(claimsOf(access_token).scope, "signed:read");
    assert.equal((await userinfo(world, access_token)).status, 401);
  });

  it("a client's own has a sub that cannot be a person's", async () => {
    const world = await createWorld(options);
    const svc = { ...service, scope: "signed:read" };
    await world.addClient(svc);
    const { access_token } = await tokensOf(await post(world, "/token", { grant_type: "client_credentials" }, svc));
    assert.equal(claimsOf(access_token).sub, "client:svc");
    assert.equal(claimsOf(access_token).auth_time, undefined);
  });

  it("a client's own is not one of whoever is registered under its id afterwards", async () => {
    const world = await createWorld(options);
    const scoped = { ...service, scope: "signed:read" };
    await world.addClient(scoped);
    const asked = { grant_type: "client_credentials", scope: "signed:read" };
    const { access_token } = await tokensOf(await post(world, "/token", asked, scoped));
    assert.ok(await isActive(world, access_token));
    await world.provider.clients.remove(service.client_id);
    world.clock.advance(61);
    await world.addClient(scoped);
    assert.equal(await isActive(world, access_token), false);
    assert.ok(await isActive(world, (await tokensOf(await post(world, "/token", asked, scoped))).access_token));
  });

  it("are read only if we signed them, for us, as access tokens (JW-15 to JW-17)", async () => {
    const world = await createWorld(options);
    const { access_token } = await tokensFor(world, forSigned);
    const claims = claimsOf(access_token);
    const { kid, key } = await keys.signing("RS256");
    const sign = (changes: object, typ = "at+jwt") =>
      signJwt({ ...claims, ...changes }, { key, alg: "RS256", kid, typ });
    assert.equal(await isActive(world, await sign({})), true);
    const seconds = start / 1000;
    for (const changes of [
      { iss: `${issuer}/` },
      { iss: undefined },
      { exp: seconds },
      { exp: undefined },
      { exp: "9999999999" },
      { iat: seconds + 3600 },
      { nbf: seconds + 3600 },
      { sub: undefined },
      { sub: "bob" },
      { client_id: "other" },
      { client_id: 7 },
      { aud: { a: 1 } },
      { jti: undefined },
    ]) {
      assert.equal(await isActive(world, await sign(changes)), false, JSON.stringify(changes));
    }
    assert.equal(await isActive(world, await sign({}, "JWT")), false);
    const [header, payload] = access_token.split(".");
    const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString("base64url");
    assert.equal(await isActive(world, `${none}.${payload}.`), false);
    assert.equal(await isActive(world, `${header}.${payload}.AAAA`), false);
    assert.equal(decodeUnverified(access_token).header.kid, kid);
  });
});

describe("the audience of an access token (RFC 8707 §2)", () => {
  it("is the issuer when openid was granted and no resource is named", async () => {
    const world = await createWorld(options);
    const tokens = await tokensFor(world, { scope: "openid api:read", resource: api.resource });
    const state = await world.provider.tokens.read(tokens.access_token);
    assert.deepEqual([state?.aud, state?.scope], [[issuer], ["openid", "api:read"]]);
    assert.equal((await userinfo(world, tokens.access_token)).status, 200);
  });

  it("is what was granted when nothing else is said, with the scopes it knows", async () => {
    const world = await createWorld(options);
    const tokens = await tokensFor(world, { scope: "email api:read api:write", resource: api.resource });
    const state = await world.provider.tokens.read(tokens.access_token);
    assert.deepEqual([state?.aud, state?.scope], [[api.resource], ["api:read", "api:write"]]);
    assert.equal(tokens.scope, "api:read api:write");
  });

  it("is the one resource that knows the scopes, where a client names none; the issuer where two do (RFC 9068 §3)", async () => {
    const world = await createWorld(options);
    const signed = await tokensFor(world, { scope: "email signed:read" });
    assert.deepEqual([claimsOf(signed.access_token).aud, signed.scope], [signedApi.resource, "signed:read"]);
    const again = await tokensOf(await refresh(world, signed.refresh_token));
    assert.equal(claimsOf(again.access_token).aud, signedApi.resource);
    const shared = await tokensFor(world, { scope: "api:read" });
    assert.deepEqual((await world.provider.tokens.read(shared.access_token))?.aud, [issuer]);
  });

  it("is the issuer when the granted resources want different forms", async () => {
    const world = await createWorld(options);
    const tokens = await tokensFor(world, {
      scope: "api:read signed:read",
      resource: [api.resource, signedApi.resource],
    });
    assert.deepEqual((await world.provider.tokens.read(tokens.access_token))?.aud, [issuer]);
  });

  it("is chosen at the token endpoint among those granted, one access token after another", async () => {
    const world = await createWorld(options);
    const asked = { scope: "openid api:read signed:read", resource: [api.resource, signedApi.resource] };
    const code = await codeFor(world, "alice", asked);
    const first = await tokensOf(await redeem(world, code, { resource: api.resource }));
    assert.deepEqual((await world.provider.tokens.read(first.access_token))?.aud, [api.resource]);
    assert.notEqual(first.id_token, undefined);
    const next = await tokensOf(await refresh(world, first.refresh_token, { resource: signedApi.resource }));
    assert.equal(claimsOf(next.access_token).aud, signedApi.resource);
    const own = await tokensOf(await refresh(world, next.refresh_token, { resource: issuer }));
    assert.deepEqual((await world.provider.tokens.read(own.access_token))?.aud, [issuer]);
  });

  it("may be several resources of the same form", async () => {
    const world = await createWorld(options);
    const both = [api.resource, second.resource];
    const tokens = await tokensFor(world, { scope: "api:read second:read", resource: both });
    assert.deepEqual((await world.provider.tokens.read(tokens.access_token))?.aud, both);
  });

  it("is never one that is unknown, was not granted, or mixes forms; the code is not spent by asking (P1)", async () => {
    const world = await createWorld(options);
    await world.addClient(other);
    const code = await codeFor(world, "alice", {
      scope: "openid api:read signed:read",
      resource: [api.resource, signedApi.resource],
    });
    for (const resource of [
      "https://else.test/",
      second.resource,
      [api.resource, signedApi.resource],
      [issuer, api.resource],
      "x",
    ]) {
      await assertError(await redeem(world, code, { resource }), "invalid_target");
    }
    await tokensOf(await redeem(world, code));
    assert.equal(rp.client_id, "rp");
  });
});
