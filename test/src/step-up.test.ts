/**
 * Step-up authentication, the whole way: an API says that a sign-in is too old or too weak, the application asks for what it says, the
 * server asks the person, and the same request passes.
 *
 * RFC 9470 §3 (challenge), §4 (authorization request), §5 (authorization response), §6 (tokens); OpenID Connect Core §3.1.2.1.
 * Three processes' worth of our own code on one clock: `createServer`, `protectResource`, `createOAuth`.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttp, type Server as Http, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { after, describe, it } from "node:test";
import { createOAuth, oidc } from "@valetkey/client/create-oauth";
import { nodeHandler } from "@valetkey/provider/node";
import { protectResource } from "@valetkey/resource/node";
import { createServer, type ServerOptions } from "valetkey";
import { createBrowser, type PageOf } from "./lib/browser.ts";

const password = "correct horse battery 1";
const alice = { sub: "alice", claims: { name: "Alice" } };
const weak = "urn:test:password";
const strong = "urn:test:passkey";

const running: Http[] = [];
after(() => {
  for (const server of running) {
    server.close();
    server.closeAllConnections();
  }
});

async function listen(listener: RequestListener, host = "127.0.0.1"): Promise<string> {
  const server = createHttp(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  running.push(server);
  return `http://${host}:${(server.address() as AddressInfo).port}`;
}

/** A server, an API and an application, and somebody's browser. `host`: pages of the application that the server is part of. */
async function start(options: Partial<ServerOptions>, host?: RequestListener) {
  const clock = { ahead: 0 };
  const now = () => Date.now() + clock.ahead;
  let issued: RequestListener = (_request, response) => void response.end();
  let apiListener: RequestListener = issued;
  let appListener: RequestListener = issued;
  const issuer = await listen((request, response) => issued(request, response), "localhost");
  const api = await listen((request, response) => apiListener(request, response));
  const app = await listen((request, response) => appListener(request, response));

  const server = await createServer({
    issuer,
    accounts: {
      find: (sub) => (sub === "alice" ? alice : undefined),
      verify: async (name, given) =>
        name === "alice" && given === password ? { ok: true, subject: "alice" } : { ok: false },
    },
    now,
    scopes: { notes: "Read your notes" },
    resources: [{ resource: api, scopes: ["notes"], tokens: "at+jwt" }],
    ...options,
  });
  const { client, client_secret = "" } = await server.provider.clients.add(
    {
      client_name: "Notes",
      redirect_uris: [`${app}/auth/callback/acme`],
      grant_types: ["authorization_code", "refresh_token"],
    },
    { provenance: "admin", firstParty: true },
  );
  const answer = nodeHandler(server);
  issued = (request, response) => void answer(request, response, () => host?.(request, response) ?? response.end());

  const { requireOAuth } = protectResource({ issuer, audience: api, now, clockTolerance: 0 });
  const routes: Readonly<Record<string, ReturnType<typeof requireOAuth>>> = {
    "/any": requireOAuth("notes"),
    "/recent": requireOAuth("notes", { maxAge: "10m" }),
    "/strong": requireOAuth("notes", { acr: strong }),
    "/both": requireOAuth("notes", { acr: [strong], maxAge: "10m" }),
  };
  const challenges: string[] = [];
  apiListener = (request, response) => {
    response.on("finish", () => {
      const challenge = response.getHeader("www-authenticate");
      if (challenge !== undefined) challenges.push(String(challenge));
    });
    void routes[request.url ?? ""]?.(request, response, () => response.end(`notes of ${request.url}`));
  };

  const oauth = createOAuth({
    providers: [
      oidc("acme", { issuer, client_id: client.client_id, client_secret, scope: "openid notes", resource: [api] }),
    ],
    baseUrl: app,
    secret: "the secret of an application that steps up",
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    now,
    clockTolerance: 0,
  });
  const page = async (request: Request): Promise<Response> => {
    const handled = await oauth.handle(request);
    if (handled !== undefined) return handled;
    const auth = await oauth.session(request);
    const refusal = oauth.guard(request, auth);
    if (auth === null || refusal !== undefined) return refusal ?? new Response(null, { status: 500 });
    const told = await auth.fetch("acme", api + new URL(request.url).pathname);
    return (await auth.needStepUp("acme", told)) ?? new Response(await told.text(), { status: told.status });
  };
  const toApp = nodeHandler({ handle: page, issuer: app });
  appListener = (request, response) => void toApp(request, response, () => response.end());

  return { issuer, app, clock, challenges, browser: createBrowser([issuer, app]) };
}

