/** Tokens that keep themselves alive: auth.fetch over HTTP, with refreshes that go well and badly. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { audienceOf } from "./lib/audience.ts";
import { startIssuer } from "./lib/hostile-issuer.test.ts";
import { refreshes, signedIn } from "./lib/signed-in.test.ts";
import { startApp } from "./lib/test-app.test.ts";

test("a live token is used as it is; an expired one is refreshed first (RFC 6749 §6)", async () => {
  await using issuer = await startIssuer();
  let now = Date.now();
  await using app = await startApp(issuer.url, { now: () => now });
  const { auth } = await signedIn(app);
  const first = await (await auth()).fetch("acme", `${issuer.url}/api`);
  assert.deepEqual(await first.json(), { resource: "" });
  assert.equal(refreshes(issuer).length, 0);
  now += 3600_000 - 29_000;
  issuer.live.clear();
  assert.equal((await (await auth()).fetch("acme", `${issuer.url}/api`)).status, 200);
  assert.equal(refreshes(issuer).length, 1);
  assert.equal((await (await auth()).fetch("acme", `${issuer.url}/api`)).status, 200);
  assert.equal(refreshes(issuer).length, 1, "the fresh token is kept");
  const [account] = await (await auth()).accounts();
  assert.equal(account?.expiresAt, now + 3600_000);
});

test("a hundred callers at once cause one refresh (RP-19)", async () => {
  await using issuer = await startIssuer();
  let now = Date.now();
  await using app = await startApp(issuer.url, { now: () => now });
  const { auth } = await signedIn(app);
  now += 7200_000;
  const signed = await auth();
  const answers = await Promise.all(Array.from({ length: 100 }, () => signed.fetch("acme", `${issuer.url}/api`)));
  assert.ok(answers.every(({ status }) => status === 200));
  assert.equal(refreshes(issuer).length, 1);
});

test("a token that the API calls invalid is replaced once, and the request sent again (RFC 6750 §3.1)", async () => {
  await using issuer = await startIssuer();
  await using app = await startApp(issuer.url);
  const { auth } = await signedIn(app);
  issuer.live.clear();
  const init = { method: "POST", body: "hello" };
  assert.equal((await (await auth()).fetch("acme", `${issuer.url}/api`, init)).status, 200);
  assert.equal(refreshes(issuer).length, 1);
  assert.equal(issuer.calls.length, 2);
  issuer.live.clear();
  issuer.mischief = { token: (good) => ({ ...good, access_token: "never-good" }) };
  assert.equal((await (await auth()).fetch("acme", `${issuer.url}/api`)).status, 401, "one time, not for ever");
  assert.equal(refreshes(issuer).length, 2);
});

test("each declared resource gets a token of its own (RFC 8707 §2.2)", async () => {
  await using issuer = await startIssuer();
  const resource = [`${issuer.url}/api/photos`, `${issuer.url}/api/mail`];
  await using app = await startApp(issuer.url, { provider: { resource } });
  const { auth } = await signedIn(app);
  const signed = await auth();
  const urls = [`${resource[0]}/1`, resource[1] ?? "", `${issuer.url}/api/other`, `${resource[0]}`];
  const answers = await Promise.all(urls.map((url) => signed.fetch("acme", url).then((answer) => answer.json())));
  assert.deepEqual(
    answers.map((answer) => (answer as { resource: string }).resource),
    [resource[0], resource[1], "", resource[0]],
  );
  assert.equal(refreshes(issuer).length, 2);
});

test("a token goes to the issuer and to declared resources, nowhere else (RFC 9700 §4.9)", async () => {
  await using issuer = await startIssuer();
  await using other = await startIssuer();
  const resource = [`${issuer.url}/api/v1`];
  await using app = await startApp(issuer.url, { provider: { resource } });
  const { auth } = await signedIn(app);
  const signed = await auth();
  for (const url of [`${other.url}/api`, "/api", "//evil.example", "http://evil.example/", "file:///etc/passwd"]) {
    await assert.rejects(signed.fetch("acme", url), { code: "url_not_allowed" }, url);
  }
  await assert.rejects(signed.fetch("other", `${issuer.url}/api`), { code: "not_connected" });
  assert.equal(other.calls.length, 0);
  const redirect = await signed.fetch("acme", `${issuer.url}/api/leave`);
  assert.equal(redirect.status, 302, "a redirect is handed back, not followed");
  assert.ok(!issuer.paths.includes("/elsewhere"));
});

test("no URL outside a resource is taken for one inside it, whatever its spelling", () => {
  const remote = {
    kind: "oidc",
    name: "acme",
    issuer: "https://id.example",
    resource: ["https://api.example/v1"],
  } as const;
  const allowed = (url: string) => {
    try {
      return audienceOf(remote, url);
    } catch {
      return undefined;
    }
  };
  assert.equal(allowed("https://api.example/v1/x?y#z")?.resource, "https://api.example/v1");
  for (const url of [
    "v10",
    "v1%2f..",
    "v1/..%2fadmin",
    "v1/..%5cadmin",
    "v1/%2e%2e/x",
    "v1/../v2",
    "v1%5c",
    "v1/..;/admin",
    "v1/..;x=y/admin",
    "v1/x/..;/../..;",
    "v1/.;/x",
    "v1/...",
    "",
    "V1",
  ]) {
    assert.equal(allowed(`https://api.example/${url}`), undefined, url);
  }
  for (const url of ["https://api.example.evil/v1", "https://api.example@evil/v1", "https://api.example:444/v1"]) {
    assert.equal(allowed(url), undefined, url);
  }
  fc.assert(
    fc.property(fc.webUrl({ withQueryParameters: true }), fc.string(), (url, tail) => {
      const found = allowed(url + tail) ?? allowed(`https://api.example/${tail}`);
      if (found === undefined) return;
      const { url: target, resource } = found;
      if (resource === "") assert.equal(target.origin, "https://id.example");
      else assert.ok(target.href === resource || /^https:\/\/api\.example\/v1([/?#]|$)/.test(target.href), target.href);
    }),
  );
});

test("invalid_grant ends the permission with its reason; nothing is asked again (RFC 6749 §5.2)", async () => {
  await using issuer = await startIssuer();
  let now = Date.now();
  await using app = await startApp(issuer.url, { now: () => now });
  const { auth } = await signedIn(app);
  now += 7200_000;
  issuer.mischief = { token: () => ({ error: "invalid_grant", error_description: "access was withdrawn" }) };
  const signed = await auth();
  for (let n = 0; n < 3; n++) {
    await assert.rejects(signed.fetch("acme", `${issuer.url}/api`), {
      code: "sign_in_again",
      message: /access was withdrawn/,
    });
  }
  assert.equal(refreshes(issuer).length, 1);
  assert.match((await signed.accounts())[0]?.signInAgain ?? "", /access was withdrawn/);
  assert.equal((await auth()).user.sub, "alice", "the session itself goes on");
});

test("an outage costs no token: 5xx, 429, resets and garbage are tried again later (F-58)", async () => {
  await using issuer = await startIssuer();
  let now = Date.now();
  await using app = await startApp(issuer.url, { now: () => now });
  const { auth } = await signedIn(app);
  now += 7200_000;
  const outages = [
    { status: 503, headers: { "Retry-After": "20" }, body: "" },
    { status: 429, body: '{"error":"invalid_grant"}' },
    { status: 500, body: '{"error":"invalid_grant"}' },
    "reset",
  ] as const;
  const signed = await auth();
  const before = refreshes(issuer).length;
  issuer.mischief = { token: () => outages[0] };
  await assert.rejects(signed.fetch("acme", `${issuer.url}/api`), { code: "issuer_unavailable", retryAfter: 20 });
  await assert.rejects(signed.fetch("acme", `${issuer.url}/api`), { code: "issuer_unavailable" });
  assert.equal(refreshes(issuer).length - before, 1, "Retry-After is honoured without asking");
  for (const outage of outages.slice(1)) {
    now += 61_000;
    issuer.mischief = { token: () => outage };
    await assert.rejects(signed.fetch("acme", `${issuer.url}/api`), { code: "issuer_unavailable" });
  }
  now += 61_000;
  issuer.mischief = { token: () => ({ status: 200, body: "<html>" }) };
  await assert.rejects(signed.fetch("acme", `${issuer.url}/api`), { code: "token_response_invalid" });
  issuer.mischief = {};
  const [account] = await signed.accounts();
  assert.equal(account?.signInAgain, undefined);
});

test("while the issuer is down a token that is due but not over is still used", async () => {
  await using issuer = await startIssuer();
  let now = Date.now();
  await using app = await startApp(issuer.url, { now: () => now });
  const { auth } = await signedIn(app);
  now += 3600_000 - 10_000;
  issuer.mischief = { token: () => ({ status: 503, body: "" }) };
  assert.equal((await (await auth()).fetch("acme", `${issuer.url}/api`)).status, 200);
  now += 11_000;
  await assert.rejects((await auth()).fetch("acme", `${issuer.url}/api`), { code: "issuer_unavailable" });
});

test("a refreshed ID token about somebody else ends the permission, also while keys are missing (OIDC Core §12.2)", async (t) => {
  for (const jwks of [undefined, () => ({ status: 500, body: "" })]) {
    await t.test(jwks === undefined ? "keys at hand" : "keys missing", async () => {
      await using issuer = await startIssuer();
      let now = Date.now();
      await using app = await startApp(issuer.url, { now: () => now });
      const { auth } = await signedIn(app);
      now += 7200_000;
      issuer.mischief = {
        idToken: (claims) => ({ ...claims, sub: "mallory", iat: now / 1000, exp: now / 1000 + 300 }),
        ...(jwks === undefined ? {} : { jwks }),
      };
      await assert.rejects((await auth()).fetch("acme", `${issuer.url}/api`), { code: "sign_in_again" });
      assert.equal(issuer.calls.length, 0);
    });
  }
});

test("missing keys and a wrong clock do not cost the rotated refresh token", async () => {
  await using issuer = await startIssuer();
  let now = Date.now();
  await using app = await startApp(issuer.url, { now: () => now });
  const { auth } = await signedIn(app);
  now += 7200_000;
  // The ID token is two hours old by the application's clock, and its keys are gone.
  issuer.mischief = { jwks: () => ({ status: 500, body: "" }) };
  assert.equal((await (await auth()).fetch("acme", `${issuer.url}/api`)).status, 200);
  now += 7200_000;
  assert.equal((await (await auth()).fetch("acme", `${issuer.url}/api`)).status, 200);
  assert.equal(refreshes(issuer).length, 2);
});

test("without a refresh token the end of the access token is the end", async () => {
  await using issuer = await startIssuer();
  let now = Date.now();
  issuer.mischief = { token: ({ refresh_token: _, ...good }) => good };
  const resource = [`${issuer.url}/api/photos`];
  await using app = await startApp(issuer.url, { now: () => now, provider: { resource } });
  const { auth } = await signedIn(app);
  const signed = await auth();
  await assert.rejects(signed.fetch("acme", `${resource[0]}/1`), { code: "no_refresh_token" });
  assert.equal((await signed.fetch("acme", `${issuer.url}/api`)).status, 200);
  issuer.live.clear();
  assert.equal((await signed.fetch("acme", `${issuer.url}/api`)).status, 401, "the refusal is the answer");
  now += 7200_000;
  await assert.rejects(signed.fetch("acme", `${issuer.url}/api`), { code: "sign_in_again" });
});
