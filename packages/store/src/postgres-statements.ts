/**
 * The statements by which groups of commits are written to PostgreSQL.
 *
 * Apart from the code that runs them, because `valetkey doctor` tries the very same ones on a database it is asked about. The one
 * property: each carries what it expects, or runs on rows that `lock` holds.
 */

export const lock = {
  name: "valetkey_lock",
  text: `select kind, id, version, (expires_at is null or expires_at > $3) as live from entry
    where (kind, id) in (select * from unnest($1::text[], $2::text[])) order by kind, id for update`,
};

export const insert = {
  name: "valetkey_insert",
  text: `insert into entry (kind, id, version, client, subject, expires_at, data)
    select kind, id, 1, client, subject, expires_at, data
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::float8[], $6::text[])
      as new (kind, id, client, subject, expires_at, data) order by kind collate "C", id collate "C"
    on conflict (kind, id) do update set version = 1, client = excluded.client, subject = excluded.subject,
      expires_at = excluded.expires_at, data = excluded.data
    where entry.expires_at <= $7`,
};

export const replace = {
  name: "valetkey_replace",
  text: `update entry set version = entry.version + 1, client = new.client, subject = new.subject,
      expires_at = new.expires_at, data = new.data
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::float8[], $6::text[])
      as new (kind, id, client, subject, expires_at, data)
    where entry.kind = new.kind and entry.id = new.id`,
};

export const remove = {
  name: "valetkey_remove",
  text: "delete from entry where (kind, id) in (select * from unnest($1::text[], $2::text[]))",
};
