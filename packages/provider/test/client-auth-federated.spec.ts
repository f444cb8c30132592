import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { SigningKey } from "@valetkey/protocol/jose";
import {
  federatedCredentials,
  githubActions,
  kubernetes,
  type TrustedIssuer,
} from "@valetkey/provider/client-auth/federated";
import { privateKeyJwt } from "@valetkey/provider/client-auth/private-key-jwt";
import { secretBasic } from "@valetkey/provider/client-auth/secret";
import { openRegistration } from "@valetkey/provider/registration-policy";
import { ask, asking, forge, machine, makeKeys, serving } from "./client-auth-side.ts";
import { onEachStore } from "./each-store.ts";
import { createWorld, issuer, type World } from "./op.ts";
import { api, assertError, type Fields, tokensOf } from "./token-side.ts";

const cluster = "https://cluster.test";
const token_endpoint_auth_method = "federated_jwt";
const pod = "system:serviceaccount:jobs:nightly";
const repository = "repo:octo/app:ref:refs/heads/main";
const github = githubActions();

let key: SigningKey;
let other: SigningKey;
before(async () => {
  [key, other] = await makeKeys();
});

const keysOf = (one: SigningKey) => ({ keys: [one.publicJwk] });
const trust = (changes: Partial<TrustedIssuer> = {}): TrustedIssuer[] => [
  { issuer: cluster, jwks: keysOf(key), ...changes },
];

async function ready(
  issuers: readonly TrustedIssuer[] = trust(),
  options: Parameters<typeof createWorld>[0] = {},
): Promise<World> {
  const clientAuth = [secretBasic, privateKeyJwt(), federatedCredentials({ issuers })];
  const world = await createWorld({ clientAuth, resources: [api], ...options });
  // The second of two trusted issuers is nobody's unless a test says so.
  for (const { issuer } of issuers.filter(({ issuer }) => issuer !== "https://second.test")) {
    const subject = issuer === github.issuer ? repository : pod;
    const id = issuer === github.issuer ? "ci" : "job";
    await world.addClient(machine(id, { token_endpoint_auth_method, federatedIdentity: { issuer, subject } }));
  }
  return world;
}

const token = (world: World, changes: Record<string, unknown> = {}, header = {}, by = key) =>
  forge(world, by, pod, { iss: cluster, ...changes }, header);

const attempt = (world: World, assertion: string, more: Fields = {}) =>
  ask(world, "/token", asking(assertion, { client_id: "job", ...more }));

