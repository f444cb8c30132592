/** The RFC 9728 document, and an API on loopback that pages of strangers try to reach. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { audience, startIssuer } from "./lib/test-issuer.test.ts";
import { protectResource, type ResourceOptions } from "./protect.ts";

const issuer = "https://id.example";

test("the document is at its place between host and path, about the configured URL (RFC 9728 §3.1, RS-12)", async () => {
  const resource = "https://api.example/v1/photos";
  const { metadata, check, challengeFor } = protectResource({
    issuers: [{ issuer }, { issuer: "https://other.example" }],
    audience: resource,
    metadata: { scopes_supported: ["photos:read"], resource_name: "Photos" },
    dpop: { algorithms: ["ES256"] },
  });
  const place = "/.well-known/oauth-protected-resource/v1/photos";
  // The Host header is its sender's; the document is ours.
  const answer = metadata(new Request(`https://evil.example${place}`));
  assert.deepEqual(await answer?.json(), {
    dpop_signing_alg_values_supported: ["ES256"],
    scopes_supported: ["photos:read"],
    resource_name: "Photos",
    resource,
    authorization_servers: [issuer, "https://other.example"],
    bearer_methods_supported: ["header"],
  });
  assert.equal(answer?.headers.get("access-control-allow-origin"), "*");
  assert.match(answer?.headers.get("cache-control") ?? "", /max-age=\d+/);
  for (const other of ["/.well-known/oauth-protected-resource", `${place}/`, "/v1/photos", `${place}2`])
    assert.equal(metadata(new Request(`https://api.example${other}`)), undefined, other);
  assert.equal(metadata(new Request(`https://api.example${place}`, { method: "POST" }))?.status, 405);
  // A page may send headers along, as MCP clients do.
  const asked = metadata(new Request(`https://api.example${place}`, { method: "OPTIONS" }));
  assert.equal(asked?.status, 204);
  assert.deepEqual(
    ["origin", "methods", "headers", "credentials"].map((name) => asked?.headers.get(`access-control-allow-${name}`)),
    ["*", "GET, HEAD", "*", null],
  );
  const error = await check(new Request(resource)).catch((e) => e);
  assert.match(
    challengeFor(error).headers.get("www-authenticate") ?? "",
    /resource_metadata="https:\/\/api\.example\/\.well-known\/oauth-protected-resource\/v1\/photos"/,
  );
});

test("what is configured cannot be said differently, and a name that is no URL has no document", () => {
  const lie = { resource: "https://evil.example" } as ResourceOptions["metadata"] & object;
  const { metadata } = protectResource({ issuer, audience, metadata: lie });
  const answer = metadata(new Request(`${audience}/.well-known/oauth-protected-resource`));
  return answer?.json().then((document) => {
    assert.equal(document.resource, audience);
    for (const name of ["photos", "http://api.example", `${audience}#x`])
      assert.throws(() => protectResource({ issuer, audience: name, metadata: {} }), TypeError, name);
    assert.equal(protectResource({ issuer, audience }).metadata(new Request(audience)), undefined);
  });
});

test("an API on loopback answers only what was sent to loopback, by whom it may be (RS-13)", async () => {
  await using server = await startIssuer();
  const local = "http://localhost:3000/api";
  const token = await server.token({ aud: local });
  const { requireOAuth } = protectResource({
    issuer: server.url,
    audience: local,
    allowedOrigins: ["https://app.example"],
  });
  const guarded = requireOAuth({ optional: true })((_, found) => new Response(found?.sub ?? "nobody"));
  const ask = async (headers: Record<string, string>, url = local) =>
    (await guarded(new Request(url, { headers: { Authorization: `Bearer ${token}`, ...headers } }))).status;
  for (const host of ["localhost:3000", "127.0.0.1:9", "[::1]:3000"]) assert.equal(await ask({ host }), 200, host);
  for (const host of ["evil.test:3000", "127.0.0.1.evil.test", "localhost.evil.test", "0.0.0.0:3000", "x@localhost:1 "])
    assert.equal(await ask({ host }), 421, host);
  assert.equal(await ask({}, "http://evil.test:3000/api"), 421);
  for (const origin of ["http://localhost:5173", "http://127.0.0.1:1", "https://app.example"])
    assert.equal(await ask({ origin }), 200, origin);
  for (const origin of ["http://evil.test", "null", "https://app.example.evil.test"])
    assert.equal(await ask({ origin }), 403, origin);
  const open = protectResource({ issuer: server.url, audience: local, allowedOrigins: "*" });
  const from = (headers: Record<string, string>) =>
    open.check(new Request(local, { headers: { Authorization: `Bearer ${token}`, ...headers } }));
  await from({ host: "localhost:3000", origin: "https://anybody.example" });
  await assert.rejects(from({ host: "evil.test:3000", origin: "https://anybody.example" }), { status: 421 });
  const answer = await guarded(new Request("http://evil.test/"));
  assert.equal(answer.headers.has("www-authenticate"), false);
  assert.match(((await answer.json()) as { explanation: string }).explanation, /baseUrl/);
  const served = protectResource({ issuer: server.url, audience: local, baseUrl: "https://dev.example" });
  await served.check(new Request("http://dev.example/", { headers: { Authorization: `Bearer ${token}` } }));
});

test("an allowed origin that no browser would send is a mistake", () => {
  const make = (origin: string) => () => protectResource({ issuer, audience, allowedOrigins: [origin] });
  for (const wrong of [
    "*",
    "null",
    "app.example",
    "https://app.example/",
    "https://App.example",
    "https://app.example:443",
  ])
    assert.throws(make(wrong), /allowedOrigins/, wrong);
  for (const right of ["https://app.example", "http://app.example:8080", "chrome-extension://abcdef", "app://editor"])
    assert.doesNotThrow(make(right), right);
});
