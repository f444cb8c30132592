import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Session } from "@valetkey/provider/op";
import {
  type Browser,
  begin,
  codeFor,
  createWorld,
  errorPageOf,
  idToken,
  issuer,
  locationOf,
  markRedeemed,
  rp,
  start,
  type World,
} from "./op.ts";

const bye = "https://rp.test/bye";
const post = { method: "POST" };

/** Alice is signed in and has a code for `rp`. */
async function ready() {
  const world = await createWorld();
  const browser = world.browser();
  await codeFor(world, "alice", {}, browser);
  const current = async () => (await world.provider.sessions.current(browser.request("/")))?.subject;
  const sid = (await world.provider.sessions.current(browser.request("/")))?.sid ?? "";
  return { world, browser, current, hint: await idToken({ sub: "alice", sid }), sid };
}

const endUrl = (parameters: Record<string, string>) => `/end-session?${new URLSearchParams(parameters)}`;
const addressOf = (response: Response) => locationOf(response).url.href;

async function confirm(world: World, browser: Browser, asked: Response, answer = true): Promise<Response> {
  const { page, parameters } = locationOf(asked);
  assert.equal(page, `${issuer}/logout`);
  const response = await world.provider.logouts.answer(browser.request("/logout", post), parameters.logout ?? "", {
    confirm: answer,
  });
  browser.keep(response);
  return response;
}

describe("logout with a hint that names the session (OpenID Connect RP-Initiated Logout §2)", () => {
  it("ends it at once and goes where the client registered, with state byte for byte", async () => {
    const { world, browser, current, hint } = await ready();
    const state = '"><script>+ é&=%2B';
    const url = endUrl({
      id_token_hint: hint,
      post_logout_redirect_uri: bye,
      state,
      ui_locales: "de",
      logout_hint: "alice",
    });
    const response = await browser.get(url);
    const { page, parameters } = locationOf(response);
    assert.equal(page, bye);
    assert.deepEqual(parameters, { state });
    assert.equal(await current(), undefined);
    assert.deepEqual([...browser.cookies.keys()], []);
    assert.deepEqual(await world.store.list("grant", {}), [], "P11, CD-10");
  });

  it("accepts an expired hint, and without a URI shows the logout page", async () => {
    const { world, browser, hint, current } = await ready();
    world.clock.advance(3600);
    assert.equal(addressOf(await browser.get(endUrl({ id_token_hint: hint }))), `${issuer}/logout?done=1`);
    assert.equal(await current(), undefined);
  });

  it("works for a POST of another site, which comes without cookies", async () => {
    const { world, browser, hint, current } = await ready();
    const body = new URLSearchParams({ id_token_hint: hint, post_logout_redirect_uri: bye, state: "s" });
    const posted = await world.send("/end-session", { method: "POST", body });
    assert.equal(locationOf(posted).page, `${issuer}/end-session`);
    assert.equal(await current(), "alice");
    browser.keep(posted);
    assert.equal(addressOf(await browser.get(addressOf(posted))), `${bye}?state=s`);
    assert.equal(await current(), undefined);
    assert.deepEqual([...browser.cookies.keys()], []);
    await errorPageOf(await browser.get(addressOf(posted)));
    assert.deepEqual(await world.store.list("logout", {}), []);
  });

  it("goes on when nobody is signed in: logging out twice is no error", async () => {
    const { world, hint } = await ready();
    const url = endUrl({ id_token_hint: hint, post_logout_redirect_uri: bye });
    assert.equal(addressOf(await world.browser().get(url)), bye);
    assert.equal(addressOf(await world.browser().get("/end-session")), `${issuer}/logout?done=1`);
  });
});

