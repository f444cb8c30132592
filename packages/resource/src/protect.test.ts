/** Protecting an API over HTTP: which tokens pass, which do not, and what the answers say. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { OAuthError, temporarilyUnavailable } from "@valetkey/protocol/errors";
import { generateKey, JwksUnavailable } from "@valetkey/protocol/jose";
import { maxStaleKeys, rememberKeys } from "./lib/issuer.ts";
import { audience, type Issuer, type Json, startIssuer } from "./lib/test-issuer.test.ts";
import { protectResource, type ResourceOptions, type Token } from "./protect.ts";
import type { ReadToken } from "./verify-by-reading.ts";

const protectAt = (issuer: Issuer, options: Partial<ResourceOptions> = {}) =>
  protectResource({ issuer: issuer.url, audience, ...options });
const bearing = (token: string): Request =>
  new Request("https://api.example/", { headers: { Authorization: `Bearer ${token}` } });
/** What a check threw. */
const refusal = async (checked: Promise<Token>): Promise<OAuthError> => {
  const outcome = await checked.catch((e: unknown) => e);
  assert.ok(outcome instanceof OAuthError, "the token was not refused");
  return outcome;
};
const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

test("a good at+jwt passes and says whom it stands for (RFC 9068 §4)", async () => {
  await using issuer = await startIssuer();
  const { check } = protectAt(issuer);
  const token = await check(bearing(await issuer.token()), "profile");
  assert.equal(token.sub, "alice");
  assert.equal(token.iss, issuer.url);
  assert.equal(token.principal, "person");
  assert.deepEqual(token.scope, ["profile", "photos:read"]);
  assert.equal((await check(bearing(await issuer.token({ sub: "client:app" })))).principal, "client");
  assert.equal((await check(bearing(await issuer.token({ sub: "app" })))).principal, "client");
  assert.equal((await check(bearing(await issuer.token({ aud: ["https://other", audience] })))).sub, "alice");
});

test("a token that is not exactly right is invalid_token (RFC 9068 §4, RFC 8725)", async (t) => {
  await using issuer = await startIssuer();
  const { check, challengeFor } = protectAt(issuer);
  const now = Math.floor(Date.now() / 1000);
  const other = await generateKey("ES256");
  const cases: Record<string, () => Promise<string> | string> = {
    "an ID token, without typ (RS-02)": () => issuer.token({ aud: audience }, { typ: "" }),
    "typ JWT (RS-02)": () => issuer.token({}, { typ: "JWT" }),
    "another audience (JW-15)": () => issuer.token({ aud: "https://api.example.org" }),
    "a prefix of the audience (JW-15)": () => issuer.token({ aud: "https://api.exampl" }),
    "an audience in another case (JW-15)": () => issuer.token({ aud: "https://API.example" }),
    "an audience with a slash (JW-15)": () => issuer.token({ aud: `${audience}/` }),
    "no audience (JW-15)": () => issuer.token({ aud: undefined }),
    "the client as audience (JW-15)": () => issuer.token({ aud: "app" }),
    "another issuer (JW-16)": () => issuer.token({ iss: "https://evil.example" }),
    "the issuer with a slash (JW-16)": () => issuer.token({ iss: `${issuer.url}/` }),
    "no issuer (JW-16)": () => issuer.token({ iss: undefined }),
    "no exp (JW-17)": () => issuer.token({ exp: undefined }),
    "expired by more than the tolerance (JW-17)": () => issuer.token({ exp: now - 31 }),
    "not yet (JW-17)": () => issuer.token({ nbf: now + 60 }),
    "issued in the future (JW-17)": () => issuer.token({ iat: now + 60 }),
    "no client_id": () => issuer.token({ client_id: undefined }),
    "no jti": () => issuer.token({ jti: undefined }),
    "scope as a list (RS-03)": () => issuer.token({ scope: ["profile"] }),
    "bound to a key (RFC 7800)": () => issuer.token({ cnf: { jkt: "x" } }),
    "signed by a stranger with a known kid": () => issuer.token({}, { key: other, kid: issuer.key.kid }),
    "signed by a stranger": () => issuer.token({}, { key: other }),
    "alg none (JW-01)": () => `${encode({ alg: "none", typ: "at+jwt" })}.${encode(issuer.claims())}.`,
    "HS256 (JW-03)": () => `${encode({ alg: "HS256", typ: "at+jwt" })}.${encode(issuer.claims())}.${encode({})}`,
    "crit (JW-08)": () => `${encode({ alg: "ES256", typ: "at+jwt", crit: ["x"] })}.${encode({})}.${encode({})}`,
    "three parts of nothing": () => "a.b.c",
    "an opaque token, without introspection": () => "vk_access_opaque",
  };
  for (const [title, make] of Object.entries(cases)) {
    await t.test(title, async () => {
      const token = await make();
      const error = await refusal(check(bearing(token)));
      assert.equal(error.error, "invalid_token", error.message);
      const answer = challengeFor(error);
      assert.equal(answer.status, 401);
      assert.match(
        answer.headers.get("www-authenticate") ?? "",
        /^Bearer realm="https:\/\/api.example", error="invalid_token"/,
      );
      assert.ok(!(await answer.text()).includes(token), "the token is not in the answer (RS-14)");
    });
  }
});

