/**
 * What goes wrong with the database: moved, locked, full, damaged, too new, gone, silent, read-only.
 *
 * Faults F-06, F-08, F-11, F-13, F-15, F-18, F-32, F-34 and row ST-04 of the catalogue; its policies P19 and P20. While the
 * database cannot answer, the answer is 503 with Retry-After, never invalid_grant.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { copyFile, mkdir, readdir, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { it } from "node:test";
import { assertUnavailable } from "./lib/answers.ts";
import { createBrowser } from "./lib/browser.ts";
import { addUser, startWorld, usePostgres, type World } from "./lib/fixtures.ts";
import {
  authorizationUrl,
  createPkce,
  exchange,
  getCode,
  getTokens,
  introspect,
  type Reply,
  refresh,
  revoke,
  userinfo,
} from "./lib/flow.ts";
import { startProxy } from "./lib/proxy.ts";
import { install, serve, startServer } from "./lib/server.ts";
import { sideBySide, suite } from "./lib/suites.ts";
import { queryPostgres } from "./lib/tables.ts";
import { until } from "./lib/until.ts";

/** Everything the endpoints say while the database is away: 503 each, and the process lives. */
async function assertAway(
  { issuer, conf }: World,
  tokens: { access_token: string; refresh_token: string },
): Promise<void> {
  assertUnavailable(await refresh(issuer, conf, tokens.refresh_token));
  assertUnavailable(await introspect(issuer, conf, tokens.access_token));
  assertUnavailable(await revoke(issuer, conf, tokens.access_token));
  assertUnavailable(await userinfo(issuer, tokens.access_token));
  const page = await createBrowser(issuer).open(
    authorizationUrl(issuer, conf, { code_challenge: createPkce().challenge }),
  );
  assert.equal(page.status, 503);
  assert.match(page.headers.get("Retry-After") ?? "", /^[0-9]+$/);
  assert.equal((await fetch(new URL("/healthz", issuer))).status, 200);
  assert.equal((await fetch(new URL("/readyz", issuer))).status, 503);
}

