/**
 * SvelteKit: the hook and the guard by the signatures SvelteKit documents for `handle`, `redirect` and `error`. SvelteKit itself
 * is not started here but in test/src/frameworks.test.ts.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { StoreUnavailable } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";
import { createOAuth, oidc } from "./create-oauth.ts";
import { Browser, type HostileIssuer, startIssuer } from "./lib/hostile-issuer.test.ts";
import { recordingLog, secret } from "./lib/test-app.test.ts";
import { type KitEvent, type SignedLocals, valetkey } from "./sveltekit.ts";

const origin = "http://localhost:5173";

/** What SvelteKit's `redirect` and `error` throw. */
class Thrown {
  readonly status: number;
  readonly what: string;
  constructor(status: number, what: string) {
    this.status = status;
    this.what = what;
  }
}
const kit = {
  redirect: (status: number, location: string): never => {
    throw new Thrown(status, location);
  },
  error: (status: number, message: string): never => {
    throw new Thrown(status, message);
  },
};

type Event = KitEvent & { readonly locals: Partial<SignedLocals> };
const eventOf = (path: string, cookie = "", init: RequestInit & { isDataRequest?: boolean } = {}): Event => {
  const { isDataRequest = false, ...rest } = init;
  const headers = { accept: "text/html", cookie, ...(rest.headers as Record<string, string>) };
  const address = isDataRequest ? `${path}/__data.json` : path;
  const request = new Request(origin + address, { ...rest, headers });
  return { request, url: new URL(path, origin), locals: {}, isDataRequest };
};

async function start(issuer: HostileIssuer) {
  let now = Date.now();
  const credentials = { client_id: "app", client_secret: "s", id_token_signed_response_alg: "ES256" } as const;
  const providers = [oidc("acme", { issuer: issuer.url, ...credentials })];
  const clock = () => now;
  const store = memoryStore({ now: clock });
  const oauth = createOAuth({ providers, secret, store, now: clock, log: recordingLog().log });
  const { handle, requireUser } = valetkey(() => oauth, kit);
  const pass = async (event: Event, resolve: (event: Event) => unknown = () => "page"): Promise<unknown> => {
    let thrown: unknown;
    const answer = await handle({
      event,
      resolve: async (inner) => {
        try {
          return new Response(JSON.stringify(await resolve(inner)));
        } catch (e) {
          thrown = e;
          return new Response(null, { status: 500 });
        }
      },
    });
    return thrown ?? answer;
  };
  const signIn = async (): Promise<string> => {
    const leave = (await pass(eventOf("/auth/login/acme?returnTo=/me"))) as Response;
    const back = await new Browser().get(leave.headers.get("location") ?? "");
    const { pathname, search } = new URL(back.headers.get("location") ?? "");
    const cookie = leave.headers.getSetCookie()[0]?.split(";")[0];
    const signed = (await pass(eventOf(pathname + search, cookie))) as Response;
    return (
      signed.headers
        .getSetCookie()
        .find((line) => line.startsWith("vk_app="))
        ?.split(";")[0] ?? ""
    );
  };
  const later = (ms: number) => {
    now += ms;
  };
  return { pass, handle, requireUser, signIn, later };
}

test("the hook serves the routes and tells who is signed in", async () => {
  await using issuer = await startIssuer();
  const { pass, requireUser, signIn } = await start(issuer);
  const event = eventOf("/");
  await pass(event);
  assert.equal(event.locals.auth, null);
  const load = (one: Event) => requireUser(one).user.sub;
  assert.deepEqual(await pass(eventOf("/me?x=1"), load), new Thrown(303, "/auth/login?returnTo=%2Fme%3Fx%3D1"));
  const data = eventOf("/me", "", { isDataRequest: true, headers: { accept: "*/*" } });
  assert.deepEqual(await pass(data, load), new Thrown(303, "/auth/login?returnTo=%2Fme"), "navigation by script");
  const program = eventOf("/api", "", { headers: { accept: "application/json" } });
  assert.deepEqual(await pass(program, load), new Thrown(401, "sign in first"));
  const cookie = await signIn();
  assert.equal(await ((await pass(eventOf("/me", cookie), load)) as Response).json(), "alice");
});

test("a permission that has ended leads back to the sign-in; programs get 401", async () => {
  await using issuer = await startIssuer();
  const { pass, requireUser, signIn, later } = await start(issuer);
  const cookie = await signIn();
  later(7200_000);
  issuer.mischief = { token: () => ({ error: "invalid_grant" }) };
  const load = async (one: Event) => (await requireUser(one).fetch("acme", `${issuer.url}/api`)).status;
  const again = new Thrown(303, "/auth/login/acme?returnTo=%2Fphotos");
  assert.deepEqual(await pass(eventOf("/photos", cookie), load), again);
  const data = eventOf("/photos", cookie, { isDataRequest: true, headers: { accept: "*/*" } });
  assert.deepEqual(await pass(data, load), again);
  const program = eventOf("/photos", cookie, { headers: { accept: "application/json" } });
  assert.deepEqual(await pass(program, load), new Thrown(401, "sign in first"));
});