test("no token, or another scheme, is challenged without an error; a malformed one is invalid_request (RFC 6750 §3.1, RS-04)", async () => {
  await using issuer = await startIssuer();
  const { requireOAuth } = protectAt(issuer, {
    realm: 'a"b\r\nc',
    resource_metadata: "https://api.example/.well-known/x",
  });
  const guarded = requireOAuth("profile")(() => new Response("in"));
  const ask = (authorization?: string) =>
    guarded(new Request("https://api.example/", authorization === undefined ? {} : { headers: { authorization } }));
  for (const value of [undefined, "Basic YTpi", "Bearerx y"]) {
    const answer = await ask(value);
    assert.equal(answer.status, 401);
    assert.equal(
      answer.headers.get("www-authenticate"),
      'Bearer realm="a\\"b??c", resource_metadata="https://api.example/.well-known/x", scope="profile"',
    );
  }
  for (const value of ["Bearer", "Bearer a b", "Bearer a,b", "Bearer a, Bearer b"]) {
    const answer = await ask(value);
    assert.equal(answer.status, 400, value);
    assert.match(answer.headers.get("www-authenticate") ?? "", /error="invalid_request"/);
  }
});

test("scopes: a text is both, a list is either, names are whole (RFC 6750 §3.1, RS-03)", async () => {
  await using issuer = await startIssuer();
  const { check, challengeFor } = protectAt(issuer);
  const request = async () => bearing(await issuer.token());
  await check(await request(), "profile photos:read");
  await check(await request(), ["admin", "profile photos:read"]);
  for (const scopes of ["profile admin", "photos", "Profile", "photos:readwrite", ["admin", "profile photos"]]) {
    const error = await refusal(check(await request(), scopes));
    const answer = challengeFor(error);
    assert.equal(answer.status, 403);
    const first = typeof scopes === "string" ? scopes : scopes[0];
    assert.match(
      answer.headers.get("www-authenticate") ?? "",
      new RegExp(`error="insufficient_scope".*scope="${first}"`),
    );
  }
  // No scope at all, and one in a place where another dialect has it.
  for (const claims of [{ scope: undefined }, { scope: "" }, { scope: undefined, scp: ["profile"] }]) {
    const error = await refusal(check(bearing(await issuer.token(claims)), "profile"));
    assert.match(challengeFor(error).headers.get("www-authenticate") ?? "", /insufficient_scope.*scope="profile"/);
  }
  assert.throws(() => protectAt(issuer).requireOAuth([]), TypeError);
});

test("an optional guard lets nobody through as nobody, and still refuses a bad token", async () => {
  await using issuer = await startIssuer();
  const { requireOAuth } = protectAt(issuer);
  const feed = requireOAuth({ optional: true })((_, token) => new Response(token?.sub ?? "nobody"));
  assert.equal(await (await feed(new Request("https://api.example/"))).text(), "nobody");
  assert.equal(await (await feed(bearing(await issuer.token()))).text(), "alice");
  assert.equal((await feed(bearing(await issuer.token({ aud: "x" })))).status, 401);
});

