/**
 * Applications written in Python with Authlib, at our own server, as processes of their own; people in a real Chromium.
 *
 * OpenID Connect Core 1.0 §3.1.3.7 (Authlib verifies), §5.3, §12; Discovery 1.0; RP-Initiated Logout 1.0; RFC 6749 §4.1 and §6, 7009,
 * 7523 §2.2, 7636, 7662, 8628, 8693. A client without PKCE signs in where the configuration says that it may, and there only.
 */
import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { protectResource, tokenOf } from "@valetkey/resource/express";
import { type Browser, type Page, startChromium } from "@valetkey/test-support/chromium";
import express from "express";
import { type RunningFlaskApp, runSession, skip, startFlaskApp } from "./lib/authlib-python.ts";
import { createBrowser } from "./lib/browser.ts";
import { addUser, callback, codeAndRefresh } from "./lib/fixtures.ts";
import { type TestUser, walk } from "./lib/flow.ts";
import { type Listening, listen } from "./lib/http-listener.ts";
import { freePort, install, type RunningServer, serve } from "./lib/server.ts";
import { allow, arrives } from "./lib/visitor.ts";

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code";
const exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange";
const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const secretOf = () => randomBytes(32).toString("base64url");

/** What only a program can say: policies, and parts with an option, are values. */
const inCode = (config: Readonly<Record<string, unknown>>) => `
  import { pkceForPublicClients } from "${import.meta.resolve("@valetkey/provider/pkce-policy")}";
  import { onBehalf, tokenExchange } from "${import.meta.resolve("@valetkey/provider/grants/token-exchange")}";
  import { privateKeyJwt } from "${import.meta.resolve("@valetkey/provider/client-auth/private-key-jwt")}";
  const { grants, ...config } = ${JSON.stringify(config)};
  export default {
    ...config,
    grants: [...grants, tokenExchange({ policy: onBehalf })],
    // Authlib's assertions count for an hour, and it has no way to say less.
    clientAuth: ["client_secret_basic", privateKeyJwt({ maxLifetime: 3600 })],
    pkce: pkceForPublicClients,
  };
`;

