import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createClientAssertion } from "@valetkey/protocol/client-assertion";
import { generateKey } from "@valetkey/protocol/jose";
import { none } from "@valetkey/provider/client-auth/none";
import { privateKeyJwt } from "@valetkey/provider/client-auth/private-key-jwt";
import { nodeHandler } from "@valetkey/provider/node";
import { type Store, StoreUnavailable } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";
import { Hono } from "hono";
import { createServer } from "./create-server.tsx";
import { authorizeUrl, callback, issuer, password, secret, startSite } from "./site.test.ts";
import { type Visited, visit } from "./visit.test.ts";

const users = {
  find: (sub: string) => (sub === "7" ? { sub, claims: { name: "Bo", preferred_username: "bo" } } : undefined),
  verify: (name: string, word: string) =>
    name === "bo" && word === "sesame" ? ({ ok: true, subject: "7" } as const) : ({ ok: false } as const),
};
const client = { client_id: "photos", redirect_uris: [callback], token_endpoint_auth_method: "none" };

function checkHeaders({ headers, status, url }: Visited, https = false): string {
  const csp = headers.get("content-security-policy") ?? "";
  const at = `${status} ${url}`;
  assert.match(csp, /^default-src 'none'; script-src 'self'; style-src 'self';/, at);
  assert.match(csp, /base-uri 'none'; frame-ancestors 'none'/, at);
  assert.doesNotMatch(csp, /unsafe/, at);
  assert.equal(headers.get("x-frame-options"), "DENY", at);
  assert.equal(headers.get("cache-control"), "no-store", at);
  assert.equal(headers.get("referrer-policy"), "no-referrer", at);
  assert.equal(headers.get("x-content-type-options"), "nosniff", at);
  assert.equal(headers.get("cross-origin-opener-policy"), "same-origin", at);
  assert.equal(headers.has("strict-transport-security"), https, at);
  return csp;
}

test("every page and every error carries the security headers; only forms that may end at a client go without form-action", async () => {
  await using site = await startSite();
  const browser = visit(site.server);
  const away = [await browser.go("/login"), await browser.go(authorizeUrl())];
  const wrong = await browser.send(away[1] as Visited, { username: "alice@example.com", password: "wrong" }, "submit");
  const consent = await browser.send(wrong, { username: "alice@example.com", password }, "submit");
  away.push(wrong, consent, await browser.go(authorizeUrl({ prompt: "select_account" })));
  away.push(await browser.go("/end-session?client_id=photos"));
  for (const page of away) assert.doesNotMatch(checkHeaders(page), /form-action/, page.url);
  assert.deepEqual(
    away.map((page) => new URL(page.url).pathname),
    ["/login", "/login", "/login", "/consent", "/select-account", "/logout"],
  );
  const here = [
    await browser.go("/"),
    await browser.go("/account"),
    await browser.go("/account/password"),
    await browser.go("/account/sessions"),
    await browser.go("/account/apps"),
    await browser.go("/logout?done=1"),
    await browser.go("/setup?token=x"),
    await browser.go("/reset?token=x"),
    await browser.go("/login?interaction=x"),
    await browser.go("/authorize?client_id=x"),
    await browser.post("/login", "username=a"),
    await browser.post("/login", "x".repeat(20_000)),
  ];
  for (const page of here) assert.match(checkHeaders(page), /form-action 'self'/, page.url);
  assert.deepEqual(
    here.map((page) => page.status),
    [200, 200, 200, 200, 200, 200, 404, 404, 400, 400, 403, 413],
  );
});

test("with an https issuer HSTS is sent and every cookie is __Host-, Secure and HttpOnly (ASVS 3.3, 7.2.3)", async () => {
  await using site = await startSite({ issuer: "https://id.example" });
  const browser = visit(site.server);
  const login = await browser.go(authorizeUrl({}, "https://id.example"));
  checkHeaders(login, true);
  await browser.send(login, { username: "alice@example.com", password }, "submit");
  const names = [...browser.cookies.keys()];
  assert.ok(names.length >= 3 && names.every((name) => name.startsWith("__Host-vk_")), names.join());
});

test("assets are served under their hash, for ever, and nothing else under /assets is", async () => {
  await using site = await startSite({ brand: { name: "Example <ID>", accent: "#ffdd00" } });
  const browser = visit(site.server);
  const { html } = await browser.go("/");
  assert.match(html, /Example &lt;ID&gt;/);
  const paths = [...html.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path = ""]) => path);
  assert.equal(paths.length, 4);
  for (const path of paths) {
    const asset = await browser.go(path);
    assert.match(asset.headers.get("cache-control") ?? "", /max-age=31536000, immutable/);
    assert.equal(asset.headers.get("x-content-type-options"), "nosniff");
    assert.ok(asset.html.length > 50);
  }
  for (const path of ["/assets/pages.css", "/assets/..%2f..%2fpackage.json", "/assets/", "/assets/form.js.map"]) {
    assert.equal((await browser.go(path)).html, "not ours", path);
  }
  assert.ok(!/<script(?![^>]*src=)|<style|\sstyle=|\son\w+=/.test(html), "nothing inline");
});

