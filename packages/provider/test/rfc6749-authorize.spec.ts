import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { always } from "@valetkey/provider/error-redirect-policy";
import fc from "fast-check";
import {
  answer,
  authorizeUrl,
  begin,
  codeFor,
  createWorld,
  dataOf,
  errorPageOf,
  issuer,
  locationOf,
  rp,
  signIn,
  type TestClient,
  type World,
} from "./op.ts";

/** A world in which alice is signed in and `rp` needs no consent: a good request is answered at once. */
async function ready(client: Partial<TestClient> = {}, options: Parameters<typeof createWorld>[0] = {}) {
  const world = await createWorld(options);
  await world.addClient({ ...rp, client_id: "quick", firstParty: true, ...client });
  const browser = world.browser();
  await signIn(world, browser, "alice");
  const ask = (changes: Parameters<typeof authorizeUrl>[0] = {}) =>
    browser.get(authorizeUrl({ client_id: "quick", ...changes }));
  return { world, browser, ask };
}

const entriesOf = (world: World, kind: string) => world.store.list(kind, {});

describe("the answer to an authorization request (RFC 6749 §4.1.2)", () => {
  it("is a redirect with 303 to the redirect_uri with code, state and iss, kept by no cache and no referrer", async () => {
    const { ask } = await ready();
    const response = await ask();
    const { page, parameters } = locationOf(response);
    assert.equal(page, "https://rp.test/cb");
    assert.deepEqual(Object.keys(parameters), ["code", "state", "iss"]);
    assert.match(parameters.code ?? "", /^vk_code_/);
    assert.equal(parameters.state, "the state");
    assert.equal(parameters.iss, issuer);
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.equal(response.headers.get("referrer-policy"), "no-referrer");
  });

  it("stores the code as a digest under a grant that holds what was allowed, to whom, and since when", async () => {
    const { world, ask } = await ready();
    const { code = "" } = locationOf(await ask({ scope: "openid email", nonce: "n" })).parameters;
    const [entry] = await entriesOf(world, "code");
    const [grant] = await entriesOf(world, "grant");
    assert.ok(entry && grant);
    assert.ok(!JSON.stringify(entry).includes(code.slice(-38, -6)), "the secret of the code is not stored");
    assert.equal(entry.expiresAt, world.clock.now + 60_000);
    assert.deepEqual([grant.client, grant.subject], ["quick", "alice"]);
    const { sid, ...data } = grant.data as Record<string, unknown>;
    assert.equal(typeof sid, "string");
    assert.deepEqual(data, {
      scope: ["openid", "email"],
      resource: [],
      auth_time: world.clock.now / 1000,
      nonce: "n",
      offline: false,
      unredeemed: true,
      createdAt: world.clock.now,
    });
    assert.equal((entry.data as { grant: string }).grant, grant.id);
    assert.equal(
      (entry.data as { grantUntil: number }).grantUntil,
      world.clock.now + 12 * 3_600_000,
      "a grant without offline_access ends with the session",
    );
    assert.equal(grant.expiresAt, world.clock.now + 120_000, "and with its code, if that is never redeemed");
  });

  it("lets a grant with offline_access outlive the session", async () => {
    const { world, ask } = await ready();
    locationOf(await ask({ scope: "openid offline_access" }));
    const [code] = await entriesOf(world, "code");
    assert.ok(code);
    assert.equal((code.data as { grantUntil: number }).grantUntil, world.clock.now + 90 * 86_400_000);
  });

  it("echoes any state byte for byte, in answers and in errors (§4.1.2, AZ-26)", async () => {
    const { ask } = await ready();
    const states = fc
      .string({ unit: "binary", minLength: 1, maxLength: 100 })
      .filter((s) => s.isWellFormed() && !s.includes("\0"));
    await fc.assert(
      fc.asyncProperty(states, async (state) => {
        assert.equal(locationOf(await ask({ state })).parameters.state, state);
        assert.equal(locationOf(await ask({ state, scope: "bogus" })).parameters.state, state);
      }),
      { numRuns: 25 },
    );
    const long = "é".repeat(1024);
    assert.equal(locationOf(await ask({ state: long })).parameters.state, long);
  });

  it("shows a page instead of cutting a state of more than 2048 bytes", async () => {
    const { ask } = await ready();
    await errorPageOf(await ask({ state: `${"é".repeat(1024)}x` }));
  });

  it("sends no state if none was sent", async () => {
    const { ask } = await ready();
    assert.deepEqual(Object.keys(locationOf(await ask({ state: undefined })).parameters), ["code", "iss"]);
  });

  it("keeps the registered URI's own query as it is (§3.1.2)", async () => {
    const { ask } = await ready({ redirect_uris: ["https://rp.test/cb?a=1&b=%20x"] });
    const response = await ask({ redirect_uri: "https://rp.test/cb?a=1&b=%20x" });
    assert.match(response.headers.get("location") ?? "", /^https:\/\/rp\.test\/cb\?a=1&b=%20x&code=/);
  });
});

