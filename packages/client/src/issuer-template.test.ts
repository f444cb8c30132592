/** A place where many issuers sign in, each under a name of its own: which of them a token is from, and who may sign it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { generateKey } from "@valetkey/protocol/jose";
import { sign, startIssuer } from "./lib/hostile-issuer.test.ts";
import { outcome } from "./lib/test-app.test.ts";

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
