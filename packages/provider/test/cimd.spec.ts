/**
 * Clients that are known by a document at their URL: draft-ietf-oauth-client-id-metadata-document-03, and what the Model Context
 * Protocol (2026-07-28) asks of servers. Rows CI-* of the catalogue.
 */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { createClientAssertion } from "@valetkey/protocol/client-assertion";
import { generateKey, type SigningKey, signJwt } from "@valetkey/protocol/jose";
import { none } from "@valetkey/provider/client-auth/none";
import { privateKeyJwt } from "@valetkey/provider/client-auth/private-key-jwt";
import { secretBasic } from "@valetkey/provider/client-auth/secret";
import {
  type ClientIdDocumentOptions,
  clientIdDocuments,
  notHosts,
  onlyHosts,
  readDocumentUrl,
} from "@valetkey/provider/client-id-documents";
import { InvalidOptions } from "@valetkey/provider/provider";
import { openRegistration } from "@valetkey/provider/registration-policy";
import { memoryStore } from "@valetkey/store/memory";
import {
  answer,
  authorizeUrl,
  type Browser,
  begin,
  codeFor,
  createWorld,
  errorPageOf,
  issuer,
  locationOf,
  signIn,
  type World,
} from "./op.ts";
import { assertError, isActive, post, redeem, refresh, tokensOf } from "./token-side.ts";
import { createWeb, json, type Web } from "./web.ts";

const url = "https://agent.example/oauth/client.json";
const redirect_uri = "https://agent.example/callback";
const document = {
  client_id: url,
  client_name: "Agent",
  redirect_uris: [redirect_uri],
  grant_types: ["authorization_code", "refresh_token"],
  response_types: ["code"],
  token_endpoint_auth_method: "none",
};
type Json = Record<string, unknown>;
const asked = { client_id: url, redirect_uri };
const client = { client_id: url, redirect_uris: [redirect_uri] };

let key: SigningKey;
before(async () => {
  key = await generateKey("ES256");
});

async function ready(
  rules: ClientIdDocumentOptions = {},
  options: Parameters<typeof createWorld>[0] = {},
): Promise<World & { web: Web }> {
  const web = createWeb({ [url]: document });
  const world = await createWorld({ clientIdDocuments: clientIdDocuments(rules), fetch: web.fetch, ...options });
  return { ...world, web };
}

/** What the authorization endpoint says to a request of this client. */
const authorize = (world: World, changes: Parameters<typeof authorizeUrl>[0] = asked) =>
  world.browser().get(authorizeUrl(changes));

const publish = ({ web }: { web: Web }, changes: Json, headers?: Record<string, string>) =>
  web.at.set(url, json({ ...document, ...changes }, headers));

const tokens = async (world: World, changes = {}) =>
  tokensOf(await redeem(world, await codeFor(world, "alice", { ...asked, ...changes }), {}, client));

