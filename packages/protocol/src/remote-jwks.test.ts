import assert from "node:assert/strict";
import { test } from "node:test";
import { createRemoteJwks, generateKey, type Jwk, JwksUnavailable, JwtError, signJwt, verifyJwt } from "./jose.ts";

const first = await generateKey("EdDSA");
const second = await generateKey("EdDSA");

/** An issuer whose keys, clock and health the test sets, and whose requests it counts. */
function issuer(keys: readonly unknown[]) {
  const state = { keys, now: 1_000_000, requests: 0, answer: undefined as (() => Promise<Response>) | undefined };
  const resolve = createRemoteJwks({
    jwks_uri: "https://as.test/jwks",
    now: () => state.now,
    cooldown: 10_000,
    maxAge: 600_000,
    fetch: async () => {
      state.requests++;
      return state.answer === undefined ? Response.json({ keys: state.keys }) : state.answer();
    },
  });
  return { state, resolve };
}
const ask = (kid?: string) => (kid === undefined ? { alg: "EdDSA" } : { alg: "EdDSA", kid });

test("keys are fetched once and kept for their age", async () => {
  const { state, resolve } = issuer([first.publicJwk]);
  for (let round = 0; round < 5; round++) assert.equal((await resolve(ask(first.kid)))[0]?.kid, first.kid);
  assert.equal(state.requests, 1);
  state.now += 600_000;
  await resolve(ask(first.kid));
  assert.equal(state.requests, 2);
});

test("many askers at once share one request", async () => {
  const { state, resolve } = issuer([first.publicJwk]);
  await Promise.all(Array.from({ length: 100 }, () => resolve(ask(first.kid))));
  assert.equal(state.requests, 1);
});

test("while a request hangs no second one is sent, even past the cool-down", async () => {
  const { state, resolve } = issuer([]);
  const slow = Promise.withResolvers<Response>();
  state.answer = () => slow.promise;
  const early = resolve(ask(first.kid));
  state.now += 20_000;
  const late = resolve(ask(first.kid));
  slow.resolve(Response.json({ keys: [first.publicJwk] }));
  assert.deepEqual(await early, await late);
  assert.equal(state.requests, 1);
});

test("an unknown kid fetches again, but once per cool-down however many ask (JW-20)", async () => {
  const { state, resolve } = issuer([first.publicJwk]);
  await resolve(ask(first.kid));
  for (let round = 0; round < 1000; round++) assert.deepEqual(await resolve(ask(`random-${round}`)), []);
  assert.equal(state.requests, 1);
  state.now += 10_000;
  state.keys = [first.publicJwk, second.publicJwk];
  const found = await Promise.all(Array.from({ length: 50 }, () => resolve(ask(second.kid))));
  assert.ok(found.every(([key]) => key?.kid === second.kid));
  assert.equal(state.requests, 2);
});

test("a removed key is refused once the set has been fetched again (JW-21)", async () => {
  const { state, resolve } = issuer([first.publicJwk, second.publicJwk]);
  assert.equal((await resolve(ask())).length, 2);
  state.keys = [second.publicJwk];
  state.now += 600_000;
  assert.deepEqual(await resolve(ask(first.kid)), []);
});

test("an outage is an outage, not a verdict, and is not hammered", async () => {
  const failures = [
    async () => new Response("down", { status: 503 }),
    async () => Response.json({ keys: [] }, { status: 500 }),
    async () => new Response("<html>"),
    async () => Response.json({ keys: "x" }),
    async () => Response.json({ keys: Array.from({ length: 101 }, () => first.publicJwk) }),
    async () => Promise.reject(new TypeError("connection refused")),
  ];
  for (const answer of failures) {
    const { state, resolve } = issuer([first.publicJwk]);
    state.answer = answer;
    for (let round = 0; round < 20; round++) await assert.rejects(resolve(ask(first.kid)), JwksUnavailable);
    assert.equal(state.requests, 1);
    state.answer = undefined;
    state.now += 10_000;
    assert.equal((await resolve(ask(first.kid))).length, 1);
  }
});

test("keys past their age are not used while the issuer is down", async () => {
  const { state, resolve } = issuer([first.publicJwk]);
  await resolve(ask(first.kid));
  state.answer = async () => new Response("down", { status: 503 });
  state.now += 599_999;
  assert.equal((await resolve(ask(first.kid))).length, 1);
  state.now += 1;
  await assert.rejects(resolve(ask(first.kid)), JwksUnavailable);
});

test("private, weak and unknown keys in the set are passed over, the others work (JW-23)", async () => {
  const odd: unknown[] = [second.privateJwk, { kty: "oct", k: "AAAA" }, { kty: "NEW", kid: "n" }, null, "x"];
  const { resolve } = issuer([...odd, first.publicJwk]);
  assert.deepEqual(
    (await resolve(ask())).map((key: Jwk) => key.kid),
    [first.kid],
  );
});

test("tokens verify against remote keys, and an unknown key is the token's fault", async () => {
  const { resolve } = issuer([first.publicJwk]);
  const options = { keys: resolve, algorithms: ["EdDSA"], issuer: undefined, audience: undefined, now: 0 } as const;
  const sign = (key: typeof first) => signJwt({ exp: 60 }, { key: key.privateJwk, alg: "EdDSA", kid: key.kid });
  await verifyJwt(await sign(first), options);
  await assert.rejects(
    verifyJwt(await sign(second), options),
    (e) => e instanceof JwtError && e.code === "key_not_found",
  );
});
