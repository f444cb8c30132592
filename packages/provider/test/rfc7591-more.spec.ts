/**
 * Registration beyond the form: software statements (RFC 7591 §2.3), choices (OpenID Connect RP Metadata Choices 1.0), languages
 * (RFC 7591 §2.2), secrets that end, and limits on growth (§5). Rows RG-04, RG-09 and F-49 of the catalogue.
 */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { generateKey, type SigningKey, signJwt } from "@valetkey/protocol/jose";
import { none } from "@valetkey/provider/client-auth/none";
import { privateKeyJwt } from "@valetkey/provider/client-auth/private-key-jwt";
import { secretBasic, secretPost } from "@valetkey/provider/client-auth/secret";
import { pairwiseSubjects } from "@valetkey/provider/pairwise";
import { encryptedUserinfo, signedUserinfo } from "@valetkey/provider/protected-answers";
import {
  createInitialAccessToken,
  openRegistration,
  type RegistrationLimits,
  tokenRegistration,
} from "@valetkey/provider/registration-policy";
import { softwareStatements } from "@valetkey/provider/software-statements";
import { authorizeUrl, createWorld, issuer, locationOf, signIn, start, type TestClient, type World } from "./op.ts";
import { assertError, post, sendAs, snapshot } from "./token-side.ts";
import { createWeb } from "./web.ts";

type Json = Record<string, unknown>;
const valid = { redirect_uris: ["https://new.test/cb"] };

const ready = (limits: RegistrationLimits = {}, options: Parameters<typeof createWorld>[0] = {}) =>
  createWorld({ registration: openRegistration({ limitPerHour: 1000, ...limits }), ...options });

function register(world: World, body: Json, headers: Record<string, string> = {}): Promise<Response> {
  const all = { "content-type": "application/json", ...headers };
  return sendAs(world, "/register", { method: "POST", body: JSON.stringify(body), headers: all });
}

async function registered(response: Response, status = 201): Promise<Json & { client_id: string }> {
  const body = (await response.json()) as Json & { client_id: string };
  assert.equal(response.status, status, JSON.stringify(body));
  return body;
}

function manage(world: World, { registration_client_uri, registration_access_token }: Json, body?: Json) {
  const headers = { authorization: `Bearer ${registration_access_token}`, "content-type": "application/json" };
  const init = body === undefined ? { headers } : { method: "PUT", headers, body: JSON.stringify(body) };
  return sendAs(world, String(registration_client_uri), init);
}

