import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { generateKey, type SigningKey, signJwt } from "@valetkey/protocol/jose";
import { jwtBearer } from "@valetkey/provider/grants/jwt-bearer";
import { createWorld, issuer, rp, start, type TestClient, type World } from "./op.ts";
import { api, assertError, claimsOf, isActive, post, pub, signedApi, tokensOf } from "./token-side.ts";

const grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const trusted = "https://idp.test";
let key: SigningKey;
let stranger: SigningKey;
before(async () => {
  key = await generateKey("ES256");
  stranger = await generateKey("ES256");
});

const client: TestClient = {
  ...rp,
  client_id: "robot",
  redirect_uris: [],
  response_types: [],
  grant_types: [grant_type],
  scope: "api:read signed:read",
};

async function ready(
  options: Parameters<typeof createWorld>[0] = {},
  jwks: object | undefined = { jwks: { keys: [key.publicJwk] } },
) {
  const grant = jwtBearer({
    issuers: [
      {
        issuer: trusted,
        ...jwks,
        accepts: ["assertion", "id-jag"],
        subject: ({ sub }) => (sub === "u-1" ? "alice" : sub === "gone" ? "nobody" : undefined),
      },
      { issuer: "https://plain.test", jwks: { keys: [key.publicJwk] }, subject: () => "alice" },
    ],
  });
  const world = await createWorld({ grants: [grant], resources: [api, signedApi], ...options });
  await world.addClient(client);
  return world;
}

let jti = 0;
const make = (changes: Record<string, unknown> = {}, { typ = "JWT", by = key } = {}) =>
  signJwt(
    {
      iss: trusted,
      sub: "u-1",
      aud: issuer,
      jti: `j-${jti++}`,
      iat: start / 1000,
      exp: start / 1000 + 300,
      ...changes,
    },
    { key: by.privateJwk, alg: "ES256", kid: by.kid, typ },
  );
const ask = (world: World, assertion: string | undefined, more = {}, as = client) =>
  post(world, "/token", { grant_type, assertion, ...more }, as);

describe("assertions of issuers we trust (RFC 7523 §2.1, RFC 7521 §4.1)", () => {
  it("one gives an access token for the person it means, no refresh token and no ID token", async () => {
    const world = await ready();
    const tokens = await tokensOf(await ask(world, await make(), { scope: "signed:read" }));
    const claims = claimsOf(tokens.access_token);
    assert.deepEqual(
      [claims.sub, claims.client_id, claims.scope, claims.aud],
      ["alice", "robot", "signed:read", signedApi.resource],
    );
    assert.equal(tokens.refresh_token, undefined);
    assert.equal(tokens.id_token, undefined);
    // It is a grant of the person's like any other.
    await world.provider.grants.revoke("alice", "robot");
    assert.equal(await isActive(world, tokens.access_token), false);
  });

  const bad: [string, () => Promise<string>][] = [
    ["an issuer that is not in the list", () => make({ iss: "https://evil.test" })],
    ["a stranger's key", () => make({}, { by: stranger })],
    ["another audience", () => make({ aud: "https://other.test" })],
    ["several audiences (TK-25)", () => make({ aud: [issuer, "https://other.test"] })],
    ["the token endpoint as audience (RFC 10070)", () => make({ aud: `${issuer}/token` })],
    ["no exp", () => make({ exp: undefined })],
    ["no jti", () => make({ jti: undefined })],
    ["no sub", () => make({ sub: undefined })],
    ["an exp in the past", () => make({ exp: start / 1000 - 60 })],
    ["an exp a day ahead", () => make({ exp: start / 1000 + 86_400 })],
    ["somebody who is nobody here", () => make({ sub: "u-2" })],
    ["somebody whose account is disabled (TK-25)", () => make({ sub: "gone" })],
    ["authorization_details, which we would have to honour (TK-25)", () => make({ authorization_details: [] })],
    ["a binding we cannot check (TK-25)", () => make({ cnf: { kid: "x" } })],
    ["a key that was not proved", () => make({ cnf: { jkt: "x" } })],
    ["an access token's type", () => make({}, { typ: "at+jwt" })],
    ["a logout token's type", () => make({}, { typ: "logout+jwt" })],
    [
      "an ID-JAG from an issuer that sends none",
      () => make({ iss: "https://plain.test", client_id: "robot" }, { typ: "oauth-id-jag+jwt" }),
    ],
  ];
  for (const [title, assertion] of bad) {
    it(`refuses ${title}: invalid_grant, and nothing is written`, async () => {
      const world = await ready();
      await assertError(await ask(world, await assertion()), "invalid_grant");
      assert.deepEqual(await world.store.list("grant", { limit: 5 }), []);
    });
  }

  it("counts once, also for fifty requests at the same time (RFC 7523 §3, TK-25)", async () => {
    const world = await ready();
    const assertion = await make();
    const all = await Promise.all(Array.from({ length: 50 }, () => ask(world, assertion)));
    assert.equal(all.filter(({ status }) => status === 200).length, 1);
    assert.equal(all.filter(({ status }) => status === 400).length, 49);
  });

  it("gives no more scope than the client may have", async () => {
    const world = await ready();
    await assertError(await ask(world, await make(), { scope: "api:write" }), "invalid_scope");
    await assertError(await ask(world, undefined), "invalid_request");
  });

  it("an issuer whose keys cannot be had is an outage, not a refusal", async () => {
    const fetch: typeof globalThis.fetch = async () => new Response("", { status: 500 });
    const world = await ready({ fetch }, { jwks_uri: "https://idp.test/jwks" });
    await assertError(await ask(world, await make()), "temporarily_unavailable", 503);
  });
});

describe("identity assertions of an enterprise (ID-JAG §4.4)", () => {
  const jag = (changes = {}) =>
    make({ client_id: "robot", scope: "api:read", resource: api.resource, ...changes }, { typ: "oauth-id-jag+jwt" });

  it("gives what it says, at the resource it names", async () => {
    const world = await ready();
    const tokens = await tokensOf(await ask(world, await jag()));
    const state = await world.provider.tokens.read(tokens.access_token);
    assert.deepEqual([state?.subject, state?.scope, state?.aud], ["alice", ["api:read"], [api.resource]]);
    await assertError(await ask(world, await jag(), { scope: "signed:read" }), "invalid_scope");
  });

  it("is for the client it names, which must prove to be it", async () => {
    const world = await ready();
    await assertError(await ask(world, await jag({ client_id: "other" })), "invalid_grant");
    await assertError(await ask(world, await jag({ client_id: undefined })), "invalid_grant");
    const open = { ...pub, client_id: "open", redirect_uris: [], response_types: [], grant_types: [grant_type] };
    await world.addClient(open);
    await assertError(await ask(world, await jag({ client_id: "open" }), {}, open), "unauthorized_client");
  });

  it("an unknown resource is refused; the profile is announced", async () => {
    const world = await ready();
    await assertError(await ask(world, await jag({ resource: "https://nope.test" })), "invalid_grant");
    assert.deepEqual(world.provider.metadata.authorization_grant_profiles_supported, [
      "urn:ietf:params:oauth:grant-profile:id-jag",
    ]);
  });
});
