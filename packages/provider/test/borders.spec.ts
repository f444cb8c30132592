/**
 * Where features meet: what was given out by one of them is not more than it was in the hands of another.
 */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { createDpopProof, type DpopKey, generateDpopKey } from "@valetkey/protocol/dpop";
import { generateKey, type SigningKey, signJwt } from "@valetkey/protocol/jose";
import { dpop } from "@valetkey/provider/bindings/dpop";
import { privateKeyJwt } from "@valetkey/provider/client-auth/private-key-jwt";
import { clientIdDocuments } from "@valetkey/provider/client-id-documents";
import { experimentalFirstPartyApps } from "@valetkey/provider/experimental-first-party-apps";
import { grantManagement } from "@valetkey/provider/grant-management";
import { authorizationCode } from "@valetkey/provider/grants/authorization-code";
import { clientCredentials } from "@valetkey/provider/grants/client-credentials";
import { deviceCode } from "@valetkey/provider/grants/device-code";
import { jwtBearer } from "@valetkey/provider/grants/jwt-bearer";
import { refreshToken } from "@valetkey/provider/grants/refresh-token";
import { type ExchangePolicy, onBehalf, tokenExchange } from "@valetkey/provider/grants/token-exchange";
import { implicitIdToken, passwordGrant, tokensInRedirect } from "@valetkey/provider/legacy";
import { pairwiseSubjects } from "@valetkey/provider/pairwise";
import { openRegistration } from "@valetkey/provider/registration-policy";
import { requestObjects } from "@valetkey/provider/request-objects";
import { code } from "@valetkey/provider/response-types";
import { bird, birdWorld, connect, refused, userinfo } from "./oauth1-side.ts";
import {
  answer,
  authorizeUrl,
  codeFor,
  createWorld,
  issuer,
  locationOf,
  rp,
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
  isActive,
  post,
  pub,
  refresh,
  sendAs,
  signedApi,
  tokensFor,
  tokensOf,
} from "./token-side.ts";
import { createWeb } from "./web.ts";

const types = "urn:ietf:params:oauth:token-type:";
const exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange";
const bearerGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const partner = "https://partner.test";
let key: SigningKey;
before(async () => {
  key = await generateKey("ES256");
});

const issuers = () => [
  {
    issuer: partner,
    jwks: { keys: [key.publicJwk] },
    accepts: ["assertion", "id-jag"] as const,
    subject: ({ sub }: { readonly sub?: string }) => (sub === "p-1" ? "alice" : sub === "p-2" ? "bob" : undefined),
  },
];

/** A JWT of the partner. */
const said = (claims: Record<string, unknown> = {}, typ = "JWT") =>
  signJwt(
    {
      iss: partner,
      sub: "p-1",
      aud: issuer,
      jti: crypto.randomUUID(),
      iat: start / 1000,
      exp: start / 1000 + 300,
      scope: "api:read",
      ...claims,
    },
    { key: key.privateJwk, alg: "ES256", kid: key.kid, typ },
  );

const open: ExchangePolicy = (_op, { subject, scope, resource }) => ({
  scope: scope.length === 0 ? subject.scope : scope,
  resource,
  semantics: "delegation",
});

const all = [...(rp.grant_types as string[]), exchangeGrant, bearerGrant, "client_credentials"];
const app: TestClient = { ...rp, client_id: "app", grant_types: all };

async function ready(policy: ExchangePolicy = open, options: Parameters<typeof createWorld>[0] = {}): Promise<World> {
  const world = await createWorld({
    grants: [
      authorizationCode,
      refreshToken,
      clientCredentials,
      tokenExchange({ policy, issuers: issuers() }),
      jwtBearer({ issuers: issuers() }),
    ],
    resources: [api, signedApi],
    scopes: { a: "A", b: "B", "api:read": "Read", "signed:read": "Read" },
    bindings: [dpop()],
    ...options,
  });
  await world.addClient(app);
  return world;
}