test("opaque tokens are introspected each time; audience, issuer, type and time of the answer count (RFC 7662 §4)", async (t) => {
  await using issuer = await startIssuer();
  const { check } = protectAt(issuer, { introspection: { client_id: "api", client_secret: "api secret" } });
  const good = { active: true, ...issuer.claims(), token_type: "Bearer" };
  issuer.known.set("opaque", good);
  assert.equal((await check(bearing("opaque"), "profile")).sub, "alice");
  issuer.known.set("opaque", { active: false });
  await assert.rejects(check(bearing("opaque")), { error: "invalid_token" }, "a revoked token is refused at once");
  const bad: Record<string, Json> = {
    "another audience": { aud: "https://other" },
    "no audience": { aud: undefined },
    "another issuer": { iss: "https://evil.example" },
    expired: { exp: 1 },
    "not yet": { nbf: 4e9 },
    "another type": { token_type: "refresh_token" },
    "a refresh token of a server that calls it Bearer": { token_use: "refresh_token" },
    "bound to a key": { cnf: { jkt: "x" } },
    "active as a text": { active: "true" },
    "scope as a list": { scope: ["profile"] },
  };
  for (const [title, change] of Object.entries(bad)) {
    await t.test(title, async () => {
      issuer.known.set("opaque", { ...good, ...change });
      await assert.rejects(check(bearing("opaque")), { error: "invalid_token" });
    });
  }
  issuer.paths.length = 0;
  await assert.rejects(check(bearing(await issuer.token({}, { typ: "" }))), { error: "invalid_token" });
  assert.ok(!issuer.paths.includes("/introspect"), "a JWT never goes to introspection");
});

test("in the provider's own process tokens are read there: access tokens for this audience only", async () => {
  const issuer = "https://id.example";
  const good = {
    kind: "access",
    client_id: "app",
    subject: "alice",
    scope: ["profile"],
    aud: [audience],
    exp: 4e9,
  } as const;
  const known: Record<string, ReadToken> = {
    good,
    refresh: { ...good, kind: "refresh" },
    foreign: { ...good, aud: [issuer] },
  };
  let store: Error | undefined;
  const read = async (token: string) => {
    if (store !== undefined) throw store;
    return known[token];
  };
  const { check } = protectResource({ issuer, audience, read });
  const token = await check(bearing("good"), "profile");
  assert.deepEqual([token.sub, token.iss, token.principal], ["alice", issuer, "person"]);
  for (const bad of ["unknown", "refresh", "foreign"]) {
    await assert.rejects(check(bearing(bad)), { error: "invalid_token" }, bad);
  }
  store = Object.assign(new Error("gone"), { name: "StoreUnavailable" });
  await assert.rejects(check(bearing("good")), { error: "temporarily_unavailable" });
});

test("credentials the issuer refuses, and an issuer that is down, are not the token's fault", async () => {
  await using issuer = await startIssuer();
  const wrong = protectAt(issuer, { introspection: { client_id: "api", client_secret: "wrong" } });
  await assert.rejects(wrong.check(bearing("opaque")), { error: "server_error", status: 500 });
  issuer.down = "/introspect";
  await assert.rejects(wrong.check(bearing("opaque")), { error: "temporarily_unavailable", status: 503 });
  issuer.down = true;
  const { check, challengeFor } = protectAt(issuer, {
    introspection: { client_id: "api", client_secret: "api secret" },
  });
  for (const token of ["opaque", await issuer.token()]) {
    const error = await refusal(check(bearing(token)));
    const answer = challengeFor(error);
    assert.equal(answer.status, 503);
    assert.ok(answer.headers.has("retry-after"));
    assert.equal(answer.headers.has("www-authenticate"), false);
  }
});

test("the issuer may come up later, and known keys outlive its outage for an hour (RS-09)", async () => {
  await using issuer = await startIssuer();
  let now = Date.now();
  const { check } = protectAt(issuer, { now: () => now });
  issuer.down = true;
  await assert.rejects(check(bearing(await issuer.token())), { status: 503 });
  issuer.down = false;
  now += 11_000;
  const lasting = { exp: Math.floor(now / 1000) + 8000 };
  const token = await issuer.token(lasting);
  await check(bearing(token));
  issuer.down = true;
  now += 30 * 60_000;
  await check(bearing(token));
  const stranger = await generateKey("ES256");
  await assert.rejects(check(bearing(await issuer.token(lasting, { key: stranger }))), { status: 503 });
  now += 31 * 60_000;
  await assert.rejects(check(bearing(token)), { status: 503 });
});

