/**
 * Looks into a database without asking the server: every row of every table, as text to search in.
 */
import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";

/** Rows of every table of a SQLite file, and the raw bytes of the file and its companions (`-wal`, `-shm`). */
export async function dumpSqlite(file: string): Promise<string> {
  const rows = tablesOfSqlite(file).map(([table, all]) => `${table} ${JSON.stringify(all)}`);
  const folder = dirname(file);
  const files = (await readdir(folder)).filter((name) => name.startsWith(basename(file)));
  const bytes = await Promise.all(files.map((name) => readFile(join(folder, name), "latin1")));
  return [...rows, ...bytes].join("\n");
}

/** Rows of every table by its name. */
export function tablesOfSqlite(file: string): [string, unknown[]][] {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const tables = database.prepare("select name from sqlite_master where type = 'table'").all() as { name: string }[];
    return tables.map(({ name }) => [name, database.prepare(`select * from "${name}"`).all()]);
  } finally {
    database.close();
  }
}

/** Rows of every table of a PostgreSQL database. */
export async function dumpPostgres(url: string): Promise<string> {
  return queryPostgres(url, async (client) => {
    const tables = await client.query<{ schema: string; name: string }>(
      "select table_schema as schema, table_name as name from information_schema.tables where table_schema not in ('pg_catalog', 'information_schema')",
    );
    const rows: string[] = [];
    for (const { schema, name } of tables.rows) {
      const all = await client.query(`select * from "${schema}"."${name}"`);
      rows.push(`${name} ${JSON.stringify(all.rows)}`);
    }
    return rows.join("\n");
  });
}

/** Runs something on a connection of its own. */
export async function queryPostgres<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