describe("a client_id that is a URL (§3, CI-01)", () => {
  it("is used like any other: code, refresh, and the document is fetched once", async () => {
    const world = await ready();
    assert.equal(world.provider.metadata.client_id_metadata_document_supported, true);
    const first = await tokens(world);
    const second = await tokensOf(await refresh(world, first.refresh_token, {}, client));
    assert.equal(await isActive(world, second.access_token), true);
    assert.deepEqual(world.web.asked, [url]);
    assert.equal((await world.provider.clients.find(url))?.provenance, "document");
  });

  it("is unknown where documents are not switched on", async () => {
    const web = createWeb({ [url]: document });
    const world = await createWorld({ fetch: web.fetch });
    await errorPageOf(await authorize(world));
    assert.equal(world.provider.metadata.client_id_metadata_document_supported, undefined);
    assert.deepEqual(web.asked, []);
  });

  it("names a client in one spelling; whatever else it looks like is unknown, and nothing is fetched", async () => {
    const world = await ready();
    const wrong = [
      "http://agent.example/client.json",
      "https://agent.example",
      "https://agent.example/",
      "https://agent.example/client.json#x",
      "https://agent.example/client.json#",
      "https://agent.example/client.json?a=1",
      "https://agent.example/client.json?",
      "https://user@agent.example/client.json",
      "https://user:word@agent.example/client.json",
      "https://@agent.example/client.json",
      "https://agent.example/a/../client.json",
      "https://agent.example/./client.json",
      "https://agent.example/%2e%2e/client.json",
      "https://agent.example/a/..",
      "https://agent.example:443/client.json",
      "https://agent.example:/client.json",
      "https://agent.example:22/client.json",
      "https://agent.example:8443/client.json",
      "https://AGENT.example/client.json",
      "HTTPS://agent.example/client.json",
      "https://agent.example./client.json",
      "https://agent.example\\client.json",
      "https://agent.example/client json",
      "https://127.0.0.1/client.json",
      "https://2130706433/client.json",
      "https://[::1]/client.json",
      "https://[2606:2800:220:1::1]/client.json",
      "https://93.184.216.34/client.json",
      "https://localhost/client.json",
      "https://intranet/client.json",
      "https://agent.exämple/client.json",
      `https://agent.example/${"x".repeat(2048)}`,
      "ftp://agent.example/client.json",
      "data:application/json,{}",
      "javascript:alert(1)",
    ];
    for (const client_id of wrong) {
      await errorPageOf(await authorize(world, { ...asked, client_id }));
      const there = await post(world, "/token", { grant_type: "refresh_token", refresh_token: "x" }, { client_id });
      await assertError(there, "invalid_client");
    }
    assert.deepEqual(world.web.asked, []);
  });

  it("may name another port where that is said, and loopback where the issuer is there for development", () => {
    const at = (client_id: string, ports: number[] = [], server = issuer) =>
      readDocumentUrl(server, { ports }, client_id)?.href;
    assert.equal(at("https://agent.example:8443/c", [8443]), "https://agent.example:8443/c");
    assert.equal(at("https://agent.example:8444/c", [8443]), undefined);
    for (const client_id of ["http://localhost:3000/c", "https://localhost:3000/c", "http://127.0.0.1:3000/c"]) {
      assert.equal(at(client_id, [], "http://localhost:4000"), client_id);
      assert.equal(at(client_id), undefined);
      assert.equal(at(client_id, [], "https://localhost:4000"), undefined);
    }
    assert.equal(at("http://agent.example/c", [], "http://localhost:4000"), undefined);
  });

  it("comes from allowed hosts only, compared whole (RG-13)", async () => {
    const only = onlyHosts(["agent.example", "*.good.example"]);
    const not = notHosts(["agent.example", "*.good.example"]);
    const hosts = {
      "agent.example": true,
      "a.good.example": true,
      "b.a.good.example": true,
      "good.example": false,
      "evilgood.example": false,
      "agent.example.evil.example": false,
      "xagent.example": false,
      "sub.agent.example": false,
    };
    for (const [host, is] of Object.entries(hosts)) {
      assert.equal(only(new URL(`https://${host}/c`)), is, host);
      assert.equal(not(new URL(`https://${host}/c`)), !is, host);
    }
    const world = await ready({ allow: notHosts(["agent.example"]) });
    await errorPageOf(await authorize(world));
    assert.deepEqual(world.web.asked, []);
  });

  it("is refused at the next request, when its host is no longer allowed", async () => {
    let allowed = true;
    const world = await ready({ allow: () => allowed });
    const { refresh_token } = await tokens(world);
    allowed = false;
    await assertError(await refresh(world, refresh_token, {}, client), "invalid_client");
  });
});

