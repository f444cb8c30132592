import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { oauth1 } from "@valetkey/provider/oauth1";
import type { Store } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";
import {
  api,
  arrive,
  bird,
  birdWorld,
  callback,
  connect,
  decide,
  exchange,
  formOf,
  initiate,
  overlaid,
  refused,
  secret,
  send,
  signed,
  userinfo,
  verifierOf,
} from "./oauth1-side.ts";
import { answer, createWorld, errorPageOf, issuer, locationOf, rp, signIn } from "./op.ts";

describe("RFC 5849 §2: three legs", () => {
  it("temporary credentials, the person's permission, token credentials, a signed request", async () => {
    const world = await birdWorld();
    const temporary = await initiate(world);
    const { page, parameters } = await decide(world, temporary);
    // §2.2: the callback keeps its own query, and gets these two and nothing else.
    assert.equal(page, "https://bird.test/back");
    assert.deepEqual(Object.keys(parameters).sort(), ["from", "oauth_token", "oauth_verifier"]);
    assert.equal(parameters.oauth_token, temporary.oauth_token);
    const token = await formOf(await exchange(world, temporary, verifierOf(parameters)));
    assert.deepEqual(Object.keys(token).sort(), ["oauth_token", "oauth_token_secret"]);
    const { oauth_token = "", oauth_token_secret = "" } = token;
    const response = await userinfo(world, { oauth_token, oauth_token_secret });
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), { sub: "alice", name: "alice" });
  });

  it("nothing of it is there unless the provider was made with it, and no client speaks it by itself (§2)", async () => {
    const world = await createWorld();
    for (const path of ["/oauth1/initiate", "/oauth1/authorize", "/oauth1/token"])
      assert.equal(await world.provider.handle(new Request(issuer + path, { method: "POST" })), undefined);
    const { client } = await world.provider.clients.add(
      { ...bird, scope: "openid profile", grant_types: ["authorization_code"] },
      { provenance: "admin" },
    );
    assert.equal(client.metadata.oauth1_signature_methods, undefined);
    const served = await birdWorld();
    const response = await send(served, "/oauth1/initiate", {
      protocol: { oauth_consumer_key: "rp", oauth_callback: "https://rp.test/cb" },
      key: { signature_method: "HMAC-SHA1", client_secret: rp.client_secret ?? "" },
    });
    await refused(response, 401, "consumer_key_unknown");
  });

  it("the person is asked on the pages everybody is asked on, for all the application was registered for, in words", async () => {
    const world = await birdWorld();
    const browser = world.browser();
    const id = await arrive(browser, await initiate(world));
    const first = await world.provider.interactions.find(browser.request("/login"), id);
    assert.equal(first?.step, "login");
    await answer(world, browser, id, { step: "login", subject: "alice" });
    const interaction = await world.provider.interactions.find(browser.request("/consent"), id);
    assert.equal(interaction?.step, "consent");
    assert.equal(interaction.client.client_name, "Old Bird");
    assert.deepEqual(interaction.destination, { host: "bird.test", loopback: false });
    assert.equal(interaction.approval, undefined);
    assert.deepEqual(interaction.resource, ["https://api.test/"]);
    assert.deepEqual(
      interaction.scopes.map(({ scope }) => scope),
      ["openid", "profile", "statuses:read", "statuses:write", "offline_access"],
    );
  });

  it("what was left unticked is not granted (§1.1)", async () => {
    const world = await birdWorld();
    const token = await connect(world, ["openid", "statuses:read", "offline_access"]);
    assert.deepEqual(await (await userinfo(world, token)).json(), { sub: "alice" });
    const state = await world.provider.tokens.readOAuth1(await signed(world, "/x", { token, url: "https://api.test" }));
    assert.deepEqual(state.scope, ["openid", "statuses:read", "offline_access"]);
  });

  it("the person is asked each time, also by an application somebody vouched for (§4.10)", async () => {
    const world = await birdWorld();
    await world.provider.clients.set("bird", { firstParty: true });
    const browser = world.browser();
    await connect(world, "allow", { browser });
    const id = await arrive(browser, await initiate(world));
    const interaction = await world.provider.interactions.find(browser.request("/consent"), id);
    assert.equal(interaction?.step, "consent");
    assert.ok(interaction.scopes.every(({ granted }) => !granted));
  });

  it("whoever refuses goes back with the reason and without a verifier, and nothing can be had for it (§2.2)", async () => {
    const world = await birdWorld();
    const temporary = await initiate(world);
    const { page, parameters } = await decide(world, temporary, "deny");
    assert.equal(page, "https://bird.test/back");
    const { oauth_token } = temporary;
    assert.deepEqual(parameters, { from: "valetkey", oauth_token, oauth_problem: "user_refused" });
    await refused(await exchange(world, temporary, "anything"), 403, "permission_denied");
  });

  it("without a callback the code is on our page, and is understood however it is typed (§2.2, oob)", async () => {
    const world = await birdWorld({}, { redirect_uris: [] });
    const temporary = await initiate(world, "oob");
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const id = await arrive(browser, temporary);
    const interaction = await world.provider.interactions.find(browser.request("/consent"), id);
    assert.equal(interaction?.approval?.kind, "oauth1");
    assert.equal(interaction.destination, undefined);
    const { page, parameters } = locationOf(await answer(world, browser, id, { step: "consent", decision: "allow" }));
    assert.equal(page, `${issuer}/oauth1/code`);
    assert.equal(parameters.done, "approved");
    assert.match(verifierOf(parameters), /^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$/);
    const typed = ` ${verifierOf(parameters).toLowerCase().replace("-", " ")}`;
    await formOf(await exchange(world, temporary, typed));
    const denied = await decide(world, await initiate(world, "oob"), "deny");
    assert.deepEqual(denied, { ...denied, page, parameters: { done: "denied", client_id: "bird" } });
  });

  it("a client with OAuth 2 beside it keeps both, with one secret", async () => {
    const both = { grant_types: ["authorization_code"], token_endpoint_auth_method: "client_secret_basic" };
    const world = await birdWorld({}, both);
    assert.equal((await userinfo(world, await connect(world))).status, 200);
    const response = await world.send("/token", {
      method: "POST",
      headers: { authorization: `Basic ${btoa(`bird:${encodeURIComponent(secret)}`)}` },
      body: new URLSearchParams({
        grant_type: "authorization_code",
        code: "x",
        code_verifier: "x".repeat(43),
        redirect_uri: callback,
      }),
    });
    assert.equal(((await response.json()) as { error: string }).error, "invalid_grant");
  });

  it("a client of OAuth 1.0a alone can do nothing at the endpoints of OAuth 2", async () => {
    const world = await birdWorld();
    for (const grant_type of ["authorization_code", "client_credentials", "refresh_token"]) {
      const body = new URLSearchParams({ grant_type, client_id: "bird", client_secret: secret });
      const response = await world.send("/token", { method: "POST", body });
      assert.ok(response.status === 400 || response.status === 401, grant_type);
    }
    const url = `/authorize?client_id=bird&redirect_uri=${encodeURIComponent(callback)}&response_type=code&scope=openid&code_challenge=${"x".repeat(43)}&code_challenge_method=S256`;
    assert.equal(
      new URL((await world.send(url)).headers.get("location") ?? "https://none.test/").searchParams.get("code"),
      null,
    );
  });
});