describe("the target must be trusted before anything is sent to it (RFC 6749 §4.1.2.1, RFC 9700 §4.1)", () => {
  const foreign = [
    "https://evil.test/cb",
    "https://rp.test.evil.test/cb",
    "https://evilrp.test/cb",
    "https://rp.test:443/cb",
    "https://rp.test:8443/cb",
    "https://rp.test:/cb",
    "https://rp.test/cb/",
    "https://rp.test/cb?",
    "https://rp.test/cb?x=1",
    "https://rp.test/cb#",
    "https://rp.test/cb#x",
    "https://rp.test/cb%23x",
    "https://RP.test/cb",
    "http://rp.test/cb",
    "https://user@rp.test/cb",
    "javascript:alert(1)",
    "/cb",
  ];
  for (const redirect_uri of foreign) {
    it(`shows a page for the redirect_uri ${redirect_uri}`, async () => {
      const { ask, world } = await ready();
      await errorPageOf(await ask({ redirect_uri }));
      await errorPageOf(await ask({ redirect_uri, scope: "bogus" }));
      await errorPageOf(await ask({ redirect_uri, prompt: "none" }));
      await errorPageOf(await world.send(authorizeUrl({ redirect_uri })));
      assert.deepEqual(await entriesOf(world, "code"), []);
    });
  }

  it("lets the port of a loopback redirect_uri differ (RFC 8252 §7.3)", async () => {
    const { ask } = await ready({ redirect_uris: ["http://127.0.0.1/cb"] });
    assert.equal(
      locationOf(await ask({ redirect_uri: "http://127.0.0.1:50123/cb" })).page,
      "http://127.0.0.1:50123/cb",
    );
    await errorPageOf(await ask({ redirect_uri: "http://localhost:50123/cb" }));
  });

  it("takes the only registered redirect_uri if none is sent, but not with openid, and never one of several (§3.1.2.3)", async () => {
    const one = await ready();
    assert.equal(locationOf(await one.ask({ redirect_uri: undefined, scope: "email" })).page, "https://rp.test/cb");
    await errorPageOf(await one.ask({ redirect_uri: undefined }));
    const two = await ready({ redirect_uris: ["https://rp.test/cb", "https://rp.test/cb2"] });
    await errorPageOf(await two.ask({ redirect_uri: undefined, scope: "email" }));
  });

  it("shows the same page for an unknown and a disabled client", async () => {
    const { ask, world } = await ready();
    await world.addClient({ ...rp, client_id: "off", disabled: true });
    const unknown = await errorPageOf(await ask({ client_id: "nope" }));
    assert.equal(await errorPageOf(await ask({ client_id: "off" })), unknown);
    await errorPageOf(await ask({ client_id: undefined }));
  });

  it("shows a page for a response_mode that is not in the list", async () => {
    const { ask } = await ready();
    for (const response_mode of ["jwt", "query.jwt", "web_message", "x"])
      await errorPageOf(await ask({ response_mode }));
    locationOf(await ask({ response_mode: "query" }));
  });

  it("shows a page for what is repeated or not UTF-8 (§3.1)", async () => {
    const { ask, browser } = await ready();
    await errorPageOf(await ask({ client_id: ["quick", "quick"] }));
    await errorPageOf(await ask({ scope: ["openid", "email"] }));
    await errorPageOf(await browser.get(`${authorizeUrl()}&login_hint=%ff`));
  });

  it("takes names that look like arrays or prototypes for unknown ones, which it ignores (AZ-43)", async () => {
    const { browser } = await ready();
    const url = `${authorizeUrl({ client_id: "quick" })}&client_id[]=x&__proto__[admin]=1&constructor[prototype][x]=1&scope[$ne]=&foo=bar`;
    assert.ok(locationOf(await browser.get(url)).parameters.code);
  });

  it("looks at the client and its redirect_uri again when an interaction goes on", async () => {
    const { world } = await ready();
    const browser = world.browser();
    const id = await begin(browser);
    await world.provider.clients.set("rp", { disabled: true });
    await errorPageOf(await browser.get(`/authorize?interaction=${id}`));
    assert.equal(await world.provider.interactions.find(browser.request("/login"), id), undefined);
  });
});

