/**
 * An adapter of oidc-provider for SQLite, as one would write it for production: WAL, every answered write on disk, prepared statements.
 *
 * Its interface: upsert, find, findByUid, findByUserCode, consume, destroy, revokeByGrantId. Each call is one transaction.
 */
import { DatabaseSync } from "node:sqlite";

const schema = `
create table if not exists item (
  model text not null,
  id text not null,
  payload text not null,
  grant_id text,
  uid text,
  user_code text,
  consumed_at integer,
  expires_at integer,
  primary key (model, id)
) strict, without rowid;
create index if not exists item_by_grant on item (grant_id) where grant_id is not null;
create unique index if not exists item_by_uid on item (uid) where uid is not null;
create unique index if not exists item_by_user_code on item (user_code) where user_code is not null;
create index if not exists item_by_expiry on item (expires_at) where expires_at is not null;`;

interface Payload {
  readonly grantId?: string;
  readonly uid?: string;
  readonly userCode?: string;
}
type Row = { payload: string; consumed_at: number | null; expires_at: number | null } | undefined;

const seconds = () => Math.floor(Date.now() / 1000);

/** Opens the file; gives what oidc-provider calls for each model. */
export function sqliteAdapter(file: string) {
  const database = new DatabaseSync(file);
  database.exec("pragma journal_mode = wal; pragma synchronous = full;");
  database.exec(schema);
  const put = database.prepare(`insert into item (model, id, payload, grant_id, uid, user_code, expires_at)
    values (?, ?, ?, ?, ?, ?, ?) on conflict (model, id) do update set payload = excluded.payload,
    grant_id = excluded.grant_id, uid = excluded.uid, user_code = excluded.user_code, expires_at = excluded.expires_at`);
  const columns = "payload, consumed_at, expires_at";
  const byId = database.prepare(`select ${columns} from item where model = ? and id = ?`);
  const byUid = database.prepare(`select ${columns} from item where uid = ?`);
  const byUserCode = database.prepare(`select ${columns} from item where user_code = ?`);
  const consume = database.prepare("update item set consumed_at = ? where model = ? and id = ?");
  const remove = database.prepare("delete from item where model = ? and id = ?");
  const revoke = database.prepare("delete from item where grant_id = ?");

  const read = (row: Row): Payload | undefined => {
    if (row === undefined || (row.expires_at !== null && row.expires_at <= seconds())) return undefined;
    const payload = JSON.parse(row.payload) as Payload;
    return row.consumed_at === null ? payload : ({ ...payload, consumed: row.consumed_at } as Payload);
  };

  return (model: string) => ({
    async upsert(id: string, payload: Payload, expiresIn?: number) {
      const { grantId = null, uid = null, userCode = null } = payload;
      const expiresAt = expiresIn === undefined ? null : seconds() + expiresIn;
      // Only sessions are looked for by their uid; an interaction carries one that is its own id.
      put.run(model, id, JSON.stringify(payload), grantId, model === "Session" ? uid : null, userCode, expiresAt);
    },
    find: async (id: string) => read(byId.get(model, id) as Row),
    findByUid: async (uid: string) => read(byUid.get(uid) as Row),
    findByUserCode: async (code: string) => read(byUserCode.get(code) as Row),
    async consume(id: string) {
      consume.run(seconds(), model, id);
    },
    async destroy(id: string) {
      remove.run(model, id);
    },
    async revokeByGrantId(grantId: string) {
      revoke.run(grantId);
    },
  });
}
