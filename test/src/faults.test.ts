/**
 * What goes wrong around the server: disks, databases, connections, configurations, and the moment it is told to stop.
 *
 * Faults F-06, F-11, F-15, F-18, F-32 to F-34, F-40, F-41 and rows DO-04, DO-07, DO-10, CD-11, ST-04, AD-14 of the catalogue; its
 * policies P19 and P20. While the database cannot answer, the answer is 503 with Retry-After, never invalid_grant.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { chmod, copyFile, mkdir, readdir, rename, stat, symlink, writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, it } from "node:test";
import { createBrowser } from "./lib/browser.ts";
import { addUser, startWorld, strangersCallback, usePostgres, useWorld, type World } from "./lib/fixtures.ts";
import {
  authorizationUrl,
  createPkce,
  exchange,
  getCode,
  getTokens,
  introspect,
  refresh,
  type Reply,
  revoke,
  signIn,
  userinfo,
} from "./lib/flow.ts";
import { install, serve, startServer } from "./lib/server.ts";
import { queryPostgres } from "./lib/tables.ts";

function assertUnavailable(reply: Reply): void {
  assert.equal(reply.status, 503, reply.text);
  assert.match(reply.headers.get("Retry-After") ?? "", /^[0-9]+$/);
  assert.doesNotMatch(reply.text, /invalid_grant|invalid_client|select |\.db|node_modules/i);
}

/** Everything the endpoints say while the database is away: 503 each, and the process lives. */
async function assertAway({ issuer, conf }: World, tokens: { access_token: string; refresh_token: string }): Promise<void> {
  assertUnavailable(await refresh(issuer, conf, tokens.refresh_token));
  assertUnavailable(await introspect(issuer, conf, tokens.access_token));
  assertUnavailable(await revoke(issuer, conf, tokens.access_token));
  assertUnavailable(await userinfo(issuer, tokens.access_token));
  const page = await createBrowser(issuer).open(authorizationUrl(issuer, conf, { code_challenge: createPkce().challenge }));
  assert.equal(page.status, 503);
  assert.match(page.headers.get("Retry-After") ?? "", /^[0-9]+$/);
  assert.equal((await fetch(new URL("/healthz", issuer))).status, 200);
  assert.equal((await fetch(new URL("/readyz", issuer))).status, 503);
}

/** Sends raw bytes and gives what comes back until the server closes or `enough` says so. */
async function raw(port: number, text: string, enough: (answer: string) => boolean = () => false): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let answer = "";
    const timer = setTimeout(() => socket.destroy(new Error(`no end within 30 s: ${answer}`)), 30_000);
    socket.setEncoding("latin1");
    socket.on("data", (part) => {
      answer += part;
      if (enough(answer)) socket.destroy();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => (error.code === "ECONNRESET" || error.code === "EPIPE" ? undefined : reject(error)));
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(answer);
    });
    socket.write(text, "latin1");
  });
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within 30 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe("a SQLite file in trouble", () => {
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
    const world = await startWorld({ wrapper: ["prlimit", "--fsize=4194304"] });
    await using server = world.server;
    const { issuer, conf, alice } = world;
    const tokens = await getTokens(issuer, conf, { user: alice });
    let newest = tokens.refresh_token;
    let refused: Reply | undefined;
    const filling = { state: "s".repeat(1_800), nonce: "n".repeat(200) };
    for (let n = 0; n < 4_000 && !refused; n++) {
      // Every authorization request is remembered until somebody answers it.
      const pages = await Promise.all(
        Array.from({ length: 20 }, () => createBrowser(issuer).open(authorizationUrl(issuer, conf, { ...filling, code_challenge: createPkce().challenge }))),
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
      assert.ok(refused.stderr.includes(installation.databaseFile) || refused.stderr.includes(dirname(installation.databaseFile)), refused.stderr);
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
    const tables = (database.prepare("select name from sqlite_master where type = 'table'").all() as { name: string }[]).map(({ name }) => name);
    const history = tables.find((name) => /migration$/.test(name));
    assert.ok(history, tables.join(", "));
    database.prepare(`insert into "${history}" (name, timestamp) values (?, ?)`).run("9999-from-the-future", new Date().toISOString());
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
    const replies = await Promise.all(Array.from({ length: 10 }, (_, n) => exchange(n % 2 ? second.origin : issuer, code)));
    assert.equal(replies.filter((reply) => reply.status === 200).length, 1);
    await server.kill();
    await server.restart();
    assert.equal((await exchange(issuer, await getCode(issuer, conf, { user: alice }))).status, 200);
  });

  it("ST-04 whatever the umask, files are for their owner alone: 0600, folders 0700", async () => {
    const installation = await install({ wrapper: ["sh", "-c", 'umask 000; exec "$0" "$@"'], env: { VALETKEY_SECRET: undefined } });
    await using server = await serve(installation);
    await addUser(server, "lena");
    const folder = dirname(server.databaseFile);
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    const names = await readdir(folder);
    assert.ok(names.includes("valetkey.db") && names.includes("secret"), names.join(", "));
    for (const name of names) assert.equal((await stat(join(folder, name))).mode & 0o777, 0o600, name);
  });
});

