import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { JwkSet, SigningKey } from "@valetkey/protocol/jose";
import { generateKey } from "@valetkey/protocol/jose";
import { signJwtWithSecret } from "@valetkey/protocol/secret-jwt";
import { none } from "@valetkey/provider/client-auth/none";
import { privateKeyJwt } from "@valetkey/provider/client-auth/private-key-jwt";
import { secretBasic, secretPost } from "@valetkey/provider/client-auth/secret";
import { secretJwt } from "@valetkey/provider/client-auth/secret-jwt";
import { createProvider } from "@valetkey/provider/provider";
import { pushedRequests } from "@valetkey/provider/pushed-requests";
import { openRegistration } from "@valetkey/provider/registration-policy";
import type { Store } from "@valetkey/store";
import { ask, asking, assertionBy, forge, machine, makeKeys, serving, signerOf } from "./client-auth-side.ts";
import { onEachStore } from "./each-store.ts";
import { codeFor, createWorld, issuer, keys, rp, secret, verifier, type World } from "./op.ts";
import { api, assertError, isActive, post, service, tokensOf } from "./token-side.ts";

let key: SigningKey;
let other: SigningKey;
before(async () => {
  [key, other] = await makeKeys();
});

const jwksOf = (...all: SigningKey[]): JwkSet => ({ keys: all.map(({ publicJwk }) => publicJwk) });
const clientAuth = [secretBasic, secretPost, privateKeyJwt(), secretJwt(), none];
const token_endpoint_auth_method = "private_key_jwt";

async function ready(options: Parameters<typeof createWorld>[0] = {}, client = {}): Promise<World> {
  const world = await createWorld({ clientAuth, resources: [api], ...options });
  await world.addClient(machine("svc", { token_endpoint_auth_method, jwks: jwksOf(key), ...client }));
  return world;
}

