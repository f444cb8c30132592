import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { silentLog } from "@valetkey/provider/log";
import { createProvider } from "@valetkey/provider/provider";
import { openParts } from "../open.ts";
import { readSettings } from "../settings.ts";
import { commandsIn } from "./place.test.ts";

const password = "correct horse battery";
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "valetkey-cli-"));
});
after(() => rm(folder, { recursive: true, force: true }));

const place = (name: string, env?: Record<string, string>) => commandsIn(folder, name, env);

test("people: added, invited, shown, reset, disabled, enabled, removed", async () => {
  const run = place("people");
  const added = await run("user add --email Alice@Example.org --name Alice --password-stdin --json", `${password}\n`);
  assert.equal(added.status, 0, added.said);
  assert.equal(added.json.email, "alice@example.org");
  assert.equal(added.json.password, true);
  assert.doesNotMatch(added.out + added.said, /battery/);
  const invited = await run("user add --email bob@example.org --json");
  assert.match(String(invited.json.invitation), /^http:\/\/localhost:4000\/reset\?token=vk_reset_/);
  assert.equal((await run("user list")).out.trim().split("\n").length, 3);
  assert.equal(JSON.parse((await run("user list --search BOB --json")).out).length, 1);
  assert.equal((await run("user show alice@example.org --json")).json.subject, added.json.subject);
  assert.match((await run("user reset alice@example.org")).out, /^http.*reset\?token=/);
  assert.equal((await run("user disable alice@example.org --json")).json.disabled, true);
  assert.equal((await run(`user enable ${added.json.subject} --json`)).json.disabled, false);
  assert.equal((await run("user rm alice@example.org")).status, 0);
  assert.equal((await run("user rm alice@example.org")).status, 5);
});

test("who is disabled or removed has no session left, whoever else has the database open", async () => {
  const run = place("sessions");
  const database = `file:${join(folder, "sessions", "valetkey.db")}`;
  const settings = new Map([["database", { value: database, origin: "test" }]]);
  const parts = await openParts(readSettings(settings).settings, silentLog);
  const { sessions } = createProvider(parts.options);
  const page = new Request("http://localhost:4000/login");
  try {
    for (const verb of ["disable", "rm"]) {
      const { subject } = await parts.directory.create({ email: `${verb}@example.org`, name: verb });
      await sessions.start(page, { subject });
      assert.equal((await sessions.list(page, subject)).length, 1);
      assert.equal((await run(`user ${verb} ${subject}`)).status, 0);
      assert.equal((await parts.store.list("session", { subject })).length, 0, verb);
      assert.equal(await parts.directory.find(subject), undefined);
    }
  } finally {
    await parts.close();
  }
});

