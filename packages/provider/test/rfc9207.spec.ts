import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { answer, authorizeUrl, begin, createWorld, issuer, rp, signIn } from "./op.ts";

describe("the issuer in every authorization response (RFC 9207 §2)", () => {
  it("is there exactly once, in answers and in every kind of error", async () => {
    const world = await createWorld();
    await world.addClient({
      ...rp,
      client_id: "quick",
      firstParty: true,
      redirect_uris: ["https://rp.test/cb?iss=https://evil.test"],
    });
    const browser = world.browser();
    const out = world.browser();
    await signIn(world, browser, "alice");
    const quick = { client_id: "quick", redirect_uri: "https://rp.test/cb?iss=https://evil.test" };
    const responses = [
      await browser.get(authorizeUrl({ client_id: "quick", redirect_uri: quick.redirect_uri })),
      await browser.get(authorizeUrl({ scope: "bogus" })),
      await browser.get(authorizeUrl({ response_type: "token" })),
      await browser.get(authorizeUrl({ prompt: "none" })),
      await out.get(authorizeUrl({ prompt: "none" })),
      await answer(world, out, await begin(out), { cancel: true }),
      await answer(world, browser, await begin(browser), { step: "consent", decision: "deny" }),
      await answer(world, browser, await begin(browser), { step: "consent", decision: "allow" }),
    ];
    for (const response of responses) {
      assert.equal(response.status, 303);
      const location = response.headers.get("location") ?? "";
      const own = location.replace(`${quick.redirect_uri}&`, "?");
      assert.match(location, /^https:\/\/rp\.test\/cb/);
      const { searchParams, hash } = new URL(own, issuer);
      const sent = hash === "" ? searchParams : new URLSearchParams(hash.slice(1));
      assert.deepEqual(sent.getAll("iss"), [issuer]);
    }
  });

  it("is announced", async () => {
    const world = await createWorld();
    assert.equal(world.provider.metadata.authorization_response_iss_parameter_supported, true);
  });
});