describe("the document (§4, CI-02, CI-08, CI-09, CI-10)", () => {
  const refusals: Record<string, Record<string, Response | Error>> = {
    "says another client_id": Object.fromEntries(
      [
        `${url}/`,
        "https://AGENT.example/oauth/client.json",
        "https://agent.example:443/oauth/client.json",
        undefined,
        [url],
      ].map((client_id) => [String(client_id), json({ ...document, client_id })]),
    ),
    "is no JSON object in application/json": {
      html: new Response("<p>", { headers: { "content-type": "text/html" } }),
      "JSON as text": new Response(JSON.stringify(document), { headers: { "content-type": "text/plain" } }),
      "no type": new Response(new Blob([JSON.stringify(document)])),
      "another type that has json in it": json(document, { "content-type": "application/jsonp" }),
      invalid: json("{"),
      "with a byte order mark": json(`\ufeff${JSON.stringify(document)}`),
      array: json([document]),
      null: json("null"),
      "a member twice": json(`{"client_id":"x",${JSON.stringify(document).slice(1)}`),
      deep: json(`${JSON.stringify(document).slice(0, -1)},"x":${"[".repeat(1000)}${"]".repeat(1000)}}`),
      large: json({ ...document, x: "x".repeat(10_240) }),
      "not UTF-8": new Response(new Uint8Array([0x7b, 0xff, 0x7d]), {
        headers: { "content-type": "application/json" },
      }),
    },
    "does not come with 200": Object.fromEntries([
      ...[201, 204, 301, 302, 304, 400, 401, 404, 410, 429, 500, 503].map((status) => [
        status,
        status === 204 || status === 304
          ? new Response(null, { status })
          : json(document, { location: "https://agent.example/elsewhere" }, status),
      ]),
      ["a TLS error", new Error("certificate has expired")],
    ]),
    "holds a secret": {
      client_secret: json({ ...document, client_secret: "x".repeat(40) }),
      "an empty one": json({ ...document, client_secret: null }),
      client_secret_expires_at: json({ ...document, client_secret_expires_at: 0 }),
      basic: json({ ...document, token_endpoint_auth_method: "client_secret_basic" }),
      post: json({ ...document, token_endpoint_auth_method: "client_secret_post" }),
      jwt: json({ ...document, token_endpoint_auth_method: "client_secret_jwt" }),
      "in the list": json({ ...document, token_endpoint_auth_methods_supported: ["none", "client_secret_basic"] }),
      "a symmetric key": json({ ...document, jwks: { keys: [{ kty: "oct", k: "AAAA" }] } }),
    },
    "sends people where no browser should go": Object.fromEntries(
      [
        "javascript:alert(1)",
        "data:text/html,x",
        "http://agent.example/cb",
        "https://*.agent.example/cb",
        "/cb",
        `${url}#x`,
      ].map((uri) => [uri, json({ ...document, redirect_uris: [redirect_uri, uri] })]),
    ),
    "shows people what is no web page": Object.fromEntries(
      ["client_uri", "logo_uri", "tos_uri", "policy_uri", "logo_uri#fr"].map((name) => [
        name,
        json({ ...document, [name]: "javascript:alert(1)" }),
      ]),
    ),
    "contradicts itself": {
      "a method that is not in its own list": json({
        ...document,
        token_endpoint_auth_method: "none",
        token_endpoint_auth_methods_supported: ["private_key_jwt"],
      }),
      "a method that is no text": json({ ...document, token_endpoint_auth_method: ["none"] }),
      "a list that is none": json({ ...document, token_endpoint_auth_methods_supported: "none" }),
      "two sources of keys": json({ ...document, jwks: {}, jwks_uri: "https://agent.example/jwks" }),
      "no redirect URIs": json({ ...document, redirect_uris: [] }),
      "a name that is none": json({ ...document, client_name: "evil\u202egnp" }),
      "nothing we could grant": json({ ...document, grant_types: ["client_credentials"] }),
      "protection we do not have": json({ ...document, dpop_bound_access_tokens: true }),
    },
  };
  for (const [what, cases] of Object.entries(refusals)) {
    it(`is of no use if it ${what}: the client is unknown, and nothing is remembered`, async () => {
      for (const [name, response] of Object.entries(cases)) {
        const world = await ready();
        world.web.at.set(url, response);
        await errorPageOf(await authorize(world)).catch((error) => assert.fail(`${name}: ${error}`));
        await assertError(
          await post(world, "/token", { grant_type: "refresh_token", refresh_token: "x" }, client),
          "invalid_client",
        );
        assert.equal(await world.provider.clients.find(url), undefined, name);
        // §5.1: an error is not cached: as soon as there is a document the client is there.
        publish(world, {});
        world.clock.advance(5);
        assert.equal((await authorize(world)).status, 303, name);
      }
    });
  }

  it("may be of a type of its own that is JSON, and say more than we know", async () => {
    const world = await ready();
    world.web.at.set(
      url,
      json(
        {
          ...document,
          "@context": "https://www.w3.org/ns",
          skip_consent: true,
          firstParty: true,
          provenance: "admin",
          introspects: [issuer],
          grant_types: [...document.grant_types, "urn:ietf:params:oauth:grant-type:device_code", "client_credentials"],
          response_types: ["code", "id_token"],
          scope: "openid mcp:tools",
          token_endpoint_auth_signing_alg: "RS256",
          introspection_signed_response_alg: "ES512",
          contacts: ["help@agent.example"],
        },
        { "content-type": 'application/ld+json; profile="x"' },
      ),
    );
    await tokens(world);
    const found = await world.provider.clients.find(url);
    assert.ok(found);
    assert.deepEqual(found.metadata.grant_types, document.grant_types);
    assert.deepEqual(found.metadata.response_types, ["code"]);
    assert.equal(found.metadata.scope, "openid");
    assert.equal(found.firstParty, false);
    for (const name of ["introspects", "skip_consent", "token_endpoint_auth_signing_alg", "@context"])
      assert.equal(found.metadata[name], undefined, name);
  });

  it("may carry a statement of somebody else, if that has no secret in it (§4.3)", async () => {
    const world = await ready();
    const statement = (claims: Json) => signJwt(claims, { key: key.privateJwk, alg: "ES256" });
    publish(world, { software_statement: await statement({ software_id: "x" }) });
    assert.equal((await authorize(world)).status, 303);
    for (const bad of [
      await statement({ client_secret: "x" }),
      await statement({ token_endpoint_auth_method: "client_secret_post" }),
      "nonsense",
      7,
    ]) {
      const other = await ready();
      publish(other, { software_statement: bad });
      await errorPageOf(await authorize(other));
    }
  });

  it("of a native application: loopback on any port, also where the document names none (RFC 8252 §7.3), beside the web", async () => {
    const world = await ready();
    publish(world, {
      redirect_uris: ["http://localhost/callback", "http://127.0.0.1/callback", "com.agent.app:/cb", redirect_uri],
    });
    for (const uri of [
      "http://localhost:53682/callback",
      "http://localhost/callback",
      "http://127.0.0.1:1/callback",
      "com.agent.app:/cb",
      redirect_uri,
    ])
      assert.equal((await authorize(world, { ...asked, redirect_uri: uri })).status, 303, uri);
    for (const uri of [
      "http://localhost:53682/other",
      "http://[::1]:80/callback",
      "http://localhost.evil.example/callback",
    ])
      await errorPageOf(await authorize(world, { ...asked, redirect_uri: uri }));
  });
});

