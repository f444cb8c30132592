/** Pushed and signed authorization requests through the sign-in: what the browser carries, and what happens when the issuer fails. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeUnverified, generateKey, verifyJwt } from "@valetkey/protocol/jose";
import { Browser, type HostileIssuer, startIssuer } from "./lib/hostile-issuer.test.ts";
import { startApp } from "./lib/test-app.test.ts";
import type { OidcOptions } from "./oidc.ts";

/** Makes the issuer take pushed requests; gives what was pushed. */
function pushable(issuer: HostileIssuer, more: object = {}, answer: object = {}): URLSearchParams[] {
  const pushed: URLSearchParams[] = [];
  issuer.mischief.discovery = (good) => ({
    ...good,
    pushed_authorization_request_endpoint: `${issuer.url}/par`,
    ...more,
  });
  issuer.mischief.route = (at, form) => {
    if (at.pathname !== "/par") return undefined;
    pushed.push(form);
    return { request_uri: "urn:x:1", expires_in: 60, ...answer };
  };
  return pushed;
}

async function leave(issuer: HostileIssuer, provider: Partial<OidcOptions>) {
  await using app = await startApp(issuer.url, { provider });
  const page = await new Browser().get(`${app.url}/auth/login/acme?max_age=60`);
  const location = page.headers.get("location");
  return { page, url: location === null ? undefined : new URL(location), text: await page.text() };
}

test("a pushed request leaves the browser nothing but a reference (RFC 9126 §4)", async () => {
  await using issuer = await startIssuer();
  const pushed = pushable(issuer);
  const { url } = await leave(issuer, {
    require_pushed_authorization_requests: true,
    resource: ["https://a.example/", "https://b.example/"],
    claims: { id_token: { acr: { essential: true } } },
    authorization_details: [{ type: "payment", amount: "1" }],
    acr_values: "gold silver",
    prompt: "login",
  });
  assert.deepEqual(Object.fromEntries(url?.searchParams ?? []), { client_id: "app", request_uri: "urn:x:1" });
  const [form] = pushed;
  assert.deepEqual(form?.getAll("resource"), ["https://a.example/", "https://b.example/"]);
  assert.deepEqual(JSON.parse(form?.get("claims") ?? ""), { id_token: { acr: { essential: true } } });
  assert.deepEqual(JSON.parse(form?.get("authorization_details") ?? ""), [{ type: "payment", amount: "1" }]);
  assert.equal(form?.get("acr_values"), "gold silver");
  assert.equal(form?.get("max_age"), "60");
  assert.equal(form?.get("prompt"), "login");
  assert.ok(form?.get("code_challenge") && form.get("state") && form.get("nonce"));
});

test("an issuer that demands pushed requests gets them without being configured (RFC 9126 §5)", async () => {
  await using issuer = await startIssuer();
  const pushed = pushable(issuer, { require_pushed_authorization_requests: true });
  const { url } = await leave(issuer, {});
  assert.equal(url?.searchParams.get("request_uri"), "urn:x:1");
  assert.equal(pushed.length, 1);
});

test("a refused or failed push sends nobody anywhere, and never falls back to the open request", async () => {
  await using issuer = await startIssuer();
  const provider = { require_pushed_authorization_requests: true };
  pushable(issuer, {}, { error: "invalid_request", error_description: "no <b>" });
  const refused = await leave(issuer, provider);
  assert.equal(refused.page.status, 400);
  assert.match(refused.text, /authorization_refused/);
  assert.match(refused.text, /no &lt;b&gt;/);
  issuer.mischief.route = (at) => (at.pathname === "/par" ? { status: 503 } : undefined);
  assert.equal((await leave(issuer, provider)).page.status, 503);
  pushable(issuer, { pushed_authorization_request_endpoint: "http://evil.example/par" });
  assert.match((await leave(issuer, provider)).text, /metadata_invalid/);
  issuer.mischief = {};
  const without = await leave(issuer, provider);
  assert.match(without.text, /metadata_invalid/);
  assert.equal(without.url, undefined);
});

test("a signed request holds every parameter for this issuer only, and none of them stands outside to be changed (RFC 9101 §4, §5)", async () => {
  await using issuer = await startIssuer();
  const { privateJwk, publicJwk } = await generateKey("ES256");
  const { url } = await leave(issuer, {
    request_object: { private_key: privateJwk, alg: "ES256" },
    authorization_details: [{ type: "payment" }],
  });
  const outside = [...(url?.searchParams.keys() ?? [])].sort();
  assert.deepEqual(outside, ["client_id", "request", "response_type", "scope"]);
  const request = url?.searchParams.get("request") ?? "";
  const checks = { issuer: "app", audience: issuer.url, now: Date.now() };
  const { claims, header } = await verifyJwt(request, {
    keys: { keys: [publicJwk] },
    algorithms: ["ES256"],
    ...checks,
  });
  assert.equal(header.typ, "oauth-authz-req+jwt");
  assert.equal(claims.max_age, 60);
  assert.deepEqual(claims.authorization_details, [{ type: "payment" }]);
  assert.ok(claims.state && claims.nonce && claims.code_challenge && claims.redirect_uri);
  assert.equal(claims.sub, undefined);
});

test("a signed request can be pushed; nothing but it and the client goes along (RFC 9126 §3)", async () => {
  await using issuer = await startIssuer();
  const pushed = pushable(issuer);
  const { privateJwk } = await generateKey("ES256");
  await leave(issuer, {
    require_pushed_authorization_requests: true,
    request_object: { private_key: privateJwk, alg: "ES256" },
  });
  const [form] = pushed;
  assert.deepEqual([...(form?.keys() ?? [])].sort(), ["client_id", "request"]);
  assert.equal(
    decodeUnverified(form?.get("request") ?? "")
      .claims.redirect_uri?.toString()
      .endsWith("/auth/callback/acme"),
    true,
  );
});

test("private_key_jwt proves the client to its issuer only (RFC 7523, RFC 10070)", async () => {
  await using issuer = await startIssuer();
  const { privateJwk, publicJwk } = await generateKey("ES256");
  await using app = await startApp(issuer.url, {
    provider: { token_endpoint_auth_method: "private_key_jwt", private_key: privateJwk },
  });
  assert.equal((await new Browser().follow(`${app.url}/me`)).status, 200);
  const assertion = issuer.tokenRequests[0]?.get("client_assertion") ?? "";
  const checks = { issuer: "app", audience: issuer.url, now: Date.now() };
  await verifyJwt(assertion, { keys: { keys: [publicJwk] }, algorithms: ["ES256"], ...checks });
  assert.equal(issuer.tokenRequests[0]?.get("client_secret"), null);
  await assert.rejects(startApp(issuer.url, { provider: { token_endpoint_auth_method: "private_key_jwt" } }), {
    code: "configuration_invalid",
    message: /private_key/,
  });
});
