/**
 * @valetkey/provider/testing as somebody uses it who tests an application or an API of theirs: no network, no sleeping.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { createOAuth, type OAuth, type OAuthOptions, oidc } from "@valetkey/client/create-oauth";
import type { OidcOptions } from "@valetkey/client/oidc";
import { basicHeader } from "@valetkey/protocol/authorization-header";
import { verifyJwt } from "@valetkey/protocol/jose";
import { nodeHandler } from "@valetkey/provider/node";
import { startTestServer, type TestServer, type TestServerOptions, testKeys } from "@valetkey/provider/testing";
import { protectResource } from "@valetkey/resource/protect";
import { memoryStore } from "@valetkey/store/memory";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const secret = "a secret of the application for its tests";
const users = [
  { sub: "alice", email: "alice@example.test", email_verified: true, name: "Alice", preferred_username: "al" },
  { sub: "bob", password: "staple" },
];
const keys = testKeys();
const start = (more: Partial<TestServerOptions> = {}) => startTestServer({ users, keys, ...more });

const oauthFor = (idp: TestServer, provider: Partial<OidcOptions> = {}, more: Partial<OAuthOptions> = {}): OAuth =>
  createOAuth({
    providers: [oidc("test", { issuer: idp.issuer, ...idp.credentials(), ...provider })],
    secret,
    store: memoryStore({ now: idp.clock.now }),
    fetch: idp.fetch,
    now: idp.clock.now,
    log: silent,
    ...more,
  });

/** Asks the token endpoint, as the first client. */
const post = (idp: TestServer, form: Record<string, string>): Promise<Response> => {
  const { client_id, client_secret = "" } = idp.credentials();
  const headers = { Authorization: basicHeader(client_id, client_secret) };
  return idp.fetch(`${idp.issuer}/token`, { method: "POST", headers, body: new URLSearchParams(form) });
};

/** An application: `/me` needs somebody and shows them, `/api` asks the issuer's userinfo for them. */
const appOf =
  (oauth: OAuth) =>
  async (request: Request): Promise<Response> => {
    const answered = await oauth.handle(request);
    if (answered !== undefined) return answered;
    const auth = await oauth.session(request);
    const { pathname } = new URL(request.url);
    if (pathname === "/") return new Response("home");
    const refusal = oauth.guard(request, auth);
    if (refusal !== undefined || auth === null) return refusal ?? new Response(null, { status: 500 });
    if (pathname === "/api") {
      const answer = await auth.fetch("test", `${auth.issuer}/userinfo`).catch((error: { code: string }) => error);
      return Response.json("status" in answer && answer instanceof Response ? await answer.json() : answer);
    }
    return Response.json(auth.user);
  };

