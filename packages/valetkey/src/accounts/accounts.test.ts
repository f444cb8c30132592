import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, test } from "node:test";
import { NewerSchema } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";
import { type RunningPostgres, startPostgres } from "@valetkey/test-support/postgres";
import pg from "pg";
import { openDirectory } from "./accounts.ts";
import { type Directory, DirectoryError } from "./directory.ts";

const alice = { email: "alice@example.org", name: "Alice", password: "correct horse battery" };

interface Place {
  readonly url: () => Promise<string>;
  readonly run: (url: string, sql: string) => Promise<void>;
}

let folder: string;
let postgres: RunningPostgres;
let files = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "valetkey-accounts-"));
  postgres = await startPostgres({ durable: true });
});
after(async () => {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
});

const places: Record<string, Place> = {
  SQLite: {
    url: async () => `file:${folder}/${++files}/directory.db`,
    run: async (url, sql) => {
      const database = new DatabaseSync(url.slice("file:".length), { timeout: 5_000 });
      database.exec(sql);
      database.close();
    },
  },
  PostgreSQL: {
    url: () => postgres.createDatabase(),
    run: async (url, sql) => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query(sql);
      await client.end();
    },
  },
};

for (const [name, place] of Object.entries(places)) {
  describe(`directory on ${name}`, () => {
    const withDirectory = async (
      work: (directory: Directory, again: () => Promise<Directory>, url: string) => Promise<void>,
    ) => {
      const url = await place.url();
      const store = memoryStore();
      const opened: Directory[] = [];
      const open = async () => {
        const directory = await openDirectory({ database: url, store });
        opened.push(directory);
        return directory;
      };
      try {
        await work(await open(), open, url);
      } finally {
        for (const directory of opened) await directory.close();
      }
    };

    test("a person signs in by any spelling of the address, and by the right password only", async () => {
      await withDirectory(async (directory) => {
        const { subject } = await directory.create(alice);
        const right = await directory.verify(" ALICE@example.org", alice.password);
        assert.ok(right.ok);
        assert.equal(right.subject, subject);
        const wrong = { ok: false, reason: "wrong" };
        assert.deepEqual(await directory.verify("alice@example.org", "correct horse batterY"), wrong);
        assert.deepEqual(await directory.verify("bob@example.org", alice.password), wrong);
        assert.deepEqual(await directory.verify("аlice@example.org", alice.password), wrong);
        assert.deepEqual(await directory.verify("alice@example.org", "x".repeat(1_000_000)), wrong);
        await directory.setDisabled(subject, true);
        assert.deepEqual(await directory.verify("alice@example.org", alice.password), wrong);
        assert.equal(await directory.find(subject), undefined);
        await directory.setDisabled(subject, false);
        const account = await directory.find(subject);
        assert.equal(account?.sub, subject);
        assert.equal(account?.claims.email, "alice@example.org");
        assert.equal(account?.claims.email_verified, false);
      });
    });

    test("a sign-in that was judged by a former password, or before the account was disabled, does not hold (P10)", async () => {
      await withDirectory(async (directory) => {
        const { subject } = await directory.create(alice);
        const signIn = async (password: string) => {
          const verified = await directory.verify(alice.email, password);
          assert.ok(verified.ok);
          return verified;
        };
        const before = await signIn(alice.password);
        assert.equal(await before.still(), true);
        await directory.changePassword(subject, alice.password, "another walk along the sea");
        assert.equal(await before.still(), false);
        const after = await signIn("another walk along the sea");
        await directory.setDisabled(subject, true);
        assert.equal(await after.still(), false);
      });
    });

    test("of two password changes at once one counts, and the other is told that its password is not the current one", async () => {
      await withDirectory(async (directory) => {
        const { subject } = await directory.create(alice);
        const changes = await Promise.allSettled(
          ["a first walk along the sea", "a second walk along the sea"].map((next) =>
            directory.changePassword(subject, alice.password, next),
          ),
        );
        assert.deepEqual(changes.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
        for (const one of changes) if (one.status === "rejected") assert.equal(one.reason.code, "wrong_password");
      });
    });

    test("an address has one account, also when several are made at the same time by two processes", async () => {
      await withDirectory(async (directory, again) => {
        const other = await again();
        const spellings = ["alice@x.example", "ALICE@X.example", " alice@x.EXAMPLE", "ａlice@x.example"];
        const made = await Promise.allSettled(
          spellings.flatMap((email) => [directory, other].map((one) => one.create({ email, name: "Alice" }))),
        );
        assert.equal(made.filter(({ status }) => status === "fulfilled").length, 1);
        for (const one of made) if (one.status === "rejected") assert.equal(one.reason.code, "email_taken");
        assert.equal((await directory.list()).length, 1);
      });
    });

    test("the set-up link works once, is replaced by a newer one, and has one winner in a race", async () => {
      await withDirectory(async (directory, again) => {
        const old = await directory.createSetupToken();
        const token = await directory.createSetupToken();
        assert.equal(await directory.checkSetupToken(old), false);
        assert.equal(await directory.checkSetupToken(token), true);
        await assert.rejects(directory.setUp(token, { ...alice, password: "password" }), { code: "password_weak" });
        const other = await again();
        const tries = [directory, other, directory, other].map((one, at) =>
          one.setUp(token, { ...alice, email: `admin${at}@example.org` }),
        );
        const results = await Promise.allSettled(tries);
        assert.equal(results.filter(({ status }) => status === "fulfilled").length, 1);
        assert.equal((await directory.list()).length, 1);
        assert.equal(await directory.checkSetupToken(token), false);
        await assert.rejects(directory.setUp(await directory.createSetupToken(), alice), { code: "link_invalid" });
      });
    });

    test("a reset link sets a password once; a refused password leaves it usable; a newer link ends it", async () => {
      await withDirectory(async (directory) => {
        const { subject } = await directory.create({ email: "bob@example.org", name: "Bob" });
        assert.equal((await directory.person(subject))?.password, false);
        assert.equal((await directory.verify("bob@example.org", "")).ok, false);
        const old = await directory.createResetToken(subject);
        const token = await directory.createResetToken(subject);
        assert.equal(await directory.checkResetToken(old), undefined);
        await assert.rejects(directory.reset(token, "bobbobbob"), { code: "password_weak" });
        assert.equal((await directory.checkResetToken(token))?.subject, subject);
        const results = await Promise.allSettled([
          directory.reset(token, "one good secret"),
          directory.reset(token, "two good secrets"),
        ]);
        assert.equal(results.filter(({ status }) => status === "fulfilled").length, 1);
        await assert.rejects(directory.reset(token, "three good ones"), { code: "link_invalid" });
      });
    });

    test("a password is changed with the current one only, and that ends reset links", async () => {
      await withDirectory(async (directory) => {
        const { subject } = await directory.create(alice);
        const token = await directory.createResetToken(subject);
        await assert.rejects(directory.changePassword(subject, "not it at all", "another good one"), {
          code: "wrong_password",
        });
        await directory.changePassword(subject, alice.password, "another good one");
        assert.equal((await directory.verify(alice.email, "another good one")).ok, true);
        assert.equal((await directory.verify(alice.email, alice.password)).ok, false);
        assert.equal(await directory.checkResetToken(token), undefined);
      });
    });

    test("a password that is the present one is not a new one, and says so only to whoever knows it", async () => {
      await withDirectory(async (directory) => {
        const { subject } = await directory.create({ ...alice, password: "z\u00fcrich correct horse" });
        const token = await directory.createResetToken(subject);
        // The same text in another spelling of Unicode.
        for (const next of ["z\u00fcrich correct horse", "zu\u0308rich correct horse"])
          await assert.rejects(directory.changePassword(subject, "z\u00fcrich correct horse", next), {
            code: "password_same",
          });
        await assert.rejects(directory.changePassword(subject, "not it at all", "not it at all"), {
          code: "wrong_password",
        });
        assert.equal((await directory.checkResetToken(token))?.subject, subject);
      });
    });

    test("all that is wrong with a new person is said in one go, and nobody is made", async () => {
      await withDirectory(async (directory) => {
        const wrong = { email: "nonsense", name: "two\nlines", password: "short" };
        const link = await directory.createSetupToken();
        for (const call of [directory.create(wrong), directory.setUp(link, wrong)]) {
          await assert.rejects(call, (error) => {
            assert.ok(error instanceof DirectoryError);
            assert.deepEqual(
              error.all.map(({ code }) => code),
              ["email_invalid", "name_invalid", "password_weak"],
            );
            return error === error.all[0];
          });
        }
        assert.equal(await directory.empty(), true);
        assert.equal(await directory.checkSetupToken(link), true);
      });
    });

    test("people are listed in pages, found by a part of name or address, renamed and removed for good", async () => {
      await withDirectory(async (directory) => {
        assert.equal(await directory.empty(), true);
        for (const at of [1, 2, 3]) await directory.create({ email: `p${at}@example.org`, name: `Pérson ${at}` });
        assert.equal(await directory.empty(), false);
        const [first, second] = await directory.list({ limit: 2 });
        assert.ok(first && second);
        assert.equal((await directory.list({ after: second.subject })).length, 1);
        assert.equal((await directory.list({ search: "PÉRSON 2" })).length, 1);
        assert.equal((await directory.list({ search: "%" })).length, 3);
        await directory.setProfile(first.subject, { name: "  Zoë  " });
        assert.equal((await directory.person(first.subject))?.name, "Zoë");
        await assert.rejects(directory.setProfile(first.subject, { name: "two\nlines" }), { code: "name_invalid" });
        await directory.remove(first.subject);
        assert.equal(await directory.byEmail(first.email), undefined);
        await assert.rejects(directory.remove(first.subject), { code: "not_found" });
      });
    });

    test("a hash made with less work is made anew at sign-in (ST-06)", async () => {
      await withDirectory(async (directory, again, url) => {
        const { subject } = await directory.create(alice);
        const weak = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$";
        const { argon2Sync } = await import("node:crypto");
        const hash = argon2Sync("argon2id", {
          message: alice.password,
          nonce: Buffer.from("saltsaltsaltsalt"),
          memory: 8,
          passes: 1,
          parallelism: 1,
          tagLength: 32,
        });
        const stored = weak + hash.toString("base64").replaceAll("=", "");
        await place.run(url, `update valetkey_account set password = '${stored}' where subject = '${subject}'`);
        assert.equal((await directory.verify(alice.email, alice.password)).ok, true);
        await place.run(url, `update valetkey_account set password = null where password = '${stored}'`);
        assert.equal((await (await again()).verify(alice.email, alice.password)).ok, true);
      });
    });

    test("a database that a newer version has changed is refused (F-32)", async () => {
      const url = await place.url();
      const store = memoryStore();
      await (await openDirectory({ database: url, store })).close();
      await place.run(
        url,
        "insert into valetkey_migration (name, timestamp) values ('9999_later', '2030-01-01T00:00:00.000Z')",
      );
      await assert.rejects(openDirectory({ database: url, store }), (error) => {
        assert.ok(error instanceof NewerSchema);
        assert.match(error.message, /newer version.*9999_later/);
        return true;
      });
    });

    test("two processes that start on an empty database at the same time both come up", async () => {
      const url = await place.url();
      const store = memoryStore();
      const opened = await Promise.all([1, 2, 3].map(() => openDirectory({ database: url, store })));
      assert.deepEqual(await Promise.all(opened.map((directory) => directory.empty())), [true, true, true]);
      for (const directory of opened) await directory.close();
    });
  });
}

test("SQLite: the file is made for its owner only, and one that cannot be written is refused at the start", async () => {
  const store = memoryStore();
  const umask = process.umask(0);
  const file = join(folder, "tight", "directory.db");
  const directory = await openDirectory({ database: `file:${file}`, store });
  process.umask(umask);
  await directory.create(alice);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.equal((await stat(`${file}-wal`)).mode & 0o777, 0o600);
  assert.equal((await stat(join(folder, "tight"))).mode & 0o777, 0o700);
  await directory.close();
  await chmod(join(folder, "tight"), 0o700);
  await assert.rejects(openDirectory({ database: `file:${folder}`, store }), /unable to open|directory/i);
});

test("PostgreSQL: an outage is said to be one, and is over when the server is back", async () => {
  const directory = await openDirectory({ database: await postgres.createDatabase(), store: memoryStore() });
  const { subject } = await directory.create(alice);
  await postgres.crash();
  await assert.rejects(directory.find(subject), { name: "StoreUnavailable" });
  await assert.rejects(directory.verify(alice.email, alice.password), { name: "StoreUnavailable" });
  await postgres.restart();
  assert.equal((await directory.find(subject))?.sub, subject);
  await directory.close();
});

test("PostgreSQL: an account that was acknowledged is on disk, where the database says synchronous_commit = off (P19)", async () => {
  const database = await postgres.createDatabase();
  const { run } = places.PostgreSQL as Place;
  await (await openDirectory({ database, store: memoryStore() })).close();
  await run(database, `alter database ${new URL(database).pathname.slice(1)} set synchronous_commit = off`);
  await run(
    database,
    `create function refuse() returns trigger language plpgsql as $$ begin
       if current_setting('synchronous_commit') <> 'on' then raise exception 'not durable'; end if; return new;
     end $$;
     create trigger refuse before insert on valetkey_account for each row execute function refuse()`,
  );
  const directory = await openDirectory({ database, store: memoryStore() });
  await directory.create(alice);
  await directory.close();
});
