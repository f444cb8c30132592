/** A sign-in has an answer in time, whatever the provider does to it (F-24). Only `setTimeout` is wound on by hand. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryStore } from "@valetkey/store/memory";
import { createOAuth, oidc } from "./create-oauth.ts";
import { type Answer, openId, registered } from "./lib/stand-in.test.ts";
import { recordingLog } from "./lib/test-app.test.ts";

const app = "https://app.example";
const issuer = "https://id.example";
const at = (path: string) => `${issuer}/${path}`;

/** What an address does instead of answering: never, or once somebody says so. */
type Slow = Promise<unknown>;
const never: Slow = new Promise(() => undefined);

/** An application whose provider is as slow as the map says, and what it was asked for, to be awaited. */
function slowProvider() {
  const { log, lines } = recordingLog();
  const slow = new Map<string, Slow>();
  const waiting = new Map<string, () => void>();
  const aborted: string[] = [];
  let authorization = new URLSearchParams();
  const answers: Record<string, Answer> = openId(issuer, { sub: "alice" }, { userinfo: { sub: "alice" } });
  const oauth = createOAuth({
    providers: [oidc("acme", { issuer, ...registered })],
    baseUrl: app,
    secret: "a secret for tests that is long enough",
    store: memoryStore(),
    log,
    async fetch(url, init = {}) {
      const { signal } = init;
      const address = String(url);
      waiting.get(address)?.();
      const cut = new Promise<never>((_, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason));
      });
      await Promise.race([slow.get(address), cut]).catch((e: unknown) => {
        aborted.push(address);
        throw e;
      });
      const answer = answers[`${init.method ?? "GET"} ${address}`];
      const asked = { headers: new Headers(init.headers), body: "", form: new URLSearchParams(), authorization };
      return Response.json(typeof answer === "function" ? await answer(asked) : answer);
    },
  });
  return {
    lines,
    slow,
    aborted,
    /** Resolves when the address is asked. */
    asked: (address: string) => new Promise<void>((resolve) => waiting.set(address, resolve)),
    login: () => oauth.handle(new Request(`${app}/auth/login/acme`)),
    /** The request of a browser that has been at the provider and comes back. */
    async comeBack() {
      const start = await oauth.handle(new Request(`${app}/auth/login/acme`));
      authorization = new URL(start?.headers.get("location") ?? "").searchParams;
      const cookie =
        start?.headers
          .getSetCookie()
          .map((line) => line.split(";")[0])
          .join("; ") ?? "";
      const query = new URLSearchParams({ code: "c", state: authorization.get("state") ?? "" });
      return () => oauth.handle(new Request(`${app}/auth/callback/acme?${query}`, { headers: { cookie } }));
    },
  };
}

for (const path of ["token", "jwks", "userinfo"]) {
  test(`a ${path} endpoint that never answers ends the sign-in after 10 seconds (F-24)`, async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const provider = slowProvider();
    const callback = await provider.comeBack();
    provider.slow.set(at(path), never);
    const asked = provider.asked(at(path));
    let ended = false;
    const answer = callback().finally(() => {
      ended = true;
    });
    await asked;
    t.mock.timers.tick(9_999);
    await new Promise(setImmediate);
    assert.equal(ended, false);
    t.mock.timers.tick(1);
    const page = await answer;
    assert.equal(page?.status, 503);
    assert.ok(page?.headers.get("retry-after"));
    assert.match((await page?.text()) ?? "", /issuer_unavailable/);
    assert.match(provider.lines.at(-1)?.message ?? "", /in time/);
  });
}

test("the limit is for all requests together: what the first one took is gone (F-24)", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const provider = slowProvider();
  const callback = await provider.comeBack();
  const { promise, resolve } = Promise.withResolvers<void>();
  provider.slow.set(at("token"), promise);
  provider.slow.set(at("userinfo"), never);
  const token = provider.asked(at("token"));
  const userinfo = provider.asked(at("userinfo"));
  const answer = callback();
  await token;
  t.mock.timers.tick(6_000);
  resolve();
  await userinfo;
  t.mock.timers.tick(4_000);
  assert.equal((await answer)?.status, 503);
  assert.deepEqual(provider.aborted, [at("userinfo")]);
});

test("discovery that hangs ends the start of a sign-in after 10 seconds, and is not cut off for others (F-24, F-25)", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const provider = slowProvider();
  const document = at(".well-known/openid-configuration");
  const { promise, resolve } = Promise.withResolvers<void>();
  provider.slow.set(document, promise);
  const asked = provider.asked(document);
  const first = provider.login();
  await asked;
  t.mock.timers.tick(9_000);
  const second = provider.login();
  await new Promise(setImmediate);
  t.mock.timers.tick(1_000);
  assert.equal((await first)?.status, 503);
  resolve();
  // Whoever came later has their own ten seconds, and the answer the first one did not wait for.
  assert.equal((await second)?.status, 303);
  assert.deepEqual(provider.aborted, []);
});

test("a sign-in that is over leaves no timer behind", async (t) => {
  const provider = slowProvider();
  const callback = await provider.comeBack();
  const set = t.mock.method(globalThis, "setTimeout");
  const cleared = t.mock.method(globalThis, "clearTimeout");
  assert.equal((await callback())?.status, 303);
  assert.equal(set.mock.callCount(), 1);
  assert.deepEqual(cleared.mock.calls[0]?.arguments, [set.mock.calls[0]?.result]);
});
