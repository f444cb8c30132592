/** What the provider says to those who start sign-ins does not stop those who are signed in. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryStore } from "@valetkey/store/memory";
import { ClientError } from "./client-error.ts";
import { createOAuth } from "./create-oauth.ts";
import { createBackOff } from "./lib/back-off.ts";
import { type Answer, Browser, startIssuer } from "./lib/hostile-issuer.test.ts";
import { refreshes, signedIn } from "./lib/signed-in.test.ts";
import { recordingLog, secret, startApp } from "./lib/test-app.test.ts";
import { oauth1 } from "./oauth1.ts";

const tooMany: Answer = { status: 429, headers: { "Retry-After": "30" }, body: "" };
const unavailable = new ClientError("issuer_unavailable", "x");

test("429 to pushed requests, which anybody can cause, leaves refreshes alone (RFC 6585 §4)", async () => {
  await using issuer = await startIssuer();
  const pushed = new Map<string, URLSearchParams>();
  let refused = 0;
  issuer.mischief = {
    discovery: (document) => ({
      ...document,
      pushed_authorization_request_endpoint: `${issuer.url}/par`,
      require_pushed_authorization_requests: true,
    }),
    route(at, form) {
      if (at.pathname === "/par") {
        const request_uri = `urn:${pushed.size}`;
        pushed.set(request_uri, form);
        return { status: 201, body: JSON.stringify({ request_uri, expires_in: 60 }) };
      }
      const kept = pushed.get(at.searchParams.get("request_uri") ?? "");
      return kept && { status: 303, headers: { Location: `${issuer.url}/authorize?${kept}` } };
    },
  };
  let now = Date.now();
  await using app = await startApp(issuer.url, { now: () => now });
  const { auth } = await signedIn(app);
  const { route } = issuer.mischief;
  issuer.mischief.route = (at, form) => {
    if (at.pathname !== "/par") return route?.(at, form);
    refused += 1;
    return tooMany;
  };
  now += 7200_000;
  const login = () => new Browser().get(`${app.url}/auth/login/acme`);
  for (const _ of [1, 2, 3]) assert.equal((await login()).status, 503);
  assert.equal(refused, 1, "it is left alone with sign-ins for as long as it says");
  assert.equal((await (await auth()).fetch("acme", `${issuer.url}/api`)).status, 200);
  assert.equal(refreshes(issuer).length, 1);
  assert.equal((await login()).status, 503);
  assert.equal(refused, 1, "and a refresh that went well does not end that");
});

test("a provider of OAuth 1.0a that has had enough is left alone too", async () => {
  let asked = 0;
  const oauth = createOAuth({
    providers: [
      oauth1("old", {
        client_id: "app",
        client_secret: "app secret",
        request_token_endpoint: "https://old.example/request",
        authorization_endpoint: "https://old.example/authorize",
        token_endpoint: "https://old.example/token",
        profile: async () => ({ id: "1", claims: {} }),
      }),
    ],
    baseUrl: "https://app.example",
    secret,
    store: memoryStore(),
    log: recordingLog().log,
    fetch: async () => {
      asked += 1;
      return new Response("", { status: 429, headers: { "Retry-After": "30" } });
    },
  });
  for (const _ of [1, 2, 3]) {
    const answer = await oauth.handle(new Request("https://app.example/auth/login/old"));
    assert.equal(answer?.status, 503);
    assert.ok(Number(answer?.headers.get("retry-after")) > 0);
  }
  assert.equal(asked, 1);
});

test("no more than so many requests are under way at once, and that is not the provider's fault", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const backOff = createBackOff("https://id.example", () => 0, 2);
  const first = [backOff.send(() => promise), backOff.send(() => promise)];
  await assert.rejects(
    backOff.send(async () => "third"),
    { code: "issuer_unavailable", retryAfter: 1 },
  );
  resolve("late");
  assert.deepEqual(await Promise.all(first), ["late", "late"]);
  assert.equal(await backOff.send(async () => "fourth"), "fourth");
});

test("each outage makes the wait longer, up to half a minute, and an answer ends it", () => {
  let now = 0;
  const backOff = createBackOff("https://id.example", () => now);
  const wait = () => {
    const from = now;
    for (; ; now += 100) {
      try {
        backOff.check();
        return now - from;
      } catch {
        // Not yet.
      }
    }
  };
  const waits = Array.from({ length: 12 }, () => {
    backOff.answered(unavailable);
    return wait();
  });
  assert.ok((waits[0] ?? 0) >= 500 && (waits[0] ?? 0) <= 1000, String(waits));
  assert.ok((waits[11] ?? 0) >= 15_000 && (waits[11] ?? 0) <= 30_000, String(waits));
  backOff.answered(unavailable);
  backOff.answered(new ClientError("token_refused", "an answer all the same"));
  backOff.check();
});