describe("PostgreSQL in trouble", () => {
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
        const [table] = (await client.query("select table_name as name from information_schema.columns where column_name = 'expires_at' and table_schema = 'public' and table_name = 'entry'")).rows as { name: string }[];
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

describe("configuration", () => {
  it("F-33 every mistake is named at once with its fix, exit code 3, and no secret is in it", async () => {
    const installation = await install({
      config: { isuer: "x", clients: [{ client_id: "a", redirect_uris: "no list", client_secret: "sentinel" }], lifetimes: { code: "soon" } },
      env: { VALETKEY_ISSUER: "http://id.example.org", PORT: "99999", VALETKEY_SECRET: "sentinel-short", VALETKEY_DATABASE_URL: "mysql://sentinel@x" },
    });
    try {
      const refused = await installation.refuse();
      assert.equal(refused.code, 3, `${refused.code} ${refused.stderr}`);
      assert.equal(refused.stdout, "");
      for (const name of ["isuer", "issuer", "redirect_uris", "client_secret", "lifetimes.code", "port", "secret", "database"]) {
        assert.ok(refused.stderr.includes(name), `${name} is not named:\n${refused.stderr}`);
      }
      assert.doesNotMatch(refused.stderr, /sentinel/);
      assert.doesNotMatch(refused.stderr, /^\s+at /m);
      assert.deepEqual(await readdir(installation.folder).then((names) => names.includes("data")), false, "nothing was created");
    } finally {
      await installation.remove();
    }
  });

  it("refuses what would be unsafe: https without a secret of one's own, http off loopback, a secret that is none", async () => {
    for (const env of [
      { VALETKEY_ISSUER: "https://id.example.org", VALETKEY_SECRET: undefined },
      { VALETKEY_ISSUER: "http://id.example.org" },
      { VALETKEY_ISSUER: "https://id.example.org/?x=1" },
      { VALETKEY_SECRET: "a".repeat(40) },
      { HOST: "0.0.0.0", VALETKEY_ISSUER: undefined },
    ]) {
      const installation = await install({ env });
      const refused = await installation.refuse();
      await installation.remove();
      assert.equal(refused.code, 3, `${JSON.stringify(env)}: ${refused.code} ${refused.stderr}`);
    }
  });

  it("another secret than the one the keys were made with: refuses to start; together with the old one it starts", async () => {
    const world = await startWorld();
    await using server = world.server;
    const { issuer, conf, alice } = world;
    const tokens = await getTokens(issuer, conf, { user: alice });
    await server.stop();
    const other = randomBytes(32).toString("base64url");
    const refused = await server.refuse({ env: { VALETKEY_SECRET: other } });
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /secret/i);
    assert.ok(!refused.stderr.includes(other) && !refused.stderr.includes(server.secret));
    const both = await server.start({ env: { VALETKEY_SECRET: `${other},${server.secret}` } });
    assert.equal((await refresh(issuer, conf, tokens.refresh_token)).status, 200);
    await both.stop();
  });
});

describe("connections and requests", () => {
  const world = useWorld();
  const slow: Promise<string>[] = [];
  before(() => {
    const { port } = world().server;
    // Started first and looked at last, so that nobody waits for them.
    const drip = (start: string, next: string) =>
      new Promise<string>((resolve) => {
        const socket: Socket = connect(port, "127.0.0.1");
        let answer = "";
        const timer = setInterval(() => socket.write(next), 1_000);
        socket.on("data", (part) => {
          answer += part.toString("latin1");
        });
        socket.on("error", () => {});
        socket.on("close", () => {
          clearInterval(timer);
          resolve(answer);
        });
        socket.write(start);
      });
    for (let n = 0; n < 20; n++) {
      slow.push(drip("POST /token HTTP/1.1\r\nHost: x\r\nX: ", "x"));
      slow.push(drip("POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n", "x"));
    }
  });

  it("DO-10 what two servers could read differently is refused: 400 or the end of the connection", async () => {
    const { port } = world().server;
    const type = "Content-Type: application/x-www-form-urlencoded";
    const requests = [
      `POST /token HTTP/1.1\r\nHost: x\r\n${type}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      `POST /token HTTP/1.1\r\nHost: x\r\n${type}\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\na=b&c`,
      "GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
      "GET http://evil.test/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
      "GET /healthz HTTP/1.1\nHost: x\n\n",
      "GET /healthz\r\n\r\n",
      "GET /healthz HTTP/1.1\r\n\r\n",
      `GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(40_000)}\r\n\r\n`,
      "CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n",
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ];
    for (const text of requests) {
      const answer = await raw(port, text, (so) => so.includes("\r\n\r\n"));
      assert.match(answer, /^(HTTP\/1\.1 4\d\d .*|)/, text.slice(0, 60));
      assert.doesNotMatch(answer, /^HTTP\/1\.1 (2|5)/, `${text.slice(0, 60)}: ${answer.slice(0, 60)}`);
    }
    assert.equal((await fetch(new URL("/healthz", world().issuer))).status, 200);
  });

  it("DO-07 compressed bodies are not unpacked: 415", async () => {
    for (const encoding of ["gzip", "br", "deflate", "gzip, gzip"]) {
      const answer = await fetch(new URL("/token", world().issuer), {
        method: "POST",
        headers: { "Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": encoding },
        body: new Uint8Array(randomBytes(100)),
      });
      assert.equal(answer.status, 415, encoding);
    }
  });

  it("AD-14 health says nothing but that; nothing else is there: no metrics, no source, no TRACE", async () => {
    const { issuer, server } = world();
    const health = await fetch(new URL("/healthz", issuer));
    assert.equal((await health.text()).trim(), "ok");
    for (const path of ["/metrics", "/debug", "/.env", "/.git/config", "/package.json", "/assets/", "/assets/..%2f..%2fpackage.json", "/assets/../../package.json", "/data/valetkey.db", "//evil.test/", "/%00", "/%"]) {
      const answer = await raw(server.port, `GET ${path} HTTP/1.1\r\nHost: localhost:${server.port}\r\nConnection: close\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 4\d\d /, `${path}: ${answer.slice(0, 80)}`);
      assert.doesNotMatch(answer, /node_modules|\.ts:|\.js:\d|X-Powered-By|^Server:/im);
    }
    const trace = await raw(server.port, `TRACE / HTTP/1.1\r\nHost: x\r\nAuthorization: sentinel\r\nConnection: close\r\n\r\n`);
    assert.doesNotMatch(trace, /sentinel/);
    assert.match(trace, /^HTTP\/1\.1 4/);
  });

  it("F-41 clients that hang up in the middle do no harm to others, nor to their own tokens", async () => {
    const { issuer, server, pub, alice } = world();
    const { refresh_token } = await getTokens(issuer, pub, { user: alice });
    const body = new URLSearchParams({ grant_type: "refresh_token", refresh_token, client_id: pub.client_id }).toString();
    const head = `POST /token HTTP/1.1\r\nHost: localhost:${server.port}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n`;
    const hangUp = (text: string) =>
      new Promise<void>((resolve) => {
        const socket = connect(server.port, "127.0.0.1", () => socket.write(text, () => socket.resetAndDestroy()));
        socket.on("error", () => {});
        socket.on("close", () => resolve());
      });
    // Whole requests whose answers nobody hears, half ones, and bare connections.
    await Promise.all(Array.from({ length: 60 }, (_, n) => hangUp(n % 3 === 0 ? head + body : n % 3 === 1 ? head + body.slice(0, 20) : "")));
    const again = await refresh(issuer, pub, refresh_token);
    assert.equal(again.status, 200, `a client that did not hear the answer asks again: ${again.text}`);
    assert.equal((await fetch(new URL("/readyz", issuer))).status, 200);
    assert.doesNotMatch(server.output(), /unhandled|uncaught/i);
  });

  it("F-40 with few file descriptors and many connections it neither dies nor spins, and serves again afterwards", async () => {
    await using server = await startServer({ wrapper: ["prlimit", "--nofile=96"] });
    const sockets = Array.from({ length: 200 }, () => {
      const socket = connect(server.port, "127.0.0.1");
      socket.on("error", () => {});
      return socket;
    });
    await Promise.all(sockets.slice(0, 20).map((socket) => new Promise((resolve) => (socket.readyState === "open" ? resolve(0) : socket.once("connect", resolve)))));
    for (const socket of sockets) socket.destroy();
    await until(async () => {
      try {
        return (await fetch(new URL("/readyz", server.issuer))).status === 200;
      } catch {
        return false;
      }
    }, "it serves again");
  });

  it("DO-04 senders that drip are cut off within 30 seconds, and everybody else was served meanwhile", async () => {
    const { issuer, conf, alice } = world();
    assert.equal((await exchange(issuer, await getCode(issuer, conf, { user: alice }))).status, 200);
    const deadline = new Promise<"late">((resolve) => setTimeout(resolve, 35_000, "late").unref());
    const answers = await Promise.race([Promise.all(slow), deadline]);
    assert.notEqual(answers, "late", "a connection is still open");
    for (const answer of answers) assert.doesNotMatch(String(answer), /^HTTP\/1\.1 (2|5)/);
  });
});

