/**
 * The history of the directory's tables: one for SQLite and PostgreSQL, applied in order, each once.
 *
 * The one property: a database that a newer version has changed is refused, never worked on. Several processes may start
 * at the same time: one migrates, the others wait.
 */
import { NewerSchema } from "@valetkey/store";
import { type Kysely, sql } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import type { Tables } from "./tables.ts";

/** Where the database keeps which migrations it has had. */
export const historyTable = "valetkey_migration";

const history: Readonly<Record<string, Migration>> = {
  "0001_accounts": {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable("valetkey_account")
        .addColumn("subject", "text", (column) => column.primaryKey())
        .addColumn("email", "text", (column) => column.notNull().unique())
        .addColumn("name", "text", (column) => column.notNull())
        .addColumn("email_verified", "integer", (column) => column.notNull())
        .addColumn("disabled", "integer", (column) => column.notNull())
        .addColumn("password", "text")
        .addColumn("search", "text", (column) => column.notNull())
        .addColumn("created_at", "bigint", (column) => column.notNull())
        .addColumn("updated_at", "bigint", (column) => column.notNull())
        .execute();
    },
  },
};

/** Applies what is missing. Throws `NewerSchema`, or the error of the database. */
export async function migrate(db: Kysely<Tables>): Promise<void> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => ({ ...history }) },
    migrationTableName: historyTable,
    migrationLockTableName: `${historyTable}_lock`,
  });
  await refuseNewer(db);
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}

async function refuseNewer(db: Kysely<Tables>): Promise<void> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some(({ name }) => name === historyTable)) return;
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(historyTable)}`.execute(db);
  checkHistory(rows.map(({ name }) => name));
}

/** Throws `NewerSchema` if one of these migrations, which were applied somewhere, is not of this version. */
export function checkHistory(applied: readonly string[]): void {
  const unknown = applied.filter((name) => !Object.hasOwn(history, name));
  if (unknown.length === 0) return;
  throw new NewerSchema(
    `The database was changed by a newer version of Valetkey (${unknown.sort().join(", ")}). ` +
      "Start that version, or restore a backup from before the upgrade.",
  );
}