describe("private_key_jwt (OpenID Connect Core §9, RFC 7523 §2.2, RFC 10070 §4)", () => {
  it("authenticates at the token, introspection, revocation and push endpoints, and is announced there (RFC 8414 §2)", async () => {
    const world = await ready({ push: pushedRequests() });
    const made = () => assertionBy(world, "svc", signerOf(key));
    const { access_token } = await tokensOf(await ask(world, "/token", asking(await made(), { scope: "api:read" })));
    const about = await ask(world, "/introspect", { ...asking(await made()), token: access_token });
    assert.equal(((await about.json()) as { active: boolean }).active, true);
    assert.equal((await ask(world, "/revoke", { ...asking(await made()), token: access_token })).status, 200);
    assert.equal(await isActive(world, access_token), false);

    await world.addClient({
      ...rp,
      client_id: "web",
      client_secret: undefined as never,
      token_endpoint_auth_method,
      jwks: jwksOf(key),
    });
    const pushed = await ask(world, "/par", {
      ...asking(await assertionBy(world, "web", signerOf(key))),
      response_type: "code",
      redirect_uri: "https://rp.test/cb",
      scope: "openid",
      code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
      code_challenge_method: "S256",
    });
    assert.equal(pushed.status, 201, await pushed.text());
    const { metadata } = world.provider;
    for (const endpoint of ["token", "revocation", "introspection"]) {
      assert.ok((metadata[`${endpoint}_endpoint_auth_methods_supported`] as string[]).includes("private_key_jwt"));
      const algorithms = metadata[`${endpoint}_endpoint_auth_signing_alg_values_supported`] as string[];
      assert.deepEqual(
        [algorithms.includes("ES256"), algorithms.includes("HS256"), algorithms.includes("none")],
        [true, true, false],
      );
    }
    assert.equal((await createWorld()).provider.metadata.token_endpoint_auth_signing_alg_values_supported, undefined);
  });

  it("redeems a code, with or without client_id beside the assertion; another client_id is refused (TK-04, RFC 7521 §4.2)", async () => {
    const world = await ready();
    await world.addClient({
      ...rp,
      client_id: "web",
      client_secret: undefined as never,
      token_endpoint_auth_method,
      jwks: jwksOf(key),
    });
    for (const client_id of [undefined, "web"]) {
      const code = await codeFor(world, "alice", { client_id: "web" });
      const made = await assertionBy(world, "web", signerOf(key));
      const fields = {
        ...asking(made),
        grant_type: "authorization_code",
        code,
        code_verifier: verifier,
        redirect_uri: "https://rp.test/cb",
      };
      await assertError(await ask(world, "/token", { ...fields, client_id: "svc" }), "invalid_client");
      await tokensOf(await ask(world, "/token", { ...fields, client_id }));
    }
  });

  it("the audience is this issuer alone: no endpoint, no second one, none (RFC 10070 §4, TK-17)", async () => {
    const world = await ready();
    const bad = [
      `${issuer}/token`,
      `${issuer}/`,
      [issuer, "https://other.test"],
      [],
      undefined,
      "https://other.test",
      [`${issuer}/token`],
    ];
    for (const aud of bad) {
      const told = await assertError(
        await ask(world, "/token", asking(await forge(world, key, "svc", { aud }))),
        "invalid_client",
      );
      // Who holds the key hears what is wrong.
      assert.match(told, /refused/);
    }
    await tokensOf(await ask(world, "/token", asking(await forge(world, key, "svc", { aud: [issuer] }))));
  });

  it("takes the token endpoint, or the endpoint that is called, for an audience only if told so by name (RFC 10070 §6)", async () => {
    const world = await ready({ clientAuth: [privateKeyJwt({ legacyAudiences: true })], push: pushedRequests() });
    const attempt = async (path: string, aud: unknown) =>
      (await ask(world, path, { ...asking(await forge(world, key, "svc", { aud })), token: "x" })).status;
    assert.equal(await attempt("/token", `${issuer}/token`), 200);
    assert.equal(await attempt("/introspect", `${issuer}/token`), 200);
    assert.equal(await attempt("/introspect", `${issuer}/introspect`), 200);
    assert.equal(await attempt("/token", issuer), 200);
    for (const aud of [`${issuer}/introspect`, "https://other.test/token", [issuer, `${issuer}/token`]])
      assert.equal(await attempt("/token", aud), 401, String(aud));
  });

  it("lives as long as it says and not for ever: no exp, past, a day ahead, nbf or iat in the future, no jti (TK-16)", async () => {
    const world = await ready();
    const now = Math.floor(world.clock.now / 1000);
    const bad = [
      { exp: undefined },
      { exp: now - 300 },
      { exp: now - 10 },
      { exp: now + 86_400 },
      { exp: "soon" },
      { nbf: now + 600 },
      { iat: now + 600 },
      { jti: undefined },
      { jti: "" },
      { jti: "x".repeat(257) },
      { jti: 7 },
    ];
    for (const changes of bad)
      await assertError(await ask(world, "/token", asking(await forge(world, key, "svc", changes))), "invalid_client");
    for (const changes of [{ nbf: now + 8 }, { exp: now - 9 }, { iat: undefined }])
      await tokensOf(await ask(world, "/token", asking(await forge(world, key, "svc", changes))));
  });

  it("lives for ten minutes at most, or for as long as the configuration says (TK-16)", async () => {
    for (const [maxLifetime, longest] of [
      [undefined, 600],
      [3600, 3600],
    ] as const) {
      const world = await ready({ clientAuth: [privateKeyJwt(maxLifetime === undefined ? {} : { maxLifetime })] });
      const now = Math.floor(world.clock.now / 1000);
      const sent = async (exp: number) => ask(world, "/token", asking(await forge(world, key, "svc", { exp })));
      await tokensOf(await sent(now + longest));
      await assertError(await sent(now + longest + 30), "invalid_client");
    }
  });

  it("is the client's own word: iss and sub are the client_id, under one of its own keys (TK-17, RFC 7523 §3)", async () => {
    const world = await ready();
    await world.addClient(machine("other", { token_endpoint_auth_method, jwks: jwksOf(other) }));
    // The same kid for another key.
    const twin = { ...other.publicJwk, kid: key.kid };
    await world.addClient(machine("twin", { token_endpoint_auth_method, jwks: { keys: [twin] } }));
    const bad = [
      await forge(world, key, "svc", { iss: "other" }),
      await forge(world, key, "svc", { sub: "other" }),
      await forge(world, key, "svc", { sub: undefined }),
      await forge(world, key, "svc", { iss: undefined }),
      await forge(world, key, "svc", { sub: "", iss: "" }),
      await forge(world, key, "other"),
      await forge(world, other, "svc"),
      await forge(world, key, "svc", {}, { by: other.privateJwk }),
      await forge(world, key, "twin"),
      await forge(world, key, "unknown"),
      "no.jwt.at-all",
      "e30.e30.",
    ];
    for (const made of bad) {
      const told = await assertError(await ask(world, "/token", asking(made)), "invalid_client");
      assert.doesNotMatch(told, /signature|key/, "who has proved nothing learns nothing");
    }
    await tokensOf(await ask(world, "/token", asking(await forge(world, other, "other"))));
  });

  it("no other kind of JWT passes for one: typ of something else, none, algorithms not agreed on (RFC 8725 §3.11, JW-01, JW-03)", async () => {
    const world = await ready({}, { token_endpoint_auth_signing_alg: "ES256" });
    for (const typ of ["at+jwt", "dpop+jwt", "oauth-authz-req+jwt", "logout+jwt"])
      await assertError(
        await ask(world, "/token", asking(await forge(world, key, "svc", {}, { typ }))),
        "invalid_client",
      );
    for (const typ of ["JWT", "client-authentication+jwt", "application/client-authentication+jwt"])
      await tokensOf(await ask(world, "/token", asking(await forge(world, key, "svc", {}, { typ }))));
    const [, claims] = (await forge(world, key, "svc")).split(".");
    const part = (header: unknown) => Buffer.from(JSON.stringify(header)).toString("base64url");
    for (const alg of ["none", "None", "HS256", ["ES256"]])
      await assertError(await ask(world, "/token", asking(`${part({ alg })}.${claims}.AAAA`)), "invalid_client");

    const rsa = await generateKey("PS256");
    await world.addClient(
      machine("rsa", { token_endpoint_auth_method, jwks: jwksOf(rsa), token_endpoint_auth_signing_alg: "RS256" }),
    );
    await assertError(await ask(world, "/token", asking(await forge(world, rsa, "rsa"))), "invalid_client");
  });

  it("one way at a time: with a secret, a Basic header, another assertion type, or a client of another method (RFC 6749 §2.3)", async () => {
    const world = await ready();
    const made = () => forge(world, key, "svc");
    await assertError(
      await ask(world, "/token", asking(await made(), { client_id: "svc", client_secret: "x".repeat(40) })),
      "invalid_request",
    );
    const headers = { authorization: `Basic ${btoa("svc:secret")}` };
    await assertError(await ask(world, "/token", asking(await made()), { headers }), "invalid_request");
    const saml = { client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:saml2-bearer" };
    await assertError(await ask(world, "/token", asking(await made(), saml)), "invalid_client");
    await assertError(
      await ask(world, "/token", { grant_type: "client_credentials", client_assertion: await made() }),
      "invalid_client",
    );
    // TK-06: nothing but a name, and a client whose keys nobody asked for.
    await assertError(
      await ask(world, "/token", { grant_type: "client_credentials", client_id: "svc" }),
      "invalid_client",
    );
    await world.addClient({ ...service, client_id: "basic", jwks: jwksOf(key) });
    await assertError(await ask(world, "/token", asking(await forge(world, key, "basic"))), "invalid_client");
    await tokensOf(await ask(world, "/token", asking(await made())));
  });

  it("a disabled client is refused at once (TK-24)", async () => {
    const world = await ready();
    await world.provider.clients.set("svc", { disabled: true });
    for (const path of ["/token", "/introspect", "/revoke"])
      await assertError(
        await ask(world, path, { ...asking(await forge(world, key, "svc")), token: "x" }),
        "invalid_client",
      );
  });

  it("without keys, or with keys in two ways, nobody is registered for it; the algorithm is one of ours (RFC 7591 §2)", async () => {
    const world = await createWorld({ clientAuth, registration: openRegistration() });
    const register = (more: object) =>
      world.send("/register", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ redirect_uris: ["https://new.test/cb"], token_endpoint_auth_method, ...more }),
      });
    const jwks_uri = "https://new.test/jwks";
    for (const bad of [
      {},
      { jwks: jwksOf(key), jwks_uri },
      { jwks_uri: "http://new.test/jwks" },
      { jwks_uri: "http://localhost/jwks" },
      { jwks: { keys: [] } },
      { jwks: { keys: [key.privateJwk] } },
      { jwks_uri, token_endpoint_auth_signing_alg: "HS256" },
      { jwks_uri, token_endpoint_auth_signing_alg: "none" },
    ])
      await assertError(await register(bad), "invalid_client_metadata");
    const made = await register({ jwks: jwksOf(key), token_endpoint_auth_signing_alg: "ES256" });
    const body = (await made.json()) as Record<string, unknown>;
    assert.equal(made.status, 201, JSON.stringify(body));
    assert.deepEqual([body.client_secret, body.client_secret_expires_at], [undefined, undefined]);
    assert.deepEqual(body.jwks, jwksOf(key));
    await assert.rejects(world.provider.clients.rotate(String(body.client_id)), /no secret to rotate/);
  });
});

