/**
 * Grant Management for OAuth 2.0 (-03): grants that clients create, add to, replace, look at and give back.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createDpopProof, generateDpopKey } from "@valetkey/protocol/dpop";
import { dpop } from "@valetkey/provider/bindings/dpop";
import { grantManagement } from "@valetkey/provider/grant-management";
import { openid } from "@valetkey/provider/profiles/openid";
import type { Store } from "@valetkey/store";
import { onEachStore } from "./each-store.ts";
import {
  answer,
  authorizeUrl,
  type Browser,
  createWorld,
  issuer,
  locationOf,
  rp,
  signIn,
  type TestClient,
  verifier,
  type World,
} from "./op.ts";
import {
  api,
  assertError,
  isActive,
  other,
  post,
  pub,
  redeem,
  refresh,
  signedApi,
  tokensOf,
  userinfo,
} from "./token-side.ts";

const bank: TestClient = {
  ...rp,
  client_id: "bank",
  grant_types: [...(rp.grant_types as string[]), "client_credentials"],
};

async function ready(options: Parameters<typeof createWorld>[0] = {}): Promise<World> {
  const world = await createWorld({
    ...openid(),
    extensions: [grantManagement()],
    resources: [api, signedApi],
    scopes: { a: "A", b: "B" },
    ...options,
  });
  const all = "openid offline_access a b api:read api:write grant_management_query grant_management_revoke";
  await world.addClient({ ...bank, scope: all });
  await world.addClient(other);
  await world.addClient(pub);
  return world;
}

type Changes = Parameters<typeof authorizeUrl>[0];

/** Asks for something; gives what comes back to the client. */
async function ask(world: World, changes: Changes, subject = "alice", browser: Browser = world.browser()) {
  await signIn(world, browser, subject);
  let response = await browser.get(authorizeUrl({ client_id: "bank", scope: "openid a", ...changes }));
  const { interaction } = locationOf(response).parameters;
  if (interaction !== undefined)
    response = await answer(world, browser, interaction, { step: "consent", decision: "allow" });
  return locationOf(response).parameters;
}

type Tokens = Awaited<ReturnType<typeof tokensOf>> & { grant_id?: string };

/** The whole way, to the tokens. */
async function get(world: World, changes: Changes, subject?: string): Promise<Tokens> {
  const { code, ...rest } = await ask(world, changes, subject);
  assert.ok(code, JSON.stringify(rest));
  return tokensOf(await redeem(world, code, {}, bank));
}

const create = { grant_management_action: "create" };

/** A token of the client itself for the API. */
async function own(world: World, scope: string, client: TestClient = bank): Promise<string> {
  return (await tokensOf(await post(world, "/token", { grant_type: "client_credentials", scope }, client)))
    .access_token;
}

async function api_(world: World, method: "GET" | "DELETE", id: string | undefined, token?: string): Promise<Response> {
  const headers = {
    authorization: `Bearer ${token ?? (await own(world, `grant_management_${method === "GET" ? "query" : "revoke"}`))}`,
  };
  return world.send(`/grants/${id}`, { method, headers });
}

const query = async (world: World, id: string | undefined) => {
  const response = await api_(world, "GET", id);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("cache-control"), "no-store");
  return (await response.json()) as Record<string, unknown>;
};

