/** Options that do not exist: a misspelt one must not be taken for one that was left out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { protectMcp } from "./mcp.ts";
import { protectResource } from "./protect.ts";

const issuer = "https://id.example";
const audience = "https://api.example";
// As JavaScript has it: nobody looks at the names.
const resource = (options: object) => () => protectResource({ issuer, audience, ...options });
const route =
  (...needs: object[]) =>
  () =>
    (protectResource({ issuer, audience }).requireOAuth as (...needs: unknown[]) => unknown)(...needs);
const mcp = (options: object) => () => protectMcp({ issuer, resource: audience, ...options }, () => new Response());

test("an unknown option is a TypeError that names the nearest one, wherever options are given", () => {
  const introspection = { client_id: "api", client_secret: "s" };
  for (const [make, message] of [
    [resource({ Audience: audience }), /protectResource has no option "Audience": did you mean audience\?/],
    [resource({ clockTolerence: 5 }), /did you mean clockTolerance\?/],
    [resource({ allowOrigins: [] }), /did you mean allowedOrigins\?/],
    [
      resource({ dpop: { nonceSecrets: "x".repeat(40) } }),
      /dpop has no option "nonceSecrets": did you mean nonceSecret\?/,
    ],
    [resource({ introspection: { ...introspection, cachefor: "1m" } }), /introspection .* did you mean cacheFor\?/],
    [resource({ issuer: undefined, issuers: [{ issuer, prefx: "a" }] }), /each of issuers .* did you mean prefix\?/],
    [route({ optinal: true }), /requireOAuth has no option "optinal": did you mean optional\?/],
    [route("read" as unknown as object, { dpopp: "required" }), /did you mean dpop\?/],
    [route("read" as unknown as object, { max_age: 5 }), /did you mean maxAge\?/],
    [mcp({ tool: { upload: "w" } }), /protectMcp has no option "tool": did you mean tools\?/],
    [mcp({ scopes: "mcp" }), /did you mean scope\?/],
  ] as const)
    assert.throws(make, (error) => error instanceof TypeError && message.test(error.message), String(message));
});

test("where none is near all are named; names of Object.prototype are unknown too", () => {
  assert.throws(resource({ whatever: 1 }), /no option "whatever": there are issuer, .*, audience/);
  assert.throws(mcp({ nonsense: 1 }), /no option "nonsense": there are .*resource/);
  for (const name of ["constructor", "toString", "hasOwnProperty"]) assert.throws(resource({ [name]: 1 }), TypeError);
  assert.throws(resource({ ["x".repeat(1e6)]: 1 }), TypeError);
  assert.doesNotThrow(resource({ clockTolerance: 5, certificate: () => undefined, now: Date.now }));
});

test("what has another name or place elsewhere is named", () => {
  assert.throws(mcp({ audience }), /no option "audience": did you mean resource\?/);
  assert.throws(resource({ resource: audience }), /no option "resource": did you mean audience\?/);
  assert.throws(resource({ dpop: "required" }), /belongs to a route/);
  assert.throws(resource({ introspection: "yes" }), /introspection must be an object/);
});

test("what could only fail at the first request fails at the start", () => {
  for (const [make, message] of [
    [resource({ introspection: { client_id: "", client_secret: "s" } }), /client_id is missing or empty/],
    [
      resource({ introspection: { client_id: "api", client_secret: "" } }),
      /client_secret is empty: is the variable set/,
    ],
    [resource({ introspection: { client_id: "api" } }), /client_secret is missing/],
    [resource({ signedTokens: "any" }), /signedTokens must be accessTokens/],
    [mcp({ resource: "localhost:3000/mcp" }), /^resource must be an https URL \(http on loopback\) without fragment/],
    [mcp({ tools: { upload: 1 } }), /tools\.upload must be the scopes/],
    [() => (protectMcp as (options: object) => unknown)({ issuer, resource: audience }), /needs a second argument/],
  ] as const)
    assert.throws(make, (error) => error instanceof TypeError && message.test(error.message), String(message));
  const byCertificate = { client_id: "api", token_endpoint_auth_method: "tls_client_auth" };
  assert.doesNotThrow(resource({ introspection: byCertificate }));
});