sideBySide("a database in trouble", () => {
  suite("a SQLite file in trouble", () => {
    it("F-11 moved away under the server: 503 within the second, nothing is acknowledged; put back, it goes on", async () => {
      const world = await startWorld();
      await using server = world.server;
      const { issuer, conf, alice } = world;
      const tokens = await getTokens(issuer, conf, { user: alice });
      const aside = `${server.databaseFile}.aside`;
      await rename(server.databaseFile, aside);
      await copyFile(aside, server.databaseFile);
      await until(async () => (await fetch(new URL("/readyz", issuer))).status === 503, "readiness goes away");
      await assertAway(world, tokens);
      await rename(aside, server.databaseFile);
      await until(async () => (await fetch(new URL("/readyz", issuer))).status === 200, "readiness comes back");
      assert.equal((await refresh(issuer, conf, tokens.refresh_token)).status, 200);
    });

    it("locked by another program for longer than anybody waits: 503; free again, it goes on", async () => {
      const world = await startWorld();
      await using server = world.server;
      const { issuer, conf, alice } = world;
      const tokens = await getTokens(issuer, conf, { user: alice });
      const code = await getCode(issuer, conf, { user: alice });
      const other = new DatabaseSync(server.databaseFile);
      try {
        other.exec("begin immediate");
        const replies = await Promise.all([refresh(issuer, conf, tokens.refresh_token), exchange(issuer, code)]);
        for (const reply of replies) assertUnavailable(reply);
        assert.equal((await introspect(issuer, conf, tokens.access_token)).json.active, true, "reading needs no lock");
        other.exec("rollback");
      } finally {
        other.close();
      }
      assert.equal((await refresh(issuer, conf, tokens.refresh_token)).status, 200);
      assert.equal((await exchange(issuer, code)).status, 200);
    });

    it("F-06 a disk that is full: 503, nothing that was acknowledged is lost, and it recovers", async () => {
      // A limit on the size of files is a disk that is full, for this process alone; the signal for it is ignored by Node.
      const world = await startWorld({ wrapper: ["prlimit", "--fsize=2097152"] });
      await using server = world.server;
      const { issuer, conf, alice } = world;
      const tokens = await getTokens(issuer, conf, { user: alice });
      let newest = tokens.refresh_token;
      let refused: Reply | undefined;
      const filling = { state: "s".repeat(1_800), nonce: "n".repeat(200) };
      for (let n = 0; n < 4_000 && !refused; n++) {
        // Every authorization request is remembered until somebody answers it.
        const pages = await Promise.all(
          Array.from({ length: 20 }, () =>
            createBrowser(issuer).open(
              authorizationUrl(issuer, conf, { ...filling, code_challenge: createPkce().challenge }),
            ),
          ),
        );
        for (const page of pages) assert.ok(page.status === 200 || page.status === 503, `${page.status} ${page.text}`);
        if (pages.every((page) => page.status !== 503)) continue;
        const reply = await refresh(issuer, conf, newest);
        if (reply.status === 200) newest = reply.json.refresh_token;
        else refused = reply;
      }
      assert.ok(refused, "the disk was never full");
      assertUnavailable(refused);
      assert.equal((await introspect(issuer, conf, tokens.access_token)).json.active, true, "reading goes on");
      await server.kill();
      const roomy = await install({ besides: world.server, database: `file:${server.databaseFile}` });
      await using again = await serve(roomy);
      assert.equal((await refresh(again.origin, conf, newest)).status, 200, "the newest acknowledged token was lost");
    });

    it("F-06 a folder that cannot be written: refuses to start with a clear line that names the file", async () => {
      const installation = await install();
      try {
        // Root may write anywhere, so the folder is one that is none.
        await writeFile(dirname(installation.databaseFile), "not a folder");
        const refused = await installation.refuse();
        assert.equal(refused.code, 8, `${refused.code} ${refused.stderr}`);
        assert.ok(
          refused.stderr.includes(installation.databaseFile) ||
            refused.stderr.includes(dirname(installation.databaseFile)),
          refused.stderr,
        );
        assert.doesNotMatch(refused.stderr, /^\s+at /m, "a stack trace is no clear line");
        assert.equal(refused.stdout, "");
      } finally {
        await installation.remove();
      }
    });

    it("a file that is no database, or one damaged in the middle: refuses to start, exit code 8, and leaves the file as it is", async () => {
      const installation = await install();
      try {
        await mkdir(dirname(installation.databaseFile), { mode: 0o700 });
        const junk = randomBytes(65_536);
        await writeFile(installation.databaseFile, junk);
        const refused = await installation.refuse();
        assert.equal(refused.code, 8, `${refused.code} ${refused.stderr}`);
        assert.match(refused.stderr, /valetkey\.db/);
        assert.doesNotMatch(refused.stderr, /^\s+at /m);
        assert.equal((await stat(installation.databaseFile)).size, junk.length);
      } finally {
        await installation.remove();
      }
    });

    it("F-32 a database written by a newer version: refuses to start and says so", async () => {
      const world = await startWorld();
      await using server = world.server;
      await server.stop();
      const database = new DatabaseSync(server.databaseFile);
      const tables = (
        database.prepare("select name from sqlite_master where type = 'table'").all() as { name: string }[]
      ).map(({ name }) => name);
      const history = tables.find((name) => /migration$/.test(name));
      assert.ok(history, tables.join(", "));
      database
        .prepare(`insert into "${history}" (name, timestamp) values (?, ?)`)
        .run("9999-from-the-future", new Date().toISOString());
      database.close();
      const refused = await server.refuse();
      assert.equal(refused.code, 8, `${refused.code} ${refused.stderr}`);
      assert.match(refused.stderr, /newer/i);
    });

    it("F-34 a second process on the same file is safe, one on the same port refuses; leftovers of a killed one do not matter", async () => {
      const world = await startWorld();
      await using server = world.server;
      const { issuer, conf, alice } = world;
      const samePort = await server.refuse();
      assert.notEqual(samePort.code, 0);
      assert.match(samePort.stderr, new RegExp(`${server.port}`));
      assert.doesNotMatch(samePort.stderr, /^\s+at /m);
      assert.equal((await fetch(new URL("/readyz", issuer))).status, 200, "the first one is not disturbed");
      await using second = await startServer({ besides: server, database: `file:${server.databaseFile}` });
      const code = await getCode(issuer, conf, { user: alice });
      const replies = await Promise.all(
        Array.from({ length: 10 }, (_, n) => exchange(n % 2 ? second.origin : issuer, code)),
      );
      assert.equal(replies.filter((reply) => reply.status === 200).length, 1);
      // F-08: both write at the same time, and neither is told that the other was there.
      const codes = await Promise.all(
        Array.from({ length: 60 }, () => getCode(issuer, conf, { user: alice, browser: code.browser.copy() })),
      );
      const all = await Promise.all(codes.map((one, n) => exchange(n % 2 ? second.origin : issuer, one)));
      assert.deepEqual(
        all.filter((reply) => reply.status !== 200).map((reply) => `${reply.status} ${reply.text}`),
        [],
      );
      await server.kill();
      await server.restart();
      assert.equal((await exchange(issuer, await getCode(issuer, conf, { user: alice }))).status, 200);
    });

    it("ST-04 whatever the umask, files are for their owner alone: 0600, folders 0700", async () => {
      const installation = await install({
        wrapper: ["sh", "-c", 'umask 000; exec "$0" "$@"'],
        env: { VALETKEY_SECRET: undefined },
      });
      await using server = await serve(installation);
      await addUser(server, "lena");
      const folder = dirname(server.databaseFile);
      assert.equal((await stat(folder)).mode & 0o777, 0o700);
      const names = await readdir(folder);
      assert.ok(names.includes("valetkey.db") && names.includes("secret"), names.join(", "));
      for (const name of names) assert.equal((await stat(join(folder, name))).mode & 0o777, 0o600, name);
    });
  });

  suite("PostgreSQL in trouble", () => {
    const postgres = usePostgres();

    it("F-18 a connection that swallows everything: 503 within the time a client waits, and it heals", async () => {
      await using proxy = await startProxy(postgres().port);
      const url = new URL(await postgres().createDatabase());
      url.port = `${proxy.port}`;
      const world = await startWorld({ database: url.href });
      await using _server = world.server;
      const { issuer, conf, alice } = world;
      const tokens = await getTokens(issuer, conf, { user: alice });
      proxy.hold(true);
      assertUnavailable(await refresh(issuer, conf, tokens.refresh_token));
      assert.equal((await fetch(new URL("/readyz", issuer))).status, 503);
      proxy.hold(false);
      await until(async () => (await fetch(new URL("/readyz", issuer))).status === 200, "it heals");
      assert.equal((await refresh(issuer, conf, tokens.refresh_token)).status, 200);
    });

    it("F-15 a deadlock or serialization failure is tried again inside; one that stays is 503", async () => {
      const url = await postgres().createDatabase();
      const world = await startWorld({ database: url });
      await using _server = world.server;
      const { issuer, conf, alice } = world;
      let { refresh_token } = await getTokens(issuer, conf, { user: alice });
      const code = await getCode(issuer, conf, { user: alice });
      const fail = (times: number, state: string) =>
        queryPostgres(url, async (client) => {
          const [table] = (
            await client.query(
              "select table_name as name from information_schema.columns where column_name = 'expires_at' and table_schema = 'public' and table_name = 'entry'",
            )
          ).rows as { name: string }[];
          assert.ok(table, "the table of entries");
          // A sequence is not rolled back with the transaction that counted.
          await client.query(`
          drop trigger if exists fault on entry; drop sequence if exists fault_count; create sequence fault_count;
          create or replace function fault() returns trigger language plpgsql as $$ begin
            if nextval('fault_count') <= ${times} then raise exception 'injected' using errcode = '${state}'; end if;
            return new;
          end $$;
          create trigger fault before insert or update on entry for each statement execute function fault();`);
        });
      for (const state of ["40001", "40P01"]) {
        await fail(2, state);
        const reply = await refresh(issuer, conf, refresh_token);
        assert.equal(reply.status, 200, `${state}: ${reply.text}`);
        refresh_token = reply.json.refresh_token;
      }
      await fail(1_000_000, "40001");
      assertUnavailable(await exchange(issuer, code));
      await queryPostgres(url, (client) => client.query("drop trigger fault on entry"));
      assert.equal((await exchange(issuer, code)).status, 200);
    });

    it("F-13 a database that takes no writes (a standby): 503, and it recovers when it does again", async () => {
      const url = await postgres().createDatabase();
      const world = await startWorld({ database: url });
      await using _server = world.server;
      const { issuer, conf, alice } = world;
      const tokens = await getTokens(issuer, conf, { user: alice });
      const name = new URL(url).pathname.slice(1);
      const cut = `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}' and pid <> pg_backend_pid()`;
      await queryPostgres(postgres().url(), async (client) => {
        await client.query(`alter database "${name}" set default_transaction_read_only = on`);
        await client.query(cut);
      });
      assertUnavailable(await refresh(issuer, conf, tokens.refresh_token));
      await queryPostgres(postgres().url(), async (client) => {
        await client.query(`alter database "${name}" set default_transaction_read_only = off`);
        await client.query(cut);
      });
      await until(async () => (await refresh(issuer, conf, tokens.refresh_token)).status === 200, "it recovers");
    });

    it("a database that is not there at the start: refuses with exit code 8 and a clear line without the password", async () => {
      const password = "hunter2-hunter2-hunter2";
      const installation = await install({ database: `postgres://nobody:${password}@127.0.0.1:9/none` });
      try {
        const refused = await installation.refuse();
        assert.equal(refused.code, 8, `${refused.code} ${refused.stderr}`);
        assert.doesNotMatch(refused.stderr + refused.stdout, new RegExp(password));
        assert.doesNotMatch(refused.stderr, /^\s+at /m);
      } finally {
        await installation.remove();
      }
    });
  });
});