describe("how the client authenticates (§6)", () => {
  const withKeys = (changes: Json = {}) => ({
    token_endpoint_auth_method: "private_key_jwt",
    jwks: { keys: [key.publicJwk] },
    ...changes,
  });
  const clientAuth = [secretBasic, privateKeyJwt(), none];
  const assertion = async (changes: { audience?: string; by?: SigningKey } = {}) => {
    const { audience = issuer, by = key } = changes;
    return {
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: await createClientAssertion({
        client_id: url,
        issuer: audience,
        signer: { private_key: by.privateJwk, alg: "ES256", kid: by.kid },
        now: 1_800_000_000_000,
      }),
    };
  };

  it("is none where the document says nothing: the default of RFC 7591 would be a secret", async () => {
    const world = await ready();
    publish(world, { token_endpoint_auth_method: undefined });
    await tokens(world);
  });

  it("is by its own key where it says so, from the document or from its jwks_uri, and never without", async () => {
    const jwks_uri = "https://agent.example/jwks";
    for (const keys of [{}, { jwks: undefined, jwks_uri }]) {
      const world = await ready({}, { clientAuth });
      publish(world, withKeys(keys));
      world.web.at.set(jwks_uri, { keys: [key.publicJwk] });
      const code = await codeFor(world, "alice", asked);
      await assertError(await redeem(world, code, {}, client), "invalid_client");
      const forged = await assertion({ by: await generateKey("ES256") });
      await assertError(await redeem(world, code, forged, client), "invalid_client");
      const { refresh_token } = await tokensOf(await redeem(world, code, await assertion(), client));
      await assertError(await refresh(world, refresh_token, {}, client), "invalid_client");
      await tokensOf(await refresh(world, refresh_token, await assertion(), client));
    }
  });

  it("takes an assertion that is typed as the draft wants it (§6), and none that is typed as something else", async () => {
    const world = await ready({}, { clientAuth });
    publish(world, withKeys());
    const typed = (typ: string) =>
      signJwt(
        { iss: url, sub: url, aud: issuer, jti: typ, iat: 1_800_000_000, exp: 1_800_000_060 },
        { key: key.privateJwk, alg: "ES256", typ },
      );
    const { client_assertion_type } = await assertion();
    const code = await codeFor(world, "alice", asked);
    const wrong = { client_assertion_type, client_assertion: await typed("at+jwt") };
    await assertError(await redeem(world, code, wrong, client), "invalid_client");
    const right = { client_assertion_type, client_assertion: await typed("oauth-client-auth+jwt") };
    await tokensOf(await redeem(world, code, right, client));
  });

  it("may be one of several; entries we do not know are no mistake; who proved a key once proves it again", async () => {
    const world = await ready({}, { clientAuth });
    publish(world, withKeys({ token_endpoint_auth_methods_supported: ["none", "private_key_jwt", "spiffe_jwt"] }));
    // Without proof throughout: a public client.
    const plain = await tokens(world);
    await tokensOf(await refresh(world, plain.refresh_token, {}, client));
    const code = await codeFor(world, "alice", asked);
    const proved = await tokensOf(await redeem(world, code, await assertion(), client));
    await assertError(await refresh(world, proved.refresh_token, {}, client), "invalid_grant");
    await tokensOf(await refresh(world, proved.refresh_token, await assertion(), client));
  });

  it("is not none because the document has a list and no single one", async () => {
    const world = await ready({}, { clientAuth });
    publish(
      world,
      withKeys({ token_endpoint_auth_method: undefined, token_endpoint_auth_methods_supported: ["private_key_jwt"] }),
    );
    const code = await codeFor(world, "alice", asked);
    await assertError(await redeem(world, code, {}, client), "invalid_client");
    await tokensOf(await redeem(world, code, await assertion(), client));
  });

  it("falls back to what both have: ChatGPT's document at a server without private_key_jwt", async () => {
    const world = await ready();
    publish(world, {
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_methods_supported: ["none", "private_key_jwt"],
      token_endpoint_auth_signing_alg: "RS256",
      jwks_uri: "https://agent.example/jwks",
    });
    await tokens(world);
  });

  it("with nothing in common, or a key method without keys, is unauthorized_client at the redirect URI", async () => {
    for (const changes of [
      { token_endpoint_auth_method: "tls_client_auth" },
      { token_endpoint_auth_method: "private_key_jwt" },
      { token_endpoint_auth_method: undefined, token_endpoint_auth_methods_supported: ["spiffe_jwt"] },
      { token_endpoint_auth_method: undefined, token_endpoint_auth_methods_supported: [] },
    ]) {
      const world = await ready({}, { clientAuth });
      publish(world, changes);
      const browser = world.browser();
      await signIn(world, browser, "alice");
      const { page, parameters } = locationOf(await browser.get(authorizeUrl(asked)));
      assert.equal(page, redirect_uri);
      assert.equal(parameters.error, "unauthorized_client");
      await assertError(await refresh(world, "x", {}, client), "invalid_client");
    }
  });

  it("needs a method without a shared secret at the server", async () => {
    await assert.rejects(ready({}, { clientAuth: [secretBasic] }), InvalidOptions);
  });
});