test("nobody is asked for while pages are made in advance, and an outage is a 503", async () => {
  const store = { ...memoryStore(), get: () => Promise.reject(new StoreUnavailable("gone", { retryAfter: 3 })) };
  const acme = oidc("acme", { issuer: "https://id.example", client_id: "app", client_secret: "s" });
  const baseUrl = "https://app.example";
  const oauth = createOAuth({ providers: [acme], secret, store, baseUrl, log: recordingLog().log });
  const { createHandle } = await import("@valetkey/protocol/random");
  const event = eventOf("/", `__Host-vk_app=${(await createHandle("app", Date.now())).handle}`);
  const resolve = () => new Response("page");
  assert.equal((await valetkey(oauth, kit).handle({ event, resolve })).status, 503);
  const missing = () => createOAuth({ providers: [oidc("nowhere", { issuer: "https://id.example" })] });
  const building = valetkey(missing, { ...kit, building: true });
  assert.equal((await building.handle({ event, resolve })).status, 200);
  assert.throws(() => building.requireUser(event), /cannot be prerendered/);
});

test("checkForms: forms from elsewhere stop there, and nothing else does", async () => {
  const acme = oidc("acme", { issuer: "https://id.example", client_id: "app", client_secret: "s" });
  const baseUrl = "https://app.example";
  const oauth = createOAuth({ providers: [acme], secret, store: memoryStore(), baseUrl, log: recordingLog().log });
  const { handle, checkForms } = valetkey(oauth, kit);
  const resolve = () => new Response("done");
  // As in sequence(handle, checkForms), and behind a proxy: SvelteKit believes it is on http.
  const send = async (path: string, headers: Record<string, string>, method = "POST") => {
    const request = new Request(`http://app.example${path}`, {
      method,
      headers,
      ...(method === "GET" ? {} : { body: "a=b" }),
    });
    const event = { request, url: new URL(request.url), locals: {} };
    return (await handle({ event, resolve: () => checkForms({ event, resolve }) })).status;
  };
  const form = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };
  const own = { origin: baseUrl };
  const foreign = { origin: "https://elsewhere.example" };
  const site = (value: string) => ({ "sec-fetch-site": value });
  for (const [expected, headers, method] of [
    [200, { ...form, ...own }],
    [200, { ...form, origin: "http://app.example" }],
    [200, { ...form, origin: "null", ...site("same-origin") }],
    [200, { ...foreign, "content-type": "application/json" }],
    [200, foreign, "GET"],
    [403, { ...form, ...foreign }],
    [403, { ...form, origin: "null" }],
    [403, form],
    [403, { ...foreign, "content-type": "" }],
    [403, { ...foreign, "content-type": "Text/Plain" }],
    [403, { ...foreign, "content-type": "multipart/form-data; boundary=x" }],
    [403, { ...form, ...own, ...site("cross-site") }],
    [403, { ...form, ...own, ...site("same-site") }],
    [403, { ...form, ...foreign }, "DELETE"],
  ] as const) {
    assert.equal(await send("/photos", headers, method), expected, JSON.stringify({ headers, method }));
  }
  assert.equal(await send("/auth/backchannel-logout/acme", form), 400, "an issuer names no origin");
  assert.equal(await send("/auth/logout", { ...form, ...foreign }), 403);
});

test("a form that an action refuses is answered with a page that leads back to it; what scripts send is SvelteKit's affair", async () => {
  await using issuer = await startIssuer();
  const { requireUser, handle, signIn, later } = await start(issuer);
  const act = async (event: Event, action: (event: Event) => unknown) =>
    handle({
      event,
      // As SvelteKit does with what an action throws.
      resolve: async (inner) => {
        const status = await Promise.resolve()
          .then(() => action(inner))
          .then(
            () => 200,
            (e: unknown) => (e instanceof Thrown ? e.status : 500),
          );
        return new Response("SvelteKit's own", { status, headers: { "Set-Cookie": "theme=dark" } });
      },
    });
  const form = (cookie = "", accept = "text/html") =>
    eventOf("/settings", cookie, { method: "POST", headers: { accept, referer: `${origin}/settings?tab=2` } });
  const save = (event: Event) => void requireUser(event);
  const nobody = await act(form(), save);
  assert.deepEqual([nobody.status, nobody.headers.getSetCookie()], [401, ["theme=dark"]]);
  assert.match(await nobody.text(), /href="\/auth\/login\?returnTo=%2Fsettings%3Ftab%3D2"/);
  const script = await act(form("", "application/json"), save);
  assert.deepEqual([script.status, await script.text()], [401, "SvelteKit's own"]);
  const caught = await act(form(), (event) => {
    try {
      save(event);
    } catch {
      // The application has an answer of its own.
    }
  });
  assert.deepEqual([caught.status, await caught.text()], [200, "SvelteKit's own"]);
  const cookie = await signIn();
  assert.equal((await act(form(cookie), save)).status, 200);
  later(7200_000);
  issuer.mischief = { token: () => ({ error: "invalid_grant" }) };
  const ended = await act(form(cookie), (event) => requireUser(event).fetch("acme", `${issuer.url}/api`));
  assert.equal(ended.status, 401);
  assert.match(await ended.text(), /href="\/auth\/login\/acme\?returnTo=%2Fsettings%3Ftab%3D2"/);
});
