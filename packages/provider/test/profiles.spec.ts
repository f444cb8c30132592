/**
 * The composed profiles: what each of them says is what the server does, requirement by requirement.
 *
 * OAuth 2.1, OpenID Connect Core and the logout specifications, FAPI 2.0 Security Profile (Final) §5.3.2 and §5.4, Model Context
 * Protocol 2026-07-28 (Authorization).
 */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { clientAssertionType, createClientAssertion } from "@valetkey/protocol/client-assertion";
import { createDpopProof, type DpopKey, generateDpopKey } from "@valetkey/protocol/dpop";
import { generateKey, type ImportedKey, importKey, signJwt } from "@valetkey/protocol/jose";
import type { Jwk } from "@valetkey/protocol/jwk";
import type { TokenResponse } from "@valetkey/protocol/metadata";
import { deviceCode } from "@valetkey/provider/grants/device-code";
import { createKeys } from "@valetkey/provider/keys";
import type { ProviderOptions } from "@valetkey/provider/options";
import { fapi2 } from "@valetkey/provider/profiles/fapi2";
import { mcp } from "@valetkey/provider/profiles/mcp";
import { oauth21 } from "@valetkey/provider/profiles/oauth21";
import { openid } from "@valetkey/provider/profiles/openid";
import { createProvider, InvalidOptions } from "@valetkey/provider/provider";
import { memoryStore } from "@valetkey/store/memory";
import {
  answer,
  authorizeUrl,
  challenge,
  codeFor,
  createWorld,
  errorPageOf,
  issuer,
  keys,
  locationOf,
  rp,
  secret,
  signIn,
  start,
  type TestClient,
  verifier,
  type World,
} from "./op.ts";
import {
  api,
  assertError,
  claimsOf,
  type Fields,
  post,
  pub,
  redeem,
  refresh,
  service,
  signedApi,
  tokensFor,
  tokensOf,
} from "./token-side.ts";

/** What can be composed can be passed: this is checked when it is compiled. */
const profiles = { oauth21: oauth21(), openid: openid(), fapi2: fapi2(), mcp: mcp() } satisfies Record<
  string,
  Partial<ProviderOptions>
>;

const member = (world: World, name: string) => world.provider.metadata[name];

describe("every profile", () => {
  for (const [name, profile] of Object.entries(profiles)) {
    it(`${name}: answers with iss, wants S256 and nothing else, and lets no strangers register (RFC 9207, RFC 9700 §2.1.1)`, async () => {
      const world = await createWorld(profile);
      assert.equal(member(world, "authorization_response_iss_parameter_supported"), true);
      assert.deepEqual(member(world, "code_challenge_methods_supported"), ["S256"]);
      assert.equal(member(world, "registration_endpoint"), undefined);
      assert.deepEqual(member(world, "response_types_supported"), ["code"]);
      const register = new Request(`${issuer}/register`, { method: "POST", body: "{}" });
      assert.equal(await world.provider.handle(register), undefined);
    });

    it(`${name}: is announced the same at both places (RFC 8414 §3, OpenID Connect Discovery §4)`, async () => {
      const world = await createWorld(profile);
      const [one, other] = await Promise.all(
        ["openid-configuration", "oauth-authorization-server"].map(async (document) =>
          (await world.send(`/.well-known/${document}`)).json(),
        ),
      );
      assert.deepEqual(one, other);
      assert.deepEqual(one, JSON.parse(JSON.stringify(world.provider.metadata)));
    });
  }

  it("is overridden by ordinary code, in part or whole", () => {
    const options = { issuer, store: memoryStore(), keys, accounts: { find: () => undefined }, secret };
    const provider = createProvider({
      ...openid(),
      grants: [...openid().grants, deviceCode()],
      logout: [],
      ...options,
    });
    assert.ok(provider.metadata.grant_types_supported?.includes("urn:ietf:params:oauth:grant-type:device_code"));
    assert.equal(provider.metadata.backchannel_logout_supported, undefined);
    assert.ok(!openid().grants.some(({ grant_type }) => grant_type.includes("device")), "the next one begins anew");
  });
});

