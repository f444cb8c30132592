/**
 * A permission that the person took back at a provider of OAuth 1.0a: when a 401 means that, and when it does not.
 *
 * RFC 5849 §3.2, the OAuth Problem Reporting extension.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryStore } from "@valetkey/store/memory";
import { isClientError } from "./client-error.ts";
import { createOAuth } from "./create-oauth.ts";
import { recordingLog, secret } from "./lib/test-app.test.ts";
import { type OAuth1Options, oauth1 } from "./oauth1.ts";

const origin = "https://app.example";
const site = "https://bird.example";
const refusal = (problem = "", init: ResponseInit = {}) =>
  new Response(problem === "" ? "no" : `oauth_problem=${problem}`, { status: 401, ...init });
const me = () => Response.json({ id: 7 });

/** A provider that signs everybody in; then `api` answers for what is asked of it. */
async function signedIn(options: Partial<OAuth1Options> = {}) {
  const asked: { path: string; nonce: string }[] = [];
  const provider = {
    api: (path: string): Response | Promise<Response> => (path === "/me" ? me() : new Response("ok")),
  };
  const bird = oauth1("bird", {
    request_token_endpoint: `${site}/request`,
    authorization_endpoint: `${site}/authorize`,
    token_endpoint: `${site}/token`,
    api: `${site}/api`,
    client_id: "app",
    client_secret: "s",
    profile: async (api) => ({ id: String((await api.json("/me")).id), claims: {} }),
    ...options,
  });
  let clock = 0;
  const now = () => Date.now() + clock;
  const store = memoryStore({ now });
  const oauth = createOAuth({
    providers: [bird],
    baseUrl: origin,
    secret,
    store,
    now,
    log: recordingLog().log,
    fetch: async (url, init) => {
      const { pathname } = new URL(url);
      if (pathname === "/request")
        return new Response("oauth_token=t&oauth_token_secret=s&oauth_callback_confirmed=true");
      if (pathname === "/token") return new Response("oauth_token=at&oauth_token_secret=s2");
      const header = new Headers(init?.headers).get("authorization") ?? "";
      asked.push({ path: pathname.slice(4), nonce: /oauth_nonce="([^"]+)"/.exec(header)?.[1] ?? "" });
      return provider.api(pathname.slice(4));
    },
  });
  const cookies = (answer: Response | undefined) =>
    (answer?.headers.getSetCookie() ?? []).map((line) => line.split(";")[0]).join("; ");
  const left = await oauth.handle(new Request(`${origin}/auth/login/bird`));
  const back = `${origin}/auth/callback/bird?oauth_token=t&oauth_verifier=v`;
  const arrived = await oauth.handle(new Request(back, { headers: { cookie: cookies(left) } }));
  const request = new Request(`${origin}/page`, { headers: { cookie: cookies(arrived), accept: "text/html" } });
  const auth = await oauth.session(request);
  assert.ok(auth);
  asked.length = 0;
  return { auth, oauth, request, provider, asked, store, later: (ms: number) => (clock += ms) };
}

/** Calls the API; gives the status, or the code it failed with. */
const call = async ({ auth }: Awaited<ReturnType<typeof signedIn>>, path = "/photos") => {
  try {
    return (await auth.fetch("bird", path)).status;
  } catch (e) {
    return isClientError(e) ? e.code : e;
  }
};

test("a 401 to the call and to the question who the person is ends the permission, and signing in again mends it", async () => {
  for (const problem of ["", "token_rejected", "token_revoked", "token_expired"]) {
    const bird = await signedIn();
    bird.provider.api = () => refusal(problem);
    const thrown = await bird.auth.fetch("bird", "/photos").catch((e: unknown) => e);
    assert.ok(isClientError(thrown, "sign_in_again"), String(thrown));
    assert.deepEqual(
      bird.asked.map(({ path }) => path),
      ["/photos", "/me"],
    );
    assert.equal(new Set(bird.asked.map(({ nonce }) => nonce)).size, 2, "each with a nonce of its own");
    assert.match((await bird.auth.accounts())[0]?.signInAgain ?? "", /refused the token twice/);
    bird.later(60_000);
    const sent = await bird.oauth.recover(bird.request, thrown);
    assert.equal(sent?.headers.get("location"), "/auth/login/bird?returnTo=%2Fpage");
    bird.asked.length = 0;
    assert.equal(await call(bird), "sign_in_again");
    assert.equal(bird.asked.length, 0, "nobody is asked again with a token that has ended");
  }
});

