/**
 * The built-in directory: people in SQL tables, passwords by argon2id, set-up and reset links in the store.
 *
 * The one property: what a sign-in attempt learns is the same for an unknown address, a wrong password, an account without
 * one and a disabled account, in words and in work done.
 */

import { createId } from "@valetkey/protocol/random";
import type { Account } from "@valetkey/provider/op";
import type { Store } from "@valetkey/store";
import { openDatabase } from "./database.ts";
import { type Directory, DirectoryError, type Person, type Verified } from "./directory.ts";
import { readEmail } from "./email.ts";
import { linksIn } from "./links.ts";
import { readNewPerson } from "./new-person.ts";
import { isHashable, isOutdated, type Passwords, passwords } from "./password.ts";
import { checkPassword } from "./password-policy.ts";
import { likeText, personOf, readName, searchText } from "./person.ts";
import type { Row } from "./tables.ts";

export interface DirectoryOptions {
  /** `file:<path>` or `postgres://…`; the tables are created there. */
  readonly database: string;
  /** Keeps the links. */
  readonly store: Store;
  readonly now?: () => number;
  readonly passwords?: Passwords;
}

/** Opens the directory and brings its tables up to date. Rejects with `NewerSchema` or the database's own error. */
export async function openDirectory(options: DirectoryOptions): Promise<Directory> {
  const now = options.now ?? Date.now;
  const hashes = options.passwords ?? passwords();
  const database = await openDatabase(options.database);
  const links = linksIn(options.store, now);

  const row = database.find;
  const rowByEmail = (email: string): Promise<Row | undefined> =>
    database.run((db) => db.selectFrom("valetkey_account").selectAll().where("email", "=", email).executeTakeFirst());
  const mustFind = async (subject: string): Promise<Row> => {
    const found = await row(subject);
    if (!found) throw new DirectoryError("not_found", "There is no such person.");
    return found;
  };
  const update = async (subject: string, change: Partial<Row>): Promise<Person> => {
    const updated = await database.run((db) =>
      db
        .updateTable("valetkey_account")
        .set({ ...(change as object), updated_at: now() })
        .where("subject", "=", subject)
        .returningAll()
        .executeTakeFirst(),
    );
    if (!updated) throw new DirectoryError("not_found", "There is no such person.");
    return personOf(updated);
  };
  /** Replaces exactly the hash that was judged: a password set meanwhile stays. False: there was another. */
  const replaceHash = async (subject: string, judged: string | null, hash: string): Promise<boolean> => {
    const { numUpdatedRows } = await database.run((db) =>
      db
        .updateTable("valetkey_account")
        .set({ password: hash, updated_at: now() })
        .where("subject", "=", subject)
        .where("password", judged === null ? "is" : "=", judged)
        .executeTakeFirst(),
    );
    return numUpdatedRows > 0n;
  };
  const hashOfNew = async (password: string, person: { email: string; name: string }): Promise<string> => {
    checkPassword(password, [person.email, person.name]);
    return hashes.hash(password);
  };
  const insert = async (person: { email: string; name: string; verified: boolean; hash: string | null }) => {
    const at = now();
    const born: Row = {
      subject: createId(at),
      email: person.email,
      name: person.name,
      email_verified: person.verified ? 1 : 0,
      disabled: 0,
      password: person.hash,
      search: searchText(person),
      created_at: at,
      updated_at: at,
    };
    const inserted = await database.run((db) =>
      db
        .insertInto("valetkey_account")
        .values(born)
        .onConflict((conflict) => conflict.column("email").doNothing())
        .returning("subject")
        .executeTakeFirst(),
    );
    if (!inserted) throw new DirectoryError("email_taken", "There is an account with this e-mail address already.");
    return personOf(born);
  };
  const setHash = async (subject: string, password: string): Promise<Person> => {
    const person = await update(subject, { password });
    await links.forget(subject);
    return person;
  };
  const empty = async (): Promise<boolean> =>
    (await database.run((db) => db.selectFrom("valetkey_account").select("subject").limit(1).executeTakeFirst())) ===
    undefined;

  return {
    async find(subject): Promise<Account | undefined> {
      const found = await row(subject);
      if (!found || found.disabled === 1) return undefined;
      const { email, name, updated_at } = found;
      const email_verified = found.email_verified === 1;
      return { sub: subject, claims: { name, email, email_verified, updated_at: Math.floor(updated_at / 1000) } };
    },

    async verify(name, password): Promise<Verified> {
      const wrong = { ok: false, reason: "wrong" } as const;
      // Refused without work, whoever it is for.
      if (!isHashable(password)) return wrong;
      const email = readEmail(name);
      const found = email === undefined ? undefined : await rowByEmail(email);
      try {
        const same = await hashes.verify(password, found?.password ?? undefined);
        if (!same || !found || found.disabled === 1) return wrong;
        const { subject } = found;
        let { password: stored } = found;
        if (stored !== null && isOutdated(stored)) {
          const hash = await hashes.hash(password);
          if (!(await replaceHash(subject, stored, hash))) return wrong;
          stored = hash;
        }
        const still = async () => {
          const present = await row(subject);
          return present !== undefined && present.disabled === 0 && present.password === stored;
        };
        return { ok: true, subject, still };
      } catch (error) {
        if (error instanceof DirectoryError && error.code === "busy") {
          return { ok: false, reason: "unavailable", retryAfter: 2 };
        }
        throw error;
      }
    },

    async person(subject) {
      const found = await row(subject);
      return found && personOf(found);
    },

    async byEmail(text) {
      const email = readEmail(text);
      const found = email === undefined ? undefined : await rowByEmail(email);
      return found && personOf(found);
    },

    async list(page = {}) {
      const { search, after, limit = 100 } = page;
      const rows = await database.run((db) => {
        let query = db.selectFrom("valetkey_account").selectAll().orderBy("subject");
        if (after !== undefined) query = query.where("subject", ">", after);
        if (search !== undefined) query = query.where("search", "like", `%${likeText(search)}%`);
        return query.limit(Math.min(Math.max(1, limit), 1000)).execute();
      });
      return rows.map(personOf);
    },

    empty,

    async create(person) {
      const { email, name } = readNewPerson(person);
      const hash = person.password === undefined ? null : await hashes.hash(person.password);
      return insert({ email, name, hash, verified: person.email_verified === true });
    },

    async setProfile(subject, profile) {
      const name = readName(profile.name);
      const { email } = await mustFind(subject);
      return update(subject, { name, search: searchText({ email, name }) });
    },

    async changePassword(subject, password, next) {
      const person = await mustFind(subject);
      const same = isHashable(password) && (await hashes.verify(password, person.password ?? undefined));
      const wrong = () => new DirectoryError("wrong_password", "This is not your current password.");
      if (!same) throw wrong();
      if (next.normalize("NFC") === password.normalize("NFC"))
        throw new DirectoryError("password_same", "This is your password already. Choose a new one.");
      if (!(await replaceHash(subject, person.password, await hashOfNew(next, person)))) throw wrong();
      await links.forget(subject);
    },

    async setPassword(subject, next) {
      await setHash(subject, await hashOfNew(next, await mustFind(subject)));
    },

    async setDisabled(subject, disabled) {
      const person = await update(subject, { disabled: disabled ? 1 : 0 });
      if (disabled) await links.forget(subject);
      return person;
    },

    async remove(subject) {
      const { numDeletedRows } = await database.run((db) =>
        db.deleteFrom("valetkey_account").where("subject", "=", subject).executeTakeFirst(),
      );
      if (numDeletedRows === 0n) throw new DirectoryError("not_found", "There is no such person.");
      await links.forget(subject);
    },

    createSetupToken: () => links.createSetup(),

    checkSetupToken: async (token) => (await links.find("setup", token)) !== undefined && (await empty()),

    async setUp(token, person) {
      const link = await links.find("setup", token);
      if (!link || !(await empty())) throw usedLink();
      const { email, name } = readNewPerson(person);
      const hash = await hashes.hash(person.password);
      // Only now: a refused form leaves the link usable.
      if (!(await links.spend(link))) throw usedLink();
      return insert({ email, name, hash, verified: true });
    },

    async createResetToken(subject) {
      await mustFind(subject);
      return links.createReset(subject);
    },

    async checkResetToken(token) {
      const link = await links.find("reset", token);
      const found = link?.subject === undefined ? undefined : await row(link.subject);
      return found && found.disabled === 0 ? personOf(found) : undefined;
    },

    async reset(token, password) {
      const link = await links.find("reset", token);
      const person = link?.subject === undefined ? undefined : await row(link.subject);
      if (!link || !person || person.disabled === 1) throw usedLink();
      const hash = await hashOfNew(password, person);
      if (!(await links.spend(link))) throw usedLink();
      return setHash(person.subject, hash);
    },

    close: () => database.close(),
  };
}

function usedLink(): DirectoryError {
  return new DirectoryError("link_invalid", "This link was used, replaced, or has expired. Ask for a new one.");
}