describe("oauth21()", () => {
  it("has the grants of OAuth 2.1 and no others (§1.3)", async () => {
    const world = await createWorld(oauth21());
    const grants = ["authorization_code", "refresh_token", "client_credentials"];
    assert.deepEqual(member(world, "grant_types_supported"), grants);
    assert.deepEqual(member(world, "response_modes_supported"), ["query", "form_post"]);
    const methods = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
    assert.deepEqual(member(world, "token_endpoint_auth_methods_supported"), methods);
    await assertError(await post(world, "/token", { grant_type: "password" }), "unsupported_grant_type");
    await errorPageOf(await world.browser().get(authorizeUrl({ response_type: "token" })));
  });

  it("wants PKCE of confidential clients, too (§7.5.1)", async () => {
    const world = await createWorld(oauth21());
    const without = authorizeUrl({ code_challenge: undefined, code_challenge_method: undefined, nonce: "n" });
    assert.equal(locationOf(await world.browser().get(without)).parameters.error, "invalid_request");
  });

  it("replaces refresh tokens with each use (§4.3.1)", async () => {
    const world = await createWorld(oauth21());
    const first = await tokensFor(world);
    const second = await tokensOf(await refresh(world, first.refresh_token));
    assert.match(second.refresh_token ?? "", /^vk_refresh_/);
    assert.notEqual(second.refresh_token, first.refresh_token);
  });

  it("tells of requests that can be pushed and tokens that can be bound, and of no logout", async () => {
    const world = await createWorld(oauth21());
    assert.equal(member(world, "pushed_authorization_request_endpoint"), `${issuer}/par`);
    assert.equal(member(world, "require_pushed_authorization_requests"), false);
    assert.ok(Array.isArray(member(world, "dpop_signing_alg_values_supported")));
    assert.equal(member(world, "backchannel_logout_supported"), undefined);
  });
});

describe("openid()", () => {
  it("announces what an OpenID Provider has (Discovery §3)", async () => {
    const world = await createWorld(openid());
    assert.deepEqual(member(world, "grant_types_supported"), [
      "authorization_code",
      "refresh_token",
      "client_credentials",
    ]);
    assert.deepEqual(member(world, "response_modes_supported"), ["query", "fragment", "form_post"]);
    assert.equal(member(world, "claims_parameter_supported"), true);
    assert.equal(member(world, "request_parameter_supported"), true);
    assert.equal(member(world, "request_uri_parameter_supported"), false);
    assert.deepEqual(member(world, "id_token_signing_alg_values_supported"), keys.algs);
    assert.deepEqual(member(world, "userinfo_signing_alg_values_supported"), keys.algs);
    assert.ok(Array.isArray(member(world, "id_token_encryption_alg_values_supported")));
    assert.ok(Array.isArray(member(world, "userinfo_encryption_alg_values_supported")));
    assert.ok(Array.isArray(member(world, "dpop_signing_alg_values_supported")));
    assert.equal(member(world, "pushed_authorization_request_endpoint"), `${issuer}/par`);
    for (const channel of ["backchannel", "frontchannel"]) {
      assert.equal(member(world, `${channel}_logout_supported`), true);
      assert.equal(member(world, `${channel}_logout_session_supported`), true);
    }
    assert.equal(member(world, "end_session_endpoint"), `${issuer}/end-session`);
  });

  it("signs people in", async () => {
    const world = await createWorld(openid());
    const { id_token, token_type } = await tokensFor(world, { nonce: "n" });
    assert.equal(claimsOf(id_token).sub, "alice");
    assert.equal(token_type, "Bearer", "bound is what its client wants bound");
  });
});

