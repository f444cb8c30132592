/**
 * SvelteKit: the hook and the guard by the signatures SvelteKit documents for `handle`, `redirect` and `error`. SvelteKit itself
 * is not started here.
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
  return { pass, requireUser, signIn, later };
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
  assert.equal((await valetkey(missing, { ...kit, building: true }).handle({ event, resolve })).status, 200);
});
