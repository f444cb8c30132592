/**
 * The page docs/bound-tokens.md does what it says: its application signs somebody in at `valetkey serve` with the configuration of the
 * page, and calls an API that takes no Bearer tokens.
 *
 * RFC 9449 §5 and §7.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { serve } from "@hono/node-server";
import { protectResource } from "@valetkey/resource/node";
import { createBrowser } from "./lib/browser.ts";
import { addClient, addUser, codeAndRefresh } from "./lib/fixtures.ts";
import { freePort, startServer } from "./lib/server.ts";

const root = resolve(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/bound-tokens.md"), "utf8");
const snippets = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? "");

/** Gives what a snippet exports, with addresses of this test in it. Inside the project, so that the packages are found. */
async function exported<T>(snippet: string, addresses: Readonly<Record<string, string>>): Promise<T> {
  const file = join(root, "test", `.bound-${process.pid}-${snippets.indexOf(snippet)}.ts`);
  const text = Object.entries(addresses).reduce((all, [from, to]) => all.replaceAll(from, to), snippet);
  await writeFile(file, text);
  try {
    return ((await import(file)) as { default: T }).default;
  } finally {
    await rm(file);
  }
}

test("the application gets a bound token from valetkey serve as the page configures it, and the API takes it", async () => {
  const [appPort, apiPort] = [await freePort(), await freePort()];
  const [app, api] = [`http://127.0.0.1:${appPort}`, `http://127.0.0.1:${apiPort}`];
  const configured = snippets.find((text) => text.includes("defineConfig(")) ?? assert.fail("no configuration");
  const { issuer: _, ...config } = await exported<Record<string, unknown>>(configured, {
    "https://api.example.org": api,
  });
  await using server = await startServer({ config });
  const { issuer } = server;
  const alice = await addUser(server, "alice");
  const redirect_uris = [`${app}/auth/callback/acme`];
  const client = await addClient(server, { redirect_uris, grant_types: codeAndRefresh });
  process.env.ACME_CLIENT_ID = client.client_id;
  process.env.ACME_CLIENT_SECRET = client.client_secret;

  const schemes: (string | undefined)[] = [];
  const orders = protectResource({ issuer, audience: api }).requireOAuth("orders:read", { dpop: "required" });
  const apiServer = createServer((request, response) => {
    schemes.push(request.headers.authorization?.split(" ")[0]);
    void orders(request, response, () => response.end('["one order"]'));
  }).listen(apiPort, "127.0.0.1");
  const written = await exported<{ fetch: (request: Request) => Promise<Response> }>(
    snippets[0] ?? assert.fail("no application"),
    { "https://id.example.org": issuer, "https://api.example.org": api },
  );
  const appServer = serve({ fetch: written.fetch, port: appPort, hostname: "127.0.0.1" });
  try {
    const browser = createBrowser([issuer, app]);
    const start = await browser.open(`${app}/orders`);
    const signedIn = await browser.press(start, "submit", { username: alice.email, password: alice.password });
    const done = signedIn.has("allow") ? await browser.press(signedIn, "allow") : signedIn;
    assert.equal(done.text, '["one order"]', done.text);
    assert.deepEqual(schemes, ["DPoP"]);
  } finally {
    for (const one of [apiServer, appServer]) one.close();
  }
});
