/** A session that nobody got the cookie of is not left in the store. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Store, StoreUnavailable } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";
import { Browser, startIssuer } from "./lib/hostile-issuer.test.ts";
import { startApp } from "./lib/test-app.test.ts";
import { codeOf, stored } from "./lib/two-issuers.test.ts";

/** Starts a sign-in and gives the address the provider sends the browser back to. */
async function leave(browser: Browser, url: string): Promise<string> {
  const left = await browser.get(`${url}/auth/login/acme?returnTo=/me`);
  return (await browser.get(left.headers.get("location") ?? "")).headers.get("location") ?? "";
}

test("the same answer twice at once stores one session, and the browser holds that one", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const browser = new Browser();
  const back = await leave(browser, app.url);
  const answers = await Promise.all([browser.get(back), browser.get(back), browser.get(back)]);
  assert.deepEqual(
    answers.map(({ status, headers }) => [status, headers.get("location")]),
    answers.map(() => [303, "/me"]),
  );
  assert.deepEqual(
    answers.flatMap(({ headers }) => headers.getSetCookie().filter((one) => one.startsWith("vk_app="))).length,
    1,
  );
  assert.deepEqual(await stored(app), [1, 0, 0, 1]);
  assert.equal((await browser.get(`${app.url}/me`)).status, 200);
});

test("a browser that has left before its session was stored leaves none behind, and keeps its consent", async () => {
  await using issuer = await startIssuer();
  const entered = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  await using app = await startApp(issuer.url, {
    onSignIn: async () => {
      entered.resolve();
      await gone.promise;
    },
  });
  const browser = new Browser();
  const back = await leave(browser, app.url);
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const second = new AbortController();
  const first = app.oauth.handle(new Request(back, { headers: { cookie }, signal: second.signal }));
  await entered.promise;
  second.abort();
  gone.resolve();
  const answer = await first;
  assert.deepEqual([answer?.status, answer?.headers.get("location")], [303, "/me"]);
  assert.equal(
    answer?.headers.getSetCookie().some((one) => one.startsWith("vk_app=")),
    false,
  );
  assert.deepEqual(await stored(app), [0, 0, 0, 0]);
  assert.equal(issuer.revoked.length, 0, "revoking would end the permission the next sign-in builds on");
});

test("a store that fails after the session was stored, and is there again, keeps no session that nobody holds", async () => {
  await using issuer = await startIssuer();
  const memory = memoryStore();
  let down = true;
  const store: Store = {
    ...memory,
    async list(kind, filter) {
      if (down && kind === "app-ended") throw new StoreUnavailable("for a moment");
      return memory.list(kind, filter);
    },
  };
  await using app = await startApp(issuer.url, { store });
  const browser = new Browser();
  const page = await browser.get(await leave(browser, app.url));
  assert.deepEqual([page.status, await codeOf(page)], [503, "store_unavailable"]);
  assert.equal(browser.cookies.has("vk_app"), false);
  down = false;
  assert.deepEqual(await stored(app), [0, 0, 0, 0]);
});