describe("keys of a client by reference (RFC 7591 §2, OpenID Connect Core §10.1.1)", () => {
  const jwks_uri = "https://svc.test/jwks";

  it("finds a key that was rotated in; 200 assertions with made-up kids cost one request, and nobody else notices (TK-19)", async () => {
    const remote = serving({ [jwks_uri]: jwksOf(key) });
    const world = await ready({ fetch: remote.fetch }, { jwks: undefined, jwks_uri });
    await tokensOf(await ask(world, "/token", asking(await forge(world, key, "svc"))));
    assert.equal(remote.asked.length, 1);
    world.clock.advance(11);
    remote.documents[jwks_uri] = jwksOf(other);
    for (let n = 0; n < 200; n++) {
      const made = await forge(world, other, "svc", {}, { kid: `made up ${n}` });
      // From many addresses: the throttle would end it sooner.
      await assertError(await ask(world, "/token", asking(made), { ip: `198.51.100.${n}` }), "invalid_client");
    }
    assert.equal(remote.asked.length, 2);
    await tokensOf(await ask(world, "/token", asking(await forge(world, other, "svc"))));
    const neighbour = { ...service, client_id: "neighbour" };
    await world.addClient(neighbour);
    await tokensOf(await post(world, "/token", { grant_type: "client_credentials" }, neighbour));
    assert.equal(remote.asked.length, 2);
  });

  it("keys that cannot be had are an outage, 503 with Retry-After, and no failed attempt", async () => {
    const remote = serving({});
    const world = await ready({ fetch: remote.fetch }, { jwks: undefined, jwks_uri });
    for (let n = 0; n < 40; n++) {
      const response = await ask(world, "/token", asking(await forge(world, key, "svc")));
      assert.equal(response.headers.get("retry-after"), "10");
      await assertError(response, "temporarily_unavailable", 503);
    }
    world.clock.advance(11);
    remote.documents[jwks_uri] = jwksOf(key);
    await tokensOf(await ask(world, "/token", asking(await forge(world, key, "svc"))));
  });
});

