import assert from "node:assert/strict";
import { test } from "node:test";
import { deviceCode } from "@valetkey/provider/grants/device-code";
import type { Config } from "./config.ts";
import { grantNames, usualGrants } from "./grant-names.ts";
import { ConfigError, readSettings } from "./settings.ts";

const read = (config: Config) =>
  readSettings(
    new Map(Object.entries(config).map(([key, value]) => [key, { value, origin: "valetkey.config.ts" }] as const)),
  ).settings;

const mistakes = (config: Config): string[] => {
  try {
    read(config);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.mistakes.map(({ key, what }) => `${key} ${what}`);
  }
};

const ciba = "urn:openid:params:grant-type:ciba";
const client_secret = "a client secret with enough entropy 0123456789";
const desk = { client_id: "desk", client_secret, grant_types: [ciba] };

test("devices can sign in unless told otherwise, being asked from afar is for whoever lists it", () => {
  assert.deepEqual(read({}).grants, [...usualGrants]);
  assert.ok(usualGrants.includes("urn:ietf:params:oauth:grant-type:device_code"));
  assert.ok(!usualGrants.includes(ciba));
  assert.match(mistakes({ clients: [desk] })[0] ?? "", /grant_types must be among/);
  assert.deepEqual(mistakes({ grants: ["authorization_code", ciba], clients: [desk] }), []);
});

test("what is listed is all there is: a client cannot register for another", () => {
  const tv = { client_id: "tv", token_endpoint_auth_method: "none", grant_types: [grantNames[3]] };
  assert.deepEqual(mistakes({ clients: [tv] }), []);
  assert.equal(mistakes({ grants: ["authorization_code"], clients: [tv] }).length, 1);
});

test("a value does as well as a name, and what is neither is said", () => {
  const value = deviceCode({ lifetime: 300 });
  assert.deepEqual(read({ grants: ["authorization_code", value] }).grants, ["authorization_code", value]);
  const wrong = { grants: ["device"] } as unknown as Config;
  assert.match(mistakes(wrong)[0] ?? "", /^grants\[0\] must be among authorization_code, /);
  assert.match(mistakes({ grants: [] })[0] ?? "", /must have a grant type in it/);
});

test("in ping mode a client says where it is told, and the members are checked", () => {
  const grants: Config["grants"] = ["authorization_code", ciba];
  const ping = { ...desk, backchannel_token_delivery_mode: "ping" } as const;
  assert.match(mistakes({ grants, clients: [ping] })[0] ?? "", /needs backchannel_client_notification_endpoint/);
  const told = { ...ping, backchannel_client_notification_endpoint: "https://desk.example.org/ping" };
  assert.deepEqual(mistakes({ grants, clients: [told] }), []);
});
