/**
 * Builds the one query behind `list`, for both databases.
 *
 * The conditions follow the columns of the indexes (kind, client, id) and (kind, subject, id). The one property: values
 * are always parameters, never text in the query.
 */

import type { Filter } from "../store.ts";
import { pageSize } from "./row.ts";

export interface ListQuery {
  readonly text: string;
  readonly values: readonly (string | number)[];
}

/** Builds the query; `sign` is the letter before a parameter's number: `?` in SQLite, `$` in PostgreSQL. */
export function listQuery(kind: string, filter: Filter, at: number, sign: "?" | "$"): ListQuery {
  const values: (string | number)[] = [];
  const parameter = (value: string | number) => `${sign}${values.push(value)}`;
  const conditions = [`kind = ${parameter(kind)}`, `(expires_at is null or expires_at > ${parameter(at)})`];
  if (filter.subject !== undefined) conditions.push(`subject = ${parameter(filter.subject)}`);
  if (filter.client !== undefined) conditions.push(`client = ${parameter(filter.client)}`);
  if (filter.after !== undefined) conditions.push(`id > ${parameter(filter.after)}`);
  const limit = parameter(pageSize(filter));
  return {
    text: `select kind, id, version, client, subject, expires_at as "expiresAt", data from entry
           where ${conditions.join(" and ")} order by id limit ${limit}`,
    values,
  };
}
