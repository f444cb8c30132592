/**
 * The examples do what they say: the guide "your own app as a provider" step by step over HTTP, the same provider in four
 * frameworks, and a server over an app's own users.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createAdaptorServer } from "@hono/node-server";
import { makeApp as makeGuideApp } from "@valetkey/example-provider/app";
import { inFastify, inHono, inNode } from "@valetkey/example-provider/mounts";
import { makeProvider } from "@valetkey/example-provider/provider";
import { users as guideUsers } from "@valetkey/example-provider/users";
import { makeApp as makeAlbumApp } from "@valetkey/example-your-users/app";
import { users as albumUsers } from "@valetkey/example-your-users/users";
import type { OpenStore } from "@valetkey/store";
import { sqliteStore } from "@valetkey/store/sqlite";
import { createBrowser } from "./lib/browser.ts";
import { createPkce } from "./lib/flow.ts";
import { freePort } from "./lib/server.ts";

const secret = "a secret of the examples for their test";
const callback = "http://127.0.0.1:9/callback";
let folder: string;
const closing: (() => unknown)[] = [];
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "valetkey-examples-"));
});
after(async () => {
  for (const close of closing.reverse()) await close();
  await rm(folder, { recursive: true, force: true });
});

async function open(name: string): Promise<OpenStore> {
  const store = await sqliteStore({ file: join(folder, `${name}.db`) });
  closing.push(() => store.close());
  return store;
}

async function listen(port: number, listener: RequestListener): Promise<void> {
  const server = createServer(listener);
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
}

const post = (url: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
  fetch(url, { method: "POST", body: new URLSearchParams(form), headers });

describe("the guide: your own app as a provider, in Express", () => {
  let issuer: string;
  let client: { client_id: string; client_secret: string };
  let tokens: { access_token: string; refresh_token: string; scope: string };
  const basic = () => `Basic ${btoa(`${client.client_id}:${client.client_secret}`)}`;
  const pkce = createPkce();
  const authorize = (more: Record<string, string> = {}) =>
    `${issuer}/oauth/authorize?${new URLSearchParams({
      response_type: "code",
      client_id: client.client_id,
      redirect_uri: callback,
      scope: "profile photos:read",
      state: "s",
      code_challenge: pkce.challenge,
      code_challenge_method: "S256",
      ...more,
    })}`;

  before(async () => {
    await guideUsers.add({
      id: "alice",
      name: "Alice",
      email: "alice@example.com",
      password: "alice walks by the sea",
    });
    const port = await freePort();
    issuer = `http://127.0.0.1:${port}`;
    await listen(port, makeGuideApp(makeProvider({ issuer, secret, store: await open("guide") })));
  });

  test("step 3: a client registers itself", async () => {
    const response = await fetch(`${issuer}/oauth/register`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        client_name: "Photo printer",
        application_type: "native",
        redirect_uris: [callback],
        grant_types: ["authorization_code", "refresh_token"],
        token_endpoint_auth_method: "client_secret_basic",
      }),
    });
    assert.equal(response.status, 201, await response.clone().text());
    client = await response.json();
    assert.ok(client.client_id && client.client_secret);
  });

  test("steps 4, 9 and 10: login and consent are the app's own forms, and only what was left ticked is granted", async () => {
    const browser = createBrowser(issuer);
    const login = await browser.open(authorize());
    assert.match(login.text, /to continue to Photo printer/);
    const wrong = await browser.press(login, "sign-in", { email: "alice@example.com", password: "guess" });
    assert.equal(wrong.status, 400);
    assert.match(wrong.text, /do not fit/);
    const consent = await browser.press(wrong, "sign-in", {
      email: "alice@example.com",
      password: "alice walks by the sea",
    });
    assert.match(consent.text, /Allow Photo printer\?/);
    assert.match(consent.text, /See your photos/);
    const back = await browser.press(consent, "decision=allow");
    assert.equal(back.foreign, true);
    assert.equal(back.url.searchParams.get("state"), "s");
    assert.equal(back.url.searchParams.get("iss"), issuer);
    const code = back.url.searchParams.get("code") ?? "";

    // Step 5: the code for tokens.
    const form = { grant_type: "authorization_code", code, redirect_uri: callback, code_verifier: pkce.verifier };
    const response = await post(`${issuer}/oauth/token`, form, { Authorization: basic() });
    assert.equal(response.status, 200, await response.clone().text());
    tokens = await response.json();
    assert.equal(tokens.scope, "profile photos:read");
  });

  test("step 6: the refresh token gives new ones", async () => {
    const form = { grant_type: "refresh_token", refresh_token: tokens.refresh_token };
    const response = await post(`${issuer}/oauth/token`, form, { Authorization: basic() });
    assert.equal(response.status, 200);
    const fresh = await response.json();
    assert.notEqual(fresh.access_token, tokens.access_token);
    assert.notEqual(fresh.refresh_token, tokens.refresh_token);
    tokens = fresh;
  });

  test("step 7: the API lets in who has the scope, and nobody else", async () => {
    const call = (path: string, token?: string) =>
      fetch(`${issuer}${path}`, token === undefined ? {} : { headers: { Authorization: `Bearer ${token}` } });
    const allowed = await call("/api/protected", tokens.access_token);
    assert.deepEqual(await allowed.json(), { msg: "This is a protected resource" });
    assert.equal((await call("/api/photos", tokens.access_token)).status, 200);
    const none = await call("/api/protected");
    assert.equal(none.status, 401);
    assert.match(none.headers.get("www-authenticate") ?? "", /^Bearer /);
    assert.equal((await call("/api/protected", "rubbish")).status, 401);

    // Narrowed to one scope, the token opens one of the two.
    const form = { grant_type: "refresh_token", refresh_token: tokens.refresh_token, scope: "profile" };
    const narrow = await (await post(`${issuer}/oauth/token`, form, { Authorization: basic() })).json();
    assert.equal((await call("/api/protected", narrow.access_token)).status, 200);
    const refused = await call("/api/photos", narrow.access_token);
    assert.equal(refused.status, 403);
    assert.match(refused.headers.get("www-authenticate") ?? "", /insufficient_scope/);
  });

  test("step 10: a scope that was unticked is not granted, and a denied request says so", async () => {
    const browser = createBrowser(issuer);
    const login = await browser.open(authorize({ prompt: "consent" }));
    const consent = await browser.press(login, "sign-in", {
      email: "alice@example.com",
      password: "alice walks by the sea",
    });
    const unticked = { grant_type: "authorization_code", redirect_uri: callback, code_verifier: pkce.verifier };
    const back = await browser.post(consent.url, { decision: "allow", scope: "profile" });
    const code = back.url.searchParams.get("code") ?? "";
    const granted = await (
      await post(`${issuer}/oauth/token`, { ...unticked, code }, { Authorization: basic() })
    ).json();
    assert.equal(granted.scope, "profile");

    const again = await browser.open(authorize({ prompt: "consent" }));
    const denied = await browser.press(again, "decision=deny");
    assert.equal(denied.url.searchParams.get("error"), "access_denied");
  });

  test("step 11: errors are answers, not stack traces", async () => {
    const unknown = await fetch(`${issuer}/nowhere`);
    assert.deepEqual([unknown.status, await unknown.json()], [404, { error: "not_found" }]);
    const wrong = await post(`${issuer}/oauth/token`, { grant_type: "password" }, { Authorization: basic() });
    assert.equal(wrong.status, 400);
    assert.equal((await wrong.json()).error, "unsupported_grant_type");
    const evil = await fetch(authorize({ redirect_uri: "https://evil.example/" }), { redirect: "manual" });
    assert.equal(evil.status, 400);
    assert.equal(evil.headers.get("location"), null);
    const gone = await fetch(`${issuer}/login?interaction=nothing`);
    assert.equal(gone.status, 400);
    const huge = await post(`${issuer}/login?interaction=nothing`, { email: "x".repeat(100_000) });
    assert.equal(huge.status, 413);
  });
});

describe("the same provider elsewhere", () => {
  for (const framework of ["Hono", "Fastify", "node:http"] as const) {
    test(`in ${framework}: discovery, the token endpoint's errors, and the rest of the app`, async () => {
      const port = await freePort();
      const issuer = `http://127.0.0.1:${port}`;
      const provider = makeProvider({ issuer, secret, store: await open(framework.replace(":", "-")) });
      if (framework === "Hono") {
        const server = createAdaptorServer({ fetch: inHono(provider).fetch });
        closing.push(() => server.close());
        await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
      } else if (framework === "Fastify") {
        const app = await inFastify(provider);
        closing.push(() => app.close());
        await app.listen({ port, host: "127.0.0.1" });
      } else {
        const server = inNode(provider);
        closing.push(() => server.close());
        await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
      }
      const discovery = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
      assert.equal(discovery.issuer, issuer);
      assert.equal(discovery.token_endpoint, `${issuer}/oauth/token`);
      const refused = await post(`${issuer}/oauth/token`, { grant_type: "refresh_token", client_id: "nobody" });
      assert.equal(refused.status, 401);
      assert.equal((await refused.json()).error, "invalid_client");
      assert.equal(await (await fetch(issuer)).text(), "the rest of the app");
    });
  }
});

test("a server over an app's own users: their password, their name, our pages", async () => {
  await albumUsers.add("42", "grace", "Grace Hopper", "a nanosecond of wire");
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const { app, server } = await makeAlbumApp({ issuer, secret });
  const { client, client_secret } = await server.provider.clients.add(
    { client_name: "Printer", application_type: "native", redirect_uris: [callback] },
    { provenance: "admin" },
  );
  const listening = createAdaptorServer({ fetch: app.fetch });
  closing.push(() => listening.close());
  await new Promise<void>((resolve) => listening.listen(port, "127.0.0.1", resolve));

  const pkce = createPkce();
  const browser = createBrowser(issuer);
  const login = await browser.open(
    `${issuer}/authorize?${new URLSearchParams({
      response_type: "code",
      client_id: client.client_id,
      redirect_uri: callback,
      scope: "openid profile",
      code_challenge: pkce.challenge,
      code_challenge_method: "S256",
    })}`,
  );
  const wrong = await browser.press(login, "submit", { username: "grace", password: "guess" });
  assert.equal(wrong.foreign, false);
  const consent = await browser.press(wrong, "submit", { username: "grace", password: "a nanosecond of wire" });
  assert.match(consent.text, /Grace Hopper/);
  const back = await browser.press(consent, "allow");
  const code = back.url.searchParams.get("code") ?? "";
  const response = await post(
    `${issuer}/token`,
    { grant_type: "authorization_code", code, redirect_uri: callback, code_verifier: pkce.verifier },
    { Authorization: `Basic ${btoa(`${client.client_id}:${client_secret}`)}` },
  );
  const { access_token } = await response.json();
  const info = await fetch(`${issuer}/userinfo`, { headers: { Authorization: `Bearer ${access_token}` } });
  assert.deepEqual(await info.json(), { sub: "42", name: "Grace Hopper", preferred_username: "grace" });
  // Its pages are there, those that need our own accounts are not, and the rest of the app is untouched.
  assert.equal((await fetch(`${issuer}/setup`)).status, 404);
  assert.equal(await (await fetch(issuer)).text(), "The rest of the app.");
});
