/** Introspection: how this API proves who it is, signed answers, what is kept for how long, and whom a token is sent to. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { claimedClientId, verifyClientAssertion } from "@valetkey/protocol/client-assertion";
import { encryptJwt, generateKey, type SigningKey, signJwt } from "@valetkey/protocol/jose";
import { audience, type Issuer, type Json, startIssuer } from "./lib/test-issuer.test.ts";
import { type IntrospectionOptions, protectResource, type ResourceOptions } from "./protect.ts";

const basic = { client_id: "api", client_secret: "api secret" };
const bearing = (token: string): Request =>
  new Request("https://api.example/", { headers: { Authorization: `Bearer ${token}` } });
const protectAt = (issuer: Issuer, introspection: IntrospectionOptions, options: Partial<ResourceOptions> = {}) =>
  protectResource({ issuer: issuer.url, audience, introspection, ...options });
const good = (issuer: Issuer, change: Json = {}): Json => ({
  active: true,
  ...issuer.claims(),
  token_type: "Bearer",
  ...change,
});

test("the API proves who it is as it was registered (RFC 7523 §2.2, RFC 8705 §2)", async (t) => {
  await using issuer = await startIssuer();
  issuer.open = true;
  issuer.known.set("opaque", good(issuer));
  const key = await generateKey("ES256");
  const ask = async (introspection: IntrospectionOptions) => {
    issuer.questions.length = 0;
    await protectAt(issuer, introspection).check(bearing("opaque"));
    const [question] = issuer.questions;
    assert.equal(question?.form.get("token"), "opaque");
    return question ?? assert.fail("nobody asked");
  };
  await t.test("client_secret_basic", async () => {
    const { headers, form } = await ask(basic);
    assert.equal(headers.authorization, `Basic ${btoa("api:api+secret")}`);
    assert.equal(form.has("client_secret"), false);
  });
  await t.test("client_secret_post", async () => {
    const { headers, form } = await ask({ ...basic, token_endpoint_auth_method: "client_secret_post" });
    assert.deepEqual([headers.authorization, form.get("client_secret")], [undefined, "api secret"]);
  });
  await t.test("private_key_jwt: an assertion for the issuer alone", async () => {
    const method = { token_endpoint_auth_method: "private_key_jwt", alg: "ES256" } as const;
    const { form } = await ask({ client_id: "api", ...method, private_key: key.privateJwk });
    const assertion = form.get("client_assertion") ?? "";
    assert.equal(claimedClientId(assertion), "api");
    const verifier = { keys: { keys: [key.publicJwk] }, algorithms: ["ES256"] } as const;
    await verifyClientAssertion(assertion, { client_id: "api", issuer: issuer.url, verifier, now: Date.now() });
  });
  await t.test("client_secret_jwt", async () => {
    const client_secret = "a secret of at least thirty-two bytes";
    const { form } = await ask({ client_id: "api", client_secret, token_endpoint_auth_method: "client_secret_jwt" });
    const verifier = { client_secret, algorithms: ["HS256"] } as const;
    const assertion = form.get("client_assertion") ?? "";
    await verifyClientAssertion(assertion, { client_id: "api", issuer: issuer.url, verifier, now: Date.now() });
  });
  await t.test("tls_client_auth: the fetch given for it, at the endpoint for certificates", async () => {
    issuer.document = { mtls_endpoint_aliases: { introspection_endpoint: "https://mtls.example/introspect" } };
    const asked: string[] = [];
    const withCertificate: typeof fetch = async (url, init) => {
      asked.push(String(url));
      return fetch(`${issuer.url}/introspect`, init);
    };
    const { form } = await ask({
      client_id: "api",
      token_endpoint_auth_method: "tls_client_auth",
      fetch: withCertificate,
    });
    assert.deepEqual(asked, ["https://mtls.example/introspect"]);
    assert.equal(form.get("client_id"), "api");
    issuer.document = { mtls_endpoint_aliases: { introspection_endpoint: "http://mtls.example/introspect" } };
    const tls = { client_id: "api", token_endpoint_auth_method: "tls_client_auth" } as const;
    await assert.rejects(protectAt(issuer, tls).check(bearing("opaque")), { error: "server_error" });
  });
});

test("where a signed answer is wanted nothing else counts (RFC 9701 §5 and §8)", async (t) => {
  await using issuer = await startIssuer();
  const type = "application/token-introspection+jwt";
  const now = Math.floor(Date.now() / 1000);
  const sign = (change: Json = {}, typ = "token-introspection+jwt", key: SigningKey = issuer.key) =>
    signJwt(
      { iss: issuer.url, aud: "api", iat: now, token_introspection: good(issuer), ...change },
      { key: key.privateJwk, alg: "ES256", kid: issuer.key.kid, typ },
    );
  const { check } = protectAt(issuer, { ...basic, signed: true });
  const reply = (make: () => Promise<string>, as = type) => {
    issuer.reply = async () => ({ type: as, body: await make() });
  };
  reply(sign);
  assert.equal((await check(bearing("opaque"), "profile")).sub, "alice");
  assert.equal(issuer.questions.at(-1)?.headers.accept, type);
  reply(() => sign({ token_introspection: { active: false } }));
  await assert.rejects(check(bearing("opaque")), { error: "invalid_token" });
  reply(() => sign({ token_introspection: good(issuer, { aud: "https://other" }) }));
  await assert.rejects(check(bearing("opaque")), { error: "invalid_token" });
  const other = await generateKey("ES256");
  const bad: Record<string, () => void> = {
    "no signature at all": () => reply(async () => JSON.stringify(good(issuer)), "application/json"),
    "another key": () => reply(() => sign({}, undefined, other)),
    "another type": () => reply(() => sign({}, "at+jwt")),
    "for another API": () => reply(() => sign({ aud: "other" })),
    "by another issuer": () => reply(() => sign({ iss: "https://evil.example" })),
    "of yesterday": () => reply(() => sign({ iat: now - 86_400 })),
    "no answer in it": () => reply(() => sign({ token_introspection: [] })),
    "no JWT": () => reply(async () => "x"),
  };
  for (const [title, set] of Object.entries(bad)) {
    await t.test(title, async () => {
      set();
      await assert.rejects(check(bearing("opaque")), { error: "server_error" });
    });
  }
  await t.test("encrypted for us", async () => {
    const { generateKeyPairSync } = await import("node:crypto");
    const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const decryption = { ...pair.privateKey.export({ format: "jwk" }), kid: "e", use: "enc" } as { kty: string };
    const encryption = { ...pair.publicKey.export({ format: "jwk" }), kid: "e", use: "enc" } as { kty: string };
    reply(async () => encryptJwt(await sign(), { key: encryption, alg: "ECDH-ES", enc: "A256GCM" }));
    const reading = protectAt(issuer, { ...basic, signed: true, decryption_keys: [decryption] });
    assert.equal((await reading.check(bearing("opaque"))).sub, "alice");
    reply(sign);
    await assert.rejects(reading.check(bearing("opaque")), { error: "server_error" }, "in the clear");
  });
});

test("an answer counts as long as allowed, never beyond exp, and is checked each time (RFC 7662 §4, RS-08)", async () => {
  await using issuer = await startIssuer();
  let now = Date.now();
  const seconds = (ms: number) => Math.floor(ms / 1000);
  const options = { now: () => now };
  const { check, requireOAuth } = protectAt(issuer, { ...basic, cacheFor: "30s" }, options);
  issuer.known.set("opaque", good(issuer, { scope: "profile" }));
  await check(bearing("opaque"), "profile");
  issuer.known.delete("opaque");
  now += 29_000;
  await check(bearing("opaque"), "profile");
  assert.equal(issuer.questions.length, 1, "revoked, and still within its time");
  const admin = await requireOAuth("admin")(() => new Response())(bearing("opaque"));
  assert.equal(admin.status, 403, "scopes are checked on a hit as well");
  assert.equal(issuer.questions.length, 1);
  now += 1_000;
  await assert.rejects(check(bearing("opaque")), { error: "invalid_token" });
  assert.equal(issuer.questions.length, 2);
  // Negative answers too, for a shorter time.
  now += 9_000;
  issuer.known.set("opaque", good(issuer, { exp: seconds(now) + 5 }));
  await assert.rejects(check(bearing("opaque")), { error: "invalid_token" });
  assert.equal(issuer.questions.length, 2);
  now += 1_000;
  await check(bearing("opaque"));
  assert.equal(issuer.questions.length, 3);
  now += 5_000;
  await check(bearing("opaque")).catch(() => undefined);
  assert.equal(issuer.questions.length, 4, "after exp it is asked for again");
});

test("the cache is bounded, garbage does not push good answers out, and one question serves all who wait (RS-08)", async () => {
  await using issuer = await startIssuer();
  const { check } = protectAt(issuer, { ...basic, cacheFor: 60, cacheEntries: 10 });
  issuer.known.set("opaque", good(issuer));
  await Promise.all(Array.from({ length: 20 }, () => check(bearing("opaque"))));
  assert.equal(issuer.questions.length, 1);
  for (let n = 0; n < 50; n++) await assert.rejects(check(bearing(`garbage-${n}`)), { error: "invalid_token" });
  await check(bearing("opaque"));
  assert.equal(issuer.questions.length, 51);
  for (let n = 0; n < 10; n++) {
    issuer.known.set(`more-${n}`, good(issuer));
    await check(bearing(`more-${n}`));
  }
  await check(bearing("opaque"));
  assert.equal(issuer.questions.length, 62, "ten others have taken its place");
  for (const cacheFor of ["6m", 301, -1, 1.5] as const)
    assert.throws(() => protectAt(issuer, { ...basic, cacheFor }), TypeError, String(cacheFor));
  assert.throws(() => protectAt(issuer, { ...basic, cacheEntries: 0 }), TypeError);
});

test("what one route does to a token does not change what the next one finds (RS-08)", async () => {
  await using issuer = await startIssuer();
  const { check } = protectAt(issuer, { ...basic, cacheFor: 60 });
  const authorization_details = [{ type: "photos", actions: ["read"] }];
  issuer.known.set("opaque", good(issuer, { authorization_details }));
  const { authorization_details: first, claims } = await check(bearing("opaque"));
  for (const details of [first, claims.authorization_details] as unknown as { actions: string[] }[][])
    assert.throws(() => details[0]?.actions.push("write"), TypeError);
  assert.deepEqual((await check(bearing("opaque"))).authorization_details, authorization_details);
});

test("an outage is never kept, and never answered from an answer that is over", async () => {
  await using issuer = await startIssuer();
  let now = Date.now();
  const { check } = protectAt(issuer, { ...basic, cacheFor: "10s" }, { now: () => now });
  issuer.known.set("opaque", good(issuer));
  issuer.down = "/introspect";
  await assert.rejects(check(bearing("opaque")), { status: 503 });
  issuer.down = false;
  await check(bearing("opaque"));
  issuer.down = "/introspect";
  await check(bearing("opaque"));
  now += 10_000;
  await assert.rejects(check(bearing("opaque")), { status: 503 });
});

test("several issuers: each token is judged by its own, and never sent to another (RFC 8725 §3.8, RS-10)", async () => {
  await using one = await startIssuer();
  await using two = await startIssuer();
  const { check } = protectResource({
    audience,
    issuers: [
      { issuer: one.url, introspection: basic, prefix: "one_" },
      { issuer: two.url, introspection: basic, prefix: "two_" },
    ],
  });
  one.known.set("one_x", good(one));
  two.known.set("one_x", good(two));
  two.known.set("two_x", good(two));
  assert.equal((await check(bearing("one_x"))).iss, one.url);
  assert.equal((await check(bearing("two_x"))).iss, two.url);
  assert.deepEqual(
    [one, two].map(({ questions }) => questions.map(({ form }) => form.get("token"))),
    [["one_x"], ["two_x"]],
  );
  await assert.rejects(check(bearing("three_x")), { error: "invalid_token" });
  assert.equal((await check(bearing(await one.token()))).iss, one.url);
  assert.equal((await check(bearing(await two.token()))).iss, two.url);
  const crossed = await one.token({ iss: two.url }, { kid: two.key.kid });
  await assert.rejects(check(bearing(crossed)), { error: "invalid_token" }, "what one signed in the name of the other");
  await assert.rejects(check(bearing(await one.token({ iss: "https://third.example" }))), { error: "invalid_token" });
  await assert.rejects(check(bearing("a.b.c")), { error: "invalid_token" });
  two.known.set("two_y", good(two, { iss: one.url }));
  await assert.rejects(check(bearing("two_y")), { error: "invalid_token" }, "nor does one speak for the other");
  assert.ok(![one, two].some(({ questions }) => questions.length > 2));
});

test("one of several issuers that is introspected gets opaque tokens alone", async () => {
  await using one = await startIssuer();
  await using two = await startIssuer();
  const { check } = protectResource({
    audience,
    issuers: [{ issuer: one.url }, { issuer: two.url, introspection: basic }],
  });
  two.known.set("opaque", good(two));
  assert.equal((await check(bearing("opaque"))).iss, two.url);
  await assert.rejects(check(bearing(await one.token({ aud: "x" }))), { error: "invalid_token" });
  assert.deepEqual([one.questions.length, two.questions.length], [0, 1]);
});

test("issuers that could be taken for one another are refused when they are written down", () => {
  const [a, b] = ["https://a.example", "https://b.example"];
  const introspection = basic;
  const wrong: Omit<ResourceOptions, "audience">[] = [
    {},
    { issuers: [] },
    { issuer: a, issuers: [{ issuer: b }] },
    { issuers: [{ issuer: a }, { issuer: a }] },
    { issuers: [{ issuer: a }, { issuer: "http://b.example" }] },
    { issuers: [{ issuer: a }], introspection },
    {
      issuers: [
        { issuer: a, introspection },
        { issuer: b, introspection },
      ],
    },
    {
      issuers: [
        { issuer: a, introspection, prefix: "x" },
        { issuer: b, introspection },
      ],
    },
    {
      issuers: [
        { issuer: a, introspection, prefix: "x" },
        { issuer: b, introspection, prefix: "xy" },
      ],
    },
    {
      issuers: [
        { issuer: a, introspection, prefix: "x" },
        { issuer: b, introspection, prefix: "x" },
      ],
    },
    { issuers: [{ issuer: a }, { issuer: b }], read: async () => undefined },
  ];
  for (const options of wrong) assert.throws(() => protectResource({ audience, ...options }), TypeError);
});
