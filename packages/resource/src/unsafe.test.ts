/** Access tokens of issuers from before RFC 9068, as they look there; and that ID tokens stay out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { audience, type Json, startIssuer } from "./lib/test-issuer.test.ts";
import { protectResource } from "./protect.ts";
import { unsafeUntypedTokens } from "./unsafe.ts";

const bearing = (token: string): Request =>
  new Request("https://api.example/", { headers: { Authorization: `Bearer ${token}` } });
const none: Json = { client_id: undefined, scope: undefined, jti: undefined };

test("tokens of Entra ID, Auth0, Okta, Keycloak and Cognito pass only where it was said by name (RS-02)", async (t) => {
  await using issuer = await startIssuer();
  const strict = protectResource({ issuer: issuer.url, audience });
  const lax = protectResource({ issuer: issuer.url, audience, signedTokens: unsafeUntypedTokens() });
  const dialects: Record<string, [Json, string, Json]> = {
    "Entra ID": [{ ...none, azp: "app", scp: "read write", ver: "2.0" }, "JWT", { client_id: "app" }],
    "Entra ID v1, the client's own": [
      { ...none, appid: "app", scp: "read write", idtyp: "app" },
      "JWT",
      { principal: "client" },
    ],
    Auth0: [{ ...none, azp: "app", scope: "read write" }, "JWT", { client_id: "app", principal: "person" }],
    "Auth0, the client's own": [
      { ...none, sub: "app@clients", azp: "app", scope: "read write", gty: "client-credentials" },
      "JWT",
      { principal: "client" },
    ],
    Okta: [{ ...none, cid: "app", scp: ["read", "write"] }, "", { client_id: "app" }],
    Keycloak: [{ ...none, azp: "app", scope: "read write", typ: "Bearer" }, "JWT", { client_id: "app" }],
    Cognito: [{ ...none, client_id: "app", scope: "read write", token_use: "access" }, "", { client_id: "app" }],
    "RFC 9068": [{ scope: "read write" }, "at+jwt", { client_id: "app" }],
  };
  for (const [title, [claims, typ, expected]] of Object.entries(dialects)) {
    await t.test(title, async () => {
      const token = await issuer.token(claims, { typ });
      const read = await lax.check(bearing(token), "read write");
      assert.partialDeepStrictEqual(read, expected);
      if (typ !== "at+jwt") await assert.rejects(strict.check(bearing(token)), { error: "invalid_token" });
    });
  }
});

test("what carries the marks of an ID token, of another kind or of another audience is refused even there", async (t) => {
  await using issuer = await startIssuer();
  const { check } = protectResource({ issuer: issuer.url, audience, signedTokens: unsafeUntypedTokens() });
  const wrong: Record<string, [Json, string]> = {
    "an ID token with nonce": [{ nonce: "n" }, "JWT"],
    "an ID token with at_hash": [{ at_hash: "h" }, ""],
    "an ID token of Cognito": [{ token_use: "id" }, ""],
    "an ID token of Keycloak": [{ typ: "ID" }, "JWT"],
    "a refresh token of Keycloak": [{ typ: "Refresh" }, "JWT"],
    "a logout token": [{}, "logout+jwt"],
    "an introspection answer": [{}, "token-introspection+jwt"],
    "another audience": [{ aud: "app" }, "JWT"],
    "no audience": [{ aud: undefined }, "JWT"],
    "another issuer": [{ iss: "https://evil.example" }, "JWT"],
    "no exp": [{ exp: undefined }, "JWT"],
    "scopes that are numbers": [{ scope: [1] }, "JWT"],
    "a client that is none": [{ client_id: 1 }, "JWT"],
    "bound in an unknown way": [{ cnf: { kid: "x" } }, "JWT"],
  };
  for (const [title, [claims, typ]] of Object.entries(wrong)) {
    await t.test(title, async () => {
      await assert.rejects(check(bearing(await issuer.token(claims, { typ }))), { error: "invalid_token" });
    });
  }
});
