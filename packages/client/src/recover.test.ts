/** A permission that has ended: people sign in again and come back, programs are told, and nobody goes round in circles. */
import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { sendResponse, toRequest } from "@valetkey/protocol/node-http";
import { memoryStore } from "@valetkey/store/memory";
import express from "express";
import { fastify } from "fastify";
import { Hono } from "hono";
import { type Auth, createOAuth, type OAuth, oidc } from "./create-oauth.ts";
import * as inExpress from "./express.ts";
import * as inFastify from "./fastify.ts";
import * as inHono from "./hono.ts";
import { Browser, type HostileIssuer, startIssuer } from "./lib/hostile-issuer.test.ts";
import { recordingLog, secret } from "./lib/test-app.test.ts";
import * as inNode from "./node.ts";

/** `/call` calls the API for whoever is signed in, `/broken` throws something else. */
type Frame = (oauth: OAuth, call: (auth: Auth) => Promise<string>) => Promise<RequestListener>;
const broken = () => {
  throw new Error("a mistake of the application");
};

const frames: Record<string, Frame> = {
  Hono: async (oauth, call) => {
    const app = new Hono().use(inHono.valetkey(oauth));
    app.onError((e, c) => c.text(e.message, 500, { "X-Left-Over": "yes" }));
    app.get("/broken", broken);
    app.all("/call", inHono.requireUser(), async (c) => c.text(await call(c.var.auth)));
    return async (req, res) =>
      sendResponse(res, await app.fetch(toRequest(req, { origin: `http://${req.headers.host}` })));
  },
  Express: async (oauth, call) => {
    const app = express().use(inExpress.valetkey(oauth));
    app.get("/broken", broken);
    app.all("/call", inExpress.requireUser(), async (req, res) => {
      res.send(await call(inExpress.authOf(req) as Auth));
    });
    app.use(inExpress.signInAgain());
    app.use(((e, _req, res, _next) => void res.status(500).send(e.message)) as express.ErrorRequestHandler);
    return app;
  },
  Fastify: async (oauth, call) => {
    const app = fastify();
    app.setErrorHandler((e, _request, reply) => reply.status(500).send((e as Error).message));
    await app.register(inFastify.valetkey(oauth));
    app.get("/broken", broken);
    const preHandler = inFastify.requireUser();
    app.all("/call", { preHandler }, async (request) => call(inFastify.authOf(request)));
    await app.ready();
    return (req, res) => app.routing(req, res);
  },
  "node:http": async (oauth, call) => (req, res) =>
    void inNode
      .valetkey(oauth)(req, res, async () => {
        if (req.url === "/broken") broken();
        await inNode.requireUser()(req, res, async () => {
          res.end(await call(inNode.authOf(req) as Auth));
        });
      })
      .catch((e: Error) => {
        res.statusCode = 500;
        res.end(e.message);
      }),
};

interface Framed extends AsyncDisposable {
  readonly url: string;
  readonly issuer: HostileIssuer;
  later(ms: number): void;
}

async function start(frame: Frame): Promise<Framed> {
  const issuer = await startIssuer();
  let now = Date.now();
  const credentials = { client_id: "app", client_secret: "s", id_token_signed_response_alg: "ES256" } as const;
  const oauth = createOAuth({
    providers: [oidc("acme", { issuer: issuer.url, ...credentials })],
    secret,
    store: memoryStore({ now: () => now }),
    now: () => now,
    log: recordingLog().log,
  });
  const listener = await frame(oauth, async (auth) => `api ${(await auth.fetch("acme", `${issuer.url}/api`)).status}`);
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    issuer,
    later: (ms) => {
      now += ms;
      const seconds = Math.floor(now / 1000);
      issuer.mischief = { ...issuer.mischief, idToken: (claims) => ({ ...claims, iat: seconds, exp: seconds + 300 }) };
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await issuer[Symbol.asyncDispose]();
    },
  };
}

/** Refuses every refresh, as after the person has removed the access. */
const refusing: HostileIssuer["mischief"] = {
  token: (good, form) => (form.get("grant_type") === "refresh_token" ? { error: "invalid_grant" } : good),
};

