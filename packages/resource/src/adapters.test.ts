/** The adapters, in the frameworks themselves: Hono, Express, bare Node, Fastify; and as Next and Nest call them. */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { sha256Base64url } from "@valetkey/protocol/digest";
import { createDpopProof, dpopThumbprint, generateDpopKey } from "@valetkey/protocol/dpop";
import express from "express";
import { fastify } from "fastify";
import { Hono } from "hono";
import { protectResource as protectExpress, tokenOf } from "./express.ts";
import { protectResource as protectFastify, tokenOf as tokenOfFastify } from "./fastify.ts";
import { protectResource as protectHono } from "./hono.ts";
import { audience, type Issuer, startIssuer } from "./lib/test-issuer.test.ts";
import { type NestContext, type NestFunctions, protectResource as protectNest } from "./nest.ts";
import { protectResource as protectNext } from "./next.ts";
import { type CheckedRequest, protectResource as protectNode } from "./node.ts";

const nonceSecret = "a secret for nonces, long enough 0123";
const options = (issuer: Issuer, now: () => number) => ({
  ...{ issuer: issuer.url, audience, metadata: {}, dpop: { nonceSecret } },
  now,
});
const certificate = btoa("certificate");
const place = "/.well-known/oauth-protected-resource";

type Send = (path: string, init?: RequestInit) => Promise<Response>;

async function listening(listener: (req: IncomingMessage, res: ServerResponse) => void) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { send: (path: string, init?: RequestInit) => fetch(`${origin}${path}`, init), close };
}

/** The same app in each: GET /profile, POST /photos (DPoP, echoes), GET /feed (optional), GET /all (admin), certificate from a header. */
const apps: Record<
  string,
  (issuer: Issuer, now: () => number) => Promise<{ send: Send; close?: () => Promise<unknown> }>
> = {
  async hono(issuer, now) {
    const { requireOAuth, metadata } = protectHono({
      ...options(issuer, now),
      certificate: (c) => c.req.header("x-cert"),
    });
    const app = new Hono()
      .use(metadata)
      .use("/photos", requireOAuth())
      .get("/profile", requireOAuth("profile"), (c) => c.json({ sub: c.var.token.sub }))
      .post("/photos", requireOAuth("profile", { dpop: "required" }), async (c) =>
        c.json({ sub: c.var.token?.sub, body: await c.req.text() }),
      )
      .get("/feed", requireOAuth({ optional: true }), (c) => c.json({ sub: c.var.token?.sub ?? null }))
      .get("/all", requireOAuth("admin"), (c) => c.text("no"));
    return { send: async (path, init) => app.request(`${audience}${path}`, init) };
  },
  async express(issuer, now) {
    const resource = protectExpress({
      ...options(issuer, now),
      certificate: ({ headers }) => headers["x-cert"] as string,
    });
    const { requireOAuth, metadata } = resource;
    const app = express();
    app.use(metadata);
    // A router that cuts its mount path off.
    const photos = express.Router().use(requireOAuth());
    photos.post("/", requireOAuth("profile", { dpop: "required" }), express.text(), (req, res) => {
      res.json({ sub: tokenOf(req)?.sub, body: req.body });
    });
    app.use("/photos", photos);
    app.get("/profile", requireOAuth("profile"), (req, res) => void res.json({ sub: tokenOf(req)?.sub }));
    app.get("/feed", requireOAuth({ optional: true }), (req, res) => void res.json({ sub: tokenOf(req)?.sub ?? null }));
    app.get("/all", requireOAuth("admin"), (_req, res) => void res.send("no"));
    return listening(app);
  },
  async node(issuer, now) {
    const { requireOAuth, metadata } = protectNode({
      ...options(issuer, now),
      certificate: ({ headers }) => headers["x-cert"] as string,
    });
    const guards = {
      "/profile": requireOAuth("profile"),
      "/photos": requireOAuth("profile", { dpop: "required" }),
      "/feed": requireOAuth({ optional: true }),
      "/all": requireOAuth("admin"),
    };
    return listening((req: CheckedRequest & IncomingMessage, res) => {
      const guard = guards[req.url as keyof typeof guards] ?? metadata;
      void guard(req, res, async () => {
        let body = "";
        for await (const chunk of req) body += chunk;
        res.end(JSON.stringify({ sub: req.token?.sub ?? null, ...(body === "" ? {} : { body }) }));
      });
    });
  },
  async fastify(issuer, now) {
    const { requireOAuth, metadata } = protectFastify({
      ...options(issuer, now),
      certificate: ({ headers }) => headers["x-cert"] as string,
    });
    const app = fastify();
    await app.register(metadata);
    app.addContentTypeParser("text/plain", { parseAs: "string" }, (_req, body, done) => done(null, body));
    app.get("/profile", { onRequest: requireOAuth("profile") }, async (req) => ({ sub: tokenOfFastify(req).sub }));
    const photos = [requireOAuth(), requireOAuth("profile", { dpop: "required" })];
    app.post("/photos", { onRequest: photos }, async (req) => ({ sub: req.token?.sub, body: req.body }));
    app.get("/feed", { onRequest: requireOAuth({ optional: true }) }, async (req) => ({ sub: req.token?.sub ?? null }));
    app.get("/all", { onRequest: requireOAuth("admin") }, async () => "no");
    const origin = await app.listen({ port: 0, host: "127.0.0.1" });
    return { send: (path, init) => fetch(`${origin}${path}`, init), close: () => app.close() };
  },
  async next(issuer, now) {
    const read = () => ({
      ...options(issuer, now),
      certificate: ({ headers }: Request) => headers.get("x-cert") ?? undefined,
    });
    const { requireOAuth, metadata } = protectNext(read);
    const context = { params: Promise.resolve({ id: "1" }) };
    const routes: Record<string, (request: Request, at: typeof context) => Promise<Response>> = {
      "/profile": requireOAuth("profile")(async (_, token, { params }: typeof context) => {
        assert.deepEqual(await params, { id: "1" });
        return Response.json({ sub: token.sub });
      }),
      "/photos": requireOAuth("profile", { dpop: "required" })(async (request, token) =>
        Response.json({ sub: token?.sub, body: await request.text() }),
      ),
      "/feed": requireOAuth({ optional: true })((_, token) => Response.json({ sub: token?.sub ?? null })),
      "/all": requireOAuth("admin")(() => new Response("no")),
    };
    return {
      send: async (path, init) => {
        const request = new Request(`${audience}${path}`, init);
        return routes[path]?.(request, context) ?? metadata(request);
      },
    };
  },
};

