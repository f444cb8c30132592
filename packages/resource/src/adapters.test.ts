/** The adapters: Hono and Express. */
import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import express from "express";
import { Hono } from "hono";
import { protectResource as protectHono } from "./hono.ts";
import { audience, startIssuer } from "./lib/test-issuer.test.ts";
import { protectResource as protectNode, tokenOf } from "./node.ts";

test("as Hono middleware it sets c.var.token", async () => {
  await using issuer = await startIssuer();
  const { requireOAuth } = protectHono({ issuer: issuer.url, audience });
  const app = new Hono()
    .get("/profile", requireOAuth("profile"), (c) => c.json({ sub: c.var.token.sub }))
    .get("/feed", requireOAuth({ optional: true }), (c) => c.json({ sub: c.var.token?.sub ?? null }))
    .get("/all", requireOAuth("admin"), (c) => c.text("no"));
  const headers = { Authorization: `Bearer ${await issuer.token()}` };
  assert.deepEqual(await (await app.request("/profile", { headers })).json(), { sub: "alice" });
  assert.equal((await app.request("/profile")).status, 401);
  assert.deepEqual(await (await app.request("/feed")).json(), { sub: null });
  assert.equal((await app.request("/all", { headers })).status, 403);
});

test("as Express middleware it sets req.token and leaves the body alone", async () => {
  await using issuer = await startIssuer();
  const { requireOAuth } = protectNode({ issuer: issuer.url, audience });
  const app = express();
  app.post("/profile", requireOAuth("profile"), express.text(), (req, res) => {
    res.json({ sub: tokenOf(req)?.sub, body: req.body });
  });
  const server = app.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/profile`;
  const post = (headers: Record<string, string>) =>
    fetch(url, { method: "POST", body: "hello", headers: { "Content-Type": "text/plain", ...headers } });
  const good = await post({ Authorization: `Bearer ${await issuer.token()}` });
  assert.deepEqual(await good.json(), { sub: "alice", body: "hello" });
  const bad = await post({});
  assert.equal(bad.status, 401);
  assert.match(bad.headers.get("www-authenticate") ?? "", /^Bearer realm=/);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
