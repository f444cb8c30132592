import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createDpopProof, generateDpopKey } from "@valetkey/protocol/dpop";
import { dpop } from "@valetkey/provider/bindings/dpop";
import { authorizationCode } from "@valetkey/provider/grants/authorization-code";
import { deviceCode } from "@valetkey/provider/grants/device-code";
import { refreshToken } from "@valetkey/provider/grants/refresh-token";
import { pushedRequests } from "@valetkey/provider/pushed-requests";
import { readUserCode } from "@valetkey/provider/user-code";
import { memoryStore } from "@valetkey/store/memory";
import {
  type Device,
  decide,
  deviceGrant,
  enter,
  enterAndGo,
  interactionIn,
  poll,
  startDevice,
  tv,
} from "./approvals.ts";
import {
  answer,
  begin,
  challenge,
  createWorld,
  issuer,
  locationOf,
  rp,
  secret,
  signIn,
  start,
  verifier,
  type World,
} from "./op.ts";
import {
  activeOf,
  api,
  assertError,
  claimsOf,
  isActive,
  post,
  refresh,
  sendAs,
  signedApi,
  tokensOf,
  userinfo,
} from "./token-side.ts";

const grants = [authorizationCode, refreshToken, deviceCode()];

async function ready(options: Parameters<typeof createWorld>[0] = {}): Promise<World> {
  const world = await createWorld({
    grants,
    resources: [api, signedApi],
    scopes: { "photos:read": "See your photos" },
    ...options,
  });
  await world.addClient(tv);
  return world;
}

const approved = `${issuer}/device?done=approved`;
const denied = `${issuer}/device?done=denied`;

