import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { signJwt, verifyJwt } from "@valetkey/protocol/jose";
import { createKeys, jwksMaxAge, type KeysOptions, KeysUnreadable } from "@valetkey/provider/keys";
import { type Change, type Store, StoreUnavailable } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";
import { createWorld, secret, start } from "./op.ts";
import { isActive, post, service, signedApi, tokensOf } from "./token-side.ts";

const day = 86_400_000;

function setup(options: Partial<KeysOptions> = {}) {
  const clock = { now: start };
  const now = () => clock.now;
  const store = options.store ?? memoryStore({ now });
  const create = (more: Partial<KeysOptions> = {}) =>
    createKeys({ store, secret, algs: ["ES256"], now, ...options, ...more });
  return { clock, store, create, keys: create() };
}

const kids = async (keys: ReturnType<typeof createKeys>) => (await keys.published()).keys.map(({ kid }) => kid).sort();
const kidIn = async (keys: ReturnType<typeof createKeys>, state: string) =>
  (await keys.list()).find((key) => key.state === state)?.kid;

describe("the key set (RFC 7517 §5, JW-19)", () => {
  it("holds public members only, one kid per key, and the next key beforehand", async () => {
    const { keys } = setup({ algs: ["ES256", "EdDSA"] });
    const { keys: published } = await keys.published();
    assert.equal(published.length, 4);
    assert.equal(new Set(published.map(({ kid }) => kid)).size, 4);
    for (const key of published) {
      assert.deepEqual(
        Object.keys(key).filter((name) => ["d", "p", "q", "dp", "dq", "qi", "k", "oth"].includes(name)),
        [],
      );
      assert.equal(key.use, "sig");
    }
  });

  it("is served with a max-age and to scripts", async () => {
    const world = await createWorld();
    const response = await world.send("/jwks");
    assert.equal(response.headers.get("cache-control"), `public, max-age=${jwksMaxAge}`);
    assert.equal(response.headers.get("access-control-allow-origin"), "*");
    assert.doesNotMatch(await response.text(), /"(d|p|q|k|private)":/);
  });

  it("keeps private halves encrypted in the store", async () => {
    const { keys, store } = setup();
    await keys.signing("ES256");
    assert.doesNotMatch(JSON.stringify(await store.list("keyring", {})), /"d"|\\"d\\"/);
  });
});

describe("the first start", () => {
  it("ends with the same keys for processes that start at once", async () => {
    const { create } = setup();
    const many = Array.from({ length: 5 }, () => create());
    const sets = await Promise.all(many.map(kids));
    for (const set of sets) assert.deepEqual(set, sets[0]);
    const signing = await Promise.all(many.map((keys) => keys.signing("ES256")));
    assert.equal(new Set(signing.map(({ kid }) => kid)).size, 1);
  });

  it("finds the same keys after a restart", async () => {
    const { keys, create } = setup();
    const { kid, key } = await keys.signing("ES256");
    const token = await signJwt({ a: 1 }, { key, kid, alg: "ES256" });
    const again = create();
    assert.equal((await again.signing("ES256")).kid, kid);
    await verifyJwt(token, {
      keys: await again.published(),
      algorithms: ["ES256"],
      issuer: undefined,
      audience: undefined,
      now: start,
      exp: "optional",
    });
  });

  it("adds keys for an algorithm that is configured later, and lets one go that no longer is", async () => {
    const { keys, create, clock } = setup();
    const before = await kids(keys);
    const more = create({ algs: ["ES256", "EdDSA"] });
    assert.equal((await more.signing("EdDSA")).alg, "EdDSA");
    assert.deepEqual(
      (await kids(more)).filter((kid) => before.includes(kid)),
      before,
    );
    const less = create({ algs: ["EdDSA"] });
    await less.maintain();
    assert.equal((await kids(less)).length, 4);
    clock.now += day;
    await less.maintain();
    assert.equal((await kids(less)).length, 2);
  });
});

