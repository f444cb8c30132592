import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isOAuthError } from "@valetkey/protocol/errors";
import { frontchannelLogout } from "@valetkey/provider/logout/channels";
import { createWorld, type TestClient } from "./op.ts";
import { api, assertError, isActive, post, service, tokensOf } from "./token-side.ts";

const admin = { provenance: "admin" } as const;
const grant = { grant_type: "client_credentials" };
const svc = { grant_types: ["client_credentials"], scope: "api:read" };
const open = () => createWorld({ resources: [api] });
const refused = (error: unknown) => isOAuthError(error, "invalid_client_metadata");

describe("the registry of clients (RFC 6749 §2)", () => {
  it("gives a made-up id and a secret once, and keeps its digest only", async () => {
    const world = await open();
    const { client, client_secret = "" } = await world.provider.clients.add(svc, admin);
    assert.match(client.client_id, /^[0-9a-z]{26}$/);
    assert.ok(!JSON.stringify(client).includes(client_secret));
    await tokensOf(await post(world, "/token", grant, { client_id: client.client_id, client_secret }));
  });

  it("takes an id and a secret of the operator's: the id must be free, the secret long", async () => {
    const world = await open();
    const client_secret = "an operator's own secret that is long";
    await world.provider.clients.add({ ...svc, client_id: "mine", client_secret }, { provenance: "config" });
    await tokensOf(await post(world, "/token", grant, { client_id: "mine", client_secret }));
    const { clients } = world.provider;
    await assert.rejects(clients.add({ ...svc, client_id: "mine" }, admin), refused);
    await assert.rejects(clients.add({ ...svc, client_secret: "x".repeat(31) }, admin), refused);
    await assert.rejects(clients.add({ ...svc, client_id: "" }, admin), refused);
    await assert.rejects(clients.add({ ...svc, client_id: "ümlaut" }, admin), refused);
    await assert.rejects(clients.set("mine", { secret: "short" }), refused);
    const pub = { redirect_uris: ["https://p.test/"], token_endpoint_auth_method: "none" };
    await assert.rejects(clients.add({ ...pub, client_secret }, admin), refused);
  });

  it("lets an administrator say what a stranger may not: introspects, firstParty, http://localhost", async () => {
    const world = await open();
    const { client } = await world.provider.clients.add(
      { redirect_uris: ["http://localhost:3000/cb"], introspects: [api.resource] },
      { provenance: "admin", firstParty: true },
    );
    assert.equal(client.firstParty, true);
    assert.deepEqual(client.metadata.introspects, [api.resource]);
    await assert.rejects(world.provider.clients.add({ ...svc, introspects: ["https://no.test/"] }, admin), refused);
    const stranger = { redirect_uris: ["https://s.test/"], introspects: [api.resource] };
    const dynamic = await world.provider.clients.add(stranger, { provenance: "dynamic" });
    assert.equal(dynamic.client.metadata.introspects, undefined);
  });

  it("tells an administrator of a notification or a protection there is none of here; a program reads it in the answer (RFC 7591 §2)", async () => {
    const { clients } = (await createWorld({ logout: [frontchannelLogout] })).provider;
    const site = { redirect_uris: ["https://site.test/cb"] };
    const uri = "https://site.test/bye";
    const says = (text: string) => (error: unknown) =>
      refused(error) && String((error as Error).message).includes(text);
    const lost: [object, string][] = [
      [
        { backchannel_logout_uri: uri },
        "backchannel_logout_uri is not supported here: the back channel is not in the list logout",
      ],
      [{ backchannel_logout_session_required: true }, "the back channel"],
      [{ authorization_encrypted_response_alg: "RSA-OAEP-256" }, "the list responseModes"],
      [{ introspection_encrypted_response_alg: "RSA-OAEP-256" }, "the list answers"],
      [{ backchannel_client_notification_endpoint: uri }, "the list grants"],
    ];
    for (const [metadata, text] of lost)
      for (const provenance of ["admin", "config"] as const)
        await assert.rejects(clients.add({ ...site, ...metadata }, { provenance }), says(text));
    const { client } = await clients.add(
      { ...site, frontchannel_logout_uri: uri, backchannel_logout_session_required: false, unheard_of: "x" },
      admin,
    );
    assert.equal(client.metadata.frontchannel_logout_uri, uri);
    assert.equal(client.metadata.unheard_of, undefined);
    await assert.rejects(
      clients.set(client.client_id, { metadata: { ...site, backchannel_logout_uri: uri } }),
      refused,
    );
    const dynamic = await clients.add({ ...site, backchannel_logout_uri: uri }, { provenance: "dynamic" });
    assert.equal(dynamic.client.metadata.backchannel_logout_uri, undefined);
  });

  it("accepts the old secret during the overlap and not after it (TK-26)", async () => {
    const world = await open();
    const { client, client_secret: old = "" } = await world.provider.clients.add(svc, admin);
    const { client_id } = client;
    const rotated = await world.provider.clients.rotate(client_id, { overlap: 60 });
    const both = [old, rotated?.client_secret ?? ""];
    for (const client_secret of both) await tokensOf(await post(world, "/token", grant, { client_id, client_secret }));
    world.clock.advance(60);
    await assertError(await post(world, "/token", grant, { client_id, client_secret: old }), "invalid_client");
    await tokensOf(await post(world, "/token", grant, { client_id, client_secret: both[1] ?? "" }));
    const again = await world.provider.clients.rotate(client_id);
    await assertError(
      await post(world, "/token", grant, { client_id, client_secret: both[1] ?? "" }),
      "invalid_client",
    );
    await tokensOf(await post(world, "/token", grant, { client_id, client_secret: again?.client_secret ?? "" }));
    assert.equal(await world.provider.clients.rotate("nobody"), undefined);
  });

  it("never lengthens the life of an old secret by rotating once more", async () => {
    const world = await open();
    const { client, client_secret: old = "" } = await world.provider.clients.add(svc, admin);
    const { client_id } = client;
    await world.provider.clients.rotate(client_id, { overlap: 10 });
    await world.provider.clients.rotate(client_id, { overlap: 1000 });
    world.clock.advance(10);
    await assertError(await post(world, "/token", grant, { client_id, client_secret: old }), "invalid_client");
  });

  it("loses no change when two are made at once", async () => {
    const world = await open();
    const { client } = await world.provider.clients.add(svc, admin);
    const { clients } = world.provider;
    await Promise.all([
      clients.set(client.client_id, { disabled: true }),
      clients.set(client.client_id, { metadata: { ...svc, client_name: "N" } }),
      clients.rotate(client.client_id),
    ]);
    const found = await clients.find(client.client_id);
    assert.deepEqual([found?.disabled, found?.metadata.client_name, found?.entry.data.secrets.length], [true, "N", 1]);
  });

  it("lists in pages, and finds nothing for what cannot be an id", async () => {
    const world = await open();
    for (const client_id of ["a", "b", "c"]) await world.provider.clients.add({ ...svc, client_id }, admin);
    const ids = async (page?: { after?: string; limit?: number }) =>
      (await world.provider.clients.list(page)).map(({ client_id }) => client_id);
    assert.deepEqual(await ids(), ["a", "b", "c", "rp"]);
    assert.deepEqual(await ids({ after: "a", limit: 2 }), ["b", "c"]);
    for (const id of ["", "nobody", "x\u0000", "x".repeat(600)])
      assert.equal(await world.provider.clients.find(id), undefined);
    assert.equal(await world.provider.clients.set("nobody", { disabled: true }), undefined);
    assert.equal(await world.provider.clients.remove("nobody"), false);
  });

  it("brings no old token back to life when a removed client is added again", async () => {
    const world = await open();
    const client: TestClient = { ...service, scope: "api:read" };
    await world.addClient(client);
    const { access_token } = await tokensOf(await post(world, "/token", grant, client));
    await world.provider.clients.remove("svc");
    await world.addClient(client);
    assert.equal(await isActive(world, access_token), false);
  });
});
