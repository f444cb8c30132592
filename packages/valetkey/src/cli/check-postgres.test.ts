/**
 * What doctor says of a PostgreSQL that several servers share. The list of statements it tries is compared with what a store and a
 * directory really send, so that a new kind of statement is tried, too, and documented.
 */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { postgresStore } from "@valetkey/store/postgres";
import { type RunningPostgres, startPostgres } from "@valetkey/test-support/postgres";
import { startPostgresTap } from "@valetkey/test-support/postgres-tap";
import pg from "pg";
import { openDirectory } from "../accounts/accounts.ts";
import { connectionsOfOne } from "./check-postgres.ts";
import type { Check } from "./doctor.ts";
import { commandsIn } from "./place.test.ts";
import { tables, trials } from "./postgres-statements.ts";

let folder: string;
let postgres: RunningPostgres;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "valetkey-doctor-"));
  postgres = await startPostgres({ durable: true, settings: { max_connections: "60" } });
});
after(async () => {
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Runs doctor on a database; gives what it says of the database, one line for each check. */
async function examine(database: string, more: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const run = commandsIn(folder, "doctor", {
    VALETKEY_DATABASE_URL: database,
    VALETKEY_SECRET: "a secret as long as it has to be 0123",
    VALETKEY_ISSUER: "http://localhost:1",
    ...more,
  });
  const { json } = await run("doctor --json");
  const about = ["database", "connections", "statements"];
  return (json.checks as Check[])
    .filter(({ name }) => about.includes(name))
    .map(({ name, status, detail, fix }) => `${status} ${name} ${detail}${fix === undefined ? "" : `; ${fix}`}`);
}

async function query(url: string, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) ({ rows } = await client.query(statement));
    return rows;
  } finally {
    await client.end();
  }
}

