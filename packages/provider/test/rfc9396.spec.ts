import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { invalidAuthorizationDetails } from "@valetkey/protocol/errors";
import type { AuthorizationDetailType } from "@valetkey/provider/authorization-details";
import { answer, authorizeUrl, createWorld, locationOf, rp, signIn } from "./op.ts";
import { api, assertError, claimsOf, post, redeem, refresh, signedApi, tokensOf } from "./token-side.ts";

const payment: AuthorizationDetailType = {
  type: "payment",
  check(detail) {
    const { type, amount, to } = detail;
    if (typeof amount !== "number" || typeof to !== "string")
      throw invalidAuthorizationDetails("a payment needs an amount and whom it is to");
    return { type, amount, to };
  },
  words: ({ amount, to }) => [`Pay ${amount} EUR to ${to}`],
};

const details = (...all: unknown[]) => JSON.stringify(all);
const one = { type: "payment", amount: 5, to: "Bob" };
const two = { type: "payment", amount: 7, to: "Eve" };

async function ready() {
  const world = await createWorld({
    authorizationDetails: [payment],
    resources: [api, signedApi],
    scopes: { "api:read": "Read" },
  });
  const browser = world.browser();
  await signIn(world, browser, "alice");
  const ask = (changes: Record<string, string | undefined>) => browser.get(authorizeUrl(changes));
  const allow = async (changes: Record<string, string | undefined>) => {
    const id = locationOf(await ask(changes)).parameters.interaction ?? "";
    const response = await answer(world, browser, id, { step: "consent", decision: "allow" });
    return locationOf(response).parameters.code ?? "";
  };
  return { world, browser, ask, allow };
}

describe("rich authorization requests (RFC 9396)", () => {
  it("the person reads them in words, and the token answer says what was granted (§7)", async () => {
    const { world, browser, ask } = await ready();
    const id =
      locationOf(await ask({ authorization_details: details({ ...one, extra: "dropped" }) })).parameters.interaction ??
      "";
    const interaction = await world.provider.interactions.find(browser.request("/consent"), id);
    assert.deepEqual(interaction?.details, [{ type: "payment", words: ["Pay 5 EUR to Bob"] }]);
    const response = await answer(world, browser, id, { step: "consent", decision: "allow" });
    const tokens = await tokensOf(await redeem(world, locationOf(response).parameters.code ?? ""));
    assert.deepEqual(tokens.authorization_details, [one]);
    const seen = await post(world, "/introspect", { token: tokens.access_token });
    assert.deepEqual(((await seen.json()) as Record<string, unknown>).authorization_details, [one]);
  });

  it("are in a signed token as a claim (§9.1)", async () => {
    const { world, allow } = await ready();
    const code = await allow({
      authorization_details: details(one),
      scope: "openid signed:read",
      resource: signedApi.resource,
    });
    const tokens = await tokensOf(await redeem(world, code, { resource: signedApi.resource }));
    assert.deepEqual(claimsOf(tokens.access_token).authorization_details, [one]);
  });

  it("are asked about every time: what was allowed once is not allowed again (§8)", async () => {
    const { allow, ask } = await ready();
    await allow({ authorization_details: details(one) });
    assert.ok(locationOf(await ask({ authorization_details: details(one) })).parameters.interaction);
    assert.ok(locationOf(await ask({})).parameters.code);
    assert.equal(
      locationOf(await ask({ prompt: "none", authorization_details: details(one) })).parameters.error,
      "consent_required",
    );
  });

  it("need no scope (§2)", async () => {
    const { world, allow } = await ready();
    const tokens = await tokensOf(
      await redeem(world, await allow({ scope: undefined, authorization_details: details(one) })),
    );
    assert.equal(tokens.scope, undefined);
    assert.deepEqual(tokens.authorization_details, [one]);
  });

  it("can be narrowed by the token request, never widened (§6.1)", async () => {
    const { world, allow } = await ready();
    const code = await allow({ authorization_details: details(one, two) });
    await assertError(
      await redeem(world, code, { authorization_details: details({ ...one, amount: 500 }) }),
      "invalid_authorization_details",
    );
    // The order of members is nothing.
    const narrowed = await tokensOf(
      await redeem(world, code, { authorization_details: details({ to: "Eve", amount: 7, type: "payment" }) }),
    );
    assert.deepEqual(narrowed.authorization_details, [two]);
    const later = await tokensOf(await refresh(world, narrowed.refresh_token));
    assert.deepEqual(later.authorization_details, [one, two]);
  });

  const bad: [string, string][] = [
    ["an unknown type", details({ type: "gift" })],
    ["no type", details({ amount: 5 })],
    ["what its type refuses", details({ type: "payment", amount: "5", to: "Bob" })],
    ["an object", JSON.stringify(one)],
    ["an empty array", "[]"],
    ["what is not JSON", "["],
    ["more than 20 elements", details(...Array.from({ length: 21 }, () => one))],
    ["more than 16384 characters", details({ ...one, to: "x".repeat(17_000) })],
  ];
  for (const [title, authorization_details] of bad) {
    it(`refuses ${title} (§5)`, async () => {
      const { ask } = await ready();
      assert.equal(locationOf(await ask({ authorization_details })).parameters.error, "invalid_authorization_details");
    });
  }

  it("a client may be registered for some types only (§10)", async () => {
    const { world, ask } = await ready();
    await world.addClient({ ...rp, client_id: "modest", authorization_details_types: ["gift"] });
    const { parameters } = locationOf(await ask({ client_id: "modest", authorization_details: details(one) }));
    assert.equal(parameters.error, "invalid_authorization_details");
  });

  it("the types are announced (§10)", async () => {
    const { world } = await ready();
    assert.deepEqual(world.provider.metadata.authorization_details_types_supported, ["payment"]);
    assert.equal((await createWorld()).provider.metadata.authorization_details_types_supported, undefined);
  });
});