describe("another secret (F-53)", () => {
  it("is an error with a name, changes nothing, and never makes new keys", async () => {
    const { keys, create, store } = setup();
    await keys.signing("ES256");
    const before = JSON.stringify(await store.list("keyring", {}));
    const wrong = create({ secret: "quite another secret of this length.." });
    const same = (error: unknown) =>
      error instanceof KeysUnreadable && error.message === "the keys in the store were encrypted with another secret";
    await assert.rejects(wrong.signing("ES256"), same);
    await assert.rejects(wrong.published(), same);
    await assert.rejects(wrong.rotate(), same);
    await assert.rejects(wrong.maintain(), same);
    const adding = create({ secret: "quite another secret of this length..", algs: ["ES256", "EdDSA"] });
    await assert.rejects(adding.signing("EdDSA"), same);
    assert.equal(JSON.stringify(await store.list("keyring", {})), before);
  });

  it("is answered 503 by the provider, and no token is made", async () => {
    const { keys, create, store, clock } = setup({ algs: ["RS256"] });
    await keys.signing("RS256");
    const world = await createWorld({
      resources: [signedApi],
      keys: create({ secret: "quite another secret of this length.." }),
    });
    const svc = { ...service, scope: "signed:read" };
    await world.addClient(svc);
    const response = await post(world, "/token", { grant_type: "client_credentials" }, svc);
    assert.equal(response.status, 503);
    assert.ok(Number(response.headers.get("retry-after")) > 0);
    assert.equal((await world.send("/jwks")).status, 503);
    assert.equal((await store.list("keyring", {}))[0]?.version, 1);
    assert.equal(clock.now, start);
  });

  it("may come first while the former is still given; maintain encrypts anew, then the former can go", async () => {
    const { keys, create } = setup();
    const { kid } = await keys.signing("ES256");
    const newer = "a newer secret that came after the first";
    const both = create({ secret: [newer, secret] });
    assert.equal((await both.signing("ES256")).kid, kid);
    await both.maintain();
    const alone = create({ secret: newer });
    assert.equal((await alone.signing("ES256")).kid, kid);
  });

  it("must be long", () => {
    assert.throws(() => setup({ secret: "short" }), TypeError);
    assert.throws(() => setup({ secret: [] }), TypeError);
  });
});

