import assert from "node:assert/strict";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { pkceOrNonce } from "@valetkey/provider/pkce-policy";
import { startPostgres } from "@valetkey/test-support/postgres";
import { type RunningProcess, runProcess, startProcess } from "@valetkey/test-support/process";
import type { Config } from "./config.ts";
import { startServer } from "./serve.ts";

const bin = fileURLToPath(new URL("../bin/valetkey.js", import.meta.url));
const env = { PATH: process.env.PATH, PORT: "0" };
const password = "correct horse battery";
const clientSecret = "a secret of my own which is long enough";
const api = { resource: "https://api.example", scopes: ["jobs"] };
const jobs = { grant_types: ["client_credentials"], scope: "jobs", introspects: [api.resource] };

let folder: string;
let places = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "valetkey-serve-"));
});
after(() => rm(folder, { recursive: true, force: true }));

const freshPlace = () => mkdtemp(join(folder, `${++places}-`));
const run = (cwd: string, line: string, input = "", more: Record<string, string> = {}) =>
  runProcess(process.execPath, [bin, ...line.split(" ")], { cwd, env: { ...env, ...more }, input });
const serve = (cwd: string, args: string[] = [], more: Record<string, string> = {}): Promise<RunningProcess> =>
  startProcess(process.execPath, [...args, bin, "serve"], { cwd, env: { ...env, ...more }, ready: /^ready / });
const issuerOf = (server: RunningProcess) => server.readyLine.slice("ready ".length);

async function clientCredentials(issuer: string, client_id: string, client_secret: string): Promise<Response> {
  return fetch(`${issuer}/token`, {
    method: "POST",
    headers: {
      authorization: `Basic ${btoa(`${client_id}:${encodeURIComponent(client_secret).replaceAll("%20", "+")}`)}`,
    },
    body: new URLSearchParams({ grant_type: "client_credentials" }),
  });
}

