import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { atHash } from "@valetkey/protocol/id-token";
import { generateKey, type SigningKey, signJwt } from "@valetkey/protocol/jose";
import { type ClientErrorCode, isClientError } from "./client-error.ts";
import { bearer, json, type Loopback, startLoopback } from "./lib/loopback.test.ts";
import { unsafeImplicitUrl, unsafePasswordGrant, unsafeReadImplicit } from "./unsafe.ts";

const millis = 1_800_000_000_000;
const seconds = millis / 1000;
const client_id = "c";
const is = (code: ClientErrorCode) => (e: unknown) => isClientError(e, code);

describe("ways given up by RFC 9700", () => {
  let server: Loopback;
  let key: SigningKey;
  before(async () => {
    server = await startLoopback();
    key = await generateKey("RS256");
  });
  after(() => server[Symbol.asyncDispose]());

  it("the password grant sends name and password and reads the answer as any other (RFC 6749 §4.3)", async () => {
    server.answer(json(bearer));
    const client = { client_id, token_endpoint_auth_method: "none" } as const;
    const { metadata } = server;
    const tokens = await unsafePasswordGrant({ metadata, client, username: "alice", password: "p&w", scope: "a" });
    assert.equal(tokens.access_token, "at-1");
    const sent = { grant_type: "password", username: "alice", password: "p&w", scope: "a", client_id };
    assert.deepEqual(Object.fromEntries(server.asked.at(-1)?.form ?? []), sent);
  });

  it("an implicit request has state, and a nonce where there will be an ID token (OpenID Connect Core §3.2.2.1)", () => {
    const request = { metadata: server.metadata, client_id, redirect_uri: "https://app.example/cb", scope: "openid" };
    const both = unsafeImplicitUrl({ ...request, response_type: "id_token token" });
    assert.equal(both.url.searchParams.get("nonce"), both.nonce);
    assert.equal(both.url.searchParams.get("state"), both.state);
    assert.equal(both.url.searchParams.get("response_type"), "id_token token");
    assert.equal(unsafeImplicitUrl({ ...request, response_type: "token" }).url.searchParams.has("nonce"), false);
  });

  const tokensIn = { access_token: "at-1", token_type: "bearer", expires_in: "60", state: "state-1" };
  const read = (fragment: Record<string, string>, response_type: "token" | "id_token" | "id_token token" = "token") => {
    const { metadata } = server;
    const checks = { metadata, response_type, state: "state-1", nonce: "nonce-1", client_id, now: millis };
    const url = new URL(`https://app.example/cb#${new URLSearchParams(fragment)}`);
    return unsafeReadImplicit(url, { ...checks, keys: { keys: [key.publicJwk] }, alg: "RS256" });
  };
  const idToken = (more: Record<string, unknown> = {}) => {
    const claims = {
      iss: server.origin,
      sub: "alice",
      aud: client_id,
      iat: seconds,
      exp: seconds + 60,
      nonce: "nonce-1",
    };
    return signJwt({ ...claims, ...more }, { key: key.privateJwk, alg: key.alg, kid: key.kid });
  };

  it("an implicit answer needs its state, its issuer and a whole token (RFC 6749 §4.2.2)", async () => {
    assert.deepEqual(await read(tokensIn), { access_token: "at-1", expiresAt: millis + 60_000 });
    const { state: _, ...stateless } = tokensIn;
    await assert.rejects(read(stateless), is("state_missing"));
    await assert.rejects(read({ ...tokensIn, state: "x" }), is("state_mismatch"));
    await assert.rejects(read({ ...tokensIn, iss: "https://evil.example" }), is("issuer_mismatch"));
    await assert.rejects(read({ ...tokensIn, token_type: "mac" }), is("response_invalid"));
    await assert.rejects(read({ state: "state-1" }), is("response_invalid"));
    await assert.rejects(read({ state: "state-1", error: "access_denied" }), is("access_denied"));
    await assert.rejects(read({ state: "state-1", error: "server_error" }), is("authorization_refused"));
  });

  it("an ID token must be there, be good, and be bound to the access token (OpenID Connect Core §3.2.2.9)", async () => {
    const at_hash = await atHash("at-1", "RS256");
    const answer = await read({ ...tokensIn, id_token: await idToken({ at_hash }) }, "id_token token");
    assert.deepEqual([answer.claims?.sub, answer.access_token], ["alice", "at-1"]);
    assert.equal((await read({ state: "state-1", id_token: await idToken() }, "id_token")).claims?.sub, "alice");
    await assert.rejects(read(tokensIn, "id_token token"), is("id_token_missing"));
    for (const more of [
      {},
      { at_hash: await atHash("at-2", "RS256") },
      { at_hash, nonce: "x" },
      { at_hash, aud: "x" },
    ]) {
      const id_token = await idToken(more);
      await assert.rejects(read({ ...tokensIn, id_token }, "id_token token"), is("id_token_invalid"));
    }
  });
});