describe("RFC 5849 §2.1, §4.7: where the person goes back to", () => {
  it("O1-10 a callback that is not registered, another scheme, or oob for a client with callbacks: 400, no credentials", async () => {
    const world = await birdWorld();
    const wrong = [
      "https://evil.test/",
      `${callback}&x=1`,
      "https://bird.test/back",
      "javascript:alert(1)",
      "oob",
      "OOB",
      "data:,x",
      "//bird.test/back",
    ];
    for (const oauth_callback of wrong)
      await refused(await send(world, "/oauth1/initiate", { protocol: { oauth_callback } }), 400, "parameter_rejected");
    const missing = await refused(await send(world, "/oauth1/initiate"), 400, "parameter_absent");
    assert.equal(missing.oauth_parameters_absent, "oauth_callback");
    assert.deepEqual(await world.store.list("oauth1", { client: "bird" }), []);
  });

  it("a native application may use oob beside its callbacks, and any port on loopback", async () => {
    const world = await birdWorld({}, { redirect_uris: ["http://127.0.0.1/cb"], application_type: "native" });
    await initiate(world, "oob");
    await initiate(world, "http://127.0.0.1:54321/cb");
  });

  it("a link that is unknown, expired, decided or of a disabled client is an error page and leads nowhere", async () => {
    const world = await birdWorld();
    const browser = world.browser();
    const link = (token: string) => browser.get(`/oauth1/authorize?oauth_token=${encodeURIComponent(token)}`);
    const { oauth_token } = await initiate(world);
    const last = oauth_token.endsWith("0") ? "1" : "0";
    for (const wrong of ["x", `${oauth_token.slice(0, -1)}${last}`]) await errorPageOf(await link(wrong));
    await errorPageOf(await browser.get("/oauth1/authorize"));
    await errorPageOf(await browser.get(`/oauth1/authorize?oauth_token=${oauth_token}&oauth_token=${oauth_token}`));
    await world.provider.clients.set("bird", { disabled: true });
    await errorPageOf(await link(oauth_token));
    await world.provider.clients.set("bird", { disabled: false });
    world.clock.advance(1801);
    await errorPageOf(await link(oauth_token));
    const decided = await initiate(world);
    await decide(world, decided);
    await errorPageOf(await link(decided.oauth_token));
  });

  it("a callback that is withdrawn while the person reads gets nothing", async () => {
    const world = await birdWorld();
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const id = await arrive(browser, await initiate(world));
    const { client_secret: _, client_id: __, ...metadata } = bird;
    await world.provider.clients.set("bird", { metadata: { ...metadata, redirect_uris: ["https://bird.test/new"] } });
    await errorPageOf(await answer(world, browser, id, { step: "consent", decision: "allow" }));
  });
});

