/**
 * Runs one suite twice: over SQLite, and over a real PostgreSQL that is started for it. What holds on one holds on the other.
 */
import { describe } from "node:test";
import { usePostgres } from "./fixtures.ts";
import { dumpPostgres, dumpSqlite } from "./tables.ts";

/** A kind of database, and how to get a fresh one. */
export interface Database {
  readonly name: "SQLite" | "PostgreSQL";
  /** Value for `startServer({ database })`. */
  fresh(): Promise<string>;
}

/** Defines the suite once per database. The two run side by side; the tests of each one after the other. */
export function onEachDatabase(title: string, define: (database: Database) => void): void {
  describe(title, { concurrency: 2 }, () => {
    describe(`${title}, SQLite`, { concurrency: 1 }, () => define({ name: "SQLite", fresh: async () => "sqlite" }));
    describe(`${title}, PostgreSQL`, { concurrency: 1 }, () => {
      const postgres = usePostgres();
      define({ name: "PostgreSQL", fresh: () => postgres().createDatabase() });
    });
  });
}

/** Everything a server has stored, as text: rows of every table, and for SQLite the bytes of its files too. */
export function dump(server: { readonly databaseFile: string }, database: string): Promise<string> {
  return database === "sqlite" ? dumpSqlite(server.databaseFile) : dumpPostgres(database);
}