test("serve says it is ready in one line, commands work beside it, and SIGTERM ends it with status 0", async () => {
  const cwd = await freshPlace();
  await writeFile(join(cwd, "valetkey.config.json"), JSON.stringify({ resources: [api] }));
  // Before the first start, and with the secret the server will use.
  assert.equal((await run(cwd, "user add --email alice@example.org --password-stdin", password)).code, 0);
  const server = await serve(cwd, ["--disallow-code-generation-from-strings"]);
  const issuer = issuerOf(server);
  assert.equal(server.stdout(), `ready ${issuer}\n`);
  const line = await server.waitForLine(/^ {2}database /);
  assert.equal(line.replace(/^ *\w+ +/, ""), `file:${join(cwd, "data", "valetkey.db")}`);
  assert.doesNotMatch(server.stderr(), /setup\?token/);
  assert.equal((await fetch(`${issuer}/readyz`)).status, 200);
  const metadata = (await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as { issuer: string };
  assert.equal(metadata.issuer, issuer);

  const added = await run(cwd, "client add --name Job --grant-type client_credentials --scope jobs --json");
  const { client_id, client_secret } = JSON.parse(added.stdout);
  const answer = await clientCredentials(issuer, client_id, client_secret);
  assert.equal(answer.status, 200, await answer.clone().text());
  const { access_token } = (await answer.json()) as { access_token: string };
  const state = async () =>
    JSON.parse((await run(cwd, `token introspect ${access_token} --json --issuer ${issuer}`)).stdout).active;
  assert.equal(await state(), true);
  assert.equal((await run(cwd, `client rm ${client_id}`)).code, 0);
  assert.equal(await state(), false);
  assert.equal((await clientCredentials(issuer, client_id, client_secret)).status, 401);

  const second = await run(cwd, "serve", "", { PORT: new URL(issuer).port });
  assert.equal(second.code, 6);
  assert.match(second.stderr, /VK6003 .*\n(.*\n)* +fix +stop it, or take another port: PORT=4010\n/);
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
  assert.equal(server.stdout(), `ready ${issuer}\n`);
});

test("an empty server prints a set-up link; after kill -9 it starts again, and only the new link works (SE-27, F-34)", async () => {
  const cwd = await freshPlace();
  const first = await serve(cwd);
  const link = (text: string) => /http:\S+\/setup\?token=(\S+)/.exec(text)?.[1] ?? "";
  const old = link(first.stderr());
  await first.kill();
  const second = await serve(cwd);
  const fresh = link(second.stderr());
  assert.ok(old !== "" && fresh !== "" && old !== fresh);
  const page = async (token: string) => (await fetch(`${issuerOf(second)}/setup?token=${token}`)).status;
  assert.equal(await page(fresh), 200);
  assert.notEqual(await page(old), 200);
  await second.stop();
});

test("what a process under umask 000 writes is its owner's alone (ST-04)", async () => {
  const cwd = await freshPlace();
  const server = await startProcess("/bin/sh", ["-c", `umask 000; exec "$0" "$1" serve`, process.execPath, bin], {
    cwd,
    env,
    ready: /^ready /,
  });
  for (const file of ["valetkey.db", "valetkey.db-wal", "valetkey.db-shm", "secret"]) {
    assert.equal((await stat(join(cwd, "data", file))).mode & 0o077, 0, file);
  }
  assert.equal((await stat(join(cwd, "data"))).mode & 0o777, 0o700);
  await server.stop();
});

test("requests under way are answered when the server is asked to end", async () => {
  const cwd = await freshPlace();
  const server = await serve(cwd);
  const answers = Array.from({ length: 40 }, () =>
    fetch(`${issuerOf(server)}/jwks`).then((response) => response.text()),
  );
  await Promise.race(answers);
  const ended = server.stop();
  const results = await Promise.allSettled(answers);
  // A connection that was not accepted yet may be refused; one that was is answered in full.
  for (const result of results) if (result.status === "fulfilled") assert.ok(JSON.parse(result.value).keys.length > 0);
  assert.deepEqual(await ended, { code: 0, signal: null });
});

test("clients of the configuration: made, brought up to date, not changed elsewhere, disabled when they leave", async () => {
  const cwd = await freshPlace();
  const write = (config: Config) =>
    writeFile(join(cwd, "valetkey.config.json"), JSON.stringify({ resources: [api], ...config }));
  const job = {
    client_id: "job",
    client_name: "Job",
    client_secret: clientSecret,
    ...jobs,
  };
  const start = async () => (await serve(cwd)) as RunningProcess;

  await write({ clients: [job] });
  const first = await start();
  assert.equal((await clientCredentials(issuerOf(first), "job", clientSecret)).status, 200);
  const refused = await run(cwd, "client set job --name Other --json");
  assert.equal(refused.code, 4);
  await first.stop();

  await write({ clients: [{ ...job, client_name: "Better job", client_secret: `${clientSecret}!` }] });
  const second = await start();
  assert.equal((await clientCredentials(issuerOf(second), "job", clientSecret)).status, 401);
  assert.equal((await clientCredentials(issuerOf(second), "job", `${clientSecret}!`)).status, 200);
  assert.equal(JSON.parse((await run(cwd, "client show job --json")).stdout).client_name, "Better job");
  await second.stop();

  await write({});
  const third = await start();
  assert.equal((await clientCredentials(issuerOf(third), "job", `${clientSecret}!`)).status, 401);
  await third.stop();

  await write({
    clients: [
      { client_id: "a", token_endpoint_auth_method: "none", redirect_uris: ["https://*.example/cb"] },
      { ...job, scope: "unheard:of" },
    ],
  });
  const wrong = await run(cwd, "serve --json");
  assert.equal(wrong.code, 3);
  const labels = JSON.parse(wrong.stderr.trim().split("\n").at(-1) ?? "").error.details.map(
    ({ label }: { label: string }) => label,
  );
  assert.deepEqual(labels, ["clients[0]", "clients[1]"]);
});

test("a PKCE policy of the configuration is the one in force", async () => {
  const wiki = {
    client_id: "wiki",
    client_secret: clientSecret,
    redirect_uris: ["https://wiki.example/callback"],
  };
  const query = new URLSearchParams({
    response_type: "code",
    client_id: "wiki",
    redirect_uri: "https://wiki.example/callback",
    scope: "openid",
    nonce: "a nonce that nobody can guess",
  });
  for (const policy of [{}, { pkce: pkceOrNonce }]) {
    const database = `file:${join(await freshPlace(), "valetkey.db")}`;
    const config: Config = {
      issuer: "http://localhost:0",
      port: 0,
      database,
      clients: [wiki],
      log: { level: "silent" },
    };
    const server = await startServer({ ...config, ...policy });
    try {
      const answer = await fetch(`${server.issuer}/authorize?${query}`, { redirect: "manual" });
      const asksToSignIn = /\/login\?/.test(answer.headers.get("location") ?? "");
      assert.equal(asksToSignIn, "pkce" in policy, `${answer.status} ${answer.headers.get("location")}`);
    } finally {
      await server.close();
    }
  }
});

test("a database that cannot be written is refused at the start with status 8 (F-06)", async () => {
  const cwd = await freshPlace();
  await writeFile(join(cwd, "data"), "in the way");
  const ran = await run(cwd, "serve", "", { VALETKEY_SECRET: clientSecret });
  assert.equal(ran.code, 8, ran.stderr);
  assert.equal(ran.stdout, "");
});

test("on PostgreSQL: two servers share one database; an outage is 503 and not ready, and heals", async () => {
  const postgres = await startPostgres({ durable: true });
  const config: Config = {
    issuer: "http://localhost:4000",
    port: 0,
    database: await postgres.createDatabase(),
    secret: clientSecret,
    resources: [api],
    clients: [{ client_id: "job", client_secret: clientSecret, ...jobs }],
    log: { level: "silent" },
  };
  const servers = await Promise.all([startServer(config), startServer(config)]);
  const origins = servers.map(({ port }) => `http://127.0.0.1:${port}`);
  try {
    for (const origin of origins) assert.equal((await clientCredentials(origin, "job", clientSecret)).status, 200);
    await postgres.crash();
    for (const origin of origins) {
      assert.equal((await fetch(`${origin}/healthz`)).status, 200);
      assert.equal((await fetch(`${origin}/readyz`)).status, 503);
      assert.equal((await clientCredentials(origin, "job", clientSecret)).status, 503);
    }
    await postgres.restart();
    for (const origin of origins) {
      const deadline = Date.now() + 10_000;
      while ((await fetch(`${origin}/readyz`)).status !== 200) assert.ok(Date.now() < deadline, "not ready after 10 s");
      assert.equal((await clientCredentials(origin, "job", clientSecret)).status, 200);
    }
  } finally {
    for (const server of servers) await server.close();
    await postgres.stop();
  }
});
