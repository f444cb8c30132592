import assert from "node:assert/strict";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { clientIdDocuments } from "@valetkey/provider/client-id-documents";
import { pkceOrNonce } from "@valetkey/provider/pkce-policy";
import { defineConfig } from "./config.ts";
import { type ConfigSources, findConfig } from "./load-config.ts";
import { documentsOf } from "./outbound-setting.ts";
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

test("ways clients authenticate are chosen by name or as values, and checked with the clients that use them", async () => {
  const federated = import.meta.resolve("@valetkey/provider/client-auth/federated");
  const place = await folderWith({
    "valetkey.config.mjs": `import { federatedCredentials, githubActions } from ${JSON.stringify(federated)};
      export default {
        clientAuth: ["private_key_jwt", "tls_client_auth", federatedCredentials({ issuers: [githubActions()] })],
        trustedProxies: ["10.0.0.1", { address: "10.0.0.0/8", certificateHeader: "client-cert", certificateVerified: true }],
        clients: [
          { client_id: "a", token_endpoint_auth_method: "private_key_jwt", jwks_uri: "https://a.example/jwks", redirect_uris: ["https://a.example/cb"] },
          { client_id: "b", token_endpoint_auth_method: "tls_client_auth", tls_client_auth_san_dns: "b.example", redirect_uris: ["https://b.example/cb"] },
          { client_id: "c", token_endpoint_auth_method: "federated_jwt", federatedIdentity: { issuer: githubActions().issuer, subject: "repo:a/b:ref:refs/heads/main" }, grant_types: ["client_credentials"] },
        ],
      };`,
  });
  const { settings } = await load({ folder: place });
  assert.equal(settings.clientAuth.length, 3);
  assert.deepEqual((await load({ folder })).settings.clientAuth, [
    "client_secret_basic",
    "client_secret_post",
    "private_key_jwt",
    "none",
  ]);
  const wrong = await folderWith({
    "valetkey.config.json": JSON.stringify({
      clientAuth: ["private_key_jwt", "tls_client_auth"],
      trustedProxies: [{ address: "10.0.0.0/8", certificateHeader: "client-cert" }],
      clients: [
        { client_id: "a", token_endpoint_auth_method: "private_key_jwt", redirect_uris: ["https://a.example/cb"] },
        { client_id: "b", client_secret: secret, redirect_uris: ["https://b.example/cb"] },
        {
          client_id: "c",
          client_secret: secret,
          token_endpoint_auth_method: "tls_client_auth",
          redirect_uris: ["https://c.example/cb"],
        },
      ],
    }),
  });
  assert.deepEqual(
    (await mistakesOf({ folder: wrong })).map(({ key, what }) => [key, what]),
    [
      ["clients[2].client_secret", "is of no use to a client of this method"],
      ["trustedProxies", "has no proxy that verifies who signed a certificate, which tls_client_auth needs"],
      ["clients[0]", "private_key_jwt needs jwks or jwks_uri"],
      ["clients[1]", "token_endpoint_auth_method must be one of private_key_jwt, tls_client_auth"],
      [
        "clients[2]",
        "tls_client_auth needs exactly one of tls_client_auth_subject_dn, tls_client_auth_san_dns, tls_client_auth_san_uri, tls_client_auth_san_ip, tls_client_auth_san_email",
      ],
    ],
  );
  const keysOf = async (config: object) =>
    (await mistakesOf({ folder: await folderWith({ "valetkey.config.json": JSON.stringify(config) }) })).map(
      ({ key }) => key,
    );
  assert.deepEqual(await keysOf({ clientAuth: ["password"] }), ["clientAuth[0]"]);
  assert.deepEqual(await keysOf({ clientAuth: [] }), ["clientAuth"]);
  assert.deepEqual(await keysOf({ clientAuth: ["none", "none"] }), ["clientAuth[1]"]);
  assert.deepEqual(await keysOf({ clientAuth: ["self_signed_tls_client_auth"] }), ["trustedProxies"]);
  for (const proxy of [
    { address: "10.0.0.0/64" },
    { address: "10.0.0.1", certificateHeader: "a b" },
    { certificateHeader: "a" },
    { address: "10.0.0.1", certificateVerified: false },
  ])
    assert.match((await keysOf({ trustedProxies: [proxy] })).join(), /^trustedProxies\[0\](\.\w+)?$/);
});

test("whether clients may come with documents, and what may be called, is written by host", async () => {
  const settingsOf = async (config: object) =>
    (await load({ folder: await folderWith({ "valetkey.config.json": JSON.stringify(config) }) })).settings;
  const { clientIdDocuments, outbound } = await settingsOf({
    clientIdDocuments: { allow: ["agent.example.org", "*.good.example"], onChange: "revoke" },
    outbound: { allow: ["rp.internal:8443"], ports: [443, 8443] },
  });
  assert.deepEqual(clientIdDocuments, { allow: ["agent.example.org", "*.good.example"], onChange: "revoke" });
  assert.deepEqual(outbound, { allow: ["rp.internal:8443"], ports: [443, 8443] });
  assert.deepEqual((await settingsOf({})).outbound, { allow: [], ports: [443] });
  const keysOf = async (config: object) =>
    (await mistakesOf({ folder: await folderWith({ "valetkey.config.json": JSON.stringify(config) }) })).map(
      ({ key }) => key.split(/[.[]/)[0],
    );
  for (const bad of [
    { clientIdDocuments: "yes" },
    { clientIdDocuments: { allow: ["https://agent.example"] } },
    { clientIdDocuments: { allow: ["*"] } },
    { clientIdDocuments: { deny: ["a*.example"] } },
    { clientIdDocuments: { onChange: "shrug" } },
    { clientIdDocuments: true, clientAuth: ["client_secret_basic"] },
    { outbound: { allow: ["https://rp.internal"] } },
    { outbound: { allow: ["*.internal"] } },
    { outbound: { ports: [0] } },
    { outbound: { ports: "443" } },
  ])
    assert.deepEqual(await keysOf(bad), [Object.keys(bad)[0]], JSON.stringify(bad));
});

test("what documents a configuration lets in", async () => {
  const outbound = { allow: [], ports: [443] };
  const lets = async (setting: Parameters<typeof documentsOf>[0], host: string) =>
    documentsOf(setting, outbound, undefined).clientIdDocuments?.allow(new URL(`https://${host}/c`));
  assert.equal(await lets(undefined, "a.example"), undefined);
  assert.equal(await lets(false, "a.example"), undefined);
  assert.equal(await lets(true, "a.example"), true);
  assert.equal(await lets({ allow: ["a.example"] }, "a.example"), true);
  assert.equal(await lets({ allow: ["a.example"] }, "b.example"), false);
  assert.equal(await lets({ allow: ["*.example"], deny: ["a.example"] }, "a.example"), false);
  assert.equal(await lets({ allow: [] }, "a.example"), false);
  const ofProfile = clientIdDocuments();
  assert.notEqual(documentsOf(undefined, outbound, ofProfile).clientIdDocuments, undefined);
  assert.equal(documentsOf(false, outbound, ofProfile).clientIdDocuments, undefined);
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
