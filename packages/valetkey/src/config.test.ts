import assert from "node:assert/strict";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pkceOrNonce } from "@valetkey/provider/pkce-policy";
import { defineConfig } from "./config.ts";
import { type ConfigSources, findConfig } from "./load-config.ts";
import { madeSecret } from "./secret-file.ts";
import { ConfigError, readSettings } from "./settings.ts";

const secret = "correct-horse-battery-staple-0123456789";
let folder: string;
let folders = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "valetkey-config-"));
});
after(() => rm(folder, { recursive: true, force: true }));

/** A fresh folder with these files. */
async function folderWith(files: Record<string, string>): Promise<string> {
  const path = await mkdtemp(join(folder, `${++folders}-`));
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
  return path;
}

async function load(sources: ConfigSources) {
  const found = await findConfig({ folder: await folderWith({}), ...sources });
  return readSettings(found.given, found.mistakes);
}

async function mistakesOf(sources: ConfigSources) {
  try {
    await load(sources);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.mistakes;
  }
  throw new Error("no mistakes were found");
}

test("without any configuration: this computer only, a file in ./data, the issuer follows the port", async () => {
  const { settings, origins } = await load({ env: { PORT: "4711" } });
  assert.equal(settings.issuer, "http://localhost:4711");
  assert.equal(settings.host, "127.0.0.1");
  assert.equal(settings.database, "file:./data/valetkey.db");
  assert.equal(settings.registration, "off");
  assert.equal(origins.get("port"), "env PORT");
  assert.equal((await load({ env: { VALETKEY_ISSUER: "http://localhost:5000" } })).settings.port, 5000);
});

test("flags go before environment, environment before .env, .env before the file, and each value's origin is known", async () => {
  const place = await folderWith({
    "valetkey.config.ts": `export default { port: 1, host: "127.0.0.1", registration: "open" as const, helpUrl: "https://help.example" };`,
    ".env": "PORT=2\nHOST=127.0.0.2",
  });
  const { settings, origins } = await load({
    folder: place,
    env: { HOST: "127.0.0.3" },
    flags: { registration: "token" },
  });
  assert.deepEqual([settings.port, settings.host, settings.registration], [2, "127.0.0.3", "token"]);
  assert.equal(settings.helpUrl, "https://help.example");
  assert.deepEqual(
    ["registration", "host", "helpUrl", "database"].map((key) => origins.get(key)),
    ["--registration", "env HOST", "valetkey.config.ts", "default"],
  );
});

test("a secret may come from a file; VALETKEY_DATABASE_URL goes before DATABASE_URL; a comma separates secrets", async () => {
  const place = await folderWith({ s: `${secret}\n` });
  const { settings } = await load({
    env: {
      VALETKEY_SECRET_FILE: join(place, "s"),
      DATABASE_URL: "postgres://b/b",
      VALETKEY_DATABASE_URL: "postgres://a/a",
    },
  });
  assert.deepEqual(settings.secret, [secret]);
  assert.equal(settings.database, "postgres://a/a");
  assert.deepEqual((await load({ env: { VALETKEY_SECRET: `${secret},${secret}x` } })).settings.secret, [
    secret,
    `${secret}x`,
  ]);
});

test("durations are seconds or texts", async () => {
  const place = await folderWith({
    "valetkey.config.json": JSON.stringify(
      defineConfig({ lifetimes: { access: "15m", code: 30, refreshIdle: "30d" } }),
    ),
  });
  const { settings } = await load({ folder: place });
  assert.deepEqual(settings.lifetimes, { access: 900, code: 30, refreshIdle: 2_592_000 });
});

test("all mistakes are reported at once, each with a fix, and no secret is in them (F-33)", async () => {
  const place = await folderWith({
    "valetkey.config.json": JSON.stringify({
      isuer: "https://id.example",
      secret: "hunter2-is-short",
      database: "mysql://root:hunter2@db/x",
      clients: [
        { id: "wiki", redirectUri: "https://wiki.example/cb" },
        { client_id: "shop", client_secret: "hunter2" },
        { client_id: "shop", token_endpoint_auth_method: "none" },
      ],
      resources: [{ resource: "photos", scopes: "photos" }],
      lifetimes: { acces: 5, code: "soon" },
      brand: { accent: "red" },
      trustedProxies: ["10.0.0.0/64"],
    }),
  });
  const mistakes = await mistakesOf({
    folder: place,
    env: { PORT: "http", VALETKEY_ISSUR: "x", VALETKEY_SECRET_FILE: "/nowhere", VALETKEY_CLIENT_ID: "not ours" },
    flags: { registration: "yes" },
  });
  const keys = mistakes.map(({ key }) => key);
  for (const key of [
    "isuer",
    "secret",
    "database",
    "port",
    "VALETKEY_ISSUR",
    "registration",
    "clients[0].id",
    "clients[0].redirectUri",
    "clients[0].client_id",
    "clients[1].client_secret",
    "clients[2].client_id",
    "resources[0].resource",
    "resources[0].scopes",
    "lifetimes.acces",
    "lifetimes.code",
    "brand.accent",
    "trustedProxies[0]",
  ])
    assert.ok(keys.includes(key), `${key} is not among ${keys.join(", ")}`);
  assert.ok(!keys.includes("VALETKEY_CLIENT_ID"));
  const fixOf = (key: string) => mistakes.find((mistake) => mistake.key === key)?.fix;
  assert.match(fixOf("isuer") ?? "", /issuer/);
  assert.match(fixOf("clients[0].id") ?? "", /client_id/);
  assert.match(fixOf("lifetimes.acces") ?? "", /access/);
  assert.match(fixOf("VALETKEY_ISSUR") ?? "", /VALETKEY_ISSUER/);
  assert.doesNotMatch(JSON.stringify(mistakes), /hunter2/);
});