describe("the end", () => {
  it("SIGTERM: what is under way is answered, nothing new is accepted, exit code 0", async () => {
    const world = await startWorld();
    await using server = world.server;
    const { issuer, conf, alice } = world;
    const code = await getCode(issuer, conf, { user: alice });
    const body = new URLSearchParams({
      grant_type: "authorization_code",
      code: code.code,
      redirect_uri: conf.redirect_uri,
      code_verifier: code.verifier,
      client_id: conf.client_id,
      client_secret: conf.client_secret ?? "",
    }).toString();
    const { Authorization } = { Authorization: `Basic ${Buffer.from(`${conf.client_id}:${conf.client_secret}`).toString("base64")}` };
    const form = body.replace(/&client_id=.*$/, "");
    const head = `POST /token HTTP/1.1\r\nHost: localhost:${server.port}\r\nAuthorization: ${Authorization}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${form.length}\r\n\r\n`;
    let answer = "";
    const socket = connect(server.port, "127.0.0.1");
    socket.on("data", (part) => {
      answer += part.toString("latin1");
    });
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.write(head + form.slice(0, 10));
    // The server has the first half when it answers something that was sent later.
    assert.equal((await fetch(new URL("/healthz", issuer))).status, 200);
    server.process().signal("SIGTERM");
    await until(async () => (await fetch(new URL("/healthz", server.origin)).catch(() => undefined)) === undefined, "nothing new is accepted");
    socket.write(form.slice(10));
    await closed;
    assert.match(answer, /^HTTP\/1\.1 200 /, answer);
    const ended = await server.process().ended;
    assert.deepEqual(ended, { code: 0, signal: null });
    const { access_token } = JSON.parse(answer.slice(answer.indexOf("{"), answer.lastIndexOf("}") + 1)) as { access_token: string };
    await server.restart();
    assert.equal((await introspect(issuer, conf, access_token)).json.active, true, "what it answered last is there");
  });

  it("CD-11 no code, token, password, secret, cookie or link is in what the server prints, at the most talkative level", async () => {
    const world = await startWorld({ env: { LOG_LEVEL: "debug" }, args: ["--registration", "open"] });
    await using server = world.server;
    const { issuer, conf, alice, bob } = world;
    const code = await getCode(issuer, conf, { user: alice, params: { scope: "openid profile email" } });
    const first = (await exchange(issuer, code)).json;
    const second = (await refresh(issuer, conf, first.refresh_token)).json;
    await introspect(issuer, conf, second.access_token);
    await userinfo(issuer, second.access_token);
    await exchange(issuer, code);
    await exchange(issuer, { ...code, code: `${code.code}x` });
    await refresh(issuer, conf, second.refresh_token);
    await revoke(issuer, conf, second.refresh_token);
    await fetch(new URL(`/userinfo?access_token=${first.access_token}`, issuer));
    await fetch(new URL(`/nowhere?code=${code.code}`, issuer));
    const wrong = createBrowser(issuer);
    const wrongPassword = "a wrong but secret password";
    await signIn(wrong, await wrong.open(new URL("/login", issuer)), { email: bob.email, password: wrongPassword });
    const registered = (await (await fetch(new URL("/register", issuer), { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ redirect_uris: [strangersCallback] }) })).json()) as Record<string, string>;
    await server.stop();
    const output = server.output();
    assert.ok(output.length > 200, "there is a log");
    const secrets: Record<string, string | undefined> = {
      code: code.code,
      verifier: code.verifier,
      access_token: first.access_token,
      refresh_token: first.refresh_token,
      id_token: first.id_token,
      successor: second.refresh_token,
      client_secret: conf.client_secret,
      password: alice.password,
      "wrong password": wrongPassword,
      "server secret": server.secret,
      registration_access_token: registered["registration_access_token"],
      "registered secret": registered["client_secret"],
      ...Object.fromEntries([...code.browser.cookies("localhost")].map(([name, value]) => [`cookie ${name}`, value])),
    };
    for (const [name, value] of Object.entries(secrets)) {
      assert.ok(value !== undefined && value.length > 10, name);
      assert.ok(!output.includes(value), `${name} is in the log`);
    }
  });
});

/** A hop in front of PostgreSQL that can swallow everything without closing anything. */
async function startProxy(target: number) {
  let held = false;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    for (const [from, to] of [[near, far], [far, near]] as const) {
      sockets.add(from);
      from.on("data", (part) => {
        if (!held) to.write(part);
      });
      from.on("error", () => {});
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    hold: (on: boolean) => {
      held = on;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