describe("client_secret_jwt (OpenID Connect Core §9)", () => {
  const svc = {
    grant_types: ["client_credentials"],
    scope: "api:read",
    token_endpoint_auth_method: "client_secret_jwt",
  };
  const admin = { provenance: "admin" } as const;
  const by = (client_secret: string, alg: "HS256" | "HS384" | "HS512" = "HS256") => ({ client_secret, alg });

  it("authenticates with a secret that is stored encrypted, and by every method stored as a digest otherwise", async () => {
    const world = await ready();
    const { client, client_secret = "" } = await world.provider.clients.add(svc, admin);
    for (const alg of ["HS256", "HS384", "HS512"] as const)
      await tokensOf(
        await ask(world, "/token", asking(await assertionBy(world, client.client_id, by(client_secret, alg)))),
      );
    const stored = JSON.stringify(await world.store.list("client", {}));
    assert.ok(!stored.includes(client_secret));
    assert.ok(client.entry.data.secrets[0]?.sealed);
    const basic = await world.provider.clients.add(
      { ...svc, token_endpoint_auth_method: "client_secret_basic" },
      admin,
    );
    assert.deepEqual(Object.keys(basic.client.entry.data.secrets[0] ?? {}), ["digest"]);
    // The secret itself does not travel with this method.
    await assertError(
      await ask(world, "/token", { grant_type: "client_credentials", client_id: client.client_id, client_secret }),
      "invalid_client",
    );
  });

  it("no other secret, no key of anybody, no digest in place of the secret, no hash longer than the secret (JW-04, RFC 7518 §3.2)", async () => {
    const world = await ready();
    const own = "a secret of thirty-two characters";
    const { client } = await world.provider.clients.add({ ...svc, client_secret: own, jwks: jwksOf(key) }, admin);
    const { client_id } = client;
    const { digest, sealed = "" } = client.entry.data.secrets[0] ?? { digest: "" };
    for (const wrong of [`${own}x`, digest, sealed, JSON.stringify(key.publicJwk)])
      await assertError(
        await ask(world, "/token", asking(await assertionBy(world, client_id, by(wrong)))),
        "invalid_client",
      );
    await assertError(await ask(world, "/token", asking(await forge(world, key, client_id))), "invalid_client");
    const seconds = world.clock.now / 1000;
    const claims = { iss: client_id, sub: client_id, aud: issuer, jti: "1", exp: seconds + 60 };
    const padded = await signJwtWithSecret(claims, { secret: own.padEnd(64, "\0"), alg: "HS512" });
    await assertError(await ask(world, "/token", asking(padded)), "invalid_client");
    // private_key_jwt clients have no secret that could sign.
    await assertError(await ask(world, "/token", asking(await assertionBy(world, "svc", by(own)))), "invalid_client");
    await tokensOf(await ask(world, "/token", asking(await assertionBy(world, client_id, by(own)))));
  });

  it("accepts the old secret during the overlap and not after it; a secret for another method does not pass over (TK-26)", async () => {
    const world = await ready();
    const { clients } = world.provider;
    const { client, client_secret: old = "" } = await clients.add(svc, admin);
    const { client_id } = client;
    const { client_secret: fresh = "" } = (await clients.rotate(client_id, { overlap: 60 })) ?? {};
    const attempt = async (one: string) => ask(world, "/token", asking(await assertionBy(world, client_id, by(one))));
    for (const one of [old, fresh]) await tokensOf(await attempt(one));
    world.clock.advance(60);
    await assertError(await attempt(old), "invalid_client");
    await tokensOf(await attempt(fresh));

    // Away from the method the readable copy goes; back to it a new secret is needed.
    await clients.set(client_id, { metadata: { ...svc, token_endpoint_auth_method: "client_secret_basic" } });
    assert.ok(!JSON.stringify(await world.store.get("client", client_id)).includes("sealed"));
    await clients.set(client_id, { metadata: svc });
    await assertError(await attempt(fresh), "invalid_client");
    const again = await clients.rotate(client_id);
    await tokensOf(await attempt(again?.client_secret ?? ""));
  });

  it("a stranger who changes to it is given a new secret (RFC 7592 §2.2)", async () => {
    const world = await createWorld({
      clientAuth,
      registration: openRegistration({ grant_types: ["client_credentials"] }),
      resources: [api],
    });
    const send = (url: string, method: string, body: object, token = "") =>
      world.send(url, {
        method,
        body: JSON.stringify(body),
        headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      });
    const basic = { ...svc, token_endpoint_auth_method: "client_secret_basic" };
    const { client_id, client_secret, registration_client_uri, registration_access_token } = (await (
      await send("/register", "POST", basic)
    ).json()) as Record<string, string>;
    const changed = (await (
      await send(String(registration_client_uri), "PUT", { ...svc, client_id }, registration_access_token)
    ).json()) as Record<string, string>;
    assert.ok(changed.client_secret);
    assert.notEqual(changed.client_secret, client_secret);
    await tokensOf(
      await ask(world, "/token", asking(await assertionBy(world, String(client_id), by(changed.client_secret)))),
    );
  });

  it("reads secrets under a former server secret; without it that is an outage, never a wrong secret", async () => {
    const world = await ready();
    const { client, client_secret = "" } = await world.provider.clients.add(svc, admin);
    const restarted = (server: string | readonly string[]): World => ({
      ...world,
      provider: createProvider({
        issuer,
        store: world.store,
        keys,
        accounts: { find: () => undefined },
        secret: server,
        clientAuth,
        now: () => world.clock.now,
      }),
    });
    const made = () => assertionBy(world, client.client_id, by(client_secret));
    const next = "the next secret of the provider, for its tests";
    await tokensOf(await ask(restarted([next, secret]), "/token", asking(await made())));
    await assertError(await ask(restarted(next), "/token", asking(await made())), "temporarily_unavailable", 503);
  });
});

