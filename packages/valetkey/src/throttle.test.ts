import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Store, StoreUnavailable } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";
import { type SignInAttempts, signInAttempts, storeThrottle } from "./throttle.ts";

const minute = 60_000;

function setUp() {
  let at = Date.UTC(2026, 0, 1);
  const now = () => at;
  const store = memoryStore({ now });
  return {
    store,
    now,
    attempts: signInAttempts({ store, now }),
    pass: (time: number) => {
      at += time;
    },
  };
}

async function tryTimes(attempts: SignInAttempts, times: number, name: string, ip?: string): Promise<number[]> {
  const waits: number[] = [];
  for (let n = 0; n < times; n++) waits.push(await attempts.begin(name, ip));
  return waits;
}

test("ten attempts at one account from one address pass, the eleventh has to wait for the end of the window", async () => {
  const { attempts, pass } = setUp();
  assert.deepEqual(await tryTimes(attempts, 10, "alice", "192.0.2.1"), Array(10).fill(0));
  pass(5 * minute);
  assert.equal(await attempts.begin("alice", "192.0.2.1"), 10 * 60);
  assert.equal(await attempts.begin(" ALICE ", "192.0.2.1"), 10 * 60, "another spelling is the same account");
  assert.equal(await attempts.begin("bob", "192.0.2.1"), 0, "another account is not concerned");
  assert.equal(await attempts.begin("alice", "192.0.2.2"), 0, "the owner elsewhere is not locked out");
});

test("trying on does not make the window longer: nobody is locked out for good", async () => {
  const { attempts, pass } = setUp();
  for (let n = 0; n < 30; n++) {
    await attempts.begin("alice", "192.0.2.1");
    pass(20_000);
  }
  pass(5 * minute);
  assert.equal(await attempts.begin("alice", "192.0.2.1"), 0);
});

test("a right password forgets the wrong ones, and one that was not judged does not count", async () => {
  const { attempts } = setUp();
  await tryTimes(attempts, 10, "alice", "192.0.2.1");
  await attempts.settle("alice", "192.0.2.1", "right");
  assert.deepEqual(await tryTimes(attempts, 9, "alice", "192.0.2.1"), Array(9).fill(0));
  for (let n = 0; n < 5; n++) {
    assert.equal(await attempts.begin("alice", "192.0.2.1"), 0);
    await attempts.settle("alice", "192.0.2.1", "not judged");
  }
});

test("a hundred attempts from one address at whatever accounts are enough; IPv6 counts by /64", async () => {
  const { attempts } = setUp();
  for (let n = 0; n < 100; n++) assert.equal(await attempts.begin(`user${n}`, `2001:db8:0:1::${n.toString(16)}`), 0);
  assert.ok((await attempts.begin("one more", "2001:db8:0:1:ffff::1")) > 0);
  assert.equal(await attempts.begin("one more", "2001:db8:0:2::1"), 0);
});

test("without an address accounts do not count together", async () => {
  const { attempts } = setUp();
  for (let n = 0; n < 150; n++) assert.equal(await attempts.begin(`user${n}`, undefined), 0);
  await tryTimes(attempts, 10, "alice");
  assert.ok((await attempts.begin("alice", undefined)) > 0);
});

test("counts survive a restart and are shared between processes, and hold neither names nor addresses of accounts", async () => {
  const { attempts, store, now } = setUp();
  await tryTimes(attempts, 10, "alice@example.com", "192.0.2.1");
  const restarted = signInAttempts({ store, now });
  assert.ok((await restarted.begin("alice@example.com", "192.0.2.1")) > 0);
  const entries = await store.list("attempts", {});
  assert.equal(entries.length, 2);
  assert.ok(!JSON.stringify(entries).includes("alice"));
});

test("of fifty attempts at once no more pass than one after another", async () => {
  const { attempts } = setUp();
  const waits = await Promise.all(Array.from({ length: 50 }, () => attempts.begin("alice", "192.0.2.1")));
  assert.equal(waits.filter((wait) => wait === 0).length, 10);
});

