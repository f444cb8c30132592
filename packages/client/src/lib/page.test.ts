/** The client's own pages: readable in every colour scheme, with a way back, and no dead end for a typed address. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { memoryStore } from "@valetkey/store/memory";
import { createOAuth } from "../create-oauth.ts";
import { oidc } from "../oidc.ts";

const oauth = createOAuth({
  providers: [oidc("acme", { issuer: "https://id.example", client_id: "app", client_secret: "a secret of the app" })],
  baseUrl: "https://app.example",
  store: memoryStore(),
  secret: "a secret as long as it has to be, and longer",
});

async function ask(path: string, init?: RequestInit) {
  const response = await oauth.handle(new Request(`https://app.example${path}`, init));
  assert.ok(response);
  return { response, html: await response.text() };
}

test("a failed sign-in has two ways on: sign in again, and back to the application", async () => {
  const { html } = await ask("/auth/callback/acme?error=access_denied&error_description=the+person+refused&state=x");
  assert.match(html, /<a href="[^"]*\/auth\/login[^"]*">Sign in again<\/a>/);
  assert.match(html, /<a href="\/">Back to the application<\/a>/);
});

test("the page's one style is the one its policy allows, and paints the canvas itself", async () => {
  const { response, html } = await ask("/auth/callback/acme");
  const style = /<style>(.*?)<\/style>/.exec(html)?.[1] ?? "";
  assert.match(style, /background:Canvas/);
  const digest = createHash("sha256").update(style).digest("base64");
  assert.ok(response.headers.get("content-security-policy")?.includes(`style-src 'sha256-${digest}'`));
});

test("GET of the sign-out address says what it is for, and what is allowed (RFC 9110 §15.5.6)", async () => {
  const { response, html } = await ask("/auth/logout");
  assert.deepEqual([response.status, response.headers.get("allow")], [405, "POST"]);
  assert.match(html, /&lt;form method=&quot;post&quot;/);
  assert.match(html, /<a href="\/">Back to the application<\/a>/);
});
