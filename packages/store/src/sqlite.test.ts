/** The SQLite store: the conformance suite, and what concerns the file: durability, threads, processes, faults. */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, beforeEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startProcess } from "@valetkey/test-support/process";
import fc from "fast-check";
import { storeConformance } from "./conformance.ts";
import { insert, replace } from "./lib/conformance-tools.ts";
import { sqliteStore } from "./sqlite.ts";
import { NewerSchema, type OpenStore, StoreUnavailable } from "./store.ts";

let root = "";
let folders = 0;
let file = "";
before(() => {
  root = mkdtempSync(join(tmpdir(), "valetkey-sqlite-"));
});
after(() => rmSync(root, { recursive: true, force: true }));
const freshFile = () => {
  folders += 1;
  return join(root, `${folders}`, "deep", "store.db");
};

storeConformance({
  name: "sqlite",
  open: async (now) => {
    const store = await sqliteStore({ file: freshFile(), now });
    return { store, close: () => store.close() };
  },
  tools: { describe, test, assert, fc },
});

const child = fileURLToPath(new URL("./lib/commit-until-killed.test.child.js", import.meta.url));

/** The names a child printed as acknowledged; the last line may be cut short by its end. */
function acknowledged(output: string): string[] {
  const lines = output.split("\n").slice(0, -1);
  return lines.filter((line) => line.startsWith("+")).map((line) => line.slice(1));
}

/** Opens the file the way another program would, and runs one statement. */
function query(text: string): Record<string, unknown>[] {
  const database = new DatabaseSync(file);
  try {
    return database.prepare(text).all();
  } finally {
    database.close();
  }
}

/** Counts the transactions in the write-ahead log: the last frame of each tells the size of the database (file format §4.1). */
function transactionsInLog(): number {
  const log = readFileSync(`${file}-wal`);
  const pageSize = log.readUInt32BE(8);
  const salt = log.subarray(16, 24);
  let count = 0;
  for (let at = 32; at + 24 + pageSize <= log.length; at += 24 + pageSize) {
    if (!log.subarray(at + 8, at + 16).equals(salt)) break;
    if (log.readUInt32BE(at + 4) !== 0) count += 1;
  }
  return count;
}

describe("sqlite: the file", () => {
  beforeEach(() => {
    file = freshFile();
  });

  test("is for its owner only, as is its folder, under any umask (ST-04)", async () => {
    const umask = process.umask(0);
    try {
      const store = await sqliteStore({ file });
      await store.commit([insert("k", "a")]);
      for (const suffix of ["", "-wal", "-shm"]) assert.equal(statSync(file + suffix).mode & 0o777, 0o600, suffix);
      assert.equal(statSync(join(file, "..")).mode & 0o777, 0o700);
      assert.equal(statSync(join(file, "../..")).mode & 0o777, 0o700);
      await store.close();
    } finally {
      process.umask(umask);
    }
  });

  test("keeps its entries when it is closed and opened again, and leaves no log behind", async () => {
    const first = await sqliteStore({ file });
    await first.commit([insert("k", "a", { data: "kept" })]);
    await first.close();
    assert.ok(!existsSync(`${file}-wal`));
    const second = await sqliteStore({ file });
    assert.equal((await second.get("k", "a"))?.data, "kept");
    await second.close();
  });

  test("lives beside other tables and leaves user_version alone", async () => {
    await (await sqliteStore({ file })).close();
    query("pragma user_version = 42");
    query("create table account (id text)");
    await (await sqliteStore({ file })).close();
    assert.deepEqual(query("pragma user_version"), [Object.assign(Object.create(null), { user_version: 42 })]);
  });

  test("is refused when a newer version wrote it (F-32)", async () => {
    await (await sqliteStore({ file })).close();
    query("update store_meta set value = '2' where name = 'schema_version'");
    await assert.rejects(sqliteStore({ file }), (error) => {
      assert.ok(error instanceof NewerSchema);
      assert.match(error.message, /newer version of Valetkey \(store schema 2; this one knows 1\)/);
      return true;
    });
  });

  test("is refused with its name when it is no database, or no file at all", async () => {
    const store = await sqliteStore({ file });
    await store.close();
    writeFileSync(file, "This is not a database. ".repeat(100));
    await assert.rejects(sqliteStore({ file }), { message: new RegExp(`^Cannot open ${file}`) });
    await assert.rejects(sqliteStore({ file: root }), { message: new RegExp(`^Cannot open ${root}`) });
    await assert.rejects(sqliteStore({ file: ":memory:" }), TypeError);
  });

  test("is let go of, by the writing thread too, when it cannot be opened for reading", async (t) => {
    await (await sqliteStore({ file })).close();
    // Only in this thread: the one that writes has opened the file by then.
    t.mock.method(DatabaseSync.prototype, "prepare", () => {
      throw new Error("made to fail");
    });
    await assert.rejects(sqliteStore({ file }), /made to fail/);
    // Whoever closes a database last takes its log away.
    assert.ok(!existsSync(`${file}-wal`));
    t.mock.restoreAll();
  });

  test("is written with synchronous = FULL in a write-ahead log", async () => {
    const { openForWriting } = await import("./sqlite-file.ts");
    await (await sqliteStore({ file })).close();
    const database = openForWriting(file);
    assert.equal(database.prepare("pragma synchronous").get()?.synchronous, 2);
    assert.equal(database.prepare("pragma journal_mode").get()?.journal_mode, "wal");
    database.close();
  });
});