test("clients: added with the secret shown once, changed, rotated, disabled, removed", async () => {
  const run = place("clients");
  const added = await run(
    "client add --name Wiki --id wiki --redirect-uri https://w.example/cb --redirect-uri https://w.example/cb2 " +
      "--post-logout-redirect-uri https://w.example/bye --grant-type authorization_code --grant-type refresh_token --json",
  );
  assert.equal(added.status, 0, added.said);
  assert.equal(added.json.client_id, "wiki");
  assert.deepEqual(added.json.redirect_uris, ["https://w.example/cb", "https://w.example/cb2"]);
  assert.deepEqual(added.json.grant_types, ["authorization_code", "refresh_token"]);
  const secret = String(added.json.client_secret);
  assert.ok(secret.length >= 32);
  assert.doesNotMatch((await run("client show wiki --json")).out, /client_secret"/);
  assert.equal((await run("client add --name Wiki --id wiki --redirect-uri https://w.example/cb")).status, 6);
  const changed = await run("client set wiki --name Team --first-party --disable --json");
  assert.deepEqual(
    ["client_name", "firstParty", "disabled", "redirect_uris"].map((key) => changed.json[key]),
    ["Team", true, true, ["https://w.example/cb", "https://w.example/cb2"]],
  );
  assert.equal((await run("client set wiki --no-first-party --enable --json")).json.firstParty, false);
  const rotated = await run("client rotate wiki --overlap 60 --json");
  assert.notEqual(rotated.json.client_secret, secret);
  const spa = await run("client add --name App --public --redirect-uri https://a.example/cb --json");
  assert.equal(spa.json.token_endpoint_auth_method, "none");
  assert.equal(spa.json.client_secret, undefined);
  assert.equal((await run("client rm wiki")).status, 0);
  assert.equal((await run("client rotate wiki")).status, 5);
  assert.match((await run("client token --uses 2 --json")).out, /vk_initial-access_/);
  const mine = "a secret of my own, which is long enough";
  assert.equal(
    (await run("client add --name S --id s --redirect-uri https://s.example/cb --secret-stdin --json", mine)).json
      .client_secret,
    mine,
  );
});

test("each kind of failure has its exit status, its page, and one JSON document on standard error", async () => {
  const run = place("failures");
  const failing: [line: string, status: number, code: string, input?: string][] = [
    ["bogus", 2, "VK2000"],
    ["user add", 2, "VK2000"],
    ["client list --limit many", 2, "VK2000"],
    ["user add --email a@b.example --password-stdin", 2, "VK2001"],
    ["user add --email a@b.example --password-stdin", 2, "VK2002", "password"],
    ["user add --email nonsense", 2, "VK2002"],
    ["client add --name X --redirect-uri https://*.example/cb", 2, "VK2003"],
    ["client show nobody", 5, "VK5001"],
    ["user show nobody@example.org", 5, "VK5002"],
    ["key retire nothing", 5, "VK5003"],
    ["token revoke nothing", 5, "VK5004"],
    ["token inspect nothing", 5, "VK5004"],
    ["serve --port 70000", 3, "VK3000"],
    ["explain VK0000", 2, "VK2000"],
  ];
  for (const [line, status, code, input] of failing) {
    const ran = await run(`${line} --json`, input);
    assert.equal(ran.status, status, `${line}: ${ran.said}`);
    assert.equal(JSON.parse(ran.said).error.code, code, line);
    assert.equal(ran.out, "", line);
    assert.match(
      (await run(line, input)).said,
      new RegExp(`^✗ ${code}  .*\n(.*\n)*    fix .*\n    docs  *valetkey explain ${code}`),
      line,
    );
  }
  const both = JSON.parse((await run("user add --email nonsense --password-stdin --json", "short")).said).error.details;
  assert.deepEqual(
    both.map(({ label }: { label: string }) => label),
    ["why", "why", "got"],
  );
  const ran = await run("serve --port 70000 --json", "", {
    VALETKEY_SECRET: "short-hunter2",
    VALETKEY_ISSUER: "http://a.example",
  });
  const labels = JSON.parse(ran.said).error.details.map(({ label }: { label: string }) => label);
  assert.deepEqual(labels.sort(), ["issuer", "port", "secret"]);
  assert.doesNotMatch(ran.said, /hunter2/);
});

test("the database of a newer version, a wrong secret and a file that is no database are refused with status 8", async () => {
  const run = place("refused");
  const file = join(folder, "refused", "valetkey.db");
  assert.equal((await run("client token")).status, 0);
  assert.equal((await run("key list")).status, 0);
  const other = await run("key list --json", "", { VALETKEY_SECRET: "another secret as long as it has to be 123" });
  assert.deepEqual([other.status, JSON.parse(other.said).error.code], [8, "VK8003"]);
  const database = new DatabaseSync(file);
  database.exec("insert into valetkey_migration values ('9999_later', '2030-01-01T00:00:00.000Z')");
  database.close();
  const newer = await run("user list --json");
  assert.deepEqual([newer.status, JSON.parse(newer.said).error.code], [8, "VK8002"]);
  await writeFile(
    join(folder, "noise.db"),
    "this is no database, only a text that is long enough to be looked at ".repeat(20),
  );
  const noise = await run(`user list --json --database file:${join(folder, "noise.db")}`);
  assert.deepEqual([noise.status, JSON.parse(noise.said).error.code], [8, "VK8001"]);
  const absent = await run("user list --json --database postgres://nobody:hunter2@127.0.0.1:1/none", "", {
    VALETKEY_SECRET: "a secret so that none is made in the working folder",
  });
  assert.deepEqual([absent.status, JSON.parse(absent.said).error.code], [8, "VK8001"]);
  assert.doesNotMatch(absent.said, /hunter2/);
});