describe("grant management in an authorization request (§5.2)", () => {
  it("create: every time a grant of its own, named in the token response (§5.5)", async () => {
    const world = await ready();
    const [one, two] = [await get(world, create), await get(world, create)];
    assert.match(one.grant_id ?? "", /^[0-9a-z]{26}$/);
    assert.notEqual(one.grant_id, two.grant_id);
    assert.ok(await isActive(world, one.refresh_token), "the first stands beside the second");
    const again = (await tokensOf(await refresh(world, one.refresh_token, {}, bank))) as Tokens;
    assert.equal(again.grant_id, one.grant_id);
  });

  it("is not in the authorization response (§5.3)", async () => {
    const world = await ready();
    assert.deepEqual(Object.keys(await ask(world, create)).sort(), ["code", "iss", "state"]);
  });

  it("merge: adds what is allowed now to what was, and ends the refresh tokens from before", async () => {
    const world = await ready();
    const first = await get(world, { ...create, scope: "openid a offline_access" });
    const more = { grant_management_action: "merge", grant_id: first.grant_id, scope: "openid b" };
    const second = await get(world, more);
    assert.equal(second.grant_id, first.grant_id);
    assert.equal(second.scope, "openid a offline_access b");
    assert.equal(await isActive(world, first.refresh_token), false);
    await assertError(await refresh(world, first.refresh_token, {}, bank), "invalid_grant");
    assert.ok(await isActive(world, second.refresh_token), "the late use of an old one ends nothing");
    const third = await tokensOf(await refresh(world, second.refresh_token, {}, bank));
    assert.equal(third.scope, "openid a offline_access b");
    assert.equal((await world.store.list("grant", {})).length, 1);
    const { scopes } = await query(world, first.grant_id);
    assert.deepEqual(scopes, [{ scope: "openid a offline_access b" }]);
    await world.provider.sessions.endAll("alice");
    assert.ok(await isActive(world, third.refresh_token), "offline_access stays allowed (P11)");
  });

  it("merge: into a grant whose own code is still out ends that code, and so it ends with its session (P11, CD-10)", async () => {
    const world = await ready();
    const browser = world.browser();
    const { code: first = "" } = await ask(world, { scope: "openid a" }, "alice", browser);
    const [grant] = await world.store.list("grant", {});
    const { scope } = await get(world, { grant_management_action: "merge", grant_id: grant?.id, scope: "openid b" });
    assert.equal(scope, "openid a b");
    await world.provider.sessions.end(browser.request("/"));
    await assertError(await redeem(world, first, {}, bank), "invalid_grant");
  });

  it("replace: the grant is what is allowed now, and nothing else", async () => {
    const world = await ready();
    const first = await get(world, { ...create, scope: "openid a offline_access" });
    const second = await get(world, {
      grant_management_action: "replace",
      grant_id: first.grant_id,
      scope: "openid b",
    });
    assert.equal(second.grant_id, first.grant_id);
    assert.equal(second.scope, "openid b");
    assert.equal(await isActive(world, first.refresh_token), false);
    assert.deepEqual((await query(world, first.grant_id)).scopes, [{ scope: "openid b" }]);
  });

  it("changes nothing before the code is redeemed, and nothing if it never is (§5.6.1)", async () => {
    const world = await ready();
    const first = await get(world, create);
    const { code } = await ask(world, {
      grant_management_action: "replace",
      grant_id: first.grant_id,
      scope: "openid b",
    });
    assert.ok(code);
    assert.deepEqual((await query(world, first.grant_id)).scopes, [{ scope: "openid a" }]);
    assert.ok(await isActive(world, first.refresh_token));
    world.clock.advance(600);
    await assertError(await redeem(world, code, {}, bank), "invalid_grant");
    assert.ok(await isActive(world, first.refresh_token));
  });

  it("a code for a grant that was given back meanwhile is of no use", async () => {
    const world = await ready();
    const first = await get(world, create);
    const { code = "" } = await ask(world, { grant_management_action: "merge", grant_id: first.grant_id });
    assert.equal((await api_(world, "DELETE", first.grant_id)).status, 204);
    await assertError(await redeem(world, code, {}, bank), "invalid_grant");
  });

  it("a code that is replayed ends the grant it changed (RFC 6749 §4.1.2)", async () => {
    const world = await ready();
    const first = await get(world, create);
    const { code = "" } = await ask(world, {
      grant_management_action: "merge",
      grant_id: first.grant_id,
      scope: "openid b",
    });
    const second = await tokensOf(await redeem(world, code, {}, bank));
    await assertError(await redeem(world, code, {}, bank), "invalid_grant");
    assert.equal(await isActive(world, second.refresh_token), false);
    assert.equal(await isActive(world, second.access_token), false);
  });

  it("signing out before the code is redeemed leaves an offline grant alone (P11)", async () => {
    const world = await ready();
    const first = await get(world, { ...create, scope: "openid a offline_access" });
    const browser = world.browser();
    await ask(world, { grant_management_action: "merge", grant_id: first.grant_id }, "alice", browser);
    await world.provider.sessions.end(browser.request("/logout", { method: "POST" }));
    assert.ok(await isActive(world, first.refresh_token));
  });
});