describe("RFC 5849 §2.3, §4.9: the verifier", () => {
  it("before the person decided there is nothing to be had, with any verifier (the session fixation of 2009)", async () => {
    const world = await birdWorld();
    const temporary = await initiate(world);
    await refused(await exchange(world, temporary, "guess"), 401, "permission_unknown");
    const absent = await refused(await exchange(world, temporary, undefined), 400, "parameter_absent");
    assert.equal(absent.oauth_parameters_absent, "oauth_verifier");
  });

  it("a verifier counts for its own temporary credentials only", async () => {
    const world = await birdWorld();
    const [one, two] = [await initiate(world), await initiate(world)];
    const ofOne = await decide(world, one);
    const ofTwo = await decide(world, two, "allow", { subject: "bob" });
    await refused(await exchange(world, one, verifierOf(ofTwo.parameters)), 401, "verifier_invalid");
    await formOf(await exchange(world, one, verifierOf(ofOne.parameters)));
  });

  it("five wrong verifiers end it, and what the person allowed with it (§4.9)", async () => {
    const world = await birdWorld({}, { redirect_uris: [] });
    const temporary = await initiate(world, "oob");
    const { parameters } = await decide(world, temporary);
    for (let attempt = 0; attempt < 5; attempt++)
      await refused(await exchange(world, temporary, "BBBB-BBBB"), 401, "verifier_invalid");
    await refused(await exchange(world, temporary, verifierOf(parameters)), 401, "token_rejected");
    assert.deepEqual(await world.provider.grants.list("alice"), []);
  });

  it("temporary credentials are good once, for half an hour, and for their own client", async () => {
    const world = await birdWorld();
    await world.provider.clients.add({ ...bird, client_id: "crow" }, { provenance: "admin" });
    const temporary = await initiate(world);
    const early = await exchange(world, temporary, "x", {
      protocol: { oauth_consumer_key: "crow", oauth_verifier: "x" },
    });
    await refused(early, 401, "token_rejected");
    const { parameters } = await decide(world, temporary);
    const verifier = verifierOf(parameters);
    const stolen = await exchange(world, temporary, verifier, {
      protocol: { oauth_consumer_key: "crow", oauth_verifier: verifier },
    });
    await refused(stolen, 401, "token_rejected");
    await formOf(await exchange(world, temporary, verifier));
    await refused(await exchange(world, temporary, verifier), 401, "token_rejected");
    const late = await initiate(world);
    const decided = await decide(world, late);
    world.clock.advance(1801);
    await refused(await exchange(world, late, verifierOf(decided.parameters)), 401, "token_rejected");
  });

  it("temporary credentials open no API, and a token begins nothing", async () => {
    const world = await birdWorld();
    const temporary = await initiate(world);
    await refused(await userinfo(world, temporary), 401, "token_rejected");
    const token = await connect(world);
    await refused(await exchange(world, token, "x"), 401, "token_rejected");
    const again = await send(world, "/oauth1/initiate", { token, protocol: { oauth_callback: callback } });
    await refused(again, 400, "parameter_rejected");
  });
});