test("while the store fails, memory counts", async () => {
  const down = async () => Promise.reject(new StoreUnavailable("down"));
  const store: Store = { get: down, list: down, commit: down, sweep: down };
  const attempts = signInAttempts({ store, now: Date.now });
  assert.deepEqual(await tryTimes(attempts, 10, "alice", "192.0.2.1"), Array(10).fill(0));
  assert.ok((await attempts.begin("alice", "192.0.2.1")) > 0);
});

test("a free key is not looked up again for a second, but what fails in this process counts at once", async () => {
  const { store, now, pass } = setUp();
  let looked = 0;
  const counted: Store = {
    ...store,
    get(kind, id) {
      looked++;
      return store.get(kind, id);
    },
  };
  const throttle = storeThrottle({ store: counted, now });
  const elsewhere = storeThrottle({ store, now });
  const limit = { attempts: 2, seconds: 3600 };
  for (let n = 0; n < 3; n++) assert.equal(await throttle.blocked("a", limit), 0);
  assert.equal(looked, 1);
  for (let n = 0; n < 2; n++) await throttle.failed("a", limit);
  assert.ok((await throttle.blocked("a", limit)) > 0);
  assert.equal(await throttle.blocked("b", limit), 0);
  for (let n = 0; n < 2; n++) await elsewhere.failed("b", limit);
  assert.equal(await throttle.blocked("b", limit), 0, "what another process counted is seen a second later");
  pass(1_000);
  assert.ok((await throttle.blocked("b", limit)) > 0);
});

test("names that are too long to be anybody's are not kept (CWE-400)", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const { store, now } = setUp();
  const throttle = storeThrottle({ store, now });
  const heap = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = heap();
  for (let n = 0; n < 500; n++) await throttle.blocked(`client:192.0.2.0:${Buffer.alloc(60_000, `${n} `)}`);
  const grown = heap() - before;
  assert.ok(grown < 3_000_000, `500 names cost ${grown}`);
  assert.equal(await throttle.blocked("a"), 0);
});

test("an answer that was under way while a failure was counted does not make a blocked key free again", async () => {
  const { store, now } = setUp();
  let late: PromiseWithResolvers<void> | undefined;
  const slow: Store = {
    ...store,
    async get(kind, id) {
      const found = await store.get(kind, id);
      await late?.promise;
      return found;
    },
  };
  const throttle = storeThrottle({ store: slow, now });
  const limit = { attempts: 2, seconds: 3600 };
  await throttle.failed("a", limit);
  const held = Promise.withResolvers<void>();
  late = held;
  const asked = throttle.blocked("a", limit);
  // What was asked has been read, but not been heard.
  await new Promise(setImmediate);
  late = undefined;
  await throttle.failed("a", limit);
  held.resolve();
  assert.equal(await asked, 0);
  assert.ok((await throttle.blocked("a", limit)) > 0);
});

test("the provider's throttle blocks a key after its failures, by the caller's limit where there is one", async () => {
  const { store, now, pass } = setUp();
  const throttle = storeThrottle({ store, now });
  const limit = { attempts: 2, seconds: 3600 };
  await throttle.failed("register:192.0.2.1", limit);
  assert.equal(await throttle.blocked("register:192.0.2.1", limit), 0);
  await throttle.failed("register:192.0.2.1", limit);
  assert.equal(await throttle.blocked("register:192.0.2.1", limit), 3600);
  assert.equal(await throttle.blocked("register:192.0.2.1"), 0, "another limit is another count");
  for (let n = 0; n < 30; n++) await throttle.failed("client:192.0.2.1");
  assert.equal(await throttle.blocked("client:192.0.2.1"), 60);
  pass(minute);
  assert.equal(await throttle.blocked("client:192.0.2.1"), 0);
});
