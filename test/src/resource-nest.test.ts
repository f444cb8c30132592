/**
 * The protected API in NestJS, on Express and on Fastify, as it is built and started, with our own server as its issuer.
 *
 * RFC 6750 §3, RFC 9449 §7, RFC 9728 §3. It has its own `package-lock.json`: who wants it runs `npm run install:frameworks`.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { clientCredentials } from "@valetkey/client/client-credentials";
import { discover } from "@valetkey/client/discover";
import { createDpop, dpopFetch } from "@valetkey/client/dpop-fetch";
import { generateDpopKey } from "@valetkey/protocol/dpop";
import { type RunningProcess, runProcess, startProcess } from "@valetkey/test-support/process";
import { freePort, type RunningServer, startServer } from "./lib/server.ts";

const folder = resolve(import.meta.dirname, "../../examples/nest");
const isInstalled = existsSync(resolve(folder, "node_modules/.package-lock.json"));
// In CI nothing is skipped.
const skip = process.env.CI || isInstalled ? false : "run npm run install:frameworks";
const client_secret = "a secret of at least thirty-two characters";
const platforms = ["express", "fastify"] as const;

describe("the API in NestJS", { skip }, () => {
  let server: RunningServer;
  const apis = new Map<string, RunningProcess>();
  const ports = new Map<string, number>();
  const audienceOf = (platform: string) => `http://127.0.0.1:${ports.get(platform)}/v1`;

  before(async () => {
    for (const platform of platforms) ports.set(platform, await freePort());
    const scopes = { "photos:read": "See your photos", "photos:write": "Change your photos" };
    const names = Object.keys(scopes);
    const robot = { client_id: "robot", client_secret, grant_types: ["client_credentials"], redirect_uris: [] };
    server = await startServer({
      config: {
        scopes,
        bindings: ["dpop"],
        resources: platforms.map((platform) => ({ resource: audienceOf(platform), scopes: names, tokens: "at+jwt" })),
        clients: [{ ...robot, scope: names.join(" ") }],
      },
    });
    const built = await runProcess(process.execPath, ["node_modules/typescript/bin/tsc"], {
      cwd: folder,
      timeout: 60_000,
    });
    assert.equal(built.code, 0, built.stdout);
    for (const platform of platforms) {
      const env = {
        PATH: process.env.PATH,
        PORT: `${ports.get(platform)}`,
        PLATFORM: platform,
        ISSUER: server.issuer,
        AUDIENCE: audienceOf(platform),
      };
      apis.set(
        platform,
        await startProcess(process.execPath, ["dist/main.js"], { cwd: folder, env, ready: "ready http" }),
      );
    }
  });
  after(async () => {
    for (const api of apis.values()) await api.stop();
    await server?.[Symbol.asyncDispose]();
  });

  const tokenFor = async (resource: string, scope: string, dpop?: ReturnType<typeof createDpop>) => {
    const client = { client_id: "robot", client_secret, token_endpoint_auth_method: "client_secret_basic" } as const;
    const options = { metadata: await discover(server.issuer), client, scope, resource, ...(dpop && { dpop }) };
    return (await clientCredentials(options)).access_token;
  };

  for (const platform of platforms) {
    it(`${platform}: @RequireOAuth on a controller and on its methods, @Token, challenges, the document`, async () => {
      const audience = audienceOf(platform);
      const ask = (path: string, token?: string, init: RequestInit = {}) =>
        fetch(`${audience}${path}`, {
          ...init,
          headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
        });
      const read = await tokenFor(audience, "photos:read");
      const photos = await ask("/photos", read);
      assert.equal(photos.status, 200);
      assert.deepEqual(await photos.json(), { sub: "client:robot", scope: ["photos:read"] });
      const none = await ask("/photos");
      assert.equal(none.status, 401);
      assert.match(none.headers.get("www-authenticate") ?? "", /^Bearer realm=.*scope="photos:read"/);
      assert.match(((await none.json()) as { explanation: string }).explanation, /Authorization: Bearer/);
      const write = await tokenFor(audience, "photos:write");
      assert.equal((await ask("/photos", write)).status, 403);
      assert.deepEqual(await (await ask("/feed")).json(), { sub: null });
      assert.deepEqual(await (await ask("/feed", read)).json(), { sub: "client:robot" });
      assert.equal((await ask("/feed", "a.b.c")).status, 401);
      const place = `${new URL(audience).origin}/.well-known/oauth-protected-resource/v1`;
      assert.partialDeepStrictEqual(await (await fetch(place)).json(), { resource: audience });
    });

    it(`${platform}: a proof passes both guards of a route, once`, async () => {
      const audience = audienceOf(platform);
      const dpop = createDpop(await generateDpopKey());
      const access_token = await tokenFor(audience, "photos:read photos:write", dpop);
      const sent: Request[] = [];
      const noting: typeof fetch = (input, init) => {
        const request = new Request(input, init);
        sent.push(request.clone());
        return fetch(request);
      };
      const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"name":"a"}' };
      const answer = await dpopFetch({ dpop, access_token, fetch: noting })(`${audience}/photos`, init);
      assert.equal(answer.status, 201, answer.headers.get("www-authenticate") ?? "");
      assert.deepEqual(await answer.json(), { sub: "client:robot", photo: { name: "a" } });
      const again = await fetch(sent[0] ?? assert.fail("nothing was sent"));
      assert.equal(again.status, 401);
      assert.match(again.headers.get("www-authenticate") ?? "", /DPoP .*error="invalid_dpop_proof"/);
      const bearer = await tokenFor(audience, "photos:read photos:write");
      const headers = { Authorization: `Bearer ${bearer}` };
      assert.equal((await fetch(`${audience}/photos`, { method: "POST", headers })).status, 401);
    });
  }
});