onEachStore("an assertion counts once (RFC 7523 §3, RFC 10070)", (openStore) => {
  it("50 times at once one is the first, at two servers on one store; afterwards none is", async () => {
    const clock = Date.now();
    const store: Store = await openStore();
    const world = await ready({ store, now: () => clock });
    const { clients } = world.provider;
    const second: World = {
      ...world,
      provider: createProvider({
        issuer,
        store,
        keys,
        accounts: { find: () => undefined },
        secret,
        clientAuth,
        resources: [api],
        now: () => clock,
      }),
    };
    world.clock.now = clock;
    const { client, client_secret = "" } = await clients.add(
      { grant_types: ["client_credentials"], token_endpoint_auth_method: "client_secret_jwt" },
      { provenance: "admin" },
    );
    for (const made of [
      await forge(world, key, "svc"),
      await assertionBy(world, client.client_id, { client_secret, alg: "HS256" }),
    ]) {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, n) =>
          ask(n % 2 === 0 ? world : second, "/token", asking(made), { ip: `198.51.100.${n}` }),
        ),
      );
      const statuses = answers.map(({ status }) => status);
      assert.deepEqual(
        [statuses.filter((one) => one === 200).length, statuses.filter((one) => one === 401).length],
        [1, 49],
      );
      for (const path of ["/token", "/introspect"])
        await assertError(await ask(second, path, { ...asking(made), token: "x" }), "invalid_client");
    }
    // A jti is one client's: another may use the same.
    await world.addClient(machine("other", { token_endpoint_auth_method, jwks: jwksOf(other) }));
    for (const [who, by] of [
      ["svc", key],
      ["other", other],
    ] as const)
      await tokensOf(await ask(world, "/token", asking(await forge(world, by, who, { jti: "one" }))));
  });
});