describe("logout that must be confirmed (RP-Initiated Logout §2, §6)", () => {
  const cases: readonly (readonly [
    string,
    (world: Awaited<ReturnType<typeof ready>>) => Promise<Record<string, string>>,
    string,
  ])[] = [
    ["no hint", async () => ({}), `${issuer}/logout?done=1`],
    ["client_id only", async () => ({ client_id: "rp", post_logout_redirect_uri: bye, state: "s" }), `${bye}?state=s`],
    [
      "a hint for another session of the person",
      async () => ({ id_token_hint: await idToken({ sub: "alice", sid: "another" }), post_logout_redirect_uri: bye }),
      bye,
    ],
    [
      "a hint without sid",
      async () => ({ id_token_hint: await idToken({ sub: "alice" }), post_logout_redirect_uri: bye }),
      bye,
    ],
    [
      "a hint for somebody else",
      async ({ sid }) => ({ id_token_hint: await idToken({ sub: "bob", sid }), post_logout_redirect_uri: bye }),
      bye,
    ],
    [
      "a hint of another issuer, which also takes the redirect away",
      async ({ sid }) => ({
        id_token_hint: await idToken({ sub: "alice", sid, iss: "https://evil.test" }),
        post_logout_redirect_uri: bye,
        client_id: "rp",
      }),
      `${issuer}/logout?done=1`,
    ],
    [
      "a hint with a changed payload",
      async ({ hint, sid }) => {
        const [header, , signature] = hint.split(".");
        const [, payload] = (await idToken({ sub: "alice", sid, acr: "high" })).split(".");
        return { id_token_hint: `${header}.${payload}.${signature}`, post_logout_redirect_uri: bye };
      },
      `${issuer}/logout?done=1`,
    ],
  ];
  for (const [title, make, end] of cases) {
    it(`asks first: ${title}`, async () => {
      const all = await ready();
      const { world, browser, current } = all;
      const asked = await browser.get(endUrl(await make(all)));
      assert.equal(await current(), "alice", "not yet");
      assert.equal(addressOf(await confirm(world, browser, asked)), end);
      assert.equal(await current(), undefined);
      assert.deepEqual(await world.store.list("grant", {}), []);
      assert.deepEqual([...browser.cookies.keys()], []);
      assert.deepEqual(await world.store.list("logout", {}), []);
    });
  }

  it("tells the page who asks and who is signed in", async () => {
    const { world, browser } = await ready();
    const asked = await browser.get(endUrl({ client_id: "rp", post_logout_redirect_uri: bye }));
    const id = locationOf(asked).parameters.logout ?? "";
    assert.deepEqual(await world.provider.logouts.find(browser.request("/logout"), id), {
      id,
      client: { client_id: "rp", client_name: "Photo Printer" },
      subject: "alice",
      returnTo: bye,
    });
    assert.equal(await world.provider.logouts.find(world.browser().request("/logout"), id), undefined);
  });

  it("keeps the session if the person says no, and does not tell the client otherwise", async () => {
    const { world, browser, current } = await ready();
    const asked = await browser.get(endUrl({ client_id: "rp", post_logout_redirect_uri: bye }));
    assert.equal(addressOf(await confirm(world, browser, asked, false)), `${issuer}/logout?done=0`);
    assert.equal(await current(), "alice");
    await assert.rejects(confirm(world, browser, asked), /already answered/);
    assert.equal(await current(), "alice");
  });

  it("counts from this browser and this site only", async () => {
    const { world, browser, current } = await ready();
    const asked = await browser.get(endUrl({ client_id: "rp" }));
    const id = locationOf(asked).parameters.logout ?? "";
    const foreign = browser.request("/logout", { ...post, headers: { "sec-fetch-site": "cross-site" } });
    await assert.rejects(world.provider.logouts.answer(foreign, id, { confirm: true }), { error: "invalid_request" });
    await assert.rejects(confirm(world, world.browser(), asked), /another browser/);
    assert.equal(await current(), "alice");
  });

  it("leaves the offline grant of a redeemed code alone (P11, LO-09)", async () => {
    const { world, browser } = await ready();
    await codeFor(world, "alice", { scope: "openid offline_access" }, browser);
    for (const grant of await world.store.list("grant", {})) await markRedeemed(world.store, grant);
    const { sid } = (await world.provider.sessions.current(browser.request("/"))) ?? {};
    await browser.get(endUrl({ id_token_hint: await idToken({ sub: "alice", sid }) }));
    const left = await world.store.list("grant", {});
    assert.deepEqual(
      left.map(({ data }) => (data as { offline: boolean }).offline),
      [true],
    );
  });
});

describe("where a logout may lead (RP-Initiated Logout §3)", () => {
  const refused: readonly (readonly [string, Record<string, string>])[] = [
    ["an unregistered URI", { client_id: "rp", post_logout_redirect_uri: "https://evil.test/" }],
    ["a URI that only begins like the registered one", { client_id: "rp", post_logout_redirect_uri: `${bye}/x` }],
    ["the redirect_uri of the client", { client_id: "rp", post_logout_redirect_uri: "https://rp.test/cb" }],
    ["a URI without a client", { post_logout_redirect_uri: bye }],
    ["an unknown client", { client_id: "nope", post_logout_redirect_uri: bye }],
    ["a disabled client", { client_id: "off", post_logout_redirect_uri: bye }],
    ["a state of more than 2048 bytes", { client_id: "rp", post_logout_redirect_uri: bye, state: "x".repeat(2049) }],
  ];
  for (const [title, parameters] of refused) {
    it(`shows a page and keeps the session: ${title}`, async () => {
      const { world, browser, current } = await ready();
      await world.addClient({ ...rp, client_id: "off", disabled: true });
      await errorPageOf(await browser.get(endUrl(parameters)));
      await errorPageOf(await browser.post("/end-session", parameters));
      assert.equal(await current(), "alice");
    });
  }

  it("shows a page if client_id is not whom the hint was issued to (§2)", async () => {
    const { browser, world, hint, current } = await ready();
    await world.addClient({ ...rp, client_id: "other" });
    await errorPageOf(
      await browser.get(endUrl({ id_token_hint: hint, client_id: "other", post_logout_redirect_uri: bye })),
    );
    assert.equal(await current(), "alice");
  });

  it("does not pass anybody on to a stranger's client who is not signed in (RFC 9700 §4.11.2)", async () => {
    const world = await createWorld();
    await world.addClient({ ...rp, client_id: "stranger", provenance: "dynamic" });
    const hint = await idToken({ sub: "mallory", sid: "x", aud: "stranger" });
    for (const proof of [{ client_id: "stranger" }, { id_token_hint: hint }]) {
      const response = await world
        .browser()
        .get(endUrl({ ...proof, post_logout_redirect_uri: bye } as Record<string, string>));
      assert.equal(locationOf(response).page, `${issuer}/logout`);
    }
  });
});

describe("logout with the application's own session", () => {
  it("asks the application's page, cuts what is bound to that session, and leaves ending it to the application", async () => {
    let session: Session | undefined = {
      subject: "alice",
      auth_time: start / 1000,
      sid: "host",
      expiresAt: start + 3_600_000,
    };
    const world = await createWorld({ session: () => session });
    const browser = world.browser();
    const id = await begin(browser);
    const allowed = await world.provider.interactions.answer(browser.request("/", post), id, {
      step: "consent",
      decision: "allow",
    });
    await browser.get(addressOf(allowed));
    assert.equal((await world.store.list("grant", {})).length, 1);
    const hint = await idToken({ sub: "alice", sid: "host" });
    const asked = await browser.get(endUrl({ id_token_hint: hint, post_logout_redirect_uri: bye }));
    session = undefined;
    assert.equal(addressOf(await confirm(world, browser, asked)), bye);
    assert.deepEqual(await world.store.list("grant", {}), []);
  });
});
