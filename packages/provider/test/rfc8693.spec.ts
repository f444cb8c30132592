import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { decodeUnverified, generateKey, type SigningKey, signJwt } from "@valetkey/protocol/jose";
import { dpop } from "@valetkey/provider/bindings/dpop";
import { authorizationCode } from "@valetkey/provider/grants/authorization-code";
import { clientCredentials } from "@valetkey/provider/grants/client-credentials";
import { refreshToken } from "@valetkey/provider/grants/refresh-token";
import { type ExchangePolicy, onBehalf, tokenExchange } from "@valetkey/provider/grants/token-exchange";
import { createWorld, issuer, rp, start, type TestClient, type World } from "./op.ts";
import {
  activeOf,
  api,
  assertError,
  claimsOf,
  type Fields,
  isActive,
  post,
  signedApi,
  tokensFor,
  tokensOf,
} from "./token-side.ts";

const types = "urn:ietf:params:oauth:token-type:";
const access_token = `${types}access_token`;
const grant_type = "urn:ietf:params:oauth:grant-type:token-exchange";
const trusted = "https://partner.test";
let partner: SigningKey;
before(async () => {
  partner = await generateKey("ES256");
});

/** The API that was called: it may ask about tokens meant for it, and goes on to the signed API. */
const caller: TestClient = {
  ...rp,
  client_id: "caller",
  client_secret: "the secret of an API that calls another API",
  redirect_uris: [],
  response_types: [],
  grant_types: [grant_type],
  introspects: [api.resource],
};
const app = { ...rp, client_id: "app", grant_types: ["authorization_code", "refresh_token", grant_type] };
const onward = { resource: signedApi.resource, scopes: ["api:read", "signed:read"], tokens: "at+jwt" as const };

const partnerIssuer = () => ({
  issuer: trusted,
  jwks: { keys: [partner.publicJwk] },
  subject: ({ sub }: { readonly sub?: string }) => (sub === "a-1" ? "alice" : sub === "gone" ? "nobody" : undefined),
});

async function ready(policy: ExchangePolicy = onBehalf) {
  const exchange = tokenExchange({
    policy,
    issuers: [partnerIssuer()],
    assertions: [
      {
        audience: "https://as.other.test",
        client_id: ({ client_id }) => (client_id === "app" ? "app-there" : undefined),
        scopes: ["chat"],
      },
    ],
  });
  const world = await createWorld({
    grants: [authorizationCode, refreshToken, clientCredentials, exchange],
    resources: [api, onward],
    scopes: { "api:read": "Read", "signed:read": "Read" },
    bindings: [dpop()],
  });
  await world.addClient(caller);
  await world.addClient(app);
  const tokens = await tokensFor(world, { scope: "api:read api:write", resource: api.resource }, app);
  const ask = (fields: Fields, client = caller) =>
    post(
      world,
      "/token",
      {
        grant_type,
        subject_token: tokens.access_token,
        subject_token_type: access_token,
        resource: onward.resource,
        ...fields,
      },
      client,
    );
  return { world, tokens, ask };
}

const assertion = (changes: Record<string, unknown> = {}) =>
  signJwt(
    {
      iss: trusted,
      sub: "a-1",
      aud: issuer,
      jti: "j-1",
      iat: start / 1000,
      exp: start / 1000 + 300,
      scope: "signed:read",
      ...changes,
    },
    { key: partner.privateJwk, alg: "ES256", kid: partner.kid },
  );