describe("fapi2() (FAPI 2.0 Security Profile)", () => {
  let signer: { readonly jwk: Jwk; readonly key: ImportedKey };
  let dpopKey: DpopKey;
  let otherDpopKey: DpopKey;
  before(async () => {
    const { publicJwk, privateJwk } = await generateKey("ES256");
    signer = { jwk: publicJwk, key: await importKey(privateJwk) };
    [dpopKey, otherDpopKey] = await Promise.all([generateDpopKey(), generateDpopKey()]);
  });

  const bank = (): TestClient => ({
    client_id: "bank",
    redirect_uris: ["https://bank.test/cb"],
    grant_types: ["authorization_code", "refresh_token", "client_credentials"],
    token_endpoint_auth_method: "private_key_jwt",
    scope: "openid api:read offline_access",
    jwks: { keys: [signer.jwk] },
  });
  async function ready(): Promise<World> {
    const world = await createWorld({ ...fapi2(), resources: [api] });
    await world.addClient(bank());
    await world.addClient({ ...pub, redirect_uris: ["https://pub.test/cb"] });
    return world;
  }
  const assertion = async (world: World) =>
    createClientAssertion({
      client_id: "bank",
      issuer,
      signer: { private_key: signer.key, alg: "ES256" },
      now: world.clock.now,
    });

  interface Sent {
    readonly proof?: string | undefined;
    readonly by?: DpopKey | undefined;
    readonly assertion?: string;
  }
  /** A request of the bank: authenticated, and with a proof unless `by` is `undefined`. */
  async function send(world: World, path: string, fields: Fields, sent: Sent = {}): Promise<Response> {
    const by = "by" in sent ? sent.by : dpopKey;
    const proof =
      sent.proof ??
      (by &&
        (await createDpopProof({
          key: by,
          htm: "POST",
          htu: issuer + path,
          now: world.clock.now,
          access_token: undefined,
        })));
    const body = new URLSearchParams({
      client_assertion_type: clientAssertionType,
      client_assertion: sent.assertion ?? (await assertion(world)),
    });
    for (const [name, value] of Object.entries(fields)) if (typeof value === "string") body.set(name, value);
    return world.send(path, { method: "POST", body, headers: proof === undefined ? {} : { DPoP: proof } });
  }
  const asked = (changes: Fields = {}): Fields => ({
    response_type: "code",
    redirect_uri: "https://bank.test/cb",
    scope: "openid offline_access",
    state: "s",
    nonce: "n".repeat(64),
    code_challenge: challenge,
    code_challenge_method: "S256",
    ...changes,
  });
  async function push(world: World, changes: Fields = {}, sent: Sent = {}): Promise<string> {
    const pushed = await send(world, "/par", asked(changes), sent);
    const body = (await pushed.json()) as { request_uri: string; expires_in: number };
    assert.equal(pushed.status, 201, JSON.stringify(body));
    return body.request_uri;
  }
  /** Goes the whole way to the answer of the authorization endpoint. */
  async function authorize(world: World, request_uri: string): Promise<Response> {
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const response = await browser.get(`/authorize?${new URLSearchParams({ client_id: "bank", request_uri })}`);
    const { interaction } = locationOf(response).parameters;
    return interaction === undefined
      ? response
      : answer(world, browser, interaction, { step: "consent", decision: "allow" });
  }
  const codeOf = (response: Response) => locationOf(response).parameters.code ?? "";
  const exchange = (world: World, code: string, sent: Sent = {}) =>
    send(
      world,
      "/token",
      { grant_type: "authorization_code", code, redirect_uri: "https://bank.test/cb", code_verifier: verifier },
      sent,
    );
  const tokens = async (world: World): Promise<TokenResponse> =>
    tokensOf(await exchange(world, codeOf(await authorize(world, await push(world)))));

  it("§5.3.2.1: there is no password grant", async () => {
    const world = await ready();
    await assertError(await send(world, "/token", { grant_type: "password" }), "unsupported_grant_type");
    assert.deepEqual(member(world, "grant_types_supported"), [
      "authorization_code",
      "refresh_token",
      "client_credentials",
    ]);
  });

  it("§5.3.2.1: clients are confidential, and prove it with private_key_jwt", async () => {
    const world = await ready();
    assert.deepEqual(member(world, "token_endpoint_auth_methods_supported"), ["private_key_jwt"]);
    await assert.rejects(world.provider.clients.add({ ...pub, client_id: "new" }, { provenance: "admin" }), {
      error: "invalid_client_metadata",
    });
    await assert.rejects(world.provider.clients.add({ ...rp, client_id: "new" }, { provenance: "admin" }), {
      error: "invalid_client_metadata",
    });
    // Those that were registered before the profile was chosen.
    const body = new URLSearchParams({ client_id: "pub", ...asked() } as Record<string, string>);
    await assertError(await world.send("/par", { method: "POST", body }), "invalid_client");
    await assertError(await post(world, "/token", { grant_type: "client_credentials" }, rp), "invalid_client");
  });

  it("§5.3.2.1: every access token is bound to a key", async () => {
    const world = await ready();
    const code = codeOf(await authorize(world, await push(world)));
    await assertError(await exchange(world, code, { by: undefined }), "invalid_request");
    const own = { grant_type: "client_credentials", scope: "api:read" };
    await assertError(await send(world, "/token", own, { by: undefined }), "invalid_request");
    for (const response of [await exchange(world, code), await send(world, "/token", own)]) {
      const { token_type, access_token } = await tokensOf(response);
      assert.equal(token_type, "DPoP");
      assert.ok((await world.provider.tokens.read(access_token))?.cnf?.jkt);
    }
  });

  it("§5.3.2.1: the audience of a client assertion is the issuer, as a text", async () => {
    const world = await ready();
    const seconds = world.clock.now / 1000;
    const made = (aud: unknown) =>
      signJwt(
        { iss: "bank", sub: "bank", aud, jti: crypto.randomUUID(), iat: seconds, exp: seconds + 60 },
        { key: signer.key, alg: "ES256" },
      );
    const own = { grant_type: "client_credentials", scope: "api:read" };
    for (const aud of [`${issuer}/token`, `${issuer}/par`, [issuer], [issuer, `${issuer}/token`]]) {
      const refused = await send(world, "/token", own, { assertion: await made(aud) });
      await assertError(refused, "invalid_client");
    }
    await tokensOf(await send(world, "/token", own, { assertion: await made(issuer) }));
  });

  it("§5.3.2.1: refresh tokens are not rotated: the same one goes on, and its idle end is put off by use", async () => {
    const world = await ready();
    const { refresh_token } = await tokens(world);
    const use = async () =>
      tokensOf(await send(world, "/token", { grant_type: "refresh_token", refresh_token: refresh_token ?? "" }));
    for (const days of [0, 10, 10, 10]) {
      world.clock.advance(days * 86_400);
      const { access_token, refresh_token: another } = await use();
      assert.equal(another, undefined);
      assert.notEqual(await world.provider.tokens.read(access_token), undefined);
    }
    await Promise.all([use(), use(), use()]);
    world.clock.advance(15 * 86_400);
    const late = { grant_type: "refresh_token", refresh_token: refresh_token ?? "" };
    await assertError(await send(world, "/token", late), "invalid_grant");
  });

  it("§5.3.2.1: a code counts for 60 seconds", async () => {
    const world = await ready();
    const code = codeOf(await authorize(world, await push(world)));
    world.clock.advance(61);
    await assertError(await exchange(world, code), "invalid_grant");
  });

  it("§5.3.2.1: a code is bound to the key that was proved or named when pushing (RFC 9449 §10.1)", async () => {
    const world = await ready();
    const code = codeOf(await authorize(world, await push(world)));
    await assertError(await exchange(world, code, { by: otherDpopKey }), "invalid_grant");
    await tokensOf(await exchange(world, code));
    const named = await push(world, { dpop_jkt: "x".repeat(43) }, { by: undefined });
    await assertError(await exchange(world, codeOf(await authorize(world, named))), "invalid_grant");
  });

  it("§5.3.2.1: clocks may be 10 seconds ahead, and not more than 60", async () => {
    const world = await ready();
    const own = { grant_type: "client_credentials", scope: "api:read" };
    const at = async (ahead: number) => {
      const now = world.clock.now + ahead * 1000;
      const early = await createClientAssertion({
        client_id: "bank",
        issuer,
        signer: { private_key: signer.key, alg: "ES256" },
        now,
      });
      return {
        assertion: early,
        proof: await createDpopProof({
          key: dpopKey,
          htm: "POST",
          htu: `${issuer}/token`,
          now,
          access_token: undefined,
        }),
      };
    };
    await tokensOf(await send(world, "/token", own, await at(10)));
    const { assertion: early, proof } = await at(61);
    await assertError(await send(world, "/token", own, { assertion: early }), "invalid_client");
    await assertError(await send(world, "/token", own, { proof }), "invalid_dpop_proof");
  });

  it("§5.3.2.2: a request that was not pushed is refused, and one that was pushed by nobody", async () => {
    const world = await ready();
    assert.equal(member(world, "require_pushed_authorization_requests"), true);
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const direct = new URL("/authorize", issuer);
    for (const [name, value] of Object.entries({ client_id: "bank", ...asked() }))
      direct.searchParams.set(name, String(value));
    assert.equal(locationOf(await browser.get(direct.href)).parameters.error, "invalid_request");
    const body = new URLSearchParams({ client_id: "bank", ...asked() } as Record<string, string>);
    await assertError(await world.send("/par", { method: "POST", body }), "invalid_client");
  });

  it("§5.3.2.2: PKCE with S256, and redirect_uri, are in what is pushed", async () => {
    const world = await ready();
    const refused: readonly Fields[] = [
      { code_challenge: undefined, code_challenge_method: undefined },
      { code_challenge: verifier, code_challenge_method: "plain" },
      { code_challenge_method: undefined },
      { redirect_uri: undefined, scope: "api:read", resource: api.resource },
      { redirect_uri: "https://bank.test/other" },
    ];
    for (const changes of refused) {
      await assertError(await send(world, "/par", asked(changes)), "invalid_request");
    }
  });

  it("§5.3.2.2: a pushed request counts for less than ten minutes", async () => {
    const world = await ready();
    const pushed = (await (await send(world, "/par", asked())).json()) as { expires_in: number; request_uri: string };
    assert.ok(pushed.expires_in < 600);
    world.clock.advance(pushed.expires_in + 1);
    const query = new URLSearchParams({ client_id: "bank", request_uri: pushed.request_uri });
    await errorPageOf(await world.browser().get(`/authorize?${query}`));
  });

  it("§5.3.2.2: the answer names the issuer, comes with 303, in the query", async () => {
    const world = await ready();
    const response = await authorize(world, await push(world));
    assert.equal(response.status, 303);
    const { page, parameters } = locationOf(response);
    assert.equal(page, "https://bank.test/cb");
    assert.equal(parameters.iss, issuer);
    assert.deepEqual(member(world, "response_modes_supported"), ["query"]);
    await assertError(await send(world, "/par", asked({ response_mode: "fragment" })), "invalid_request");
    await assertError(await send(world, "/par", asked({ response_type: "none" })), "unsupported_response_type");
  });

  it("§5.3.2.2: a code that was used is refused", async () => {
    const world = await ready();
    const code = codeOf(await authorize(world, await push(world)));
    await tokensOf(await exchange(world, code));
    await assertError(await exchange(world, code), "invalid_grant");
  });

  it("§5.3.2.2: no client has an http redirect URI", async () => {
    const world = await ready();
    const adding = world.provider.clients.add(
      { ...bank(), client_id: "new", redirect_uris: ["http://bank.test/cb"] },
      { provenance: "admin" },
    );
    await assert.rejects(adding, { error: "invalid_redirect_uri" });
  });

  it("§5.2.3: the authorization endpoint answers no scripts of other origins", async () => {
    const world = await ready();
    const response = await world.send("/authorize", { headers: { origin: "https://bank.test" } });
    assert.equal(response.headers.get("access-control-allow-origin"), null);
  });

  it("§5.3.2.3: a nonce of 64 characters comes back", async () => {
    const { id_token } = await tokens(await ready());
    assert.equal(claimsOf(id_token).nonce, "n".repeat(64));
  });

  it("§5.4.1: nothing is signed with RS256, by us or by clients", async () => {
    const world = await ready();
    assert.ok(keys.algs.includes("RS256"), "there is a key for it");
    for (const [name, value] of Object.entries(world.provider.metadata)) {
      if (!/_signing_alg_values_supported$/.test(name)) continue;
      const allowed = (value as string[]).every((alg) => ["PS256", "ES256", "EdDSA", "Ed25519"].includes(alg));
      assert.ok(allowed, `${name}: ${value}`);
    }
    const { keys: published } = (await (await world.send("/jwks")).json()) as { keys: Jwk[] };
    assert.deepEqual([...new Set(published.map(({ alg }) => alg))], ["ES256"]);
    const { id_token = "" } = await tokens(world);
    assert.equal(JSON.parse(Buffer.from(id_token.split(".")[0] ?? "", "base64url").toString()).alg, "ES256");

    const rsa = await generateKey("RS256");
    await world.addClient({ ...bank(), client_id: "rsa", jwks: { keys: [rsa.publicJwk] } });
    const old = await createClientAssertion({
      client_id: "rsa",
      issuer,
      signer: { private_key: rsa.privateJwk, alg: "RS256" },
      now: world.clock.now,
    });
    const own = { grant_type: "client_credentials", scope: "api:read" };
    await assertError(await send(world, "/token", own, { assertion: old }), "invalid_client");
    const jwk = { kty: "RSA", n: rsa.publicJwk.n ?? "", e: rsa.publicJwk.e ?? "" };
    const proof = await signJwt(
      { htm: "POST", htu: `${issuer}/token`, iat: start / 1000, jti: "a proof of the old kind" },
      { key: rsa.privateJwk, alg: "RS256", typ: "dpop+jwt", jwk },
    );
    await assertError(await send(world, "/token", own, { proof }), "invalid_dpop_proof");
  });

  it("§5.4.1: a server with keys of RS256 alone does not start", () => {
    const store = memoryStore();
    const alone = createKeys({ store, secret, algs: ["RS256"] });
    const make = () =>
      createProvider({ ...fapi2(), issuer, store, keys: alone, accounts: { find: () => undefined }, secret });
    assert.throws(
      make,
      (error) => error instanceof InvalidOptions && /^keys has no key for any of/.test(error.problems[0] ?? ""),
    );
  });
});