describe("software statements (RFC 7591 §2.3, RG-09)", () => {
  const federation = "https://federation.test";
  let key: SigningKey;
  before(async () => {
    key = await generateKey("ES256");
  });
  const statements = (more = {}) =>
    softwareStatements({ issuers: [{ issuer: federation, jwks: { keys: [key.publicJwk] } }], ...more });
  const sign = (claims: Json = {}, { by = key, typ = "JWT" } = {}) =>
    signJwt(
      { iss: federation, software_id: "printer", ...claims },
      { key: by.privateJwk, alg: "ES256", kid: by.kid, typ },
    );

  it("say what a program is, over whatever it says itself, and are given back as they came (§3.2.1)", async () => {
    const world = await ready({ statements: statements() });
    const software_statement = await sign({ client_name: "Printer", redirect_uris: ["https://printer.test/cb"] });
    const asked = { ...valid, client_name: "Bank", software_id: "bank", contacts: ["a@new.test"], software_statement };
    const made = await registered(await register(world, asked));
    assert.equal(made.software_statement, software_statement);
    assert.equal(made.client_name, "Printer");
    assert.equal(made.software_id, "printer");
    assert.deepEqual(made.redirect_uris, ["https://printer.test/cb"]);
    assert.deepEqual(made.contacts, ["a@new.test"]);
  });

  it("give nobody an id, a secret or other people's tokens", async () => {
    const world = await ready({ statements: statements() });
    const software_statement = await sign({
      client_id: "rp",
      client_secret: "x".repeat(40),
      introspects: [issuer],
      grant_types: ["authorization_code"],
    });
    const made = await registered(await register(world, { ...valid, software_statement }));
    assert.notEqual(made.client_id, "rp");
    assert.notEqual(made.client_secret, "x".repeat(40));
    assert.equal((await world.provider.clients.find(made.client_id))?.metadata.introspects, undefined);
    const greedy = await sign({ grant_types: ["client_credentials"] });
    await assertError(await register(world, { ...valid, software_statement: greedy }), "invalid_client_metadata");
  });

  it("are refused unsigned, by others, for others, expired, too early, or made for something else", async () => {
    const world = await ready({ statements: statements() });
    const before = await snapshot(world, "client");
    const seconds = start / 1000;
    const [, payload = ""] = (await sign()).split(".");
    const bad: Json = {
      "alg none": `${Buffer.from('{"alg":"none"}').toString("base64url")}.${payload}.`,
      "another key": await sign({}, { by: await generateKey("ES256") }),
      "no signature": (await sign()).replace(/\.[^.]*$/, "."),
      changed: (await sign()).replace(/\.[^.]*\./, `.${Buffer.from(`{"iss":"${federation}"}`).toString("base64url")}.`),
      expired: await sign({ exp: seconds - 60 }),
      "not yet": await sign({ nbf: seconds + 60 }),
      "for another server": await sign({ aud: "https://elsewhere.test" }),
      "an access token": await sign({}, { typ: "at+jwt" }),
      "no JWT": "a.b.c",
      "no text": 7,
      large: await sign({ x: "x".repeat(16_384) }),
    };
    for (const [what, software_statement] of Object.entries(bad))
      await assertError(await register(world, { ...valid, software_statement }), "invalid_software_statement").catch(
        (cause) => assert.fail(`${what}: ${cause}`),
      );
    const strange = await sign({ iss: "https://strange.test" });
    const refusal = await register(world, { ...valid, software_statement: strange });
    await assertError(refusal, "unapproved_software_statement");
    assert.equal(await snapshot(world, "client"), before);
    await registered(await register(world, { ...valid, software_statement: await sign({ aud: issuer }) }));
  });

  it("can be required, be of a certain age at most, and count once", async () => {
    const required = await ready({ statements: statements({ required: true }) });
    await assertError(await register(required, valid), "invalid_software_statement");
    const young = await ready({ statements: statements({ maxAge: 300 }) });
    for (const claims of [{}, { iat: start / 1000 - 400 }])
      await assertError(
        await register(young, { ...valid, software_statement: await sign(claims) }),
        "invalid_software_statement",
      );
    const fresh = { ...valid, software_statement: await sign({ iat: start / 1000 - 200 }) };
    await registered(await register(young, fresh));
    await registered(await register(young, fresh));
    const once = await ready({ statements: statements({ once: true }) });
    const spent = { ...valid, software_statement: await sign({ jti: "1", exp: start / 1000 + 300 }) };
    const rush = await Promise.all(Array.from({ length: 5 }, () => register(once, spent)));
    assert.deepEqual(rush.map(({ status }) => status).sort(), [201, 400, 400, 400, 400]);
    await assertError(
      await register(once, { ...valid, software_statement: await sign() }),
      "invalid_software_statement",
    );
  });

  it("hold on: an update does not get rid of them, also after they have expired (RFC 7592 §2.2)", async () => {
    const world = await ready({ statements: statements() });
    const software_statement = await sign({ client_name: "Printer", exp: start / 1000 + 60 });
    const made = await registered(await register(world, { ...valid, software_statement }));
    world.clock.advance(3600);
    for (const body of [
      { ...valid, client_id: made.client_id, client_name: "Bank" },
      { ...valid, client_id: made.client_id, client_name: "Bank", software_statement },
    ]) {
      const changed = await registered(await manage(world, made, body), 200);
      assert.equal(changed.client_name, "Printer");
      assert.equal(changed.software_statement, software_statement);
    }
    const other = await sign({ client_name: "Scanner" });
    const body = { ...valid, client_id: made.client_id, software_statement: other };
    assert.equal((await registered(await manage(world, made, body), 200)).client_name, "Scanner");
  });

  it("stay with the client when an administrator changes something else of it", async () => {
    const world = await ready({ statements: statements() });
    const software_statement = await sign({ client_name: "Printer" });
    const { client_id } = await registered(await register(world, { ...valid, software_statement }));
    const { metadata } = (await world.provider.clients.find(client_id)) ?? {};
    const changed = await world.provider.clients.set(client_id, {
      metadata: { ...metadata, contacts: ["a@new.test"] },
    });
    assert.equal(changed?.metadata.software_statement, software_statement);
    const other = { ...metadata, software_statement: await sign({ client_name: "Bank" }) };
    await assert.rejects(world.provider.clients.set(client_id, { metadata: other }), {
      error: "invalid_software_statement",
    });
  });

  it("are an outage, and no refusal, while their issuer's keys cannot be had", async () => {
    const web = createWeb({ [`${federation}/jwks`]: new Error("down") });
    const byUri = softwareStatements({ issuers: [{ issuer: federation, jwks_uri: `${federation}/jwks` }] });
    const world = await ready({ statements: byUri }, { fetch: web.fetch });
    const body = { ...valid, software_statement: await sign() };
    await assertError(await register(world, body), "temporarily_unavailable", 503);
    web.at.set(`${federation}/jwks`, { keys: [key.publicJwk] });
    world.clock.advance(60);
    await registered(await register(world, body));
  });

  it("are not supported unless somebody's are trusted, and an issuer of them has keys", async () => {
    const world = await ready();
    await assertError(
      await register(world, { ...valid, software_statement: await sign() }),
      "invalid_software_statement",
    );
    assert.throws(() => softwareStatements({ issuers: [{ issuer: federation }] }), TypeError);
  });
});

