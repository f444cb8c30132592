import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pushedRequests } from "@valetkey/provider/pushed-requests";
import { answer, authorizeUrl, createWorld, locationOf, rp, signIn, type World } from "./op.ts";
import { assertError, type Fields, other, post, pub, redeem, tokensOf } from "./token-side.ts";

const request: Fields = Object.fromEntries(new URL(authorizeUrl()).searchParams);

async function push(world: World, changes: Fields = {}, client = rp): Promise<string> {
  const response = await post(world, "/par", { ...request, client_id: client.client_id, ...changes }, client);
  const body = (await response.json()) as { request_uri: string; expires_in: number };
  assert.equal(response.status, 201, JSON.stringify(body));
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.match(body.request_uri, /^urn:ietf:params:oauth:request_uri:vk_pushed_/);
  return body.request_uri;
}

const from = (request_uri: string, more: Record<string, string> = {}) =>
  `/authorize?${new URLSearchParams({ client_id: "rp", request_uri, ...more })}`;

const ready = async (options: Parameters<typeof createWorld>[0] = {}) => {
  const world = await createWorld({ push: pushedRequests(), ...options });
  const browser = world.browser();
  await signIn(world, browser, "alice");
  return { world, browser };
};

describe("pushed authorization requests (RFC 9126)", () => {
  it("a pushed request is answered like one in the URL (§4), and its code is redeemed", async () => {
    const { world, browser } = await ready();
    const asked = locationOf(await browser.get(from(await push(world))));
    const answered = await answer(world, browser, asked.parameters.interaction ?? "", {
      step: "consent",
      decision: "allow",
    });
    const { page, parameters } = locationOf(answered);
    assert.equal(page, "https://rp.test/cb");
    assert.equal(parameters.state, "the state");
    const tokens = await tokensOf(await redeem(world, parameters.code ?? ""));
    assert.ok(tokens.id_token);
  });

  it("nothing in the URL changes it (§4, RFC 9101 §6.3)", async () => {
    const { world, browser } = await ready();
    const uri = await push(world);
    const tampered = from(uri, {
      redirect_uri: "https://evil.test/cb",
      state: "other",
      scope: "openid email",
      response_mode: "fragment",
    });
    const { parameters } = locationOf(await browser.get(tampered));
    const { page, parameters: answered } = locationOf(
      await answer(world, browser, parameters.interaction ?? "", { step: "consent", decision: "allow" }),
    );
    assert.equal(page, "https://rp.test/cb");
    assert.equal(answered.state, "the state");
    assert.equal((await tokensOf(await redeem(world, answered.code ?? ""))).scope, "openid");
  });

  it("is begun once: reloading goes on with it in the same browser, another browser is told it is over (§4)", async () => {
    const { world, browser } = await ready();
    const uri = await push(world);
    const first = locationOf(await browser.get(from(uri)));
    const again = locationOf(await browser.get(from(uri)));
    assert.equal(again.parameters.interaction, first.parameters.interaction);
    const stranger = await world.browser().get(from(uri));
    assert.equal(stranger.status, 400);
    await answer(world, browser, first.parameters.interaction ?? "", { step: "consent", decision: "allow" });
    assert.equal((await browser.get(from(uri))).status, 400);
  });

  it("fifty browsers with the same reference: one of them begins it", async () => {
    const { world } = await ready();
    const uri = await push(world);
    const all = await Promise.all(Array.from({ length: 50 }, () => world.browser().get(from(uri))));
    assert.equal(all.filter(({ status }) => status === 303).length, 1);
    assert.equal(all.filter(({ status }) => status === 400).length, 49);
  });

  it("answered at once when nothing is left to ask, and then used up", async () => {
    const { world, browser } = await ready();
    await world.addClient({ ...other, client_id: "quick", firstParty: true });
    const quick = { ...other, client_id: "quick" };
    const uri = await push(world, {}, quick);
    const url = `/authorize?${new URLSearchParams({ client_id: "quick", request_uri: uri })}`;
    assert.ok(locationOf(await browser.get(url)).parameters.code);
    assert.equal((await browser.get(url)).status, 400);
  });

  it("expires, belongs to its client, and cannot be guessed (§2.2, §7.1)", async () => {
    const { world, browser } = await ready();
    await world.addClient(other);
    const uri = await push(world);
    assert.equal((await browser.get(from(uri, { client_id: "other" }))).status, 400);
    assert.equal((await browser.get(from(`${uri.slice(0, -9)}AAAAAAAAA`))).status, 400);
    world.clock.advance(60);
    assert.equal((await browser.get(from(uri))).status, 400);
  });

  it("is checked where it is pushed, and errors are JSON (§2.3)", async () => {
    const { world } = await ready();
    const table: [Fields, string][] = [
      [{ redirect_uri: "https://evil.test/cb" }, "invalid_request"],
      [{ response_type: "token" }, "unsupported_response_type"],
      [{ scope: "nothing" }, "invalid_scope"],
      [{ code_challenge: undefined }, "invalid_request"],
      [{ request_uri: "urn:ietf:params:oauth:request_uri:x" }, "invalid_request"],
      [{ client_id: "other" }, "invalid_request"],
      [{ state: "x".repeat(3000) }, "invalid_request"],
    ];
    for (const [changes, error] of table)
      await assertError(await post(world, "/par", { ...request, ...changes }), error);
  });

  it("only for whoever proves to be the client (§2.1); a public client says who it is", async () => {
    const { world } = await ready();
    await world.addClient(pub);
    await assertError(
      await post(world, "/par", request, { ...rp, client_secret: "wrong wrong wrong wrong wrong" }),
      "invalid_client",
    );
    await push(world, { redirect_uri: "https://pub.test/cb" }, pub);
    const get = await world.send("/par");
    assert.equal(get.status, 405);
  });

  it("the client's credentials are not kept with it", async () => {
    const { world } = await ready();
    await world.addClient({ ...other, client_id: "poster", token_endpoint_auth_method: "client_secret_post" });
    const { client_secret = "" } = other;
    const body = new URLSearchParams({ ...(request as Record<string, string>), client_id: "poster", client_secret });
    const response = await world.send("/par", { method: "POST", body });
    assert.equal(response.status, 201, await response.text());
    assert.doesNotMatch(
      JSON.stringify(await world.store.list("pushed", { limit: 10 })),
      new RegExp(client_secret.slice(0, 20)),
    );
  });

  it("can be required of all, or of a client that registered so (§5, §6): the error goes to the client", async () => {
    const all = await ready({ push: pushedRequests({ required: true }) });
    const refused = locationOf(await all.browser.get(authorizeUrl()));
    assert.equal(refused.parameters.error, "invalid_request");
    assert.equal(all.world.provider.metadata.require_pushed_authorization_requests, true);
    locationOf(await all.browser.get(from(await push(all.world))));

    const { world, browser } = await ready();
    const strict = { ...other, client_id: "strict", require_pushed_authorization_requests: true };
    await world.addClient(strict);
    assert.equal(
      locationOf(await browser.get(authorizeUrl({ client_id: "strict" }))).parameters.error,
      "invalid_request",
    );
    assert.ok(locationOf(await browser.get(authorizeUrl())).parameters.interaction);
  });

  it("is neither served nor announced unless it is in the options", async () => {
    const world = await createWorld();
    assert.equal(world.provider.metadata.pushed_authorization_request_endpoint, undefined);
    assert.equal(await world.provider.handle(new Request("https://id.test/par", { method: "POST" })), undefined);
    const { parameters } = locationOf(
      await world.browser().get(authorizeUrl({ request_uri: "urn:ietf:params:oauth:request_uri:x" })),
    );
    assert.equal(parameters.error, "request_uri_not_supported");
  });
});
