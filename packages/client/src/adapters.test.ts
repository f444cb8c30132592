/** The adapters: the eight lines of a sign-in with Hono, and Express with a body parser in front. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { sendResponse, toRequest } from "@valetkey/protocol/node-http";
import { StoreUnavailable } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";
import express from "express";
import { Hono } from "hono";
import { createOAuth, oidc } from "./create-oauth.ts";
import { requireUser, valetkey } from "./hono.ts";
import { Browser, startIssuer } from "./lib/hostile-issuer.test.ts";
import { recordingLog, secret } from "./lib/test-app.test.ts";
import * as node from "./node.ts";

test("Hono: eight lines sign somebody in (task 1)", async () => {
  await using issuer = await startIssuer();
  const { log } = recordingLog();
  const credentials = { client_id: "app", client_secret: "s", id_token_signed_response_alg: "ES256" } as const;
  const oauth = createOAuth({ providers: [oidc("acme", { issuer: issuer.url, ...credentials })], log });
  const app = new Hono().use(valetkey(oauth));
  app.get("/", (c) => c.text(c.var.auth?.user.name ?? "nobody"));
  const guarded = app.get("/me", requireUser(), (c) => c.json(c.var.auth.user));

  const server = createServer(async (req, res) => {
    await sendResponse(res, await guarded.fetch(toRequest(req, { origin: `http://${req.headers.host}` })));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const browser = new Browser();
  assert.equal(await (await browser.get(url)).text(), "nobody");
  const me = await browser.follow(`${url}/me`);
  assert.equal(((await me.json()) as { sub: string }).sub, "alice");
  assert.equal(await (await browser.get(url)).text(), "Alice");
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test("Hono: while the store is down nobody is anybody, and the answer is 503", async () => {
  const store = { ...memoryStore(), get: () => Promise.reject(new StoreUnavailable("gone", { retryAfter: 3 })) };
  const { log } = recordingLog();
  const acme = oidc("acme", { issuer: "https://id.example", client_id: "app", client_secret: "s" });
  const oauth = createOAuth({ providers: [acme], secret, store, log });
  const app = new Hono().use(valetkey(oauth)).get("/", (c) => c.text("in"));
  const cookie = `vk_app=${"x".repeat(20)}`;
  assert.equal((await app.request("http://localhost/", { headers: { cookie } })).status, 200, "no handle, no question");
  const { createHandle } = await import("@valetkey/protocol/random");
  const { handle } = await createHandle("app", Date.now());
  const answer = await app.request("http://localhost/", { headers: { cookie: `vk_app=${handle}` } });
  assert.equal(answer.status, 503);
  assert.equal(answer.headers.get("retry-after"), "3");
});

test("Express: body parsers before or after do no harm, and the routes' own bodies stay theirs", async (t) => {
  for (const parserFirst of [true, false]) {
    await t.test(parserFirst ? "parser first" : "parser after", async () => {
      await using issuer = await startIssuer();
      const { log } = recordingLog();
      const options = { client_id: "app", client_secret: "s", id_token_signed_response_alg: "ES256" } as const;
      const oauth = createOAuth({ providers: [oidc("acme", { issuer: issuer.url, ...options })], secret, log });
      const app = express();
      if (parserFirst) app.use(express.urlencoded());
      app.use(node.valetkey(oauth));
      if (!parserFirst) app.use(express.urlencoded());
      app.get("/me", node.requireUser(), (req, res) => void res.json(node.authOf(req)?.user));
      app.post("/echo", (req, res) => void res.json(req.body));
      const server = app.listen(0, "127.0.0.1");
      await new Promise((resolve) => server.once("listening", resolve));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const browser = new Browser();
      const me = await browser.follow(`${url}/me`);
      assert.equal(((await me.json()) as { sub: string }).sub, "alice");
      const a = "1".repeat(90_000);
      const echo = await browser.get(`${url}/echo`, { method: "POST", body: new URLSearchParams({ a }) });
      assert.deepEqual(await echo.json(), { a });
      const body = new URLSearchParams({ returnTo: "/bye" });
      const out = await browser.get(`${url}/auth/logout`, { method: "POST", body, headers: { Origin: url } });
      assert.equal(out.headers.get("location"), "/bye");
      assert.equal((await browser.get(`${url}/me`)).status, 303);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
  }
});