test("a 401 that may mean something else is the answer, and the permission stays", async () => {
  const seldom = (path: string) => (path === "/me" ? me() : refusal());
  const date = new Date(Date.now() - 3600_000).toUTCString();
  const answers: Record<string, (path: string) => Response | Promise<Response>> = {
    "a resource that is closed to this person": seldom,
    "a resource that calls the token rejected, where the question who it is is answered": (path) =>
      path === "/me" ? me() : refusal("token_rejected"),
    "a wrong clock, said": () => refusal("timestamp_refused"),
    "a wrong clock, seen": () => refusal("", { headers: { date } }),
    "a nonce seen before": () => refusal("nonce_used"),
    "a signature": () => refusal("", { headers: { "WWW-Authenticate": 'OAuth oauth_problem="signature_invalid"' } }),
    "the application is blocked": () => refusal("consumer_key_rejected"),
    "not allowed": () => refusal("permission_denied"),
    "the provider fails meanwhile": (path) => (path === "/me" ? new Response(null, { status: 503 }) : refusal()),
    "the network fails meanwhile": (path) => (path === "/me" ? Promise.reject(new TypeError("reset")) : refusal()),
  };
  for (const [what, api] of Object.entries(answers)) {
    const bird = await signedIn();
    bird.provider.api = api;
    assert.equal(await call(bird), 401, what);
    assert.equal((await bird.auth.accounts())[0]?.signInAgain, undefined, what);
    bird.provider.api = () => new Response("ok");
    assert.equal(await call(bird), 200, what);
  }
});

test("a refusal that says why in words that are not about the token asks nobody", async () => {
  const bird = await signedIn();
  bird.provider.api = (path) => refusal(path === "/me" ? "" : "permission_denied");
  assert.equal(await call(bird), 401);
  assert.equal(bird.asked.length, 1);
});

test("the answer of a 401 is handed on unread, however long it is", async () => {
  const bird = await signedIn();
  const long = "x".repeat(300_000);
  bird.provider.api = (path) => (path === "/me" ? me() : new Response(long, { status: 401 }));
  const answer = await bird.auth.fetch("bird", "/photos");
  assert.equal(await answer.text(), long);
});

test("403 and 404 say nothing about the token: nobody is asked", async () => {
  const bird = await signedIn();
  for (const status of [403, 404, 500]) {
    bird.provider.api = () => new Response("token_rejected", { status });
    assert.equal(await call(bird), status);
  }
  assert.equal(bird.asked.length, 3);
});

test("where no question was asked at sign-in only the provider's own words count", async () => {
  const profile: OAuth1Options["profile"] = async () => ({ id: "7", claims: {} });
  for (const [problem, expected] of [
    ["", 401],
    ["token_revoked", "sign_in_again"],
  ] as const) {
    const bird = await signedIn({ profile });
    bird.provider.api = () => refusal(problem);
    assert.equal(await call(bird), expected);
  }
});

test("a refusal that comes after the person has signed in again does not end the new permission", async () => {
  const bird = await signedIn();
  const good = bird.store.commit;
  let raced = false;
  bird.store.commit = async (changes) => {
    const [change] = changes;
    if (!raced && change?.do === "replace" && change.entry.kind === "app-tokens") {
      raced = true;
      // Somebody else writes the entry between reading and noting.
      const found = await bird.store.get("app-tokens", change.entry.id);
      assert.ok(found);
      assert.ok(await good([{ do: "replace", entry: found }]));
    }
    return good(changes);
  };
  bird.provider.api = () => refusal("token_revoked");
  assert.equal(await call(bird), 401);
  assert.ok(raced);
  assert.equal((await bird.auth.accounts())[0]?.signInAgain, undefined);
});
