/** Sign-in with tokens bound to a key: from the authorization request to refreshes in other processes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Jwk } from "@valetkey/protocol/jose";
import { thumbprint } from "@valetkey/protocol/jose";
import { memoryStore } from "@valetkey/store/memory";
import { oauth2 } from "./create-oauth.ts";
import { startBoundIssuer } from "./lib/bound-issuer.test.ts";
import { Browser, startIssuer } from "./lib/hostile-issuer.test.ts";
import { cookieOf, signedIn } from "./lib/signed-in.test.ts";
import { startApp, type TestApp } from "./lib/test-app.test.ts";
import { keepFormer } from "./lib/vault.ts";

const provider = { dpop_bound_access_tokens: true };

/** Signs in where that must fail; the code is in the log. */
async function failure(app: TestApp): Promise<unknown> {
  const page = await new Browser().follow(`${app.url}/me`);
  assert.ok(page.status >= 400, `${page.status}`);
  return (app.lines.at(-1)?.fields.err as { code?: string } | undefined)?.code;
}

test("each sign-in has a key of its own: named in the request, proven for the code, the userinfo and the API (RFC 9449 §5, §7, §10)", async () => {
  await using issuer = await startBoundIssuer();
  await using app = await startApp(issuer.url, { provider });
  const { auth } = await signedIn(app);
  const signed = await auth();
  assert.equal(signed.user.name, "Alice");
  const answer = await signed.fetch("acme", `${issuer.url}/api`, { method: "POST", body: "hello" });
  assert.deepEqual([answer.status, ((await answer.json()) as { body: string }).body], [200, "hello"]);
  await signedIn(app);
  const named = issuer.asked.flatMap(({ url }) => url.searchParams.getAll("dpop_jkt"));
  assert.equal(new Set(named).size, 2);
  assert.deepEqual(
    issuer.exchanged.map(({ jkt }) => jkt),
    named,
  );
  for (const { headers } of issuer.asked) assert.doesNotMatch(headers.get("authorization") ?? "", /^Bearer/);
});

test("a pushed request carries dpop_jkt and a proof that says the same (§10.1)", async () => {
  await using issuer = await startBoundIssuer();
  await using app = await startApp(issuer.url, {
    provider: { ...provider, require_pushed_authorization_requests: true },
  });
  await signedIn(app);
  const away = issuer.asked.find(({ url }) => url.pathname === "/authorization");
  assert.deepEqual([...(away?.url.searchParams.keys() ?? [])], ["client_id", "request_uri"]);
});

test("a configured parameter does not replace dpop_jkt", async () => {
  await using issuer = await startBoundIssuer();
  await using app = await startApp(issuer.url, { provider: { ...provider, authorization_params: { dpop_jkt: "x" } } });
  await signedIn(app);
});

test("a service without discovery: the profile is asked for with a proof, unless the function proves it in its own way", async () => {
  await using issuer = await startBoundIssuer();
  const service = oauth2("acme", {
    authorization_endpoint: `${issuer.url}/authorization`,
    token_endpoint: `${issuer.url}/token`,
    client_id: "app",
    token_endpoint_auth_method: "none",
    ...provider,
    async profile(api) {
      issuer.nonce.api = "api-1";
      const me = await api.json(`${issuer.url}/me`);
      const own = { Authorization: `Bearer ${api.tokens.access_token}` };
      await assert.rejects(api.json(`${issuer.url}/me`, { headers: own }), { code: "userinfo_invalid" });
      return { id: String(me.sub), name: String(me.name), claims: me };
    },
  });
  await using app = await startApp(issuer.url, { providers: [service] });
  const { auth } = await signedIn(app);
  assert.equal((await auth()).user.name, "Alice");
});

