/** Sign-in from beginning to end over HTTP: the good way, and every way an issuer or a browser can go wrong. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { generateKey, signJwt } from "@valetkey/protocol/jose";
import { deriveHandle, readHandle } from "@valetkey/protocol/random";
import { memoryStore } from "@valetkey/store/memory";
import { createOAuth, oidc } from "./create-oauth.ts";
import { type Answer, Browser, type Mischief, sign, startIssuer } from "./lib/hostile-issuer.test.ts";
import { recordingLog, secret, startApp } from "./lib/test-app.test.ts";

test("a person signs in and comes back to where they were going, with a clean URL (OIDC Core §3.1)", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const browser = new Browser();
  const first = await browser.get(`${app.url}/me`);
  assert.equal(first.status, 303);
  assert.equal(first.headers.get("location"), "/auth/login?returnTo=%2Fme");
  const page = await browser.follow(`${app.url}/me`);
  assert.equal(page.url, `${app.url}/me`);
  const user = (await page.json()) as Record<string, unknown>;
  assert.equal(user.sub, "alice");
  assert.equal(user.email, "alice@example.test");
  assert.equal(user.email_verified, true);
  // What userinfo says about the ID token's own claims does not count.
  assert.equal((user.claims as Record<string, unknown>).iss, issuer.url);
  assert.deepEqual([...browser.cookies.keys()], ["vk_app"], "the transaction cookie is gone");
});

test("a program without a session gets 401, not a page (RFC 9110 §15.5.2)", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const answer = await fetch(`${app.url}/me`, { headers: { Accept: "application/json" } });
  assert.equal(answer.status, 401);
});

test("state, nonce and verifier are fresh for each sign-in and PKCE is S256 (RP-08)", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const browser = new Browser();
  const seen = new Set<string>();
  for (let n = 0; n < 3; n++) {
    const answer = await browser.get(`${app.url}/auth/login/acme`);
    const { searchParams } = new URL(answer.headers.get("location") ?? "");
    assert.equal(searchParams.get("code_challenge_method"), "S256");
    for (const name of ["state", "nonce", "code_challenge"]) seen.add(`${name} ${searchParams.get(name)}`);
    assert.match(searchParams.get("nonce") ?? "", /^[\w-]{43}$/);
  }
  assert.equal(seen.size, 9);
});

test("two tabs do not disturb each other, and old transactions are dropped (§ tabs)", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const browser = new Browser();
  const start = async (to: string) =>
    (await browser.get(`${app.url}/auth/login/acme?returnTo=${to}`)).headers.get("location") ?? "";
  const one = await start("/one");
  const two = await start("/two");
  assert.equal((await browser.follow(one)).url, `${app.url}/one`);
  assert.equal((await browser.follow(two)).url, `${app.url}/two`);
  for (let n = 0; n < 12; n++) await start("/many");
  assert.ok([...browser.cookies.keys()].filter((name) => name.startsWith("vk_tx_")).length <= 6);
  const header = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  assert.ok(header.length < 8192, `the cookies have ${header.length} bytes`);
});

test("cookies are HttpOnly and SameSite=Lax, and __Host- and Secure with https (SE-02)", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const browser = new Browser();
  await browser.follow(`${app.url}/me`);
  assert.ok(browser.received.length >= 3);
  for (const line of browser.received) {
    assert.match(line, /; HttpOnly/);
    assert.match(line, /; SameSite=Lax/);
    assert.doesNotMatch(line, /alice|Domain/);
  }
  await using secure = await startApp(issuer.url, { baseUrl: "https://app.example" });
  const answer = await fetch(`${secure.url}/auth/login/acme`, { redirect: "manual" });
  const [line = ""] = answer.headers.getSetCookie();
  assert.match(line, /^__Host-vk_tx_[^;]+; Path=\/; SameSite=Lax; Max-Age=14400; Secure; HttpOnly$/);
  const { searchParams } = new URL(answer.headers.get("location") ?? "");
  assert.equal(searchParams.get("redirect_uri"), "https://app.example/auth/callback/acme");
});

interface Refusal {
  readonly title: string;
  readonly code: string;
  readonly mischief: Mischief;
  /** Whether the code may have been sent to the token endpoint. */
  readonly exchanged: boolean;
}