describe("sqlite: commits", () => {
  let store: OpenStore;
  beforeEach(async () => {
    file = freshFile();
    store = await sqliteStore({ file });
  });

  /** Holds the write lock as another process would while `body` runs. */
  async function whileLocked(body: () => Promise<void>): Promise<void> {
    const other = new DatabaseSync(file);
    other.exec("begin immediate");
    try {
      await body();
    } finally {
      other.exec("rollback");
      other.close();
    }
  }

  test("wait for the disk in another thread: reads are answered and the event loop turns meanwhile", async () => {
    await store.commit([insert("k", "a")]);
    let held: Promise<boolean> = Promise.resolve(false);
    await whileLocked(async () => {
      let done = false;
      held = store.commit([insert("k", "b")]);
      void held.then(() => {
        done = true;
      });
      for (let turn = 0; turn < 1000; turn++) {
        await new Promise((resolve) => setImmediate(resolve));
        assert.equal((await store.get("k", "a"))?.id, "a");
      }
      assert.equal(done, false);
    });
    assert.equal(await held, true);
    await store.close();
  });

  test("that arrive while one is being made durable share the next transaction", async () => {
    const before = transactionsInLog();
    const commits: Promise<boolean>[] = [];
    await whileLocked(async () => {
      commits.push(store.commit([insert("k", "first")]));
      // A lone commit goes at the end of the turn; it waits for the lock from then on.
      await new Promise((resolve) => setImmediate(resolve));
      for (let n = 0; n < 100; n++) {
        commits.push(store.commit([insert("k", `n-${n}`)]));
        if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    });
    assert.ok((await Promise.all(commits)).every(Boolean));
    assert.equal(transactionsInLog() - before, 2);
    await store.close();
  });

  test("are not held back when nothing else is under way: one transaction each", async () => {
    const before = transactionsInLog();
    for (let n = 0; n < 5; n++) await store.commit([insert("k", `n-${n}`)]);
    assert.equal(transactionsInLog() - before, 5);
    await store.close();
  });

  test("beyond 10,000 waiting are refused with StoreUnavailable, the others hold", async () => {
    let results: PromiseSettledResult<boolean>[] = [];
    let all: Promise<PromiseSettledResult<boolean>[]> = Promise.resolve([]);
    await whileLocked(async () => {
      all = Promise.allSettled(Array.from({ length: 10_005 }, (_, n) => store.commit([insert("k", `n-${n}`)])));
    });
    results = await all;
    const refused = results.filter((result) => result.status === "rejected");
    assert.equal(refused.length, 5);
    assert.ok(refused.every((result) => result.reason instanceof StoreUnavailable));
    await store.close();
  });

  test("under way are finished by close; later calls are StoreUnavailable", async () => {
    const underWay = Array.from({ length: 50 }, (_, n) => store.commit([insert("k", `n-${n}`)]));
    const swept = store.sweep();
    await Promise.all([store.close(), store.close()]);
    assert.ok((await Promise.all(underWay)).every(Boolean));
    assert.equal(await swept, 0);
    await assert.rejects(store.get("k", "n-1"), StoreUnavailable);
    await assert.rejects(store.list("k", {}), StoreUnavailable);
    await assert.rejects(store.commit([insert("k", "late")]), StoreUnavailable);
    await assert.rejects(store.sweep(), StoreUnavailable);
  });
});

describe("sqlite: faults", () => {
  beforeEach(() => {
    file = freshFile();
  });

  test("a failed transaction fails its group with StoreUnavailable; then the store recovers on a new connection (F-06)", async () => {
    const store = await sqliteStore({ file });
    await store.commit([insert("k", "a")]);
    query(
      "create trigger broken before insert on entry when new.id = 'bad' begin select raise(abort, 'disk on fire'); end",
    );
    const group = await Promise.allSettled(["b", "bad", "c"].map((id) => store.commit([insert("k", id)])));
    for (const result of group) {
      assert.ok(result.status === "rejected" && result.reason instanceof StoreUnavailable);
      assert.match(result.reason.message, /disk on fire/);
      assert.match(`${(result.reason.cause as { code?: string }).code}`, /^SQLITE_/);
    }
    assert.deepEqual(
      (await store.list("k", {})).map((entry) => entry.id),
      ["a"],
    );
    assert.equal(await store.commit([insert("k", "b")]), true);
    await store.close();
  });

  test("a full disk is StoreUnavailable, not a lost race; with space again the store goes on", async () => {
    const store = await sqliteStore({ file });
    await store.commit([insert("k", "a", { data: 1 })]);
    query("create trigger full before insert on entry begin select raise(abort, 'database or disk is full'); end");
    await assert.rejects(store.commit([replace("k", "a", 1), insert("k", "b")]), StoreUnavailable);
    assert.equal((await store.get("k", "a"))?.version, 1);
    query("drop trigger full");
    assert.equal(await store.commit([replace("k", "a", 1), insert("k", "b")]), true);
    await store.close();
  });

  test("a file that was replaced, or deleted, is noticed: no write and after a second no read is answered (F-11)", async () => {
    const store = await sqliteStore({ file });
    await store.commit([insert("k", "a")]);
    renameSync(file, `${file}.old`);
    await assert.rejects(store.commit([insert("k", "b")]), { name: "StoreUnavailable", message: /moved, replaced/ });
    writeFileSync(file, "another file");
    await assert.rejects(store.commit([insert("k", "b")]), { name: "StoreUnavailable", message: /moved, replaced/ });
    const works = (call: Promise<unknown>) => call.then(Boolean, () => false);
    const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
    while (await works(store.get("k", "a"))) await pause();
    await assert.rejects(store.get("k", "a"), StoreUnavailable);
    // Back in its place it is the same file again.
    renameSync(`${file}.old`, file);
    while (!(await works(store.commit([insert("k", "b")])))) await pause();
    assert.equal((await store.get("k", "a"))?.id, "a");
    await store.close();
  });

  test("after kill -9 under load every acknowledged commit is there, whole (F-02)", async () => {
    const names: string[] = [];
    for (const prefix of ["one", "two"]) {
      const writer = await startProcess(process.execPath, [child, file, prefix], { ready: "ready" });
      await writer.waitForLine(`+${prefix}-2000`);
      await writer.kill();
      names.push(...acknowledged(writer.stdout()));
    }
    assert.ok(names.length >= 4000);
    const store = await sqliteStore({ file });
    for (const name of names) {
      assert.ok(await store.get("left", name), name);
      assert.ok(await store.get("right", name), name);
    }
    await store.close();
    assert.equal(query("pragma integrity_check")[0]?.integrity_check, "ok");
    const count = (kind: string) => query(`select count(*) as n from entry where kind = '${kind}'`)[0]?.n;
    assert.equal(count("left"), count("right"));
  });

  test("two processes on one file are safe: what either acknowledged is there, and one of them wins a race (F-34)", async () => {
    const store = await sqliteStore({ file });
    const other = await startProcess(process.execPath, [child, file, "race"], { ready: "ready" });
    await other.waitForLine("+race-");
    // Names the other process will come to: whoever is second must be told.
    const results = await Promise.all(
      Array.from({ length: 50 }, async (_, n) => {
        const name = `race-${1000 + 40 * n}`;
        return (await store.commit([insert("left", name), insert("right", name)])) ? name : undefined;
      }),
    );
    const mine = results.filter((name) => name !== undefined);
    await other.waitForLine("+race-3100");
    await other.kill();
    const theirs = acknowledged(other.stdout());
    const both = new Set([...mine, ...theirs]);
    assert.ok(mine.length > 0);
    assert.equal(both.size, mine.length + theirs.length);
    for (const name of both) assert.ok(await store.get("right", name), name);
    await store.close();
  });

  test("several may open a new file at the same moment", async () => {
    const stores = await Promise.all(Array.from({ length: 4 }, () => sqliteStore({ file })));
    const results = await Promise.all(stores.map((store) => store.commit([insert("k", "a")])));
    assert.equal(results.filter(Boolean).length, 1);
    await Promise.all(stores.map((store) => store.close()));
  });
});