describe("Authlib at our server", { skip, concurrency: 3 }, () => {
  const secrets = { github: secretOf(), google: secretOf(), api: secretOf() };
  let server: RunningServer;
  let alice: TestUser;
  let api: Listening;
  let app: RunningFlaskApp;
  let chromium: Browser;
  before(async () => {
    const [port, apiPort] = [await freePort(), await freePort()];
    const flask = `http://127.0.0.1:${port}`;
    const audience = `http://127.0.0.1:${apiPort}/`;
    const installation = await install();
    const config = {
      scopes: { "user:email": "Read your e-mail addresses" },
      resources: [{ resource: audience, scopes: ["user:email"] }],
      grants: [...codeAndRefresh, "client_credentials", deviceGrant],
      clients: [
        {
          client_id: "github",
          client_secret: secrets.github,
          client_name: "Flask OAuth App",
          redirect_uris: [`${flask}/callback`],
        },
        {
          client_id: "google",
          client_secret: secrets.google,
          client_name: "Flask, with OpenID",
          redirect_uris: [`${flask}/openid/callback`],
          post_logout_redirect_uris: [`${flask}/`],
          grant_types: codeAndRefresh,
        },
        { client_id: "api", client_secret: secrets.api, grant_types: ["client_credentials"], introspects: [audience] },
        {
          client_id: "keyed",
          client_name: "Keyed",
          redirect_uris: [callback],
          grant_types: [...codeAndRefresh, deviceGrant, exchangeGrant],
          token_endpoint_auth_method: "private_key_jwt",
          jwks: { keys: [{ ...publicKey.export({ format: "jwk" }), kid: "one" }] },
        },
      ],
    };
    await writeFile(join(installation.folder, "valetkey.config.mjs"), inCode(config));
    server = await serve(installation);
    const introspection = { client_id: "api", client_secret: secrets.api };
    const { requireOAuth } = protectResource({ issuer: server.issuer, audience, introspection });
    const user = express().get("/user", requireOAuth("user:email"), (req, res) => {
      res.json({ login: `${tokenOf(req)?.sub === alice.subject ? "alice" : "?"}` });
    });
    const { github, google } = secrets;
    [alice, api, chromium, app] = await Promise.all([
      addUser(server, "alice"),
      listen(user, apiPort),
      startChromium(),
      startFlaskApp({
        port,
        site: server.issuer,
        api: audience,
        github: { client_id: "github", client_secret: github },
        google: { client_id: "google", client_secret: google },
      }),
    ]);
  });
  after(async () => {
    await chromium?.close();
    await app?.[Symbol.asyncDispose]();
    await api?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  /** A person in a browser of their own. */
  const open = async () => {
    const context = await chromium.newContext();
    context.setDefaultTimeout(8_000);
    return { page: await context.newPage(), [Symbol.asyncDispose]: () => context.close() };
  };
  const prove = async (page: Page) => {
    await page.fill("#username", alice.email);
    await page.fill("#password", alice.password);
    await page.click("#submit");
  };
  const shown = (page: Page) => page.textContent("body");

  it("the tutorial's Flask application signs in, reads an API and knows the person (RFC 6749 §4.1)", async () => {
    const { origin } = app;
    await using person = await open();
    const { page } = person;
    await page.goto(origin);
    assert.equal(await shown(page), "Welcome to the OAuth Demo!");
    await page.goto(`${origin}/profile`);
    assert.equal(new URL(page.url()).origin, server.issuer);
    await prove(page);
    await page.waitForSelector("#allow");
    assert.match((await shown(page)) ?? "", /Flask OAuth App[\s\S]*Read your e-mail addresses/);
    await arrives(allow(page), page, `${origin}/`);
    assert.equal(await shown(page), "Hello, alice!", app.log());
    await page.goto(`${origin}/profile`);
    assert.equal(await shown(page), "Profile: alice");
    await page.goto(`${origin}/logout`);
    assert.equal(await shown(page), "Welcome to the OAuth Demo!");
  });

  it("by discovery: an ID token that Authlib verified, userinfo, a refresh on the way, logout at the server", async () => {
    const { origin } = app;
    await using person = await open();
    const { page } = person;
    const asked = page.waitForRequest((request) => request.url().startsWith(`${server.issuer}/authorize?`));
    await page.goto(`${origin}/openid/login`);
    const sent = new URL((await asked).url()).searchParams;
    assert.equal(sent.has("code_challenge"), false);
    await prove(page);
    await page.waitForSelector("#allow");
    await arrives(allow(page), page, `${origin}/`);
    assert.equal(await shown(page), "Hello, Alice!", app.log());

    const read = async (path: string) => {
      await page.goto(`${origin}${path}`);
      return JSON.parse((await shown(page)) ?? "");
    };
    const { userinfo, claims, token } = await read("/openid/userinfo");
    assert.deepEqual([userinfo.sub, userinfo.email, claims.sub], [alice.subject, alice.email, alice.subject]);
    assert.deepEqual([claims.iss, claims.aud, claims.nonce], [server.issuer, "google", sent.get("nonce")]);
    const after = await read("/openid/userinfo?expired");
    assert.equal(after.userinfo.sub, alice.subject);
    assert.notEqual(after.token.access_token, token.access_token);
    assert.notEqual(after.token.refresh_token, token.refresh_token);

    await page.goto(`${origin}/logout`);
    await page.waitForURL(`${origin}/`);
    assert.equal(await shown(page), "Welcome to the OAuth Demo!");
    // OpenID Connect RP-Initiated Logout §2: the person is signed out at the server too.
    await page.goto(`${origin}/openid/login`);
    await page.waitForSelector("#password");
  });

  it("OAuth2Session with private_key_jwt: PKCE, userinfo, introspection, rotation, exchange, revocation, a device", async () => {
    const browser = createBrowser(server.issuer);
    const said = await runSession(
      {
        site: server.issuer,
        client_id: "keyed",
        key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
        redirect_uri: callback,
      },
      async (url) => {
        if (url.pathname === "/authorize") return (await walk(browser, url, { user: alice })).url;
        // RFC 8628 §3.3.1: the code in the address is compared before anything is asked.
        return (await browser.press(await browser.press(await browser.open(url), "submit"), "allow")).url;
      },
    );
    const { userinfo, introspected, exchanged, device, ...rest } = said;
    assert.deepEqual([userinfo.sub, userinfo.name, device.sub], [alice.subject, alice.name, alice.subject]);
    assert.deepEqual([introspected.active, introspected.sub, introspected.client_id], [true, alice.subject, "keyed"]);
    assert.deepEqual([exchanged.active, exchanged.scope, exchanged.act?.sub], [true, "profile", "client:keyed"]);
    assert.deepEqual(rest, {
      "wrong verifier": "invalid_grant",
      "token endpoint as audience": "invalid_client",
      rotated: true,
      revoked: 200,
      after: [false, false, false],
      "refreshed after": "invalid_grant",
      pending: "authorization_pending",
    });
  });
});