describe("mcp() (Model Context Protocol, Authorization)", () => {
  const options = () => ({ ...mcp(), resources: [signedApi, api] });

  it("announces documents of clients, and no registration", async () => {
    const world = await createWorld(options());
    assert.equal(member(world, "client_id_metadata_document_supported"), true);
    assert.ok((member(world, "token_endpoint_auth_methods_supported") as string[]).includes("none"));
    assert.deepEqual(member(world, "response_modes_supported"), ["query"]);
  });

  it("a request says which server its tokens are for, or is refused (RFC 8707 §2)", async () => {
    const world = await createWorld(options());
    await world.addClient(service);
    const browser = world.browser();
    await signIn(world, browser, "alice");
    for (const scope of ["openid", "signed:read"]) {
      const { parameters } = locationOf(await browser.get(authorizeUrl({ scope })));
      assert.equal(parameters.error, "invalid_target");
      assert.equal(parameters.iss, issuer);
    }
    const own = { grant_type: "client_credentials" };
    await assertError(await post(world, "/token", own, service), "invalid_target");
    const { access_token } = await tokensOf(await post(world, "/token", { ...own, resource: api.resource }, service));
    assert.deepEqual((await world.provider.tokens.read(access_token))?.aud, [api.resource]);
  });

  it("a token is for the server that was named, and for no other", async () => {
    const world = await createWorld(options());
    const changes = { scope: "signed:read", resource: signedApi.resource };
    const { access_token, refresh_token } = await tokensFor(world, changes);
    assert.equal(claimsOf(access_token).aud, signedApi.resource);
    const again = await tokensOf(await refresh(world, refresh_token));
    assert.equal(claimsOf(again.access_token).aud, signedApi.resource);
    const code = await codeFor(world, "alice", changes);
    await assertError(await redeem(world, code, { resource: api.resource }), "invalid_target");
  });

  it("a client comes with the URL of its document, and native ones listen at any port (RFC 8252 §7.3)", async () => {
    const client_id = "https://agent.test/client.json";
    const document = {
      client_id,
      client_name: "An agent",
      redirect_uris: ["http://127.0.0.1/callback"],
      token_endpoint_auth_method: "none",
      application_type: "native",
    };
    const fetch: typeof globalThis.fetch = async (input) => {
      assert.equal(String(input), client_id);
      return Response.json(document);
    };
    const world = await createWorld({ ...options(), fetch });
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const redirect_uri = "http://127.0.0.1:53123/callback";
    const changes = { client_id, redirect_uri, scope: "signed:read", resource: signedApi.resource };
    const { parameters } = locationOf(await browser.get(authorizeUrl(changes)));
    const allowed = await answer(world, browser, parameters.interaction ?? "", { step: "consent", decision: "allow" });
    const { page, parameters: got } = locationOf(allowed);
    assert.equal(page, redirect_uri);
    const exchanged = await post(
      world,
      "/token",
      {
        grant_type: "authorization_code",
        code: got.code,
        redirect_uri,
        code_verifier: verifier,
        resource: signedApi.resource,
      },
      { client_id },
    );
    assert.equal(claimsOf((await tokensOf(exchanged)).access_token).client_id, client_id);
  });
});