test("what only the provider knows to be wrong is reported in the same go as what is malformed (F-33)", async () => {
  const place = await folderWith({
    "valetkey.config.json": JSON.stringify({
      port: "x",
      lifetimes: { code: 9_999, access: "2d", id_token: "soon" },
      resources: [
        { resource: "photos", scopes: ["a"] },
        { resource: "https://api.example#b", scopes: ["two words"] },
      ],
      clients: [
        { client_id: "a" },
        {
          client_id: "b",
          client_secret: secret,
          redirect_uris: ["https://*.example/cb"],
          grant_types: ["password"],
          scope: "unknown:here",
        },
      ],
    }),
  });
  const mistakes = await mistakesOf({ folder: place });
  assert.deepEqual(mistakes.map(({ key, origin }) => [key, origin]).sort(), [
    ["clients[0]", "valetkey.config.json"],
    ["clients[0].client_secret", "valetkey.config.json"],
    ["clients[1]", "valetkey.config.json"],
    ["clients[1]", "valetkey.config.json"],
    ["lifetimes.access", "valetkey.config.json"],
    ["lifetimes.code", "valetkey.config.json"],
    ["lifetimes.id_token", "valetkey.config.json"],
    ["port", "valetkey.config.json"],
    ["resources[0].resource", "valetkey.config.json"],
    ["resources[1].resource", "valetkey.config.json"],
    ["resources[1].scopes", "valetkey.config.json"],
  ]);
  const scopes = await folderWith({
    "valetkey.config.json": JSON.stringify({
      scopes: { "two words": "x" },
      clients: [{ client_id: "b", client_secret: secret, redirect_uris: ["https://b.example/cb"], scope: "none:such" }],
    }),
  });
  assert.deepEqual(
    (await mistakesOf({ folder: scopes })).map(({ key, what }) => [key, what]),
    [
      ["scopes.two words", "cannot be the name of a scope"],
      ["clients[0]", "the scope none:such is not known here"],
    ],
  );
});

test("a PKCE policy of the provider's can be chosen, and nothing else passes for one", async () => {
  const policies = import.meta.resolve("@valetkey/provider/pkce-policy");
  const place = await folderWith({
    "valetkey.config.mjs": `import { pkceOrNonce } from ${JSON.stringify(policies)};
      export default { pkce: pkceOrNonce };`,
  });
  const { settings } = await load({ folder: place });
  assert.equal(settings.pkce, pkceOrNonce);
  const wrong = await folderWith({ "valetkey.config.json": `{ "pkce": "never" }` });
  assert.deepEqual(
    (await mistakesOf({ folder: wrong })).map(({ key }) => key),
    ["pkce"],
  );
});

test("unsafe combinations are refused before anything is opened", async () => {
  const keysOf = async (env: Record<string, string>) => (await mistakesOf({ env })).map(({ key }) => key);
  assert.deepEqual(await keysOf({ VALETKEY_ISSUER: "https://id.example" }), ["secret"]);
  assert.deepEqual(await keysOf({ VALETKEY_ISSUER: "http://id.example", VALETKEY_SECRET: secret }), ["issuer"]);
  assert.deepEqual(await keysOf({ VALETKEY_ISSUER: "https://id.example/?a", VALETKEY_SECRET: secret }), ["issuer"]);
  assert.deepEqual(await keysOf({ VALETKEY_ISSUER: "https://id.example", VALETKEY_SECRET: "a".repeat(40) }), [
    "secret",
  ]);
  assert.deepEqual(await keysOf({ HOST: "0.0.0.0" }), ["issuer"]);
  assert.ok((await load({ env: { VALETKEY_ISSUER: "https://id.example", VALETKEY_SECRET: secret } })).settings);
});

test("a file that is missing, broken or empty is one of the mistakes", async () => {
  assert.equal((await mistakesOf({ file: "nothing.json" }))[0]?.what, "cannot be read");
  const broken = await folderWith({ "valetkey.config.mjs": "export default {" });
  assert.equal((await mistakesOf({ folder: broken }))[0]?.what, "cannot be loaded");
  const empty = await folderWith({ "valetkey.config.js": "export const issuer = 1;" });
  assert.equal((await mistakesOf({ folder: empty, env: { PORT: "x" } })).length, 2);
});

test("a made secret is made once, whoever asks, and is its owner's alone (ST-04)", async () => {
  const database = `file:${join(folder, "made", "valetkey.db")}`;
  const umask = process.umask(0);
  const secrets = await Promise.all([1, 2, 3, 4].map(() => madeSecret(database)));
  process.umask(umask);
  assert.equal(new Set(secrets).size, 1);
  assert.equal(await madeSecret(database), secrets[0]);
  assert.equal((await stat(join(folder, "made", "secret"))).mode & 0o777, 0o600);
  assert.equal((await stat(join(folder, "made"))).mode & 0o777, 0o700);
});
