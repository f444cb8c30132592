import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { answer, authorizeUrl, createWorld, locationOf, rp, signIn } from "./op.ts";
import { claimsOf, redeem, tokensOf, userinfo } from "./token-side.ts";

async function ready(options: Parameters<typeof createWorld>[0] = {}) {
  const world = await createWorld(options);
  const browser = world.browser();
  await signIn(world, browser, "alice");
  const ask = (claims: unknown, more: Record<string, string> = {}) =>
    browser.get(authorizeUrl({ claims: typeof claims === "string" ? claims : JSON.stringify(claims), ...more }));
  const allow = async (claims: unknown, more: Record<string, string> = {}) => {
    const { interaction = "" } = locationOf(await ask(claims, more)).parameters;
    const { code } = locationOf(
      await answer(world, browser, interaction, { step: "consent", decision: "allow" }),
    ).parameters;
    return tokensOf(await redeem(world, code ?? ""));
  };
  return { world, browser, ask, allow };
}

const about = async (response: Response) => (await response.json()) as Record<string, unknown>;

describe("the claims parameter (OpenID Connect Core §5.5)", () => {
  it("single claims are released where they were asked for, and nowhere else", async () => {
    const { world, allow } = await ready();
    const tokens = await allow({ userinfo: { email: { essential: true } }, id_token: { name: null } });
    const claims = claimsOf(tokens.id_token);
    assert.equal(claims.name, "alice");
    assert.equal(claims.email, undefined);
    const person = await about(await userinfo(world, tokens.access_token));
    assert.deepEqual(person, { email: "alice@people.test", sub: "alice" });
  });

  it("the person is asked about those no scope names, once; then they are remembered", async () => {
    const { world, browser, ask, allow } = await ready();
    const wanted = { userinfo: { email: null, phone_number: null, nonsense: null } };
    const { interaction = "" } = locationOf(await ask(wanted)).parameters;
    const shown = await world.provider.interactions.find(browser.request("/consent"), interaction);
    assert.deepEqual(shown?.claims, ["email", "phone_number"]);
    await allow(wanted);
    assert.ok(locationOf(await ask(wanted)).parameters.code);
    // One more is a new question; what its scope would release anyway is none.
    assert.ok(locationOf(await ask({ id_token: { name: null, email: null } })).parameters.interaction);
  });

  it("claims of a scope that was asked for as well need no question of their own", async () => {
    const { world, browser, ask } = await ready();
    const { interaction = "" } = locationOf(
      await ask({ userinfo: { email: null } }, { scope: "openid email" }),
    ).parameters;
    assert.deepEqual((await world.provider.interactions.find(browser.request("/consent"), interaction))?.claims, []);
  });

  it("claims the protocol sets cannot be asked for, unknown ones are passed over", async () => {
    const { allow } = await ready();
    const claims = claimsOf(
      (await allow({ id_token: { iss: null, aud: null, sid: null, nonsense: null, email: null } })).id_token,
    );
    assert.equal(claims.iss, "https://id.test");
    assert.equal(claims.nonsense, undefined);
  });

  it("sub with a value must be the person who answers (§5.5.1)", async () => {
    const { ask } = await ready();
    const other = await ask({ id_token: { sub: { value: "bob" } } }, { prompt: "none" });
    assert.equal(locationOf(other).parameters.error, "login_required");
    assert.equal(locationOf(await ask({ id_token: { sub: { value: "bob" } } })).page, "https://id.test/login");
    assert.equal(locationOf(await ask({ id_token: { sub: { value: "alice" } } })).page, "https://id.test/consent");
    const two = await ask({ id_token: { sub: { value: "bob" } }, userinfo: { sub: { value: "alice" } } });
    assert.equal(locationOf(two).parameters.error, "invalid_request");
  });

  const bad: [string, string][] = [
    ["longer than 16384 characters", JSON.stringify({ userinfo: { ["x".repeat(17_000)]: null } })],
    [
      "more than 100 claims",
      JSON.stringify({ userinfo: Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`c${at}`, null])) }),
    ],
    ["a member that is no object", '{"userinfo":[]}'],
    ["a claim that is neither null nor an object", '{"id_token":{"email":true}}'],
  ];
  for (const [title, claims] of bad) {
    it(`refuses ${title}`, async () => {
      const { ask } = await ready();
      assert.equal(locationOf(await ask(claims)).parameters.error, "invalid_request");
    });
  }
});