describe("RFC 5849 §4.5, §4.6: secrets, and the end of tokens", () => {
  it("nothing that signs is in the store in the clear", async () => {
    const store = memoryStore();
    const world = await birdWorld({ store });
    const temporary = await initiate(world);
    const token = await connect(world);
    const kinds = ["client", "oauth1", "oauth1-token", "grant", "interaction", "seen"];
    const all = JSON.stringify(await Promise.all(kinds.map((kind) => store.list(kind, { limit: 1000 }))));
    for (const text of [secret, ...Object.values(temporary), ...Object.values(token)]) assert.ok(!all.includes(text));
  });

  it("without the server's secret tokens cannot be checked, and that is an outage, not a refusal", async () => {
    const store = memoryStore();
    const world = await birdWorld({ store });
    const token = await connect(world);
    const old = "a secret of the provider for its tests";
    const next = "the next secret of the provider for its tests";
    const both = await createWorldOn(store, [next, old]);
    assert.equal((await userinfo(both, token)).status, 200);
    const none = await createWorldOn(store, [next]);
    assert.equal((await userinfo(none, token)).status, 503);
  });

  it("a token ends with what the person took back, the person, the client, and its time", async () => {
    const world = await birdWorld();
    const works = async (token: Awaited<ReturnType<typeof connect>>) => (await userinfo(world, token)).status === 200;
    const one = await connect(world);
    assert.deepEqual(
      (await world.provider.grants.list("alice")).map(({ client_id, offline }) => ({ client_id, offline })),
      [{ client_id: "bird", offline: true }],
    );
    await world.provider.grants.revoke("alice", "bird");
    await refused(await userinfo(world, one), 401, "token_rejected");

    const two = await connect(world);
    const alice = world.people.get("alice");
    world.people.delete("alice");
    assert.equal(await works(two), false);
    if (alice !== undefined) world.people.set("alice", alice);
    assert.equal(await works(two), true);
    await world.provider.clients.set("bird", { disabled: true });
    await refused(await userinfo(world, two), 401, "consumer_key_unknown");
    await world.provider.clients.set("bird", { disabled: false });
    world.clock.advance(364 * 86_400);
    assert.equal(await works(two), true);
    world.clock.advance(86_400);
    await refused(await userinfo(world, two), 401, "token_rejected");

    const three = await connect(world);
    await world.provider.clients.remove("bird");
    assert.deepEqual(await world.store.list("oauth1-token", { client: "bird" }), []);
    await world.provider.clients.add(bird, { provenance: "admin" });
    assert.equal(await works(three), false);
  });

  it("whoever allows it only while signed in ends it by signing out; otherwise it stays (offline_access)", async () => {
    const world = await birdWorld();
    const browser = world.browser();
    const kept = await connect(world, "allow", { browser });
    const bound = await connect(world, ["openid", "profile"], { browser });
    await world.provider.sessions.end(browser.request("/logout"));
    assert.equal((await userinfo(world, kept)).status, 200);
    await refused(await userinfo(world, bound), 401, "token_rejected");
    const until = await connect(world, ["openid"]);
    world.clock.advance(12 * 3600 + 1);
    await refused(await userinfo(world, until), 401, "token_rejected");
    assert.equal((await userinfo(world, kept)).status, 200);
    await world.provider.sessions.endAll("alice", { grants: "all" });
    await refused(await userinfo(world, kept), 401, "token_rejected");
  });

  it("what is taken back between permission and token gives no token, and what is never fetched leaves no grant", async () => {
    const world = await birdWorld();
    const temporary = await initiate(world);
    const { parameters } = await decide(world, temporary);
    await world.provider.grants.revoke("alice", "bird");
    await refused(await exchange(world, temporary, verifierOf(parameters)), 401, "token_rejected");
    await decide(world, await initiate(world));
    assert.equal((await world.provider.grants.list("alice")).length, 1);
    world.clock.advance(1800 + 61);
    assert.deepEqual(await world.provider.grants.list("alice"), []);
  });

  it("userinfo wants openid of a token, and a token of a request", async () => {
    const world = await birdWorld({}, { scope: "statuses:read" });
    await refused(await userinfo(world, await connect(world)), 403, "permission_denied");
    const form = await refused(await userinfo(world, undefined), 400, "parameter_absent");
    assert.equal(form.oauth_parameters_absent, "oauth_token");
  });
});