describe("checks of the request, each an error to the client (RFC 6749 §4.1.2.1)", () => {
  const long = (length: number) => "x".repeat(length);
  const table: readonly (readonly [string, Parameters<typeof authorizeUrl>[0], string])[] = [
    ["no response_type", { response_type: undefined }, "invalid_request"],
    ["response_type token", { response_type: "token" }, "unsupported_response_type"],
    ["response_type code token", { response_type: "code token" }, "unsupported_response_type"],
    ["response_type code id_token", { response_type: "code id_token" }, "unsupported_response_type"],
    ["response_type code code", { response_type: "code code" }, "unsupported_response_type"],
    ["response_type none", { response_type: "none" }, "unsupported_response_type"],
    [
      "no PKCE challenge (RFC 9700 §2.1.1)",
      { code_challenge: undefined, code_challenge_method: undefined },
      "invalid_request",
    ],
    ["a method without a challenge", { code_challenge: undefined }, "invalid_request"],
    [
      "a challenge without a method, which means plain (RFC 7636 §4.3)",
      { code_challenge_method: undefined },
      "invalid_request",
    ],
    ["PKCE method plain", { code_challenge_method: "plain" }, "invalid_request"],
    ["a challenge of 42 characters", { code_challenge: long(42) }, "invalid_request"],
    ["a challenge of 44 characters", { code_challenge: long(44) }, "invalid_request"],
    ["a padded challenge", { code_challenge: `${long(42)}=` }, "invalid_request"],
    ["a challenge of a megabyte", { code_challenge: long(1_000_000) }, "invalid_request"],
    ["an unknown scope", { scope: "openid bogus" }, "invalid_scope"],
    ["a malformed scope", { scope: 'openid "x"' }, "invalid_scope"],
    ["no scope", { scope: undefined }, "invalid_scope"],
    ["a nonce of 513 characters", { nonce: long(513) }, "invalid_request"],
    ["a login_hint of 257 characters", { login_hint: long(257) }, "invalid_request"],
    ["prompt=none login (OpenID Connect Core §3.1.2.1)", { prompt: "none login" }, "invalid_request"],
    ["an unknown prompt", { prompt: "create" }, "invalid_request"],
    ["max_age -1", { max_age: "-1" }, "invalid_request"],
    ["max_age 1.5", { max_age: "1.5" }, "invalid_request"],
    ["max_age of ten digits", { max_age: "9999999999" }, "invalid_request"],
    ["a request object (Core §6.1)", { request: "x.y.z" }, "request_not_supported"],
    ["a request_uri (Core §6.2)", { request_uri: "https://rp.test/request" }, "request_uri_not_supported"],
    ["registration (Core §7.2.1)", { registration: "{}" }, "registration_not_supported"],
    ["authorization_details", { authorization_details: "[]" }, "invalid_authorization_details"],
    ["claims that are not JSON (Core §5.5)", { claims: "{" }, "invalid_request"],
    ["claims that are an array", { claims: "[]" }, "invalid_request"],
    ["claims nested 100000 deep", { claims: "[".repeat(100_000) }, "invalid_request"],
    ["an unknown resource (RFC 8707 §2)", { resource: "https://nope.test" }, "invalid_target"],
    ["one known and one unknown resource", { resource: ["https://api.test", "https://nope.test"] }, "invalid_target"],
    ["a made-up id_token_hint", { id_token_hint: "e30.e30.x" }, "invalid_request"],
  ];
  for (const [title, changes, error] of table) {
    it(`${title}: ${error}`, async () => {
      const { ask, world } = await ready(
        {},
        { resources: [{ resource: "https://api.test", scopes: ["read"], tokens: "opaque" }] },
      );
      const { page, parameters } = locationOf(await ask(changes));
      assert.equal(page, "https://rp.test/cb");
      assert.equal(parameters.error, error);
      assert.equal(parameters.state, "the state");
      assert.ok(parameters.error_description);
      assert.equal(parameters.code, undefined);
      assert.deepEqual(await entriesOf(world, "code"), []);
    });
  }

  it("refuses a client that is not registered for the code grant as unauthorized_client (AZ-51)", async () => {
    const { ask } = await ready({ grant_types: ["client_credentials"] });
    assert.equal(locationOf(await ask()).parameters.error, "unauthorized_client");
    const other = await ready({ response_types: [] });
    assert.equal(locationOf(await other.ask()).parameters.error, "unauthorized_client");
  });

  it("leaves out scopes the client may not have, and refuses if nothing remains (§3.3)", async () => {
    const { world, ask } = await ready({ scope: "openid email" });
    locationOf(await ask({ scope: "openid profile email" }));
    const [grant] = await entriesOf(world, "grant");
    assert.deepEqual(dataOf<{ scope: string[] }>(grant).scope, ["openid", "email"]);
    assert.equal(locationOf(await ask({ scope: "profile" })).parameters.error, "invalid_scope");
  });

  it("ignores offline_access without openid, and for a client without the refresh_token grant (Core §11)", async () => {
    const scopeOf = async (client: Partial<TestClient>, scope: string) => {
      const { world, ask } = await ready(client);
      locationOf(await ask({ scope }));
      const [grant] = await entriesOf(world, "grant");
      return dataOf<{ scope: string[] }>(grant).scope;
    };
    assert.deepEqual(await scopeOf({}, "email offline_access"), ["email"]);
    assert.deepEqual(await scopeOf({ grant_types: ["authorization_code"] }, "openid offline_access"), ["openid"]);
    assert.deepEqual(await scopeOf({}, "openid offline_access"), ["openid", "offline_access"]);
  });

  it("takes all scopes of the resource that is named if no scope is sent", async () => {
    const resources = [{ resource: "https://api.test", scopes: ["read", "write"], tokens: "opaque" }] as const;
    const { world, ask } = await ready({}, { resources });
    locationOf(await ask({ scope: undefined, resource: "https://api.test" }));
    const [grant] = await entriesOf(world, "grant");
    const { scope, resource } = dataOf<{ scope: string[]; resource: string[] }>(grant);
    assert.deepEqual([scope, resource], [["read", "write"], ["https://api.test"]]);
  });

  it("ignores a well-formed claims parameter, which discovery does not announce, and odd ui_locales", async () => {
    const { ask } = await ready();
    const response = await ask({ claims: '{"id_token":{"email":null}}', ui_locales: "../../etc/passwd __proto__ de" });
    assert.ok(locationOf(response).parameters.code);
  });
});