describe("signing in to an application", () => {
  it("leads through the issuer's pages and back to where the person wanted to be", async () => {
    const idp = await start();
    const browser = idp.browser(appOf(oauthFor(idp)));
    const asked = await browser.get("/me");
    assert.equal(browser.url.origin, idp.issuer);
    assert.match(await asked.text(), /Sign in/);
    const page = await browser.signIn("alice", { at: "/me" });
    assert.equal(browser.url.href, "http://localhost:3000/me");
    const { sub, email, name } = (await page.json()) as Record<string, unknown>;
    assert.deepEqual([sub, email, name], ["alice", "alice@example.test", "Alice"]);
    assert.ok(browser.cookies().size > 0);
    assert.equal((await browser.get("/me")).status, 200);
    assert.equal(
      (await idp.browser(appOf(oauthFor(idp))).get("/me", { headers: { Accept: "application/json" } })).status,
      401,
    );
  });

  it("works by default, by user name or e-mail, and for one whose password is asked", async () => {
    const idp = await start();
    const app = appOf(oauthFor(idp));
    for (const name of ["al", "alice@example.test"]) {
      const browser = idp.browser(app);
      assert.equal(await (await browser.signIn(name)).text(), "home");
      assert.equal(((await (await browser.get("/me")).json()) as { sub: string }).sub, "alice");
    }
    const browser = idp.browser({ fetch: app });
    await assert.rejects(browser.signIn("bob", { password: "wrong" }), /That is not the password/);
    await browser.signIn("bob", { password: "staple" });
    assert.equal(((await (await browser.get("/me")).json()) as { sub: string }).sub, "bob");
  });

  it("goes on as somebody else in the same browser, without a word of the first", async () => {
    const idp = await start();
    const browser = idp.browser(appOf(oauthFor(idp)));
    await browser.signIn("alice");
    await browser.signIn("bob", { password: "staple" });
    assert.equal(((await (await browser.get("/me")).json()) as { sub: string }).sub, "bob");
  });

  it("chooses an account, and another one, when the application asks for that", async () => {
    const idp = await start();
    const browser = idp.browser(appOf(oauthFor(idp, { prompt: "select_account" })));
    await browser.signIn("alice");
    const again = await browser.signIn("alice", { at: "/auth/login?returnTo=/me" });
    assert.equal(((await again.json()) as { sub: string }).sub, "alice");
  });

  it("is denied or cancelled, and the application hears of it; a no that nobody asked for is a mistake of the test", async () => {
    const idp = await start();
    for (const decision of ["deny", "cancel"] as const) {
      const page = await idp.browser(appOf(oauthFor(idp))).signIn("alice", { decision });
      assert.equal(page.status, 403);
      assert.match(await page.text(), /access_denied/);
    }
    const browser = idp.browser(appOf(oauthFor(idp)));
    await browser.signIn("alice");
    for (const how of [{ decision: "deny" }, { decision: "cancel" }, { scopes: [] }] as const)
      await assert.rejects(browser.signIn("alice", how), /alice was not asked: they allowed this application before/);
  });

  it("leaves ticked what is asked for, and no more", async () => {
    const idp = await start();
    const browser = idp.browser(appOf(oauthFor(idp)));
    await browser.signIn("alice", { scopes: ["profile"] });
    const user = (await (await browser.get("/me")).json()) as Record<string, unknown>;
    assert.deepEqual([user.name, user.email], ["Alice", undefined]);
  });

  it("asks nobody about a client of the issuer's own, and fills in an answer that is posted", async () => {
    const client = {
      client_id: "own",
      redirect_uris: ["https://app.test/auth/callback/test"],
      grant_types: ["authorization_code"],
    };
    const idp = await start({ clients: [{ ...client, firstParty: true }] });
    const oauth = oauthFor(idp, { response_mode: "form_post" }, { baseUrl: "https://app.test" });
    const browser = idp.browser({ "https://app.test": appOf(oauth) });
    await browser.signIn("alice", { at: "/me" });
    assert.equal(browser.url.href, "https://app.test/me");
    assert.ok(!idp.requests.some(({ url }) => url.includes("/consent")));
  });

  it("says what is wrong when the way does not lead to the issuer, or leads astray, or gets stuck", async () => {
    const idp = await start();
    const app = appOf(oauthFor(idp));
    await assert.rejects(idp.browser(app).signIn("alice", { at: "/" }), /did not lead to the issuer but answered 200/);
    await assert.rejects(idp.browser(app).signIn("carol"), /There is no user carol. The test server knows alice, bob/);
    const away = () => Response.redirect("https://elsewhere.test/x", 302);
    await assert.rejects(idp.browser(away).get("/"), /sent to https:\/\/elsewhere\.test\/x, which is neither/);
    const round = () => Response.redirect("http://localhost:3000/", 302);
    await assert.rejects(idp.browser(round).get("/"), /more than 20 redirects/);
    const wrong = oauthFor(idp, { client_id: "nobody" });
    await assert.rejects(idp.browser(appOf(wrong)).signIn("alice"), /stuck at https:\/\/id\.test\/authorize/);
  });

  it("sends what browsers send: where a request comes from, and cookies to their own site alone", async () => {
    const idp = await start();
    const seen: Record<string, string | null>[] = [];
    const app = (request: Request): Response => {
      const { method } = request;
      const of = (name: string) => request.headers.get(name);
      seen.push({ method, site: of("sec-fetch-site"), origin: of("origin"), cookie: of("cookie") });
      const headers = new Headers();
      for (const one of ["Strict", "Lax", "None; Secure"])
        headers.append("Set-Cookie", `${one[0]}=1; SameSite=${one}; Max-Age=60`);
      return new Response("page", { headers });
    };
    const browser = idp.browser(app);
    await browser.get("/");
    await browser.post("/form", { a: "1" });
    idp.clock.advance("61s");
    await browser.get("/");
    assert.deepEqual(seen, [
      { method: "GET", site: "none", origin: null, cookie: null },
      { method: "POST", site: "same-origin", origin: "http://localhost:3000", cookie: "S=1; L=1; N=1" },
      { method: "GET", site: "none", origin: null, cookie: null },
    ]);
  });
});

