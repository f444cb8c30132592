import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Kysely, sql } from "kysely";
import { sqliteDialect } from "./sqlite-dialect.ts";

let folder: string;
let files = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "valetkey-dialect-"));
});
after(() => rm(folder, { recursive: true, force: true }));

/** Opens a fresh file with a table, and on the connection a table that goes when the connection goes. */
async function withDatabase(work: (db: Kysely<unknown>, isSameConnection: () => Promise<boolean>) => Promise<void>) {
  const db = new Kysely<unknown>({ dialect: sqliteDialect(join(folder, `${++files}.db`)) });
  try {
    await sql`create table thing (id integer primary key)`.execute(db);
    await sql`create temp table mark (id integer)`.execute(db);
    await work(db, async () => {
      const { rows } = await sql`select name from sqlite_temp_schema where name = 'mark'`.execute(db);
      return rows.length > 0;
    });
  } finally {
    await db.destroy();
  }
}

const insert = (id: number) => sql`insert into thing values (${id})`;
const count = async (db: Kysely<unknown>) => (await sql`select id from thing`.execute(db)).rows.length;

test("SQLite: after a failure the next statement runs on a new connection, since a failed sync may have lost pages", async () => {
  await withDatabase(async (db, isSameConnection) => {
    await insert(1).execute(db);
    assert.equal(await isSameConnection(), true);
    await assert.rejects(insert(1).execute(db), /UNIQUE/);
    assert.equal(await isSameConnection(), false);
    await insert(2).execute(db);
    assert.equal(await count(db), 2);
  });
});

test("SQLite: of a transaction that failed nothing more runs, whoever goes on in it, and nothing of it stays", async () => {
  await withDatabase(async (db) => {
    const work = db.transaction().execute(async (transaction) => {
      await insert(1).execute(transaction);
      await assert.rejects(insert(1).execute(transaction), /UNIQUE/);
      await assert.rejects(insert(2).execute(transaction), /failed already/);
    });
    await assert.rejects(work, /failed already/);
    assert.equal(await count(db), 0);
    await db.transaction().execute(async (transaction) => {
      await insert(3).execute(transaction);
    });
    assert.equal(await count(db), 1);
    const undone = db.transaction().execute(async (transaction) => {
      await insert(4).execute(transaction);
      throw new Error("changed my mind");
    });
    await assert.rejects(undone, /changed my mind/);
    assert.equal(await count(db), 1);
  });
});

test("SQLite: the directory's connection is as durable as the store's", async () => {
  await withDatabase(async (db) => {
    for (const [pragma, value] of Object.entries({ synchronous: 2, fullfsync: 1, checkpoint_fullfsync: 1 })) {
      const { rows } = await sql`select * from ${sql.raw(`pragma_${pragma}`)}`.execute(db);
      assert.deepEqual(Object.values(rows[0] as object), [value], pragma);
    }
  });
});