for (const [name, frame] of Object.entries(frames)) {
  describe(name, () => {
    test("a permission that has ended leads through the sign-in and back to the same page", async () => {
      await using app = await start(frame);
      const browser = new Browser();
      assert.equal(await (await browser.follow(`${app.url}/call?page=2`)).text(), "api 200");
      app.issuer.mischief = refusing;
      app.later(7200_000);
      const sent = await browser.get(`${app.url}/call?page=2`);
      assert.equal(sent.status, 303);
      assert.equal(sent.headers.get("location"), "/auth/login/acme?returnTo=%2Fcall%3Fpage%3D2");
      assert.equal(sent.headers.get("x-left-over"), null);
      assert.equal(await (await browser.follow(`${app.url}/call?page=2`)).text(), "api 200");
    });

    test("programs get 401 with the reason as JSON, whatever they send", async () => {
      await using app = await start(frame);
      const browser = new Browser();
      await browser.follow(`${app.url}/call`);
      app.issuer.mischief = refusing;
      app.later(7200_000);
      for (const method of ["GET", "POST"]) {
        const told = await browser.get(`${app.url}/call`, { method, headers: { Accept: "application/json" } });
        assert.equal(told.status, 401);
        assert.equal(told.headers.get("cache-control"), "no-store");
        assert.equal(((await told.json()) as { error: string }).error, "sign_in_again");
      }
    });

    test("a person's form that cannot be done is answered with a page, which leads back to the form", async () => {
      await using app = await start(frame);
      const send = (browser: Browser, Referer: string) =>
        browser.get(`${app.url}/call?save=1`, { method: "POST", headers: { Referer } });
      const leadsTo = async (page: Response) => {
        const html = await page.text();
        assert.equal(page.status, 401, html);
        assert.match(page.headers.get("content-type") ?? "", /^text\/html/);
        assert.equal(page.headers.get("cache-control"), "no-store");
        assert.match(html, /You come back to the page you were on/);
        return /<a href="([^"]+)"/.exec(html)?.[1];
      };
      const login = "/auth/login?returnTo=%2Fcall%3Fpage%3D2";
      assert.equal(await leadsTo(await send(new Browser(), `${app.url}/call?page=2#top`)), login);
      // Where the form was on another site, or the browser does not say, only the beginning is known.
      for (const elsewhere of ["https://evil.example/call", "", "about:blank", `${app.url}.evil.example/`]) {
        assert.equal(await leadsTo(await send(new Browser(), elsewhere)), "/auth/login?returnTo=%2F", elsewhere);
      }
      const browser = new Browser();
      await browser.follow(`${app.url}/call`);
      app.issuer.mischief = refusing;
      app.later(7200_000);
      const again = await leadsTo(await send(browser, `${app.url}/call?page=2`));
      assert.equal(again, "/auth/login/acme?returnTo=%2Fcall%3Fpage%3D2");
      assert.equal(await (await browser.follow(app.url + again)).text(), "api 200");
      const program = await new Browser().get(`${app.url}/call`, { method: "POST", headers: { Accept: "*/*" } });
      assert.deepEqual([program.status, ((await program.json()) as { error: string }).error], [401, "login_required"]);
    });

    test("a permission that ends as soon as it is given is explained: no redirect without end (F-60)", async () => {
      await using app = await start(frame);
      const browser = new Browser();
      // Neither a refresh token nor a token that lives.
      app.issuer.mischief = { token: ({ refresh_token: _, ...good }) => ({ ...good, expires_in: 0 }) };
      const page = await browser.follow(`${app.url}/call`);
      assert.equal(page.status, 401);
      assert.match(
        await page.text(),
        /<h1>You are still signed in[\s\S]*The permission has ended[\s\S]*href="\/auth\/login\/acme\?returnTo=%2Fcall"/,
      );
    });

    test("other errors stay the application's", async () => {
      await using app = await start(frame);
      const answer = await new Browser().get(`${app.url}/broken`);
      assert.deepEqual([answer.status, await answer.text()], [500, "a mistake of the application"]);
    });
  });
}
