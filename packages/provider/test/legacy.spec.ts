import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { atHash } from "@valetkey/protocol/id-token";
import { authorizationCode } from "@valetkey/provider/grants/authorization-code";
import { refreshToken } from "@valetkey/provider/grants/refresh-token";
import { hybrid, implicitIdToken, passwordGrant, tokensInRedirect } from "@valetkey/provider/legacy";
import { code } from "@valetkey/provider/response-types";
import { authorizeUrl, createWorld, locationOf, rp, signIn } from "./op.ts";
import { activeOf, assertError, claimsOf, isActive, post, redeem, tokensOf, userinfo } from "./token-side.ts";

const types = [code, implicitIdToken, hybrid, ...tokensInRedirect];
const old = {
  ...rp,
  client_id: "old",
  firstParty: true,
  grant_types: ["authorization_code", "refresh_token", "implicit"],
  response_types: types.map((type) => type.response_type),
};

async function ready() {
  const world = await createWorld({ responseTypes: types });
  await world.addClient(old);
  const browser = world.browser();
  await signIn(world, browser, "alice");
  const ask = async (response_type: string, more: Record<string, string | undefined> = {}) =>
    locationOf(
      await browser.get(
        authorizeUrl({ client_id: "old", response_type, nonce: "n-1", scope: "openid email", ...more }),
      ),
    );
  return { world, browser, ask };
}

describe("response types that put tokens into the redirect (OpenID Connect Core §3.2, §3.3)", () => {
  it("none of them is there unless imported and listed", async () => {
    const world = await createWorld();
    assert.deepEqual(world.provider.metadata.response_types_supported, ["code"]);
  });

  for (const { response_type } of types.filter((type) => type !== code)) {
    it(`${response_type}: what it names, in the fragment, and hashes that tie it together`, async () => {
      const { world, ask } = await ready();
      const { url, parameters } = await ask(response_type);
      assert.equal(url.search, "");
      const words = response_type.split(" ");
      const { code: handle, id_token, access_token } = parameters;
      assert.deepEqual(
        [handle !== undefined, id_token !== undefined, access_token !== undefined],
        ["code", "id_token", "token"].map((word) => words.includes(word)),
      );
      assert.equal(parameters.state, "the state");
      if (access_token !== undefined) assert.equal((await userinfo(world, access_token)).status, 200);
      if (id_token !== undefined) {
        const claims = claimsOf(id_token);
        assert.equal(claims.nonce, "n-1");
        assert.equal(claims.at_hash, access_token && (await atHash(access_token, "RS256")));
        assert.equal(claims.c_hash, handle && (await atHash(handle, "RS256")));
        // §5.4: only where there is no access token to fetch them with.
        assert.equal(claims.email, response_type === "id_token" ? "alice@people.test" : undefined);
      }
      if (handle !== undefined) {
        const redeemed = await redeem(world, handle, {}, { ...old, redirect_uris: ["https://rp.test/cb"] });
        assert.equal(await activeOf(world, await tokensOf(redeemed)), "access refresh");
      }
    });
  }

  it("words in another order are the same type, twice the same word is none", async () => {
    const { ask } = await ready();
    assert.ok((await ask("id_token code")).parameters.id_token);
    assert.equal((await ask("id_token id_token")).parameters.error, "unsupported_response_type");
  });

  it("a nonce is needed for an ID token in the redirect (§3.2.2.1), and no such answer goes into a query (Encoding §3)", async () => {
    const { browser, ask } = await ready();
    assert.equal((await ask("code id_token", { nonce: undefined })).parameters.error, "invalid_request");
    const url = authorizeUrl({ client_id: "old", response_type: "code id_token", nonce: "n", response_mode: "query" });
    assert.equal((await browser.get(url)).status, 400);
  });

  it("only what the client registered (RFC 7591 §2.1)", async () => {
    const { world, browser } = await ready();
    await world.addClient({ ...old, client_id: "half", response_types: ["code"] });
    const url = authorizeUrl({ client_id: "half", response_type: "code id_token", nonce: "n" });
    assert.equal(locationOf(await browser.get(url)).parameters.error, "unauthorized_client");
    const add = (metadata: object) =>
      world.provider.clients.add({ redirect_uris: ["https://rp.test/cb"], ...metadata }, { provenance: "admin" });
    await add({ grant_types: ["implicit"], response_types: ["id_token"] });
    await assert.rejects(add({ grant_types: ["authorization_code"], response_types: ["code id_token"] }), /implicit/);
    await assert.rejects(add({ grant_types: ["implicit"], response_types: ["code id_token"] }), /authorization_code/);
  });

  it("a token from the redirect dies when the session ends", async () => {
    const { world, browser, ask } = await ready();
    const { access_token } = (await ask("token")).parameters;
    assert.ok(await isActive(world, access_token));
    await world.provider.sessions.end(browser.request("/"));
    assert.equal(await isActive(world, access_token), false);
  });
});

describe("the password grant (RFC 6749 §4.3)", () => {
  const withPasswords = async () => {
    const verify = (name: string, password: string) =>
      name === "alice" && password === "open sesame" ? "alice" : undefined;
    const world = await createWorld({ grants: [authorizationCode, refreshToken, passwordGrant({ verify })] });
    await world.addClient({ ...old, response_types: ["code"], grant_types: ["password", "refresh_token"] });
    const ask = (changes: Record<string, string | undefined> = {}) =>
      post(
        world,
        "/token",
        { grant_type: "password", username: "alice", password: "open sesame", scope: "openid email", ...changes },
        { ...old },
      );
    return { world, ask };
  };

  it("gives tokens for a name and a password, and they can be refreshed and revoked", async () => {
    const { world, ask } = await withPasswords();
    const tokens = await tokensOf(await ask());
    assert.equal(tokens.scope, "openid email");
    assert.equal(claimsOf(tokens.id_token).sub, "alice");
    assert.equal(await activeOf(world, tokens), "access refresh");
    await world.provider.grants.revoke("alice", "old");
    assert.equal(await activeOf(world, tokens), "");
  });

  it("wrong name and wrong password are one answer, and guessing is slowed", async () => {
    const { ask } = await withPasswords();
    const wrong = await assertError(await ask({ password: "x" }), "invalid_grant");
    assert.equal(await assertError(await ask({ username: "eve" }), "invalid_grant"), wrong);
    let status = 0;
    for (let attempt = 0; attempt < 60 && status !== 429; attempt++)
      ({ status } = await ask({ password: String(attempt) }));
    assert.equal(status, 429);
    assert.equal((await ask()).status, 429);
  });

  it("is never given to clients that strangers registered", async () => {
    const { world } = await withPasswords();
    const foreign = {
      ...old,
      client_id: "foreign",
      response_types: ["code"],
      grant_types: ["password"],
      provenance: "dynamic" as const,
    };
    await world.addClient(foreign);
    const form = { grant_type: "password", username: "alice", password: "open sesame", scope: "openid" };
    await assertError(await post(world, "/token", form, foreign), "unauthorized_client");
  });
});