describe("methods and bodies (RFC 6749 §3.1, OpenID Connect Core §3.1.2.1)", () => {
  it("stores a POST as an interaction and goes on with a GET, because the POST of another site brings no cookies", async () => {
    const { world, browser } = await ready();
    const form = Object.fromEntries(new URL(authorizeUrl({ client_id: "quick", state: "a b+c&d" })).searchParams);
    const posted = await world.send("/authorize", { method: "POST", body: new URLSearchParams(form) });
    const { page, parameters } = locationOf(posted);
    assert.equal(page, `${issuer}/authorize`);
    assert.deepEqual(Object.keys(parameters), ["interaction"]);
    browser.keep(posted);
    const answered = await browser.get(locationOf(posted).url.href);
    assert.ok(locationOf(answered).parameters.code);
    assert.equal(locationOf(answered).parameters.state, "a b+c&d");
    assert.ok(
      ![...browser.cookies.keys()].some((name) => name.includes("interaction")),
      "its cookie is gone when it is over",
    );
  });

  it("answers errors of a POST at once", async () => {
    const { world } = await ready();
    const form = Object.fromEntries(new URL(authorizeUrl({ scope: "bogus" })).searchParams);
    const posted = await world.send("/authorize", { method: "POST", body: new URLSearchParams(form) });
    assert.equal(locationOf(posted).parameters.error, "invalid_scope");
  });

  it("refuses other bodies with 415 and other methods with 405 and Allow (AZ-39)", async () => {
    const { world } = await ready();
    const json = { method: "POST", body: "{}", headers: { "content-type": "application/json" } };
    await errorPageOf(await world.send("/authorize", json), 415);
    const multipart = new FormData();
    multipart.set("client_id", "quick");
    await errorPageOf(await world.send("/authorize", { method: "POST", body: multipart }), 415);
    for (const method of ["PUT", "DELETE", "PATCH"]) {
      const response = await world.send(authorizeUrl(), { method });
      assert.equal(response.status, 405);
      assert.equal(response.headers.get("allow"), "GET, POST");
    }
  });
});

