import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { authorizationCode } from "@valetkey/provider/grants/authorization-code";
import type { ProviderOptions } from "@valetkey/provider/options";
import { createProvider, InvalidOptions } from "@valetkey/provider/provider";
import { StoreUnavailable } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";
import { authorizeUrl, createWorld, issuer, keys, rp, secret, start } from "./op.ts";
import { api, assertError, post, sendAs, service, signedApi, tokensFor } from "./token-side.ts";

const good: ProviderOptions = { issuer, secret, keys, store: memoryStore(), accounts: { find: () => undefined } };

function problemsOf(changes: object): readonly string[] {
  try {
    createProvider({ ...good, ...changes });
  } catch (error) {
    if (error instanceof InvalidOptions) return error.problems;
    throw error;
  }
  return [];
}

describe("the options of createProvider (F-33)", () => {
  it("are reported all at once, without secrets", () => {
    const problems = problemsOf({
      issuer: "ftp://x",
      secret: "tiny-secret",
      lifetime: {},
      resources: [{ resource: "x#y", scopes: ["a b"], tokens: "jwt" }],
      store: undefined,
    });
    assert.equal(problems.length, 7, problems.join("\n"));
    assert.ok(!problems.join().includes("tiny-secret"));
  });

  for (const [what, changes] of Object.entries({
    "an issuer with http off loopback": { issuer: "http://id.test" },
    "an issuer with a query": { issuer: "https://id.test/?a" },
    "an issuer that is not written plainly": { issuer: "https://ID.test" },
    "a resource that is there twice": { resources: [api, api] },
    "the issuer as a resource": { resources: [{ ...api, resource: issuer }] },
    "a scope that is no scope": { scopes: { "two words": "x" } },
    "a claim the protocol sets": { claims: { profile: ["sub"] } },
    "a lifetime that is none": { lifetimes: { tokens: 5 } },
    "a lifetime of nothing": { lifetimes: { access: 0 } },
    "a code that lives too long": { lifetimes: { code: 601 } },
    "a retry window that is too long": { lifetimes: { refreshRetry: 61 } },
    "tokens that outlive their keys": { lifetimes: { access: 100_000 } },
    "a grant type twice": { grants: [authorizationCode, authorizationCode] },
    "a path that is none": { paths: { token: "token" } },
    "an endpoint that is none": { paths: { tokens: "/tokens" } },
    "two endpoints at one path": { paths: { token: "/x", revoke: "/x" } },
    "a short secret among long ones": { secret: [secret, "short"] },
    "a page that is no URL": { pages: { login: "http://[" } },
    "a page that is none": { pages: { logni: "/login" } },
  })) {
    it(`refuse ${what}`, () => assert.equal(problemsOf(changes).length, 1, problemsOf(changes).join("\n")));
  }

  it("are looked at whatever they are: nothing is a resource, and that is said like the rest", () => {
    assert.equal(problemsOf({ resources: [null] }).length, 3);
  });

  it("may be http on loopback, have a path and a trailing slash", () => {
    for (const one of [
      "http://127.0.0.1:9000",
      "http://localhost:9000",
      "https://id.test/op",
      "https://id.test/op/",
      "https://id.test/",
    ]) {
      assert.equal(createProvider({ ...good, issuer: one }).metadata.issuer, one);
    }
    assert.equal(
      createProvider({ ...good, issuer: "https://id.test/op/" }).metadata.token_endpoint,
      "https://id.test/op/token",
    );
  });

  it("decide what exists: a grant type that is not in the list is neither served nor announced", async () => {
    const world = await createWorld({ grants: [authorizationCode] });
    assert.deepEqual(world.provider.metadata.grant_types_supported, ["authorization_code"]);
    assert.ok(!world.provider.metadata.scopes_supported?.includes("offline_access"));
    await assertError(
      await post(world, "/token", { grant_type: "refresh_token", refresh_token: "x" }),
      "unsupported_grant_type",
    );
    assert.equal((await tokensFor(world)).refresh_token, undefined);
  });
});

