/** Signing out: here, everywhere, at the issuer; and not because another site says so. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { StoreUnavailable } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";
import { Browser, startIssuer } from "./lib/hostile-issuer.test.ts";
import { startApp, type TestApp } from "./lib/test-app.test.ts";

async function signedIn(app: TestApp): Promise<Browser> {
  const browser = new Browser();
  assert.equal((await browser.follow(`${app.url}/me`)).status, 200);
  return browser;
}
const post = (
  browser: Browser,
  app: TestApp,
  form: Record<string, string> = {},
  headers: Record<string, string> = {},
) => browser.get(`${app.url}/auth/logout`, { method: "POST", body: new URLSearchParams(form), headers });

test("a form on the application's own page signs out here and revokes what was kept (RFC 7009)", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const browser = await signedIn(app);
  const former = browser.cookies.get("vk_app") ?? "";
  const answer = await post(browser, app, { returnTo: "/bye" }, { "Sec-Fetch-Site": "same-origin", Origin: "null" });
  assert.equal(answer.status, 303);
  assert.equal(answer.headers.get("location"), "/bye");
  assert.equal(browser.cookies.has("vk_app"), false);
  browser.cookies.set("vk_app", former);
  assert.equal((await browser.get(`${app.url}/me`)).status, 303, "the session is over on the server");
  assert.equal(issuer.revoked.length, 1);
  assert.deepEqual(await app.store.list("app-tokens", {}), []);
});

test("another site cannot sign a person out, nor can a link (CSRF)", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const browser = await signedIn(app);
  const strange: Record<string, string>[] = [
    { "Sec-Fetch-Site": "cross-site", Origin: app.url },
    { "Sec-Fetch-Site": "same-site" },
    { Origin: "https://evil.example" },
    { Origin: "null" },
    {},
  ];
  for (const headers of strange) {
    assert.equal((await post(browser, app, {}, headers)).status, 403, JSON.stringify(headers));
  }
  assert.equal((await browser.get(`${app.url}/auth/logout`)).status, 405);
  assert.equal((await browser.get(`${app.url}/me`)).status, 200);
  assert.equal((await post(browser, app, {}, { Origin: app.url })).status, 303);
});

test("provider=true leads on to the issuer with the ID token (RP-Initiated Logout §2)", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const browser = await signedIn(app);
  const answer = await post(browser, app, { provider: "true" }, { Origin: app.url });
  const { origin, pathname, searchParams } = new URL(answer.headers.get("location") ?? "");
  assert.equal(origin + pathname, `${issuer.url}/end-session`);
  assert.equal(searchParams.get("post_logout_redirect_uri"), `${app.url}/`);
  assert.equal(searchParams.get("client_id"), "app");
  assert.equal(searchParams.get("id_token_hint")?.split(".").length, 3);
  assert.equal((await browser.get(`${app.url}/me`)).status, 303);
});

test("an issuer that is down or offers no logout stops nobody from signing out here", async () => {
  await using issuer = await startIssuer();
  issuer.mischief = { discovery: ({ end_session_endpoint: _, revocation_endpoint: __, ...rest }) => rest };
  await using app = await startApp(issuer.url);
  const browser = await signedIn(app);
  const answer = await post(browser, app, { provider: "true" }, { Origin: app.url });
  assert.equal(answer.headers.get("location"), "/");
  assert.equal((await browser.get(`${app.url}/me`)).status, 303);

  await using second = await startApp(issuer.url);
  const other = await signedIn(second);
  await issuer[Symbol.asyncDispose]();
  assert.equal((await post(other, second, {}, { Origin: second.url })).status, 303);
  assert.equal((await other.get(`${second.url}/me`)).status, 303);
});

test("everywhere ends the person's sessions in all browsers, and nobody else's", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const [one, two] = [await signedIn(app), await signedIn(app)];
  issuer.mischief = {
    idToken: (claims) => ({ ...claims, sub: "bob" }),
    userinfo: (good) => ({ ...good, sub: "bob" }),
  };
  const bob = await signedIn(app);
  await post(one, app, { everywhere: "true" }, { Origin: app.url });
  assert.equal((await two.get(`${app.url}/me`)).status, 303);
  assert.equal((await bob.get(`${app.url}/me`)).status, 200);
});

test("a store that is down makes signing out fail visibly, and nobody counts as signed in or out (F-59, RP-26)", async () => {
  await using issuer = await startIssuer();
  let down = false;
  const good = memoryStore();
  const fail = () => Promise.reject(new StoreUnavailable("gone"));
  const store: typeof good = {
    ...good,
    get: (kind, id) => (down ? fail() : good.get(kind, id)),
    commit: (changes) => (down ? fail() : good.commit(changes)),
  };
  await using app = await startApp(issuer.url, { store });
  const browser = await signedIn(app);
  down = true;
  const answer = await post(browser, app, {}, { Origin: app.url });
  assert.equal(answer.status, 503);
  assert.ok(answer.headers.has("retry-after"));
  assert.equal((await browser.get(`${app.url}/me`)).status, 503);
  const fresh = new Browser();
  assert.equal((await fresh.follow(`${app.url}/auth/login`)).status, 503);
  assert.equal(fresh.cookies.has("vk_app"), false);
  down = false;
  assert.equal((await browser.get(`${app.url}/me`)).status, 200);
});

test("auth.signOut gives the redirect to answer with, and has ended the session already", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url, {
    act: async (auth) => (await auth.signOut({ provider: true })).status,
  });
  const browser = await signedIn(app);
  assert.equal(await (await browser.get(`${app.url}/act`)).json(), 303);
  assert.equal((await browser.get(`${app.url}/me`)).status, 303);
});
