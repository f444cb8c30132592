import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createInitialAccessToken, openRegistration, tokenRegistration } from "@valetkey/provider/registration-policy";
import { createWorld, issuer, rp, type TestClient, type World } from "./op.ts";
import {
  api,
  assertError,
  isActive,
  post,
  redeem,
  refresh,
  sendAs,
  snapshot,
  tokensFor,
  tokensOf,
} from "./token-side.ts";

type Json = Record<string, unknown>;
const open = (options = {}) => createWorld({ registration: openRegistration(), resources: [api], ...options });
const valid = { redirect_uris: ["https://new.test/cb"] };

function register(
  world: World,
  body: unknown,
  headers: Record<string, string> = {},
  ip = "192.0.2.50",
): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return sendAs(
    world,
    "/register",
    { method: "POST", body: text, headers: { "content-type": "application/json", ...headers } },
    ip,
  );
}

async function registered(response: Response): Promise<Json & { client_id: string; client_secret?: string }> {
  const body = (await response.json()) as Json;
  assert.equal(response.status, 201, JSON.stringify(body));
  return body as Json & { client_id: string };
}

function manage(
  world: World,
  { registration_client_uri: uri, registration_access_token: token }: Json,
  method: string,
  body?: unknown,
): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  return sendAs(world, String(uri), { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}

describe("registering (RFC 7591 §3)", () => {
  it("is not there unless a policy was given (RG-01)", async () => {
    const world = await createWorld();
    const request = new Request(`${issuer}/register`, { method: "POST", body: "{}" });
    assert.equal(await world.provider.handle(request), undefined);
    assert.equal(await world.provider.handle(new Request(`${issuer}/register/rp`)), undefined);
    assert.equal(world.provider.metadata.registration_endpoint, undefined);
  });

  it("answers 201 with everything that was registered, defaults included (§3.2.1)", async () => {
    const world = await open();
    const response = await register(world, { ...valid, client_name: "New", bogus_member: { a: 1 } });
    assert.equal(response.headers.get("cache-control"), "no-store");
    const { client_id, client_secret, registration_access_token, ...rest } = await registered(response);
    assert.match(String(client_secret), /^vk_secret_/);
    assert.match(String(registration_access_token), /^vk_registration_/);
    assert.deepEqual(rest, {
      client_name: "New",
      redirect_uris: ["https://new.test/cb"],
      grant_types: ["authorization_code"],
      response_types: ["code"],
      token_endpoint_auth_method: "client_secret_basic",
      application_type: "web",
      client_id_issued_at: world.clock.now / 1000,
      client_secret_expires_at: 0,
      registration_client_uri: `${issuer}/register/${client_id}`,
    });
    assert.ok(!(await snapshot(world, "client")).includes(String(client_secret)));
  });

  it("makes a client that works", async () => {
    const world = await open();
    const body = await registered(
      await register(world, { ...valid, grant_types: ["authorization_code", "refresh_token"] }),
    );
    const client = { ...body, redirect_uris: valid.redirect_uris } as TestClient;
    const tokens = await tokensFor(world, {}, client);
    await tokensOf(await refresh(world, tokens.refresh_token, {}, client));
  });

  it("gives a client with method none no secret, and enforces Basic where nothing was said (RG-07)", async () => {
    const world = await open();
    const none = await registered(await register(world, { ...valid, token_endpoint_auth_method: "none" }));
    assert.equal(none.client_secret, undefined);
    assert.equal("client_secret_expires_at" in none, false);
    await assertError(
      await register(world, { ...valid, token_endpoint_auth_method: "none", grant_types: ["client_credentials"] }),
      "invalid_client_metadata",
    );
    const basic = await registered(await register(world, valid));
    await assertError(await redeem(world, "x", {}, { client_id: basic.client_id }), "invalid_client");
  });

  it("gives a stranger neither ids, secrets, trust nor other people's tokens", async () => {
    const world = await open();
    const asked = {
      ...valid,
      client_id: "rp",
      client_secret: "x".repeat(40),
      firstParty: true,
      provenance: "admin",
      introspects: [api.resource],
    };
    const { client_id, client_secret } = await registered(await register(world, asked));
    assert.notEqual(client_id, "rp");
    assert.notEqual(client_secret, asked.client_secret);
    const client = await world.provider.clients.find(client_id);
    assert.deepEqual(
      [client?.provenance, client?.firstParty, client?.metadata.introspects],
      ["dynamic", false, undefined],
    );
    await assertError(
      await register(world, { ...valid, grant_types: ["client_credentials"], scope: "api:read" }),
      "invalid_client_metadata",
    );
  });

  it("takes the scope a client registers with for the most it may ask for, or for a first wish (§2)", async () => {
    for (const [scope, said] of [
      ["limit", "openid"],
      ["wish", undefined],
    ] as const) {
      const world = await open({ registration: openRegistration({ scope }) });
      const { client_id, ...answer } = await registered(await register(world, { ...valid, scope: "openid" }));
      assert.equal(answer.scope, said, "the answer says what was registered (§3.2.1)");
      assert.equal((await world.provider.clients.find(client_id))?.metadata.scope, said);
    }
  });

  it("slows down an address that registers too many (F-49)", async () => {
    const world = await open({ registration: openRegistration({ limitPerHour: 3 }) });
    for (let time = 0; time < 3; time++) await registered(await register(world, valid));
    assert.equal((await register(world, valid)).status, 429);
    await registered(await register(world, valid, {}, "192.0.2.51"));
    world.clock.advance(3600);
    await registered(await register(world, valid));
  });

  it("forgets a client nobody used, and keeps one that got a token (F-49)", async () => {
    const world = await open({ registration: openRegistration({ unusedTtl: 100 }) });
    const idle = await registered(await register(world, valid));
    const used = await registered(await register(world, valid));
    await tokensFor(world, {}, { ...used, redirect_uris: valid.redirect_uris });
    world.clock.advance(100);
    await world.store.sweep();
    assert.equal(await world.provider.clients.find(idle.client_id), undefined);
    assert.notEqual(await world.provider.clients.find(used.client_id), undefined);
  });
});

describe("initial access tokens (RFC 7591 §3, RG-01)", () => {
  const withToken = async (options?: { uses?: number; lifetime?: number }) => {
    const world = await createWorld({ registration: tokenRegistration() });
    const token = await createInitialAccessToken(world.store, { now: world.clock.now, ...options });
    return { world, authorization: `Bearer ${token}` };
  };

  it("are needed: nothing, an empty one, a made-up one and one of another kind are 401", async () => {
    const { world } = await withToken();
    const { access_token } = await tokensFor(world);
    for (const headers of [
      {},
      { authorization: "Bearer" },
      { authorization: "Bearer " },
      { authorization: "Bearer x, Bearer y" },
      { authorization: `Bearer ${access_token}` },
    ]) {
      const response = await register(world, valid, headers);
      assert.match(response.headers.get("www-authenticate") ?? "", /^Bearer error="invalid_token"/);
      await assertError(response, "invalid_token", 401);
    }
  });

  it("register so many clients and no more, also at the same time", async () => {
    const { world, authorization } = await withToken({ uses: 2 });
    await registered(await register(world, valid, { authorization }));
    const rush = await Promise.all(Array.from({ length: 20 }, () => register(world, valid, { authorization })));
    assert.equal(rush.filter(({ status }) => status === 201).length, 1);
    assert.equal(rush.filter(({ status }) => status === 401).length, 19);
    await assertError(await register(world, valid, { authorization }), "invalid_token", 401);
    assert.equal((await world.provider.clients.list()).length, 3);
  });

  it("are not spent by metadata that is refused, and end with their time", async () => {
    const { world, authorization } = await withToken({ lifetime: 60 });
    await assertError(await register(world, { redirect_uris: ["bogus"] }, { authorization }), "invalid_redirect_uri");
    await registered(await register(world, valid, { authorization }));
    const late = await withToken({ lifetime: 60 });
    late.world.clock.advance(60);
    await assertError(await register(late.world, valid, { authorization: late.authorization }), "invalid_token", 401);
  });
});

describe("metadata that is refused (RFC 7591 §3.2.2)", () => {
  const refusals: Record<string, [Json, string][]> = {
    "redirect URIs (RG-02)": [
      "http://new.test/cb",
      "myapp:cb",
      "https://new.test/cb#x",
      "https://*.new.test/",
      "https://user@new.test/",
      "/cb",
      "http://localhost/cb",
      "javascript:alert(1)",
      "data:text/html,x",
      "https://new.test/\\evil",
    ].map((uri) => [{ redirect_uris: [uri] }, "invalid_redirect_uri"]),
    "lists of redirect URIs (RG-02, RG-12)": [
      [{ redirect_uris: [] }, "invalid_redirect_uri"],
      [{}, "invalid_redirect_uri"],
      [{ redirect_uris: "https://new.test/cb" }, "invalid_redirect_uri"],
      [{ redirect_uris: [null] }, "invalid_redirect_uri"],
      [{ redirect_uris: { 0: "https://new.test/cb" } }, "invalid_redirect_uri"],
      [{ redirect_uris: Array.from({ length: 51 }, (_, at) => `https://new.test/${at}`) }, "invalid_redirect_uri"],
      [{ redirect_uris: ["http://127.0.0.2/cb"], application_type: "native" }, "invalid_redirect_uri"],
      [{ redirect_uris: ["nodot:/cb"], application_type: "native" }, "invalid_redirect_uri"],
    ],
    "URIs people are shown, in any language (RG-04)": [
      "logo_uri",
      "client_uri",
      "tos_uri",
      "policy_uri",
      "logo_uri#fr",
    ].flatMap((name) =>
      ["javascript:alert(1)", "data:image/png;base64,AA", "http://new.test/", 7].map((uri): [Json, string] => [
        { ...valid, [name]: uri },
        "invalid_client_metadata",
      ]),
    ),
    "weak or unsupported cryptography (RG-15, RG-14)": [
      { id_token_signed_response_alg: "none" },
      { id_token_signed_response_alg: "HS256" },
      { id_token_signed_response_alg: "HS256", token_endpoint_auth_method: "none" },
      { token_endpoint_auth_signing_alg: "none" },
      { userinfo_signed_response_alg: "none" },
      { request_object_signing_alg: "none" },
      { token_endpoint_auth_method: "private_key_jwt" },
      { token_endpoint_auth_method: "tls_client_auth" },
      { subject_type: "pairwise" },
      { sector_identifier_uri: "https://new.test/sector" },
      { dpop_bound_access_tokens: true },
      { require_pushed_authorization_requests: true },
    ].map((more) => [{ ...valid, ...more }, "invalid_client_metadata"]),
    "keys that must stay at home (RG-10)": [
      { keys: [{ kty: "oct", k: "AAAA" }] },
      { keys: [{ kty: "EC", crv: "P-256", x: "A".repeat(43), y: "A".repeat(43), d: "A".repeat(43) }] },
      { keys: [] },
      [],
      { keys: Array.from({ length: 1000 }, () => ({})) },
    ].map((jwks) => [{ ...valid, jwks }, "invalid_client_metadata"]),
    "what contradicts itself": [
      { grant_types: ["authorization_code"], response_types: [] },
      { grant_types: ["refresh_token"], response_types: [] },
      { response_types: ["token"] },
      { response_types: ["code", "id_token"] },
      { grant_types: [] },
      { grant_types: "authorization_code" },
      { grant_types: ["implicit"] },
      { grant_types: ["password"] },
    ].map((more) => [{ ...valid, ...more }, "invalid_client_metadata"]),
    "text that is too long, not text, or not what it looks like": [
      { client_name: "x".repeat(101) },
      { client_name: "" },
      { client_name: 7 },
      { client_name: "evil\u202egnp" },
      { client_name: "two\nlines" },
      { client_name: "\ud800" },
      { contacts: Array.from({ length: 11 }, () => "a@new.test") },
      { contacts: [{}] },
      { scope: "no-such-scope" },
      { scope: ["openid"] },
      { default_max_age: -1 },
      { default_max_age: "10" },
      { require_auth_time: "yes" },
      { application_type: "desktop" },
      { post_logout_redirect_uris: ["javascript:alert(1)"] },
      { post_logout_redirect_uris: "https://new.test/" },
    ].map((more) => [{ ...valid, ...more }, "invalid_client_metadata"]),
    "software statements (RG-09)": [[{ ...valid, software_statement: "a.b.c" }, "invalid_software_statement"]],
  };
  for (const [what, cases] of Object.entries(refusals)) {
    it(what, async () => {
      const world = await open({ registration: openRegistration({ limitPerHour: 1000 }) });
      const before = await snapshot(world, "client");
      for (const [body, error] of cases)
        await assertError(await register(world, body), error).catch((cause) =>
          assert.fail(`${JSON.stringify(body).slice(0, 200)}: ${cause}`),
        );
      assert.equal(await snapshot(world, "client"), before);
    });
  }

  it("bodies that are no JSON object, too large or too deep (RG-12)", async () => {
    const world = await open({ registration: openRegistration({ limitPerHour: 1000 }) });
    for (const body of [
      "",
      "[]",
      "null",
      "7",
      '"x"',
      "{",
      `{"a":${"[".repeat(100_00)}`,
      `{"redirect_uris":${"[".repeat(25)}${"]".repeat(25)}}`,
    ]) {
      await assertError(await register(world, body), "invalid_request");
    }
    await assertError(
      await register(world, JSON.stringify({ ...valid, x: "x".repeat(1_000_000) })),
      "invalid_request",
      413,
    );
    const form = {
      method: "POST",
      body: "redirect_uris=x",
      headers: { "content-type": "application/x-www-form-urlencoded" },
    };
    await assertError(await sendAs(world, "/register", form), "invalid_request", 415);
  });
});

describe("metadata that is accepted", () => {
  it("keeps what we use, drops what we do not understand (§2)", async () => {
    const world = await open();
    const kept = {
      ...valid,
      client_uri: "https://new.test/",
      logo_uri: "https://new.test/logo.png",
      contacts: ["a@new.test"],
      scope: "openid api:read",
      software_id: "s",
      software_version: "1",
      post_logout_redirect_uris: ["https://new.test/bye"],
      default_max_age: 60,
      require_auth_time: true,
      id_token_signed_response_alg: "ES256",
      subject_type: "public",
      default_acr_values: ["1"],
      "client_name#fr": "Neuf",
    };
    const dropped = {
      request_uris: ["https://new.test/r"],
      dpop_bound_access_tokens: false,
      toString: 1,
      jwks_uri: "https://new.test/jwks",
    };
    const body = await registered(
      await register(world, { ...kept, ...dropped, client_uri: kept.client_uri, tos_uri: null }),
    );
    for (const [name, value] of Object.entries(kept)) assert.deepEqual(body[name], value, name);
    for (const name of [...Object.keys(dropped), "tos_uri"]) assert.equal(Object.hasOwn(body, name), false, name);
  });

  it("takes native clients' redirect URIs, also from a public client that says only RFC 7591's words (RFC 8252 §7)", async () => {
    const world = await open();
    const uris = ["http://127.0.0.1/cb", "http://[::1]:1234/cb", "com.example.app:/cb"];
    assert.equal(
      (await registered(await register(world, { redirect_uris: uris, application_type: "native" }))).application_type,
      "native",
    );
    const mcp = { redirect_uris: ["http://localhost:33418/callback"], token_endpoint_auth_method: "none" };
    assert.equal((await registered(await register(world, mcp))).application_type, "native");
    await assertError(await register(world, { ...mcp, application_type: "web" }), "invalid_redirect_uri");
    await assertError(
      await register(world, { ...mcp, redirect_uris: [...mcp.redirect_uris, "http://new.test/"] }),
      "invalid_redirect_uri",
    );
  });
});

describe("managing a registration (RFC 7592 §2)", () => {
  it("shows the client to the holder of its token, and to nobody else", async () => {
    const world = await open();
    const one = await registered(await register(world, valid));
    const two = await registered(await register(world, valid));
    const body = (await (await manage(world, one, "GET")).json()) as Json;
    assert.equal(body.client_id, one.client_id);
    assert.equal(body.registration_access_token, one.registration_access_token);
    assert.equal(body.client_secret, undefined);
    for (const stranger of [
      { ...one, registration_access_token: two.registration_access_token },
      { ...one, registration_access_token: "x" },
      { ...one, registration_client_uri: `${issuer}/register/nobody` },
      { ...one, registration_client_uri: `${issuer}/register/%zz` },
      { ...one, registration_client_uri: `${issuer}/register/rp` },
    ]) {
      for (const method of ["GET", "PUT", "DELETE"])
        await assertError(await manage(world, stranger, method), "invalid_token", 401);
    }
    assert.equal((await manage(world, one, "POST")).status, 405);
  });

  it("replaces everything: what is left out is gone (§2.2, RG-16)", async () => {
    const world = await open();
    const one = await registered(
      await register(world, { ...valid, client_name: "Old", logo_uri: "https://new.test/l.png" }),
    );
    const { client_id, client_secret } = one;
    const response = await manage(world, one, "PUT", {
      client_id,
      client_secret,
      redirect_uris: ["https://new.test/2"],
      client_name: "New",
    });
    const body = (await response.json()) as Json;
    assert.equal(response.status, 200);
    assert.deepEqual([body.client_name, body.redirect_uris, body.logo_uri], ["New", ["https://new.test/2"], undefined]);
    await assertError(
      await redeem(world, "x", {}, { client_id, client_secret: String(client_secret) }),
      "invalid_grant",
    );
  });

  it("refuses another id or secret, missing redirect URIs, and what only we set; nothing changes (RG-16)", async () => {
    const world = await open();
    const one = await registered(await register(world, valid));
    const { client_id } = one;
    const before = await snapshot(world, "client");
    for (const more of [
      { client_id: "rp" },
      { client_id: undefined },
      { client_secret: "guess" },
      { client_secret: 7 },
      { registration_access_token: one.registration_access_token },
      { client_id_issued_at: 1 },
      { grant_types: ["client_credentials"] },
      { grant_types: { includes: 1 } },
      { grant_types: "client_credentials" },
    ]) {
      await assertError(await manage(world, one, "PUT", { client_id, ...valid, ...more }), "invalid_client_metadata");
    }
    await assertError(await manage(world, one, "PUT", { client_id }), "invalid_redirect_uri");
    assert.equal(await snapshot(world, "client"), before);
    const flags = {
      client_id,
      ...valid,
      firstParty: true,
      provenance: "admin",
      introspects: [api.resource],
      disabled: false,
    };
    assert.equal((await manage(world, one, "PUT", flags)).status, 200);
    const client = await world.provider.clients.find(client_id);
    assert.deepEqual(
      [client?.firstParty, client?.provenance, client?.metadata.introspects],
      [false, "dynamic", undefined],
    );
  });

  it("leaves one whole registration when many write at once (RG-16)", async () => {
    const world = await open();
    const one = await registered(await register(world, valid));
    const { client_id } = one;
    const names = Array.from({ length: 8 }, (_, at) => `n${at}`);
    const all = await Promise.all(
      names.map((client_name) =>
        manage(world, one, "PUT", { client_id, client_name, redirect_uris: [`https://new.test/${client_name}`] }),
      ),
    );
    assert.deepEqual([...new Set(all.map(({ status }) => status))], [200]);
    const { metadata } = (await world.provider.clients.find(client_id)) ?? {};
    assert.deepEqual(metadata?.redirect_uris, [`https://new.test/${metadata?.client_name}`]);
  });

  it("gives a client that becomes confidential a secret, and takes it when it becomes public", async () => {
    const world = await open();
    const one = await registered(await register(world, { ...valid, token_endpoint_auth_method: "none" }));
    const { client_id } = one;
    const body = (await (await manage(world, one, "PUT", { client_id, ...valid })).json()) as Json;
    await assertError(
      await redeem(world, "x", {}, { client_id, client_secret: String(body.client_secret) }),
      "invalid_grant",
    );
    await manage(world, one, "PUT", { client_id, ...valid, token_endpoint_auth_method: "none" });
    await assertError(
      await redeem(world, "x", {}, { client_id, client_secret: String(body.client_secret) }),
      "invalid_client",
    );
  });

  it("deletes the client with all its tokens (§2.3)", async () => {
    const world = await open();
    const one = await registered(await register(world, valid));
    const tokens = await tokensFor(world, {}, { ...one, redirect_uris: valid.redirect_uris });
    assert.equal((await manage(world, one, "DELETE")).status, 204);
    assert.equal(await isActive(world, tokens.access_token), false);
    await assertError(await manage(world, one, "GET"), "invalid_token", 401);
    await assertError(
      await post(
        world,
        "/introspect",
        { token: tokens.access_token },
        { client_id: one.client_id, client_secret: String(one.client_secret) },
      ),
      "invalid_client",
    );
    for (const kind of ["grant", "code", "access", "refresh"])
      assert.deepEqual(await world.store.list(kind, { client: one.client_id }), []);
    assert.equal(rp.client_id, "rp");
  });
});
