/**
 * Runs tests of races once per kind of store: in memory, on SQLite and on a real PostgreSQL.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import type { OpenStore, Store } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";
import { postgresStore } from "@valetkey/store/postgres";
import { sqliteStore } from "@valetkey/store/sqlite";
import { type RunningPostgres, startPostgres } from "@valetkey/test-support/postgres";

/** Defines the tests for each kind; they get what opens a fresh store, on the clock of this machine. */
export function onEachStore(title: string, define: (open: () => Promise<Store>) => void): void {
  describe(`${title}, in memory`, () => define(async () => memoryStore()));

  describe(`${title}, on SQLite`, () => {
    const opened: OpenStore[] = [];
    let folder: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "valetkey-spec-"));
    });
    after(async () => {
      for (const store of opened) await store.close();
      await rm(folder, { recursive: true, force: true });
    });
    define(async () => keep(opened, await sqliteStore({ file: join(folder, `${opened.length}.db`) })));
  });

  describe(`${title}, on PostgreSQL`, () => {
    const opened: OpenStore[] = [];
    let postgres: RunningPostgres;
    before(async () => {
      postgres = await startPostgres();
    });
    after(async () => {
      for (const store of opened) await store.close();
      await postgres.stop();
    });
    define(async () => keep(opened, await postgresStore({ url: await postgres.createDatabase() })));
  });
}

function keep(opened: OpenStore[], store: OpenStore): Store {
  opened.push(store);
  return store;
}