describe("what cannot be asked for (§5.1, §5.4)", () => {
  const refused: readonly (readonly [string, Changes, string])[] = [
    ["an unknown grant", { grant_management_action: "merge", grant_id: "nope" }, "invalid_grant_id"],
    ["create with a grant_id", { grant_management_action: "create", grant_id: "x" }, "invalid_request"],
    ["merge without one", { grant_management_action: "merge" }, "invalid_request"],
    ["replace without one", { grant_management_action: "replace" }, "invalid_request"],
    ["a grant_id without an action", { grant_id: "x" }, "invalid_request"],
    ["an action there is not", { grant_management_action: "update" }, "invalid_request"],
    ["a public client", { ...create, client_id: "pub", redirect_uri: "https://pub.test/cb" }, "invalid_request"],
  ];
  for (const [title, changes, error] of refused) {
    it(`${title}: ${error}`, async () => {
      assert.equal((await ask(await ready(), changes)).error, error);
    });
  }

  it("another client's grant", async () => {
    const world = await ready();
    const { grant_id } = await get(world, create);
    const theirs = await ask(world, { client_id: "other", grant_management_action: "merge", grant_id });
    assert.equal(theirs.error, "invalid_grant_id");
  });

  it("another person's grant: nothing of it changes", async () => {
    const world = await ready();
    const { grant_id, refresh_token } = await get(world, create);
    const theirs = await ask(world, { grant_management_action: "replace", grant_id, scope: "openid b" }, "bob");
    assert.equal(theirs.error, "invalid_grant_id");
    assert.equal(theirs.code, undefined);
    assert.ok(await isActive(world, refresh_token));
    assert.deepEqual(await world.store.list("interaction", {}), []);
  });

  it("a request that says nothing, where every one must", async () => {
    const world = await ready({ extensions: [grantManagement({ required: true })] });
    assert.equal(world.provider.metadata.grant_management_action_required, true);
    assert.equal((await ask(world, {})).error, "invalid_request");
    assert.ok((await get(world, create)).grant_id);
  });

  it("without the extension the parameters mean nothing, and there is no API", async () => {
    const world = await ready({ extensions: [] });
    const tokens = await get(world, { grant_management_action: "merge", grant_id: "nope" });
    assert.equal(tokens.grant_id, undefined);
    assert.equal(await world.provider.handle(new Request(`${issuer}/grants/x`)), undefined);
    assert.equal(world.provider.metadata.grant_management_endpoint, undefined);
  });
});