for (const [name, start] of Object.entries(apps)) {
  test(`${name}: lets in, refuses, explains, leaves the body alone, serves the document`, async () => {
    await using issuer = await startIssuer();
    const { send, close } = await start(issuer, Date.now);
    try {
      const bearer = { Authorization: `Bearer ${await issuer.token()}` };
      const answer = await send("/profile", { headers: bearer });
      assert.deepEqual([answer.status, await answer.json()], [200, { sub: "alice" }]);
      const none = await send("/profile");
      assert.equal(none.status, 401);
      assert.match(
        none.headers.get("www-authenticate") ?? "",
        /^Bearer realm="[^"]*", resource_metadata="[^"]*".*DPoP/,
      );
      assert.match(((await none.json()) as { explanation: string }).explanation, /Authorization: Bearer/);
      assert.deepEqual(await (await send("/feed")).json(), { sub: null });
      assert.deepEqual(await (await send("/feed", { headers: bearer })).json(), { sub: "alice" });
      assert.equal((await send("/feed", { headers: { Authorization: "Bearer a.b.c" } })).status, 401);
      assert.equal((await send("/all", { headers: bearer })).status, 403);
      const document = (await (await send(`${place}?x`)).json()) as { resource: string };
      assert.equal(document.resource, audience);
    } finally {
      await close?.();
    }
  });

  test(`${name}: DPoP with nonce, guards in a row, and certificates`, async () => {
    await using issuer = await startIssuer();
    let now = Date.now();
    const { send, close } = await start(issuer, () => now);
    try {
      const key = await generateDpopKey();
      const token = await issuer.token({ cnf: { jkt: await dpopThumbprint(key) } });
      const post = async (nonce?: string) => {
        const made = { key, htm: "POST", htu: `${audience}/photos`, access_token: token, now, nonce };
        const headers = {
          Authorization: `DPoP ${token}`,
          DPoP: await createDpopProof(made),
          "Content-Type": "text/plain",
        };
        return send("/photos", { method: "POST", body: "hello", headers });
      };
      const asked = await post();
      assert.equal(asked.status, 401);
      const nonce = asked.headers.get("dpop-nonce") ?? assert.fail("no nonce");
      const answer = await post(nonce);
      assert.deepEqual([answer.status, await answer.json()], [200, { sub: "alice", body: "hello" }]);
      now += 120_000;
      const later = await post(nonce);
      assert.equal(later.status, 200);
      assert.notEqual(later.headers.get("dpop-nonce") ?? nonce, nonce, "the next nonce comes in time");
      const cnf = { "x5t#S256": await sha256Base64url(new TextEncoder().encode("certificate")) };
      const Authorization = `Bearer ${await issuer.token({ cnf })}`;
      const statuses = [certificate, btoa("x"), ""].map(
        async (sent) =>
          (await send("/profile", { headers: { Authorization, ...(sent && { "X-Cert": sent }) } })).status,
      );
      assert.deepEqual(await Promise.all(statuses), [200, 401, 401]);
    } finally {
      await close?.();
    }
  });
}

