import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { generateDpopKey } from "@valetkey/protocol/dpop";
import { generateKey, verifyJwt } from "@valetkey/protocol/jose";
import { type ClientErrorCode, isClientError } from "./client-error.ts";
import { createDpop } from "./dpop-fetch.ts";
import { introspectToken } from "./introspect.ts";
import { createGrantAssertion, jwtBearerGrant } from "./jwt-bearer.ts";
import { bearer, json, type Loopback, startLoopback } from "./lib/loopback.test.ts";
import { exchangeToken, tokenTypes } from "./token-exchange.ts";

const client = { client_id: "c", client_secret: "s", token_endpoint_auth_method: "client_secret_post" } as const;
const is = (code: ClientErrorCode) => (e: unknown) => isClientError(e, code);
const now = () => 1_800_000_000_000;

describe("tokens for tokens", () => {
  let server: Loopback;
  before(async () => {
    server = await startLoopback();
  });
  after(() => server[Symbol.asyncDispose]());
  const issued_token_type = tokenTypes.access_token;
  const exchange = (more: object = {}) =>
    exchangeToken({
      metadata: server.metadata,
      client,
      now,
      subject_token: "st",
      subject_token_type: tokenTypes.access_token,
      ...more,
    });

  it("token exchange sends both sides and says what came back (RFC 8693 §2.1, §2.2.1)", async () => {
    server.answer(json({ ...bearer, issued_token_type, scope: "read" }));
    const more = {
      actor_token: "actor",
      actor_token_type: tokenTypes.jwt,
      requested_token_type: tokenTypes.access_token,
      audience: ["one", "two"],
      resource: "https://api.example",
      scope: "read",
    };
    const tokens = await exchange(more);
    assert.deepEqual(tokens, {
      access_token: "at-1",
      token_type: "Bearer",
      issued_token_type,
      scope: "read",
      obtainedAt: now(),
      expiresAt: now() + 60_000,
    });
    const form = server.asked.at(-1)?.form ?? assert.fail();
    assert.deepEqual(form.getAll("audience"), ["one", "two"]);
    const { audience: _, ...rest } = Object.fromEntries(form);
    assert.deepEqual(rest, {
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      subject_token: "st",
      subject_token_type: tokenTypes.access_token,
      actor_token: "actor",
      actor_token_type: tokenTypes.jwt,
      requested_token_type: tokenTypes.access_token,
      resource: "https://api.example",
      scope: "read",
      client_id: "c",
      client_secret: "s",
    });
  });

  it("a token that is not for APIs is called N_A; a bound one is asked for by a proof (§2.2.1, TX-08)", async () => {
    server.answer(json({ ...bearer, token_type: "N_A", issued_token_type: tokenTypes.id_token }));
    assert.equal((await exchange()).token_type, "N_A");
    const dpop = createDpop(await generateDpopKey());
    server.answer(json({ ...bearer, token_type: "DPoP", issued_token_type }));
    assert.equal((await exchange({ dpop })).token_type, "DPoP");
    server.answer(json({ ...bearer, issued_token_type }));
    await assert.rejects(exchange({ dpop }), is("token_response_invalid"));
  });

  it("an answer that does not say what came back, or half an actor, is refused (§2.1, §2.2.1)", async () => {
    for (const body of [
      bearer,
      { ...bearer, issued_token_type: 1 },
      { ...bearer, issued_token_type, token_type: "mac" },
    ]) {
      server.answer(json(body));
      await assert.rejects(exchange(), is("token_response_invalid"));
    }
    server.answer(json({ error: "invalid_target" }, 400));
    await assert.rejects(exchange(), (e) => isClientError(e, "token_refused") && e.error === "invalid_target");
    const count = server.asked.length;
    for (const more of [{ actor_token: "x" }, { actor_token_type: tokenTypes.jwt }]) {
      await assert.rejects(exchange(more), is("configuration_invalid"));
    }
    assert.equal(server.asked.length, count);
  });

  it("a JWT somebody vouches with is made for one issuer and sent with or without a client (RFC 7523 §2.1, §3)", async () => {
    const key = await generateKey("RS256");
    const claims = { scope: "read", iss: "evil", exp: 9e9 };
    const assertion = await createGrantAssertion({
      issuer: "https://idp.example",
      subject: "alice",
      audience: server.origin,
      private_key: key.privateJwk,
      alg: key.alg,
      claims,
      now,
    });
    const checks = { keys: { keys: [key.publicJwk] }, algorithms: ["RS256"], now: now() } as const;
    const verified = await verifyJwt(assertion, { ...checks, issuer: "https://idp.example", audience: server.origin });
    assert.deepEqual(
      [verified.claims.sub, verified.claims.scope, verified.claims.exp],
      ["alice", "read", now() / 1000 + 300],
    );
    server.answer(json(bearer));
    await jwtBearerGrant({ metadata: server.metadata, assertion, scope: "read", now });
    const grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    assert.deepEqual(Object.fromEntries(server.asked.at(-1)?.form ?? []), { grant_type, assertion, scope: "read" });
    await jwtBearerGrant({ metadata: server.metadata, assertion, client, now });
    assert.equal(server.asked.at(-1)?.form.get("client_id"), "c");
    server.answer(json({ error: "invalid_grant" }, 400));
    await assert.rejects(jwtBearerGrant({ metadata: server.metadata, assertion }), is("token_refused"));
  });

  it("a token is active only if the issuer says true (RFC 7662 §2.2)", async () => {
    const ask = () =>
      introspectToken({ metadata: server.metadata, client, token: "t", token_type_hint: "access_token" });
    server.answer(json({ active: true, sub: "alice" }));
    assert.deepEqual(await ask(), { active: true, sub: "alice" });
    const form = server.asked.at(-1)?.form;
    assert.deepEqual(
      [form?.get("token"), form?.get("token_type_hint"), form?.get("client_id")],
      ["t", "access_token", "c"],
    );
    server.answer(json({ active: false }));
    assert.equal((await ask()).active, false);
    for (const body of [{}, { active: "true" }, { active: 1 }, []]) {
      server.answer(json(body));
      await assert.rejects(ask(), is("token_response_invalid"));
    }
    server.answer(json({ active: true }, 404));
    await assert.rejects(ask(), is("token_response_invalid"));
    server.answer(json({ error: "invalid_client" }, 401));
    await assert.rejects(ask(), is("token_refused"));
    server.answer(() => new Response("", { status: 500 }));
    await assert.rejects(ask(), is("issuer_unavailable"));
  });
});
