/**
 * The client's requests and answers against a foreign end, `oidc-provider`: pushed, signed, encrypted, bound to a key, by a
 * client that only has a document, and in the one way that is unsafe.
 *
 * RFC 9101, RFC 9126, RFC 9449, JARM, OAuth Client ID Metadata Document, OpenID Connect Core §3.2.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { authorizationUrl } from "@valetkey/client/authorization-url";
import { checkCallback, readAnswer } from "@valetkey/client/callback";
import { clientCredentials } from "@valetkey/client/client-credentials";
import { clientMetadataDocument } from "@valetkey/client/client-metadata-document";
import { createDpop, dpopFetch } from "@valetkey/client/dpop-fetch";
import { exchangeCode } from "@valetkey/client/exchange-code";
import { checkIdToken } from "@valetkey/client/id-token";
import { introspectToken } from "@valetkey/client/introspect";
import { readJarm } from "@valetkey/client/jarm";
import { pushAuthorizationRequest } from "@valetkey/client/push";
import { refreshTokens } from "@valetkey/client/refresh";
import { requestObject } from "@valetkey/client/request-object";
import { unsafeImplicitUrl, unsafeReadImplicit } from "@valetkey/client/unsafe";
import { dpopThumbprint, generateDpopKey } from "@valetkey/protocol/dpop";
import { generateKey, type Jwk, type KeyResolver, type SigningKey } from "@valetkey/protocol/jose";
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import { createBrowser } from "./lib/browser.ts";
import type { ForeignGrants } from "./lib/foreign-grants.ts";
import { type GrantClients, is, redirect_uri, startGrantClients } from "./lib/grant-clients.ts";

describe("our client's requests at oidc-provider", () => {
  let all: GrantClients;
  let provider: ForeignGrants;
  let metadata: ServerMetadata;
  let key: SigningKey;
  let keys: KeyResolver;
  before(async () => {
    all = await startGrantClients();
    ({ provider, metadata, key, keys } = all);
  });
  after(() => all?.[Symbol.asyncDispose]());

  it("a token bound to a key by mutual consent: the nonce is fetched once and then remembered (RFC 9449 §8)", async () => {
    const dpop = createDpop(await generateDpopKey());
    const options = { metadata, client: all.clientOf("basic"), dpop };
    const count = () => provider.requests.filter(({ line }) => line === "POST /token").length;
    const start = count();
    const { access_token, token_type } = await clientCredentials(options);
    assert.equal(token_type, "DPoP");
    assert.equal(count() - start, 2);
    await clientCredentials(options);
    assert.equal(count() - start, 3);
    const { dpop: _, ...plain } = options;
    const alive = await introspectToken({ ...plain, token: access_token });
    assert.deepEqual(alive.cnf, { jkt: await dpopThumbprint(dpop.key) });
  });

  it("pushed, signed, answered signed, bound: a whole sign-in with PAR, JAR, JARM, DPoP and private_key_jwt", async () => {
    const client = all.clientOf("web");
    const { client_id } = client;
    const dpop = createDpop(await generateDpopKey());
    const built = await authorizationUrl({ metadata, client_id, redirect_uri, scope: "openid offline_access" });
    const parameters = { ...Object.fromEntries(built.url.searchParams), response_mode: "jwt", prompt: "consent" };
    const signer = { private_key: key.privateJwk, alg: key.alg };
    const request = await requestObject({ ...signer, issuer: provider.issuer, client_id, parameters });
    const pushed = await pushAuthorizationRequest({ metadata, client, dpop, parameters: { request } });
    assert.deepEqual([...pushed.url.searchParams.keys()], ["client_id", "request_uri"]);

    const end = await createBrowser([provider.issuer]).open(pushed.url);
    assert.equal(end.foreign, true, end.text);
    assert.equal(end.url.origin + end.url.pathname, redirect_uri);
    const jarm = { metadata, client_id, keys, alg: "ES256", now: Date.now() } as const;
    const answer = await readJarm(readAnswer(end.url), jarm);
    const { code } = checkCallback(answer, { metadata, state: built.state });
    await assert.rejects(readJarm(readAnswer(end.url), { ...jarm, client_id: "other" }), is("response_invalid"));

    const { code_verifier, nonce } = built;
    const tokens = await exchangeCode({ metadata, client, dpop, code, code_verifier, redirect_uri });
    assert.equal(tokens.token_type, "DPoP");
    const checks = { issuer: provider.issuer, client_id, nonce, keys, alg: "ES256", now: Date.now() } as const;
    const { sub } = await checkIdToken(tokens.id_token, checks);
    assert.equal(sub, provider.person);

    const { access_token, refresh_token = assert.fail() } = tokens;
    const userinfo = metadata.userinfo_endpoint ?? assert.fail();
    const me = await dpopFetch({ dpop, access_token })(userinfo);
    assert.deepEqual([me.status, await me.json()], [200, { sub }]);
    const stranger = createDpop(await generateDpopKey());
    assert.equal((await dpopFetch({ dpop: stranger, access_token })(userinfo)).status, 401);
    assert.equal((await fetch(userinfo, { headers: { Authorization: `Bearer ${access_token}` } })).status, 401);

    const fresh = await refreshTokens({ metadata, client, dpop, refresh_token });
    assert.equal(fresh.token_type, "DPoP");
    assert.equal((await dpopFetch({ dpop, access_token: fresh.access_token })(userinfo)).status, 200);
  });

  it("an API's demand for a nonce is met once (RFC 9449 §9)", async () => {
    const dpop = createDpop(await generateDpopKey());
    const { access_token } = await clientCredentials({ metadata, client: all.clientOf("basic"), dpop });
    dpop.nonces.clear();
    const calls = () => provider.requests.filter(({ line }) => line === "GET /me").length;
    const start = calls();
    // A token without a person is refused for that reason, not for want of a nonce.
    const answer = await dpopFetch({ dpop, access_token })(metadata.userinfo_endpoint ?? "");
    assert.ok(dpop.nonces.get(provider.issuer));
    assert.equal(answer.headers.get("www-authenticate")?.includes("use_dpop_nonce"), false);
    assert.equal(calls() - start, 2);
  });

  it("a changed request object is refused where it is pushed (RFC 9101 §6.2)", async () => {
    const client = all.clientOf("web");
    const other = await generateKey("ES256");
    const parameters = { response_type: "code", redirect_uri, scope: "openid" };
    const forged = {
      private_key: other.privateJwk,
      alg: other.alg,
      issuer: provider.issuer,
      client_id: "web",
      parameters,
    };
    const dpop = createDpop(await generateDpopKey());
    const request = await requestObject(forged);
    await assert.rejects(
      pushAuthorizationRequest({ metadata, client, dpop, parameters: { request } }),
      is("authorization_refused", "invalid_request_object"),
    );
  });

  it("a request object can be encrypted for the issuer too (RFC 9101 §6.1)", async () => {
    const published = (await (await fetch(metadata.jwks_uri ?? "")).json()) as { keys: Jwk[] };
    const theirs = published.keys.find(({ use }) => use === "enc") ?? assert.fail("no key to encrypt for");
    const client = all.clientOf("web");
    const { url } = await authorizationUrl({ metadata, client_id: "web", redirect_uri, scope: "openid" });
    const request = await requestObject({
      private_key: key.privateJwk,
      alg: key.alg,
      encryption: { key: theirs, alg: "ECDH-ES", enc: "A128CBC-HS256" },
      issuer: provider.issuer,
      client_id: "web",
      parameters: Object.fromEntries(url.searchParams),
    });
    const dpop = createDpop(await generateDpopKey());
    assert.ok((await pushAuthorizationRequest({ metadata, client, dpop, parameters: { request } })).request_uri);
  });

  it("a client nobody registered introduces itself by its document, and signs with the key in it (CIMD)", async () => {
    const client_id = "https://app.example/oauth/client.json";
    all.documents.set(
      client_id,
      clientMetadataDocument(client_id, {
        redirect_uris: [redirect_uri],
        token_endpoint_auth_method: "private_key_jwt",
        token_endpoint_auth_signing_alg: "ES256",
        jwks: { keys: [key.publicJwk] },
      }),
    );
    const { url, state, code_verifier } = await authorizationUrl({
      metadata,
      client_id,
      redirect_uri,
      scope: "openid",
    });
    const end = await createBrowser([provider.issuer]).open(url);
    assert.equal(end.foreign, true, end.text);
    const { code } = checkCallback(end.url, { metadata, state });
    const signing = { private_key: key.privateJwk, alg: key.alg };
    const client = { client_id, token_endpoint_auth_method: "private_key_jwt", ...signing } as const;
    assert.ok((await exchangeCode({ metadata, client, code, code_verifier, redirect_uri })).id_token);
  });

  it("where nothing else is offered: an implicit sign-in, its ID token bound to its access token (OpenID Connect Core §3.2)", async () => {
    for (const response_type of ["id_token", "id_token token"] as const) {
      const request = { metadata, client_id: "old", redirect_uri, response_type, scope: "openid" };
      const { url, ...sent } = unsafeImplicitUrl(request);
      const end = await createBrowser([provider.issuer]).open(url);
      assert.equal(end.foreign, true, end.text);
      const checks = { ...request, ...sent, keys, alg: "RS256", now: Date.now() } as const;
      const answer = await unsafeReadImplicit(end.url, checks);
      assert.equal(answer.claims?.sub, provider.person);
      assert.equal(answer.access_token !== undefined, response_type === "id_token token");
      await assert.rejects(unsafeReadImplicit(end.url, { ...checks, nonce: "another" }), is("id_token_invalid"));
    }
  });
});
