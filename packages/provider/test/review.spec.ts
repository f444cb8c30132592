/**
 * What native clients, strangers and narrowed clients may not do: silent codes on this computer (RFC 8252 §8.6), filling the store
 * (CWE-770), keeping scopes that were taken away (RFC 6749 §3.3), and grants of codes nobody redeemed.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  answer,
  authorizeUrl,
  begin,
  codeFor,
  createWorld,
  issuer,
  locationOf,
  rp,
  signIn,
  type TestClient,
  verifier,
} from "./op.ts";

const native: TestClient = {
  client_id: "native",
  redirect_uris: ["http://127.0.0.1/cb", "com.example.app:/cb", "https://app.test/cb"],
  grant_types: ["authorization_code", "refresh_token"],
  token_endpoint_auth_method: "none",
};

describe("a public client whose answer any program on the computer can take (RFC 8252 §8.6)", () => {
  for (const redirect_uri of ["http://127.0.0.1:5555/cb", "com.example.app:/cb"]) {
    it(`asks each time at ${redirect_uri}, whatever was allowed before`, async () => {
      const world = await createWorld();
      await world.addClient(native);
      const browser = world.browser();
      const changes = { client_id: "native", redirect_uri };
      await codeFor(world, "alice", changes, browser);
      const again = locationOf(await browser.get(authorizeUrl(changes)));
      assert.equal(again.page, `${issuer}/consent`);
      const shown = await world.provider.interactions.find(
        browser.request("/consent"),
        again.parameters.interaction ?? "",
      );
      assert.deepEqual(
        shown?.scopes.map(({ granted }) => granted),
        [true],
        "it is known what was allowed before",
      );
      const silent = locationOf(await browser.get(authorizeUrl({ ...changes, prompt: "none" })));
      assert.equal(silent.parameters.error, "consent_required");
    });
  }

  it("is remembered where only its own site gets the answer", async () => {
    const world = await createWorld();
    await world.addClient(native);
    const browser = world.browser();
    const changes = { client_id: "native", redirect_uri: "https://app.test/cb" };
    await codeFor(world, "alice", changes, browser);
    assert.ok(locationOf(await browser.get(authorizeUrl(changes))).parameters.code);
  });
});

describe("strangers and the store (CWE-770)", () => {
  it("begins at most a thousand requests for one network in ten minutes, and others go on", async () => {
    const world = await createWorld();
    const ask = (ip: string, path = authorizeUrl()) => world.provider.handle(new Request(path), { ip });
    for (let time = 0; time < 999; time++) assert.equal((await ask(`2001:db8::${time.toString(16)}`))?.status, 303);
    const logout = `${issuer}/end-session?client_id=rp`;
    assert.equal((await ask("2001:db8::1"))?.status, 303);
    const refused = await ask("2001:db8::1");
    assert.equal(refused?.status, 429);
    assert.equal(refused?.headers.get("retry-after"), "600");
    assert.equal((await world.store.list("interaction", { limit: 1000 })).length, 1000);
    assert.equal((await ask("2001:db8:0:1::1"))?.status, 303);
    const browser = world.browser();
    await signIn(world, browser, "alice");
    assert.equal((await world.provider.handle(browser.request(logout), { ip: "2001:db8::1" }))?.status, 429);
    world.clock.advance(600);
    assert.equal((await ask("2001:db8::1"))?.status, 303);
  });
});

describe("a grant and its code", () => {
  const redeem = (world: Awaited<ReturnType<typeof createWorld>>, form: Record<string, string>) =>
    world.send("/token", {
      method: "POST",
      headers: {
        authorization: `Basic ${btoa(`rp:${encodeURIComponent(rp.client_secret ?? "").replaceAll("%20", "+")}`)}`,
      },
      body: new URLSearchParams(form),
    });

  it("leaves nothing behind when the code is never redeemed, and stands its time when it is", async () => {
    const world = await createWorld();
    const browser = world.browser();
    await codeFor(world, "alice", {}, browser);
    world.clock.advance(121);
    assert.deepEqual(await world.store.list("grant", { subject: "alice" }), []);
    const code = await codeFor(world, "alice", {}, browser);
    const form = {
      grant_type: "authorization_code",
      code,
      redirect_uri: "https://rp.test/cb",
      code_verifier: verifier,
    };
    assert.equal((await redeem(world, form)).status, 200);
    world.clock.advance(121);
    assert.equal((await world.store.list("grant", { subject: "alice" })).length, 1);
  });

  it("loses at the next refresh what was taken from the client since (§3.3)", async () => {
    const world = await createWorld();
    const code = await codeFor(world, "alice", { scope: "openid profile email" });
    const form = {
      grant_type: "authorization_code",
      code,
      redirect_uri: "https://rp.test/cb",
      code_verifier: verifier,
    };
    const first = await (await redeem(world, form)).json();
    await world.provider.clients.set("rp", {
      metadata: { ...rp, client_id: undefined, scope: "openid email" } as never,
    });
    const refreshed = await redeem(world, { grant_type: "refresh_token", refresh_token: first.refresh_token });
    assert.equal((await refreshed.json()).scope, "openid email");
  });

  it("does not offer a person more than they ticked when asked again", async () => {
    const world = await createWorld();
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const id = await begin(browser, { scope: "openid email" });
    await answer(world, browser, id, { step: "consent", decision: "allow", scopes: ["openid"] });
    assert.equal(locationOf(await browser.get(authorizeUrl({ scope: "openid email" }))).page, `${issuer}/consent`);
  });
});
