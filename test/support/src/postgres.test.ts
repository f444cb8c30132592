import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { type RunningPostgres, startPostgres } from "./postgres.ts";
import { startProcess } from "./process.ts";

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

describe("startPostgres", () => {
  let postgres: RunningPostgres;
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.stop());

  test("gives every caller a fresh database", async () => {
    const [one, two] = [await postgres.createDatabase(), await postgres.createDatabase()];
    await query(one, "create table only_here (id int)");
    assert.deepEqual(await query(two, "select to_regclass('only_here') as found"), [{ found: null }]);
  });

  test("keeps its data and its address over a crash", async () => {
    const url = await postgres.createDatabase();
    await query(url, "create table kept (id int); insert into kept values (7)");
    await query(url, "checkpoint");
    await postgres.crash();
    await assert.rejects(query(url, "select 1"));
    await postgres.restart();
    assert.deepEqual(await query(url, "select id from kept"), [{ id: 7 }]);
  });

  test("is durable when told so", async () => {
    assert.deepEqual(await query(postgres.url(), "show fsync"), [{ fsync: "off" }]);
    const durable = await startPostgres({ durable: true, settings: { max_connections: "7" } });
    try {
      assert.deepEqual(await query(durable.url(), "show fsync"), [{ fsync: "on" }]);
      assert.deepEqual(await query(durable.url(), "show synchronous_commit"), [{ synchronous_commit: "on" }]);
      assert.deepEqual(await query(durable.url(), "show max_connections"), [{ max_connections: "7" }]);
    } finally {
      await durable.stop();
    }
  });

  test("leaves nothing behind when the test process is killed", async () => {
    const script = `
      import { startPostgres } from "./postgres.js";
      import pg from "pg";
      const postgres = await startPostgres();
      const client = new pg.Client(postgres.url());
      await client.connect();
      console.log("folder", (await client.query("show data_directory")).rows[0].data_directory);
      setInterval(() => {}, 1000);
    `;
    const child = await startProcess(process.execPath, ["--input-type=module", "-e", script], {
      ready: "folder ",
      cwd: dirname(fileURLToPath(import.meta.url)),
    });
    const folder = dirname(child.readyLine.slice("folder ".length));
    assert.ok(existsSync(folder));
    await child.kill();
    for (let i = 0; existsSync(folder) && i < 100; i++) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(!existsSync(folder));
  });
});
