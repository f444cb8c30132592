import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pairwiseSubjects } from "@valetkey/provider/pairwise";
import { authorizeUrl, createWorld, locationOf, rp, secret, signIn, type TestClient, type World } from "./op.ts";
import { api, claimsOf, post, redeem, signedApi, tokensFor, tokensOf, userinfo } from "./token-side.ts";

const salt = "a salt that never changes, of 32 characters or more";
const client = (client_id: string, host: string, more: Partial<TestClient> = {}): TestClient => ({
  ...rp,
  client_id,
  redirect_uris: [`https://${host}/${client_id}`],
  subject_type: "pairwise",
  firstParty: true,
  ...more,
});
const one = client("one", "a.test");
const same = client("same", "a.test");
const far = client("far", "b.test");

async function ready(options: Parameters<typeof createWorld>[0] = {}) {
  const world = await createWorld({ pairwise: pairwiseSubjects({ salt }), resources: [api, signedApi], ...options });
  for (const each of [one, same, far]) await world.addClient(each);
  return world;
}

const subAt = async (world: World, which: TestClient, subject = "alice") =>
  String(claimsOf((await tokensFor(world, {}, which, subject)).id_token).sub);

describe("pairwise subjects (OpenID Connect Core §8.1)", () => {
  it("one sub for all clients of a host, another one elsewhere, and never the person's own", async () => {
    const world = await ready();
    const sub = await subAt(world, one);
    assert.equal(await subAt(world, one), sub);
    assert.equal(await subAt(world, same), sub);
    assert.notEqual(await subAt(world, far), sub);
    assert.notEqual(await subAt(world, one, "bob"), sub);
    assert.match(sub, /^[\w-]{43}$/);
    assert.equal(await subAt(world, rp), "alice");
  });

  it("is the same in userinfo, introspection and signed access tokens, and those still work", async () => {
    const world = await ready();
    const tokens = await tokensFor(world, {}, one);
    const { sub } = claimsOf(tokens.id_token);
    assert.equal(((await (await userinfo(world, tokens.access_token)).json()) as { sub: string }).sub, sub);
    const seen = (await (await post(world, "/introspect", { token: tokens.access_token }, one)).json()) as {
      sub: string;
    };
    assert.equal(seen.sub, sub);
    const signed = await tokensFor(world, { scope: "signed:read", resource: signedApi.resource }, one);
    assert.equal(claimsOf(signed.access_token).sub, sub);
    assert.equal((await world.provider.tokens.read(signed.access_token))?.subject, "alice");
  });

  it("comes back as a hint and as a claim, and means the same person (§3.1.2.1, §5.5.1)", async () => {
    const world = await ready();
    const { id_token = "" } = await tokensFor(world, {}, one);
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const ask = (changes: Record<string, string>, which = one) =>
      browser.get(
        authorizeUrl({
          client_id: which.client_id,
          redirect_uri: (which.redirect_uris as string[])[0],
          prompt: "none",
          ...changes,
        }),
      );
    assert.ok(locationOf(await ask({ id_token_hint: id_token })).parameters.code);
    const claims = (sub: unknown) => JSON.stringify({ id_token: { sub: { value: sub } } });
    assert.ok(locationOf(await ask({ claims: claims(claimsOf(id_token).sub) })).parameters.code);
    // The sub of another sector, or the person's own, names nobody here.
    for (const sub of ["alice", await subAt(world, far)])
      assert.equal(locationOf(await ask({ claims: claims(sub) })).parameters.error, "login_required");
    await signIn(world, browser, "bob");
    assert.equal(locationOf(await ask({ id_token_hint: id_token })).parameters.error, "login_required");
  });

  it("does not change when the secret does, but is another one under another salt", async () => {
    const before = await subAt(await ready(), one);
    assert.equal(
      await subAt(await ready({ secret: ["another secret, which is long enough too", secret] }), one),
      before,
    );
    assert.notEqual(await subAt(await ready({ pairwise: pairwiseSubjects({ salt: `${salt}!` }) }), one), before);
    assert.throws(() => pairwiseSubjects({ salt: "short" }), TypeError);
  });

  it("a code of one sector is redeemed as usual", async () => {
    const world = await ready();
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const [redirect_uri] = one.redirect_uris as string[];
    const { code = "" } = locationOf(await browser.get(authorizeUrl({ client_id: "one", redirect_uri }))).parameters;
    await tokensOf(await redeem(world, code, {}, one));
  });
});

describe("sector identifiers (OpenID Connect Registration §5)", () => {
  const documents: Record<string, Response> = {};
  const fetch: typeof globalThis.fetch = async (url) =>
    documents[String(url)]?.clone() ?? new Response("", { status: 404 });
  const two = { redirect_uris: ["https://a.test/cb", "https://b.test/cb"], subject_type: "pairwise" as const };
  const add = (world: World, metadata: object) =>
    world.provider.clients.add({ ...two, ...metadata }, { provenance: "admin" });

  it("several hosts need a document that lists all redirect URIs", async () => {
    const world = await ready({ fetch });
    await assert.rejects(add(world, {}), /sector_identifier_uri/);
    const sector_identifier_uri = "https://sector.test/uris.json";
    await assert.rejects(add(world, { sector_identifier_uri }), /cannot be read|JSON array/);
    documents[sector_identifier_uri] = Response.json(["https://a.test/cb"]);
    await assert.rejects(add(world, { sector_identifier_uri }), /does not list/);
    documents[sector_identifier_uri] = Response.json(two.redirect_uris);
    const { client: added } = await add(world, { sector_identifier_uri });
    assert.equal(added.metadata.sector_identifier_uri, sector_identifier_uri);
    await assert.rejects(
      world.provider.clients.set(added.client_id, {
        metadata: { ...two, sector_identifier_uri, redirect_uris: ["https://c.test/cb"] },
      }),
      /does not list/,
    );
  });

  it("must be https, and without pairwise subjects none of it is accepted or announced", async () => {
    const world = await ready({ fetch });
    await assert.rejects(add(world, { sector_identifier_uri: "http://sector.test/" }), /https/);
    assert.deepEqual(world.provider.metadata.subject_types_supported, ["public", "pairwise"]);
    const plain = await createWorld();
    assert.deepEqual(plain.provider.metadata.subject_types_supported, ["public"]);
    await assert.rejects(add(plain, {}), /subject_type/);
  });
});
