import assert from "node:assert/strict";
import { test } from "node:test";
import { oauth1 } from "@valetkey/provider/oauth1";
import { checkServesOAuth1, metadataOf } from "./cli/client-flags.ts";
import { CliError } from "./cli/errors.ts";
import { oauth1Of } from "./oauth1-setting.ts";
import { ConfigError, readSettings } from "./settings.ts";

const bird = {
  client_id: "bird",
  client_secret: "0123456789abcdefghijklmnopqrstuvwxyz",
  redirect_uris: ["https://bird.example.org/callback"],
  scope: "openid",
  oauth1_signature_methods: ["HMAC-SHA1"],
};

function mistakesOf(config: Record<string, unknown>): string[] {
  const given = new Map(Object.entries(config).map(([key, value]) => [key, { value, origin: "valetkey.config.ts" }]));
  try {
    readSettings(given);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.mistakes.map(({ key, what }) => `${key} ${what}`);
  }
}

test("OAuth 1.0a is served if the configuration says so, with a value of one's own where one wants it", () => {
  assert.equal(oauth1Of(undefined), undefined);
  assert.equal(oauth1Of(false), undefined);
  assert.ok(oauth1Of(true)?.signatureMethods.includes("HMAC-SHA1"));
  const own = oauth1({ signatureMethods: ["HMAC-SHA256"] });
  assert.equal(oauth1Of(own), own);
  for (const setting of [true, own])
    assert.deepEqual(
      mistakesOf({ oauth1: setting, clients: [{ ...bird, oauth1_signature_methods: ["HMAC-SHA256"] }] }),
      [],
    );
  assert.deepEqual(mistakesOf({ oauth1: "yes" }), ["oauth1 must be true, or a value of @valetkey/provider/oauth1"]);
});

test("clients of OAuth 1.0a have what their methods need, and are of use only where it is served", () => {
  const of = (change: Record<string, unknown>, oauth1: unknown = true) =>
    mistakesOf({ oauth1, clients: [{ ...bird, ...change }] });
  assert.deepEqual(of({}), []);
  assert.match(of({}, false).join(), /clients\[0\]\.oauth1_signature_methods is of use with OAuth 1\.0a only/);
  assert.deepEqual(of({ client_secret: undefined }), ["clients[0].client_secret is needed"]);
  assert.match(of({ oauth1_signature_methods: ["PLAINTEXT"] }).join(), /oauth1_signature_methods must be among/);
  assert.match(of({ scope: undefined }).join(), /scope is needed with oauth1_signature_methods/);
  const rsa = { oauth1_signature_methods: ["RSA-SHA1"], jwks_uri: "https://bird.example.org/jwks" };
  assert.deepEqual(of({ ...rsa, client_secret: undefined }), []);
  assert.match(of(rsa).join(), /client_secret is of no use/);
});

test("--oauth1 registers the methods of the client's kind of key, and is refused where nobody would serve it", () => {
  assert.deepEqual(metadataOf({ oauth1: true }), { oauth1_signature_methods: ["HMAC-SHA256", "HMAC-SHA1"] });
  const { oauth1_signature_methods } = metadataOf({ oauth1: true, jwksUri: "https://bird.example.org/jwks" });
  assert.deepEqual(oauth1_signature_methods, ["RSA-SHA256", "RSA-SHA1"]);
  checkServesOAuth1({ oauth1: true }, true);
  checkServesOAuth1({}, undefined);
  for (const setting of [undefined, false])
    assert.throws(
      () => checkServesOAuth1({ oauth1: true }, setting),
      (error) => error instanceof CliError && error.code === "VK2003",
    );
});
