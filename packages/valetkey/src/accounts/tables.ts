/**
 * The tables of the built-in directory, as Kysely types them.
 *
 * One shape for SQLite and PostgreSQL: truth values are 0 and 1, times are milliseconds since the epoch.
 */
import type { ColumnType, Selectable } from "kysely";

export interface AccountTable {
  /** Never reused and never shown in a page: what clients get as `sub`. */
  subject: ColumnType<string, string, never>;
  /** Canonical form of `email.ts`; unique. */
  email: string;
  name: string;
  email_verified: 0 | 1;
  disabled: 0 | 1;
  /** PHC string; null: invited, no password yet. */
  password: string | null;
  /** Lower-case text an operator's search looks into. */
  search: string;
  created_at: ColumnType<number, number, never>;
  updated_at: number;
}

export interface Tables {
  valetkey_account: AccountTable;
}

/** An account as it is read. */
export type Row = Selectable<AccountTable>;
