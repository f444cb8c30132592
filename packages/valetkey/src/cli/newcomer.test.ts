/** What somebody meets who types a command in the wrong folder, beside the wrong server, or with a slip in it. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { runProcess, startProcess } from "@valetkey/test-support/process";
import { startServer } from "../serve.ts";
import type { Check } from "./doctor.ts";
import { commandsIn } from "./place.test.ts";

const bin = fileURLToPath(new URL("../../bin/valetkey.js", import.meta.url));
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "valetkey-newcomer-"));
});
after(() => rm(folder, { recursive: true, force: true }));

const place = (name: string, env?: Record<string, string>) => commandsIn(folder, name, env);

/** The real program, in an empty folder. */
async function program(args: readonly string[]) {
  const cwd = await mkdtemp(join(folder, "cwd-"));
  const ran = await runProcess(process.execPath, [bin, ...args], { cwd, env: { PATH: process.env.PATH } });
  return { ...ran, cwd };
}

test("commands about what is there make no database and no secret, and say where they looked", async () => {
  const lines = ["user list", "user rm a@b.example", "client show x", "key list", "key rotate", "token introspect x"];
  for (const line of lines) {
    const { code, stdout, stderr, cwd } = await program(line.split(" "));
    assert.equal(code, 8, line);
    assert.equal(stdout, "", line);
    assert.match(stderr, /^✗ VK8004 .*\n +looked at +file:\/.*data\/valetkey\.db\n/, line);
    assert.ok(!existsSync(join(cwd, "data")), line);
  }
  const typo = join(folder, "nonexistent", "x.db");
  assert.equal((await place("typo")(`user list --database file:${typo}`)).status, 8);
  assert.ok(!existsSync(join(folder, "nonexistent")));
});

test("a database whose secret is gone gets no new secret from a command that looks", async () => {
  const run = place("gone");
  await run("client token");
  await rm(join(folder, "gone", "secret"));
  const ran = await run("key list --json");
  assert.deepEqual([ran.status, JSON.parse(ran.said).error.code], [8, "VK8003"]);
  assert.ok(!existsSync(join(folder, "gone", "secret")));
});

test("an empty list names the database on standard error", async () => {
  const run = place("empty");
  await run("client token");
  for (const [line, what] of [
    ["user list", "people"],
    ["client list", "clients"],
  ]) {
    const ran = await run(`${line}`);
    assert.deepEqual([ran.status, ran.out], [0, ""]);
    assert.match(ran.said, new RegExp(`^no ${what} in file:/.*/empty/valetkey\\.db\n$`));
    assert.deepEqual(JSON.parse((await run(`${line} --json`)).out), []);
  }
  assert.match((await run("user show a@b.example")).said, /looked in +file:.*empty/);
});

test("doctor sees that the server at the issuer's address works on another database", async () => {
  const env = { VALETKEY_ISSUER: "", PORT: "" };
  const database = `file:${join(folder, "theirs", "valetkey.db")}`;
  const server = await startServer({
    port: 0,
    issuer: "http://localhost:0",
    database,
    log: { level: "silent" },
  });
  try {
    env.VALETKEY_ISSUER = server.issuer;
    const look = async (name: string) => {
      const ran = await place(name, env)("doctor --json");
      return { status: ran.status, server: (ran.json.checks as Check[]).find((check) => check.name === "server") };
    };
    const theirs = await look("theirs");
    assert.deepEqual([theirs.status, theirs.server?.status], [0, "ok"]);
    assert.match(theirs.server?.detail ?? "", /with the keys of this database/);
    const run = place("mine");
    for (const prepare of ["", "client token", "key list"]) {
      if (prepare !== "") await run(prepare);
      const mine = await look("mine");
      assert.deepEqual([mine.status, mine.server?.status], [9, "problem"], prepare);
      assert.match(mine.server?.detail ?? "", /uses another database/, prepare);
    }
  } finally {
    await server.close();
  }
});

test("a usage error points to the help of the command that was meant, on one line each", async () => {
  const run = place("usage");
  assert.match((await run("user add")).said, / fix +valetkey user add --help\n/);
  const slip = (await run("user lis")).said;
  assert.match(slip, / got +unknown command 'lis' \(Did you mean list\?\)\n +fix +valetkey user --help\n/);
  for (const line of ["user list --limit 0", "client list --limit 1001", "client token --uses 0"])
    assert.equal((await run(line)).status, 2, line);
  assert.ok(!existsSync(join(folder, "usage")));
});

