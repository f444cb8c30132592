/**
 * Next.js, app router: the exported functions by the signatures Next documents for route handlers, `headers()` and `redirect()`.
 * Next itself is not started here but in test/src/frameworks.test.ts.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { StoreUnavailable } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";
import { createOAuth, oidc } from "./create-oauth.ts";
import { Browser, type HostileIssuer, startIssuer } from "./lib/hostile-issuer.test.ts";
import { recordingLog, secret } from "./lib/test-app.test.ts";
import { type NextAuth, valetkey } from "./next.ts";

const origin = "http://localhost:3000";

/** What Next's `redirect` throws, as far as anybody may know. */
class Redirected extends Error {
  readonly url: string;
  constructor(url: string) {
    super("NEXT_REDIRECT");
    this.url = url;
  }
}

interface World extends NextAuth {
  /** The headers of the request that is being answered. */
  headers: Headers;
  readonly issuer: HostileIssuer;
  later(ms: number): void;
  signIn(): Promise<void>;
}

async function start(issuer: HostileIssuer): Promise<World> {
  let now = Date.now();
  const credentials = { client_id: "app", client_secret: "s", id_token_signed_response_alg: "ES256" } as const;
  const oauth = createOAuth({
    providers: [oidc("acme", { issuer: issuer.url, ...credentials })],
    secret,
    store: memoryStore({ now: () => now }),
    now: () => now,
    log: recordingLog().log,
  });
  const functions = valetkey(() => oauth, {
    headers: async () => world.headers,
    redirect: (url) => {
      throw new Redirected(url);
    },
  });
  const world: World = {
    ...functions,
    headers: new Headers({ host: "localhost:3000" }),
    issuer,
    later: (ms) => {
      now += ms;
    },
    async signIn() {
      const leave = await functions.GET(new Request(`${origin}/auth/login/acme?returnTo=/me`));
      const back = await new Browser().get(leave.headers.get("location") ?? "");
      const cookie = leave.headers.getSetCookie()[0]?.split(";")[0] ?? "";
      const signed = await functions.GET(new Request(back.headers.get("location") ?? "", { headers: { cookie } }));
      assert.equal(signed.headers.get("location"), "/me");
      const session = signed.headers.getSetCookie().find((line) => line.startsWith("vk_app=")) ?? "";
      world.headers.set("cookie", session.split(";")[0] ?? "");
    },
  };
  return world;
}

const redirected = async (run: Promise<unknown>): Promise<string> => {
  const e = await run.then(
    () => assert.fail("nothing was thrown"),
    (thrown: unknown) => thrown,
  );
  assert.ok(e instanceof Redirected, String(e));
  return e.url;
};

test("GET and POST are the route handler; pages ask who is signed in", async () => {
  await using issuer = await startIssuer();
  const world = await start(issuer);
  assert.equal(await world.auth(), null);
  assert.equal(await redirected(world.requireUser({ returnTo: "/me?x=1" })), "/auth/login?returnTo=%2Fme%3Fx%3D1");
  await world.signIn();
  assert.equal((await world.auth())?.user.name, "Alice");
  assert.equal((await world.requireUser({ returnTo: "/me" })).user.sub, "alice");
  // The issuer of this test does not say when she signed in: whoever wants to know asks again.
  assert.match(
    await redirected(world.requireUser({ returnTo: "/safe", maxAge: "10m" })),
    /^\/auth\/login\/acme\?.*max_age=600$/,
  );
  const headers = { cookie: world.headers.get("cookie") ?? "", origin };
  const out = await world.POST(
    new Request(`${origin}/auth/logout`, { method: "POST", headers, body: new URLSearchParams() }),
  );
  assert.equal(out.status, 303);
  assert.equal(await world.auth(), null);
  assert.equal((await world.GET(new Request(`${origin}/auth/nowhere`))).status, 404);
});

test("nothing is made before the first request: a build has no secrets", async () => {
  const missing = () => createOAuth({ providers: [oidc("nowhere", { issuer: "https://id.example" })] });
  const redirect = () => assert.fail();
  const building = valetkey(missing, { headers: () => Promise.reject(new Error("this page is dynamic")), redirect });
  await assert.rejects(building.auth(), /this page is dynamic/);
  await assert.rejects(building.requireUser(), /this page is dynamic/);
  const running = valetkey(missing, { headers: async () => new Headers(), redirect });
  await assert.rejects(running.auth(), { code: "configuration_invalid" });
});

