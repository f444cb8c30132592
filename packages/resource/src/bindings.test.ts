/** Bound tokens at the API: DPoP proofs and client certificates, and what does not pass. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { base64url, fromBase64url, sha256Base64url } from "@valetkey/protocol/digest";
import { createDpopProof, type DpopKey, dpopThumbprint, generateDpopKey } from "@valetkey/protocol/dpop";
import { generateKey, type Jwk, signJwt } from "@valetkey/protocol/jose";
import { audience, type Issuer, type Json, startIssuer } from "./lib/test-issuer.test.ts";
import { protectResource, type RequireOptions, type ResourceOptions } from "./protect.ts";
import { seenInMemory, seenInStore } from "./seen-proofs.ts";

const url = `${audience}/photos?size=1`;

interface Sent {
  readonly token: string;
  readonly scheme?: string;
  readonly proof?: string;
  readonly method?: string;
  readonly url?: string;
}
const requestOf = ({ token, scheme = "DPoP", proof, method = "GET", url: to = url }: Sent) =>
  new Request(to, {
    method,
    headers: { Authorization: `${scheme} ${token}`, ...(proof === undefined ? {} : { DPoP: proof }) },
  });

async function stage(issuer: Issuer, options: Partial<ResourceOptions> = {}, needs: RequireOptions = {}) {
  const key = await generateDpopKey();
  const token = await issuer.token({ cnf: { jkt: await dpopThumbprint(key) } });
  const { requireOAuth } = protectResource({ issuer: issuer.url, audience, ...options });
  const guarded = requireOAuth("profile", needs)((_, found) => new Response(found?.sub));
  const proof = (change: Partial<Parameters<typeof createDpopProof>[0]> = {}) =>
    createDpopProof({ key, htm: "GET", htu: url, access_token: token, now: Date.now(), ...change });
  return { key, token, guarded, proof };
}

/** A proof made by hand, to be wrong in one place. */
async function oddProof(key: DpopKey, token: string, claims: Json = {}, header: Json = {}): Promise<string> {
  const good = {
    jti: crypto.randomUUID(),
    htm: "GET",
    htu: `${audience}/photos`,
    iat: Math.floor(Date.now() / 1000),
    ath: await sha256Base64url(token),
  };
  const all = Object.fromEntries(Object.entries({ ...good, ...claims }).filter(([, value]) => value !== undefined));
  const { typ = "dpop+jwt", jwk = key.publicJwk, kid } = header as { typ?: string; jwk?: Jwk; kid?: string };
  const named = { ...(kid === undefined ? {} : { kid }), ...(typ === "" ? {} : { typ }) };
  return signJwt(all, { key: key.privateKey, alg: key.alg, jwk, ...named });
}

test("a bound token passes with a proof for this method, URL and token (RFC 9449 §7.1, DP-04)", async () => {
  await using issuer = await startIssuer();
  const { token, guarded, proof } = await stage(issuer);
  const equal = [url, `${audience}:443/photos`, "HTTPS://API.example/photos#x", `${audience}/%70hotos?other=2`];
  for (const htu of equal) {
    const answer = await guarded(requestOf({ token, proof: await proof({ htu }) }));
    assert.equal(answer.status, 200, htu);
    assert.equal(answer.headers.has("dpop-nonce"), false);
  }
  const post = await guarded(requestOf({ token, method: "POST", proof: await proof({ htm: "POST" }) }));
  assert.equal(post.status, 200);
});

