/**
 * Our client at `oidc-provider` with what OpenID Connect has beyond the plain sign-in: pushed, signed and encrypted requests,
 * signed and encrypted answers, ID tokens and userinfo, posted answers, fresh proofs, and logout tokens that are really sent.
 *
 * RFC 9126, RFC 9101, JARM, OpenID Connect Core §3.1.3.7, §5.3.2, §5.5 and §6, RFC 7523, Back-Channel Logout 1.0,
 * Form Post Response Mode. The person has a browser without scripts; the application is a bare `node:http` server.
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import { createOAuth, type OAuthOptions, oidc } from "@valetkey/client/create-oauth";
import { authOf, requireUser, valetkey } from "@valetkey/client/node";
import { memoryStore } from "@valetkey/store/memory";
import { createBrowser, type FetchBrowser, type PageOf } from "./lib/browser.ts";
import { type ForeignProvider, foreigner, startForeignProvider } from "./lib/foreign-provider.ts";
import { formsOf } from "./lib/html.ts";
import { posted, secret, ways } from "./lib/openid-ways.ts";
import { freePort } from "./lib/server.ts";

describe("our client and oidc-provider, beyond the plain sign-in", () => {
  let provider: ForeignProvider;
  let app: { origin: string; close(): Promise<void> };

  before(async () => {
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    const names = [...Object.keys(ways), ...Object.keys(posted), "told", "told-too"];
    const registrations = names.map((name) => ({
      client_id: name,
      client_secret: secret,
      redirect_uris: [`${origin}/auth/callback/${name}`],
      post_logout_redirect_uris: [`${origin}/`],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      ...(name.startsWith("told")
        ? {
            backchannel_logout_uri: `${origin}/auth/backchannel-logout/${name}`,
            backchannel_logout_session_required: true,
          }
        : {}),
      ...ways[name]?.registered,
    }));
    const on = { enabled: true };
    provider = await startForeignProvider(registrations, {
      acrValues: ["silver"],
      features: {
        devInteractions: { enabled: false },
        revocation: on,
        rpInitiatedLogout: on,
        backchannelLogout: on,
        claimsParameter: on,
        encryption: on,
        jwtResponseModes: on,
        jwtUserinfo: on,
        pushedAuthorizationRequests: on,
        requestObjects: on,
      },
      clientAuthMethods: ["client_secret_basic", "private_key_jwt"],
      // Its own guards against requests to this machine; here everything is on this machine.
      fetch: (url: URL, { dispatcher: _, ...init }: RequestInit & { dispatcher?: unknown }) => fetch(url, init),
    });
    const options: OAuthOptions = {
      baseUrl: origin,
      secret: "the-secret-that-seals-what-the-client-keeps-0123",
      store: memoryStore(),
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
      providers: names.map((name) =>
        oidc(name, {
          issuer: provider.issuer,
          client_id: name,
          ...(ways[name]?.registered.token_endpoint_auth_method === "private_key_jwt" ? {} : { client_secret: secret }),
          ...ways[name]?.options,
          ...posted[name],
        }),
      ),
    };
    const oauth = createOAuth(options);
    const [identify, guard, recent] = [valetkey(oauth), requireUser(), requireUser({ maxAge: "1h" })];
    const server = createServer((request, response) => {
      void identify(request, response, () =>
        (request.url === "/recent" ? recent : guard)(request, response, async () => {
          const auth = authOf(request);
          if (!auth) return;
          if (request.url === "/leave") {
            const answer = await auth.signOut({ provider: true });
            response.writeHead(answer.status, {
              Location: answer.headers.get("Location") ?? "/",
              "Set-Cookie": answer.headers.getSetCookie(),
            });
            response.end();
            return;
          }
          response.setHeader("Content-Type", "application/json");
          response.end(JSON.stringify({ user: auth.user, authTime: auth.authTime, provider: auth.provider }));
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

  const open = (browser: FetchBrowser, name: string): Promise<PageOf> =>
    browser.open(`${app.origin}/auth/login/${name}?returnTo=${encodeURIComponent("/page")}`);
  const seen = (page: PageOf) => JSON.parse(page.html) as { user: Record<string, unknown>; authTime?: number };
  const newBrowser = () => createBrowser([app.origin, provider.issuer]);
  const authorizationOf = (page: PageOf) =>
    new URL(page.trail.find(({ url }) => url.startsWith(`${provider.issuer}/auth?`))?.url ?? "").searchParams;

  for (const name of Object.keys(ways)) {
    it(`signs in: ${name}`, async () => {
      const page = await open(newBrowser(), name);
      assert.equal(page.status, 200, page.text);
      const { user } = seen(page);
      assert.equal(user.sub, foreigner.sub);
      assert.equal(user.email, foreigner.email);
      const sent = authorizationOf(page);
      if (name.startsWith("pushed")) assert.deepEqual([...sent.keys()].sort(), ["client_id", "request_uri"]);
      if (name === "signed-request") {
        assert.deepEqual([...sent.keys()].sort(), ["client_id", "request", "response_type", "scope"]);
      }
      if (name.endsWith("-answer")) {
        const back = page.trail.find(({ url }) => url.includes("/auth/callback/"))?.url ?? "";
        assert.deepEqual([...new URL(back).searchParams.keys()], ["response"]);
      }
    });
  }

  for (const name of Object.keys(posted)) {
    it(`signs in with an answer that the provider's page posts: ${name}`, async () => {
      const browser = newBrowser();
      const page = await open(browser, name);
      const form = formsOf(page.html)[0];
      assert.equal(form?.action, `${app.origin}/auth/callback/${name}`, page.html);
      const fields = form.controls.map(({ attributes }) => [attributes.name ?? "", attributes.value ?? ""] as const);
      const end = await browser.post(form.action, Object.fromEntries(fields.filter(([field]) => field !== "")));
      assert.equal(end.status, 200, end.text);
      assert.equal(seen(end).user.sub, foreigner.sub);
    });
  }

  it("asks for single claims, and gets those", async () => {
    const { user, authTime } = seen(await open(newBrowser(), "single-claims"));
    assert.equal(user.email, foreigner.email);
    assert.equal(user.name, undefined);
    assert.ok(authTime !== undefined && Math.abs(Date.now() - authTime) < 60_000);
  });

  it("a page that needs a fresh proof lets through who has just given one to the provider", async () => {
    const browser = newBrowser();
    await open(browser, "signed-answer");
    const page = await browser.open(`${app.origin}/recent`);
    assert.equal(page.status, 200, page.text);
    assert.equal(authorizationOf(page).get("max_age"), "3600");
    assert.ok(seen(page).authTime);
  });

  it("who signs out at the provider is signed out here too, at once and in this session only (Back-Channel Logout)", async () => {
    const elsewhere = newBrowser();
    await open(elsewhere, "told");
    const browser = newBrowser();
    await open(browser, "told");
    // One session at the provider, two applications: here they share a host, so the second has cookies of its own.
    const session = [...browser.cookies("localhost")].filter(([name]) => name.startsWith("_session"));
    const there = session.map(([name, value]) => ({ name, value }));
    const lasting = { host: "localhost", path: "/", expires: Date.now() + 600_000 };
    const second = createBrowser(
      [app.origin, provider.issuer],
      there.map((one) => ({ ...one, ...lasting })),
    );
    await open(second, "told-too");
    assert.equal(await statusOf(browser), 200);
    const asked = await second.open(`${app.origin}/leave`);

    const [form] = formsOf(asked.html);
    const xsrf = form?.controls.find(({ attributes }) => attributes.name === "xsrf")?.attributes.value ?? "";
    await second.post(form?.action ?? "", { xsrf, logout: "yes" });
    assert.equal(await statusOf(browser), 401, "the provider has told");
    assert.equal(await statusOf(elsewhere), 200, "another session at the provider goes on");
  });

  const statusOf = async (browser: FetchBrowser): Promise<number> =>
    (await browser.open(`${app.origin}/page`, { headers: { Accept: "application/json" } })).status;
});