const answered = (
  title: string,
  answer: (good: Record<string, unknown>) => Answer | object,
  code: string,
): Refusal => ({
  title: `token answer: ${title} (RP-09)`,
  code,
  mischief: { token: (good) => answer(good) as Answer },
  exchanged: true,
});
const claimed = (title: string, change: (claims: Record<string, unknown>) => object, code = "id_token_invalid") => ({
  title: `ID token: ${title} (RP-04)`,
  code,
  mischief: { idToken: change as (claims: Record<string, unknown>) => Record<string, unknown> },
  exchanged: true,
});
const told = (title: string, answer: (good: Record<string, unknown>) => Answer | object, code: string): Refusal => ({
  title: `userinfo: ${title} (RP-07)`,
  code,
  mischief: { userinfo: (good) => answer(good) as Answer },
  exchanged: true,
});
const back = (title: string, change: (parameters: URLSearchParams) => void, code: string): Refusal => ({
  title: `answer: ${title}`,
  code,
  mischief: { authorization: change },
  exchanged: false,
});
const without = (record: Record<string, unknown>, name: string) => {
  const { [name]: _, ...rest } = record;
  return rest;
};
const large = "x".repeat(5_000_000);

const refusals: readonly Refusal[] = [
  back("no state (RP-01)", (p) => p.delete("state"), "state_missing"),
  back("another state (RP-01)", (p) => p.set("state", "nonsense"), "transaction_missing"),
  back("a state changed at its end (RP-01)", (p) => p.set("state", flip(p.get("state"))), "state_mismatch"),
  back("a repeated state (RP-01)", (p) => p.append("state", "x"), "response_invalid"),
  back("a repeated code (RP-01)", (p) => p.append("code", "x"), "response_invalid"),
  back("no code", (p) => p.delete("code"), "response_invalid"),
  back("another issuer (RP-02)", (p) => p.set("iss", "https://evil.example"), "issuer_mismatch"),
  back("an issuer with a slash more (RP-02)", (p) => p.set("iss", `${p.get("iss")}/`), "issuer_mismatch"),
  back("no issuer though announced (RP-02)", (p) => p.delete("iss"), "issuer_missing"),
  back("access_denied", (p) => toError(p, "access_denied"), "access_denied"),
  back("server_error", (p) => toError(p, "server_error"), "authorization_refused"),
  answered("an error with 200", () => ({ status: 200, body: '{"error":"invalid_grant"}' }), "token_refused"),
  answered("invalid_client", () => ({ status: 401, body: '{"error":"invalid_client"}' }), "token_refused"),
  answered("HTML", () => ({ status: 200, body: "<html>" }), "token_response_invalid"),
  answered("nothing", () => ({ status: 200, body: "" }), "token_response_invalid"),
  answered("an array", () => ({ status: 200, body: "[]" }), "token_response_invalid"),
  answered("null", () => ({ status: 200, body: "null" }), "token_response_invalid"),
  answered("5 MB", () => ({ status: 200, body: JSON.stringify({ large }) }), "token_response_invalid"),
  answered("a redirect", () => ({ status: 307, headers: { Location: "/elsewhere" } }), "token_response_invalid"),
  answered("token_type mac", (good) => ({ ...good, token_type: "mac" }), "token_response_invalid"),
  answered("no token_type", (good) => without(good, "token_type"), "token_response_invalid"),
  answered("no access_token", (good) => without(good, "access_token"), "token_response_invalid"),
  answered("an access_token with a newline", (good) => ({ ...good, access_token: "a\nb" }), "token_response_invalid"),
  answered("expires_in -1", (good) => ({ ...good, expires_in: -1 }), "token_response_invalid"),
  answered("expires_in x", (good) => ({ ...good, expires_in: "x" }), "token_response_invalid"),
  answered("expires_in 1e99", (good) => ({ ...good, expires_in: 1e99 }), "token_response_invalid"),
  answered("no id_token", (good) => without(good, "id_token"), "id_token_missing"),
  answered("500", () => ({ status: 500, body: "oops" }), "issuer_unavailable"),
  answered("429", () => ({ status: 429, headers: { "Retry-After": "7" } }), "issuer_unavailable"),
  answered("a reset connection", () => "reset", "issuer_unavailable"),
  claimed("another issuer", (c) => ({ ...c, iss: "https://evil.example" })),
  claimed("no issuer", (c) => without(c, "iss")),
  claimed("another audience", (c) => ({ ...c, aud: "other" })),
  claimed("one audience more", (c) => ({ ...c, aud: ["app", "other"], azp: "app" })),
  claimed("another azp", (c) => ({ ...c, azp: "other" })),
  claimed("expired", (c) => ({ ...c, exp: Number(c.exp) - 900 }), "clock_skew"),
  claimed("from the future", (c) => ({ ...c, iat: Number(c.iat) + 600, exp: Number(c.exp) + 600 }), "clock_skew"),
  claimed("no iat", (c) => without(c, "iat")),
  claimed("no sub", (c) => without(c, "sub")),
  claimed("no exp", (c) => without(c, "exp")),
  claimed("no nonce (RP-05)", (c) => without(c, "nonce")),
  claimed("another nonce (RP-05)", (c) => ({ ...c, nonce: "other" })),
  claimed("another at_hash (RP-06)", (c) => ({ ...c, at_hash: "x" })),
  {
    title: "ID token: alg none (RP-04)",
    code: "id_token_invalid",
    mischief: { sign: (claims) => `${encode({ alg: "none" })}.${encode(claims)}.` },
    exchanged: true,
  },
  {
    title: "ID token: HS256 with the client secret (RP-04)",
    code: "id_token_invalid",
    mischief: { sign: (claims) => `${encode({ alg: "HS256" })}.${encode(claims)}.${encode({})}` },
    exchanged: true,
  },
  {
    title: "ID token: signed with a key that is not published (RP-04)",
    code: "id_token_invalid",
    mischief: { sign: async (claims, key) => sign(claims, { ...(await generateKey("ES256")), kid: key.kid }) },
    exchanged: true,
  },
  {
    title: "ID token: a published key of another algorithm (RP-04)",
    code: "id_token_invalid",
    mischief: {
      sign: async (claims) => {
        const key = await generateKey("EdDSA");
        return signJwt(claims, { key: key.privateJwk, alg: "EdDSA", kid: key.kid });
      },
    },
    exchanged: true,
  },
  told("another sub", (good) => ({ ...good, sub: "mallory" }), "userinfo_subject_mismatch"),
  told("no sub", (good) => without(good, "sub"), "userinfo_invalid"),
  told("an array", () => ({ status: 200, body: "[]" }), "userinfo_invalid"),
  told("HTML", () => ({ status: 200, body: "<html>" }), "userinfo_invalid"),
  told("5 MB", () => ({ status: 200, body: JSON.stringify({ large }) }), "userinfo_invalid"),
  told("403", () => ({ status: 403, body: "{}" }), "userinfo_invalid"),
  told("500", () => ({ status: 500, body: "" }), "issuer_unavailable"),
  {
    title: "keys: none can be had (RP-04)",
    code: "issuer_unavailable",
    mischief: { jwks: () => ({ status: 500, body: "" }) },
    exchanged: true,
  },
];

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const flip = (state: string | null): string => `${state?.slice(0, -1)}${state?.endsWith("A") ? "B" : "A"}`;
function toError(parameters: URLSearchParams, error: string): void {
  parameters.delete("code");
  parameters.set("error", error);
  parameters.set("error_description", "<b>not today</b>");
}