describe("people decide (§9.5, CN-05, CN-06)", () => {
  it("the page is told the host of the client and where the person will be sent", async () => {
    const world = await ready();
    publish(world, { redirect_uris: ["https://elsewhere.example/cb"] });
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const id = await begin(browser, { ...asked, redirect_uri: "https://elsewhere.example/cb" });
    const interaction = await world.provider.interactions.find(browser.request("/consent"), id);
    assert.equal(interaction?.step, "consent");
    assert.equal(interaction.client.host, "agent.example");
    assert.equal(interaction.client.provenance, "document");
    assert.equal(interaction.destination?.host, "elsewhere.example");
  });

  it("names are shown in the language that was asked for (RFC 7591 §2.2), in so many and no more", async () => {
    const world = await ready();
    publish(world, { "client_name#de": "Agentin", "client_name#ja-Jpan-JP": "エージェント", "contacts#de": ["x"] });
    const nameIn = async (ui_locales: string | undefined) => {
      const browser = world.browser();
      await signIn(world, browser, "alice");
      const id = await begin(browser, { ...asked, ui_locales });
      return (await world.provider.interactions.find(browser.request("/consent"), id))?.client.client_name;
    };
    assert.equal(await nameIn(undefined), "Agent");
    assert.equal(await nameIn("fr de-AT"), "Agentin");
    assert.equal(await nameIn("ja-jpan-jp"), "エージェント");
    assert.equal(await nameIn("ja"), "Agent");
    assert.equal((await world.provider.clients.find(url))?.metadata["contacts#de"], undefined);
    const many = await ready();
    const letters = "abcdefgh";
    const languages = [...letters].flatMap((a) => [...letters].map((b) => [`client_name#${a}${b}`, "x"]));
    publish(many, Object.fromEntries(languages));
    await errorPageOf(await authorize(many));
  });

  it("consent is never skipped, whatever an administrator ticked, and asked each time on loopback", async () => {
    const world = await ready();
    publish(world, { redirect_uris: [redirect_uri, "http://localhost/cb"] });
    await tokens(world);
    await world.provider.clients.set(url, { firstParty: true });
    const browser = world.browser();
    await signIn(world, browser, "bob");
    assert.notEqual(locationOf(await browser.get(authorizeUrl(asked))).parameters.interaction, undefined);
    const here = { ...asked, redirect_uri: "http://localhost:5000/cb" };
    for (let time = 0; time < 2; time++) {
      const id = await begin(browser, here);
      await answer(world, browser, id, { step: "consent", decision: "allow" });
    }
  });

  it("errors are not sent by redirect to whoever is not signed in (RFC 9700 §4.11.2)", async () => {
    const world = await ready();
    await errorPageOf(await authorize(world, { ...asked, scope: "bogus" }));
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const { page } = locationOf(await browser.get(authorizeUrl({ ...asked, scope: "bogus" })));
    assert.equal(page, redirect_uri);
  });

  it("PKCE is required of it (AZ-28)", async () => {
    const world = await ready();
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const without = { ...asked, code_challenge: undefined, code_challenge_method: undefined };
    assert.equal(locationOf(await browser.get(authorizeUrl(without))).parameters.error, "invalid_request");
  });

  it("is listed with its host among what a person allowed, and can be disconnected (CN-04)", async () => {
    const world = await ready();
    const { access_token, refresh_token } = await tokens(world);
    const [app] = await world.provider.grants.list("alice");
    assert.deepEqual([app?.client_id, app?.client_name, app?.host], [url, "Agent", "agent.example"]);
    await world.provider.grants.revoke("alice", url);
    assert.equal(await isActive(world, access_token), false);
    await assertError(await refresh(world, refresh_token, {}, client), "invalid_grant");
  });
});

