/**
 * Fills the store's SQLite file with live entries, many times faster than the server could.
 *
 * Real rows are the patterns: a server made one of each kind before, through its own endpoints; copies get ids, digests, clients and
 * subjects of their own, in the order of their ids. Indexes are dropped and made anew from what the file itself says of them. The one
 * property: what is in the file afterwards is what a server would have put there, but that the secrets are known to nobody.
 */
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { createId, randomToken } from "@valetkey/protocol/random";

/** Of a hundred entries so many are of each kind; each grant has its tokens. */
const shares = { grant: 20, access: 40, refresh: 20, session: 20 } as const;
const batch = 50_000;

interface Pattern {
  readonly kind: string;
  readonly id: string;
  readonly client: string | null;
  readonly subject: string | null;
  readonly data: string;
}

/** Adds entries until there are so many, and clients. Nobody else may have the file open. */
export function fill(file: string, { entries, clients }: { readonly entries: number; readonly clients: number }): void {
  const database = new DatabaseSync(file);
  // The file is thrown away if this is cut short.
  database.exec("pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -2000000;");
  const indexes = database
    .prepare("select name, sql from sqlite_schema where type = 'index' and tbl_name = 'entry' and sql is not null")
    .all() as unknown as readonly { name: string; sql: string }[];
  for (const { name } of indexes) database.exec(`drop index ${name}`);
  const count = (kind: string): number =>
    Number(database.prepare("select count(*) as n from entry where kind = ?").get(kind)?.n ?? 0);
  add(database, patternOf(database, "client", "web-es256"), clients - count("client"), (pattern, n) => {
    const client = clientName(n);
    return [client, null, null, null, pattern.data.replaceAll("web-es256", client)];
  });
  for (const [kind, share] of Object.entries(shares)) {
    const pattern = patternOf(database, kind);
    const wanted = Math.floor((entries * share) / 100) - count(kind);
    const now = Date.now();
    add(database, pattern, wanted, (_, n) => {
      // Born over the last fortnight, and alive for one more.
      const id = createId(now - 14 * 86_400_000 * (1 - n / wanted));
      const client = clientName(Math.floor(Math.random() * clients));
      const subject = `person-${Math.floor(Math.random() * clients)}`;
      const expires = now + 86_400_000 + Math.floor(Math.random() * 13 * 86_400_000);
      const data = pattern.data.replace(/("digest":")[^"]*/, `$1${randomToken(32)}`);
      return [id, pattern.client && client, pattern.subject && subject, expires, data];
    });
  }
  for (const { sql } of indexes) database.exec(sql);
  database.exec("pragma journal_mode = wal");
  database.close();
}

/** Adds tokens that ended a while ago. */
export function addExpired(file: string, rows: number): void {
  const database = new DatabaseSync(file);
  database.exec("pragma synchronous = off");
  const now = Date.now();
  add(database, patternOf(database, "access"), rows, (pattern, n) => {
    const data = pattern.data.replace(/("digest":")[^"]*/, `$1${randomToken(32)}`);
    return [createId(now - 7_200_000 + n), "machine", null, now - 3_600_000 + n / 1000, data];
  });
  database.close();
}

const clientName = (n: number): string => `client-${String(n).padStart(8, "0")}`;

function patternOf(database: DatabaseSync, kind: string, id?: string): Pattern {
  const found = database
    .prepare("select kind, id, client, subject, data from entry where kind = ? and (id = ? or ? is null) limit 1")
    .get(kind, id ?? null, id ?? null);
  if (found === undefined) throw new Error(`there is no ${kind} to copy`);
  return found as unknown as Pattern;
}

type Values = readonly [
  id: string,
  client: string | null,
  subject: string | null,
  expires: number | null,
  data: string,
];

function add(database: DatabaseSync, pattern: Pattern, rows: number, values: (pattern: Pattern, n: number) => Values) {
  const insert = database.prepare(
    "insert or ignore into entry (kind, id, version, client, subject, expires_at, data) values (?, ?, 1, ?, ?, ?, ?)",
  );
  for (let n = 0; n < rows; ) {
    database.exec("begin");
    for (const end = Math.min(rows, n + batch); n < end; n++)
      insert.run(pattern.kind, ...(values(pattern, n) as readonly SQLInputValue[] as SQLInputValue[]));
    database.exec("commit");
  }
}

/** How many entries there are. */
export function countEntries(file: string): number {
  const database = new DatabaseSync(file, { readOnly: true });
  const count = Number(database.prepare("select count(*) as n from entry").get()?.n);
  database.close();
  return count;
}
