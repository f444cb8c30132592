import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  answer,
  authorizeUrl,
  type Browser,
  begin,
  codeFor,
  createWorld,
  dataOf,
  idToken,
  issuer,
  locationOf,
  signIn,
  type World,
} from "./op.ts";

/** Alice has signed in and consented to `openid`; the clock stands ten minutes later. */
async function ready() {
  const world = await createWorld();
  const browser = world.browser();
  await codeFor(world, "alice", {}, browser);
  world.clock.advance(600);
  return { world, browser };
}

const pageOf = (response: Response) => locationOf(response).page;
const codeOf = (response: Response) => locationOf(response).parameters.code;
const errorOf = (response: Response) => locationOf(response).parameters.error;

async function authTimeOf(world: World): Promise<number> {
  const grants = await world.store.list("grant", {});
  return dataOf<{ auth_time: number }>(grants.at(-1)).auth_time;
}

describe("prompt=none (OpenID Connect Core §3.1.2.1, §3.1.2.6)", () => {
  it("answers without a page for somebody who is signed in and has consented", async () => {
    const { browser } = await ready();
    assert.ok(codeOf(await browser.get(authorizeUrl({ prompt: "none" }))));
  });

  const refusals: readonly (readonly [
    string,
    (world: World, browser: Browser) => Promise<void>,
    Record<string, string>,
    string,
  ])[] = [
    ["nobody is signed in", async (_, browser) => browser.cookies.clear(), {}, "login_required"],
    ["consent is missing", async () => {}, { scope: "openid email" }, "consent_required"],
    ["the sign-in is older than max_age", async () => {}, { max_age: "599" }, "login_required"],
    ["max_age is 0", async () => {}, { max_age: "0" }, "login_required"],
    ["the account is gone", async (world) => void world.people.delete("alice"), {}, "login_required"],
    ["the session is over", async (world) => world.clock.advance(12 * 3600), {}, "login_required"],
    [
      "the current account logged out and another one is signed in",
      async (world, browser) => {
        await signIn(world, browser, "bob");
        browser.keep(await world.provider.sessions.end(browser.request("/")));
      },
      {},
      "account_selection_required",
    ],
  ];
  for (const [title, prepare, changes, error] of refusals) {
    it(`${title}: ${error}, without a page, a cookie or anything stored`, async () => {
      const { world, browser } = await ready();
      await prepare(world, browser);
      const response = await browser.get(authorizeUrl({ prompt: "none", ...changes }));
      assert.equal(errorOf(response), error);
      assert.equal(pageOf(response), "https://rp.test/cb");
      assert.deepEqual(response.headers.getSetCookie(), []);
      assert.deepEqual(await world.store.list("interaction", {}), []);
    });
  }
});