describe("what was read is kept for a while (§5.2, CI-11)", () => {
  const ages: [string, Record<string, string>, number][] = [
    ["an hour where nothing is said", {}, 3600],
    ["as long as max-age says", { "cache-control": "public, max-age=7200" }, 7200],
    ["less what it is old already", { "cache-control": "max-age=7200", age: "3600" }, 3600],
    ["a day at most", { "cache-control": "max-age=31536000" }, 86_400],
    ["a minute at least", { "cache-control": "max-age=0" }, 60],
    ["a minute with no-store", { "cache-control": "no-store, max-age=7200" }, 60],
    ["a minute with no-cache", { "cache-control": "no-cache" }, 60],
    ["a minute with private", { "cache-control": "private, max-age=7200" }, 60],
    ["a minute with Vary: *", { vary: "*", "cache-control": "max-age=7200" }, 60],
    ["an hour with nonsense", { "cache-control": "max-age=x" }, 3600],
  ];
  for (const [words, headers, seconds] of ages) {
    it(`counts ${words}`, async () => {
      const world = await ready();
      publish(world, {}, headers);
      await authorize(world);
      world.clock.advance(seconds - 1);
      await authorize(world);
      assert.equal(world.web.asked.length, 1);
      world.clock.advance(1);
      await authorize(world);
      assert.equal(world.web.asked.length, 2);
    });
  }

  it("at every node: what one has read the other does not fetch", async () => {
    const store = memoryStore();
    const web = createWeb({ [url]: document });
    const options = { store, fetch: web.fetch };
    const one = await createWorld({ ...options, clientIdDocuments: clientIdDocuments() });
    await authorize(one);
    await store.commit([{ do: "remove", entry: (await store.get("client", "rp")) as never }]);
    const two = await createWorld({ ...options, clientIdDocuments: clientIdDocuments() });
    assert.equal((await authorize(two)).status, 303);
    assert.equal(web.asked.length, 1);
  });

  it("is fetched once, however many come at the same time", async () => {
    const world = await ready();
    const all = await Promise.all(Array.from({ length: 20 }, () => authorize(world)));
    assert.ok(all.every(({ status }) => status === 303));
    assert.equal(world.web.asked.length, 1);
  });

  it("what is of no use is not fetched again at once, and no longer than five seconds", async () => {
    const world = await ready();
    world.web.at.set(url, new Response(null, { status: 404 }));
    for (let time = 0; time < 5; time++) await errorPageOf(await authorize(world));
    assert.equal(world.web.asked.length, 1);
    publish(world, {});
    world.clock.advance(5);
    assert.equal((await authorize(world)).status, 303);
  });

  it("a client nobody used is forgotten after a day; one that got tokens is not", async () => {
    const world = await ready();
    const idle = "https://idle.example/client.json";
    world.web.at.set(idle, { ...document, client_id: idle });
    await authorize(world, { ...asked, client_id: idle });
    await tokens(world);
    world.clock.advance(86_400);
    await world.store.sweep();
    assert.equal(await world.provider.clients.find(idle), undefined);
    assert.notEqual(await world.provider.clients.find(url), undefined);
  });

  it("of a client that is gone: no more tokens once the document is too old; those there are live out their time", async () => {
    const world = await ready();
    const { access_token, refresh_token } = await tokens(world);
    world.web.at.delete(url);
    assert.equal(await isActive(world, access_token), true);
    const again = await tokensOf(await refresh(world, refresh_token, {}, client));
    world.clock.advance(3600);
    await assertError(await refresh(world, again.refresh_token, {}, client), "invalid_client");
    await errorPageOf(await authorize(world));
    // Listed still, so that it can be disconnected.
    assert.equal((await world.provider.grants.list("alice")).length, 1);
    publish(world, {});
    world.clock.advance(5);
    await tokensOf(await refresh(world, again.refresh_token, {}, client));
  });

  it("while its host does not answer, what is known counts for a day more; then it is 503, and never invalid_client (P20)", async () => {
    for (const down of [new Error("ECONNREFUSED"), new Response(null, { status: 502 })]) {
      const world = await ready({}, { lifetimes: { refreshIdle: 10 * 86_400, sessionIdle: 10 * 86_400 } });
      let { refresh_token } = await tokens(world, { scope: "openid offline_access" });
      world.web.at.set(url, down);
      world.clock.advance(3600 + 86_399);
      ({ refresh_token } = await tokensOf(await refresh(world, refresh_token, {}, client)));
      world.clock.advance(1);
      const response = await refresh(world, refresh_token, {}, client);
      assert.equal(response.headers.get("retry-after"), "60");
      await assertError(response, "temporarily_unavailable", 503);
      publish(world, {});
      world.clock.advance(5);
      await tokensOf(await refresh(world, refresh_token, {}, client));
    }
  });
});

