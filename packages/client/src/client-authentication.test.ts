import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { verifyClientAssertion } from "@valetkey/protocol/client-assertion";
import { generateKey, type SigningKey } from "@valetkey/protocol/jose";
import { type ClientAuthentication, mtlsEndpoints } from "./client-authentication.ts";
import { clientCredentials } from "./client-credentials.ts";
import { isClientError } from "./client-error.ts";
import { bearer, json, type Loopback, startLoopback } from "./lib/loopback.test.ts";
import { refreshTokens } from "./refresh.ts";

const client_id = "an id";
const client_secret = "a secret: 0123456789 0123456789 & more";
const now = () => 1_800_000_000_000;

describe("client authentication", () => {
  let server: Loopback;
  let key: SigningKey;
  before(async () => {
    server = await startLoopback();
    key = await generateKey("ES256");
    server.answer(json(bearer));
  });
  after(() => server[Symbol.asyncDispose]());

  const ask = async (client: ClientAuthentication, metadata = server.metadata) => {
    await refreshTokens({ metadata, client, refresh_token: "rt", now });
    const { form, headers, url } = server.asked.at(-1) ?? assert.fail();
    return { form: Object.fromEntries(form), authorization: headers.get("authorization"), path: url.pathname };
  };
  const grant = { grant_type: "refresh_token", refresh_token: "rt" };

  it("a secret goes into the header or into the form, never both (RFC 6749 §2.3.1)", async () => {
    const basic = await ask({ client_id, client_secret, token_endpoint_auth_method: "client_secret_basic" });
    assert.match(basic.authorization ?? "", /^Basic /);
    assert.deepEqual(basic.form, grant);
    const post = await ask({ client_id, client_secret, token_endpoint_auth_method: "client_secret_post" });
    assert.equal(post.authorization, null);
    assert.deepEqual(post.form, { ...grant, client_id, client_secret });
    const made = await ask({
      client_id,
      client_secret: async () => "anew",
      token_endpoint_auth_method: "client_secret_post",
    });
    assert.equal(made.form.client_secret, "anew");
  });

  it("a client without credentials, or with a certificate, says its name only (RFC 6749 §3.2.1, RFC 8705 §2)", async () => {
    for (const method of ["none", "tls_client_auth", "self_signed_tls_client_auth"] as const) {
      const { form, authorization } = await ask({ client_id, token_endpoint_auth_method: method });
      assert.equal(authorization, null);
      assert.deepEqual(form, { ...grant, client_id });
    }
  });

  it("an assertion is for the issuer, even where the token endpoint is somebody else's, and is new each time (RFC 10070, RP-27)", async () => {
    const client = {
      client_id,
      token_endpoint_auth_method: "private_key_jwt",
      private_key: key.privateJwk,
      alg: key.alg,
    } as const;
    const metadata = { ...server.metadata, issuer: "http://localhost:1" };
    const verifier = { keys: { keys: [key.publicJwk] }, algorithms: [key.alg] };
    const seen = new Set<string>();
    for (const _ of [1, 2]) {
      const { form, authorization } = await ask(client, metadata);
      assert.equal(authorization, null);
      assert.equal(form.client_id, client_id);
      assert.equal(form.client_assertion_type, "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
      const checks = { client_id, issuer: metadata.issuer, verifier, now: now() };
      seen.add((await verifyClientAssertion(form.client_assertion ?? "", checks)).jti);
    }
    assert.equal(seen.size, 2);
  });

  it("client_secret_jwt proves the secret without sending it (OpenID Connect Core §9)", async () => {
    const { form } = await ask({ client_id, client_secret, token_endpoint_auth_method: "client_secret_jwt" });
    const verifier = { client_secret, algorithms: ["HS256"] } as const;
    const checks = { client_id, issuer: server.origin, verifier, now: now() };
    assert.ok(await verifyClientAssertion(form.client_assertion ?? "", checks));
    assert.equal(JSON.stringify(form).includes("0123456789 "), false);
  });

  it("a key or secret that cannot sign is a fault in the configuration, and nothing is sent (JW-04)", async () => {
    const count = server.asked.length;
    const { d: _, ...half } = key.privateJwk;
    const broken: ClientAuthentication[] = [
      { client_id, client_secret: "short", token_endpoint_auth_method: "client_secret_jwt" },
      { client_id, token_endpoint_auth_method: "private_key_jwt", private_key: half, alg: "ES256" },
      { client_id, token_endpoint_auth_method: "private_key_jwt", private_key: key.privateJwk, alg: "RS256" },
    ];
    for (const client of broken) {
      await assert.rejects(ask(client), (e) => isClientError(e, "configuration_invalid"));
    }
    assert.equal(server.asked.length, count);
  });

  it("a client with a certificate uses the endpoints made for certificates (RFC 8705 §5)", async () => {
    const aliases = { token_endpoint: `${server.origin}/mtls/token`, issuer: "https://evil.example", jwks_uri: "x" };
    const metadata = { ...server.metadata, mtls_endpoint_aliases: aliases };
    const { path } = await ask({ client_id, token_endpoint_auth_method: "tls_client_auth" }, metadata);
    assert.equal(path, "/mtls/token");
    const other = await ask({ client_id, token_endpoint_auth_method: "none" }, metadata);
    assert.equal(other.path, "/token");
    const { issuer, token_endpoint, jwks_uri } = mtlsEndpoints(metadata);
    assert.deepEqual([issuer, token_endpoint, jwks_uri], [server.origin, aliases.token_endpoint, undefined]);
  });

  it("an endpoint that is not https is not used, an alias neither", async () => {
    const unsafe = { ...server.metadata, issuer: "https://as.example" };
    const client = { client_id, token_endpoint_auth_method: "none" } as const;
    await assert.rejects(ask(client, unsafe), (e) => isClientError(e, "metadata_invalid"));
    const metadata = { ...server.metadata, mtls_endpoint_aliases: { token_endpoint: "file:///etc/passwd" } };
    const tls = { client_id, token_endpoint_auth_method: "tls_client_auth" } as const;
    await assert.rejects(ask(tls, metadata), (e) => isClientError(e, "metadata_invalid"));
  });

  it("the client credentials grant is for clients that prove who they are (RFC 6749 §4.4)", async () => {
    const { metadata } = server;
    const client = { client_id, client_secret, token_endpoint_auth_method: "client_secret_post" } as const;
    const tokens = await clientCredentials({
      metadata,
      client,
      scope: "a b",
      resource: ["https://one.example", "https://two.example"],
      parameters: { audience: "x" },
      now,
    });
    assert.deepEqual(tokens, { access_token: "at-1", obtainedAt: now(), expiresAt: now() + 60_000 });
    const form = server.asked.at(-1)?.form;
    assert.equal(form?.get("grant_type"), "client_credentials");
    assert.deepEqual(form?.getAll("resource"), ["https://one.example", "https://two.example"]);
    assert.deepEqual([form?.get("scope"), form?.get("audience")], ["a b", "x"]);
    await assert.rejects(
      clientCredentials({ metadata, client: { client_id, token_endpoint_auth_method: "none" } }),
      (e) => isClientError(e, "configuration_invalid"),
    );
  });
});