describe("asking again (OpenID Connect Core §3.1.2.1)", () => {
  for (const changes of [{ prompt: "login" }, { max_age: "0" }, { max_age: "599" }] as const) {
    it(`${JSON.stringify(changes)}: asks to sign in once more, then answers with the new auth_time`, async () => {
      const { world, browser } = await ready();
      const id = await begin(browser, changes);
      assert.equal((await world.provider.interactions.find(browser.request("/login"), id))?.again, true);
      // Going back without signing in leads to the same question.
      assert.equal(pageOf(await browser.get(`/authorize?interaction=${id}`)), `${issuer}/login`);
      assert.ok(codeOf(await answer(world, browser, id, { step: "login", subject: "alice" })));
      assert.equal(await authTimeOf(world), world.clock.now / 1000);
    });
  }

  it("max_age=600: answers at once and keeps the auth_time", async () => {
    const { world, browser } = await ready();
    assert.ok(codeOf(await browser.get(authorizeUrl({ max_age: "600" }))));
    assert.equal(await authTimeOf(world), world.clock.now / 1000 - 600);
  });

  it("default_max_age of the client counts if max_age is not sent (Registration §2)", async () => {
    const { world, browser } = await ready();
    await world.addClient({
      client_id: "strict",
      redirect_uris: ["https://rp.test/cb"],
      default_max_age: 60,
      firstParty: true,
    });
    assert.equal(pageOf(await browser.get(authorizeUrl({ client_id: "strict" }))), `${issuer}/login`);
    assert.ok(codeOf(await browser.get(authorizeUrl({ client_id: "strict", max_age: "6000" }))));
  });

  it("prompt=consent: asks although it is remembered", async () => {
    const { world, browser } = await ready();
    const response = await browser.get(authorizeUrl({ prompt: "consent" }));
    assert.equal(pageOf(response), `${issuer}/consent`);
    const id = locationOf(response).parameters.interaction ?? "";
    assert.ok(codeOf(await answer(world, browser, id, { step: "consent", decision: "allow" })));
  });

  it("prompt=login consent: asks for both, in this order", async () => {
    const { world, browser } = await ready();
    const response = await browser.get(authorizeUrl({ prompt: "login consent" }));
    assert.equal(pageOf(response), `${issuer}/login`);
    const id = locationOf(response).parameters.interaction ?? "";
    const next = await answer(world, browser, id, { step: "login", subject: "alice" });
    assert.equal(pageOf(next), `${issuer}/consent`);
    assert.ok(codeOf(await answer(world, browser, id, { step: "consent", decision: "allow" })));
  });

  it("prompt=select_account: shows who is signed in here, and the choice becomes the current account", async () => {
    const { world, browser } = await ready();
    await signIn(world, browser, "bob");
    const response = await browser.get(authorizeUrl({ prompt: "select_account" }));
    assert.equal(pageOf(response), `${issuer}/select-account`);
    const id = locationOf(response).parameters.interaction ?? "";
    const { sessions = [] } = (await world.provider.interactions.find(browser.request("/"), id)) ?? {};
    assert.deepEqual(
      sessions.map(({ subject }) => subject),
      ["bob", "alice"],
    );
    const sid = sessions[1]?.sid ?? "";
    const answered = await answer(world, browser, id, { step: "select_account", sid });
    assert.ok(codeOf(answered));
    assert.equal((await world.provider.sessions.current(browser.request("/")))?.subject, "alice");
    assert.equal((await world.store.list("grant", { subject: "alice" })).length, 1);
    assert.deepEqual(await world.store.list("grant", { subject: "bob" }), []);
  });

  it("prompt=select_account: another account means to sign in", async () => {
    const { world, browser } = await ready();
    const id = await begin(browser, { prompt: "select_account" });
    const next = await answer(world, browser, id, { step: "select_account", other: true });
    assert.equal(pageOf(next), `${issuer}/login`);
    const asked = await answer(world, browser, id, { step: "login", subject: "bob" });
    assert.equal(pageOf(asked), `${issuer}/consent`, "bob has not consented");
  });

  it("refuses to select a session that is not open in this browser", async () => {
    const { world, browser } = await ready();
    const other = world.browser();
    await signIn(world, other, "bob");
    const foreign = (await world.provider.sessions.current(other.request("/")))?.sid ?? "";
    const id = await begin(browser, { prompt: "select_account" });
    await assert.rejects(answer(world, browser, id, { step: "select_account", sid: foreign }), {
      error: "invalid_request",
    });
  });
});

describe("id_token_hint (OpenID Connect Core §3.1.2.1)", () => {
  it("accepts an expired hint of the person who is signed in", async () => {
    const { browser } = await ready();
    const hint = await idToken({ sub: "alice" });
    assert.ok(codeOf(await browser.get(authorizeUrl({ id_token_hint: hint, prompt: "none" }))));
  });

  it("never answers for somebody else than the hinted person", async () => {
    const { world, browser } = await ready();
    const hint = await idToken({ sub: "bob" });
    assert.equal(errorOf(await browser.get(authorizeUrl({ id_token_hint: hint, prompt: "none" }))), "login_required");
    const id = await begin(browser, { id_token_hint: hint });
    const refused = await answer(world, browser, id, { step: "login", subject: "alice" });
    assert.equal(errorOf(refused), "login_required");
    const again = await begin(browser, { id_token_hint: hint });
    const next = await answer(world, browser, again, { step: "login", subject: "bob" });
    assert.equal(pageOf(next), `${issuer}/consent`);
  });

  const unsigned = (claims: object) => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    return `${part({ alg: "none" })}.${part(claims)}.`;
  };
  const forgeries: readonly (readonly [string, () => Promise<string> | string])[] = [
    ["unsigned", () => unsigned({ iss: issuer, sub: "alice", aud: "rp", iat: 1_800_000_000, exp: 1_800_000_300 })],
    ["another issuer", () => idToken({ sub: "alice", iss: "https://evil.test" })],
    ["another client's", () => idToken({ sub: "alice", aud: "other" })],
    ["an access token", () => idToken({ sub: "alice" }, "at+jwt")],
    [
      "a changed payload",
      async () => {
        const [header, , signature] = (await idToken({ sub: "bob" })).split(".");
        const [, payload] = (await idToken({ sub: "alice" })).split(".");
        return `${header}.${payload}.${signature}`;
      },
    ],
    ["without sub", () => idToken({})],
    ["garbage", () => "x".repeat(5000)],
  ];
  for (const [title, make] of forgeries) {
    it(`refuses a hint that is ${title} as invalid_request`, async () => {
      const { browser } = await ready();
      const response = await browser.get(authorizeUrl({ id_token_hint: await make(), prompt: "none" }));
      assert.equal(errorOf(response), "invalid_request");
    });
  }
});