describe("choices (RP Metadata Choices §2 and §4)", () => {
  const clientAuth = [secretBasic, secretPost, privateKeyJwt(), none];
  const withAll = () =>
    ready(
      {},
      {
        clientAuth,
        pairwise: pairwiseSubjects({ salt: "x".repeat(32) }),
        answers: [signedUserinfo, encryptedUserinfo],
      },
    );

  it("are made by the server, and the answer says how", async () => {
    const world = await withAll();
    const made = await registered(
      await register(world, {
        ...valid,
        token_endpoint_auth_methods_supported: ["tls_client_auth", "none", "client_secret_post"],
        id_token_signing_alg_values_supported: ["ES512", "ES256"],
        subject_types_supported: ["pairwise"],
      }),
    );
    assert.equal(made.token_endpoint_auth_method, "client_secret_post");
    assert.equal(made.id_token_signed_response_alg, "ES256");
    assert.equal(made.subject_type, "pairwise");
    for (const name of Object.keys(made)) assert.doesNotMatch(name, /_supported$/);
  });

  it("keep what the client would rather have, if both have it; otherwise what both have", async () => {
    const world = await withAll();
    const lists = {
      token_endpoint_auth_methods_supported: ["client_secret_post", "client_secret_basic"],
      id_token_signing_alg_values_supported: ["RS256", "ES256", "ES512"],
    };
    const rather = { token_endpoint_auth_method: "client_secret_post", id_token_signed_response_alg: "ES256" };
    const made = await registered(await register(world, { ...valid, ...lists, ...rather }));
    assert.deepEqual(
      [made.token_endpoint_auth_method, made.id_token_signed_response_alg],
      ["client_secret_post", "ES256"],
    );
    const other = { ...valid, ...lists, id_token_signed_response_alg: "ES512" };
    assert.equal((await registered(await register(world, other))).id_token_signed_response_alg, "RS256");
  });

  it("prefer a key to a secret, and anything to none; a key method needs keys", async () => {
    const world = await withAll();
    const { publicJwk } = await generateKey("ES256");
    const list = { token_endpoint_auth_methods_supported: ["none", "client_secret_basic", "private_key_jwt"] };
    const keyed = await registered(await register(world, { ...valid, ...list, jwks: { keys: [publicJwk] } }));
    assert.equal(keyed.token_endpoint_auth_method, "private_key_jwt");
    const plain = await registered(await register(world, { ...valid, ...list }));
    assert.equal(plain.token_endpoint_auth_method, "client_secret_basic");
    const only = { ...valid, token_endpoint_auth_methods_supported: ["private_key_jwt"] };
    await assertError(await register(world, only), "invalid_client_metadata");
  });

  it("switch on no protection nobody asked for", async () => {
    const world = await withAll();
    const made = await registered(
      await register(world, {
        ...valid,
        userinfo_signing_alg_values_supported: ["ES256"],
        userinfo_encryption_alg_values_supported: ["RSA-OAEP-256"],
        userinfo_encryption_enc_values_supported: ["A128GCM"],
        request_object_signing_alg_values_supported: ["ES256"],
      }),
    );
    assert.ok(!Object.keys(made).some((name) => /^(userinfo|request_object)/.test(name)));
    const wanted = { userinfo_signed_response_alg: "ES512", userinfo_signing_alg_values_supported: ["ES512", "ES256"] };
    assert.equal(
      (await registered(await register(world, { ...valid, ...wanted }))).userinfo_signed_response_alg,
      "ES256",
    );
  });

  it("are refused where there is nothing in common, where the wish is not in the list, and where the list is none", async () => {
    const world = await withAll();
    for (const bad of [
      { token_endpoint_auth_methods_supported: ["tls_client_auth"] },
      { token_endpoint_auth_methods_supported: [] },
      { id_token_signing_alg_values_supported: ["none", "HS256"] },
      { id_token_signing_alg_values_supported: ["RS256"], id_token_signed_response_alg: "ES256" },
      { id_token_signing_alg_values_supported: "RS256" },
      { subject_types_supported: [{}] },
      { subject_types_supported: Array.from({ length: 51 }, () => "public") },
      { subject_types_supported: ["public"], subject_type: ["public"] },
    ])
      await assertError(await register(world, { ...valid, ...bad }), "invalid_client_metadata").catch((cause) =>
        assert.fail(`${JSON.stringify(bad)}: ${cause}`),
      );
  });

  it("are made anew at an update", async () => {
    const world = await withAll();
    const made = await registered(await register(world, valid));
    const body = { ...valid, client_id: made.client_id, id_token_signing_alg_values_supported: ["ES256"] };
    assert.equal((await registered(await manage(world, made, body), 200)).id_token_signed_response_alg, "ES256");
  });
});

