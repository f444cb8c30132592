/**
 * Our client at a foreign provider: `oidc-provider`, written by others from the same specifications.
 *
 * OpenID Connect Core §3.1, Discovery §4, RFC 6749 §6, RFC 7009, RFC 7636, RFC 9207. The person has a browser without scripts;
 * the application is a bare `node:http` server.
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import { createOAuth, oidc } from "@valetkey/client/create-oauth";
import { authOf, requireUser, valetkey } from "@valetkey/client/node";
import { memoryStore } from "@valetkey/store/memory";
import { createBrowser } from "./lib/browser.ts";
import { type ForeignProvider, foreigner, startForeignProvider } from "./lib/foreign-provider.ts";
import { freePort } from "./lib/server.ts";

const secret = "a-secret-of-the-application-0123456789";
const ways = [
  { name: "basic", token_endpoint_auth_method: "client_secret_basic", alg: "RS256" },
  { name: "post", token_endpoint_auth_method: "client_secret_post", alg: "ES256" },
  { name: "open", token_endpoint_auth_method: "none", alg: "RS256" },
] as const;

describe("our client signs in at oidc-provider", () => {
  let provider: ForeignProvider;
  let app: { origin: string; close(): Promise<void> };
  /** What the application saw at each sign-in. */
  const signedIn: { sub: string; provider: string; issuer: string }[] = [];

  before(async () => {
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    provider = await startForeignProvider(
      ways.map(({ name, token_endpoint_auth_method, alg }) => ({
        client_id: name,
        ...(token_endpoint_auth_method === "none" ? {} : { client_secret: secret }),
        token_endpoint_auth_method,
        id_token_signed_response_alg: alg,
        redirect_uris: [`${origin}/auth/callback/${name}`],
        post_logout_redirect_uris: [`${origin}/`],
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
      })),
    );
    const oauth = createOAuth({
      baseUrl: origin,
      secret: "the-secret-that-seals-what-the-client-keeps-0123",
      store: memoryStore(),
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
      onSignIn: (user, _tokens, from) => {
        signedIn.push({ sub: user.sub, provider: from.provider, issuer: from.issuer });
      },
      providers: ways.map(({ name, token_endpoint_auth_method, alg }) =>
        oidc(name, {
          issuer: provider.issuer,
          client_id: name,
          ...(token_endpoint_auth_method === "none" ? {} : { client_secret: secret }),
          token_endpoint_auth_method,
          id_token_signed_response_alg: alg,
        }),
      ),
    });
    const [identify, guard] = [valetkey(oauth), requireUser()];
    const server = createServer((request, response) => {
      void identify(request, response, () =>
        guard(request, response, async () => {
          const auth = authOf(request);
          if (!auth) return;
          if (request.url === "/leave" && request.method === "POST") {
            const answer = await auth.signOut({ provider: true });
            response.writeHead(answer.status, {
              Location: answer.headers.get("Location") ?? "/",
              "Set-Cookie": answer.headers.getSetCookie(),
            });
            response.end();
            return;
          }
          const api = request.url === "/api" ? await auth.fetch(auth.provider, `${provider.issuer}/me`) : undefined;
          response.setHeader("Content-Type", "application/json");
          response.end(JSON.stringify({ user: auth.user, api: api && { status: api.status, body: await api.json() } }));
        }),
      );
    });
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    app = {
      origin,
      close: async () => {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  });
  after(async () => {
    await app?.close();
    await provider?.[Symbol.asyncDispose]();
  });

  for (const { name, token_endpoint_auth_method, alg } of ways) {
    it(`signs in with ${token_endpoint_auth_method} and ${alg}, knows who it is, and comes back to the page that was asked for`, async () => {
      const browser = createBrowser([app.origin, provider.issuer]);
      const end = await browser.open(`${app.origin}/auth/login/${name}?returnTo=${encodeURIComponent("/page?x=1")}`);
      assert.equal(end.status, 200, end.text);
      assert.equal(end.url.href, `${app.origin}/page?x=1`);
      const { user } = JSON.parse(end.html) as { user: Record<string, unknown> };
      assert.equal(user.sub, foreigner.sub);
      assert.equal(user.name, foreigner.name);
      assert.equal(user.email, foreigner.email);
      assert.deepEqual(signedIn.at(-1), { sub: foreigner.sub, provider: name, issuer: provider.issuer });
      const cookies = browser.setCookies.filter((line) => !line.startsWith("_"));
      for (const line of cookies) assert.match(line, /HttpOnly/i);
      assert.ok(
        !end.trail.some((step) => step.url.startsWith(app.origin) && /[?&]code=/.test(step.url) && step.status === 200),
        "the code is not left in the address bar",
      );
    });
  }

  it("who is not signed in is sent to sign in; a program gets 401", async () => {
    const page = await createBrowser([app.origin]).open(`${app.origin}/page`);
    assert.ok(page.html.includes("/auth/login/basic"));
    const program = await fetch(`${app.origin}/page`, { headers: { Accept: "application/json" } });
    assert.equal(program.status, 401);
  });

  it("calls the provider's API after the access token has expired: it refreshes, once for many calls at the same time", async () => {
    const browser = createBrowser([app.origin, provider.issuer]);
    await browser.open(`${app.origin}/auth/login/basic`);
    // The token lives for three seconds; longer is never wrong here.
    await new Promise((resolve) => setTimeout(resolve, 3_100));
    const tokenRequests = () => provider.requests.filter((line) => line === "POST /token").length;
    const before = tokenRequests();
    const answers = await Promise.all(Array.from({ length: 5 }, () => browser.open(`${app.origin}/api`)));
    for (const answer of answers) {
      const { api } = JSON.parse(answer.html) as { api: { status: number; body: { sub: string } } };
      assert.equal(api.status, 200, answer.html);
      assert.equal(api.body.sub, foreigner.sub);
    }
    assert.equal(tokenRequests() - before, 1);
  });

  it("a callback that this browser did not start, or a second time, signs nobody in", async () => {
    const browser = createBrowser([app.origin, provider.issuer]);
    const end = await browser.open(`${app.origin}/auth/login/basic`);
    const back = end.trail.find((step) => step.url.includes("/auth/callback/basic"))?.url ?? "";
    assert.ok(back.includes("code="));
    const count = signedIn.length;
    for (const other of [createBrowser([app.origin]), browser]) {
      const page = await other.open(back);
      assert.ok(page.status >= 400 && page.status < 500, `${page.status}`);
    }
    for (const query of ["", "?code=x", "?code=x&state=y", "?error=access_denied&state=y", "?code=a&code=b&state=y"]) {
      const page = await createBrowser([app.origin]).open(`${app.origin}/auth/callback/basic${query}`);
      assert.ok(page.status >= 400 && page.status < 500, query);
    }
    assert.equal(signedIn.length, count);
  });

  it("signs out here and at the provider", async () => {
    const browser = createBrowser([app.origin, provider.issuer]);
    await browser.open(`${app.origin}/auth/login/basic`);
    const left = await browser.post(`${app.origin}/leave`, {});
    assert.ok(
      left.trail.some((step) => step.url.startsWith(`${provider.issuer}/session/end`)),
      left.trail.map((step) => step.url).join("\n"),
    );
    const program = await browser.open(`${app.origin}/page`, { headers: { Accept: "application/json" } });
    assert.equal(program.status, 401);
  });
});