/** Posts to the token endpoint with a proof. */
async function prove(world: World, by: DpopKey, fields: Record<string, string>): Promise<Response> {
  const DPoP = await createDpopProof({ key: by, htm: "POST", htu: `${issuer}/token`, now: world.clock.now });
  return world.send("/token", { method: "POST", body: new URLSearchParams(fields), headers: { DPoP } });
}

describe("a refresh token that is exchanged (RFC 8693 §2.1, RFC 9449 §5)", () => {
  const phone: TestClient = { ...pub, grant_types: [...(pub.grant_types as string[]), exchangeGrant] };

  it("is of use to whoever holds the key it is bound to, and to nobody else", async () => {
    const world = await ready(onBehalf);
    await world.addClient(phone);
    const [mine, thief] = [await generateDpopKey(), await generateDpopKey()];
    const redirect_uri = "https://pub.test/cb";
    const handle = await codeFor(world, "alice", {
      client_id: "pub",
      redirect_uri,
      scope: "api:read",
      resource: api.resource,
    });
    const code_verifier = verifier;
    const grant_type = "authorization_code";
    const redeemed = { grant_type, client_id: "pub", code: handle, redirect_uri, code_verifier };
    const { refresh_token = "" } = await tokensOf(await prove(world, mine, redeemed));
    const fields = {
      grant_type: exchangeGrant,
      client_id: "pub",
      subject_token: refresh_token,
      subject_token_type: `${types}refresh_token`,
      resource: api.resource,
    };
    await assertError(
      await world.send("/token", { method: "POST", body: new URLSearchParams(fields) }),
      "invalid_request",
    );
    await assertError(await prove(world, thief, fields), "invalid_request");
    assert.equal((await tokensOf(await prove(world, mine, fields))).token_type, "DPoP");
  });

  it("is its own client's business alone (RFC 6749 §10.4)", async () => {
    const world = await ready();
    await world.addClient({ ...app, client_id: "other" });
    const { refresh_token } = await tokensFor(world, { scope: "api:read", resource: api.resource }, app);
    const fields = { grant_type: exchangeGrant, subject_token: refresh_token, resource: api.resource };
    const typed = { ...fields, subject_token_type: `${types}refresh_token` };
    await assertError(await post(world, "/token", typed, { ...app, client_id: "other" }), "invalid_request");
    await tokensOf(await post(world, "/token", typed, app));
  });
});

describe("a token that was made from another client's (RFC 8693 §1.1)", () => {
  it("ends when that client is disabled", async () => {
    const world = await ready(onBehalf);
    const caller: TestClient = { ...app, client_id: "caller", introspects: [api.resource] };
    await world.addClient(caller);
    const { access_token } = await tokensFor(world, { scope: "api:read", resource: api.resource }, app);
    const subject = { subject_token: access_token, subject_token_type: `${types}access_token` };
    const fields = { grant_type: exchangeGrant, resource: api.resource, ...subject };
    const exchanged = await tokensOf(await post(world, "/token", fields, caller));
    assert.ok(await isActive(world, exchanged.access_token));
    await world.provider.clients.set("app", { disabled: true });
    assert.equal(await isActive(world, exchanged.access_token), false);
  });
});