describe("what else a client may say of itself", () => {
  it("names and pages in other languages are kept, and shown to whoever asked for the language (RFC 7591 §2.2, RG-04)", async () => {
    const world = await ready();
    const said = {
      ...valid,
      client_name: "Printer",
      "client_name#de": "Drucker",
      "client_uri#de": "https://new.test/de",
      "client_name#<script>": "x",
      "scope#de": "openid",
    };
    const made = await registered(await register(world, said));
    assert.equal(made["client_name#de"], "Drucker");
    assert.equal(made["client_name#<script>"], undefined);
    assert.equal(made["scope#de"], undefined);
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const request = { client_id: made.client_id, redirect_uri: valid.redirect_uris[0], ui_locales: "de-CH en" };
    const { parameters } = locationOf(await browser.get(authorizeUrl(request)));
    const interaction = await world.provider.interactions.find(browser.request("/"), parameters.interaction ?? "");
    assert.equal(interaction?.client.client_name, "Drucker");
    assert.equal(interaction.client.client_uri, "https://new.test/de");
    await assertError(await register(world, { ...valid, "client_name#de": "two\nlines" }), "invalid_client_metadata");
  });

  it("where a sign-in may begin (initiate_login_uri), and how people should sign in (default_acr_values)", async () => {
    const world = await ready({}, { acrs: ["pwd", "mfa"] });
    const said = { ...valid, initiate_login_uri: "https://new.test/login", default_acr_values: ["mfa"] };
    const made = await registered(await register(world, said));
    assert.equal(made.initiate_login_uri, said.initiate_login_uri);
    assert.deepEqual(made.default_acr_values, ["mfa"]);
    await assertError(
      await register(world, { ...valid, initiate_login_uri: "javascript:alert(1)" }),
      "invalid_client_metadata",
    );
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const request = { client_id: made.client_id, redirect_uri: valid.redirect_uris[0] };
    const { page } = locationOf(await browser.get(authorizeUrl(request)));
    assert.equal(page, `${issuer}/login`, "alice signed in with less");
  });
});