describe("an API that calls another API for the person (RFC 8693 §1.1, §2)", () => {
  it("gets a token for it, about the same person, with itself as the actor (§4.1)", async () => {
    const { world, ask } = await ready();
    const exchanged = await tokensOf(await ask({ scope: "api:read" }));
    assert.equal(exchanged.issued_token_type, access_token);
    assert.equal(exchanged.token_type, "Bearer");
    assert.equal(exchanged.refresh_token, undefined);
    assert.equal(exchanged.id_token, undefined);
    const claims = claimsOf(exchanged.access_token);
    assert.equal(claims.sub, "alice");
    assert.equal(claims.client_id, "caller");
    assert.equal(claims.aud, onward.resource);
    assert.equal(claims.scope, "api:read");
    assert.deepEqual(claims.act, { iss: issuer, sub: "client:caller" });
    assert.deepEqual((await world.provider.tokens.read(exchanged.access_token))?.claims, { act: claims.act });
  });

  it("ends no later than what it was made from (§2.2.1, TX-08), and dies with the grant (P10)", async () => {
    const { world, tokens, ask } = await ready();
    world.clock.advance(800);
    const exchanged = await tokensOf(await ask({}));
    assert.equal(exchanged.expires_in, 100);
    assert.ok(await isActive(world, exchanged.access_token));
    await world.provider.grants.revoke("alice", "app");
    assert.equal(await activeOf(world, tokens), "");
    assert.equal(await isActive(world, exchanged.access_token), false);
  });

  it("a chain of exchanges keeps every actor, dies link by link, and is not endless (§4.1, TX-06)", async () => {
    const { world, tokens } = await ready((_op, { scope, resource }) => ({
      scope: scope.length > 0 ? scope : ["api:read"],
      resource,
      semantics: "delegation",
    }));
    let token = tokens.access_token;
    for (let depth = 1; depth <= 5; depth++) {
      const fields = { grant_type, subject_token: token, subject_token_type: access_token, resource: onward.resource };
      token = (await tokensOf(await post(world, "/token", fields, caller))).access_token;
    }
    let depth = 0;
    for (
      let act = claimsOf(token).act as Record<string, unknown> | undefined;
      act !== undefined;
      act = act.act as typeof act
    )
      depth++;
    assert.equal(depth, 5);
    const once = { grant_type, subject_token: token, subject_token_type: access_token, resource: onward.resource };
    await assertError(await post(world, "/token", once, caller), "invalid_request");
    await world.provider.grants.revoke("alice", "app");
    assert.equal(await isActive(world, token), false);
  });

  it("impersonation, where the policy says so, names no actor (§1.1)", async () => {
    const { ask } = await ready(() => ({
      scope: ["api:read"],
      resource: [onward.resource],
      semantics: "impersonation",
    }));
    assert.equal(claimsOf((await tokensOf(await ask({}))).access_token).act, undefined);
  });
});

describe("what is refused (RFC 8693 §2.2.2)", () => {
  const table: [string, Fields, string][] = [
    ["no subject_token", { subject_token: undefined, subject_token_type: undefined }, "invalid_request"],
    ["a token without its type (§2.1)", { subject_token_type: undefined }, "invalid_request"],
    ["an actor's type without the token", { actor_token_type: access_token }, "invalid_request"],
    ["a type that is not supported", { subject_token_type: `${types}saml2` }, "invalid_request"],
    ["another type than it is", { subject_token_type: `${types}refresh_token` }, "invalid_request"],
    ["nonsense", { subject_token: "nonsense" }, "invalid_request"],
    ["5000 characters (TX-05)", { subject_token: "x".repeat(5000) }, "invalid_request"],
    ["more scope than it has", { scope: "api:read signed:read" }, "invalid_scope"],
    ["an unknown resource (TX-07)", { resource: "https://nope.test/" }, "invalid_target"],
    ["an unknown audience (TX-07)", { resource: undefined, audience: "https://nope.test/" }, "invalid_target"],
    ["a requested type that is not supported", { requested_token_type: `${types}saml2` }, "invalid_request"],
  ];
  for (const [title, fields, error] of table) {
    it(`${title}: ${error}`, async () => {
      const { ask } = await ready();
      await assertError(await ask(fields), error);
    });
  }

  it("300000 characters: 413, and never the client's own rights instead (TX-05)", async () => {
    const { ask } = await ready();
    assert.equal((await ask({ subject_token: "x".repeat(300_000) })).status, 413);
  });

  it("a client that neither got the token nor stands for its resource", async () => {
    const { world, ask } = await ready();
    const stranger = { ...caller, client_id: "stranger", introspects: [] };
    await world.addClient(stranger);
    await assertError(await ask({}, stranger), "invalid_request");
  });

  it("an actor token without may_act (§4.4, TX-06)", async () => {
    const { world, ask } = await ready();
    const { access_token: actor } = await tokensFor(world, { scope: "api:read", resource: api.resource }, app, "bob");
    await assertError(await ask({ actor_token: actor, actor_token_type: access_token }), "invalid_request");
  });

  it("a token of somebody who is gone, or that was revoked (TX-09)", async () => {
    const { world, tokens, ask } = await ready();
    world.people.delete("alice");
    await assertError(await ask({}), "invalid_request");
    const again = await ready();
    await post(again.world, "/revoke", { token: tokens.access_token }, app);
    assert.equal((await again.ask({})).status, 200);
    await post(again.world, "/revoke", { token: again.tokens.access_token }, app);
    await assertError(await again.ask({}), "invalid_request");
  });

  it("a client that is not registered for it, and a policy that says nothing", async () => {
    const { world, ask } = await ready(() => undefined);
    await assertError(await ask({}), "invalid_request");
    await assertError(
      await post(world, "/token", { grant_type, subject_token: "x", subject_token_type: access_token }),
      "unauthorized_client",
    );
  });

  it("a client's own token: it is about nobody", async () => {
    const { world, ask } = await ready();
    const svc = {
      ...rp,
      client_id: "svc",
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
      scope: "api:read",
    };
    await world.addClient(svc);
    const own = await tokensOf(await post(world, "/token", { grant_type: "client_credentials" }, svc));
    await assertError(await ask({ subject_token: own.access_token }), "invalid_request");
  });
});

