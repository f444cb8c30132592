/** The issuer says that somebody signed out there: which sessions end, and by whose word. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { generateKey, signJwt } from "@valetkey/protocol/jose";
import { Browser, type HostileIssuer, startIssuer } from "./lib/hostile-issuer.test.ts";
import { startApp, type TestApp } from "./lib/test-app.test.ts";

const event = { "http://schemas.openid.net/event/backchannel-logout": {} };
type Claims = Record<string, unknown>;

/** Makes a logout token as a good issuer would, but for what is changed. */
async function logoutToken(
  issuer: HostileIssuer,
  claims: Claims,
  header: { typ?: string; key?: HostileIssuer["key"] } = {},
) {
  const { kid, privateJwk } = header.key ?? issuer.key;
  const now = Math.floor(Date.now() / 1000);
  const all = { iss: issuer.url, aud: "app", iat: now, exp: now + 120, jti: randomUUID(), events: event, ...claims };
  const typ = header.typ ?? "logout+jwt";
  return signJwt(all, { key: privateJwk, alg: "ES256", kid, ...(typ === "" ? {} : { typ }) });
}

const send = (app: TestApp, logout_token: string, name = "acme"): Promise<Response> =>
  fetch(`${app.url}/auth/backchannel-logout/${name}`, { method: "POST", body: new URLSearchParams({ logout_token }) });

/** Signs somebody in; the issuer calls its own session `sid`. */
async function signedIn(issuer: HostileIssuer, app: TestApp, sid?: string, sub = "alice"): Promise<Browser> {
  issuer.mischief.idToken = (claims) => ({ ...claims, sub, ...(sid === undefined ? {} : { sid }) });
  issuer.mischief.userinfo = (good) => ({ ...good, sub });
  const browser = new Browser();
  assert.equal((await browser.follow(`${app.url}/me`)).status, 200);
  return browser;
}
const isIn = async (browser: Browser, app: TestApp) => (await browser.get(`${app.url}/me`)).status === 200;

test("a logout token ends the one session it names, with its tokens, at once (Back-Channel Logout §2.5)", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const one = await signedIn(issuer, app, "s1");
  const two = await signedIn(issuer, app, "s2");
  const answer = await send(app, await logoutToken(issuer, { sid: "s1" }));
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("cache-control"), "no-store");
  assert.equal(await isIn(one, app), false);
  assert.equal(await isIn(two, app), true);
  assert.equal((await app.store.list("app-tokens", {})).length, 1, "the tokens went with the session");
  assert.equal(issuer.revoked.length, 0, "what the issuer ended it need not be told");
});

test("by subject all sessions of the person end, and nobody else's", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const alice = [await signedIn(issuer, app, "s1"), await signedIn(issuer, app)];
  const bob = await signedIn(issuer, app, "s3", "bob");
  assert.equal((await send(app, await logoutToken(issuer, { sub: "alice" }))).status, 200);
  for (const browser of alice) assert.equal(await isIn(browser, app), false);
  assert.equal(await isIn(bob, app), true);
});

test("by subject and session: that session, and those whose session the issuer never named", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const [s1, s2, none] = [
    await signedIn(issuer, app, "s1"),
    await signedIn(issuer, app, "s2"),
    await signedIn(issuer, app),
  ];
  assert.equal((await send(app, await logoutToken(issuer, { sub: "alice", sid: "s1" }))).status, 200);
  assert.deepEqual([await isIn(s1, app), await isIn(s2, app), await isIn(none, app)], [false, true, false]);
  const bob = await signedIn(issuer, app, "s4", "bob");
  assert.equal((await send(app, await logoutToken(issuer, { sub: "alice", sid: "s4" }))).status, 200);
  assert.equal(await isIn(bob, app), true, "the session is not that person's");
});