describe("secrets that end (RFC 7591 §3.2.1, RFC 7592 §2.2)", () => {
  it("say when, and are of no use afterwards; whoever updates itself in time gets the next one", async () => {
    const world = await ready({ secretLifetime: 1000 });
    const made = await registered(await register(world, valid));
    assert.equal(made.client_secret_expires_at, start / 1000 + 1000);
    const attempt = (client_secret: unknown) =>
      post(world, "/token", { grant_type: "refresh_token", refresh_token: "x" }, {
        client_id: made.client_id,
        client_secret: String(client_secret),
      } as TestClient);
    const authenticates = async (secret: unknown) => (await attempt(secret)).status !== 401;
    const body = { ...valid, client_id: made.client_id };
    assert.equal((await registered(await manage(world, made, body), 200)).client_secret, undefined, "there is time");
    world.clock.advance(600);
    const renewed = await registered(await manage(world, made, body), 200);
    assert.equal(renewed.client_secret_expires_at, start / 1000 + 1600);
    assert.ok(await authenticates(made.client_secret));
    assert.ok(await authenticates(renewed.client_secret));
    world.clock.advance(400);
    assert.equal(await authenticates(made.client_secret), false);
    assert.ok(await authenticates(renewed.client_secret));
    world.clock.advance(600);
    assert.equal(await authenticates(renewed.client_secret), false);
    const late = await registered(await manage(world, made, body), 200);
    assert.ok(await authenticates(late.client_secret));
  });
});

describe("limits on growth (RFC 7591 §5, F-49)", () => {
  it("so many clients register themselves and no more, until some have gone", async () => {
    const world = await ready({ most: 3, unusedTtl: 3600 });
    for (let time = 0; time < 3; time++) await registered(await register(world, valid));
    const full = await register(world, valid);
    assert.equal(full.headers.get("retry-after"), "3600");
    await assertError(full, "temporarily_unavailable", 503);
    await world.provider.clients.add({ ...valid, client_id: "by-hand" }, { provenance: "admin" });
    world.clock.advance(3600);
    await world.store.sweep();
    await registered(await register(world, valid));
  });

  it("also with initial access tokens, which are not spent by that", async () => {
    const world = await createWorld({ registration: tokenRegistration({ most: 1 }) });
    const token = await createInitialAccessToken(world.store, { now: world.clock.now, uses: 2, lifetime: 10_000 });
    const authorization = `Bearer ${token}`;
    const first = await registered(await register(world, valid, { authorization }));
    await assertError(await register(world, valid, { authorization }), "temporarily_unavailable", 503);
    await world.provider.clients.remove(first.client_id);
    world.clock.advance(60);
    await registered(await register(world, valid, { authorization }));
  });
});