describe("which requests are the provider's", () => {
  it("is decided by the path alone; the issuer is configuration, whatever the host (P15)", async () => {
    const { provider } = await createWorld();
    for (const url of ["/", "/nothing", "/token/", "/Token", "/tokens", "/.well-known/openid-configuration/"]) {
      assert.equal(await provider.handle(new Request(new URL(url, issuer))), undefined);
    }
    const headers = { "x-forwarded-host": "evil.test", forwarded: "host=evil.test" };
    const request = new Request("https://evil.test/.well-known/openid-configuration", { headers });
    const response = (await provider.handle(request)) ?? Response.error();
    assert.equal(((await response.json()) as { issuer: string }).issuer, issuer);
  });

  it("can be moved with paths", async () => {
    const world = await createWorld({ paths: { token: "/oauth/token" } });
    assert.equal(world.provider.metadata.token_endpoint, `${issuer}/oauth/token`);
    await assertError(await post(world, "/oauth/token", { grant_type: "x" }), "unsupported_grant_type");
    assert.equal(await world.provider.handle(new Request(`${issuer}/token`)), undefined);
  });

  it("answers HEAD as GET without a body, and refuses other methods with Allow (RFC 9110)", async () => {
    const world = await createWorld();
    const head = await sendAs(world, "/jwks", { method: "HEAD" });
    assert.deepEqual([head.status, await head.text()], [200, ""]);
    const put = await sendAs(world, "/jwks", { method: "PUT" });
    assert.deepEqual([put.status, put.headers.get("allow")], [405, "GET, HEAD, OPTIONS"]);
    const authorize = await sendAs(world, "/authorize", { method: "DELETE" });
    assert.deepEqual([authorize.status, authorize.headers.get("allow")], [405, "GET, POST"]);
  });

  it("lets scripts of any origin call what takes no cookies, and nothing else", async () => {
    const world = await createWorld();
    const origin = { origin: "https://app.test" };
    for (const path of ["/token", "/userinfo", "/revoke", "/jwks", "/.well-known/openid-configuration"]) {
      const preflight = await sendAs(world, path, {
        method: "OPTIONS",
        headers: { ...origin, "access-control-request-method": "POST" },
      });
      assert.equal(preflight.status, 204);
      assert.match(preflight.headers.get("access-control-allow-headers") ?? "", /Authorization/);
      const response = await sendAs(world, path, { method: "DELETE", headers: origin });
      assert.equal(response.headers.get("access-control-allow-origin"), "*");
      assert.equal(response.headers.get("access-control-allow-credentials"), null);
    }
    const refused = await sendAs(world, "/userinfo", { headers: origin });
    assert.match(refused.headers.get("access-control-expose-headers") ?? "", /WWW-Authenticate/);
    for (const path of ["/authorize", "/end-session", "/introspect"]) {
      const response = await sendAs(world, path, { method: "OPTIONS", headers: origin });
      assert.deepEqual([response.status, response.headers.get("access-control-allow-origin")], [405, null]);
    }
  });
});

describe("when something breaks (P20, F-53)", () => {
  it("an unexpected error is logged with its cause and answered without detail", async () => {
    const world = await createWorld({
      accounts: { find: () => Promise.reject(new Error("users table: connection refused at 10.0.0.7")) },
    });
    const response = await post(world, "/token", { grant_type: "refresh_token", refresh_token: "x" });
    await assertError(response, "invalid_grant");
    const broken = await createWorld({
      throttle: { blocked: () => Promise.reject(new Error("detail 10.0.0.7")), failed: async () => {} },
    });
    const failed = await post(broken, "/token", { grant_type: "x" });
    assert.doesNotMatch(await assertError(failed, "server_error", 500), /detail|10\.0/);
    assert.ok(
      broken.lines.some(({ level, fields }) => level === "error" && (fields.cause as Error).message.includes("detail")),
    );
  });

  it("a store that is away is 503 with Retry-After: JSON for programs, a page for people", async () => {
    const away = () => Promise.reject(new StoreUnavailable("away", { retryAfter: 3 }));
    const real = memoryStore({ now: () => start });
    const state = { away: false };
    const world = await createWorld({
      store: {
        get: (kind, id) => (state.away ? away() : real.get(kind, id)),
        list: (kind, filter) => (state.away ? away() : real.list(kind, filter)),
        commit: (changes) => (state.away ? away() : real.commit(changes)),
        sweep: real.sweep,
      },
    });
    state.away = true;
    for (const [path, page] of [
      ["/token", false],
      ["/introspect", false],
      [authorizeUrl(), true],
      [`/end-session?client_id=rp`, true],
    ] as const) {
      const response = page ? await sendAs(world, path, {}) : await post(world, path, { token: "x" }, rp);
      assert.equal(response.status, 503, path);
      assert.equal(response.headers.get("retry-after"), "3");
      assert.match(response.headers.get("content-type") ?? "", page ? /^text\/html/ : /^application\/json/);
      assert.equal(response.headers.get("location"), null);
    }
  });

  it("a key that does not sign is 503, nothing is stored, and no other key or algorithm takes its place", async () => {
    const broken = { ...keys, signing: () => Promise.reject(new Error("HSM is away")) };
    const world = await createWorld({ keys: broken, resources: [signedApi] });
    const svc = { ...service, scope: "signed:read" };
    await world.addClient(svc);
    const response = await post(world, "/token", { grant_type: "client_credentials" }, svc);
    await assertError(response, "temporarily_unavailable", 503);
    assert.ok(
      world.lines.some(
        ({ fields }) => ((fields.cause as Error | undefined)?.cause as Error | undefined)?.message === "HSM is away",
      ),
    );
  });

  it("an error page that fails is replaced by plain text", async () => {
    const world = await createWorld({ errorPage: () => Promise.reject(new Error("template")) });
    const response = await sendAs(world, "/authorize?client_id=nobody", {});
    assert.deepEqual([response.status, response.headers.get("content-type")], [400, "text/plain; charset=utf-8"]);
  });
});