test("whoever has no 404 of their own gets one: a page for people, JSON for programs", async () => {
  await using site = await startSite();
  const page = await site.server.notFound(new Request(`${issuer}/nothing`, { headers: { Accept: "text/html,*/*" } }));
  assert.equal(page.status, 404);
  assert.match(await page.text(), /There is nothing at this address/);
  assert.equal(page.headers.get("x-frame-options"), "DENY");
  const json = await site.server.notFound(new Request(`${issuer}/nothing`));
  assert.deepEqual([json.status, (await json.json()).error], [404, "not_found"]);
});

test("what is not ours is undefined, and handle never rejects", async () => {
  await using site = await startSite();
  for (const path of ["/other", "/account/other", "/login/", "/setup/../x"]) {
    assert.equal(await site.server.handle(new Request(issuer + path)), undefined);
  }
  assert.equal(await site.server.handle(new Request(`${issuer}/other`, { method: "HEAD" })), undefined);
  const head = await site.server.handle(new Request(`${issuer}/login`, { method: "HEAD" }));
  assert.deepEqual([head?.status, await head?.text()], [200, ""]);
});

test("when the store fails, pages answer 503 with Retry-After, and bugs 500 without detail and with the number in the log", async () => {
  const inner = memoryStore();
  let failing: Error | undefined;
  const pass = <T>(work: Promise<T>): Promise<T> => (failing ? Promise.reject(failing) : work);
  const store: Store = {
    get: (...of) => pass(inner.get(...of)),
    list: (...of) => pass(inner.list(...of)),
    commit: (...of) => pass(inner.commit(...of)),
    sweep: () => inner.sweep(),
  };
  await using site = await startSite({ store, now: Date.now });
  const browser = visit(site.server);
  await browser.send(await browser.go("/login"), { username: "alice@example.com", password }, "submit");
  failing = new StoreUnavailable("SQLITE_FULL at /var/lib", { retryAfter: 3 });
  const outage = await browser.go("/account");
  assert.deepEqual([outage.status, outage.headers.get("retry-after")], [503, "3"]);
  failing = new Error("SELECT went wrong at /var/lib");
  const bug = await browser.go("/account");
  assert.equal(bug.status, 500);
  for (const page of [outage, bug]) assert.doesNotMatch(page.html, /SQLITE|SELECT|var\/lib| at /);
  const number = /id="request-id">([^<]+)</.exec(bug.html)?.[1];
  const line = site.lines.find((one) => one.request_id === number);
  assert.equal(line?.cause, failing);
});

test("own users in a bare node:http server: a dozen lines (createServer mounts anywhere)", async () => {
  const http = createHttp((request, response) => handler(request, response)).listen(0, "127.0.0.1");
  await once(http, "listening");
  const here = `http://localhost:${(http.address() as AddressInfo).port}`;

  const server = await createServer({
    issuer: here,
    accounts: {
      find: (sub) => (sub === "7" ? { sub, claims: { name: "Bo" } } : undefined),
      verify: (name, word) => (name === "bo" && word === "sesame" ? { ok: true, subject: "7" } : { ok: false }),
    },
  });
  await server.provider.clients.add(client, { provenance: "config" });
  const mounted = nodeHandler(server);
  const handler: typeof mounted = (request, response) =>
    mounted(request, response, () => {
      response.setHeader("x-app", "yes");
      response.end();
    });

  try {
    assert.equal((await fetch(here)).headers.get("x-app"), "yes", "the application's own front page");
    assert.equal((await fetch(`${here}/.well-known/openid-configuration`)).status, 200);
    const browser = visit({ issuer: here, handle: (request) => fetch(request, { redirect: "manual" }) });
    const login = await browser.go(authorizeUrl({ scope: "openid" }, here));
    const consent = await browser.send(login, { username: "bo", password: "sesame" }, "submit");
    const { location = "" } = await browser.send(consent, {}, "allow");
    assert.ok(new URL(location).searchParams.has("code"));
    for (const path of ["/setup", "/reset", "/account/password"]) {
      assert.equal((await fetch(here + path)).headers.get("x-app"), "yes", `${path} needs the built-in directory`);
    }
    const account = await browser.go("/account");
    assert.match(account.html, /Bo/);
    assert.doesNotMatch(account.html, /account\/password|account\/profile/);
  } finally {
    http.close();
    http.closeAllConnections();
  }
});

