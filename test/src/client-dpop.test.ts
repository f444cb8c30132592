/**
 * Sign-in with tokens bound to a key, against a foreign end: `oidc-provider`, which wants a nonce with every proof.
 *
 * RFC 9449 §5 (codes, tokens, refreshes), §7 (APIs), §8 and §9 (nonces), §10 (`dpop_jkt`).
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { createOAuth, type OAuth, oidc } from "@valetkey/client/create-oauth";
import { createDpop, dpopFetch } from "@valetkey/client/dpop-fetch";
import { generateDpopKey } from "@valetkey/protocol/dpop";
import type { OpenStore } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";
import { startProcess } from "@valetkey/test-support/process";
import { createBrowser, type FetchBrowser } from "./lib/browser.ts";
import { type ForeignProvider, foreigner, startForeignProvider } from "./lib/foreign-provider.ts";
import { freePort } from "./lib/server.ts";
import { makeApp, openStore, type Shared, serveApp } from "./lib/vault-app.ts";
import type { Task } from "./lib/vault-process.ts";

const program = resolve(import.meta.dirname, "lib/vault-process.js");
const secret = "the-secret-that-seals-what-the-client-keeps-0123";
const ways = ["public", "confidential"] as const;
const client_secret = "a-secret-of-the-application-0123456789";

describe("our client binds its tokens to a key at oidc-provider", () => {
  let provider: ForeignProvider;
  let folder: string;
  let baseUrl: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "valetkey-dpop-"));
    baseUrl = `http://127.0.0.1:${await freePort()}`;
    const common = {
      redirect_uris: [`${baseUrl}/auth/callback/acme`],
      grant_types: ["authorization_code", "refresh_token"],
      dpop_bound_access_tokens: true,
    };
    provider = await startForeignProvider(
      [
        { ...common, client_id: "public", token_endpoint_auth_method: "none" },
        { ...common, client_id: "confidential", client_secret },
      ],
      {
        features: { dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true } },
      },
    );
  });
  after(async () => {
    await provider?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const sharedBy = (way: (typeof ways)[number]): Shared => ({
    database: join(folder, `${way}.db`),
    secret,
    kind: "oidc",
    issuer: provider.issuer,
    client: { client_id: way, ...(way === "public" ? {} : { client_secret }) },
    options: { dpop_bound_access_tokens: true, ...(way === "public" ? { token_endpoint_auth_method: "none" } : {}) },
    baseUrl,
  });
  const count = (line: string) => provider.requests.filter((one) => one === line).length;
  const cookieOf = (browser: FetchBrowser) => `vk_app=${browser.cookies("127.0.0.1").get("vk_app")}`;

  /** Serves the application while `run` runs. */
  async function serving(oauth: OAuth, run: () => Promise<void>): Promise<void> {
    const server: Server = await serveApp(oauth, Number(new URL(baseUrl).port));
    try {
      await run();
    } finally {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
  }

  for (const way of ways) {
    it(`a ${way} client: signs in, calls an API, and another process refreshes with the same key`, async () => {
      const shared = sharedBy(way);
      const store: OpenStore = await openStore(shared);
      const oauth = makeApp(shared, store);
      try {
        await serving(oauth, async () => {
          const browser = createBrowser([baseUrl, provider.issuer]);
          const [tokens, infos] = [count("POST /token"), count("GET /me")];
          const end = await browser.open(`${baseUrl}/auth/login/acme`);
          assert.equal(end.text, "in");
          const away = new URL(end.trail.find(({ url }) => url.includes("/auth?"))?.url ?? "");
          assert.match(away.searchParams.get("dpop_jkt") ?? "", /^[\w-]{43}$/);
          // The nonce was unknown once; userinfo, at the same origin, got the one from the token endpoint.
          assert.deepEqual([count("POST /token") - tokens, count("GET /me") - infos], [2, 1]);
          const cookie = cookieOf(browser);
          const auth = await oauth.session(new Request(baseUrl, { headers: { cookie } }));
          const me = (await auth?.fetch("acme", `${provider.issuer}/me`)) ?? assert.fail("nobody is signed in");
          assert.deepEqual([me.status, ((await me.json()) as { sub: string }).sub], [200, foreigner.sub]);
          assert.equal(count("POST /token") - tokens, 2);

          // The token lives for three seconds; longer is never wrong here.
          await pause(3_100);
          const task: Task = { ...shared, cookie, url: `${provider.issuer}/me`, calls: 5 };
          const other = await startProcess(process.execPath, [program, JSON.stringify(task)], { ready: "ready" });
          const done = other.waitForLine("done");
          other.write("go\n");
          assert.equal(await done, 'done ["200"] 5');
          await other.ended;
          // One refresh, and its nonce.
          assert.equal(count("POST /token") - tokens, 4);

          await pause(3_100);
          const again = await auth?.fetch("acme", `${provider.issuer}/me`);
          assert.equal(again?.status, 200);
          assert.equal(count("POST /token") - tokens, 5);
          assert.equal((await auth?.accounts())?.[0]?.signInAgain, undefined);
        });
      } finally {
        await store.close();
      }
    });
  }

  /** An application in this process; `change` is done to every token answer on its way. */
  function appWith(change: (answer: Record<string, unknown>) => Record<string, unknown>) {
    const taken: string[] = [];
    const errors: unknown[] = [];
    const oauth = createOAuth({
      baseUrl,
      secret,
      store: memoryStore(),
      log: { debug() {}, info() {}, warn() {}, error: ({ err }) => void errors.push((err as { code?: string })?.code) },
      onSignIn: (_, { access_token }) => void taken.push(access_token),
      async fetch(url, init) {
        const answer = await fetch(url, init);
        if (!String(url).endsWith("/token") || answer.status !== 200) return answer;
        return Response.json(change((await answer.json()) as Record<string, unknown>));
      },
      providers: [
        oidc("acme", {
          issuer: provider.issuer,
          client_id: "public",
          token_endpoint_auth_method: "none",
          dpop_bound_access_tokens: true,
        }),
      ],
    });
    return { oauth, taken, errors };
  }

  it("an answer changed on its way into one with a Bearer token signs nobody in, and the log says why", async () => {
    const { oauth, taken, errors } = appWith((answer) => ({ ...answer, token_type: "Bearer" }));
    await serving(oauth, async () => {
      const end = await createBrowser([baseUrl, provider.issuer]).open(`${baseUrl}/auth/login/acme`);
      assert.equal(end.status, 502, end.text);
    });
    assert.deepEqual([taken, errors], [[], ["token_not_bound"]]);
  });

  it("a token that gets out is of no use: not as Bearer token, not with another key", async () => {
    const { oauth, taken } = appWith((answer) => answer);
    await serving(oauth, async () => {
      await createBrowser([baseUrl, provider.issuer]).open(`${baseUrl}/auth/login/acme`);
    });
    const [access_token = assert.fail("nobody signed in")] = taken;
    const me = `${provider.issuer}/me`;
    assert.equal((await fetch(me, { headers: { Authorization: `Bearer ${access_token}` } })).status, 401);
    const dpop = createDpop(await generateDpopKey());
    assert.equal((await dpopFetch({ dpop, access_token })(me)).status, 401);
  });
});