describe("clients of OAuth 1.0a", () => {
  it("are registered by administrators only, with scopes, methods of this provider, and a key for RSA", async () => {
    const { provider } = await birdWorld();
    const add = (change: Record<string, unknown>, provenance: "admin" | "dynamic" = "admin") =>
      provider.clients.add(Object.assign({ ...bird, client_id: "crow" }, change), { provenance });
    await assert.rejects(add({}, "dynamic"), /an administrator registers/);
    await assert.rejects(add({ scope: undefined }), /scope is needed/);
    await assert.rejects(add({ oauth1_signature_methods: ["PLAINTEXT"] }), /must be among/);
    await assert.rejects(add({ oauth1_signature_methods: [] }), /must be among/);
    await assert.rejects(add({ oauth1_signature_methods: "HMAC-SHA1" }), /must be an array/);
    await assert.rejects(
      add({ oauth1_signature_methods: ["RSA-SHA1"], client_secret: undefined }),
      /jwks or jwks_uri is needed/,
    );
    await assert.rejects(add({ client_secret: "short" }), /client_secret must be/);
    const { client_secret, client } = await add({ client_secret: undefined });
    assert.match(client_secret ?? "", /^vk_secret_/);
    assert.deepEqual(client.metadata.grant_types, []);
    assert.equal(client.metadata.token_endpoint_auth_method, "none");
  });

  it("options that are out of bounds are refused", () => {
    const wrong: readonly Parameters<typeof oauth1>[0][] = [
      { signatureMethods: [] },
      { temporaryLifetime: 1 },
      { tokenLifetime: 0.5 },
    ];
    for (const options of wrong) assert.throws(() => oauth1(options), TypeError);
  });

  it("a provider without OAuth 1.0a says so to whoever wants to read a signed request", async () => {
    const { provider } = await createWorld();
    await assert.rejects(provider.tokens.readOAuth1(new Request(issuer)), /needs oauth1\(\)/);
  });
});

/** Another provider on the same store, with other secrets. */
const createWorldOn = (store: Store, secrets: readonly string[]) =>
  createWorld({ store: overlaid(store), secret: secrets, oauth1: oauth1(), resources: [api] });