describe("a document that changes (§9.4, CI-11)", () => {
  const allowed = async (world: World, browser: Browser) => {
    await signIn(world, browser, "alice");
    const id = await begin(browser, asked);
    await answer(world, browser, id, { step: "consent", decision: "allow" });
    return async () => locationOf(await browser.get(authorizeUrl(asked)));
  };
  const changes: Record<string, Json> = {
    "another name": { client_name: "Another" },
    "another name in some language": { "client_name#de": "Andere" },
    "another redirect URI": { redirect_uris: [redirect_uri, "https://agent.example/more"] },
    "another page about it": { client_uri: "https://agent.example/about" },
  };
  for (const [what, change] of Object.entries(changes)) {
    it(`has people asked again: ${what}`, async () => {
      const world = await ready();
      const browser = world.browser();
      const visit = await allowed(world, browser);
      assert.equal((await visit()).page, redirect_uri, "allowed before");
      world.clock.advance(3600);
      assert.equal((await visit()).page, redirect_uri, "read again, and the same");
      publish(world, change);
      world.clock.advance(3600);
      const { parameters } = await visit();
      assert.notEqual(parameters.interaction, undefined);
      const id = parameters.interaction ?? "";
      const interaction = await world.provider.interactions.find(browser.request("/"), id);
      assert.equal(interaction?.client.changed, true);
      assert.ok(interaction.scopes.every(({ granted }) => !granted));
      await answer(world, browser, id, { step: "consent", decision: "allow" });
      assert.equal((await visit()).page, redirect_uri, "allowed anew");
    });
  }

  it("gets back nothing by being allowed something else", async () => {
    const world = await ready({}, { scopes: { photos: "Photos", letters: "Letters" } });
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const ask = async (scope: string) => locationOf(await browser.get(authorizeUrl({ ...asked, scope }))).parameters;
    const allow = async (scope: string) =>
      answer(world, browser, (await ask(scope)).interaction ?? "", { step: "consent", decision: "allow" });
    await allow("openid photos");
    publish(world, { client_name: "Another" });
    world.clock.advance(3600);
    await allow("openid letters");
    assert.equal((await ask("openid letters")).interaction, undefined);
    assert.notEqual((await ask("openid photos")).interaction, undefined);
  });

  it("sends an answer that is under way nowhere it no longer names", async () => {
    const world = await ready();
    const browser = world.browser();
    await signIn(world, browser, "alice");
    const id = await begin(browser, asked);
    publish(world, { redirect_uris: ["https://agent.example/new"] });
    world.clock.advance(3600);
    await signIn(world, browser, "alice");
    await world.provider.interactions
      .answer(browser.request("/page", { method: "POST" }), id, { step: "consent", decision: "allow" })
      .catch(() => undefined);
    await errorPageOf(await browser.get(`/authorize?interaction=${id}`));
  });

  it("keeps its tokens unless the server says otherwise", async () => {
    for (const onChange of ["ask", "revoke"] as const) {
      const world = await ready({ onChange });
      const { refresh_token } = await tokens(world);
      publish(world, { client_name: "Another" });
      world.clock.advance(3600);
      const response = await refresh(world, refresh_token, {}, client);
      if (onChange === "ask") await tokensOf(response);
      else await assertError(response, "invalid_grant");
    }
  });

  it("does not turn a client that proved a key into one that need not", async () => {
    const world = await ready({}, { clientAuth: [privateKeyJwt(), none] });
    publish(world, { token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [key.publicJwk] } });
    const code = await codeFor(world, "alice", asked);
    const { refresh_token } = await tokensOf(
      await redeem(
        world,
        code,
        {
          client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
          client_assertion: await createClientAssertion({
            client_id: url,
            issuer,
            signer: { private_key: key.privateJwk, alg: "ES256" },
            now: world.clock.now,
          }),
        },
        client,
      ),
    );
    publish(world, {});
    world.clock.advance(3600);
    await assertError(await refresh(world, refresh_token, {}, client), "invalid_grant");
  });
});