describe("rotation (OpenID Connect Core §10.1.1, JW-21)", () => {
  it("by hand: the next key signs, the old one stays published until its signatures are over, a new next appears", async () => {
    const { keys, clock } = setup({ keepFor: 3600 });
    const old = (await keys.signing("ES256")).kid;
    const next = await kidIn(keys, "next");
    await keys.rotate("ES256");
    assert.equal((await keys.signing("ES256")).kid, next);
    assert.equal((await kids(keys)).length, 3);
    assert.ok((await kids(keys)).includes(old));
    clock.now += 3_600_000;
    assert.ok(!(await kids(keys)).includes(old));
    await assert.rejects(keys.rotate("EdDSA"), TypeError);
  });

  it("never signs with a key that was not published before", async () => {
    const { keys, clock } = setup();
    const seen = new Set(await kids(keys));
    for (let round = 0; round < 4; round++) {
      clock.now += 100 * day;
      await keys.maintain();
      assert.ok(seen.has((await keys.signing("ES256")).kid));
      for (const kid of await kids(keys)) if (kid !== undefined) seen.add(kid);
    }
  });

  it("by age: not before its time, and not before the next key was published for longer than caches live", async () => {
    const { keys, clock, create } = setup({ rotateAfter: 1 });
    const first = (await keys.signing("ES256")).kid;
    clock.now += day - 1;
    await keys.maintain();
    assert.equal((await keys.signing("ES256")).kid, first);
    clock.now += 1;
    await keys.maintain();
    const second = (await keys.signing("ES256")).kid;
    assert.notEqual(second, first);
    const hasty = create({ rotateAfter: 1 / 86_400 });
    clock.now += jwksMaxAge * 1000 + 10_000;
    await hasty.maintain();
    assert.equal((await hasty.signing("ES256")).kid, second);
    clock.now += 1;
    await hasty.maintain();
    assert.notEqual((await hasty.signing("ES256")).kid, second);
  });

  it("drops the private half of a key that stopped signing", async () => {
    const { keys, store } = setup();
    await keys.rotate();
    const [entry] = await store.list("keyring", {});
    const all = (entry as unknown as { data: { keys: { state: string; private?: string }[] } }).data.keys;
    assert.deepEqual(
      all.map(({ state, private: half }) => [state, half !== undefined]),
      [
        ["retiring", false],
        ["active", true],
        ["next", true],
      ],
    );
  });

  it("by two processes at once counts twice at most and leaves one active and one next key", async () => {
    const { keys, create } = setup();
    await keys.signing("ES256");
    await Promise.all([keys.rotate(), create().rotate(), create().rotate()]);
    const states = (await keys.list()).map(({ state }) => state);
    assert.equal(states.filter((state) => state === "active").length, 1);
    assert.equal(states.filter((state) => state === "next").length, 1);
  });

  it("is noticed by another process after ten seconds, or at once by a kid it does not know (at most once a second)", async () => {
    const counting = count(memoryStore({ now: () => start }));
    const { keys, create, clock } = setup({ store: counting.store });
    const other = create();
    const old = (await other.signing("ES256")).kid;
    await keys.rotate();
    await keys.rotate();
    const fresh = (await keys.signing("ES256")).kid;
    const unknown = await kidIn(keys, "next");
    clock.now += 1000;
    assert.equal((await other.signing("ES256")).kid, old);
    assert.ok((await other.published(unknown)).keys.some(({ kid }) => kid === unknown));
    assert.equal((await other.signing("ES256")).kid, fresh);
    const before = counting.reads();
    for (let time = 0; time < 100; time++) await other.published(`made up ${time}`);
    assert.ok(counting.reads() - before <= 1);
    await keys.rotate();
    clock.now += 10_000;
    assert.notEqual((await other.signing("ES256")).kid, fresh);
  });

  it("keeps old tokens valid meanwhile; a key that is withdrawn takes its tokens with it", async () => {
    const { create } = setup({ algs: ["ES256"], keepFor: 4000 });
    const keys = create();
    const world = await createWorld({ resources: [signedApi], keys });
    const svc = { ...service, scope: "signed:read" };
    await world.addClient(svc);
    const { access_token } = await tokensOf(await post(world, "/token", { grant_type: "client_credentials" }, svc));
    const { kid } = await keys.signing("ES256");
    await keys.rotate();
    assert.equal(await isActive(world, access_token), true);
    assert.equal(await keys.retire(kid), true);
    assert.equal(await isActive(world, access_token), false);
    const { kid: active } = await keys.signing("ES256");
    assert.equal(await keys.retire(active), true);
    assert.notEqual((await keys.signing("ES256")).kid, active);
    assert.equal((await keys.list()).length, 2);
    assert.equal(await keys.retire("nothing"), false);
  });
});

describe("a store that is away", () => {
  it("does not stop signing with keys that are in memory before the next reload, and is an outage after it", async () => {
    const counting = count(memoryStore({ now: () => start }));
    const { keys, clock } = setup({ store: counting.store });
    const { kid } = await keys.signing("ES256");
    counting.away = true;
    assert.equal((await keys.signing("ES256")).kid, kid);
    clock.now += 10_000;
    await assert.rejects(keys.signing("ES256"), StoreUnavailable);
    counting.away = false;
    assert.equal((await keys.signing("ES256")).kid, kid);
  });
});

/** A store that counts reads and can be taken away. */
function count(real: Store) {
  let reads = 0;
  const counting = {
    away: false,
    reads: () => reads,
    store: {
      async get(kind: string, id: string) {
        reads += 1;
        if (counting.away) throw new StoreUnavailable("away");
        return real.get(kind, id);
      },
      list: real.list,
      commit: (changes: readonly Change[]) => real.commit(changes),
      sweep: real.sweep,
    } satisfies Store,
  };
  return counting;
}