test("each way an answer can be wrong is refused with its own code, and nobody is signed in", async (t) => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  // The issuer is asked for its keys anew in each case: an application of its own has no memory of better days.
  for (const { title, code, mischief, exchanged } of refusals) {
    await t.test(title, async () => {
      await using own = await startApp(issuer.url);
      issuer.mischief = mischief;
      issuer.tokenRequests.length = 0;
      const browser = new Browser();
      const page = await browser.follow(`${own.url}/auth/login/acme?returnTo=/me`);
      const html = await page.text();
      assert.ok(html.includes(`<small>${code}, reference`), `expected ${code}, got ${html}`);
      assert.ok(page.status >= 400);
      assert.equal(page.headers.get("content-security-policy")?.startsWith("default-src 'none'"), true);
      assert.equal(page.headers.get("cache-control"), "no-store");
      assert.equal(page.headers.get("referrer-policy"), "no-referrer");
      assert.equal(browser.cookies.has("vk_app"), false, "no session");
      assert.equal(issuer.tokenRequests.length, exchanged ? 1 : 0, "the code is sent once or not at all");
      assert.doesNotMatch(html, /<b>/);
      assert.match(html, /href="\/auth\/login\/acme/);
      const known = JSON.stringify(own.lines);
      for (const form of issuer.tokenRequests)
        assert.ok(!known.includes(form.get("code") ?? "?"), "no code in the log");
    });
  }
  issuer.mischief = {};
  assert.equal((await new Browser().follow(`${app.url}/me`)).status, 200, "and the good way still works");
});

test("a denied request shows the reason the issuer gave, as text", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  issuer.mischief = { authorization: (parameters) => toError(parameters, "access_denied") };
  const html = await (await new Browser().follow(`${app.url}/auth/login`)).text();
  assert.match(html, /The reason given: access_denied: &lt;b&gt;not today&lt;\/b&gt;/);
});