test("a proof that is not exactly right is invalid_dpop_proof, 401 (RFC 9449 §4.3, DP-01, DP-04, DP-05, DP-06, DP-09)", async (t) => {
  await using issuer = await startIssuer();
  const { key, token, guarded, proof } = await stage(issuer);
  const now = Math.floor(Date.now() / 1000);
  const stranger = await generateKey("ES256");
  const odd = (claims: Json, header?: Json) => oddProof(key, token, claims, header);
  const cases: Record<string, () => Promise<string | undefined> | string | undefined> = {
    "none at all": () => undefined,
    "no JWT": () => "x",
    "two, joined": async () => `${await proof()}, ${await proof()}`,
    "no typ": () => odd({}, { typ: "" }),
    "another typ": () => odd({}, { typ: "JWT" }),
    "no jti": () => odd({ jti: undefined }),
    "no htm": () => odd({ htm: undefined }),
    "no htu": () => odd({ htu: undefined }),
    "no iat": () => odd({ iat: undefined }),
    "no ath": () => odd({ ath: undefined }),
    "ath of another token": async () => odd({ ath: await sha256Base64url("other") }),
    "another method": () => odd({ htm: "POST" }),
    "the method in lower case": () => odd({ htm: "get" }),
    "another path": () => odd({ htu: `${audience}/photo` }),
    "another host": () => odd({ htu: "https://evil.example/photos" }),
    "a relative URL": () => odd({ htu: "/photos" }),
    "a URL with user": () => odd({ htu: "https://x@api.example/photos" }),
    "a URL that is a number": () => odd({ htu: 1 }),
    "an hour old": () => odd({ iat: now - 3600 }),
    "an hour ahead": () => odd({ iat: now + 3600 }),
    "iat as text": () => odd({ iat: String(now) }),
    "iat negative": () => odd({ iat: -1 }),
    "iat enormous": () => odd({ iat: 1e300 }),
    "a key that did not sign it": () => odd({}, { jwk: stranger.publicJwk }),
    "a private key": () => odd({}, { jwk: stranger.privateJwk }),
    "a symmetric key": () => odd({}, { jwk: { kty: "oct", k: "AAAA" } }),
    "no key": () => signJwt({ htm: "GET" }, { key: key.privateKey, alg: key.alg, typ: "dpop+jwt" }),
    "a megabyte": () => `${"a".repeat(1_000_000)}.a.a`,
  };
  for (const [title, make] of Object.entries(cases)) {
    await t.test(title, async () => {
      const made = await make();
      const answer = await guarded(requestOf({ token, ...(made === undefined ? {} : { proof: made }) }));
      assert.equal(answer.status, 401);
      const challenge = answer.headers.get("www-authenticate") ?? "";
      assert.match(challenge, /^DPoP realm="[^"]*", error="invalid_dpop_proof", .*algs="ES256 PS256/);
      assert.ok(!(await answer.text()).includes(token), "the token is not in the answer (RS-14)");
    });
  }
});

test("a proof counts once, also for requests at the same time (RFC 9449 §11.1)", async () => {
  await using issuer = await startIssuer();
  const { token, guarded, proof } = await stage(issuer);
  const same = await proof();
  const statuses = await Promise.all(
    Array.from({ length: 8 }, async () => (await guarded(requestOf({ token, proof: same }))).status),
  );
  assert.deepEqual(statuses.sort(), [200, ...Array(7).fill(401)]);
});

test("two guards on one request check its proof once", async () => {
  await using issuer = await startIssuer();
  const { token, proof } = await stage(issuer);
  const { requireOAuth, check } = protectResource({ issuer: issuer.url, audience });
  const request = requestOf({ token, proof: await proof() });
  const inner = requireOAuth("profile")(async (again) => new Response((await check(again, "photos:read")).sub));
  assert.equal(await (await inner(request)).text(), "alice");
  request.headers.set("Authorization", `DPoP ${await issuer.token()}`);
  await assert.rejects(check(request), { error: "invalid_token" }, "what was found counts for the token that was sent");
  request.headers.set("Authorization", `DPoP ${token}`);
  const copy = new Request(request);
  await assert.rejects(check(copy), { error: "invalid_dpop_proof" }, "another request with the same proof is a replay");
});

test("a token under the wrong scheme, or with another key, is invalid_token (RFC 9449 §7.1 and §7.2, DP-08)", async () => {
  await using issuer = await startIssuer();
  const { token, guarded, proof } = await stage(issuer, { dpop: {} });
  const bearer = await issuer.token();
  const other = await generateDpopKey();
  const cases: Record<string, [Sent, RegExp]> = {
    "a bound token as Bearer": [{ token, scheme: "Bearer" }, /^Bearer .*error="invalid_token".*, DPoP .*algs="/],
    "a bound token as Bearer, with its proof": [{ token, scheme: "bearer", proof: await proof() }, /^Bearer .*error=/],
    "a bearer token as DPoP": [
      { token: bearer, proof: await proof({ access_token: bearer }) },
      /^Bearer realm="[^"]*", DPoP .*error="invalid_token".*algs=/,
    ],
    "a proof by another key": [{ token, proof: await proof({ key: other }) }, /DPoP .*error="invalid_token"/],
  };
  for (const [title, [sent, challenge]] of Object.entries(cases)) {
    const answer = await guarded(requestOf(sent));
    assert.equal(answer.status, 401, title);
    assert.match(answer.headers.get("www-authenticate") ?? "", challenge, title);
    assert.equal(
      (answer.headers.get("www-authenticate") ?? "").split("error=").length,
      2,
      "one challenge has the error",
    );
  }
  assert.equal((await guarded(requestOf({ token: bearer, scheme: "Bearer" }))).status, 200);
});

