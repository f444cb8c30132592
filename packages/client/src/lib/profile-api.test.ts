/** Asking a provider's API who somebody is, when that fails. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { memoryStore } from "@valetkey/store/memory";
import { createOAuth } from "../create-oauth.ts";
import { hubspot } from "../providers/business.ts";
import { recordingLog, secret } from "./test-app.test.ts";

const app = "https://app.example";

test("a token that a service wants in the path is in no log and on no page, whatever the service answers (RFC 9700 §4.9)", async () => {
  const answers: (() => Response)[] = [
    () => new Response(null, { status: 403 }),
    () => new Response(null, { status: 503 }),
    () => new Response("<html>"),
    () => new Response("x".repeat(100_000)),
    () => {
      throw new TypeError("fetch failed");
    },
  ];
  for (const answer of answers) {
    const { log, lines } = recordingLog();
    const token = { access_token: "s3cret!token", token_type: "bearer", expires_in: 60 };
    const oauth = createOAuth({
      providers: [hubspot({ client_id: "app", client_secret: "s" })],
      baseUrl: app,
      secret,
      store: memoryStore(),
      log,
      fetch: async (url) => (String(url).endsWith("/token") ? Response.json(token) : answer()),
    });
    const start = await oauth.handle(new Request(`${app}/auth/login`));
    const state = new URL(start?.headers.get("location") ?? "").searchParams.get("state");
    const cookie = start?.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    const back = await oauth.handle(
      new Request(`${app}/auth/callback/hubspot?code=c&state=${state}`, { headers: { cookie } }),
    );
    assert.equal((back?.status ?? 0) >= 500, true);
    const told = inspect(lines, { depth: 9 }) + (await back?.text());
    assert.match(told, /access-tokens/);
    assert.ok(!/s3cret/.test(told), told.match(/.*s3cret.*/)?.[0]);
  }
});