describe("workload tokens of a trusted issuer as client authentication (RFC 7521 §4.2, §6.3, RFC 7523 §3)", () => {
  it("the client is the one an administrator tied to this issuer and subject, at every endpoint", async () => {
    const world = await ready();
    await tokensOf(await attempt(world, await token(world), { scope: "api:read" }));
    const about = await ask(world, "/introspect", asking(await token(world), { client_id: "job", token: "x" }));
    assert.deepEqual(await about.json(), { active: false });
    assert.ok(world.provider.metadata.token_endpoint_auth_methods_supported?.includes("federated_jwt"));
  });

  it("another workload of the issuer, another issuer, another key, another client: refused (TK-17, JW-16)", async () => {
    const world = await ready([...trust(), { issuer: "https://second.test", jwks: keysOf(other) }]);
    await world.addClient(
      machine("other", { token_endpoint_auth_method, federatedIdentity: { issuer: cluster, subject: `${pod}-2` } }),
    );
    for (const made of [
      await token(world, { sub: `${pod}-2` }),
      await token(world, { sub: "system:serviceaccount:jobs" }),
      await token(world, { sub: undefined }),
      await token(world, { iss: `${cluster}/` }),
      await token(world, { iss: "https://cluster.test.evil.test" }),
      await token(world, { iss: undefined }),
      await token(world, { iss: "https://second.test" }),
      await token(world, {}, {}, other),
      await token(world, { iss: "https://second.test" }, {}, other),
      await token(world, {}, { by: other.privateJwk }),
    ])
      await assertError(await attempt(world, made), "invalid_client");
    await assertError(await attempt(world, await token(world), { client_id: "other" }), "invalid_client");
    await assertError(await attempt(world, await token(world), { client_id: "rp" }), "invalid_client");
    await assertError(await attempt(world, await token(world), { client_id: undefined }), "invalid_client");
    await tokensOf(await attempt(world, await token(world)));
  });

  it("the token is for this server alone: no other audience and no second one (RFC 10070 §4, JW-15)", async () => {
    const world = await ready();
    for (const aud of [
      undefined,
      [],
      "https://kubernetes.default.svc",
      [issuer, "https://kubernetes.default.svc"],
      `${issuer}/token`,
    ])
      await assertError(await attempt(world, await token(world, { aud })), "invalid_client");
    await tokensOf(await attempt(world, await token(world, { aud: [issuer] })));
    const named = await ready(trust({ audience: "api://valetkey" }));
    await assertError(await attempt(named, await token(named)), "invalid_client");
    await tokensOf(await attempt(named, await token(named, { aud: "api://valetkey" })));
  });

  it("it has an end, not too far away, and counts not yet or no longer outside its time (TK-16)", async () => {
    const world = await ready();
    const now = Math.floor(world.clock.now / 1000);
    for (const changes of [
      { exp: undefined },
      { exp: now - 60 },
      { exp: now + 86_400 },
      { nbf: now + 600 },
      { iat: now + 600 },
    ])
      await assertError(await attempt(world, await token(world, changes)), "invalid_client");
    await tokensOf(await attempt(world, await token(world, { exp: now + 3600 })));
  });

  it("it counts once, and needs a jti for that (RFC 7523 §3)", async () => {
    const world = await ready();
    const made = await token(world);
    await tokensOf(await attempt(world, made));
    await assertError(await attempt(world, made), "invalid_client");
    for (const jti of [undefined, "", "x".repeat(257)])
      await assertError(await attempt(world, await token(world, { jti })), "invalid_client");
  });

  it("of an issuer whose tokens are mounted as files it counts until it ends, with or without a jti: kubernetes()", async () => {
    const world = await ready([kubernetes({ issuer: cluster, jwks: keysOf(key) })]);
    const made = await token(world, { jti: undefined, exp: Math.floor(world.clock.now / 1000) + 3600 });
    for (let n = 0; n < 3; n++) await tokensOf(await attempt(world, made));
    world.clock.advance(3611);
    await assertError(await attempt(world, made), "invalid_client");
  });

  it("an access token, a logout token or a proof of the issuer is no statement about a workload (RFC 8725 §3.11)", async () => {
    const world = await ready();
    for (const typ of ["at+jwt", "logout+jwt", "dpop+jwt"])
      await assertError(await attempt(world, await token(world, {}, { typ })), "invalid_client");
    await tokensOf(await attempt(world, await token(world, {}, { typ: "JWT" })));
  });

  it("which workload it is may be said by other claims: subjectOf", async () => {
    const subjectOf: TrustedIssuer["subjectOf"] = ({ repository_id, environment }) =>
      environment === "production" ? String(repository_id) : undefined;
    const world = await ready(trust({ subjectOf }));
    await world.addClient(
      machine("prod", { token_endpoint_auth_method, federatedIdentity: { issuer: cluster, subject: "42" } }),
    );
    const of = async (claims: object) => attempt(world, await token(world, { ...claims }), { client_id: "prod" });
    await tokensOf(await of({ repository_id: "42", environment: "production" }));
    for (const claims of [{ repository_id: "42" }, { repository_id: "43", environment: "production" }, { sub: "42" }])
      await assertError(await of(claims), "invalid_client");
  });

  it("finds GitHub's keys where they are, and others' by discovery, which must be the issuer's own (OpenID Connect Discovery §4.3)", async () => {
    const remote = serving({ [`${github.issuer}/.well-known/jwks`]: keysOf(other) });
    const discovered = { issuer: "https://oidc.test/a" };
    const world = await ready([github, discovered], { fetch: remote.fetch });
    const fromGithub = await forge(world, other, repository, { iss: github.issuer });
    await tokensOf(await ask(world, "/token", asking(fromGithub, { client_id: "ci" })));

    const document = "https://oidc.test/a/.well-known/openid-configuration";
    const of = async () => attempt(world, await token(world, { iss: discovered.issuer }));
    const documents: (Record<string, unknown> | undefined)[] = [
      undefined,
      { issuer: "https://oidc.test", jwks_uri: "https://oidc.test/keys" },
      { issuer: discovered.issuer },
    ];
    remote.documents["https://oidc.test/keys"] = keysOf(key);
    for (const found of documents) {
      remote.documents[document] = found;
      for (let n = 0; n < 5; n++) await assertError(await of(), "temporarily_unavailable", 503);
      world.clock.advance(11);
    }
    // Once per cool-down, however many ask.
    assert.equal(remote.asked.filter((url) => url === document).length, documents.length);
    remote.documents[document] = { issuer: discovered.issuer, jwks_uri: "https://oidc.test/keys" };
    await tokensOf(await of());
    await tokensOf(await of());
    assert.equal(remote.asked.filter((url) => url === "https://oidc.test/keys").length, 1);
  });

  it("only an administrator ties a client to a workload, of an issuer that is trusted here", async () => {
    const world = await ready(trust(), { registration: openRegistration() });
    const federatedIdentity = { issuer: cluster, subject: pod };
    const client = { grant_types: ["client_credentials"], token_endpoint_auth_method };
    const { clients } = world.provider;
    for (const bad of [
      undefined,
      { issuer: cluster },
      { issuer: cluster, subject: "" },
      { ...federatedIdentity, issuer: "https://evil.test" },
      { ...federatedIdentity, more: 1 },
      "text",
    ])
      await assert.rejects(
        clients.add({ ...client, federatedIdentity: bad }, { provenance: "admin" }),
        /federatedIdentity/,
      );
    const { client_secret } = await clients.add({ ...client, federatedIdentity }, { provenance: "admin" });
    assert.equal(client_secret, undefined);
    const stranger = { redirect_uris: ["https://new.test/cb"], token_endpoint_auth_method, federatedIdentity };
    await assertError(
      await world.send("/register", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(stranger),
      }),
      "invalid_client_metadata",
    );
  });

  it("a disabled client is refused; another method's client is not this one's (TK-24)", async () => {
    const world = await ready();
    await world.addClient(machine("keyed", { token_endpoint_auth_method: "private_key_jwt", jwks: keysOf(key) }));
    await assertError(await attempt(world, await token(world), { client_id: "keyed" }), "invalid_client");
    await world.provider.clients.set("job", { disabled: true });
    await assertError(await attempt(world, await token(world)), "invalid_client");
  });
});

onEachStore("a workload token counts once", (open) => {
  it("50 times at once one is the first", async () => {
    const now = Date.now();
    const world = await ready(trust(), { store: await open(), now: () => now });
    world.clock.now = now;
    const made = await token(world);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        ask(world, "/token", asking(made, { client_id: "job" }), { ip: `198.51.100.${n}` }),
      ),
    );
    assert.equal(answers.filter(({ status }) => status === 200).length, 1);
    assert.equal(answers.filter(({ status }) => status === 401).length, 49);
  });
});