describe("JWTs of others (RFC 8693 §3, chaining §2.3)", () => {
  it("of an issuer in the list become a token about the person they mean", async () => {
    const { ask } = await ready((_op, { subject, resource }) => ({
      scope: subject.scope,
      resource,
      semantics: "delegation",
    }));
    const exchanged = await tokensOf(
      await ask({ subject_token: await assertion(), subject_token_type: `${types}jwt` }),
    );
    assert.equal(claimsOf(exchanged.access_token).sub, "alice");
  });

  const bad: [string, Record<string, unknown>][] = [
    ["another issuer", { iss: "https://evil.test" }],
    ["another audience", { aud: "https://other.test" }],
    ["two audiences", { aud: [issuer, "https://other.test"] }],
    ["no end", { exp: undefined }],
    ["an end a day ahead", { exp: start / 1000 + 86_400 }],
    ["somebody who is nobody here", { sub: "b-2" }],
    ["somebody whose account is gone", { sub: "gone" }],
  ];
  for (const [title, changes] of bad) {
    it(`with ${title} do not`, async () => {
      const { ask } = await ready((_op, { subject, resource }) => ({
        scope: subject.scope,
        resource,
        semantics: "delegation",
      }));
      const response = await ask({ subject_token: await assertion(changes), subject_token_type: `${types}jwt` });
      assert.equal(response.status, 400, await response.text());
    });
  }
});

describe("identity assertions for another server (ID-JAG §4.3)", () => {
  const requested_token_type = `${types}id-jag`;
  const signedIn = async (world: World) => tokensFor(world, { scope: "openid offline_access" }, app);
  const ask = (world: World, fields: Fields, client: TestClient = app) =>
    post(
      world,
      "/token",
      {
        grant_type,
        requested_token_type,
        audience: "https://as.other.test",
        subject_token_type: `${types}id_token`,
        ...fields,
      },
      client,
    );

  it("an ID token of the client's own becomes one: typed, for one server and one client there, for minutes", async () => {
    const { world } = await ready();
    const { id_token } = await signedIn(world);
    const answer = await tokensOf(
      await ask(world, { subject_token: id_token, scope: "chat", resource: "https://chat.other.test/" }),
    );
    assert.equal(answer.token_type, "N_A");
    assert.equal(answer.issued_token_type, requested_token_type);
    assert.equal(answer.refresh_token, undefined);
    const { header, claims } = decodeUnverified(answer.access_token);
    assert.equal(header.typ, "oauth-id-jag+jwt");
    const { jti, iat, exp, auth_time, ...said } = claims;
    assert.deepEqual(said, {
      iss: issuer,
      sub: "alice",
      aud: "https://as.other.test",
      client_id: "app-there",
      scope: "chat",
      resource: "https://chat.other.test/",
    });
    assert.ok((exp ?? 0) - (iat ?? 0) <= 300);
    assert.equal(await isActive(world, answer.access_token), false, "it is no token of ours");
  });

  it("a refresh token of the client's own as well", async () => {
    const { world } = await ready();
    const { refresh_token } = await signedIn(world);
    await tokensOf(await ask(world, { subject_token: refresh_token, subject_token_type: `${types}refresh_token` }));
  });

  it("not for another audience, another client's token, more scope, or an expired ID token", async () => {
    const { world } = await ready();
    const { id_token } = await signedIn(world);
    await assertError(await ask(world, { subject_token: id_token, audience: "https://evil.test" }), "invalid_target");
    await assertError(await ask(world, { subject_token: id_token, scope: "admin" }), "invalid_scope");
    await assertError(await ask(world, { subject_token: id_token }, caller), "invalid_request");
    const { id_token: foreign } = await tokensFor(world, {}, rp);
    await assertError(await ask(world, { subject_token: foreign }), "invalid_request");
    world.clock.advance(3700);
    await assertError(await ask(world, { subject_token: id_token }), "invalid_request");
  });

  it("is announced", async () => {
    const { world } = await ready();
    assert.deepEqual(world.provider.metadata.identity_chaining_requested_token_types_supported, [requested_token_type]);
  });
});
