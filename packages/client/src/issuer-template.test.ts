/** A place where many issuers sign in, each under a name of its own: which of them a token is from, and who may sign it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeUnverified, generateKey } from "@valetkey/protocol/jose";
import { Browser, sign, startIssuer } from "./lib/hostile-issuer.test.ts";
import { outcome, startApp } from "./lib/test-app.test.ts";

type Claims = Record<string, unknown>;

test("where many issuers share a place, a token names its own, and no other issuer's key signs for it", async () => {
  await using issuer = await startIssuer();
  const provider = { issuer_template: `${issuer.url}/{tid}/v2` };
  const other = await generateKey("ES256");
  const document = (change: Claims) => (good: Claims) => ({
    ...good,
    issuer: `${issuer.url}/{tenantid}/v2`,
    ...change,
  });
  const tokens = (change: Claims, key = issuer.key) => {
    issuer.mischief = {
      discovery: document({ authorization_response_iss_parameter_supported: false }),
      authorization: (parameters) => parameters.delete("iss"),
      jwks: () => ({
        keys: [
          { ...issuer.key.publicJwk, issuer: `${issuer.url}/{tenantid}/v2` },
          { ...other.publicJwk, issuer: `${issuer.url}/t2/v2` },
        ],
      }),
      idToken: (claims) => ({ ...claims, iss: `${issuer.url}/t1/v2`, tid: "t1", ...change }),
      sign: (claims) => sign(claims, key),
    };
    return outcome(issuer, provider);
  };
  assert.equal(await tokens({}), undefined);
  assert.equal(await tokens({ tid: "t2" }), "id_token_invalid", "another issuer's name");
  assert.equal(await tokens({ tid: undefined }), "id_token_invalid");
  assert.equal(await tokens({ tid: "t1/../t2", iss: `${issuer.url}/t1/../t2/v2` }), "id_token_invalid");
  assert.equal(await tokens({}, other), "id_token_invalid", "a key of another issuer");
  assert.equal(await tokens({ tid: "t2", iss: `${issuer.url}/t2/v2` }, other), undefined, "its own");
  issuer.mischief = { discovery: (good) => ({ ...good, issuer: "https://evil.example/{tenantid}/v2" }) };
  assert.equal(await outcome(issuer, provider), "metadata_invalid");
});

test("what the client signs for such an issuer is for the one that is configured (RFC 10070, RP-27)", async () => {
  await using issuer = await startIssuer();
  const key = await generateKey("ES256");
  issuer.mischief = {
    discovery: (good) => ({
      ...good,
      issuer: `${issuer.url}/{tenantid}/v2`,
      authorization_response_iss_parameter_supported: false,
    }),
    authorization: (parameters) => parameters.delete("iss"),
    idToken: (claims) => ({ ...claims, iss: `${issuer.url}/t1/v2`, tid: "t1" }),
    // The parameters as a server reads them that knows request objects.
    route(at) {
      const request = at.pathname === "/authorize" ? at.searchParams.get("request") : null;
      if (request === null) return undefined;
      const { claims } = decodeUnverified(request);
      assert.equal(claims.aud, issuer.url);
      const { iss, aud, iat, nbf, exp, jti, ...parameters } = claims;
      return {
        status: 303,
        headers: { Location: `${issuer.url}/authorize?${new URLSearchParams(parameters as never)}` },
      };
    },
  };
  await using app = await startApp(issuer.url, {
    provider: {
      issuer_template: `${issuer.url}/{tid}/v2`,
      token_endpoint_auth_method: "private_key_jwt",
      private_key: key.privateJwk,
      request_object: { private_key: key.privateJwk, alg: key.alg },
    },
  });
  assert.equal((await new Browser().follow(`${app.url}/me`)).status, 200);
  const assertion = issuer.tokenRequests[0]?.get("client_assertion") ?? "";
  assert.equal(decodeUnverified(assertion).claims.aud, issuer.url);
});
