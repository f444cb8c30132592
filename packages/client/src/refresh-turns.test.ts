/** Refreshes take turns: several processes on one store, stores and issuers that fail, processes that died. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fetch } from "@valetkey/protocol/read-json";
import { StoreUnavailable } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";
import { startIssuer } from "./lib/hostile-issuer.test.ts";
import { cookieOf, refreshes, signedIn } from "./lib/signed-in.test.ts";
import { startApp, type TestApp } from "./lib/test-app.test.ts";

test("of two processes that refresh at once the one that comes late takes over what the first stored", async () => {
  await using issuer = await startIssuer();
  let now = Date.now();
  const store = memoryStore({ now: () => now });
  await using one = await startApp(issuer.url, { now: () => now, store });
  await using two = await startApp(issuer.url, { now: () => now, store });
  const { browser } = await signedIn(one);
  now += 7200_000;
  const at = async (app: TestApp) =>
    app.oauth.session(new Request(app.url, { headers: { Cookie: cookieOf(browser) } }));
  const both = await Promise.all([at(one), at(two)]);
  const answers = await Promise.all(both.map((auth) => auth?.fetch("acme", `${issuer.url}/api`)));
  // The issuer knows each refresh token once: the second is refused, sees that the store has moved on, and uses that.
  assert.deepEqual(
    answers.map((answer) => answer?.status),
    [200, 200],
  );
  assert.equal((await (await at(two))?.accounts())?.[0]?.signInAgain, undefined);
});

test("an answer in hand outweighs the note of a process that came late and was refused", async () => {
  await using issuer = await startIssuer();
  let now = Date.now();
  const store = memoryStore({ now: () => now });
  let late = false;
  const noting: Fetch = async (url, init) => {
    const response = await fetch(url, init);
    const [entry] = late && String(url).endsWith("/token") ? await store.list("app-tokens", {}) : [];
    if (entry === undefined) return response;
    const data = { ...(entry.data as Record<string, string>), again: "refused" };
    assert.ok(await store.commit([{ do: "replace", entry: { ...entry, data } }]));
    return response;
  };
  await using app = await startApp(issuer.url, { now: () => now, store, fetch: noting });
  const { auth } = await signedIn(app);
  now += 7200_000;
  late = true;
  const signed = await auth();
  assert.equal((await signed.fetch("acme", `${issuer.url}/api`)).status, 200);
  assert.equal((await signed.fetch("acme", `${issuer.url}/api`)).status, 200, "and the note is gone");
});

/** A store that fails while `broken` is above zero, and counts it down if `times` says so. */
function failingStore(now: () => number) {
  const good = memoryStore({ now });
  const state = { broken: 0, store: good };
  const commit: typeof good.commit = (changes) => {
    if (state.broken <= 0) return good.commit(changes);
    state.broken -= 1;
    return Promise.reject(new StoreUnavailable("full"));
  };
  state.store = { ...good, commit };
  return state;
}

test("while the store fails nothing is asked of the issuer, and nothing is lost (F-59)", async () => {
  await using issuer = await startIssuer();
  let now = Date.now();
  const failing = failingStore(() => now);
  await using app = await startApp(issuer.url, { now: () => now, store: failing.store });
  const { auth } = await signedIn(app);
  now += 7200_000;
  failing.broken = 1;
  await assert.rejects((await auth()).fetch("acme", `${issuer.url}/api`), StoreUnavailable);
  assert.equal(refreshes(issuer).length, 0);
  assert.equal((await (await auth()).fetch("acme", `${issuer.url}/api`)).status, 200);
});