test("a route may require DPoP: a bearer token is refused, and the challenge is DPoP alone", async () => {
  await using issuer = await startIssuer();
  const { token, guarded, proof } = await stage(issuer, {}, { dpop: "required" });
  assert.equal((await guarded(requestOf({ token, proof: await proof() }))).status, 200);
  const bearer = await guarded(requestOf({ token: await issuer.token(), scheme: "Bearer" }));
  assert.equal(bearer.status, 401);
  assert.match(bearer.headers.get("www-authenticate") ?? "", /^DPoP realm="[^"]*", error="invalid_token"/);
  const none = await guarded(new Request(url));
  assert.equal(
    none.headers.get("www-authenticate"),
    'DPoP realm="https://api.example", scope="profile", algs="ES256 PS256 EdDSA Ed25519 ES384 RS256"',
  );
});

test("with nonces a proof needs a current one; the next comes in time; a nonce of another role is none (RFC 9449 §9, DP-10)", async () => {
  await using issuer = await startIssuer();
  let now = Date.now();
  const nonceSecret = "a secret for nonces, long enough 0123";
  const { token, guarded, proof } = await stage(issuer, { dpop: { nonceSecret }, now: () => now });
  const ask = async (nonce?: string) => guarded(requestOf({ token, proof: await proof({ nonce, now }) }));
  const first = await ask();
  assert.equal(first.status, 401);
  assert.match(first.headers.get("www-authenticate") ?? "", /DPoP .*error="use_dpop_nonce"/);
  assert.match(first.headers.get("access-control-expose-headers") ?? "", /DPoP-Nonce/);
  const nonce = first.headers.get("dpop-nonce") ?? "";
  const good = await ask(nonce);
  assert.deepEqual([good.status, good.headers.get("dpop-nonce")], [200, null]);
  now += 120_000;
  const later = await ask(nonce);
  assert.equal(later.status, 200);
  const renewed = later.headers.get("dpop-nonce") ?? "";
  assert.ok(renewed.length > 20 && renewed !== nonce);
  now += 120_000;
  assert.equal((await ask(nonce)).status, 401);
  assert.equal((await ask(renewed)).status, 200);
  assert.equal((await ask("guessed")).status, 401);
  const { dpopNonce } = await import("@valetkey/protocol/dpop-nonce");
  assert.equal((await ask(await dpopNonce(nonceSecret, now))).status, 401, "what the same secret makes elsewhere");
});

test("proofs name the configured URL, whatever the Host header says; behind a proxy that cuts the path off too", async () => {
  await using issuer = await startIssuer();
  const { token, guarded, proof } = await stage(issuer);
  const elsewhere = "https://evil.example/photos";
  const forged = await guarded(requestOf({ token, url: elsewhere, proof: await proof({ htu: elsewhere }) }));
  assert.equal(forged.status, 401);
  assert.equal((await guarded(requestOf({ token, url: elsewhere, proof: await proof() }))).status, 200);
  const behind = await stage(issuer, { baseUrl: "https://gate.example/v1/" });
  const htu = "https://gate.example/v1/photos";
  const passed = requestOf({ token: behind.token, url: "http://10.0.0.1/photos", proof: await behind.proof({ htu }) });
  assert.equal((await behind.guarded(passed)).status, 200);
});

test("without a URL of its own the API takes no bound tokens, and cannot promise to", async () => {
  await using issuer = await startIssuer();
  const key = await generateDpopKey();
  const options = { issuer: issuer.url, audience: "photos" };
  const token = await issuer.token({ aud: "photos", cnf: { jkt: await dpopThumbprint(key) } });
  const proof = await createDpopProof({ key, htm: "GET", htu: url, access_token: token, now: Date.now() });
  await assert.rejects(protectResource(options).check(requestOf({ token, proof })), { error: "invalid_token" });
  assert.throws(() => protectResource({ ...options, dpop: {} }), /baseUrl/);
  assert.throws(() => protectResource({ issuer: issuer.url, audience, dpop: { nonceSecret: "short" } }), /32/);
  assert.throws(() => protectResource({ issuer: issuer.url, audience, baseUrl: "api.example" }), TypeError);
});

const der = base64url(crypto.getRandomValues(new Uint8Array(300)));
const toBase64 = (text: string): string => Buffer.from(fromBase64url(text) ?? []).toString("base64");

