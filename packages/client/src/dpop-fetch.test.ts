import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { dpopThumbprint, generateDpopKey, verifyDpopProof } from "@valetkey/protocol/dpop";
import { decodeUnverified } from "@valetkey/protocol/jose";
import { isClientError } from "./client-error.ts";
import { createDpop, type Dpop, dpopFetch } from "./dpop-fetch.ts";
import { exchangeCode } from "./exchange-code.ts";
import { type Asked, bearer, json, type Loopback, startLoopback } from "./lib/loopback.test.ts";

const now = () => 1_800_000_000_000;
const client = { client_id: "c", token_endpoint_auth_method: "none" } as const;
const bound = { ...bearer, token_type: "DPoP" };
const access_token = "at-1";
const nonceError = { error: "use_dpop_nonce" };

describe("requests bound to a key", () => {
  let server: Loopback;
  let dpop: Dpop;
  before(async () => {
    server = await startLoopback();
  });
  after(() => server[Symbol.asyncDispose]());
  beforeEach(async () => {
    dpop = createDpop(await generateDpopKey());
  });
  const exchange = () => {
    const code = { code: "code-1", code_verifier: "v".repeat(43), redirect_uri: "http://localhost/cb" };
    return exchangeCode({ metadata: server.metadata, client, dpop, now, ...code });
  };
  const proofOf = (asked: Asked | undefined) => asked?.headers.get("dpop") ?? assert.fail("no proof");
  const nonceOf = (asked: Asked | undefined) => decodeUnverified(proofOf(asked)).claims.nonce;
  const since = async (run: () => Promise<unknown>) => {
    const start = server.asked.length;
    await run();
    return server.asked.slice(start);
  };
  const wantsNonce = (nonce: string) => json(nonceError, 400, { "DPoP-Nonce": nonce });
  const challenge =
    (nonce: string, error = "use_dpop_nonce") =>
    () =>
      new Response("", { status: 401, headers: { "WWW-Authenticate": `DPoP error="${error}"`, "DPoP-Nonce": nonce } });

  it("the token request carries a proof for itself, and the tokens say that they are bound (RFC 9449 §5)", async () => {
    server.answer(json(bound));
    const tokens = await exchange();
    assert.equal(tokens.token_type, "DPoP");
    const asked = server.asked.at(-1);
    const checks = { htm: "POST", htu: `${server.origin}/token`, now: now(), algorithms: ["ES256"] } as const;
    const { jkt } = await verifyDpopProof(proofOf(asked), checks);
    assert.equal(jkt, await dpopThumbprint(dpop.key));
    assert.equal("ath" in decodeUnverified(proofOf(asked)).claims, false);
  });

  it("a Bearer token where a bound one was asked for is refused, and the other way round (§5, RP-09)", async () => {
    server.answer(json(bearer));
    await assert.rejects(exchange(), (e) => isClientError(e, "token_not_bound"));
    server.answer(json(bound));
    const { metadata } = server;
    await assert.rejects(
      exchangeCode({ metadata, client, code: "c", code_verifier: "v", redirect_uri: "http://localhost/cb" }),
      (e) => isClientError(e, "token_response_invalid"),
    );
  });

  it("a nonce the token endpoint wants is sent once more, and remembered for the next request (§8)", async () => {
    server.answer(wantsNonce("n-1"), json(bound, 200, { "DPoP-Nonce": "n-2" }));
    const asked = await since(exchange);
    assert.deepEqual(asked.map(nonceOf), [undefined, "n-1"]);
    assert.notEqual(decodeUnverified(proofOf(asked[0])).claims.jti, decodeUnverified(proofOf(asked[1])).claims.jti);
    assert.equal(asked[1]?.form.get("code"), "code-1");
    server.answer(json(bound));
    assert.deepEqual((await since(exchange)).map(nonceOf), ["n-2"]);
  });

  it("asks again once, not twice, and not at all for another refusal or without a new nonce (§8)", async () => {
    server.answer(wantsNonce("n-1"), wantsNonce("n-2"), json(bound));
    const refused = (error: string) => () =>
      assert.rejects(exchange(), (e) => isClientError(e, "token_refused") && e.error === error);
    assert.equal((await since(refused("use_dpop_nonce"))).length, 2);
    server.answer(json({ error: "invalid_grant" }, 400, { "DPoP-Nonce": "n-9" }));
    assert.equal((await since(refused("invalid_grant"))).length, 1);
    server.answer(json(nonceError, 400));
    assert.equal((await since(refused("use_dpop_nonce"))).length, 1);
    server.answer(wantsNonce("n-3"));
    dpop.nonces.set(server.origin, "n-3");
    assert.equal((await since(refused("use_dpop_nonce"))).length, 1);
  });

  it("an API gets the token under its scheme with a proof for this token, method and URL (§7.1)", async () => {
    server.answer(() => new Response("ok"));
    const call = dpopFetch({ dpop, access_token, now });
    for (const [method, init] of Object.entries({
      GET: {},
      PUT: { method: "put", body: "x" },
      PATCH: { method: "PATCH" },
    })) {
      assert.equal(await (await call(`${server.origin}/api?q=1`, init)).text(), "ok");
      const asked = server.asked.at(-1);
      assert.equal(asked?.headers.get("authorization"), `DPoP ${access_token}`);
      const checks = {
        htm: method,
        htu: `${server.origin}/api`,
        access_token,
        now: now(),
        algorithms: ["ES256"],
      } as const;
      assert.ok(await verifyDpopProof(proofOf(asked), checks));
      assert.equal(asked?.method, method);
    }
  });

  it("a nonce an API wants is sent once more with the same body; then its answer is the caller's (§9)", async () => {
    const call = dpopFetch({ dpop, access_token, now });
    server.answer(challenge("api-1"), () => new Response("ok", { headers: { "DPoP-Nonce": "api-2" } }));
    const asked = await since(() => call(`${server.origin}/api`, { method: "POST", body: "hello" }));
    assert.deepEqual(asked.map(nonceOf), [undefined, "api-1"]);
    assert.deepEqual(
      asked.map((one) => one.body),
      ["hello", "hello"],
    );
    server.answer(challenge("api-3"), challenge("api-4"), () => new Response("ok"));
    assert.equal((await since(async () => assert.equal((await call(`${server.origin}/api`)).status, 401))).length, 2);
    server.answer(challenge("api-5", "invalid_token"));
    assert.equal((await since(() => call(`${server.origin}/api`))).length, 1);
  });

  it("asked for a nonce, a request is sent again with that very one, whatever others were given meanwhile (§8.2)", async () => {
    const nonces = new Map([[server.origin, "theirs"]]);
    // As if somebody else's newer one came in each time before ours is used.
    Object.assign(nonces, { set: () => nonces, delete: () => false });
    dpop = createDpop(dpop.key, nonces);
    server.answer(wantsNonce("mine"), json(bound));
    assert.deepEqual((await since(exchange)).map(nonceOf), ["theirs", "mine"]);
    server.answer(challenge("mine"), () => new Response("ok"));
    const call = dpopFetch({ dpop, access_token, now });
    assert.deepEqual((await since(() => call(`${server.origin}/api`))).map(nonceOf), ["theirs", "mine"]);
  });

  it("a body that can be read only once is not sent twice; the nonce is kept for the next request", async () => {
    const call = dpopFetch({ dpop, access_token, now });
    server.answer(challenge("s-1"));
    const body = new Blob(["x"]).stream();
    const init = { method: "POST", body, duplex: "half" } as RequestInit;
    assert.equal(
      (await since(async () => assert.equal((await call(`${server.origin}/api`, init)).status, 401))).length,
      1,
    );
    assert.equal(dpop.nonces.get(server.origin), "s-1");
  });

  it("nonces of one origin are not sent to another, and odd ones not at all (§8.2)", async () => {
    await using other = await startLoopback();
    other.answer(() => new Response("ok"));
    server.answer(challenge("mine"), () => new Response("ok"));
    const call = dpopFetch({ dpop, access_token, now });
    await call(`${server.origin}/api`);
    await call(`${other.origin}/api`);
    assert.equal(nonceOf(other.asked.at(-1)), undefined);
    for (const odd of ['a"b', "a, b", "x".repeat(1025), "a\\b"]) {
      server.answer(challenge(odd));
      await call(`${server.origin}/api`);
      assert.equal(dpop.nonces.get(server.origin), "mine");
    }
  });

  it("remembers the nonces of a hundred origins, not of all the world", async () => {
    const call = dpopFetch({
      dpop,
      access_token,
      now,
      fetch: async (url) => new Response("", { headers: { "DPoP-Nonce": `n-${new URL(url).hostname}` } }),
    });
    for (let at = 0; at < 150; at++) await call(`https://host-${at}.example/`);
    assert.equal(dpop.nonces.size, 100);
    assert.equal(dpop.nonces.get("https://host-149.example"), "n-host-149.example");
  });

  it("a redirect is not followed with the token", async () => {
    server.answer(() => new Response(null, { status: 302, headers: { Location: "http://127.0.0.1:9/" } }));
    const answer = await dpopFetch({ dpop, access_token, now })(`${server.origin}/api`);
    assert.equal(answer.status, 302);
  });
});