test("a store that fails in mid-refresh for a moment costs nothing, for longer it is reported (F-57, RP-19)", async () => {
  await using issuer = await startIssuer();
  let now = Date.now();
  const failing = failingStore(() => now);
  let failures = 0;
  const breaking: Fetch = async (url, init) => {
    const response = await fetch(url, init);
    if (String(url).endsWith("/token")) failing.broken = failures;
    return response;
  };
  await using app = await startApp(issuer.url, { now: () => now, store: failing.store, fetch: breaking });
  const { auth } = await signedIn(app);
  now += 7200_000;
  failures = 2;
  assert.equal((await (await auth()).fetch("acme", `${issuer.url}/api`)).status, 200);
  now += 7200_000;
  failures = 1000;
  await assert.rejects((await auth()).fetch("acme", `${issuer.url}/api`), StoreUnavailable);
  failing.broken = 0;
  failures = 0;
  // The turn lapses. This issuer knows no grace: the old refresh token is over, and that is said, once and for all.
  now += 12_000;
  const sent = refreshes(issuer).length;
  for (let n = 0; n < 2; n++) {
    await assert.rejects((await auth()).fetch("acme", `${issuer.url}/api`), {
      code: "sign_in_again",
      message: /a refresh before this one was never finished/,
    });
  }
  assert.equal(refreshes(issuer).length - sent, 1);
  assert.equal((await auth()).user.sub, "alice", "the session itself goes on");
});

test("whoever has the turn is waited for, by its own clock or by ours, and then succeeded (F-57)", async () => {
  await using issuer = await startIssuer();
  let now = Date.now();
  const store = memoryStore({ now: () => now });
  await using app = await startApp(issuer.url, { now: () => now, store });
  const { auth } = await signedIn(app);
  now += 7200_000;
  const [entry] = await store.list("app-tokens", {});
  assert.ok(entry);
  const data = { ...(entry.data as Record<string, string>), lease: { owner: "dead", until: now + 12_000 } };
  assert.ok(await store.commit([{ do: "replace", entry: { ...entry, data } }]));
  const waiting = (await auth()).fetch("acme", `${issuer.url}/api`);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(refreshes(issuer).length, 0, "nobody asks while somebody else may be asking");
  now += 12_000;
  assert.equal((await waiting).status, 200);
  assert.equal(refreshes(issuer).length, 1);
});

test("an issuer that is down is left alone by the other processes too (F-58)", async () => {
  await using issuer = await startIssuer();
  let now = Date.now();
  const store = memoryStore({ now: () => now });
  await using one = await startApp(issuer.url, { now: () => now, store });
  await using two = await startApp(issuer.url, { now: () => now, store });
  const { auth, browser } = await signedIn(one);
  now += 7200_000;
  const headers = { "Retry-After": "20" };
  const asked: string[] = [];
  // Before it has looked at the refresh token: one that is down after it has rotated is for those with a window for retries.
  const down = (at: URL) =>
    at.pathname === "/token" && asked.push("down") ? { status: 503, headers, body: "" } : undefined;
  issuer.mischief = { route: down };
  await assert.rejects((await auth()).fetch("acme", `${issuer.url}/api`), { code: "issuer_unavailable" });
  const other = await two.oauth.session(new Request(two.url, { headers: { Cookie: cookieOf(browser) } }));
  assert.ok(other);
  await assert.rejects(other.fetch("acme", `${issuer.url}/api`), { code: "issuer_unavailable", retryAfter: 20 });
  assert.equal(asked.length, 1);
  now += 20_000;
  issuer.mischief = {};
  assert.equal((await other.fetch("acme", `${issuer.url}/api`)).status, 200, "the 503 cost no token");
});

test("whoever signs out while a refresh is under way leaves no refresh token behind (RFC 7009)", async () => {
  await using issuer = await startIssuer();
  let now = Date.now();
  const signedOut = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  let given: string | undefined;
  const slow: Fetch = async (url, init) => {
    const response = await fetch(url, init);
    if (!String(url).endsWith("/token") || now < Date.now() + 3600_000) return response;
    given = ((await response.clone().json()) as { refresh_token: string }).refresh_token;
    asked.resolve();
    await signedOut.promise;
    return response;
  };
  await using app = await startApp(issuer.url, { now: () => now, fetch: slow });
  const { auth } = await signedIn(app);
  now += 7200_000;
  const signed = await auth();
  const fetching = assert.rejects(signed.fetch("acme", `${issuer.url}/api`), { code: "sign_in_again" });
  await asked.promise;
  await signed.signOut();
  signedOut.resolve();
  await fetching;
  assert.ok(given !== undefined && issuer.revoked.includes(given));
});