test("own users and own session under a path of a Hono application: login is the application's, consent is ours", async () => {
  const at = "https://app.example/oauth";
  let user: string | { subject: string; auth_time: number } | undefined;
  const server = await createServer({
    issuer: at,
    secret,
    accounts: users,
    session: () => user,
    loginUrl: "/sign-in",
  });
  await server.provider.clients.add(client, { provenance: "config" });
  const app = new Hono().get("/", (c) => c.text("front page")).get("/login", (c) => c.text("own login"));
  const all = new Hono().use(async (c, next) => (await server.handle(c.req.raw)) ?? next()).route("/", app);
  assert.equal(await (await all.request("/")).text(), "front page");
  assert.equal(await (await all.request("/oauth/login")).text(), "404 Not Found");

  const browser = visit({ issuer: at, handle: async (request) => all.fetch(request) });
  const away = await browser.go(authorizeUrl({ scope: "openid" }, at));
  const signIn = new URL(away.url);
  assert.deepEqual(
    [signIn.origin, signIn.pathname, signIn.searchParams.get("prompt")],
    ["https://app.example", "/sign-in", null],
  );
  const returnTo = signIn.searchParams.get("returnTo") ?? "";
  assert.match(returnTo, /^https:\/\/app\.example\/oauth\/interaction\/[^/]+\/return$/);

  const notYet = await browser.go(returnTo);
  assert.equal(new URL(notYet.url).pathname, "/sign-in", "coming back without having signed in leads there again");
  user = "7";
  const consent = await browser.go(returnTo);
  assert.match(consent.html, /Allow <bdi>photos<\/bdi>/);
  assert.match(consent.html, /action="\/oauth\/consent\?interaction=/);
  const { location = "" } = await browser.send(consent, {}, "allow");
  assert.ok(new URL(location).searchParams.has("code"));

  const again = await browser.go(authorizeUrl({ scope: "openid", prompt: "login" }, at));
  assert.equal(new URL(again.url).searchParams.get("prompt"), "login", "the application is told to ask anew");
  const back = new URL(again.url).searchParams.get("returnTo") ?? "";
  const refused = await browser.go(back);
  assert.equal(refused.status, 403, "coming back is not signing in (OpenID Connect Core §3.1.2.1)");
  assert.match(refused.html, /You need to sign in again/);
  user = { subject: "7", auth_time: Math.floor(Date.now() / 1000) - 60 };
  assert.equal((await browser.go(back)).status, 403, "nor is a sign-in from before");
  user = { subject: "7", auth_time: Math.floor(Date.now() / 1000) };
  const { location: granted = "" } = await browser.go(back);
  assert.ok(new URL(granted).searchParams.has("code"));

  const leaving = await browser.go("/oauth/end-session?client_id=photos");
  assert.match(leaving.html, /asks to end what it may do here/);
  const left = await browser.send(leaving, {}, "confirm");
  assert.match(left.html, /You are still signed in to app\.example/);
  assert.equal(new URL((await browser.go("/oauth/logout")).url).pathname, "/oauth/account/apps");
  const apps = await browser.go("/oauth/account/apps");
  assert.match(apps.html, /photos/);
  const none = await browser.send(apps);
  assert.match(none.html, /has no access any more/);
});

test("options that do not fit together are refused at once", async () => {
  const accounts = users;
  await assert.rejects(createServer({ issuer: "https://id.example", accounts }), /secret is missing/);
  await assert.rejects(createServer({ issuer, accounts, store: memoryStore() }), /secret is missing/);
  await assert.rejects(createServer({ issuer, accounts, session: () => "7" }), /loginUrl/);
  await assert.rejects(createServer({ issuer, accounts, brand: { accent: "blue" } }), /brand\.accent/);
  await assert.rejects(createServer({ issuer: "http://id.example", secret, accounts }), /https/);
  await assert.rejects(createServer({ issuer, accounts, sesion: () => "7" } as never), /sesion is not an option/);
});

test("what clients make the server call is not in its own network, unless it is named (SSRF)", async () => {
  let asked = 0;
  const inner = createHttp((_request, response) => {
    asked++;
    response.end("{}");
  }).listen(0, "127.0.0.1");
  await once(inner, "listening");
  const { port } = inner.address() as AddressInfo;
  const server = await createServer({
    issuer: "https://id.example",
    secret,
    accounts: users,
    clientAuth: [none, privateKeyJwt()],
  });
  const { privateJwk } = await generateKey("ES256");
  for (const [at, jwks_uri] of [
    `https://127.0.0.1:${port}/`,
    `https://localhost:${port}/`,
    "https://[::1]/",
  ].entries()) {
    const client_id = `client-${at}`;
    await server.provider.clients.add(
      { client_id, redirect_uris: [callback], token_endpoint_auth_method: "private_key_jwt", jwks_uri },
      { provenance: "admin" },
    );
    const now = Date.now();
    const signer = { private_key: privateJwk, alg: "ES256" as const };
    const body = new URLSearchParams({
      grant_type: "authorization_code",
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: await createClientAssertion({ client_id, issuer: "https://id.example", signer, now }),
    });
    const answer = await server.handle(new Request("https://id.example/token", { method: "POST", body }));
    assert.equal(answer?.status, 503, jwks_uri);
    assert.doesNotMatch(await answer.text(), /127|::1|public/, "what was found there is not told");
  }
  assert.equal(asked, 0);
  inner.close();
});