describe("the device authorization endpoint (RFC 8628 §3.1, §3.2)", () => {
  it("answers with a device code, a user code, where to enter it, how long and how often", async () => {
    const world = await ready();
    const device = await startDevice(world);
    assert.match(device.device_code, /^vk_device_/);
    assert.match(device.user_code, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
    assert.equal(device.verification_uri, `${issuer}/device`);
    assert.equal(device.verification_uri_complete, `${issuer}/device?user_code=${device.user_code}`);
    // DV-14: short.
    assert.equal(device.expires_in, 600);
    assert.equal(device.interval, 5);
  });

  it("is announced with its grant type, and there only if that is in the list (§4)", async () => {
    const { provider } = await ready();
    assert.equal(provider.metadata.device_authorization_endpoint, `${issuer}/device-authorization`);
    assert.ok(provider.metadata.grant_types_supported?.includes("urn:ietf:params:oauth:grant-type:device_code"));
    const without = await createWorld();
    assert.equal(without.provider.metadata.device_authorization_endpoint, undefined);
    assert.equal(await without.provider.handle(new Request(`${issuer}/device-authorization`)), undefined);
  });

  it("is for clients that registered the grant type and prove who they are (§3.1)", async () => {
    const world = await ready();
    await assertError(await post(world, "/device-authorization", { scope: "openid" }, rp), "unauthorized_client");
    await assertError(
      await post(
        world,
        "/device-authorization",
        { scope: "openid" },
        { ...rp, client_secret: "not the secret at all, not at all" },
      ),
      "invalid_client",
    );
    await world.addClient({ ...rp, client_id: "box", grant_types: tv.grant_types ?? [] });
    const device = await startDevice(world, {}, { ...rp, client_id: "box" });
    assert.equal(await decide(world, device.user_code, "allow"), approved);
    await tokensOf(await poll(world, device, {}, { ...rp, client_id: "box" }));
    assert.equal((await world.send("/device-authorization")).status, 405);
  });

  it("what is asked for is checked as at the authorization endpoint", async () => {
    const world = await ready();
    const table: [Record<string, string>, string][] = [
      [{ scope: "nothing" }, "invalid_scope"],
      [{ scope: "" }, "invalid_scope"],
      [{ resource: "https://unknown.test/" }, "invalid_target"],
      [{ claims: "nonsense" }, "invalid_request"],
      [{ authorization_details: "[]" }, "invalid_authorization_details"],
      [{ max_age: "soon" }, "invalid_request"],
      [{ code_challenge: "short", code_challenge_method: "S256" }, "invalid_request"],
      [{ code_challenge: challenge, code_challenge_method: "plain" }, "invalid_request"],
      [{ request: "e30.e30.e30" }, "request_not_supported"],
    ];
    for (const [fields, error] of table)
      await assertError(await post(world, "/device-authorization", { scope: "openid", ...fields }, tv), error);
  });

  it("DV-02 device codes have 192 random bits, none is like another, and neither code is in the store (§5.2)", async () => {
    const world = await ready();
    const devices = await Promise.all(Array.from({ length: 300 }, () => startDevice(world)));
    assert.equal(new Set(devices.map(({ device_code }) => device_code)).size, 300);
    assert.equal(new Set(devices.map(({ user_code }) => user_code)).size, 300);
    const stored = JSON.stringify(
      await Promise.all(["device", "user-code"].map((kind) => world.store.list(kind, { limit: 1000 }))),
    );
    for (const { device_code, user_code } of devices) {
      assert.ok(!stored.includes(device_code.slice(-38, -6)));
      assert.ok(!stored.includes(user_code) && !stored.includes(user_code.replace("-", "")));
    }
  });

  it("DV-02 a device code that is guessed, or another client's, is invalid_grant", async () => {
    const world = await ready();
    await world.addClient({ ...tv, client_id: "radio" });
    const device = await startDevice(world);
    await decide(world, device.user_code, "allow");
    await assertError(
      await poll(world, { device_code: `${device.device_code.slice(0, -8)}AAAAAAAA` }),
      "invalid_grant",
    );
    await assertError(await poll(world, device, {}, { ...tv, client_id: "radio" }), "invalid_grant");
    await assertError(await poll(world, { device_code: "" }), "invalid_request");
    await tokensOf(await poll(world, device));
  });

  it("DV-13 a flood from one network is 429, and rows expire", async () => {
    const world = await ready();
    for (let n = 0; n < 1000; n++) await startDevice(world, {}, tv, "198.51.100.7");
    const refused = await post(world, "/device-authorization", { scope: "openid" }, tv, "198.51.100.7");
    assert.equal(refused.status, 429);
    assert.ok(Number(refused.headers.get("retry-after")) > 0);
    await startDevice(world, {}, tv, "198.51.100.8");
    world.clock.advance(1200);
    await world.store.sweep();
    assert.equal((await world.store.list("device", { limit: 10 })).length, 0);
    assert.equal((await world.store.list("user-code", { limit: 10 })).length, 0);
  });
});

describe("polling (RFC 8628 §3.4, §3.5)", () => {
  it("DV-03 authorization_pending until somebody decides, then tokens, once", async () => {
    const world = await ready();
    const device = await startDevice(world, { scope: "openid email" });
    await assertError(await poll(world, device), "authorization_pending");
    world.clock.advance(5);
    await assertError(await poll(world, device), "authorization_pending");
    assert.equal(await decide(world, device.user_code, "allow"), approved);
    const tokens = await tokensOf(await poll(world, device));
    assert.equal(tokens.scope, "openid email");
    assert.equal(claimsOf(tokens.id_token).sub, "alice");
    assert.equal(claimsOf(tokens.id_token).aud, "tv");
    assert.equal((await userinfo(world, tokens.access_token)).status, 200);
    await tokensOf(await refresh(world, tokens.refresh_token, {}, tv));
    await assertError(await poll(world, device), "invalid_grant");
  });

  it("DV-03 whoever polls too fast is told slow_down and must wait five seconds longer each time", async () => {
    const world = await ready();
    const device = await startDevice(world);
    await assertError(await poll(world, device), "authorization_pending");
    const steps: [number, string][] = [
      [2, "slow_down"], // 10 from now on
      [7, "slow_down"], // 15
      [14, "slow_down"], // 20
      [20, "authorization_pending"],
      [19, "slow_down"], // 25
      [25, "authorization_pending"],
    ];
    for (const [seconds, error] of steps) {
      world.clock.advance(seconds);
      await assertError(await poll(world, device), error);
    }
    // The decision does not wait for the interval.
    await decide(world, device.user_code, "allow");
    await tokensOf(await poll(world, device));
  });

  it("a poll half a second early is not held against the client", async () => {
    const world = await ready();
    const device = await startDevice(world);
    await poll(world, device);
    world.clock.now += 4600;
    await assertError(await poll(world, device), "authorization_pending");
  });

  it("DV-03 expired_token after its time, also when it was allowed in time; long after that invalid_grant", async () => {
    const world = await ready();
    const [waiting, allowed] = [await startDevice(world), await startDevice(world)];
    await decide(world, allowed.user_code, "allow");
    world.clock.advance(600);
    for (const device of [waiting, allowed]) await assertError(await poll(world, device), "expired_token");
    world.clock.advance(600);
    await assertError(await poll(world, waiting), "invalid_grant");
  });

  it("DV-03 access_denied after a refusal, and that is final", async () => {
    const world = await ready();
    const device = await startDevice(world);
    assert.equal(await decide(world, device.user_code, "deny"), denied);
    for (let round = 0; round < 3; round++) await assertError(await poll(world, device), "access_denied");
    assert.equal(await enter(world, world.browser(), device.user_code), undefined);
  });

  it("fifty polls at once while nobody has decided: none fails, one is the first", async () => {
    const world = await ready();
    const device = await startDevice(world);
    const errors = await Promise.all(
      Array.from({ length: 50 }, async () => ((await (await poll(world, device)).json()) as { error: string }).error),
    );
    assert.equal(errors.filter((error) => error === "authorization_pending").length, 1);
    assert.equal(errors.filter((error) => error === "slow_down").length, 49);
  });

  it("fifty polls at once after the approval: one token, and it stays good", async () => {
    const world = await ready();
    const device = await startDevice(world);
    await decide(world, device.user_code, "allow");
    const all = await Promise.all(Array.from({ length: 50 }, () => poll(world, device)));
    const won = all.filter(({ status }) => status === 200);
    assert.equal(won.length, 1);
    for (const lost of all) if (lost !== won[0]) await assertError(lost, "invalid_grant");
    const tokens = await tokensOf(won[0] as Response);
    assert.equal(await activeOf(world, tokens), "access refresh");
  });

  it("fifty approvals of one device by fifty people: one grant", async () => {
    const world = await ready();
    for (let n = 0; n < 50; n++) world.people.set(`p${n}`, { sub: `p${n}`, claims: {} });
    const device = await startDevice(world);
    const browsers = await Promise.all(
      Array.from({ length: 50 }, async (_, n) => {
        const browser = world.browser();
        await signIn(world, browser, `p${n}`);
        const entered = await enter(world, browser, device.user_code, `198.51.100.${n}`);
        assert.ok(entered);
        return { browser, id: interactionIn(await browser.get(locationOf(entered).url.href)) };
      }),
    );
    const ends = await Promise.all(
      browsers.map(({ browser, id }) => answer(world, browser, id, { step: "consent", decision: "allow" })),
    );
    assert.equal(ends.filter(({ status }) => status === 303).length, 1);
    assert.equal(ends.filter(({ status }) => status === 400).length, 49);
    assert.equal((await world.store.list("grant", { limit: 100 })).length, 1);
    await tokensOf(await poll(world, device));
  });

  it("an approval while the device polls all the time still comes through", async () => {
    const world = await ready();
    const device = await startDevice(world);
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const id = await enterAndGo(world, browser, device.user_code);
    const [end] = await Promise.all([
      answer(world, browser, id, { step: "consent", decision: "allow" }),
      ...Array.from({ length: 10 }, () => poll(world, device)),
    ]);
    assert.equal(locationOf(end).parameters.done, "approved");
  });

  it("a grant that was taken back before the device came is access_denied", async () => {
    const world = await ready();
    const device = await startDevice(world);
    await decide(world, device.user_code, "allow");
    await world.provider.grants.revoke("alice", "tv");
    await assertError(await poll(world, device), "access_denied");
  });

  it("a session that ended takes the tokens of its devices along, unless offline_access was allowed (P11)", async () => {
    const world = await ready();
    const browser = world.browser();
    const [online, offline] = [await startDevice(world), await startDevice(world, { scope: "openid offline_access" })];
    await decide(world, online.user_code, "allow", { browser });
    await decide(world, offline.user_code, "allow", { browser });
    const [short, long] = [await tokensOf(await poll(world, online)), await tokensOf(await poll(world, offline))];
    await world.provider.sessions.endAll("alice");
    assert.equal(await isActive(world, short.access_token), false);
    assert.equal(await activeOf(world, long), "access refresh");
  });

  it("a client that was removed and made anew does not inherit what waits (RG)", async () => {
    const world = await ready();
    const device = await startDevice(world);
    await world.provider.clients.remove("tv");
    await world.addClient(tv);
    assert.equal(await enter(world, world.browser(), device.user_code), undefined);
    await assertError(await poll(world, device), "invalid_grant");
  });
});

describe("what a person is asked (RFC 8628 §3.3, §5.4, RFC 10027)", () => {
  it("shows who asks for what, the code to compare, and where the request came from (DV-14)", async () => {
    const world = await ready();
    const device = await startDevice(world, { scope: "openid photos:read" }, tv, "198.51.100.7");
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const id = await enterAndGo(world, browser, device.user_code);
    const interaction = await world.provider.interactions.find(browser.request("/"), id);
    assert.equal(interaction?.step, "consent");
    assert.equal(interaction.client.client_name, "Living Room TV");
    assert.equal(interaction.destination, undefined);
    assert.deepEqual(interaction.approval, {
      kind: "device",
      user_code: device.user_code,
      network: "198.51.100.7",
      createdAt: world.clock.now,
      until: world.clock.now + 600_000,
    });
    assert.deepEqual(
      interaction.scopes.map(({ scope }) => scope),
      ["openid", "photos:read"],
    );
  });

  it("always asks: for first-party clients, and for what was allowed before, which is shown in full", async () => {
    const world = await ready();
    await world.addClient({ ...tv, client_id: "own", firstParty: true });
    const browser = world.browser();
    for (const round of [1, 2]) {
      const device = await startDevice(world, {}, { ...tv, client_id: "own" });
      await signIn(world, browser, "alice");
      const id = await enterAndGo(world, browser, device.user_code);
      const interaction = await world.provider.interactions.find(browser.request("/"), id);
      assert.equal(interaction?.step, "consent", `round ${round}`);
      assert.ok(interaction.scopes.every(({ granted }) => !granted));
      await answer(world, browser, id, { step: "consent", decision: "allow" });
    }
  });

  it("allowing a device is no consent for the browser: the same client asks there", async () => {
    const world = await ready();
    await world.addClient({ ...rp, client_id: "both", grant_types: ["authorization_code", deviceGrant] });
    const device = await startDevice(world, {}, { ...rp, client_id: "both" });
    const browser = world.browser();
    await decide(world, device.user_code, "allow", { browser });
    assert.ok(await begin(browser, { client_id: "both" }));
    assert.deepEqual(
      (await world.provider.grants.list("alice")).map(({ client_id }) => client_id),
      ["both"],
    );
  });

  it("what was allowed in the browser is asked for a device again, in full", async () => {
    const world = await ready();
    const both = { ...rp, client_id: "both", grant_types: ["authorization_code", deviceGrant] };
    await world.addClient(both);
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const allowed = await begin(browser, { client_id: "both", scope: "openid email" });
    await answer(world, browser, allowed, { step: "consent", decision: "allow" });
    const device = await startDevice(world, { scope: "openid email" }, both);
    const id = await enterAndGo(world, browser, device.user_code);
    const interaction = await world.provider.interactions.find(browser.request("/"), id);
    assert.equal(interaction?.step, "consent");
    assert.deepEqual(
      interaction.scopes.map(({ granted }) => granted),
      [false, false],
    );
  });

  it("what is left unticked is not granted, and PKCE, if it was used, binds the redemption (DV-12)", async () => {
    const world = await ready();
    const device = await startDevice(world, {
      scope: "openid email",
      code_challenge: challenge,
      code_challenge_method: "S256",
    });
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const id = await enterAndGo(world, browser, device.user_code);
    await answer(world, browser, id, { step: "consent", decision: "allow", scopes: ["openid"] });
    await assertError(await poll(world, device), "invalid_grant");
    await assertError(await poll(world, device, { code_verifier: verifier.replace("d", "e") }), "invalid_grant");
    assert.equal((await tokensOf(await poll(world, device, { code_verifier: verifier }))).scope, "openid");
  });

  it("DV-12 a verifier without a challenge is invalid_grant", async () => {
    const world = await ready();
    const device = await startDevice(world);
    await decide(world, device.user_code, "allow");
    await assertError(await poll(world, device, { code_verifier: verifier }), "invalid_grant");
  });

  it("DV-07 the token request can change neither scope nor resource", async () => {
    const world = await ready();
    const device = await startDevice(world, { scope: "api:read", resource: api.resource });
    await decide(world, device.user_code, "allow");
    await assertError(await poll(world, device, { resource: signedApi.resource }), "invalid_target");
    const tokens = await tokensOf(await poll(world, device, { scope: "api:read api:write openid" }));
    assert.equal(tokens.scope, "api:read");
    assert.deepEqual((await world.provider.tokens.read(tokens.access_token))?.aud, [api.resource]);
  });

  it("DV-08 a person who is disabled meanwhile gets no tokens for the device, and cannot approve", async () => {
    const world = await ready();
    const device = await startDevice(world);
    await decide(world, device.user_code, "allow");
    const browser = world.browser();
    const next = await startDevice(world);
    await signIn(world, browser, "alice");
    const id = await enterAndGo(world, browser, next.user_code);
    world.people.delete("alice");
    await assertError(await poll(world, device), "access_denied");
    const asked = await answer(world, browser, id, { step: "consent", decision: "allow" });
    assert.equal(locationOf(asked).page, `${issuer}/login`);
    await assertError(await poll(world, next), "authorization_pending");
  });

  it("DV-08 a stronger sign-in that is asked for is met as in the browser (acr, max_age)", async () => {
    const world = await ready({ acrs: ["pwd", "mfa"] });
    const device = await startDevice(world, {
      claims: JSON.stringify({ id_token: { acr: { essential: true, value: "mfa" } } }),
    });
    const browser = world.browser();
    browser.keep(await world.provider.sessions.start(browser.request("/login"), { subject: "alice", acr: "pwd" }));
    const id = await enterAndGo(world, browser, device.user_code);
    assert.equal((await world.provider.interactions.find(browser.request("/"), id))?.step, "login");
    const weak = await answer(world, browser, id, { step: "login", subject: "alice", acr: "pwd" });
    assert.equal(locationOf(weak).url.href, `${issuer}/device?done=failed`);
    await assertError(await poll(world, device), "authorization_pending");

    const again = await enterAndGo(world, browser, device.user_code);
    const strong = await answer(world, browser, again, { step: "login", subject: "alice", acr: "mfa" });
    assert.equal(locationOf(strong).page, `${issuer}/consent`);
    await answer(world, browser, again, { step: "consent", decision: "allow" });
    assert.equal(claimsOf((await tokensOf(await poll(world, device))).id_token).acr, "mfa");
  });

  it("a client that is disabled meanwhile connects nobody, however far they are", async () => {
    const world = await ready();
    const [typed, reading] = [await startDevice(world), await startDevice(world)];
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const id = await enterAndGo(world, browser, reading.user_code);
    await world.provider.clients.set("tv", { disabled: true });
    assert.equal(await enter(world, browser, typed.user_code), undefined);
    assert.equal((await answer(world, browser, id, { step: "consent", decision: "allow" })).status, 400);
    await world.provider.clients.set("tv", { disabled: false });
    await assertError(await poll(world, reading), "authorization_pending");
  });

  it("DV-10 nothing in a URL changes which client is shown", async () => {
    const world = await ready();
    const device = await startDevice(world);
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const entered = await enter(world, browser, device.user_code);
    assert.ok(entered);
    const id = interactionIn(await browser.get(`${locationOf(entered).url.href}&client_id=rp&scope=openid+email`));
    const shown = await world.provider.interactions.find(
      browser.request(`/consent?interaction=${id}&client_id=rp`),
      id,
    );
    assert.equal(shown?.client.client_id, "tv");
  });

  it("another browser has no part in it, and cancelling at the login page is a refusal", async () => {
    const world = await ready();
    const device = await startDevice(world);
    const browser = world.browser();
    const id = await enterAndGo(world, browser, device.user_code);
    assert.equal((await world.browser().get(`/authorize?interaction=${id}`)).status, 400);
    assert.equal(locationOf(await answer(world, browser, id, { cancel: true })).url.href, denied);
    await assertError(await poll(world, device), "access_denied");
  });

  it("a code that ends while somebody reads is told to them, and nothing is granted", async () => {
    const world = await ready();
    const device = await startDevice(world);
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const id = await enterAndGo(world, browser, device.user_code);
    world.clock.advance(600);
    const late = await answer(world, browser, id, { step: "consent", decision: "allow" });
    assert.equal(late.status, 400);
    assert.match(await late.text(), /expired or was answered already/i);
    assert.equal((await world.store.list("grant", { limit: 10 })).length, 0);
  });

  it("a session that ends while its grant is committed leaves none (P10)", async () => {
    let meanwhile: (() => Promise<void>) | undefined;
    let clock: World["clock"] | undefined;
    const inner = memoryStore({ now: () => clock?.now ?? start });
    const commit: typeof inner.commit = async (changes) => {
      const work = changes.some((one) => one.do === "insert" && one.entry.kind === "grant") ? meanwhile : undefined;
      meanwhile = work === undefined ? meanwhile : undefined;
      await work?.();
      return inner.commit(changes);
    };
    const world = await ready({ store: { ...inner, commit } });
    ({ clock } = world);
    const device = await startDevice(world, { scope: "openid offline_access" });
    meanwhile = () => world.provider.sessions.endAll("alice", { grants: "all" });
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const id = await enterAndGo(world, browser, device.user_code);
    await answer(world, browser, id, { step: "consent", decision: "allow" });
    assert.deepEqual(await world.store.list("grant", { limit: 10 }), []);
    await assertError(await poll(world, device), "access_denied");
  });

  it("a session that ends between the decision and its commit leaves no grant (P10)", async () => {
    const world = await ready();
    const device = await startDevice(world);
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const id = await enterAndGo(world, browser, device.user_code);
    const answered = await world.provider.interactions.answer(browser.request("/page", { method: "POST" }), id, {
      step: "consent",
      decision: "allow",
    });
    await world.provider.sessions.endAll("alice");
    assert.equal(locationOf(await browser.get(locationOf(answered).url.href)).page, `${issuer}/login`);
    await assertError(await poll(world, device), "authorization_pending");
  });
});

describe("user codes (RFC 8628 §5.1, §6.1)", () => {
  it("DV-11 are read whatever the case, the blanks and the dashes; no other letter folds into one", async () => {
    const world = await ready();
    const { user_code } = await startDevice(world);
    const plain = user_code.replace("-", "");
    const good = [
      user_code,
      user_code.toLowerCase(),
      plain,
      ` ${plain.slice(0, 2)} ${plain.slice(2)} `,
      user_code.replace("-", "–"),
      `${plain}\u00a0`,
    ];
    for (const typed of good) assert.ok(await enter(world, world.browser(), typed), typed);
    // ſ becomes S and ı becomes I when they are made upper case; full-width letters are others.
    const wide = [...plain].map((letter) => String.fromCodePoint((letter.codePointAt(0) ?? 0) + 0xfee0)).join("");
    for (const typed of [
      "",
      "-",
      plain.slice(1),
      `${plain}B`,
      wide,
      "SSSSSSSS".replaceAll("S", "ſ"),
      `${plain}\u0301`,
      "x".repeat(100_000),
    ])
      assert.equal(await enter(world, world.browser(), typed), undefined, typed.slice(0, 20));
    assert.equal(readUserCode("bdwp hqpk"), "BDWP-HQPK");
    for (const typed of ["ſſſſſſſſ", "bdwphqpß", "ﬁbdwphq"]) assert.equal(readUserCode(typed), undefined);
  });

  it("DV-11 unknown, expired, refused and used codes are one answer, after as many looks into the store", async () => {
    let gets = 0;
    let clock: World["clock"] | undefined;
    const store = memoryStore({ now: () => clock?.now ?? start });
    const get = (kind: string, id: string) => {
      gets += 1;
      return store.get(kind, id);
    };
    const world = await ready({ store: { ...store, get } });
    ({ clock } = world);
    const [refused, used, expired] = [await startDevice(world), await startDevice(world), await startDevice(world)];
    await decide(world, refused.user_code, "deny");
    await decide(world, used.user_code, "allow");
    await poll(world, used);
    world.clock.advance(601);
    const fresh = await startDevice(world);
    await decide(world, fresh.user_code, "allow");
    const looks = new Set<number>();
    for (const code of [
      "BBBB-BBBB",
      "no code",
      refused.user_code,
      used.user_code,
      expired.user_code,
      fresh.user_code,
    ]) {
      const before = gets;
      assert.equal(await enter(world, world.browser(), code), undefined);
      looks.add(gets - before);
    }
    assert.equal(looks.size, 1);
  });

  it("are still found and shown after the server's secret was changed", async () => {
    const world = await ready();
    const device = await startDevice(world);
    const next = await createWorldWith(world, ["another secret of the provider for its tests", secret]);
    const browser = next.browser();
    await signIn(next, browser, "alice");
    const id = await enterAndGo(next, browser, device.user_code);
    const interaction = await next.provider.interactions.find(browser.request("/"), id);
    assert.equal(interaction?.approval?.user_code, device.user_code);
  });

  it("are guessed slowly: thirty tries from a network in ten minutes, whoever else is typing (§5.1)", async () => {
    const world = await ready();
    const device = await startDevice(world);
    const tries = await Promise.allSettled(
      Array.from({ length: 100 }, () => enter(world, world.browser(), "BBBB-BBBB", "203.0.113.1")),
    );
    assert.ok(tries.filter(({ status }) => status === "fulfilled").length < 30);
    await assert.rejects(enter(world, world.browser(), device.user_code, "203.0.113.1"), { status: 429 });
    assert.ok(await enter(world, world.browser(), device.user_code, "203.0.113.2"));
    world.clock.advance(599);
    await assert.rejects(enter(world, world.browser(), device.user_code, "203.0.113.1"), { status: 429 });
  });

  it("are guessed slowly from everywhere together (§5.1)", async () => {
    const world = await ready();
    for (let n = 0; n < 1000; n++)
      assert.equal(await enter(world, world.browser(), "BBBB-BBBB", `10.0.${n >> 6}.${n & 63}`), undefined);
    const device = await startDevice(world);
    await assert.rejects(enter(world, world.browser(), device.user_code, "10.9.9.9"), { status: 429 });
    world.clock.advance(601);
    assert.ok(await enter(world, world.browser(), (await startDevice(world)).user_code, "10.9.9.9"));
  });

  it("are taken from no other site", async () => {
    const world = await ready();
    const { user_code } = await startDevice(world);
    const foreign = world.browser().request("/device", { method: "POST", headers: { "sec-fetch-site": "cross-site" } });
    await assert.rejects(world.provider.approvals.enter(foreign, user_code), { error: "invalid_request" });
  });
});

describe("devices with a key (RFC 9449)", () => {
  it("a proof that came with the request binds the redemption and the refresh tokens of a public client", async () => {
    const world = await ready({ bindings: [dpop()], push: pushedRequests() });
    const [key, other] = [await generateDpopKey(), await generateDpopKey()];
    const send = async (path: string, fields: Record<string, string>, by?: typeof key) => {
      const proof = by && (await createDpopProof({ key: by, htm: "POST", htu: issuer + path, now: world.clock.now }));
      const body = new URLSearchParams({ client_id: "tv", ...fields });
      return sendAs(world, path, { method: "POST", body, headers: proof === undefined ? {} : { DPoP: proof } });
    };
    const device = (await (await send("/device-authorization", { scope: "openid" }, key)).json()) as Device;
    await decide(world, device.user_code, "allow");
    const form = { grant_type: deviceGrant, device_code: device.device_code };
    await assertError(await send("/token", form), "invalid_grant");
    await assertError(await send("/token", form, other), "invalid_grant");
    const tokens = await tokensOf(await send("/token", form, key));
    assert.equal(tokens.token_type, "DPoP");
    const again = { grant_type: "refresh_token", refresh_token: tokens.refresh_token ?? "" };
    await assertError(await send("/token", again, other), "invalid_grant");
    await tokensOf(await send("/token", again, key));
  });
});

/** Another instance over the same store, with other secrets. */
function createWorldWith(world: World, secrets: string[]): Promise<World> {
  const { store } = world;
  const shared = {
    ...store,
    commit: async (changes: Parameters<typeof store.commit>[0]) =>
      changes.some(({ entry }) => entry.id === "rp") || store.commit(changes),
  };
  return createWorld({
    grants,
    resources: [api, signedApi],
    secret: secrets,
    store: shared,
    now: () => world.clock.now,
  });
}