describe("authentication contexts (OpenID Connect Core §5.5.1.1, RFC 9470 §4 and §5)", () => {
  const acrs = ["urn:pwd", "urn:mfa"];
  const login = (acr: string) => ({ step: "login", subject: "alice", acr }) as const;

  it("a wish for a better one sends the person to sign in again, and its result is in the ID token", async () => {
    const { world, browser } = await ready({ acrs });
    assert.deepEqual(world.provider.metadata.acr_values_supported, acrs);
    await world.addClient({ ...rp, client_id: "quick", firstParty: true });
    const url = authorizeUrl({ client_id: "quick", acr_values: "urn:mfa" });
    const { page, parameters } = locationOf(await browser.get(url));
    assert.equal(page, "https://id.test/login");
    const shown = await world.provider.interactions.find(browser.request("/login"), parameters.interaction ?? "");
    assert.deepEqual(shown?.acr, ["urn:mfa"]);
    const done = locationOf(await answer(world, browser, parameters.interaction ?? "", login("urn:mfa")));
    const tokens = await tokensOf(await redeem(world, done.parameters.code ?? "", {}, { ...rp, client_id: "quick" }));
    assert.equal(claimsOf(tokens.id_token).acr, "urn:mfa");
    // Now the session has it: nothing more is asked, for the weaker one neither.
    assert.ok(locationOf(await browser.get(url)).parameters.code);
    assert.ok(
      locationOf(await browser.get(authorizeUrl({ client_id: "quick", acr_values: "urn:pwd" }))).parameters.code,
    );
  });

  it("a wish that is not met is answered all the same, an essential one is refused", async () => {
    const { world, browser, ask } = await ready({ acrs });
    await world.addClient({ ...rp, client_id: "quick", firstParty: true });
    const wish = locationOf(await browser.get(authorizeUrl({ client_id: "quick", acr_values: "urn:mfa" })));
    assert.ok(
      locationOf(await answer(world, browser, wish.parameters.interaction ?? "", login("urn:pwd"))).parameters.code,
    );
    const must = locationOf(
      await ask({ id_token: { acr: { essential: true, values: ["urn:mfa"] } } }, { client_id: "quick" }),
    );
    const refused = locationOf(await answer(world, browser, must.parameters.interaction ?? "", login("urn:pwd")));
    assert.equal(refused.parameters.error, "unmet_authentication_requirements");
  });

  it("one nobody can reach here: a wish is passed over, a condition is refused", async () => {
    const { browser, ask } = await ready({ acrs });
    assert.equal(
      locationOf(await browser.get(authorizeUrl({ acr_values: "urn:unknown" }))).page,
      "https://id.test/consent",
    );
    const must = await ask({ id_token: { acr: { essential: true, value: "urn:unknown" } } }, { prompt: "none" });
    assert.equal(locationOf(must).parameters.error, "login_required");
  });
});

describe("prompt=create (Initiating User Registration §4)", () => {
  it("goes to where accounts are made, and on from there", async () => {
    const { world, browser } = await ready({ pages: { create: "/sign-up" } });
    assert.ok(world.provider.metadata.prompt_values_supported?.includes("create"));
    const { page, parameters } = locationOf(await browser.get(authorizeUrl({ prompt: "create" })));
    assert.equal(page, "https://id.test/sign-up");
    const next = await answer(world, browser, parameters.interaction ?? "", { step: "login", subject: "bob" });
    assert.equal(locationOf(next).page, "https://id.test/consent");
  });

  it("is a mistake where nobody can make an account", async () => {
    const { world, browser } = await ready();
    assert.ok(!world.provider.metadata.prompt_values_supported?.includes("create"));
    assert.equal(locationOf(await browser.get(authorizeUrl({ prompt: "create" }))).parameters.error, "invalid_request");
  });
});
