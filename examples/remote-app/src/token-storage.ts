/**
 * Where the second way keeps its tokens: one SQLite table, a row for each browser.
 *
 * Guarantees that neither the file nor a copy of it is of use to anybody: cookies are kept as digests, tokens encrypted.
 */
import { DatabaseSync } from "node:sqlite";
import type { Tokens } from "@valetkey/client/token-request";
import { hkdf, sha256Base64url } from "@valetkey/protocol/digest";
import { decryptText, encryptText } from "@valetkey/protocol/jose";

export interface TokenStorage {
  /** The tokens of a browser; nothing if there are none. */
  get(session: string): Promise<Tokens | undefined>;
  set(session: string, tokens: Tokens): Promise<void>;
  remove(session: string): Promise<void>;
}

/** Opens the storage; `file` may be `:memory:`. */
export async function openTokenStorage(file: string, secret: string): Promise<TokenStorage> {
  const database = new DatabaseSync(file);
  database.exec("create table if not exists remote_tokens (session text primary key, sealed text not null) strict");
  const select = database.prepare("select sealed from remote_tokens where session = ?");
  const upsert = database.prepare(
    "insert into remote_tokens (session, sealed) values (?, ?) on conflict (session) do update set sealed = excluded.sealed",
  );
  const remove = database.prepare("delete from remote_tokens where session = ?");
  const key = await hkdf(secret, "remote-app tokens", 32);
  return {
    get: async (session) => {
      const row = select.get(await sha256Base64url(session));
      return row === undefined ? undefined : (JSON.parse(await decryptText(key, String(row.sealed))) as Tokens);
    },
    set: async (session, tokens) => {
      upsert.run(await sha256Base64url(session), await encryptText(key, JSON.stringify(tokens)));
    },
    remove: async (session) => {
      remove.run(await sha256Base64url(session));
    },
  };
}