describe("doctor and PostgreSQL", { concurrency: 1 }, () => {
  test("a good one is durable, on time, has room, and runs every kind of statement; nothing is left, with tables or without", async () => {
    const database = await postgres.createDatabase();
    const picture = () =>
      query(
        database,
        "select relname, relkind, reltuples::int from pg_class where relnamespace >= 2200 order by relname",
      );
    const good = [
      /^ok database PostgreSQL 1\d\.\d+, durable, on time \(\d+ ms apart\)$/,
      new RegExp(
        `^ok connections this server may open ${connectionsOfOne} of \\d+; there is room for \\d more such process(es)?, here or elsewhere$`,
      ),
      /^ok statements 9 kinds work, at read committed; nothing was kept$/,
    ];
    const looked = async () => {
      const said = await examine(database);
      assert.equal(said.length, good.length, said.join("\n"));
      for (const [at, line] of said.entries()) assert.match(line, good[at] ?? /$^/);
    };
    const empty = await picture();
    await looked();
    assert.deepEqual(await picture(), empty);

    const store = await postgresStore({ url: database });
    const entry = { kind: "code", id: "1", version: 1, expiresAt: 1, data: { kept: true } };
    await store.commit([{ do: "insert", entry }]);
    await store.close();
    const used = await picture();
    await looked();
    assert.deepEqual(await picture(), used);
    // What has expired is not doctor's to sweep.
    assert.deepEqual(await query(database, "select kind, id from entry"), [{ kind: "code", id: "1" }]);
  });

  test("more workers than connections are a problem, and the fix says how many fit", async () => {
    const database = await postgres.createDatabase();
    const [, enough] = await examine(database, { VALETKEY_WORKERS: "3" });
    assert.match(
      enough ?? "",
      /^ok connections 3 workers may open 42 of \d+; there is room for 1 more such process, here or elsewhere$/,
    );
    const [, many] = await examine(database, { VALETKEY_WORKERS: "9" });
    assert.match(many ?? "", /^problem connections 9 workers may open 126, and there are 57.*; .*run at most 4$/);
  });

  test("one that is not there yet: doctor and the other commands say createdb, and with which name", async () => {
    const url = new URL(await postgres.createDatabase());
    url.pathname = "/not_there_yet";
    const [line] = await examine(url.href);
    assert.match(line ?? "", /^problem database database "not_there_yet" does not exist; createdb not_there_yet, at/);
    const run = commandsIn(folder, "none", { VALETKEY_SECRET: "a secret as long as it has to be 0123" });
    for (const command of ["serve --port 0 --issuer http://localhost:0", "user list"]) {
      const ran = await run(`${command} --database ${url.href}`);
      assert.equal(ran.status, 8, ran.said);
      assert.match(ran.said, /^✗ VK8001 (.*\n)+ +fix +createdb not_there_yet, at the server of VALETKEY_DATABASE_URL/);
    }
  });

  test("what the database does by default and Valetkey undoes is a note; what it cannot undo is a problem", async () => {
    const database = await postgres.createDatabase();
    const name = new URL(database).pathname.slice(1);
    await query(
      database,
      `alter database ${name} set default_transaction_isolation = 'serializable'`,
      `alter database ${name} set synchronous_commit = 'off'`,
    );
    const said = (await examine(database)).join("\n");
    assert.match(said, /^note database synchronous_commit is off by default/m);
    assert.match(said, /^note database isolation is serializable by default/m);
    assert.match(said, /^ok statements/m);

    const careless = await startPostgres();
    try {
      assert.match((await examine(careless.url())).join("\n"), /^problem database may lose data in a crash/m);
    } finally {
      await careless.stop();
    }
  });

  test("a role without rights is told which kinds of statement it cannot run", async () => {
    const database = await postgres.createDatabase();
    await (await postgresStore({ url: database })).close();
    await query(database, "create role guest login password 'guest'", "grant select, insert, update on entry to guest");
    const guest = new URL(database);
    guest.username = "guest";
    guest.password = "guest";
    const said = (await examine(guest.href)).at(-1) ?? "";
    assert.match(
      said,
      /^problem statements expired rows deleted.*permission denied for table entry; many rows deleted/,
    );
    assert.doesNotMatch(said, /many rows inserted/);
    await query(database, "revoke all on entry from guest", "drop table entry");
    assert.match((await examine(guest.href)).at(-1) ?? "", /^problem statements tables made.*permission denied/);
  });

  test("every kind of statement that the store and the directory send is tried", async () => {
    await using tap = await startPostgresTap(postgres.port);
    const database = new URL(await postgres.createDatabase());
    database.port = String(tap.port);
    const store = await postgresStore({ url: database.href });
    const directory = await openDirectory({ database: database.href, store });
    const entry = { kind: "code", id: "1", version: 1, client: "c", subject: "s", expiresAt: 1, data: {} };
    assert.ok(await store.commit([{ do: "insert", entry: { ...entry, expiresAt: Date.now() + 60_000 } }]));
    assert.ok(await store.commit([{ do: "replace", entry }]));
    assert.equal(await store.sweep(), 1);
    assert.ok(await store.commit([{ do: "insert", entry: { ...entry, expiresAt: Date.now() + 60_000 } }]));
    assert.ok(await store.get("code", "1"));
    assert.equal((await store.list("code", { client: "c", subject: "s", after: "0" })).length, 1);
    assert.ok(await store.commit([{ do: "remove", entry }]));
    await directory.find("nobody");
    await directory.close();
    await store.close();

    // Names of what we made and of what it holds; what is left are the words of SQL.
    const ours = ["valetkey_account", "email", "name", "value", "store_meta"];
    const wordsOf = (sql: readonly string[]) =>
      new Set(sql.flatMap((text) => text.toLowerCase().match(/[a-z_]+/g) ?? []));
    const tried = wordsOf([tables.sql, ...trials("x").map(({ sql }) => sql)]);
    const sent = tap.statements().filter((sql) => /\b(entry|valetkey_account)\b/.test(sql) && !/^\s*create/.test(sql));
    assert.ok(sent.length >= 8, sent.join("\n"));
    const untried = [...wordsOf(sent)].filter((word) => !tried.has(word) && !ours.includes(word));
    assert.deepEqual(untried, []);
  });

  test("docs/scaling.md lists every kind of statement", async () => {
    const page = await readFile(new URL("../../../../docs/scaling.md", import.meta.url), "utf8");
    for (const { what } of [tables, ...trials("x")]) assert.ok(page.includes(what), what);
  });
});