test("who names no command is shown the help, with the status of a usage error", async () => {
  const run = place("bare");
  for (const [line, usage] of [
    ["", "Usage: valetkey [options] [command]"],
    ["user", "Usage: valetkey user [options] [command]"],
  ] as const) {
    const ran = await run(line);
    assert.deepEqual([ran.status, ran.out], [2, ""]);
    assert.ok(ran.said.startsWith(usage), ran.said);
    assert.doesNotMatch(ran.said, /outputHelp|VK2000/);
  }
  assert.equal(JSON.parse((await run("user --json")).said).error.code, "VK2000");
});

test("a client that acts for itself and was given no scope is a warning, with what to type (RFC 6749 §4.4)", async () => {
  const run = place("own-scope");
  assert.match(
    (await run("client add --help")).out.replaceAll(/\s+/g, " "),
    /with client_credentials none unless given/,
  );
  const bare = await run("client add --id job --name Job --grant-type client_credentials --json");
  assert.deepEqual([bare.status, bare.json.client_id], [0, "job"]);
  assert.match(bare.said, /^warning: .* fix: valetkey client set job --scope "…"\n$/);
  const resources = JSON.stringify({ resources: [{ resource: "https://api.example", scopes: ["jobs"] }] });
  const config = join(folder, "own-scope.json");
  await writeFile(config, resources);
  for (const line of [
    `--grant-type client_credentials --scope jobs --config ${config}`,
    `--introspects https://api.example --config ${config}`,
    "--redirect-uri https://a.example/cb",
  ])
    assert.equal((await run(`client add --name X ${line}`)).said, "", line);
});

test("a refused client names flag and value", async () => {
  const run = place("refused-client");
  const said = async (line: string) => {
    const ran = await run(`client add --name X ${line}`);
    assert.equal(ran.status, 2, ran.said);
    return ran.said;
  };
  assert.match(await said("--redirect-uri https://a.example/cb --redirect-uri nonsense"), / got +nonsense\n/);
  assert.match(await said("--redirect-uri nonsense"), / flag +--redirect-uri\n/);
  assert.match(await said("--public"), / fix +--redirect-uri https:/);
  assert.match(
    await said("--redirect-uri https://a.example/cb --post-logout-redirect-uri other"),
    / flag +--post-logout-redirect-uri\n +got +other\n/,
  );
  assert.match(await said("--redirect-uri https://a.example/cb --scope nothing:known"), / got +nothing:known\n/);
  const grants = "--public --redirect-uri http://127.0.0.1/callback --grant-type authorization_code --grant-type";
  assert.match(await said(`${grants} devicecode`), / got +devicecode\n +fix +--grant-type device_code in its place\n/);
  assert.match(await said(`${grants} nonsense`), / fix +--grant-type with one of authorization_code, refresh_token, /);
  assert.match(await said(`${grants} ciba`), / fix +add urn:openid:params:grant-type:ciba to grants in the configur/);
  // A client on its own behalf could never use what is about a person.
  assert.match(await said("--grant-type client_credentials --scope profile"), / got +--scope profile\n/);
});

