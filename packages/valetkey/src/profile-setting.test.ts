/** The profile of a configuration: which lists it stands for, how they are replaced, and that the server then does what they say. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { clientCredentials } from "@valetkey/provider/grants/client-credentials";
import { silentLog } from "@valetkey/provider/log";
import { pushedRequests } from "@valetkey/provider/pushed-requests";
import type { Config } from "./config.ts";
import { providerMistakes } from "./config-checks.ts";
import { composed, profileNames, usualLists } from "./profile-setting.ts";
import { startServer } from "./serve.ts";
import { ConfigError, readSettings } from "./settings.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "valetkey-profile-"));
});
after(() => rm(folder, { recursive: true, force: true }));

const read = (config: Config) =>
  readSettings(new Map(Object.entries(config).map(([key, value]) => [key, { value, origin: "valetkey.config.ts" }])));
const mistakesOf = (config: Config) => {
  try {
    read(config);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.mistakes.map(({ key, what }) => `${key} ${what}`);
  }
  return [];
};
const nobody = { directory: { byEmail: async () => undefined, find: async () => undefined }, log: silentLog };

test("without a profile it is openid, and each list is a setting whose origin is known", () => {
  const { settings, origins } = read({});
  assert.equal(settings.profile, "openid");
  assert.deepEqual(settings.bindings, ["dpop"]);
  assert.deepEqual(settings.logout, ["backchannel", "frontchannel"]);
  assert.equal(settings.push, "allowed");
  assert.deepEqual(settings.responseModes, ["query", "fragment", "form_post"]);
  assert.deepEqual(settings.signingAlgs, ["RS256", "ES256", "EdDSA"]);
  assert.deepEqual(settings.clientAuth, ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]);
  assert.equal(settings.grants.length, 4);
  assert.equal(origins.get("logout"), "default");
  assert.equal(read({ logout: [] }).origins.get("logout"), "valetkey.config.ts");
});

test("every name a profile stands for is one that can be written down", () => {
  for (const profile of profileNames) assert.deepEqual(mistakesOf(usualLists(profile) as Config), [], profile);
});

test("a list that is written down replaces the one of the profile, by name or by value", () => {
  const { settings } = read({ profile: "fapi2", push: "allowed", grants: ["authorization_code", clientCredentials] });
  const options = composed(settings, nobody);
  assert.equal(options.push?.required, false);
  assert.deepEqual(
    options.grants.map(({ grant_type }) => grant_type),
    ["authorization_code", "client_credentials"],
  );
  assert.deepEqual(
    composed(read({ responseModes: ["query", "jwt"] }).settings, nobody).responseModes.map(
      (mode) => mode.response_mode,
    ),
    ["query", "query.jwt", "fragment.jwt", "form_post.jwt", "jwt"],
  );
  const more = composed(
    read({ extensions: ["refresh_expiration", "signed_metadata", "grant_management"] }).settings,
    nobody,
  );
  assert.equal(more.extensions?.length, 3);
  assert.equal(composed(read({ push: "off" }).settings, nobody).push, undefined);
  assert.equal(composed(read({ push: "required" }).settings, nobody).push?.required, true);
  assert.equal(composed(read({ bindings: ["dpop", "certificate"] }).settings, nobody).bindings.length, 2);
});

test("a name means what the profile means by it", () => {
  const usual = composed(usualLists("fapi2"), nobody);
  assert.equal(usual.push?.namesRedirect, true, "its own way to push");
  const algorithms = (profile: "fapi2" | "openid") =>
    composed(read({ profile, clientAuth: ["private_key_jwt"], bindings: ["dpop"] }).settings, nobody);
  for (const part of ["clientAuth", "bindings"] as const) {
    const [fapi, open] = [algorithms("fapi2")[part][0], algorithms("openid")[part][0]].map((one) =>
      JSON.stringify(one?.metadata?.({} as never)),
    );
    assert.ok(!fapi?.includes("RS256"), part);
    assert.ok(open?.includes("RS256"), part);
  }
  assert.equal(pushedRequests().namesRedirect, false);
});

test("what does not exist, or does not go together, is said with what there is", () => {
  assert.deepEqual(mistakesOf({ profile: "oauth3" as "openid" }), [
    "profile must be one of openid, oauth21, fapi2, mcp",
  ]);
  assert.deepEqual(mistakesOf({ bindings: ["mtls" as "dpop"] }), [
    "bindings[0] must be among dpop, certificate, or a value of @valetkey/provider/bindings",
  ]);
  assert.deepEqual(mistakesOf({ push: "yes" as "off" }), ["push must be one of off, allowed, required"]);
  assert.deepEqual(mistakesOf({ responseModes: [] }), ["responseModes must have a mode in it"]);
  assert.deepEqual(mistakesOf({ signingAlgs: ["HS256" as "RS256"] }), [
    "signingAlgs[0] must be among RS256, PS256, ES256, EdDSA, ML-DSA-44, ML-DSA-65, ML-DSA-87",
  ]);
  assert.deepEqual(mistakesOf({ profile: "fapi2", signingAlgs: ["RS256"] }), [
    "signingAlgs has no key for any of signingAlgs: PS256, ES256, EdDSA",
  ]);
});

test("a client of the configuration may have what the lists give a meaning to, and is judged by them", () => {
  const client = {
    client_id: "wiki",
    client_secret: "a secret that has more than thirty-two characters",
    redirect_uris: ["https://wiki.example/cb"],
  };
  const loud = { ...client, backchannel_logout_uri: "https://wiki.example/bye#x" };
  assert.match(mistakesOf({ clients: [loud] })[0] ?? "", /backchannel_logout_uri must be an https URL/);
  assert.deepEqual(mistakesOf({ clients: [{ ...client, dpop_bound_access_tokens: true }] }), []);
  assert.deepEqual(mistakesOf({ clients: [{ ...client, require_pushed_authorization_requests: true }] }), []);
  const bound = { ...client, dpop_bound_access_tokens: true };
  assert.match(mistakesOf({ bindings: [], clients: [bound] })[0] ?? "", /dpop_bound_access_tokens is not supported/);
  const told = { ...client, backchannel_logout_uri: "https://wiki.example/bye" };
  assert.deepEqual(mistakesOf({ clients: [told] }), []);
  for (const config of [{ logout: [] }, { profile: "oauth21" }] as const)
    assert.deepEqual(mistakesOf({ ...config, clients: [told] } as never), [
      "clients[0] backchannel_logout_uri is not supported here: the back channel is not in the list logout",
    ]);
  assert.match(mistakesOf({ profile: "fapi2", clients: [client] })[0] ?? "", /token_endpoint_auth_method must be/);
  // What is malformed is one mistake, and the rest is looked at with what the profile says.
  assert.deepEqual(providerMistakes({ issuer: "https://id.example", logout: 7, clients: [client] }), []);
});

for (const profile of profileNames) {
  test(`a server with the profile ${profile} announces what its lists say`, async () => {
    const database = `file:${join(folder, profile)}.db`;
    // One algorithm of elliptic curves: keys of RSA take long to make.
    const server = await startServer(
      { issuer: "http://localhost:0", port: 0, database, profile, signingAlgs: ["ES256"], acrs: ["urn:example:pwd"] },
      { log: silentLog },
    );
    try {
      const metadata = (await (await fetch(`${server.issuer}/.well-known/openid-configuration`)).json()) as Record<
        string,
        unknown
      >;
      const lists = usualLists(profile);
      assert.deepEqual(metadata.grant_types_supported, lists.grants);
      assert.deepEqual(metadata.token_endpoint_auth_methods_supported, lists.clientAuth);
      assert.deepEqual(metadata.response_modes_supported, lists.responseModes);
      assert.equal("grant_management_endpoint" in metadata, false);
      assert.equal(metadata.backchannel_logout_supported === true, lists.logout.includes("backchannel"));
      assert.equal(metadata.frontchannel_logout_supported === true, lists.logout.includes("frontchannel"));
      assert.equal("pushed_authorization_request_endpoint" in metadata, lists.push !== "off");
      assert.equal(metadata.require_pushed_authorization_requests === true, lists.push === "required");
      assert.deepEqual(metadata.id_token_signing_alg_values_supported, ["ES256"]);
      assert.ok("dpop_signing_alg_values_supported" in metadata);
      assert.equal(metadata.client_id_metadata_document_supported === true, profile === "mcp");
      assert.deepEqual(metadata.acr_values_supported, ["urn:example:pwd"]);
    } finally {
      await server.close();
    }
  });
}