test("an answer is taken once, and only in the browser that asked (RP-01)", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const browser = new Browser();
  const start = await browser.get(`${app.url}/auth/login/acme`);
  const authorized = await browser.get(start.headers.get("location") ?? "");
  const callback = authorized.headers.get("location") ?? "";
  const before = new Map(browser.cookies);

  const stranger = await new Browser().get(callback);
  assert.match(await stranger.text(), /transaction_missing/);
  assert.equal(issuer.tokenRequests.length, 0);

  assert.equal((await browser.get(callback)).status, 303);
  assert.match(await (await browser.get(callback)).text(), /transaction_used/);
  // With its cookie, as after a double click or from a thief of both: on to the page that was wanted, as nobody.
  browser.cookies.clear();
  for (const [name, value] of before) browser.cookies.set(name, value);
  const again = await browser.get(callback);
  assert.deepEqual([again.status, again.headers.get("location"), browser.cookies.size], [303, "/", 0]);
  assert.equal(issuer.tokenRequests.length, 1);
});

test("an answer belongs to the provider it was asked of, and to a time (RP-01)", async () => {
  await using issuer = await startIssuer();
  let now = Date.now();
  const { log } = recordingLog();
  const options = {
    issuer: issuer.url,
    client_id: "app",
    client_secret: "s",
    id_token_signed_response_alg: "ES256",
  } as const;
  const oauth = createOAuth({
    providers: [oidc("acme", options), oidc("other", options)],
    secret,
    store: memoryStore(),
    log,
    now: () => now,
  });
  const origin = "http://localhost";
  const startAt = async () => {
    const start = await oauth.handle(new Request(`${origin}/auth/login/acme`));
    const cookie = start?.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    const back = await fetch(start?.headers.get("location") ?? "", { redirect: "manual" });
    return { cookie, callback: back.headers.get("location") ?? "" };
  };
  const answer = async (url: string, cookie: string) =>
    (await oauth.handle(new Request(url, { headers: { cookie } })))?.text() ?? "";
  const one = await startAt();
  const elsewhere = await answer(one.callback.replace("/callback/acme", "/callback/other"), one.cookie);
  assert.match(elsewhere, /state_mismatch/);
  const two = await startAt();
  now += 15 * 60_000;
  assert.match(await answer(two.callback, two.cookie), /transaction_missing/);
  assert.equal(issuer.tokenRequests.length, 0);
});

test("a session of a provider that was taken out of the configuration is over", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const browser = new Browser();
  await browser.follow(`${app.url}/me`);
  const { log } = recordingLog();
  const other = oidc("other", { issuer: issuer.url, client_id: "app", client_secret: "s" });
  const oauth = createOAuth({ providers: [other], secret, store: app.store, log });
  const cookie = `vk_app=${browser.cookies.get("vk_app")}`;
  assert.ok(await app.oauth.session(new Request(app.url, { headers: { cookie } })));
  assert.equal(await oauth.session(new Request(app.url, { headers: { cookie } })), null);
});

test("signing in again makes a new session and ends the former one (session fixation)", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const browser = new Browser();
  await browser.follow(`${app.url}/me`);
  const former = browser.cookies.get("vk_app") ?? "";
  await browser.follow(`${app.url}/auth/login`);
  assert.notEqual(browser.cookies.get("vk_app"), former);
  const old = new Browser();
  old.cookies.set("vk_app", former);
  assert.equal((await old.get(`${app.url}/me`)).status, 303);
  assert.equal(
    issuer.revoked.length,
    0,
    "where one consent carries all tokens, revoking the old ones would end the new ones",
  );
  issuer.mischief.idToken = (claims) => ({ ...claims, sub: "bob" });
  issuer.mischief.userinfo = (good) => ({ ...good, sub: "bob" });
  assert.equal((await browser.follow(`${app.url}/auth/login`)).status, 200);
  assert.equal(issuer.revoked.length, 1, "the tokens of somebody else are revoked");
});

test("a forged or changed session cookie is nobody's", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const browser = new Browser();
  await browser.follow(`${app.url}/me`);
  const good = browser.cookies.get("vk_app") ?? "";
  // The right id under another secret, well-formed to the last digit.
  const guessed = await deriveHandle("app", readHandle(good, "app")?.id ?? "", "a guess", "a guess");
  for (const bad of [guessed.handle, flip(good), good.slice(0, -7), `${good}x`, "", "vk_app_", "null"]) {
    browser.cookies.set("vk_app", bad);
    assert.equal((await browser.get(`${app.url}/me`)).status, 303, bad);
  }
});