describe("limits (CI, F-49)", () => {
  const nth = (at: number) => `https://a${at}.example/client.json`;
  const come = (world: World, client_id: string) => world.send(authorizeUrl({ ...asked, client_id }));

  it("one network has so many unknown documents fetched and no more; known clients are served all the same", async () => {
    const world = await ready({ limit: { attempts: 3, seconds: 600 } });
    assert.equal((await come(world, url)).status, 303);
    for (let at = 0; at < 2; at++) await errorPageOf(await come(world, nth(at)));
    const slowed = await come(world, nth(9));
    assert.equal(slowed.status, 429);
    assert.match(slowed.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
    assert.equal(world.web.asked.length, 3);
    world.clock.advance(3600);
    assert.equal((await come(world, url)).status, 303, "known: fetched again and not counted");
    await errorPageOf(await come(world, nth(9)));
  });

  it("one host is not asked for more than so many unknown documents, whoever comes", async () => {
    const world = await ready();
    for (let at = 0; at < 120; at++)
      await world.browser().get(authorizeUrl({ ...asked, client_id: `https://victim.example/${at}` }));
    const slowed = await world.browser().get(authorizeUrl({ ...asked, client_id: "https://victim.example/more" }));
    assert.equal(slowed.status, 429);
    assert.equal(world.web.asked.length, 120);
  });
});

describe("beside registered clients (§8.2, CI-13)", () => {
  const registered = {
    client_id: url,
    client_name: "Registered",
    redirect_uris: ["https://registered.example/cb"],
    token_endpoint_auth_method: "none",
  };

  it("whoever is registered under a URL is that client, and nothing is fetched", async () => {
    const world = await ready();
    await world.provider.clients.add(registered, { provenance: "admin" });
    await errorPageOf(await authorize(world));
    const there = { client_id: url, redirect_uri: "https://registered.example/cb" };
    assert.equal((await authorize(world, there)).status, 303);
    assert.deepEqual(world.web.asked, []);
  });

  it("registering takes the place of a document that was read before, and of all it was given", async () => {
    const world = await ready();
    const { access_token, refresh_token } = await tokens(world);
    await world.provider.clients.add(registered, { provenance: "config" });
    const found = await world.provider.clients.find(url);
    assert.deepEqual([found?.provenance, found?.metadata.client_name], ["config", "Registered"]);
    assert.equal(await isActive(world, access_token), false);
    await assertError(await refresh(world, refresh_token, {}, client), "unauthorized_client").catch(() => undefined);
    assert.equal((await world.store.list("grant", { client: url })).length, 0);
  });

  it("nobody gets a URL as their id by registering themselves, and none manages a document there (RFC 7592)", async () => {
    const world = await ready({}, { registration: openRegistration() });
    await authorize(world);
    const made = await world.send("/register", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...document, client_id: "https://victim.example/client.json" }),
    });
    const { client_id, registration_access_token } = (await made.json()) as Record<string, string>;
    assert.doesNotMatch(client_id ?? "", /^https?:/);
    const headers = { authorization: `Bearer ${registration_access_token}` };
    const managed = await world.send(`/register/${encodeURIComponent(url)}`, { headers });
    await assertError(managed, "invalid_token", 401);
  });

  it("can be disabled, and stays so, however often its document is read and however long nobody comes", async () => {
    const world = await ready();
    const { access_token } = await tokens(world);
    const idle = "https://idle.example/client.json";
    world.web.at.set(idle, { ...document, client_id: idle });
    await authorize(world, { ...asked, client_id: idle });
    for (const client_id of [url, idle]) await world.provider.clients.set(client_id, { disabled: true });
    assert.equal(await isActive(world, access_token), false);
    world.clock.advance(30 * 86_400);
    await world.store.sweep();
    for (const client_id of [url, idle]) await errorPageOf(await authorize(world, { ...asked, client_id }));
    assert.equal(world.web.asked.length, 2);
  });

  it("cannot be changed but by its document", async () => {
    const world = await ready();
    await authorize(world);
    await assert.rejects(world.provider.clients.set(url, { metadata: registered }), {
      error: "invalid_client_metadata",
    });
  });
});
