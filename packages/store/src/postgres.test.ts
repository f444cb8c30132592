/** The PostgreSQL store on a real server: the conformance suite, several stores on one database, and faults. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { type RunningPostgres, startPostgres } from "@valetkey/test-support/postgres";
import fc from "fast-check";
import pg from "pg";
import { storeConformance } from "./conformance.ts";
import { insert, replace } from "./lib/conformance-tools.ts";
import { postgresStore } from "./postgres.ts";
import { poolLimits } from "./postgres-pool.ts";
import { NewerSchema, type OpenStore, StoreUnavailable } from "./store.ts";

let postgres: RunningPostgres;
before(async () => {
  postgres = await startPostgres({ settings: { max_connections: "100" } });
});
after(() => postgres.stop());

storeConformance({
  name: "postgres",
  open: async (now) => {
    const store = await postgresStore({ url: await postgres.createDatabase(), now });
    return { store, close: () => store.close() };
  },
  tools: { describe, test, assert, fc },
});

/** Runs statements over a connection of its own. */
async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);
const settled = (call: Promise<unknown>) =>
  call.then(
    () => "answered" as const,
    (error: unknown) => (error instanceof StoreUnavailable ? ("unavailable" as const) : error),
  );

/** Waits until the store works again; every failure on the way must be `StoreUnavailable`. */
async function untilAnswered(call: () => Promise<unknown>): Promise<void> {
  for (;;) {
    const result = await settled(call());
    if (result === "answered") return;
    assert.equal(result, "unavailable");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe("postgres: several servers on one database", () => {
  let url = "";
  let stores: [OpenStore, OpenStore];
  beforeEach(async () => {
    url = await postgres.createDatabase();
    // Both create the tables at the same moment.
    stores = await Promise.all([postgresStore({ url }), postgresStore({ url })]);
  });

  const closeBoth = () => Promise.all(stores.map((store) => store.close()));

  test("50 redeem one code on both: one wins, and only its token exists", async () => {
    const [one, two] = stores;
    for (const round of numbers(10)) {
      const code = `code-${round}`;
      await one.commit([insert("code", code)]);
      const results = await Promise.all(
        numbers(50).map((n) =>
          (n % 2 === 0 ? one : two).commit([replace("code", code, 1, { data: n }), insert("token", `${code}-${n}`)]),
        ),
      );
      assert.equal(results.filter(Boolean).length, 1);
      const winner = results.indexOf(true);
      assert.equal((await two.get("code", code))?.data, winner);
      assert.deepEqual(
        (await two.list("token", { limit: 1000 })).filter(({ id }) => id.startsWith(`${code}-`)).map(({ id }) => id),
        [`${code}-${winner}`],
      );
    }
    await closeBoth();
  });

  test("the same new marks, among neighbours, in opposite order: each is inserted once", async () => {
    const won = await Promise.all(
      stores.map(async (store, index) => {
        const names = numbers(200).map((n) => `jti-${n}`);
        if (index === 1) names.reverse();
        return Promise.all(
          names.map((name) =>
            store.commit([insert("jti", name), insert("by", `${name}-${index}`)]).then((won) => (won ? name : "")),
          ),
        );
      }),
    );
    const winners = won.flat().filter((name) => name !== "");
    assert.deepEqual([winners.length, new Set(winners).size], [200, 200]);
    assert.equal((await stores[0].list("by", { limit: 1000 })).length, 200);
    await closeBoth();
  });

  test("entries in opposite order on both: one of each pair wins, and nobody hangs", async () => {
    const [one, two] = stores;
    await one.commit([insert("k", "a"), insert("k", "b")]);
    for (const round of numbers(50)) {
      const pair = [replace("k", "a", round + 1), replace("k", "b", round + 1)];
      const results = await Promise.all([one.commit(pair), two.commit([...pair].reverse())]);
      assert.equal(results.filter(Boolean).length, 1);
    }
    await closeBoth();
  });

  test("entries are locked in order of id, so that overlapping commits never wait in a circle", async () => {
    const [store] = stores;
    const names = [..."abcdefghijklmnopqrstuvwxyz"];
    await store.commit(names.map((name) => insert("k", name)));
    const other = new pg.Client({ connectionString: url });
    await other.connect();
    await other.query("begin; select from entry where id = 'm' for update");
    const held = store.commit([...names].reverse().map((name) => replace("k", name, 1)));
    const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    while ((await query(url, waiting)).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    // It waits for m: what comes before is locked by now, what comes after is not.
    const free = await query(url, "select id from entry order by id for update skip locked");
    await other.query("rollback");
    await other.end();
    assert.deepEqual(free.map(({ id }) => id).join(""), "nopqrstuvwxyz");
    assert.equal(await held, true);
    await closeBoth();
  });

  test("a chain of changes to one entry that nobody waited for is applied in order", async () => {
    const [store] = stores;
    const results = await Promise.all([
      store.commit([insert("k", "a")]),
      store.commit([replace("k", "a", 1), insert("k", "b")]),
      store.commit([replace("k", "a", 2)]),
      store.commit([replace("k", "a", 2), insert("k", "c")]),
      store.commit([replace("k", "a", 3), replace("k", "b", 1)]),
    ]);
    assert.deepEqual(results, [true, true, true, false, true]);
    assert.deepEqual(
      (await store.list("k", {})).map(({ id, version }) => [id, version]),
      [
        ["a", 4],
        ["b", 2],
      ],
    );
    await closeBoth();
  });

  for (const [weaker, kept] of [
    ["off", "on"],
    ["local", "on"],
    ["remote_apply", "remote_apply"],
  ] as const) {
    test(`a commit is acknowledged when it is on disk, where the database says synchronous_commit = ${weaker} (P19)`, async () => {
      await closeBoth();
      await query(url, `alter database ${new URL(url).pathname.slice(1)} set synchronous_commit = ${weaker}`);
      await query(
        url,
        `create table seen (setting text);
         create function note() returns trigger language plpgsql as $$ begin
           insert into seen values (current_setting('synchronous_commit')); return new;
         end $$;
         create trigger note before insert on entry for each row execute function note()`,
      );
      const store = await postgresStore({ url });
      await store.commit([insert("k", "a")]);
      await store.close();
      assert.deepEqual(await query(url, "select * from seen"), [{ setting: kept }]);
    });
  }

  test("a newer schema is refused (F-32)", async () => {
    await closeBoth();
    const url = await postgres.createDatabase();
    await (await postgresStore({ url })).close();
    await query(url, "update store_meta set value = '2' where name = 'schema_version'");
    await assert.rejects(postgresStore({ url }), (error) => {
      assert.ok(error instanceof NewerSchema);
      assert.match(error.message, /newer version of Valetkey \(store schema 2; this one knows 1\)/);
      return true;
    });
  });
});

describe("postgres: faults", () => {
  let url = "";
  let store: OpenStore;
  beforeEach(async () => {
    url = await postgres.createDatabase();
    store = await postgresStore({ url });
  });

  /** Makes inserts of these ids fail with this SQLSTATE, as often as the sequence allows. */
  const failWith = (code: string, ids: string, times: number) =>
    query(
      url,
      `create sequence failures;
       create function fail() returns trigger language plpgsql as $$ begin
         if new.id like '${ids}' and nextval('failures') <= ${times} then raise exception 'made to fail' using errcode = '${code}'; end if;
         return new;
       end $$;
       create trigger fail before insert on entry for each row execute function fail()`,
    );

  for (const code of ["40001", "40P01"]) {
    test(`${code} twice is tried again and succeeds (F-15)`, async () => {
      await failWith(code, "a", 2);
      assert.equal(await store.commit([insert("k", "a")]), true);
      await store.close();
    });

    test(`${code} for ever is StoreUnavailable after three tries, and takes no neighbour with it (F-15)`, async () => {
      await failWith(code, "bad%", 1000);
      const results = await Promise.all(["a", "bad", "b"].map((id) => settled(store.commit([insert("k", id)]))));
      assert.deepEqual(results, ["answered", "unavailable", "answered"]);
      assert.deepEqual(await query(url, "select last_value::int as tries from failures"), [{ tries: 3 }]);
      assert.deepEqual(
        (await store.list("k", {})).map(({ id }) => id),
        ["a", "b"],
      );
      await store.close();
    });
  }

  test("a crash under load: every failure is StoreUnavailable, then it recovers, and what was acknowledged is there whole", async () => {
    const durable = await startPostgres({ durable: true });
    const load = await postgresStore({ url: durable.url() });
    const acknowledged: string[] = [];
    const outcomes = new Set<unknown>();
    let stopped = false;
    const workers = numbers(16).map(async (worker) => {
      for (let n = 0; !stopped; n++) {
        const id = `${worker}-${n}`;
        const outcome = await settled(load.commit([insert("left", id), insert("right", id)]));
        outcomes.add(outcome);
        if (outcome === "answered") acknowledged.push(id);
      }
    });
    while (acknowledged.length < 500) await new Promise((resolve) => setImmediate(resolve));
    await durable.crash();
    assert.equal(await settled(load.get("left", "0-0")), "unavailable");
    await durable.restart();
    await untilAnswered(() => load.get("left", "0-0"));
    const before = acknowledged.length;
    while (acknowledged.length < before + 100) await new Promise((resolve) => setImmediate(resolve));
    stopped = true;
    await Promise.all(workers);
    assert.deepEqual([...outcomes].sort(), ["answered", "unavailable"]);
    for (const id of acknowledged) assert.ok((await load.get("left", id)) && (await load.get("right", id)), id);
    const [count] = await query(
      durable.url(),
      "select count(*) filter (where kind = 'left')::int as l, count(*)::int as n from entry",
    );
    assert.equal(Number(count?.l) * 2, count?.n);
    await load.close();
    await durable.stop();
  });

  test("a server that turned read-only is StoreUnavailable and all connections to it are dropped (F-13)", async () => {
    await store.commit([insert("k", "a")]);
    const name = new URL(url).pathname.slice(1);
    await query(url, `alter database ${name} set default_transaction_read_only = on`);
    await query(
      url,
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}' and pid <> pg_backend_pid()`,
    );
    await untilAnswered(() => Promise.all(numbers(5).map(() => store.list("k", {}))));
    assert.equal(await settled(store.commit([insert("k", "b")])), "unavailable");
    // Connections made before stay read-only: only new ones get through, so the first attempt shows that none is left.
    await query(postgres.url(), `alter database ${name} reset default_transaction_read_only`);
    assert.equal(await store.commit([insert("k", "b")]), true);
    await store.close();
  });

  test("a standby is StoreUnavailable for reads too, because it lags; once promoted it answers (F-13)", async () => {
    const server = await startPostgres();
    const here = await postgresStore({ url: server.url() });
    await here.commit([insert("k", "a")]);
    const [setting] = await query(server.url(), "show data_directory");
    await writeFile(join(`${setting?.data_directory}`, "standby.signal"), "");
    await server.restart();
    for (const call of [0, 1, 2].map(() => here.get("k", "a"))) assert.equal(await settled(call), "unavailable");
    assert.equal(await settled(here.get("k", "a")), "unavailable");
    assert.equal(await settled(here.commit([insert("k", "b")])), "unavailable");
    await query(server.url(), "select pg_promote()");
    await untilAnswered(() => here.commit([insert("k", "b")]));
    assert.deepEqual(
      (await here.list("k", {})).map(({ id }) => id),
      ["a", "b"],
    );
    await here.close();
    await server.stop();
  });

  test("a network that swallows everything is StoreUnavailable within about 5 s, and new connections follow (F-18)", async () => {
    const proxy = await startProxy(postgres.port);
    const through = new URL(url);
    through.port = `${proxy.port}`;
    const far = await postgresStore({ url: through.href });
    await far.commit([insert("k", "a")]);
    proxy.swallow(true);
    const calls = [far.commit([insert("k", "b")]), ...numbers(20).map(() => far.get("k", "a"))];
    // What ended them is our own limit, nothing the network said.
    for (const result of await Promise.allSettled(calls)) {
      assert.ok(result.status === "rejected" && result.reason instanceof StoreUnavailable);
      assert.match(result.reason.message, /timeout/i);
    }
    assert.ok(poolLimits.answer <= 5_000 && poolLimits.connect <= 5_000);
    proxy.swallow(false);
    await untilAnswered(() => far.get("k", "a"));
    await untilAnswered(() => far.commit([insert("k", "c")]));
    await far.close();
    await proxy.close();
  });

  test("a server that cannot be reached is StoreUnavailable when opening", async () => {
    const nobody = new URL(url);
    nobody.port = "1";
    await assert.rejects(postgresStore({ url: nobody.href }), StoreUnavailable);
  });

  test("close finishes what is under way; later calls are StoreUnavailable", async () => {
    const underWay = numbers(50).map((n) => store.commit([insert("k", `n-${n}`)]));
    const reading = store.get("k", "none");
    await Promise.all([store.close(), store.close()]);
    assert.ok((await Promise.all(underWay)).every(Boolean));
    assert.equal(await reading, undefined);
    for (const call of [store.get("k", "a"), store.list("k", {}), store.commit([insert("k", "x")]), store.sweep()]) {
      assert.equal(await settled(call), "unavailable");
    }
  });
});

/** A proxy on loopback that can stop passing anything on while it keeps its connections open. */
async function startProxy(target: number) {
  const sockets = new Set<Socket>();
  let swallowing = false;
  const server: Server = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      // A connection that met the hole never comes back to life.
      let dead = swallowing;
      from.on("data", (bytes) => {
        dead ||= swallowing;
        if (!dead) to.write(bytes);
      });
      from.on("close", () => to.destroy());
      from.on("error", () => {});
      sockets.add(from);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" ? (address?.port ?? 0) : 0,
    swallow: (on: boolean) => {
      swallowing = on;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
