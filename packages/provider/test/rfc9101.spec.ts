import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { encryptJwt, generateKey, type SigningKey, signJwt } from "@valetkey/protocol/jose";
import type { Jwk } from "@valetkey/protocol/jwk";
import { pushedRequests } from "@valetkey/provider/pushed-requests";
import { requestObjects } from "@valetkey/provider/request-objects";
import { answer, authorizeUrl, createWorld, issuer, locationOf, rp, signIn, start, type World } from "./op.ts";
import { assertError, post } from "./token-side.ts";

let key: SigningKey;
let stranger: SigningKey;
let recipient: { publicJwk: Jwk; privateJwk: Jwk };

before(async () => {
  key = await generateKey("ES256");
  stranger = await generateKey("ES256");
  const pair = await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, ["deriveBits"]);
  const jwk = async (half: CryptoKey) => {
    const { key_ops, ext, ...rest } = await crypto.subtle.exportKey("jwk", half);
    return rest as unknown as Jwk;
  };
  const common = { use: "enc", alg: "ECDH-ES", kid: "enc-1" };
  recipient = {
    publicJwk: { ...(await jwk(pair.publicKey)), ...common },
    privateJwk: { ...(await jwk(pair.privateKey)), ...common },
  };
});

const claims = (changes: Record<string, unknown> = {}) => ({
  ...Object.fromEntries(new URL(authorizeUrl()).searchParams),
  client_id: "signer",
  iss: "signer",
  aud: issuer,
  nbf: start / 1000,
  exp: start / 1000 + 300,
  ...changes,
});

const object = (
  changes: Record<string, unknown> = {},
  { by = key, typ = "oauth-authz-req+jwt" as string | undefined } = {},
) => signJwt(claims(changes), { key: by.privateJwk, alg: "ES256", kid: by.kid, ...(typ === undefined ? {} : { typ }) });

const signer = () => ({
  ...rp,
  client_id: "signer",
  jwks: { keys: [key.publicJwk] },
});

async function ready(options: Parameters<typeof createWorld>[0] = {}) {
  const world = await createWorld({ requestObjects: requestObjects(), ...options });
  await world.addClient(signer());
  const browser = world.browser();
  await signIn(world, browser, "alice");
  const ask = async (parameters: Record<string, string>) =>
    browser.get(`/authorize?${new URLSearchParams({ client_id: "signer", ...parameters })}`);
  return { world, browser, ask };
}

async function refused(world: World, response: Response, says: RegExp): Promise<void> {
  assert.equal(response.status, 400);
  assert.match(await response.text(), says);
  assert.deepEqual(await world.store.list("interaction", { limit: 5 }), []);
}