test("a second Authorization header is seen, not dropped", async () => {
  await using issuer = await startIssuer();
  const { requireOAuth } = protectNode({ issuer: issuer.url, audience });
  const token = await issuer.token();
  const rawHeaders = ["Authorization", `Bearer ${token}`, "AUTHORIZATION", "Bearer other"];
  let status = 0;
  const res = {
    set statusCode(value: number) {
      status = value;
    },
    setHeader: () => undefined,
    write: () => true,
    end: () => undefined,
    once: () => undefined,
    off: () => undefined,
    destroy: () => undefined,
  };
  const req = { headers: { authorization: `Bearer ${token}` }, rawHeaders };
  await requireOAuth()(req, res, () => assert.fail("let in"));
  assert.equal(status, 400);
});

test("what breaks while checking goes to the framework's own error handling", async () => {
  const bug = new Error("a bug");
  const read = async () => Promise.reject(bug);
  const { requireOAuth } = protectNode({ issuer: "https://id.example", audience, read });
  const errors: unknown[] = [];
  const req = { headers: { authorization: "Bearer x" } };
  await requireOAuth()(req, {} as ServerResponse, (e) => errors.push(e));
  assert.deepEqual(errors, [bug]);
});

test("Nest: the decorators guard and hand over; a refusal is Nest's exception with the challenge on the answer", async () => {
  await using issuer = await startIssuer();
  class HttpException extends Error {
    readonly response: Record<string, unknown>;
    readonly status: number;
    constructor(response: Record<string, unknown>, status: number) {
      super();
      this.response = response;
      this.status = status;
    }
  }
  type Factory = Parameters<NestFunctions["createParamDecorator"]>[0];
  const used: unknown[] = [];
  const factories: Factory[] = [];
  const decorator = () => undefined;
  const { RequireOAuth, Token, guard } = protectNest(
    { issuer: issuer.url, audience },
    {
      UseGuards: (...guards) => {
        used.push(...guards);
        return decorator;
      },
      createParamDecorator: (factory) => {
        factories.push(factory);
        return () => decorator;
      },
      HttpException,
    },
  );
  assert.deepEqual([RequireOAuth("profile"), Token()], [decorator, decorator]);
  assert.equal(used.length, 1);
  const contextOf = (token?: string) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const request: CheckedRequest = { method: "GET", url: "/", headers };
    const set = new Map<string, string>();
    const response = { header: (name: string, value: string) => set.set(name, value) };
    const context = { switchToHttp: () => ({ getRequest: () => request, getResponse: () => response }) } as NestContext;
    return { context, set, request };
  };
  const good = contextOf(await issuer.token());
  assert.equal(await guard("profile").canActivate(good.context), true);
  const [tokenIn = () => assert.fail("no parameter decorator")] = factories;
  assert.equal((tokenIn(undefined, good.context) as { sub: string }).sub, "alice");
  const bad = contextOf();
  const error = await guard("profile")
    .canActivate(bad.context)
    .catch((e) => e);
  assert.ok(error instanceof HttpException);
  assert.equal(error.status, 401);
  assert.match(bad.set.get("www-authenticate") ?? "", /^Bearer realm=/);
  assert.ok(error.response.explanation);
});