test("route handlers and proxy.ts: guarded, and given who is signed in", async () => {
  await using issuer = await startIssuer();
  const world = await start(issuer);
  const handler = world.protect(async (_request, auth, { params }: { params: Promise<{ id: string }> }) =>
    Response.json({ sub: auth.user.sub, id: (await params).id }),
  );
  const context = { params: Promise.resolve({ id: "7" }) };
  const request = () => new Request(`${origin}/api/things/7`, { headers: world.headers });
  assert.equal((await handler(request(), context)).status, 401);
  assert.equal((await world.guard(request()))?.status, 401);
  await world.signIn();
  assert.deepEqual(await (await handler(request(), context)).json(), { sub: "alice", id: "7" });
  assert.equal(await world.guard(request()), undefined);
});

test("a permission that has ended leads back to the sign-in, from pages and from route handlers", async () => {
  await using issuer = await startIssuer();
  const world = await start(issuer);
  await world.signIn();
  world.later(7200_000);
  issuer.mischief = { token: () => ({ error: "invalid_grant" }) };
  const auth = await world.requireUser({ returnTo: "/photos" });
  assert.equal(await redirected(auth.fetch("acme", `${issuer.url}/api`)), "/auth/login/acme?returnTo=%2Fphotos");
  const handler = world.protect((_request, signed) => signed.fetch("acme", `${issuer.url}/api`));
  const answer = await handler(new Request(`${origin}/api/photos`, { headers: world.headers }), {});
  assert.deepEqual([answer.status, ((await answer.json()) as { error: string }).error], [401, "sign_in_again"]);
  const broken = world.protect(() => Promise.reject(new Error("a mistake of the application")));
  await assert.rejects(broken(new Request(origin, { headers: world.headers }), {}), /a mistake of the application/);
});

test("Next's router and server, which want the data of a page, are not sent to the provider", async () => {
  await using issuer = await startIssuer();
  const world = await start(issuer);
  const answer = await world.GET(new Request(`${origin}/auth/login/acme?returnTo=/me`, { headers: { rsc: "1" } }));
  assert.deepEqual([answer.status, answer.headers.get("location")], [204, null]);
  assert.deepEqual(answer.headers.getSetCookie(), [], "no sign-in was begun");
});

test("proxy.ts redirects to whole addresses, also people whom Next's router brings", async () => {
  await using issuer = await startIssuer();
  const world = await start(issuer);
  const login = `${origin}/auth/login?returnTo=%2Fphotos%3Fpage%3D2`;
  const ask = async (headers: Record<string, string>) => {
    const answer = await world.guard(new Request(`${origin}/photos?page=2`, { headers }));
    return [answer?.status, answer?.headers.get("location")];
  };
  assert.deepEqual(await ask({ accept: "text/html" }), [303, login]);
  assert.deepEqual(await ask({ accept: "*/*", "next-url": "/" }), [303, login]);
  assert.deepEqual(await ask({ accept: "*/*" }), [401, null]);
});

test("an OAuth that takes time is made once for all who ask, and again after it could not be made", async () => {
  let made = 0;
  const oauth = createOAuth({
    providers: [oidc("acme", { issuer: "https://id.example", client_id: "app", client_secret: "s" })],
    secret,
    store: memoryStore(),
    log: recordingLog().log,
  });
  const open = async () => {
    await Promise.resolve();
    if (made++ === 0) throw new StoreUnavailable("the database is starting", { retryAfter: 2 });
    return oauth;
  };
  const redirect = () => assert.fail();
  const { auth, GET } = valetkey(open, { headers: async () => new Headers({ host: "localhost:3000" }), redirect });
  const down = await Promise.all([GET(new Request(`${origin}/auth/login`)), GET(new Request(`${origin}/auth/login`))]);
  assert.deepEqual(
    down.map((answer) => [answer.status, answer.headers.get("retry-after")]),
    [
      [503, "2"],
      [503, "2"],
    ],
  );
  assert.deepEqual(await Promise.all([auth(), auth()]), [null, null]);
  assert.equal(made, 2);
});

test("a form is answered with a page by protect and guard, and a program with JSON; what Next's router fetches is no form", async () => {
  await using issuer = await startIssuer();
  const { protect, guard } = await start(issuer);
  const route = protect(async () => Response.json({}));
  const send = (headers: Record<string, string>) =>
    new Request(`${origin}/save`, { method: "POST", headers: { referer: `${origin}/settings`, ...headers } });
  const form = send({ accept: "text/html" });
  for (const answer of [await route(form, {}), await guard(form)]) {
    assert.equal(answer?.status, 401);
    assert.match((await answer?.text()) ?? "", /href="\/auth\/login\?returnTo=%2Fsettings"/);
  }
  for (const program of [send({ accept: "*/*" }), send({ accept: "text/x-component", "next-url": "/settings" })]) {
    const answer = await guard(program);
    assert.equal(answer?.status, 401);
    assert.match((await answer?.text()) ?? "", /^\{"error":"login_required"/);
  }
});
