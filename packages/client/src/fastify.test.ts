/** Fastify: the routes, bodies and parsers, outages, paths that do not exist. */
import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createHandle } from "@valetkey/protocol/random";
import { StoreUnavailable } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";
import { fastify } from "fastify";
import { createOAuth, oidc } from "./create-oauth.ts";
import { authOf, requireUser, valetkey } from "./fastify.ts";
import { Browser, startIssuer } from "./lib/hostile-issuer.test.ts";
import { recordingLog, secret } from "./lib/test-app.test.ts";

test("signs people in and out, and leaves the application's own bodies alone", async () => {
  await using issuer = await startIssuer();
  const credentials = { client_id: "app", client_secret: "s", id_token_signed_response_alg: "ES256" } as const;
  const providers = [oidc("acme", { issuer: issuer.url, ...credentials })];
  const oauth = createOAuth({ providers, secret, store: memoryStore(), log: recordingLog().log });
  const app = fastify({ bodyLimit: 200_000 });
  await app.register(valetkey(oauth));
  app.get("/", async (request) => request.auth?.user.name ?? "nobody");
  app.get("/me", { preHandler: requireUser() }, async (request) => authOf(request).user);
  app.post("/echo", async (request) => request.body);
  // A scope of its own, as plugins of an application have one.
  await app.register(async (scope) => {
    scope.get("/inner", { preHandler: requireUser({ maxAge: "10m" }) }, async (request) => authOf(request).user.sub);
  });
  await app.listen({ port: 0, host: "127.0.0.1" });
  try {
    const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
    const browser = new Browser();
    assert.equal(await (await browser.get(url)).text(), "nobody");
    assert.equal((await browser.get(`${url}/me`, { headers: { Accept: "application/json" } })).status, 401);
    assert.equal(((await (await browser.follow(`${url}/me`)).json()) as { sub: string }).sub, "alice");
    assert.equal(await (await browser.get(url)).text(), "Alice");
    const a = "1".repeat(90_000);
    const body = JSON.stringify({ a });
    const echo = await browser.get(`${url}/echo`, {
      method: "POST",
      body,
      headers: { "Content-Type": "application/json" },
    });
    assert.deepEqual(await echo.json(), { a });
    assert.equal((await browser.get(`${url}/nowhere`)).status, 404);
    assert.equal((await browser.get(`${url}/auth/nowhere`)).status, 404);
    assert.equal((await browser.get(`${url}/auth/logout`)).status, 405);
    // A form, for which Fastify has no parser: the route reads it itself.
    const form = new URLSearchParams({ returnTo: "/bye" });
    const out = await browser.get(`${url}/auth/logout`, { method: "POST", body: form, headers: { Origin: url } });
    assert.equal(out.headers.get("location"), "/bye");
    assert.equal((await browser.get(`${url}/me`)).status, 303);
    assert.equal((await browser.get(`${url}/inner`)).status, 303);
  } finally {
    app.server.closeAllConnections();
    await app.close();
  }
});

test("while the store is down nobody is anybody, and the answer is 503", async () => {
  const store = { ...memoryStore(), get: () => Promise.reject(new StoreUnavailable("gone", { retryAfter: 3 })) };
  const acme = oidc("acme", { issuer: "https://id.example", client_id: "app", client_secret: "s" });
  const oauth = createOAuth({ providers: [acme], secret, store, log: recordingLog().log });
  const app = fastify();
  await app.register(valetkey(oauth));
  app.get("/", async () => "in");
  await app.listen({ port: 0, host: "127.0.0.1" });
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const { handle } = await createHandle("app", Date.now());
  const answer = await fetch(url, { headers: { cookie: `vk_app=${handle}` } });
  assert.deepEqual([answer.status, answer.headers.get("retry-after")], [503, "3"]);
  app.server.closeAllConnections();
  await app.close();
});

test("a guard without the plugin says what is missing", async () => {
  const app = fastify();
  app.get("/", { preHandler: requireUser() }, async () => "in");
  const answer = await app.inject("/");
  assert.equal(answer.statusCode, 500);
  assert.match(answer.body, /needs await app\.register\(valetkey\(oauth\)\)/);
  await app.close();
});
