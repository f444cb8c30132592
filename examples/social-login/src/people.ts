/**
 * The user database: people with their preferences, and the accounts they sign in with.
 *
 * OpenID Connect Core §5.7. Guarantees that an account is found by issuer and subject and by nothing else: whoever gets hold of
 * somebody's e-mail address, or of a provider that lets people claim any, is still another person here. An account is added to a
 * person only by that person, while signed in.
 */
import { randomUUID } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import type { SignInFrom } from "@valetkey/client";
import type { User } from "@valetkey/client/auth";
import { ClientError } from "@valetkey/client/client-error";

export type Theme = "auto" | "light" | "dark";

export interface Person {
  readonly id: string;
  /** What the person wants to be called here; at first what the provider said. */
  readonly name: string;
  readonly theme: Theme;
}

/** The key of an account. */
export interface AccountKey {
  readonly issuer: string;
  readonly sub: string;
}

export interface LinkedAccount extends AccountKey {
  readonly provider: string;
  /** As the provider knows the person: a name, a user name or an address, for people to read. */
  readonly title: string;
  readonly picture: string | null;
  /** Milliseconds since the epoch. */
  readonly lastSignIn: number;
}

export interface People {
  /**
   * Takes note of a sign-in and says who it is. An account that was never seen begins a person, or is added to the one who asks for
   * that; so is one that has been somebody by itself so far. One of somebody who has others besides is `account_taken`.
   */
  signedIn(user: User, from: SignInFrom): { readonly person: string };
  accountsOf(person: Person): LinkedAccount[];
  update(person: Person, preferences: Pick<Person, "name" | "theme">): void;
  /** Takes an account from a person; the last one stays, for nobody could sign in any more. */
  disconnect(account: AccountKey, person: Person): boolean;
  byId(id: string): Person | undefined;
  close(): void;
}

const schema = `
  create table if not exists people (
    id text primary key, name text not null, theme text not null default 'auto', created integer not null
  ) strict;
  create table if not exists accounts (
    issuer text not null, sub text not null, person text not null references people (id) on delete cascade,
    provider text not null, title text not null, picture text, email text, email_verified integer, last_sign_in integer not null,
    primary key (issuer, sub)
  ) strict;
  create index if not exists accounts_of_person on accounts (person);
`;

/** Opens the database; `file` may be `:memory:`. */
export function openPeople(file: string): People {
  const database = new DatabaseSync(file);
  database.exec("pragma journal_mode = wal; pragma foreign_keys = on; pragma busy_timeout = 5000");
  database.exec(schema);
  const get = <T>(sql: string, ...values: (string | number)[]) => database.prepare(sql).get(...values) as T | undefined;
  const all = <T>(sql: string, ...values: (string | number)[]) => database.prepare(sql).all(...values) as T[];
  const run = (sql: string, ...values: (string | number | null)[]) => database.prepare(sql).run(...values).changes;

  /** All of it, or nothing. */
  function atOnce<T>(work: () => T): T {
    database.exec("begin immediate");
    try {
      const result = work();
      database.exec("commit");
      return result;
    } catch (error) {
      database.exec("rollback");
      throw error;
    }
  }

  const ownerOf = ({ issuer, sub }: AccountKey) =>
    get<{ person: string }>("select person from accounts where issuer = ? and sub = ?", issuer, sub)?.person;
  const count = (person: string) =>
    get<{ number: number }>("select count(*) as number from accounts where person = ?", person)?.number ?? 0;

  return {
    signedIn: (user, { provider, issuer, intent, previous }) =>
      atOnce(() => {
        const { sub, email = null, email_verified, picture = null } = user;
        const title = user.name ?? user.username ?? email ?? "somebody without a name";
        const owner = ownerOf({ issuer, sub });
        const wanted = intent === "link" ? previous?.person : undefined;
        const person = wanted ?? owner ?? randomUUID();
        if (person !== owner && person !== wanted) {
          run("insert into people (id, name, created) values (?, ?, ?)", person, title, Date.now());
        }
        if (owner !== undefined && owner !== person) {
          if (count(owner) > 1) throw new ClientError("account_taken", "its person has other accounts besides");
          run("update accounts set person = ? where person = ?", person, owner);
          run("delete from people where id = ?", owner);
        }
        const verified = email_verified === undefined ? null : Number(email_verified);
        run(
          `insert into accounts (issuer, sub, person, provider, title, picture, email, email_verified, last_sign_in)
           values (?, ?, ?, ?, ?, ?, ?, ?, ?)
           on conflict (issuer, sub) do update set provider = excluded.provider, title = excluded.title,
             picture = excluded.picture, email = excluded.email, email_verified = excluded.email_verified,
             last_sign_in = excluded.last_sign_in`,
          ...[issuer, sub, person, provider, title, picture, email, verified, Date.now()],
        );
        return { person };
      }),

    byId: (id) => get<Person>("select id, name, theme from people where id = ?", id),

    accountsOf: ({ id }) =>
      all<LinkedAccount>(
        `select issuer, sub, provider, title, picture, last_sign_in as lastSignIn from accounts
         where person = ? order by last_sign_in desc`,
        id,
      ),

    update: ({ id }, { name, theme }) =>
      void run("update people set name = ?, theme = ? where id = ?", name, theme, id),

    disconnect: ({ issuer, sub }, { id }) =>
      atOnce(() => {
        if (count(id) < 2) return false;
        return run("delete from accounts where issuer = ? and sub = ? and person = ?", issuer, sub, id) > 0;
      }),

    close: () => database.close(),
  };
}
