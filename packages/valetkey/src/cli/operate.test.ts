import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
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
  await run("key list");
  const env = { VALETKEY_ISSUER: "http://localhost:1" };
  assert.equal((await run("doctor", "", env)).status, 0);
  await chmod(join(folder, "doctor", "valetkey.db"), 0o644);
  const open = await run("doctor --json", "", env);
  assert.equal(open.status, 9);
  assert.match(open.out, /open to others/);
  assert.equal((await run("doctor --json", "", { PORT: "x" })).status, 9);
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
});
