import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { generateKey } from "@valetkey/protocol/jose";
import { type ClientErrorCode, isClientError } from "./client-error.ts";
import { clientIdProblem, clientMetadataDocument, clientMetadataResponse } from "./client-metadata-document.ts";
import { json, type Loopback, startLoopback } from "./lib/loopback.test.ts";
import { deleteRegistration, readRegistration, registerClient, updateRegistration } from "./register.ts";

const is = (code: ClientErrorCode) => (e: unknown) => isClientError(e, code);
const client = { redirect_uris: ["https://app.example/cb"], client_name: "App" };

describe("registration", () => {
  let server: Loopback;
  let answered: Record<string, unknown>;
  before(async () => {
    server = await startLoopback();
    answered = {
      ...client,
      client_id: "id-1",
      client_secret: "secret-1",
      client_secret_expires_at: 1_900_000_000,
      client_id_issued_at: 1_800_000_000,
      registration_client_uri: `${server.origin}/registration/id-1`,
      registration_access_token: "rat-1",
    };
  });
  after(() => server[Symbol.asyncDispose]());
  const register = (more: object = {}) => registerClient({ metadata: server.metadata, client, ...more });

  it("registers as JSON, with a token where one is needed, and gives what must be kept (RFC 7591 §3)", async () => {
    server.answer(json(answered, 201));
    const registered = await register({ initial_access_token: "iat" });
    const { body, headers, method } = server.asked.at(-1) ?? assert.fail();
    assert.deepEqual([method, headers.get("authorization"), JSON.parse(body)], ["POST", "Bearer iat", client]);
    assert.deepEqual(registered, {
      client_id: "id-1",
      client_secret: "secret-1",
      secretExpiresAt: 1_900_000_000_000,
      management: { registration_client_uri: `${server.origin}/registration/id-1`, registration_access_token: "rat-1" },
      client: answered,
    });
    server.answer(json({ client_id: "id-2", client_secret: "s", client_secret_expires_at: 0 }, 201));
    assert.equal("secretExpiresAt" in (await register()), false);
    assert.equal(server.asked.at(-1)?.headers.get("authorization"), null);
  });

  it("a refusal has the issuer's reason; what cannot be used is refused here (RFC 7591 §3.2.2)", async () => {
    server.answer(json({ error: "invalid_redirect_uri", error_description: "no" }, 400));
    await assert.rejects(
      register(),
      (e) => isClientError(e, "authorization_refused") && e.error === "invalid_redirect_uri",
    );
    server.answer(() => new Response("", { status: 401 }));
    await assert.rejects(register(), (e) => isClientError(e, "authorization_refused") && e.error === "HTTP 401");
    const odd = [
      {},
      { client_id: 1 },
      { client_id: "x", client_secret: 1 },
      { client_id: "x", client_secret_expires_at: "0" },
    ];
    for (const body of [...odd, { ...answered, registration_client_uri: "http://as.example/x" }]) {
      server.answer(json(body, 201));
      await assert.rejects(register(), is("token_response_invalid"), JSON.stringify(body));
    }
    const { registration_endpoint: _, ...metadata } = server.metadata;
    await assert.rejects(register({ metadata }), is("metadata_invalid"));
  });

  it("reads, updates and deletes with the token that came along; a renewed one replaces it (RFC 7592 §2)", async () => {
    server.answer(json(answered, 201));
    const registered = await register();
    server.answer(json({ ...answered, registration_access_token: "rat-2", client_secret: "secret-2" }));
    const read = await readRegistration({ registered });
    assert.deepEqual([read.client_secret, read.management?.registration_access_token], ["secret-2", "rat-2"]);
    assert.equal(server.asked.at(-1)?.headers.get("authorization"), "Bearer rat-1");

    const { registration_access_token: _, registration_client_uri: __, ...rest } = answered;
    server.answer(json(rest));
    const updated = await updateRegistration({ registered: read, client: { ...read.client, client_name: "New" } });
    const put = server.asked.at(-1) ?? assert.fail();
    assert.deepEqual(
      [put.method, put.url.pathname, put.headers.get("authorization")],
      ["PUT", "/registration/id-1", "Bearer rat-2"],
    );
    assert.deepEqual(JSON.parse(put.body), {
      ...client,
      client_name: "New",
      client_id: "id-1",
      client_secret: "secret-2",
    });
    assert.equal(updated.management?.registration_access_token, "rat-2");

    server.answer(() => new Response(null, { status: 204 }));
    await deleteRegistration({ registered: updated });
    assert.deepEqual(
      [server.asked.at(-1)?.method, server.asked.at(-1)?.headers.get("authorization")],
      ["DELETE", "Bearer rat-2"],
    );
    server.answer(() => new Response("", { status: 403 }));
    await assert.rejects(deleteRegistration({ registered: updated }), is("authorization_refused"));
  });

  it("an answer about another client is not taken for this one, and what cannot be managed says so (RFC 7592 §3)", async () => {
    server.answer(json(answered, 201));
    const registered = await register();
    server.answer(json({ ...answered, client_id: "id-2" }));
    await assert.rejects(readRegistration({ registered }), is("token_response_invalid"));
    const { management: _, ...unmanaged } = registered;
    await assert.rejects(readRegistration({ registered: unmanaged }), is("configuration_invalid"));
  });
});