describe("JWTs of others that are exchanged (RFC 8693 §3)", () => {
  const exchange = async (world: World, subject_token: string) =>
    post(
      world,
      "/token",
      { grant_type: exchangeGrant, subject_token, subject_token_type: `${types}jwt`, resource: api.resource },
      app,
    );

  it("bound to a key count with its proof only (RFC 7800 §3)", async () => {
    const world = await ready();
    await tokensOf(await exchange(world, await said()));
    for (const cnf of [{ jkt: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" }, { "x5t#S256": "x" }, { jwk: {} }, 7])
      await assertError(await exchange(world, await said({ cnf })), "invalid_request");
  });

  it("that assert an identity to one client are for the JWT bearer grant of that client (ID-JAG §4.4)", async () => {
    const world = await ready();
    const response = await exchange(world, await said({ client_id: "somebody else" }, "oauth-id-jag+jwt"));
    await assertError(response, "invalid_request");
  });
});

describe("actors (RFC 8693 §4.1, §4.4)", () => {
  const exchange = async (world: World, fields: Record<string, string>, client = app) => {
    const { access_token } = await tokensFor(world, { scope: "signed:read", resource: signedApi.resource }, client);
    const subject = { subject_token: access_token, subject_token_type: `${types}access_token` };
    const resource = signedApi.resource;
    return post(world, "/token", { grant_type: exchangeGrant, ...subject, resource, ...fields }, client);
  };

  it("a token that is bound to a key makes nobody an actor who does not hold it (RFC 9449 §7)", async () => {
    const world = await ready();
    await world.addClient(pub);
    const redirect_uri = "https://pub.test/cb";
    const handle = await codeFor(world, "bob", { client_id: "pub", redirect_uri });
    const redeemed = { grant_type: "authorization_code", client_id: "pub", code: handle, redirect_uri };
    const bound = await tokensOf(await prove(world, await generateDpopKey(), { ...redeemed, code_verifier: verifier }));
    const actor = { actor_token: bound.access_token, actor_token_type: `${types}access_token` };
    await assertError(await exchange(world, actor), "invalid_request");
  });

  it("are named as the client knows people (OpenID Connect Core §8)", async () => {
    const salt = "a salt that never changes, of 32 characters or more";
    const world = await ready(open, { pairwise: pairwiseSubjects({ salt }) });
    const far: TestClient = { ...app, client_id: "far", subject_type: "pairwise" };
    await world.addClient(far);
    const { access_token, id_token } = await tokensFor(world, {}, far, "bob");
    const actor = { actor_token: access_token, actor_token_type: `${types}access_token` };
    const { act } = claimsOf((await tokensOf(await exchange(world, actor, far))).access_token);
    assert.deepEqual(act, { iss: issuer, sub: claimsOf(id_token).sub });
  });

  it("a name of another issuer is not one of ours: may_act is read as its issuer means it", async () => {
    let allowed: boolean | undefined;
    const world = await ready((op, request) => {
      allowed = request.mayAct;
      return open(op, request);
    });
    const ask = async (may_act: object) => {
      const subject = { subject_token: await said({ may_act }), subject_token_type: `${types}jwt` };
      const actor = { actor_token: await said({ sub: "p-2" }), actor_token_type: `${types}jwt` };
      const fields = { grant_type: exchangeGrant, resource: api.resource, ...subject, ...actor };
      await tokensOf(await post(world, "/token", fields, app));
      return allowed;
    };
    assert.equal(await ask({ iss: partner, sub: "bob" }), false);
    assert.equal(await ask({ sub: "bob" }), false);
    assert.equal(await ask({ sub: "p-2" }), true);
    assert.equal(await ask({ iss: partner, sub: "p-2" }), true);
    assert.equal(await ask({ iss: issuer, sub: "bob" }), true);
  });
});

describe("grants that no person gave (Grant Management §5.4)", () => {
  for (const [title, fields] of [
    ["an exchange", { grant_type: exchangeGrant }],
    ["an assertion", { grant_type: bearerGrant }],
  ] as const) {
    it(`what ${title} gave for minutes is not added to, and so not had for months`, async () => {
      const world = await ready(open, { extensions: [grantManagement()] });
      const jwt = await said();
      const more =
        fields.grant_type === bearerGrant
          ? { assertion: jwt }
          : { subject_token: jwt, subject_token_type: `${types}jwt`, resource: api.resource };
      const borrowed = (await tokensOf(await post(world, "/token", { ...fields, ...more }, app))) as unknown as {
        grant_id: string;
      };
      const browser = world.browser();
      await signIn(world, browser, "alice");
      const merge = { grant_management_action: "merge", grant_id: borrowed.grant_id };
      const url = authorizeUrl({ client_id: "app", scope: "openid a offline_access", ...merge });
      let response = await browser.get(url);
      const { interaction } = locationOf(response).parameters;
      if (interaction !== undefined)
        response = await answer(world, browser, interaction, { step: "consent", decision: "allow" });
      assert.equal(locationOf(response).parameters.error, "invalid_grant_id");
    });
  }

  it("a person's token looks at that person's grants alone (§6.6)", async () => {
    const world = await ready(open, { extensions: [grantManagement()] });
    const scope = "openid grant_management_query grant_management_revoke";
    const of = (subject: string) => tokensFor(world, { scope }, app, subject);
    const [alices, bobs] = [await of("alice"), await of("bob")];
    const grant_id = (alices as unknown as { grant_id: string }).grant_id;
    const look = (method: string, token: string) =>
      world.send(`/grants/${grant_id}`, { method, headers: { authorization: `Bearer ${token}` } });
    assert.equal((await look("GET", bobs.access_token)).status, 404);
    assert.equal((await look("DELETE", bobs.access_token)).status, 404);
    assert.ok(await isActive(world, alices.access_token));
    assert.equal((await look("GET", alices.access_token)).status, 200);
  });
});

describe("clients whose tokens are bound to a key (RFC 9449 §5.2)", () => {
  it("get none in a redirect, which could not be", async () => {
    const responseTypes = [code, ...tokensInRedirect];
    const world = await ready(open, { responseTypes });
    const bound = {
      ...app,
      client_id: "bound",
      dpop_bound_access_tokens: true,
      grant_types: ["authorization_code", "implicit"],
      response_types: responseTypes.map(({ response_type }) => response_type),
      firstParty: true,
    };
    await world.addClient(bound);
    const browser = world.browser();
    await signIn(world, browser, "alice");
    for (const response_type of ["token", "code token", "id_token token"]) {
      const { parameters } = locationOf(
        await browser.get(authorizeUrl({ client_id: "bound", response_type, nonce: "n" })),
      );
      assert.equal(parameters.error, "unauthorized_client", response_type);
      assert.equal(parameters.access_token, undefined);
    }
  });

  it("public ones keep the key with the refresh tokens of the password grant", async () => {
    const grants = [refreshToken, passwordGrant({ verify: () => "alice" })];
    const world = await ready(open, { grants });
    const { redirect_uris: _, ...bare } = pub;
    const old: TestClient = { ...bare, response_types: [], grant_types: ["password", "refresh_token"] };
    await world.addClient(old);
    const fields = { grant_type: "password", client_id: "pub", username: "alice", password: "x", scope: "openid" };
    const { refresh_token } = await tokensOf(await prove(world, await generateDpopKey(), fields));
    await assertError(await refresh(world, refresh_token, {}, old), "invalid_grant");
  });
});

describe("sectors (OpenID Connect Core §8.1, CIBA Core §4)", () => {
  const salt = "a salt that never changes, of 32 characters or more";

  it("applications with schemes of their own are not one sector", async () => {
    const world = await ready(open, { pairwise: pairwiseSubjects({ salt }) });
    const subs = new Set<unknown>();
    for (const scheme of ["com.one.app", "com.two.app"]) {
      const native: TestClient = {
        client_id: scheme,
        redirect_uris: [`${scheme}:/cb`],
        grant_types: ["authorization_code"],
        token_endpoint_auth_method: "none",
        application_type: "native",
        subject_type: "pairwise",
      };
      await world.addClient(native);
      subs.add(claimsOf((await tokensFor(world, {}, native)).id_token).sub);
    }
    assert.equal(subs.size, 2);
  });

  it("a stranger's client stays in its sector: whom it knows, it does not learn to know as others do", async () => {
    const registration = openRegistration();
    const world = await createWorld({ registration, pairwise: pairwiseSubjects({ salt }) });
    const send = async (path: string, method: string, body: object, more: Record<string, string> = {}) => {
      const headers = { "content-type": "application/json", ...more };
      return sendAs(world, path, { method, body: JSON.stringify(body), headers });
    };
    const metadata = { subject_type: "pairwise", redirect_uris: ["https://evil.test/cb"] };
    const made = (await (await send("/register", "POST", metadata)).json()) as Record<string, string>;
    const { client_id, registration_access_token, registration_client_uri = "" } = made;
    const put = (changes: object) =>
      send(
        registration_client_uri,
        "PUT",
        { client_id, ...metadata, ...changes },
        { authorization: `Bearer ${registration_access_token}` },
      );
    await assertError(await put({ redirect_uris: ["https://victim.test/cb"] }), "invalid_client_metadata");
    assert.equal((await put({ redirect_uris: ["https://evil.test/other"] })).status, 200);
    const elsewhere = { redirect_uris: ["https://victim.test/cb"] };
    assert.equal((await put({ ...elsewhere, subject_type: "public" })).status, 200);
    await assertError(await put({ ...elsewhere, subject_type: "pairwise" }), "invalid_client_metadata");
  });

  it("one with a document that moves to another sector begins anew there", async () => {
    const client_id = "https://agent.example/client.json";
    const document = {
      client_id,
      client_name: "Agent",
      redirect_uris: ["https://agent.example/cb"],
      grant_types: ["authorization_code", "refresh_token"],
      subject_type: "pairwise",
    };
    const web = createWeb({ [client_id]: document });
    const documents = clientIdDocuments();
    const pairwise = pairwiseSubjects({ salt });
    const world = await createWorld({ clientIdDocuments: documents, pairwise, fetch: web.fetch });
    const agent: TestClient = { client_id, redirect_uris: document.redirect_uris };
    const { refresh_token } = await tokensFor(world, { scope: "openid offline_access" }, agent);
    web.at.set(client_id, { ...document, redirect_uris: ["https://victim.test/cb"] });
    world.clock.advance(86_400);
    await assertError(await refresh(world, refresh_token, {}, agent), "invalid_grant");
  });

  it("a client without redirect URIs is in a sector that lists its keys, or in none", async () => {
    const uri = "https://sector.test/uris.json";
    const keys = "https://device.test/keys";
    const listed = JSON.stringify(["https://victim.test/cb", keys]);
    const fetch: typeof globalThis.fetch = async () => new Response(listed);
    const clientAuth = [privateKeyJwt()];
    const world = await createWorld({
      pairwise: pairwiseSubjects({ salt }),
      grants: [deviceCode()],
      clientAuth,
      fetch,
    });
    const grant_types = ["urn:ietf:params:oauth:grant-type:device_code"];
    const token_endpoint_auth_method = "private_key_jwt";
    const device = {
      grant_types,
      token_endpoint_auth_method,
      subject_type: "pairwise",
      sector_identifier_uri: uri,
    } as const;
    const add = (more: object) => world.provider.clients.add({ ...device, ...more }, { provenance: "admin" });
    await assert.rejects(add({ jwks: { keys: [key.publicJwk] } }), /sector_identifier_uri/);
    await assert.rejects(add({ jwks_uri: "https://evil.test/keys" }), /sector_identifier_uri/);
    await add({ jwks_uri: keys });
  });
});

describe("authorization_details (RFC 9396 §5)", () => {
  const nested = (levels: number) => `[{"type":"any","x":${"[".repeat(levels - 2)}${"]".repeat(levels - 2)}}]`;

  it("are 20 levels deep at most, in both requests", async () => {
    const any = { type: "any", check: <T>(detail: T): T => detail, words: () => ["Anything"] };
    const world = await ready(open, { authorizationDetails: [any] });
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const ask = async (authorization_details: string) =>
      locationOf(await browser.get(authorizeUrl({ client_id: "app", scope: "openid", authorization_details })))
        .parameters;
    assert.ok((await ask(nested(20))).interaction);
    for (const bad of [nested(21), nested(7000), '[{"type":"any","a":1,"a":2}]'])
      assert.equal((await ask(bad)).error, "invalid_authorization_details");
    const { refresh_token } = await tokensFor(world, { scope: "openid" }, app);
    await assertError(
      await refresh(world, refresh_token, { authorization_details: nested(7000) }, app),
      "invalid_authorization_details",
    );
  });
});

describe("ID tokens that are exchanged (ID-JAG §4.3)", () => {
  it("count while something stands of what they were given for", async () => {
    const assertions = [{ audience: "https://as.other.test", client_id: () => "app-there" }];
    const exchange = tokenExchange({ policy: open, assertions });
    const ways = [
      async (world: World) => world.provider.sessions.endAll("alice"),
      async (world: World) => world.provider.grants.revoke("alice", "app"),
    ];
    for (const end of ways) {
      const world = await ready(open, { grants: [authorizationCode, refreshToken, exchange] });
      const { id_token } = await tokensFor(world, { scope: "openid" }, app);
      const ask = () =>
        post(
          world,
          "/token",
          {
            grant_type: exchangeGrant,
            requested_token_type: `${types}id-jag`,
            audience: "https://as.other.test",
            subject_token: id_token,
            subject_token_type: `${types}id_token`,
          },
          app,
        );
      await tokensOf(await ask());
      await end(world);
      await assertError(await ask(), "invalid_request");
    }
  });
});

describe("tokens of OAuth 1.0a", () => {
  it("lose what an administrator takes from their client, with the next request", async () => {
    const world = await birdWorld();
    const token = await connect(world);
    assert.equal((await userinfo(world, token)).status, 200);
    const { client_secret: _, client_id: __, ...metadata } = bird;
    await world.provider.clients.set("bird", { metadata: { ...metadata, scope: "statuses:read" } });
    await refused(await userinfo(world, token), 403, "permission_denied");
  });
});

describe("the authorization challenge endpoint (RFC 7636 §4.4.1)", () => {
  it("gives a code for response_type=code alone, so that none comes without PKCE", async () => {
    const extension = experimentalFirstPartyApps({ decide: () => ({ step: "login", subject: "alice" }) });
    const responseTypes = [code, implicitIdToken];
    const world = await createWorld({ extensions: [extension], responseTypes });
    await world.addClient({
      ...pub,
      grant_types: ["authorization_code", "implicit"],
      response_types: ["code", "id_token"],
      firstParty: true,
    });
    const body = { client_id: "pub", response_type: "id_token", nonce: "n", scope: "openid" };
    const response = await world.send("/challenge", { method: "POST", body: new URLSearchParams(body) });
    await assertError(response, "unsupported_response_type");
  });
});

describe("what strangers make this server call (DO)", () => {
  const ip = "203.0.113.9";
  const many = async (ask: () => Promise<Response>) => {
    let status = 0;
    for (let count = 0; count < 1100 && status !== 429; count++) ({ status } = await ask());
    return status;
  };

  it("request objects are not fetched without end for whoever comes", async () => {
    const fetch: typeof globalThis.fetch = async () => new Response("no JWT");
    const world = await createWorld({ requestObjects: requestObjects({ byReference: true }), fetch });
    const request_uri = "https://rp.test/r/1";
    const jwks = { keys: [key.publicJwk] };
    await world.addClient({ ...rp, client_id: "far", jwks, request_uris: [request_uri] });
    const query = new URLSearchParams({ client_id: "far", request_uri });
    assert.equal(await many(() => sendAs(world, `/authorize?${query}`, {}, ip)), 429);
  });

  it("nor the documents of sectors", async () => {
    const salt = "a salt that never changes, of 32 characters or more";
    const fetch: typeof globalThis.fetch = async () => new Response("[]");
    const registration = openRegistration();
    const world = await createWorld({ registration, pairwise: pairwiseSubjects({ salt }), fetch });
    const redirect_uris = ["https://evil.test/cb"];
    const body = JSON.stringify({ redirect_uris, sector_identifier_uri: "https://victim.test/" });
    const headers = { "content-type": "application/json" };
    assert.equal(await many(() => sendAs(world, "/register", { method: "POST", body, headers }, ip)), 429);
  });
});