test("a token bound to a certificate passes on a connection with that certificate only (RFC 8705 §3)", async () => {
  await using issuer = await startIssuer();
  const x5t = await sha256Base64url(fromBase64url(der) ?? new Uint8Array());
  const bound = await issuer.token({ cnf: { "x5t#S256": x5t } });
  const { requireOAuth, check } = protectResource({ issuer: issuer.url, audience });
  const guarded = requireOAuth("profile", { certificate: "required" })((_, token) => new Response(token?.sub));
  const ask = async (token: string, certificate?: string) =>
    (await guarded(requestOf({ token, scheme: "Bearer" }), { certificate })).status;
  assert.equal(await ask(bound, toBase64(der)), 200);
  assert.equal(await ask(bound, btoa("another certificate")), 401);
  assert.equal(await ask(bound), 401);
  assert.equal(await ask(await issuer.token(), toBase64(der)), 401, "the route wants a bound one");
  await assert.rejects(check(requestOf({ token: bound, scheme: "Bearer" })), { error: "invalid_token" });
});

test("a binding that is not understood is refused, one that is there twice is checked twice (RFC 7800 §3.1)", async () => {
  await using issuer = await startIssuer();
  const { key, proof } = await stage(issuer);
  const { check } = protectResource({ issuer: issuer.url, audience });
  for (const cnf of [{}, { jwk: key.publicJwk }, { kid: "x" }, { jkt: 1 }, "x", null, { "x5t#S256": ["x"] }]) {
    const token = await issuer.token({ cnf });
    await assert.rejects(
      check(requestOf({ token, scheme: "Bearer" })),
      { error: "invalid_token" },
      JSON.stringify(cnf),
    );
  }
  const token = await issuer.token({ cnf: { jkt: await dpopThumbprint(key), "x5t#S256": "x" } });
  const sent = requestOf({ token, proof: await proof({ access_token: token }) });
  await assert.rejects(check(sent, undefined, { certificate: btoa("x") }), { error: "invalid_token" });
});

test("bound tokens by introspection and in the provider's process are checked the same (DP-13)", async () => {
  await using issuer = await startIssuer();
  const key = await generateDpopKey();
  const cnf = { jkt: await dpopThumbprint(key) };
  issuer.known.set("opaque", { active: true, ...issuer.claims(), token_type: "DPoP", cnf });
  issuer.known.set("unbound", { active: true, ...issuer.claims(), token_type: "DPoP" });
  const introspecting = protectResource({
    issuer: issuer.url,
    audience,
    introspection: { client_id: "api", client_secret: "api secret" },
  });
  const state = { kind: "access", client_id: "app", scope: [], aud: [audience], exp: 4e9, cnf } as const;
  const reading = protectResource({ issuer: issuer.url, audience, read: async () => state });
  const proof = () => createDpopProof({ key, htm: "GET", htu: url, access_token: "opaque", now: Date.now() });
  for (const { check } of [introspecting, reading]) {
    assert.deepEqual((await check(requestOf({ token: "opaque", proof: await proof() }))).cnf, cnf);
    await assert.rejects(check(requestOf({ token: "opaque", scheme: "Bearer" })), { error: "invalid_token" });
  }
  await assert.rejects(introspecting.check(requestOf({ token: "unbound", scheme: "Bearer" })), {
    error: "invalid_token",
  });
});

test("remembered proofs: bounded, fair between keys, forgotten when they would be too old anyway", async () => {
  let now = 0;
  const isFirst = seenInMemory(() => now, { most: 10, mostOfKey: 4 });
  const see = (jkt: string, jti: number) => isFirst({ jkt, jti: String(jti), expiresAt: now + 1000 });
  for (let jti = 0; jti < 4; jti++) assert.equal(await see("a", jti), true);
  assert.equal(await see("a", 1), false);
  await assert.rejects(see("a", 5), { status: 429 }, "the share of one key");
  for (let jti = 0; jti < 6; jti++) assert.equal(await see(jti < 3 ? "b" : "c", jti), true);
  await assert.rejects(see("d", 1), { status: 503 }, "never at the cost of what still counts");
  assert.equal(await see("c", 5), false);
  now += 1000;
  assert.equal(await see("a", 1), true);
  assert.equal(await see("d", 1), true);
});

test("remembered in a store: what it says counts, and a store that is down is an outage", async () => {
  const ids = new Set<string>();
  const isFirst = seenInStore({
    commit: async ([change]) => {
      const { id = "", kind } = change?.entry ?? {};
      assert.equal(kind, "seen");
      if (ids.has(id)) return false;
      ids.add(id);
      return true;
    },
  });
  const proof = { jkt: "a", jti: "b", expiresAt: 1 };
  assert.deepEqual([await isFirst(proof), await isFirst(proof)], [true, false]);
  const down = seenInStore({
    commit: async () => Promise.reject(Object.assign(new Error(), { name: "StoreUnavailable" })),
  });
  await assert.rejects(down(proof), { error: "temporarily_unavailable" });
});