test("what is no logout token of this issuer for this client ends nothing (Back-Channel Logout §2.6)", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const browser = await signedIn(issuer, app, "s1");
  const now = Math.floor(Date.now() / 1000);
  const foreign = { ...(await generateKey("ES256")), kid: issuer.key.kid };
  const bad: [string, Claims, { typ?: string; key?: HostileIssuer["key"] }?][] = [
    ["another issuer", { iss: "https://evil.example" }],
    ["another audience", { aud: "other" }],
    ["expired", { exp: now - 300 }],
    ["no exp", { exp: undefined }],
    ["from the future", { iat: now + 600 }],
    ["no iat", { iat: undefined }],
    ["no jti", { jti: undefined }],
    ["no events", { events: undefined }],
    ["another event", { events: { "https://other": {} } }],
    ["events as a list", { events: ["http://schemas.openid.net/event/backchannel-logout"] }],
    ["an event that is no object", { events: { "http://schemas.openid.net/event/backchannel-logout": true } }],
    ["a nonce, as ID tokens have", { nonce: "n" }],
    ["neither sub nor sid", { sid: undefined }],
    ["a sid that is a number", { sid: 1 }],
    ["an access token", {}, { typ: "at+jwt" }],
    ["another key", {}, { key: foreign }],
  ];
  for (const [what, claims, header] of bad) {
    const answer = await send(app, await logoutToken(issuer, { sid: "s1", ...claims }, header));
    assert.equal(answer.status, 400, what);
    assert.equal(((await answer.json()) as Claims).error, "invalid_request", what);
  }
  const [head, body] = (await logoutToken(issuer, { sid: "s1" })).split(".");
  const none = Buffer.from(JSON.stringify({ alg: "none" })).toString("base64url");
  for (const token of [`${head}.${body}.`, `${none}.${body}.`, "", "x", "a.b.c"])
    assert.equal((await send(app, token)).status, 400);
  assert.equal((await send(app, await logoutToken(issuer, { sid: "s1" }), "nobody")).status, 400);
  assert.equal(await isIn(browser, app), true);
  assert.equal(
    (await send(app, await logoutToken(issuer, { sid: "s1" }, { typ: "" }))).status,
    200,
    "typ is only recommended",
  );
  assert.equal(await isIn(browser, app), false);
});

test("a logout token counts once: kept and sent again, it ends no later session", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  await signedIn(issuer, app);
  const token = await logoutToken(issuer, { sub: "alice" });
  assert.equal((await send(app, token)).status, 200);
  const later = await signedIn(issuer, app);
  assert.equal((await send(app, token)).status, 400);
  assert.equal(await isIn(later, app), true);
});

test("while the keys cannot be had the issuer is told that it failed, and nothing is believed", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  issuer.mischief.jwks = () => ({ status: 500 });
  const answer = await send(app, await logoutToken(issuer, { sid: "s1" }));
  assert.equal(answer.status, 400);
  assert.equal(((await answer.json()) as Claims).error, "server_error");
});

test("a frame in the issuer's page ends the session it names by iss and sid, and only with both (Front-Channel Logout §2, LO-08)", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const browser = await signedIn(issuer, app, "s1");
  const at = (query: Record<string, string>) =>
    `${app.url}/auth/frontchannel-logout/acme?${new URLSearchParams(query)}`;
  for (const query of [{}, { sid: "s1" }, { iss: issuer.url }, { iss: "https://evil.example", sid: "s1" }]) {
    assert.equal((await browser.get(at(query as Record<string, string>))).status, 400, JSON.stringify(query));
  }
  assert.equal((await fetch(at({ iss: issuer.url, sid: "s2" }))).status, 200);
  assert.equal(await isIn(browser, app), true);
  // As browsers do it: without our cookie.
  const framed = await fetch(at({ iss: issuer.url, sid: "s1" }));
  assert.equal(framed.status, 200);
  assert.match(framed.headers.get("content-security-policy") ?? "", new RegExp(`frame-ancestors ${issuer.url}`));
  assert.equal(framed.headers.get("x-frame-options"), null);
  assert.equal(await isIn(browser, app), false);
  assert.equal(issuer.revoked.length, 0, "nothing is revoked on the word of a URL");
});