describe("time", () => {
  it("stands still until it is moved, for tokens, sessions and cookies alike", async () => {
    const idp = await start({ now: 1_800_000_000_000 });
    assert.equal(idp.clock.now(), 1_800_000_000_000);
    const token = await idp.tokenFor("alice", { scope: "openid", expiresIn: "5m" });
    const userinfo = () => idp.fetch(`${idp.issuer}/userinfo`, { headers: { Authorization: `Bearer ${token}` } });
    assert.equal((await userinfo()).status, 200);
    idp.clock.advance("4m");
    assert.equal((await userinfo()).status, 200);
    idp.clock.advance(61);
    assert.equal((await userinfo()).status, 401);
    assert.equal(idp.clock.now(), 1_800_000_301_000);
    for (const wrong of ["1 h", "h", -1, Number.NaN]) {
      assert.throws(() => idp.clock.advance(wrong as number), /a duration is seconds or like "10m"/);
    }
  });

  it("lets a test see that the application renews its token once", async () => {
    const idp = await start();
    const browser = idp.browser(appOf(oauthFor(idp)));
    await browser.signIn("alice");
    const refreshes = () => idp.requests.filter(({ endpoint }) => endpoint === "token").length;
    const before = refreshes();
    idp.clock.advance("1h");
    const answer = (await (await browser.get("/api")).json()) as { email: string };
    assert.equal(answer.email, "alice@example.test");
    assert.equal(refreshes(), before + 1);
  });
});

describe("tokens for an API", () => {
  const audience = "https://api.test";
  const scopes = { "photos:read": "See your photos", "photos:write": "Change them" };

  it("pass its checks for their scope and audience and time, and no others", async () => {
    const idp = await start({ scopes, resources: [audience] });
    const { issuer, fetch } = idp;
    const { requireOAuth } = protectResource({ issuer, audience, fetch, now: idp.clock.now });
    const photos = requireOAuth("photos:read")((_, token) => Response.json({ sub: token.sub }));
    const call = async (token: string) => {
      const response = await photos(new Request(audience, { headers: { Authorization: `Bearer ${token}` } }));
      return [response.status, response.status === 200 ? ((await response.json()) as { sub: string }).sub : undefined];
    };
    const token = await idp.tokenFor("alice", { scope: "photos:read", expiresIn: "10m" });
    assert.deepEqual(await call(token), [200, "alice"]);
    assert.deepEqual(await call(await idp.tokenFor("alice", { scope: "photos:write" })), [403, undefined]);
    assert.deepEqual(await call(await idp.tokenFor("alice", { audience: issuer })), [401, undefined]);
    idp.clock.advance("11m");
    assert.deepEqual(await call(token), [401, undefined]);
  });

  it("are the provider's own: introspected, renewed and revoked as any others", async () => {
    const scoped = { resource: audience, scopes: ["photos:read"], tokens: "opaque" } as const;
    const idp = await start({ scopes, resources: [scoped, "https://other.test"] });
    const wanted = { scope: "openid photos:read", audience, nonce: "n", amr: ["otp"], acr: "high" };
    const tokens = await idp.tokensFor("alice", wanted);
    const state = await idp.provider.tokens.read(tokens.access_token);
    assert.deepEqual([state?.subject, state?.aud, state?.scope], ["alice", [audience], ["photos:read"]]);
    const { jwks_uri = "" } = idp.provider.metadata;
    const jwks = (await (await idp.fetch(jwks_uri)).json()) as { keys: [] };
    const { claims } = await verifyJwt(tokens.id_token ?? "", {
      keys: jwks,
      algorithms: ["RS256"],
      issuer: idp.issuer,
      audience: "test-app",
      now: idp.clock.now(),
    });
    assert.deepEqual([claims.sub, claims.nonce, claims.amr, claims.acr], ["alice", "n", ["otp"], "high"]);
    const renew = async () => {
      const { refresh_token = "" } = tokens;
      return (await post(idp, { grant_type: "refresh_token", refresh_token })).status;
    };
    assert.equal(await renew(), 200);
    assert.equal(await idp.revoke(tokens.access_token), true);
    assert.equal(await idp.revoke(tokens.access_token), false);
    await idp.provider.grants.revoke("alice", "test-app");
    assert.equal(await renew(), 400);
  });

  it("end with the account", async () => {
    const idp = await start();
    const token = await idp.tokenFor("alice", { scope: "openid" });
    assert.ok(await idp.provider.tokens.read(token));
    idp.users.delete("alice");
    assert.equal(await idp.provider.tokens.read(token), undefined);
    idp.users.set("carol", { sub: "carol" });
    assert.ok(await idp.tokenFor("carol"));
  });

  it("are not given where the server could never have given them: the test has a mistake, and is told which", async () => {
    const idp = await start({ scopes, resources: [audience] });
    await assert.rejects(idp.tokenFor("carol"), /there is no user carol: add one to users/);
    await assert.rejects(idp.tokenFor("alice", { scope: "photos:delete" }), /the scope photos:delete is not known/);
    await assert.rejects(
      idp.tokenFor("alice", { audience: "https://x.test" }),
      /the audience https:\/\/x\.test is not known/,
    );
    await assert.rejects(idp.tokenFor("alice", { client: "x" }), /there is no client x/);
    assert.throws(() => idp.credentials("x"), /there is no client x: add it to clients/);
  });
});