test("nonces: asked for once by each server, then sent along by everybody who signs in (§8, §9)", async () => {
  await using issuer = await startBoundIssuer();
  issuer.nonce = { token: "n-1", api: "n-1" };
  await using app = await startApp(issuer.url, { provider });
  const { auth } = await signedIn(app);
  const requests = (path: string) => issuer.asked.filter(({ url }) => url.pathname === path).length;
  assert.deepEqual([requests("/token"), requests("/userinfo")], [2, 1]);
  await signedIn(app);
  assert.deepEqual([requests("/token"), requests("/userinfo")], [3, 2]);
  issuer.nonce = { token: "n-1", api: "n-2" };
  const signed = await auth();
  assert.equal((await signed.fetch("acme", `${issuer.url}/api`, { method: "PUT", body: "x" })).status, 200);
  assert.equal((await signed.fetch("acme", `${issuer.url}/api`)).status, 200);
  assert.equal(requests("/api"), 3);
});

test("a server with a nonce for each key is sent the right one, however many sign in at once", async () => {
  await using issuer = await startBoundIssuer();
  issuer.nonce.token = (jkt) => `for-${jkt}`;
  await using app = await startApp(issuer.url, { provider });
  await Promise.all(Array.from({ length: 10 }, () => signedIn(app)));
  assert.equal(issuer.exchanged.length, 10);
});

test("the key is in the store with the tokens, unreadable, and refreshes in another process use it (§5)", async () => {
  let now = Date.now();
  await using issuer = await startBoundIssuer(() => now);
  const store = memoryStore({ now: () => now });
  await using one = await startApp(issuer.url, { store, provider, now: () => now });
  const { browser } = await signedIn(one);
  const [entry] = await store.list("app-tokens", {});
  assert.doesNotMatch(JSON.stringify(entry), /"d"|"crv"|P-256/);
  assert.doesNotMatch(browser.received.join("\n"), /"d"|crv|P-256/);
  issuer.nonce.token = "later";
  await using two = await startApp(issuer.url, { store, provider, now: () => now });
  for (const app of [two, one, two]) {
    now += 3600_000;
    const auth = await app.oauth.session(new Request(app.url, { headers: { Cookie: cookieOf(browser) } }));
    assert.equal((await auth?.fetch("acme", `${issuer.url}/api`))?.status, 200);
  }
  assert.equal(issuer.exchanged.length, 4);
  assert.equal(new Set(issuer.exchanged.map(({ jkt }) => jkt)).size, 1);
});

test("a Bearer token where a bound one was asked for: nobody is signed in, and the error says why (§5)", async () => {
  await using issuer = await startBoundIssuer();
  await using app = await startApp(issuer.url, { provider });
  issuer.token = (good) => ({ ...good, token_type: "Bearer" });
  assert.equal(await failure(app), "token_not_bound");
  assert.equal((await app.store.list("app-session", {})).length, 0);
  issuer.token = ({ token_type: _, ...good }) => good;
  assert.equal(await failure(app), "token_response_invalid");
});

test("a refresh that is answered with a Bearer token gives none, and the permission stays (§5)", async () => {
  let now = Date.now();
  await using issuer = await startBoundIssuer(() => now);
  await using app = await startApp(issuer.url, { provider, now: () => now });
  const { auth } = await signedIn(app);
  now += 7200_000;
  issuer.token = (good) => ({ ...good, token_type: "bearer" });
  await assert.rejects((await auth()).fetch("acme", `${issuer.url}/api`), { code: "token_not_bound" });
  assert.equal(issuer.asked.filter(({ url }) => url.pathname === "/api").length, 0);
  assert.equal((await (await auth()).accounts())[0]?.signInAgain, undefined);
});

test("an issuer that knows nothing of proofs does not get people signed in by accident", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url, { provider });
  assert.equal(await failure(app), "token_not_bound");
});

test("tokens from before binding was asked for are not used; tokens from a time when it was, still are", async () => {
  await using plain = await startIssuer();
  const store = memoryStore();
  await using before = await startApp(plain.url, { store });
  const { browser } = await signedIn(before);
  await using since = await startApp(plain.url, { store, provider });
  const cookies = { headers: { Cookie: cookieOf(browser) } };
  const auth = await since.oauth.session(new Request(since.url, cookies));
  await assert.rejects(async () => auth?.fetch("acme", `${plain.url}/api`), { code: "sign_in_again" });
  assert.equal(plain.calls.length, 0);

  await using issuer = await startBoundIssuer();
  const other = memoryStore();
  await using bound = await startApp(issuer.url, { store: other, provider });
  const someone = await signedIn(bound);
  await using no = await startApp(issuer.url, { store: other });
  const still = await no.oauth.session(new Request(no.url, { headers: { Cookie: cookieOf(someone.browser) } }));
  assert.equal((await still?.fetch("acme", `${issuer.url}/api`))?.status, 200);
});