test("a program in a terminal gets the device grant by its short name, which --help tells (RFC 8628)", async () => {
  const run = place("device");
  assert.match((await run("client add --help")).out.replaceAll(/\s+/g, " "), /client_credentials, device_code/);
  const line =
    "--public --redirect-uri http://127.0.0.1/callback --grant-type authorization_code --grant-type device_code";
  const made = await run(`client add --name Tool ${line} --json`);
  assert.equal(made.status, 0, made.said);
  assert.deepEqual(made.json.grant_types, ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"]);
});

test("an API gets credentials for introspection without redirect URIs and grant types, and no scopes with them", async () => {
  const run = place("introspects");
  const config = join(folder, "introspects.json");
  await writeFile(config, JSON.stringify({ resources: [{ resource: "https://api.example", scopes: ["a"] }] }));
  const made = await run(`client add --name API --introspects https://api.example --config ${config} --json`);
  assert.equal(made.status, 0, made.said);
  assert.deepEqual([made.json.introspects, made.json.scope], [["https://api.example"], undefined]);
  assert.match((await run("client add --name API --introspects https://other.example")).said, / flag +--introspects\n/);
});

test("people get dates and how long a link works; a title is not said twice; no advice goes round in a circle", async () => {
  const run = place("people");
  assert.match((await run("user add --email a@b.example")).out, /works once, within 24 hours/);
  assert.match((await run("user reset a@b.example")).said, /works once, within 24 hours/);
  assert.match((await run("user show a@b.example")).out, /createdAt +20\d\d-\d\d-\d\dT/);
  assert.equal(typeof (await run("user show a@b.example --json")).json.createdAt, "number");
  const twice = (await run("user add --email A@B.example")).said;
  assert.doesNotMatch(twice, / why /);
  assert.match(twice, / fix +valetkey user show /);
  assert.doesNotMatch((await run("token inspect garbage")).said, /fix +valetkey token inspect/);
  assert.equal(typeof (await run("secret --json")).json.secret, "string");
  assert.match((await run("client add --name W --redirect-uri https://w.example/cb")).out, /client_id/);
  assert.match((await run("client list")).out, /^client_id +name +from/);
  for (const line of ["client list", "key list", "config print"])
    assert.doesNotMatch((await run(line)).out, / $/m, line);
});

test("configuration: reasons are reasons, fixes are examples, and a flag has its own name", async () => {
  const run = place("config");
  const said = async (source: string, name = "valetkey.config.ts", more = "") => {
    const at = await mkdtemp(join(folder, "config-"));
    await writeFile(join(at, name), source);
    return (await run(`config print --config ${join(at, name)}${more}`)).said;
  };
  const syntax = await said("export default {\n  port: 1\n");
  assert.match(syntax, /cannot be loaded; why: Expected .*; fix: look at line 2\n/);
  assert.doesNotMatch(syntax, /enums/);
  for (const source of ['import "node:path";\nexport default { port: 1 };\n', "export default { port: 1 };\n"]) {
    const at = await mkdtemp(join(folder, "commonjs-"));
    await writeFile(join(at, "package.json"), '{ "type": "commonjs" }');
    await writeFile(join(at, "valetkey.config.ts"), source);
    const common = (await run(`config print --config ${join(at, "valetkey.config.ts")}`)).said;
    assert.match(common, /fix: say "type": "module" in package\.json .*, or name the file valetkey\.config\.mts\n/);
  }
  const thrown = await said("const x: any = undefined;\n\nexport default { port: x.y };\n");
  assert.match(thrown, /why: Cannot read properties.*; fix: look at line 3\n/);
  assert.match(await said("enum A { B }\nexport default { port: A.B };\n"), /look at line 1; Node itself.* no enums/);
  assert.match((await run("config print --config missing.ts")).said, /cannot be read; why: ENOENT.*; fix: name one/);
  const wrong = await said(
    'export default { port: "x", lifetimes: { access: "ten minutes" }, log: "info", brand: 1 };',
  );
  assert.match(wrong, /fix: port: 4000/);
  assert.match(wrong, /lifetimes\.access +must be whole seconds, or .*"ten minutes"/);
  assert.match(wrong, /log +must be an object.*fix: log: \{ level: "info" \}/);
  assert.doesNotMatch(wrong, /Invalid|pattern|fix: correct/);
  assert.match((await run("serve --log-level loud")).said, /\(--log-level\); fix: --log-level info\n/);
  assert.match((await run("config print", "", { PORT: "x" })).said, /\(env PORT\); fix: PORT=4000\n/);
});

test("serve --json says it is ready in JSON; SIGINT ends it in good order with status 130", async () => {
  const cwd = await mkdtemp(join(folder, "served-"));
  const env = { PATH: process.env.PATH, PORT: "0" };
  const server = await startProcess(process.execPath, [bin, "serve", "--json"], { cwd, env, ready: /"ready"/ });
  const { ready } = JSON.parse(server.readyLine) as { ready: string };
  assert.equal((await fetch(`${ready}/readyz`)).status, 200);
  server.signal("SIGINT");
  assert.deepEqual(await server.ended, { code: 130, signal: null });
});