describe("failures", () => {
  const token = (idp: TestServer) => post(idp, { grant_type: "client_credentials" });

  it("are refused for an endpoint there is none of, with the names there are", async () => {
    const idp = await start();
    assert.throws(() => idp.fail("tokens" as "token", { status: 503 }), /no endpoint tokens: .*\btoken\b.*discovery/);
  });

  it("come as often as they were asked for, in that order, then no more", async () => {
    const idp = await start();
    idp.fail("token", { status: 503, times: 2, headers: { "Retry-After": "7" } });
    idp.fail("token", { error: "invalid_grant", error_description: "over" });
    idp.fail("token", { status: 200, body: "<html>" });
    idp.fail("token", { unreachable: true });
    const first = await token(idp);
    assert.deepEqual([first.status, first.headers.get("retry-after")], [503, "7"]);
    assert.equal((await token(idp)).status, 503);
    const refused = await token(idp);
    assert.deepEqual(
      [refused.status, await refused.json()],
      [400, { error: "invalid_grant", error_description: "over" }],
    );
    assert.equal(await (await token(idp)).text(), "<html>");
    await assert.rejects(token(idp), TypeError);
    assert.equal((await token(idp)).status, 200);
    const seen = idp.requests.filter(({ endpoint }) => endpoint === "token").map(({ status }) => status);
    assert.deepEqual(seen, [503, 503, 400, 200, undefined, 200]);
  });

  it("show what an application makes of them", async () => {
    const idp = await start();
    idp.fail("discovery", { status: 500 });
    const app = appOf(oauthFor(idp));
    const down = await idp.browser(app).get("/auth/login");
    assert.equal(down.status, 503);
    idp.clock.advance("2s");
    const browser = idp.browser(app);
    idp.fail("token", { error: "invalid_client" });
    assert.match(await (await browser.signIn("alice")).text(), /invalid_client/);
    await browser.signIn("alice");
    idp.clock.advance("1h");
    idp.fail("token", { error: "invalid_grant" });
    assert.equal(((await (await browser.get("/api")).json()) as { code: string }).code, "sign_in_again");
  });
});

describe("the address", () => {
  it("is answered for, and no other; redirects are for browsers", async () => {
    const idp = await start();
    await assert.rejects(idp.fetch("https://elsewhere.test/"), /answers for https:\/\/id\.test and nobody else/);
    assert.equal((await idp.fetch(`${idp.issuer}/nothing`)).status, 404);
    await assert.rejects(idp.fetch(idp.issuer, { signal: AbortSignal.abort() }), { name: "AbortError" });
    const { searchParams } = new URL(`${idp.issuer}?client_id=test-app&response_type=code&scope=openid&state=s`);
    searchParams.set("redirect_uri", "http://localhost:3000/auth/callback/test");
    searchParams.set("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    searchParams.set("code_challenge_method", "S256");
    const url = `${idp.issuer}/authorize?${searchParams}`;
    await assert.rejects(idp.fetch(url), /answers with a redirect, which only idp\.browser follows/);
    assert.equal((await idp.fetch(url, { redirect: "manual" })).status, 303);
  });

  it("can be a real one, for software that knows no fetch of ours", async () => {
    const server = createServer().listen(0, "localhost");
    await once(server, "listening");
    try {
      const issuer = `http://localhost:${(server.address() as AddressInfo).port}`;
      const idp = await start({ issuer });
      server.on("request", nodeHandler(idp));
      const found = (await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as { issuer: string };
      assert.equal(found.issuer, issuer);
      idp.fail("jwks", { unreachable: true });
      await assert.rejects(fetch(`${issuer}/jwks`));
      assert.equal((await fetch(`${issuer}/jwks`)).status, 200);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it("leads out of the application's session at the issuer too", async () => {
    const idp = await start();
    const browser = idp.browser(appOf(oauthFor(idp)));
    await browser.signIn("alice");
    assert.equal((await browser.post("/auth/logout")).status, 200);
    assert.equal((await browser.get("/me", { headers: { Accept: "application/json" } })).status, 401);
    const { end_session_endpoint = "" } = idp.provider.metadata;
    const page = await browser.get(end_session_endpoint);
    assert.match(await page.text(), /Sign out\?/);
    const done = await browser.post(browser.url, { decision: "confirm" });
    assert.match(await done.text(), /You are signed out/);
  });
});
