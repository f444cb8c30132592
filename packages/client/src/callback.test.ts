/** The lower layer used alone, without createOAuth: plain functions on URLs and answers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRemoteJwks } from "@valetkey/protocol/jose";
import { authorizationUrl } from "./authorization-url.ts";
import { checkCallback } from "./callback.ts";
import { discover } from "./discover.ts";
import { endSessionUrl } from "./end-session.ts";
import { exchangeCode } from "./exchange-code.ts";
import { checkIdToken } from "./id-token.ts";
import { startIssuer } from "./lib/hostile-issuer.test.ts";
import { refreshTokens } from "./refresh.ts";
import { revokeToken } from "./revoke.ts";
import { fetchUserinfo } from "./userinfo.ts";

const issuer = "https://id.example";
const state = "the-state";
const metadata = { issuer, authorization_response_iss_parameter_supported: true };
const answer = (parameters: Record<string, string>): URL =>
  new URL(`https://app.example/cb?${new URLSearchParams(parameters)}`);

test("checkCallback judges state, then issuer, then the answer (RFC 6749 §4.1.2, RFC 9207 §2.4)", () => {
  const good = { state, iss: issuer, code: "c" };
  const check = (parameters: Record<string, string>) => () => checkCallback(answer(parameters), { metadata, state });
  assert.deepEqual(check(good)(), { code: "c" });
  assert.throws(check({ iss: issuer, code: "c" }), { code: "state_missing" });
  for (const wrong of ["the-statE", "the-stat", "the-state ", "x"]) {
    assert.throws(check({ ...good, state: wrong }), { code: "state_mismatch" }, wrong);
  }
  assert.throws(check({ state: "x", iss: "https://evil", error: "access_denied" }), { code: "state_mismatch" });
  assert.throws(check({ state, iss: "https://evil", error: "access_denied" }), { code: "issuer_mismatch" });
  assert.throws(check({ state, iss: issuer, error: "access_denied", error_description: "no\u0000\u202e" }), {
    code: "response_invalid",
  });
  assert.throws(check({ state, iss: issuer, error: "access_denied", error_description: "a\u202eb" }), {
    code: "access_denied",
    error_description: "a b",
  });
});

test("an authorization URL keeps the query its endpoint has, and repeats resource (RFC 6749 §3.1, RFC 8707 §2)", async () => {
  const { url } = await authorizationUrl({
    metadata: {
      issuer,
      authorization_endpoint: `${issuer}/a?tenant=1`,
      code_challenge_methods_supported: ["plain", "S256"],
    },
    client_id: "app",
    redirect_uri: "https://app.example/cb",
    scope: "openid",
    resource: ["https://api.example", "https://mail.example"],
    prompt: "consent",
  });
  assert.equal(url.searchParams.get("tenant"), "1");
  assert.deepEqual(url.searchParams.getAll("resource"), ["https://api.example", "https://mail.example"]);
  assert.equal(url.searchParams.get("prompt"), "consent");
  assert.equal(url.searchParams.get("response_type"), "code");
});

test("the plain functions together sign somebody in, refresh and revoke", async () => {
  await using hostile = await startIssuer();
  const found = await discover(hostile.url);
  const client = { client_id: "app", client_secret: "s", token_endpoint_auth_method: "client_secret_post" } as const;
  const redirect_uri = "http://127.0.0.1/cb";
  const sent = await authorizationUrl({ metadata: found, client_id: "app", redirect_uri, scope: "openid" });
  const back = await fetch(sent.url, { redirect: "manual" });
  const { code } = checkCallback(new URL(back.headers.get("location") ?? ""), { metadata: found, state: sent.state });
  const { code_verifier, nonce } = sent;
  const tokens = await exchangeCode({ metadata: found, client, code, code_verifier, redirect_uri });
  const keys = createRemoteJwks({ jwks_uri: found.jwks_uri ?? "", fetch, now: Date.now });
  const checks = { issuer: hostile.url, client_id: "app", nonce, keys, alg: "ES256", now: Date.now() } as const;
  const { sub } = await checkIdToken(tokens.id_token, checks);
  const claims = await fetchUserinfo({ metadata: found, access_token: tokens.access_token, sub });
  assert.equal(claims?.name, "Alice");
  const refreshed = await refreshTokens({ metadata: found, client, refresh_token: tokens.refresh_token ?? "" });
  assert.notEqual(refreshed.access_token, tokens.access_token);
  assert.equal(await revokeToken({ metadata: found, client, token: refreshed.refresh_token ?? "" }), true);
  assert.equal(await revokeToken({ metadata: { issuer }, client, token: "x" }), false);
  assert.equal(endSessionUrl({ metadata: { issuer }, client_id: "app" }), undefined);
  for (const form of hostile.tokenRequests) assert.equal(form.get("client_secret"), "s");
});