describe("an API that wants a sign-in of a moment ago (RFC 9470)", () => {
  it("gets one: its max_age goes all the way, the person is asked for their password again, and the page is there", async () => {
    const { app, clock, challenges, browser } = await start({ acrs: [weak] });
    const prove = (page: PageOf) => browser.press(page, "submit", { username: "alice", password });
    const first = await prove(await browser.open(`${app}/recent`));
    assert.equal(first.text, "notes of /recent");
    clock.ahead = 11 * 60_000;
    assert.equal((await browser.open(`${app}/any`)).text, "notes of /any", "other routes are content");
    const asked = await browser.open(`${app}/recent`);
    assert.equal(asked.url.pathname, "/login", asked.text);
    const request = asked.trail.map(({ url }) => new URL(url)).find(({ pathname }) => pathname === "/authorize");
    assert.equal(request?.searchParams.get("max_age"), "600");
    assert.equal(request?.searchParams.get("acr_values"), null);
    const [challenge = ""] = challenges.slice(-1);
    assert.match(challenge, /error="insufficient_user_authentication"/);
    assert.match(challenge, /max_age="600"/);
    const back = await prove(asked);
    assert.equal(back.url.href, `${app}/recent`);
    assert.equal(back.text, "notes of /recent");
  });
});

describe("an API that wants another kind of sign-in (RFC 9470)", () => {
  /** The application the server is part of signs people in, weakly or strongly. */
  function host(can: readonly string[]) {
    const wanted: (string | null)[] = [];
    const session = (request: Request) => {
      const [, acr, at] = /host=([^|;]+)\|(\d+)/.exec(request.headers.get("cookie") ?? "") ?? [];
      return acr === undefined ? undefined : { subject: "alice", acr, amr: ["pwd"], auth_time: Number(at) };
    };
    const pages: RequestListener = (request, response) => {
      const url = new URL(request.url ?? "", "http://localhost");
      const acr_values = url.searchParams.get("acr_values");
      wanted.push(acr_values);
      const acr = acr_values?.split(" ").find((one) => can.includes(one)) ?? weak;
      response.writeHead(303, {
        "set-cookie": `host=${acr}|${Math.floor(Date.now() / 1000)}; Path=/`,
        location: url.searchParams.get("returnTo") ?? "/",
      });
      response.end();
    };
    return { wanted, pages, options: { session, loginUrl: "/sign-in", acrs: [weak, strong] } };
  }

  it("gets it: acr_values goes all the way to where people sign in, and acr comes back in the access token", async () => {
    const { wanted, pages, options } = host([weak, strong]);
    const { app, challenges, browser } = await start(options, pages);
    assert.equal((await browser.open(`${app}/any`)).text, "notes of /any");
    assert.deepEqual(wanted, [null]);
    for (const path of ["/strong", "/both"]) {
      const passed = await browser.open(`${app}${path}`);
      assert.equal(passed.text, `notes of ${path}`);
    }
    assert.deepEqual(wanted, [null, strong], "asked once: the stronger sign-in counts for both");
    assert.equal(challenges.length, 1);
    assert.match(challenges[0] ?? "", new RegExp(`acr_values="${strong}"`));
  });

  it("that cannot be had is said, and nobody goes round in circles", async () => {
    const { wanted, pages, options } = host([weak]);
    const { app, browser } = await start(options, pages);
    await browser.open(`${app}/any`);
    const refused = await browser.open(`${app}/strong`);
    assert.equal(refused.status, 502, refused.text);
    assert.match(refused.text, /id_token_invalid|unmet_authentication_requirements/);
    assert.equal(wanted.length, 2);
    assert.equal((await browser.open(`${app}/any`)).text, "notes of /any", "still signed in as before");
  });
});