test("a sign-in that was under way when binding was switched on starts anew", async () => {
  await using issuer = await startBoundIssuer();
  const shared = { store: memoryStore(), baseUrl: "http://127.0.0.1:1" };
  await using before = await startApp(issuer.url, shared);
  await using since = await startApp(issuer.url, { ...shared, provider });
  const away = await before.oauth.handle(new Request("http://127.0.0.1:1/auth/login/acme"));
  const cookie = (away?.headers.getSetCookie() ?? []).map((line) => line.split(";")[0]).join("; ");
  const back = (await fetch(away?.headers.get("location") ?? "", { redirect: "manual" })).headers.get("location") ?? "";
  const answer = await since.oauth.handle(new Request(back, { headers: { Cookie: cookie } }));
  assert.equal(answer?.status, 400);
  assert.equal((since.lines.at(-1)?.fields.err as { code?: string } | undefined)?.code, "transaction_missing");
  assert.equal(issuer.exchanged.length, 0);
});

test("the key is of a kind the issuer takes; if it takes none of ours the sign-in does not begin (§5.1)", async () => {
  await using issuer = await startBoundIssuer();
  issuer.discovery = { dpop_signing_alg_values_supported: ["RS256", "ES384"] };
  await using app = await startApp(issuer.url, { provider });
  await signedIn(app);
  const proof = issuer.asked.find(({ headers }) => headers.has("dpop"))?.headers.get("dpop") ?? "";
  assert.equal(JSON.parse(Buffer.from(proof.split(".")[0] ?? "", "base64url").toString()).alg, "ES384");
  issuer.discovery = { dpop_signing_alg_values_supported: ["RS256"] };
  await using other = await startApp(issuer.url, { provider });
  assert.equal(await failure(other), "metadata_invalid");
});

test("who signs in again and gets no refresh token keeps the former one, with the key it is bound to", async () => {
  let now = Date.now();
  await using issuer = await startBoundIssuer(() => now);
  await using app = await startApp(issuer.url, { provider, now: () => now });
  const { browser, auth } = await signedIn(app);
  issuer.token = ({ refresh_token: _, ...good }) => good;
  assert.equal((await browser.follow(`${app.url}/auth/login/acme`)).status, 200);
  issuer.token = (good) => good;
  for (const more of [0, 7200_000]) {
    now += more;
    assert.equal((await (await auth()).fetch("acme", `${issuer.url}/api`)).status, 200);
  }
  const [first, second, ...refreshed] = issuer.exchanged.map(({ jkt }) => jkt);
  assert.notEqual(first, second);
  assert.deepEqual(refreshed, [first, first]);
});

test("one entry, one key: what is taken over from a former session", async () => {
  const jwk = (x: string): Jwk => ({ kty: "OKP", crv: "Ed25519", x, alg: "Ed25519" });
  assert.notEqual(await thumbprint(jwk("a")), await thumbprint(jwk("b")));
  const held = { access_token: "at", obtainedAt: 0 };
  const fresh = { access: { "": held }, dpop: jwk("b") };
  const complete = { ...fresh, refresh_token: "new" };
  assert.equal(keepFormer(complete, { refresh_token: "old", dpop: jwk("a") }), complete);
  assert.equal(keepFormer(fresh, { dpop: jwk("a") }), fresh);
  assert.deepEqual(keepFormer(fresh, { refresh_token: "old" }), { ...fresh, refresh_token: "old" });
  assert.deepEqual(keepFormer(fresh, { refresh_token: "old", dpop: jwk("a") }), {
    access: {},
    refresh_token: "old",
    dpop: jwk("a"),
  });
});