describe("the grant management API (§6)", () => {
  it("is announced (§7.1)", async () => {
    const { provider } = await ready();
    assert.equal(provider.metadata.grant_management_endpoint, `${issuer}/grants`);
    assert.deepEqual(provider.metadata.grant_management_actions_supported, [
      "query",
      "revoke",
      "create",
      "merge",
      "replace",
    ]);
    assert.ok(provider.metadata.scopes_supported?.includes("grant_management_query"));
  });

  it("says what is in a grant: scopes by resource, claims, when, and no token (§6.4)", async () => {
    const world = await ready();
    const claims = JSON.stringify({ userinfo: { email: null }, id_token: { name: { essential: true } } });
    const { grant_id } = await get(world, { ...create, scope: "openid a api:read", resource: api.resource, claims });
    world.clock.advance(60);
    const first = await query(world, grant_id);
    const { expires_at, ...rest } = first;
    const made = world.clock.now / 1000 - 60;
    assert.deepEqual(rest, {
      scopes: [{ scope: "api:read", resource: [api.resource] }, { scope: "openid a" }],
      claims: ["email", "name"],
      created_at: made,
      last_updated_at: made,
      updated_by: "client",
    });
    assert.ok(Number(expires_at) > made);
    await get(world, { grant_management_action: "merge", grant_id });
    const second = await query(world, grant_id);
    assert.equal(second.created_at, made);
    assert.equal(second.last_updated_at, made + 60);
  });

  it("gives a grant back: with it go all its tokens (§6.5)", async () => {
    const world = await ready();
    const { grant_id, access_token, refresh_token } = await get(world, create);
    const response = await api_(world, "DELETE", grant_id);
    assert.equal(response.status, 204);
    assert.equal(await response.text(), "");
    assert.equal(await isActive(world, access_token), false);
    assert.equal(await isActive(world, refresh_token), false);
    assert.equal((await api_(world, "GET", grant_id)).status, 404);
    assert.equal((await api_(world, "DELETE", grant_id)).status, 404);
  });

  it("is for the client of the grant, with a token that has the scope (§6.1, §6.6)", async () => {
    const world = await ready();
    const scoped = {
      ...other,
      client_id: "third",
      scope: "grant_management_query grant_management_revoke",
      grant_types: ["client_credentials"],
      response_types: [],
    };
    await world.addClient(scoped);
    const { grant_id, access_token, refresh_token } = await get(world, create);
    for (const method of ["GET", "DELETE"] as const) {
      const theirs = await own(world, "grant_management_query grant_management_revoke", scoped);
      assert.equal((await api_(world, method, grant_id, theirs)).status, 404);
      const wrong = await own(world, `grant_management_${method === "GET" ? "revoke" : "query"}`);
      for (const token of [wrong, access_token]) {
        const refused = await api_(world, method, grant_id, token);
        assert.equal(refused.status, 403);
        assert.match(refused.headers.get("www-authenticate") ?? "", /error="insufficient_scope"/);
      }
      for (const token of ["nonsense", refresh_token ?? ""]) {
        const refused = await api_(world, method, grant_id, token);
        assert.equal(refused.status, 401);
        assert.match(refused.headers.get("www-authenticate") ?? "", /error="invalid_token"/);
      }
      assert.equal((await world.send(`/grants/${grant_id}`, { method })).status, 401);
    }
    assert.ok(await isActive(world, access_token), "nothing of that ended it");
    assert.equal((await world.send(`/grants/${grant_id}`, { method: "POST" })).status, 405);
    assert.equal(await world.provider.handle(new Request(`${issuer}/grants`)), undefined);
    assert.equal(await world.provider.handle(new Request(`${issuer}/grants/a/b`)), undefined);
    assert.equal((await userinfo(world, access_token)).status, 200);
  });

  it("a token that is bound to a key comes with its proof (RFC 9449 §7.1)", async () => {
    const world = await ready({ bindings: [dpop()] });
    const { grant_id } = await get(world, create);
    const key = await generateDpopKey();
    const proof = (htm: string, path: string, access_token?: string) =>
      createDpopProof({ key, htm, htu: issuer + path, now: world.clock.now, access_token });
    const body = new URLSearchParams({ grant_type: "client_credentials", scope: "grant_management_query" });
    const basic = `Basic ${btoa(`bank:${encodeURIComponent(bank.client_secret ?? "").replaceAll("%20", "+")}`)}`;
    const headers = { authorization: basic, DPoP: await proof("POST", "/token") };
    const { access_token, token_type } = await tokensOf(await world.send("/token", { method: "POST", body, headers }));
    assert.equal(token_type, "DPoP");
    const path = `/grants/${grant_id}`;
    assert.equal((await api_(world, "GET", grant_id, access_token)).status, 401);
    const bare = await world.send(path, { headers: { authorization: `DPoP ${access_token}` } });
    assert.equal(bare.status, 401);
    assert.match(bare.headers.get("www-authenticate") ?? "", /^DPoP error="invalid_dpop_proof"/);
    const good = { authorization: `DPoP ${access_token}`, DPoP: await proof("GET", path, access_token) };
    assert.equal((await world.send(path, { headers: good })).status, 200);
  });
});

onEachStore("two codes for one grant", (open) => {
  it("are redeemed at the same time: both are in it afterwards, and one refresh token counts", async () => {
    const store: Store = await open();
    const world = await ready({ store, now: Date.now });
    const { grant_id } = await get(world, create);
    const merge = (scope: string) => ask(world, { grant_management_action: "merge", grant_id, scope });
    const codes = [await merge("openid b"), await merge("openid api:read")].map(({ code }) => code ?? "");
    const answers = await Promise.all(
      codes.map(async (code) =>
        tokensOf(
          await post(
            world,
            "/token",
            { grant_type: "authorization_code", code, redirect_uri: "https://rp.test/cb", code_verifier: verifier },
            bank,
          ),
        ),
      ),
    );
    const active = await Promise.all(answers.map(({ refresh_token }) => isActive(world, refresh_token)));
    assert.equal(active.filter((one) => one).length, 1);
    const { scopes } = await query(world, grant_id);
    assert.deepEqual((scopes as { scope: string }[]).flatMap(({ scope }) => scope.split(" ")).sort(), [
      "a",
      "api:read",
      "b",
      "openid",
    ]);
    assert.equal((await world.store.list("grant", {})).length, 1);
  });
});