test("a thousand tokens with unknown kid cause one request for keys (JW-20)", async () => {
  await using issuer = await startIssuer();
  const { check } = protectAt(issuer);
  await check(bearing(await issuer.token()));
  const before = issuer.paths.filter((path) => path === "/jwks").length;
  const tokens = await Promise.all(Array.from({ length: 100 }, (_, n) => issuer.token({}, { kid: `unknown ${n}` })));
  for (let n = 0; n < 10; n++) {
    await Promise.all(tokens.map((token) => assert.rejects(check(bearing(token)), { error: "invalid_token" })));
  }
  assert.ok(issuer.paths.filter((path) => path === "/jwks").length - before <= 1);
});

test("a key that was rotated in is found, one that was taken out is refused (JW-21)", async () => {
  await using issuer = await startIssuer();
  let now = Date.now();
  const { check } = protectAt(issuer, { now: () => now });
  await check(bearing(await issuer.token()));
  const next = await generateKey("ES256");
  issuer.keys = [next];
  now += 11_000;
  const later = { iat: Math.floor(now / 1000), exp: Math.floor(now / 1000) + 5000 };
  await check(bearing(await issuer.token(later, { key: next })));
  now += 601_000;
  await assert.rejects(check(bearing(await issuer.token(later))), { error: "invalid_token" });
  issuer.down = true;
  now += 601_000;
  await assert.rejects(check(bearing(await issuer.token(later))), { status: 503 }, "nor does an outage bring it back");
});

test("no keys, two keys of one kid, and none that may sign: refused or verified, never guessed (RS-09, JW-07)", async () => {
  await using issuer = await startIssuer();
  let now = Date.now();
  const { check } = protectAt(issuer, { now: () => now });
  issuer.keys = [];
  const token = await issuer.token();
  await assert.rejects(check(bearing(token)), { error: "invalid_token" });
  const other = await generateKey("ES256");
  const namesake = { ...other, publicJwk: { ...other.publicJwk, kid: issuer.key.kid } };
  issuer.keys = [namesake, issuer.key];
  now += 11_000;
  assert.equal((await check(bearing(token))).sub, "alice", "it recovers, and the right one of two is found");
  issuer.keys = [{ ...issuer.key, publicJwk: { ...issuer.key.publicJwk, use: "enc" } }];
  now += 601_000;
  const later = await issuer.token({ exp: Math.floor(now / 1000) + 60 });
  await assert.rejects(check(bearing(later)), { error: "invalid_token" });
});

test("a signature that was verified counts again, but times, scopes and keys are looked at each time", async () => {
  await using issuer = await startIssuer();
  let now = Date.now();
  const exp = Math.floor(now / 1000) + 300;
  const token = await issuer.token({ exp });
  for (const verifiedTokens of [0, 1, 1000]) {
    const { check } = protectAt(issuer, { now: () => now, verifiedTokens, clockTolerance: 0 });
    const first = await check(bearing(token));
    assert.equal((await check(bearing(token))) === first, verifiedTokens > 0);
    assert.throws(
      () => Object.assign(first.claims, { sub: "mallory" }),
      TypeError,
      "no route changes what the next sees",
    );
    assert.throws(() => (first.scope as string[]).push("admin"), TypeError);
    await assert.rejects(check(bearing(token), "admin"), { error: "insufficient_scope" });
    await check(bearing(await issuer.token({ jti: "2" })));
    await check(bearing(token));
    now += 300_000;
    await assert.rejects(check(bearing(token)), { description: "the access token has expired" });
    now -= 300_000;
    await check(bearing(token));
    now -= 3_600_000;
    await assert.rejects(check(bearing(token)), { error: "invalid_token" }, "a clock that was set right: not yet");
    now += 3_600_000;
  }
  const tampered = `${token.slice(0, -8)}${token.endsWith("AAAAAAAA") ? "BBBBBBBB" : "AAAAAAAA"}`;
  const { check } = protectAt(issuer);
  await check(bearing(token));
  await assert.rejects(check(bearing(tampered)), { error: "invalid_token" });
});