describe("request objects (RFC 9101)", () => {
  it("a signed request is answered like one in the URL (§5)", async () => {
    const { world, browser, ask } = await ready();
    const { parameters } = locationOf(await ask({ request: await object() }));
    const done = locationOf(
      await answer(world, browser, parameters.interaction ?? "", { step: "consent", decision: "allow" }),
    );
    assert.equal(done.page, "https://rp.test/cb");
    assert.equal(done.parameters.state, "the state");
    assert.ok(done.parameters.code);
  });

  it("nothing counts but what is in the object (§5, §6.3)", async () => {
    const { world, browser, ask } = await ready();
    const more = { redirect_uri: "https://evil.test/cb", state: "mine", prompt: "none", nonce: "mine" };
    const { parameters } = locationOf(await ask({ request: await object(), ...more }));
    const done = locationOf(
      await answer(world, browser, parameters.interaction ?? "", { step: "consent", decision: "allow" }),
    );
    assert.equal(done.page, "https://rp.test/cb");
    assert.equal(done.parameters.state, "the state");
  });

  it("numbers, JSON and several resources come as they are (§4)", async () => {
    const resource = ["https://one.test", "https://two.test"];
    const resources = resource.map((one) => ({ resource: one, scopes: ["read"], tokens: "opaque" as const }));
    const { world, ask } = await ready({ resources });
    await ask({
      request: await object({ max_age: 3600, resource, scope: "openid read", claims: { userinfo: { email: null } } }),
    });
    const [interaction] = await world.store.list("interaction", { limit: 5 });
    assert.ok(interaction);
    const { request } = interaction.data as { request: Record<string, unknown> };
    assert.equal(request.max_age, 3600);
    assert.deepEqual(request.resource, resource);
    assert.deepEqual(request.claims, { userinfo: { email: null } });
  });

  const bad: [string, () => Promise<string>][] = [
    ["a stranger's signature", () => object({}, { by: stranger })],
    [
      "a changed body",
      async () =>
        (await object()).replace(
          /\.[^.]+\./,
          `.${Buffer.from(JSON.stringify(claims({ state: "x" }))).toString("base64url")}.`,
        ),
    ],
    [
      "no signature (alg none)",
      async () =>
        `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from(JSON.stringify(claims())).toString("base64url")}.`,
    ],
    ["another audience", () => object({ aud: "https://other.test" })],
    ["no audience", () => object({ aud: undefined })],
    ["another issuer", () => object({ iss: "rp" })],
    ["another client_id inside (§5)", () => object({ client_id: "rp" })],
    ["an end in the past", () => object({ exp: start / 1000 - 60 })],
    ["a beginning in the future", () => object({ nbf: start / 1000 + 600 })],
    ["a client assertion (§10.8)", () => object({ sub: "signer" })],
    ["a type made for something else", () => object({}, { typ: "dpop+jwt" })],
    ["a request inside the request", () => object({ request: "x" })],
    ["a request_uri inside the request", () => object({ request_uri: "https://rp.test/r" })],
  ];
  for (const [title, make] of bad) {
    it(`refuses ${title}, on a page: no target is trusted`, async () => {
      const { world, ask } = await ready();
      await refused(world, await ask({ request: await make() }), /invalid_request_object/);
    });
  }

  it("refuses what contradicts itself: request and request_uri, response_type inside and outside (Core §6.1)", async () => {
    const { world, ask } = await ready();
    await refused(world, await ask({ request: await object(), request_uri: "https://rp.test/r" }), /invalid_request/);
    await refused(world, await ask({ request: await object(), response_type: "token" }), /invalid_request/);
  });

  it("of a client without keys, or with another registered algorithm, is refused", async () => {
    const { world, browser, ask } = await ready();
    await refused(
      world,
      await browser.get(`/authorize?${new URLSearchParams({ client_id: "rp", request: await object() })}`),
      /invalid_request_object/,
    );
    await world.addClient({ ...signer(), client_id: "picky", request_object_signing_alg: "RS256" });
    const url = `/authorize?${new URLSearchParams({ client_id: "picky", request: await object({ client_id: "picky", iss: "picky" }) })}`;
    await refused(world, await browser.get(url), /invalid_request_object/);
    assert.equal((await ask({ request: await object() })).status, 303);
  });

  it("can be required of all, or of a client that registered so (§10.5)", async () => {
    const all = await ready({ requestObjects: requestObjects({ required: true }) });
    assert.equal(locationOf(await all.browser.get(authorizeUrl())).parameters.error, "invalid_request");
    assert.equal(all.world.provider.metadata.require_signed_request_object, true);
    const { world, browser } = await ready();
    await world.addClient({ ...signer(), client_id: "strict", require_signed_request_object: true });
    assert.equal(
      locationOf(await browser.get(authorizeUrl({ client_id: "strict" }))).parameters.error,
      "invalid_request",
    );
  });

  it("with a greatest lifetime needs nbf and exp no further apart (FAPI Message Signing)", async () => {
    const { world, ask } = await ready({ requestObjects: requestObjects({ maxLifetime: 3600 }) });
    await refused(world, await ask({ request: await object({ nbf: undefined }) }), /invalid_request_object/);
    await refused(world, await ask({ request: await object({ exp: start / 1000 + 3700 }) }), /invalid_request_object/);
    await refused(
      world,
      await ask({ request: await object({ nbf: start / 1000 - 3700, exp: start / 1000 + 10 }) }),
      /invalid_request_object/,
    );
    assert.equal((await ask({ request: await object() })).status, 303);
  });

  it("may be pushed (RFC 9126 §3)", async () => {
    const { world, browser } = await ready({ push: pushedRequests() });
    const client = signer();
    const response = await post(world, "/par", { client_id: "signer", request: await object() }, client);
    const { request_uri } = (await response.json()) as { request_uri: string };
    assert.ok(
      locationOf(await browser.get(`/authorize?${new URLSearchParams({ client_id: "signer", request_uri })}`))
        .parameters.interaction,
    );
    await assertError(
      await post(world, "/par", { request: await object({}, { by: stranger }) }, client),
      "invalid_request_object",
    );
  });

  it("may be encrypted for the provider (§6.1); whoever registered so must", async () => {
    const encryption = { keys: [recipient.privateJwk], algorithms: ["ECDH-ES" as const] };
    const { world, browser, ask } = await ready({ requestObjects: requestObjects({ encryption }) });
    const encrypted = (jwt: string) => encryptJwt(jwt, { key: recipient.publicJwk, alg: "ECDH-ES", enc: "A256GCM" });
    assert.equal((await ask({ request: await encrypted(await object()) })).status, 303);
    await world.addClient({ ...signer(), client_id: "secretive", request_object_encryption_alg: "ECDH-ES" });
    const plain = await object({ client_id: "secretive", iss: "secretive" });
    const url = (request: string) => `/authorize?${new URLSearchParams({ client_id: "secretive", request })}`;
    assert.equal((await browser.get(url(plain))).status, 400);
    assert.equal((await browser.get(url(await encrypted(plain)))).status, 303);
    const without = await ready();
    await refused(
      without.world,
      await without.ask({ request: await encrypted(await object()) }),
      /invalid_request_object/,
    );
  });

  it("by reference: fetched only from where the client registered (Core §6.2, CI-09)", async () => {
    const fetched: string[] = [];
    let body = "";
    const fetch: typeof globalThis.fetch = async (url) => {
      fetched.push(String(url));
      return new Response(body, { headers: { "Content-Type": "application/oauth-authz-req+jwt" } });
    };
    const { world, browser } = await ready({ requestObjects: requestObjects({ byReference: true }), fetch });
    await world.addClient({ ...signer(), client_id: "far", request_uris: ["https://rp.test/r/1"] });
    const ask = (request_uri: string) =>
      browser.get(`/authorize?${new URLSearchParams({ client_id: "far", request_uri })}`);
    body = await object({ client_id: "far", iss: "far" });
    assert.equal((await ask("https://rp.test/r/1")).status, 303);
    assert.deepEqual(fetched, ["https://rp.test/r/1"]);
    for (const uri of ["https://rp.test/r/2", "http://127.0.0.1/", "file:///etc/passwd"])
      assert.equal((await ask(uri)).status, 400);
    assert.equal(fetched.length, 1);
    body = "x".repeat(100_000);
    assert.equal((await ask("https://rp.test/r/1")).status, 400);
  });

  it("is neither accepted nor announced unless it is in the options", async () => {
    const world = await createWorld();
    assert.equal(world.provider.metadata.request_parameter_supported, false);
    const { parameters } = locationOf(await world.browser().get(authorizeUrl({ request: "e30.e30.x" })));
    assert.equal(parameters.error, "request_not_supported");
  });
});