describe("client metadata documents (CIMD)", () => {
  const url = "https://app.example/oauth/client.json";

  it("name their own address and are served as JSON (§4)", async () => {
    const document = clientMetadataDocument(url, { ...client, client_id: "https://evil.example/" });
    assert.deepEqual(document, { ...client, client_id: url, token_endpoint_auth_method: "none" });
    const response = clientMetadataResponse(document, { maxAge: 60 });
    assert.equal(response.headers.get("content-type"), "application/json");
    assert.equal(response.headers.get("cache-control"), "public, max-age=60");
    assert.deepEqual(await response.json(), document);
  });

  it("say how the client proves who it is, also to servers that know no list of ways (§6, RP Metadata Choices §2)", () => {
    const jwks_uri = "https://app.example/jwks";
    const made = (more: object) => {
      const document = clientMetadataDocument(url, { ...client, jwks_uri, ...more });
      return [document.token_endpoint_auth_method, document.token_endpoint_auth_methods_supported];
    };
    const [one, both] = ["private_key_jwt", ["private_key_jwt", "none"]];
    assert.deepEqual(made({}), ["none", undefined]);
    assert.deepEqual(made({ token_endpoint_auth_method: undefined }), ["none", undefined]);
    assert.deepEqual(made({ token_endpoint_auth_methods_supported: both }), ["none", both]);
    assert.deepEqual(made({ token_endpoint_auth_methods_supported: [one] }), [one, [one]]);
    const named = { token_endpoint_auth_method: one, token_endpoint_auth_methods_supported: both };
    assert.deepEqual(made(named), [one, both]);
    for (const all of [[], "none", [1], ["none"]]) {
      const wrong = { token_endpoint_auth_method: one, token_endpoint_auth_methods_supported: all };
      assert.throws(() => made(wrong), is("configuration_invalid"), JSON.stringify(all));
    }
  });

  it("hold no secret and no private key, in a software statement neither (§4.1, §4.3)", async () => {
    const { publicJwk, privateJwk } = await generateKey("ES256");
    const statement = (claims: object) =>
      `${btoa('{"alg":"ES256"}')}.${btoa(JSON.stringify(claims))}.${"A".repeat(86)}`.replaceAll("=", "");
    assert.ok(clientMetadataDocument(url, { ...client, software_statement: statement({ software_id: "app" }) }));
    const jwt = { ...client, token_endpoint_auth_method: "private_key_jwt" };
    assert.ok(clientMetadataDocument(url, { ...jwt, jwks: { keys: [publicJwk] } }));
    assert.ok(clientMetadataDocument(url, { ...jwt, jwks_uri: "https://app.example/jwks" }));
    const bad = [
      jwt,
      { ...jwt, jwks: { keys: [privateJwk] } },
      { ...client, client_secret: "s" },
      { ...client, client_secret_expires_at: 0 },
      { ...client, token_endpoint_auth_method: "client_secret_basic" },
      { ...client, token_endpoint_auth_method: "client_secret_jwt" },
      { ...client, token_endpoint_auth_methods_supported: ["none", "client_secret_post"] },
      { ...client, token_endpoint_auth_methods_supported: ["none", "private_key_jwt"] },
      { ...client, token_endpoint_auth_method: "self_signed_tls_client_auth" },
      { ...client, software_statement: statement({ client_secret: "s" }) },
      { ...client, software_statement: statement({ token_endpoint_auth_method: "client_secret_basic" }) },
      { ...client, software_statement: statement({ jwks: { keys: [privateJwk] } }) },
      { ...client, software_statement: "not a JWT" },
      { ...client, client_name: "x".repeat(6000) },
    ];
    for (const one of bad) assert.throws(() => clientMetadataDocument(url, one), is("configuration_invalid"));
  });

  it("live at an https address with a path, without user, fragment or dots in it (§3)", () => {
    for (const good of [url, "https://app.example/", "https://app.example:8443/c?v=1", "https://app.example/a.b/..c"]) {
      assert.equal(clientIdProblem(good), undefined, good);
    }
    const bad = ["http://app.example/c", "https://app.example", "https://u@app.example/c", "https://app.example/c#f"];
    bad.push(
      "https://app.example/a/../c",
      "https://app.example/./c",
      "https://app.example/%2e%2E/c",
      "https:///c",
      "app",
      "",
    );
    bad.push("https://app.example/ c", "https://app.example\\c", "https://app.example/c#", "https://@app.example/c");
    for (const one of bad) {
      assert.notEqual(clientIdProblem(one), undefined, one);
      assert.throws(() => clientMetadataDocument(one, client), is("configuration_invalid"));
    }
  });
});