test("no token is in what is thrown, nor in what is answered (RS-14)", async () => {
  await using issuer = await startIssuer();
  const introspection = { client_id: "api", client_secret: "api secret" };
  const { check, challengeFor } = protectAt(issuer, { introspection, dpop: {} });
  const look = async (token: string, scheme = "Bearer") => {
    const request = new Request("https://api.example/", {
      headers: { Authorization: `${scheme} ${token}`, DPoP: "a.b.c" },
    });
    const error = await refusal(check(request, "admin"));
    const answer = challengeFor(error, request, "admin");
    const said = `${inspect(error, { depth: 9, showHidden: true })}${await answer.text()}${[...answer.headers]}`;
    for (const part of token.split(".")) assert.ok(part.length < 8 || !said.includes(part), said);
  };
  const good = await issuer.token();
  const bound = await issuer.token({ cnf: { jkt: "x" } });
  for (const token of [good, await issuer.token({ aud: "x" }), `${good.slice(0, -9)}AAAAAAAAA`, bound, "opaque-secret"])
    for (const scheme of ["Bearer", "DPoP"]) await look(token, scheme);
  issuer.down = true;
  await look("opaque-secret");
  issuer.down = false;
  issuer.known.set("opaque-secret", { active: true, aud: 1 });
  await look("opaque-secret");
});

test("remembered keys are no longer used once their time is over", async () => {
  let now = 0;
  let down = false;
  const keys = rememberKeys(
    async () => {
      if (down) throw new JwksUnavailable("down");
      return [{ kty: "EC", kid: "a" }];
    },
    () => now,
  );
  assert.equal((await keys({ alg: "ES256", kid: "a" })).length, 1);
  down = true;
  now += maxStaleKeys - 1;
  assert.equal((await keys({ alg: "ES256", kid: "a" })).length, 1);
  await assert.rejects(keys({ alg: "ES256", kid: "b" }), JwksUnavailable);
  now += 1;
  await assert.rejects(keys({ alg: "ES256", kid: "a" }), JwksUnavailable);
});

test("metadata about another issuer, or with unsafe endpoints, is refused (RFC 8414 §3.3)", async () => {
  await using issuer = await startIssuer();
  const token = await issuer.token();
  const documents: Json[] = [
    { issuer: `${issuer.url}/` },
    { issuer: "https://evil.example" },
    { jwks_uri: issuer.url.replace("127.0.0.1", "evil.example") },
    { introspection_endpoint: "file:///etc/passwd" },
  ];
  for (const document of documents) {
    issuer.document = document;
    await assert.rejects(protectAt(issuer).check(bearing(token)), { error: "server_error" }, JSON.stringify(document));
  }
  issuer.document = {};
  await protectAt(issuer).check(bearing(token));
});

test("options that would protect nothing are refused", () => {
  const issuer = "https://id.example";
  assert.throws(() => protectResource({ issuer: "http://id.example", audience }), TypeError);
  assert.throws(() => protectResource({ issuer, audience: "" }), TypeError);
  assert.throws(() => protectResource({ issuer, audience, algorithms: [] }), TypeError);
  assert.throws(() => protectResource({ issuer, audience, clockTolerance: 600 }), TypeError);
});

test("while developing on this machine a refusal explains itself; elsewhere it does not", async () => {
  await using issuer = await startIssuer();
  const { check, challengeFor } = protectAt(issuer);
  const other = bearing(await issuer.token({ aud: "x" }));
  const error = await refusal(check(other));
  const { explanation } = (await challengeFor(error).json()) as { explanation: string };
  assert.match(explanation, /audience: .*Expected: an access token of http.* for the audience https:\/\/api.example/);
  const more = (await challengeFor(error, other).json()) as { explanation: string };
  assert.match(more.explanation, /It says it is of "http:\/\/[^"]*" for "x"\. Expected/);
  const down = new Error("fetch failed", { cause: new Error("connect ECONNREFUSED 127.0.0.1:4000") });
  const outage = challengeFor(temporarilyUnavailable("the issuer does not answer at the moment", { cause: down }));
  assert.match(((await outage.json()) as { explanation: string }).explanation, /fetch failed: connect ECONNREFUSED/);
  const distant = protectResource({ issuer: "https://id.example", audience });
  const missing = await refusal(distant.check(new Request("https://api.example/")));
  assert.equal(await distant.challengeFor(missing).text(), "");
});