describe("the error page (RFC 9700 §4.2, §4.16)", () => {
  it("cannot be framed, cached, or run anything, and holds the request's text inert only", async () => {
    const { ask } = await ready();
    const response = await ask({
      redirect_uri: 'https://evil.test/"><script>alert(1)</script>',
      client_id: "<img src=x>",
    });
    assert.match(response.headers.get("content-security-policy") ?? "", /default-src 'none'.*frame-ancestors 'none'/);
    assert.equal(response.headers.get("x-frame-options"), "DENY");
    assert.equal(response.headers.get("referrer-policy"), "no-referrer");
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assert.equal(response.headers.get("cache-control"), "no-store");
    const page = await errorPageOf(response);
    assert.doesNotMatch(page, /<script|<img|<style| style=| on\w+=/i);
  });
});

describe("errors to clients that strangers registered (P14, RFC 9700 §4.11.2)", () => {
  const stranger: TestClient = { ...rp, client_id: "stranger", provenance: "dynamic" };
  for (const [title, changes] of [
    ["a request that is bound to fail", { scope: "bogus" }],
    ["prompt=none", { prompt: "none" }],
  ] as const) {
    it(`shows a page with a link to somebody who is not signed in: ${title}`, async () => {
      const world = await createWorld();
      await world.addClient(stranger);
      const page = await errorPageOf(await world.browser().get(authorizeUrl({ client_id: "stranger", ...changes })));
      const link = /href="([^"]+)"/.exec(page)?.[1]?.replaceAll("&amp;", "&") ?? "";
      const { origin, searchParams } = new URL(link);
      assert.equal(origin, "https://rp.test");
      assert.ok(searchParams.get("error"));
      assert.equal(searchParams.get("state"), "the state");
    });
  }

  it("redirects once somebody is signed in, or refused by themselves, or the policy is `always`", async () => {
    const world = await createWorld();
    await world.addClient(stranger);
    const browser = world.browser();
    const id = await begin(browser, { client_id: "stranger" });
    const refused = locationOf(await answer(world, browser, id, { cancel: true }));
    assert.equal(refused.parameters.error, "access_denied");
    await signIn(world, browser, "alice");
    const failed = locationOf(await browser.get(authorizeUrl({ client_id: "stranger", scope: "bogus" })));
    assert.equal(failed.parameters.error, "invalid_scope");

    const trusting = await createWorld({ errorRedirects: always });
    await trusting.addClient(stranger);
    const sent = locationOf(await trusting.send(authorizeUrl({ client_id: "stranger", prompt: "none" })));
    assert.equal(sent.parameters.error, "login_required");
  });
});

describe("one interaction, one code (RFC 6749 §10.5)", () => {
  it("gives one code to several requests that continue the same interaction at once", async () => {
    const world = await createWorld();
    await codeFor(world, "alice");
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const id = await begin(browser, { prompt: "consent" });
    browser.keep(
      await world.provider.interactions.answer(browser.request("/", { method: "POST" }), id, {
        step: "consent",
        decision: "allow",
      }),
    );
    const before = (await entriesOf(world, "code")).length;
    const url = `/authorize?interaction=${id}`;
    const responses = await Promise.all([1, 2, 3, 4, 5].map(() => world.provider.handle(browser.request(url))));
    assert.equal(responses.filter((response) => response?.status === 303).length, 1);
    assert.equal(responses.filter((response) => response?.status === 400).length, 4);
    assert.equal((await entriesOf(world, "code")).length, before + 1);
  });
});
