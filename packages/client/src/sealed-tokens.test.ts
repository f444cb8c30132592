/** What is in the store is of no use to whoever reads it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryStore } from "@valetkey/store/memory";
import { startIssuer } from "./lib/hostile-issuer.test.ts";
import { cookieOf, signedIn } from "./lib/signed-in.test.ts";
import { secret, startApp } from "./lib/test-app.test.ts";

test("tokens in the store are unreadable, and without the secret they ask for a new sign-in", async () => {
  await using issuer = await startIssuer();
  const store = memoryStore();
  await using app = await startApp(issuer.url, { store });
  const { browser } = await signedIn(app);
  const kept = JSON.stringify([await store.list("app-tokens", {}), await store.list("app-session", {})]);
  for (const token of issuer.live.keys()) assert.ok(!kept.includes(token));
  const handle = browser.cookies.get("vk_app") ?? "";
  assert.ok(!kept.includes(handle.slice(-38)));
  const request = new Request(app.url, { headers: { Cookie: cookieOf(browser) } });
  await using stranger = await startApp(issuer.url, { store, secret: "another secret that is long enough too" });
  const auth = await stranger.oauth.session(request);
  await assert.rejects(async () => auth?.fetch("acme", `${issuer.url}/api`), { code: "sign_in_again" });
  await using rotated = await startApp(issuer.url, {
    store,
    secret: ["a new secret that is long enough as well", secret],
  });
  assert.equal((await (await rotated.oauth.session(request))?.fetch("acme", `${issuer.url}/api`))?.status, 200);
});

test("sealed tokens that were moved to another session do not open there", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const [one] = [await signedIn(app), await signedIn(app)];
  const [first, second] = await app.store.list("app-tokens", {});
  assert.ok(first && second);
  assert.ok(await app.store.commit([{ do: "replace", entry: { ...first, data: second.data } }]));
  await assert.rejects((await one.auth()).fetch("acme", `${issuer.url}/api`), { code: "sign_in_again" });
});
