/** Options, discovery and addresses: what is refused before anybody signs in, and what an issuer may say of itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryStore } from "@valetkey/store/memory";
import fc from "fast-check";
import { createOAuth, type OAuthOptions, oidc } from "./create-oauth.ts";
import { discover } from "./discover.ts";
import { Browser, startIssuer } from "./lib/hostile-issuer.test.ts";
import { readReturnTo } from "./lib/return-to.ts";
import { recordingLog, secret, startApp } from "./lib/test-app.test.ts";
import type { Log } from "./log.ts";

const issuer = "https://id.example";
const acme = oidc("acme", { issuer, client_id: "app", client_secret: "s" });
const invalid = (message: RegExp) => ({ code: "configuration_invalid", message });

test("a missing credential names the variable that would supply it, and the variable does", () => {
  const { log } = recordingLog();
  const create = () => createOAuth({ providers: [oidc("my-id", { issuer })], secret, log });
  assert.throws(create, invalid(/no client_id: pass it or set MY_ID_CLIENT_ID/));
  process.env.MY_ID_CLIENT_ID = "app";
  assert.throws(create, invalid(/set MY_ID_CLIENT_SECRET, or say token_endpoint_auth_method: "none"/));
  process.env.MY_ID_CLIENT_SECRET = "s";
  create();
  delete process.env.MY_ID_CLIENT_SECRET;
  createOAuth({ providers: [oidc("my-id", { issuer, token_endpoint_auth_method: "none" })], secret, log });
  delete process.env.MY_ID_CLIENT_ID;
});

test("off loopback a store and a secret are required; on it their absence is loud (rule 10)", () => {
  const { log, lines } = recordingLog();
  const create = (options: Partial<OAuthOptions>) => () => createOAuth({ providers: [acme], log, ...options });
  assert.throws(create({ baseUrl: "https://app.example", secret }), invalid(/store is missing/));
  assert.throws(create({ baseUrl: "https://app.example", store: memoryStore() }), invalid(/secret is missing/));
  create({ baseUrl: "https://app.example", secret, store: memoryStore() })();
  create({ baseUrl: "http://localhost:3000" })();
  assert.deepEqual(
    lines.map(({ level, fields }) => `${level} ${fields.event}`),
    ["warn store.memory", "warn secret.generated"],
  );
});

test("mistakes in the options are refused at once", () => {
  const { log } = recordingLog();
  const bad: Partial<OAuthOptions>[] = [
    { providers: [] },
    { providers: [acme, acme] },
    { secret: "short" },
    { baseUrl: "http://app.example" },
    { baseUrl: "https://app.example/path" },
    { baseUrl: "javascript:alert(1)" },
    { path: "auth" },
    { path: "/auth/" },
    { clockTolerance: 61 },
    { sessionLifetime: 0 },
    { sessionLifetime: "1y" as "1d" },
    { log: (() => {}) as unknown as Log },
  ];
  for (const options of bad) {
    const create = () => createOAuth({ providers: [acme], secret, store: memoryStore(), log, ...options });
    assert.throws(create, invalid(/./), JSON.stringify(options));
  }
  assert.throws(() => oidc("Acme", { issuer }), invalid(/lower-case/));
  assert.throws(() => oidc("acme", { issuer: "http://id.example" }), invalid(/https/));
  assert.throws(() => oidc("acme", { issuer, scope: "profile" }), invalid(/openid/));
  assert.throws(() => oidc("acme", { issuer, resource: ["http://api.example"] }), invalid(/resource/));
  assert.throws(() => oidc("acme", { issuer, resource: ["https://api.example/#x"] }), invalid(/resource/));
});

test("without baseUrl only loopback is served: a Host header decides nothing (rule 6)", async () => {
  const { log } = recordingLog();
  const oauth = createOAuth({ providers: [acme], secret, log });
  const answer = await oauth.handle(new Request("https://evil.example/auth/login"));
  assert.equal(answer?.status, 500);
  assert.match((await answer?.text()) ?? "", /base_url_missing/);
  await assert.rejects(oauth.session(new Request("https://evil.example/")), { code: "base_url_missing" });
});

test("what is not one of the routes is left to the application, and wrong methods are 405", async () => {
  const { log } = recordingLog();
  const oauth = createOAuth({ providers: [acme], secret, log });
  for (const path of ["/", "/auth", "/auth/", "/auth/other", "/auth/login/a/b", "/authentic/login"]) {
    assert.equal(await oauth.handle(new Request(`http://localhost${path}`)), undefined, path);
  }
  const post = await oauth.handle(new Request("http://localhost/auth/callback/acme", { method: "POST" }));
  assert.equal(post?.status, 405);
  assert.equal(post?.headers.get("allow"), "GET");
  assert.equal((await oauth.handle(new Request("http://localhost/auth/login/nobody")))?.status, 404);
});

test("with several providers the sign-in page has a link to each, escaped", async () => {
  const { log } = recordingLog();
  const other = oidc("other", { issuer, client_id: "app", client_secret: "s", label: "<Other>" });
  const oauth = createOAuth({ providers: [acme, other], secret, log });
  const page = await oauth.handle(new Request("http://localhost/auth/login?returnTo=/a%3Fb%3D1%26c"));
  const html = (await page?.text()) ?? "";
  assert.match(html, /<a href="\/auth\/login\/acme\?returnTo=%2Fa%3Fb%3D1%26c">Continue with acme<\/a>/);
  assert.match(html, /Continue with &lt;Other&gt;/);
});

test("returnTo is a path on the same origin or the start page (RFC 9700 §4.11)", () => {
  const origin = "https://app.example";
  const read = (text: string) => readReturnTo(text, origin);
  assert.equal(read("/a/b?c=d#e"), "/a/b?c=d#e");
  for (const bad of [
    "//evil",
    "/\\evil",
    "\\/evil",
    "https://evil",
    "evil",
    "/\t/evil",
    "/\n/evil",
    "",
    "/.//evil",
    "/a/..//evil",
    `/${"a".repeat(2000)}`,
  ]) {
    assert.equal(read(bad), "/", JSON.stringify(bad));
  }
  const part = fc.constantFrom("/", "\\", ".", "..", "%2f", "@", ":", "?", "#", "\t", "\n", "evil.example", "a");
  fc.assert(
    fc.property(fc.array(part), fc.string(), (parts, tail) => {
      const result = read(parts.join("") + tail);
      assert.equal(new URL(result, origin).origin, origin);
      assert.ok(result.startsWith("/") && !result.startsWith("//"));
    }),
    { numRuns: 2000 },
  );
});

test("metadata that is not the issuer's own, or unsafe, is refused (RFC 8414 §3.3, RP-03, RP-15)", async (t) => {
  await using hostile = await startIssuer();
  const changes: Record<string, (document: Record<string, unknown>) => Record<string, unknown>> = {
    "another issuer": (d) => ({ ...d, issuer: "https://evil.example" }),
    "the issuer with a slash": (d) => ({ ...d, issuer: `${d.issuer}/` }),
    "no issuer": ({ issuer: _, ...d }) => d,
    "no token_endpoint": ({ token_endpoint: _, ...d }) => d,
    "no jwks_uri": ({ jwks_uri: _, ...d }) => d,
    "an endpoint on http": (d) => ({ ...d, token_endpoint: "http://evil.example/token" }),
    "a script as authorization_endpoint": (d) => ({ ...d, authorization_endpoint: "javascript:alert(1)" }),
    "a shell command as authorization_endpoint": (d) => ({ ...d, authorization_endpoint: 'https://x"&calc&"' }),
    "a list as authorization_endpoint": (d) => ({ ...d, authorization_endpoint: [d.authorization_endpoint] }),
    "a redirect": () => ({ status: 302, headers: { Location: "/elsewhere" } }),
    "an array": () => ({ body: "[]" }),
    HTML: () => ({ body: "<html>" }),
    "1 MB": () => ({ body: JSON.stringify({ x: "x".repeat(1_000_000) }) }),
  };
  for (const [title, change] of Object.entries(changes)) {
    await t.test(title, async () => {
      hostile.mischief = { discovery: change };
      await assert.rejects(discover(hostile.url), { code: "metadata_invalid" });
    });
  }
  hostile.mischief = { discovery: () => ({ status: 500, body: "" }) };
  await assert.rejects(discover(hostile.url), { code: "issuer_unavailable" });
  hostile.mischief = { discovery: () => "hang" };
  await assert.rejects(discover(hostile.url, { timeoutMs: 50 }), { code: "issuer_unavailable" });
  hostile.mischief = {};
  assert.equal((await discover(hostile.url)).token_endpoint, `${hostile.url}/token`);
});

test("an issuer that does not announce S256 is refused, unless the application vouches for it (RP-08)", async () => {
  await using hostile = await startIssuer();
  hostile.mischief = { discovery: ({ code_challenge_methods_supported: _, ...rest }) => rest };
  await using strict = await startApp(hostile.url);
  assert.match(await (await new Browser().follow(`${strict.url}/me`)).text(), /pkce_unsupported/);
  const metadata = { code_challenge_methods_supported: ["S256"] };
  await using vouching = await startApp(hostile.url, { provider: { metadata } });
  assert.equal((await new Browser().follow(`${vouching.url}/me`)).status, 200);
});

test("an iss that was not announced is refused, unless the application vouches for it (RFC 9207 §2.4)", async () => {
  await using hostile = await startIssuer();
  hostile.mischief = { discovery: ({ authorization_response_iss_parameter_supported: _, ...rest }) => rest };
  await using strict = await startApp(hostile.url);
  assert.match(await (await new Browser().follow(`${strict.url}/me`)).text(), /issuer_unexpected/);
  const metadata = { authorization_response_iss_parameter_supported: true };
  await using vouching = await startApp(hostile.url, { provider: { metadata } });
  assert.equal((await new Browser().follow(`${vouching.url}/me`)).status, 200);
});

test("an application starts while its issuer is down, and finds it when it is up; a changed issuer is refused (F-25)", async () => {
  await using hostile = await startIssuer();
  let now = Date.now();
  await using app = await startApp(hostile.url, { now: () => now });
  hostile.mischief = { discovery: () => ({ status: 503, body: "" }) };
  const page = await new Browser().follow(`${app.url}/auth/login`);
  assert.equal(page.status, 503);
  assert.ok(page.headers.has("retry-after"));
  hostile.mischief = {};
  now += 1_000;
  assert.equal((await new Browser().follow(`${app.url}/me`)).status, 200);
  now += 700_000;
  hostile.mischief = { discovery: () => ({ status: 503, body: "" }) };
  const start = () => new Browser().get(`${app.url}/auth/login`);
  assert.equal((await start()).status, 303, "what was known is used while the issuer is down");
  now += 2_000;
  hostile.mischief = { discovery: (document) => ({ ...document, issuer: "https://evil.example" }) };
  assert.equal((await start()).status, 502);
  assert.ok(app.lines.some(({ level, fields }) => level === "error" && fields.event === "issuer.refused"));
});

test("onSignIn sees the person and the tokens, and may refuse", async () => {
  await using hostile = await startIssuer();
  const seen: unknown[] = [];
  await using app = await startApp(hostile.url, {
    onSignIn: (user, tokens, from) => {
      seen.push(user.sub, from.provider, typeof tokens.access_token);
      if (seen.length > 3) throw new Error("no room");
    },
  });
  assert.equal((await new Browser().follow(`${app.url}/me`)).status, 200);
  assert.deepEqual(seen, ["alice", "acme", "string"]);
  const refused = new Browser();
  assert.match(await (await refused.follow(`${app.url}/me`)).text(), /sign_in_refused/);
  assert.equal(refused.cookies.has("vk_app"), false);
});
