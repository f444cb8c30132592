import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { generateDpopKey } from "@valetkey/protocol/dpop";
import {
  decodeUnverified,
  decryptJwt,
  encryptJwt,
  generateKey,
  type JwsAlgorithm,
  type SigningKey,
  signJwt,
  verifyJwt,
} from "@valetkey/protocol/jose";
import { checkCallback, readAnswer } from "./callback.ts";
import { type ClientErrorCode, isClientError } from "./client-error.ts";
import { createDpop } from "./dpop-fetch.ts";
import { readJarm } from "./jarm.ts";
import { json, type Loopback, startLoopback } from "./lib/loopback.test.ts";
import { pushAuthorizationRequest } from "./push.ts";
import { requestObject } from "./request-object.ts";

const millis = 1_800_000_000_000;
const now = () => millis;
const seconds = millis / 1000;
const client_id = "c";
const client = { client_id, client_secret: "s", token_endpoint_auth_method: "client_secret_basic" } as const;
const parameters = { response_type: "code", scope: "openid", resource: ["https://a.example", "https://b.example"] };
const is = (code: ClientErrorCode) => (e: unknown) => isClientError(e, code);

describe("pushed authorization requests", () => {
  let server: Loopback;
  before(async () => {
    server = await startLoopback();
  });
  after(() => server[Symbol.asyncDispose]());
  const request_uri = "urn:ietf:params:oauth:request_uri:abc";
  const push = (more: object = {}) =>
    pushAuthorizationRequest({ metadata: server.metadata, client, parameters, now, ...more });

  it("the request goes to the issuer, and the browser carries client and reference only (RFC 9126 §2, §4)", async () => {
    server.answer(json({ request_uri, expires_in: 60 }, 201));
    const pushed = await push();
    assert.equal(
      pushed.url.href,
      `${server.origin}/authorization?client_id=c&request_uri=${encodeURIComponent(request_uri)}`,
    );
    assert.deepEqual([pushed.request_uri, pushed.expiresAt], [request_uri, now() + 60_000]);
    const { form, headers } = server.asked.at(-1) ?? assert.fail();
    assert.match(headers.get("authorization") ?? "", /^Basic /);
    assert.equal(form.get("client_id"), client_id);
    assert.deepEqual(form.getAll("resource"), parameters.resource);
  });

  it("a proof sent along binds the code to the key (RFC 9449 §10.1)", async () => {
    server.answer(json({ request_uri, expires_in: 60 }, 201));
    await push({ dpop: createDpop(await generateDpopKey()) });
    assert.ok(server.asked.at(-1)?.headers.get("dpop"));
  });

  it("a refusal is one, an outage another, and anything else is neither", async () => {
    server.answer(json({ error: "invalid_request", error_description: "no\u0007pe" }, 400));
    await assert.rejects(push(), (e) => isClientError(e, "authorization_refused") && e.error_description === "no pe");
    server.answer(() => new Response("", { status: 503 }));
    await assert.rejects(push(), is("issuer_unavailable"));
    const odd = [{}, { request_uri }, { request_uri: "", expires_in: 60 }, { request_uri: 1, expires_in: 60 }];
    odd.push({ request_uri, expires_in: -1 } as object, { request_uri, expires_in: "60" } as object);
    for (const body of odd) {
      server.answer(json(body, 201));
      await assert.rejects(push(), is("token_response_invalid"), JSON.stringify(body));
    }
    server.answer(json({ request_uri, expires_in: 60 }, 302));
    await assert.rejects(push(), is("token_response_invalid"));
  });

  it("a reference cannot be pushed, and an issuer without the endpoint says so (RFC 9126 §2.1)", async () => {
    await assert.rejects(push({ parameters: { request_uri } }), is("configuration_invalid"));
    const { pushed_authorization_request_endpoint: _, ...metadata } = server.metadata;
    await assert.rejects(push({ metadata }), is("metadata_invalid"));
  });
});

describe("request objects", () => {
  it("hold the parameters, signed, for one issuer and minutes; JSON as JSON; and never pass for a client assertion (RFC 9101 §4, §10.8)", async () => {
    const key = await generateKey("ES256");
    const issuer = "https://as.example";
    const more = { ...parameters, max_age: "60", claims: '{"id_token":{}}', prompt: undefined };
    const signer = { private_key: key.privateJwk, alg: key.alg };
    const token = await requestObject({ ...signer, issuer, client_id, parameters: more, now });
    const checks = {
      keys: { keys: [key.publicJwk] },
      algorithms: ["ES256"],
      issuer: client_id,
      audience: issuer,
    } as const;
    const { claims, header } = await verifyJwt(token, { ...checks, typ: "oauth-authz-req+jwt", now: millis });
    const { iat, nbf, exp, jti, ...rest } = claims;
    assert.deepEqual(rest, {
      ...parameters,
      max_age: 60,
      claims: { id_token: {} },
      client_id,
      iss: client_id,
      aud: issuer,
    });
    assert.deepEqual([iat, nbf, exp, typeof jti, header.kid], [seconds, seconds, seconds + 300, "string", key.kid]);
    for (const bad of [{ request: "x" }, { request_uri: "x" }, { sub: "x" }, { claims: "{" }]) {
      await assert.rejects(
        requestObject({ ...signer, issuer, client_id, parameters: bad }),
        is("configuration_invalid"),
      );
    }
  });

  it("a parameter cannot replace what the object says about itself", async () => {
    const key = await generateKey("ES256");
    const bad = { iss: "evil", aud: "evil", exp: "9", client_id: "evil" };
    const token = await requestObject({
      private_key: key.privateJwk,
      alg: key.alg,
      issuer: "https://as.example",
      client_id,
      parameters: bad,
      now,
    });
    const { claims } = decodeUnverified(token);
    assert.deepEqual(
      [claims.iss, claims.aud, claims.exp, claims.client_id],
      [client_id, "https://as.example", seconds + 300, client_id],
    );
  });
});

describe("signed authorization answers (JARM)", () => {
  const issuer = "https://as.example";
  const good = { iss: issuer, aud: client_id, exp: seconds + 60, code: "code-1", state: "state-1" };
  let key: SigningKey;
  before(async () => {
    key = await generateKey("ES256");
  });
  const sign = (claims: Record<string, unknown>, by = key) =>
    signJwt(claims, { key: by.privateJwk, alg: by.alg, kid: by.kid });
  const read = (response: string | undefined, more: object = {}) => {
    const form = readAnswer(
      new URL(`https://app.example/cb?code=evil&state=evil${response === undefined ? "" : `&response=${response}`}`),
    );
    const checks = {
      metadata: { issuer },
      client_id,
      keys: { keys: [key.publicJwk] },
      alg: "ES256" as JwsAlgorithm,
      now: millis,
    };
    return readJarm(form, { ...checks, ...more });
  };

  it("parameters come out of the signature only, fit for the checks of any answer (§2.3, §2.4)", async () => {
    const form = await read(await sign(good));
    assert.deepEqual({ ...form }, { code: "code-1", state: "state-1" });
    assert.deepEqual(checkCallback(form, { metadata: { issuer }, state: "state-1" }), { code: "code-1" });
    const metadata = { issuer, authorization_response_iss_parameter_supported: true };
    assert.deepEqual(checkCallback(await read(await sign(good), { metadata }), { metadata, state: "state-1" }), {
      code: "code-1",
    });
    const denied = await read(await sign({ ...good, code: undefined, error: "access_denied" }));
    assert.throws(() => checkCallback(denied, { metadata: { issuer }, state: "state-1" }), is("access_denied"));
  });

  it("an answer without a signature, of another, for another, or too late is refused (RP-25)", async () => {
    await assert.rejects(read(undefined), is("response_invalid"));
    await assert.rejects(read(await sign({ ...good, iss: "https://evil.example" })), is("issuer_mismatch"));
    for (const more of [{ aud: "other" }, { exp: seconds - 60 }, { aud: undefined }, { exp: undefined }]) {
      await assert.rejects(read(await sign({ ...good, ...more })), is("response_invalid"), JSON.stringify(more));
    }
    await assert.rejects(read(await sign({ ...good, iss: undefined })), isClientError);
    await assert.rejects(read(await sign(good, await generateKey("ES256"))), is("response_invalid"));
    const [, payload] = (await sign(good)).split(".");
    const none = Buffer.from('{"alg":"none"}').toString("base64url");
    for (const bad of [`${none}.${payload}.`, "x", "a.b.c"]) await assert.rejects(read(bad), is("response_invalid"));
    await assert.rejects(read(await sign(good), { alg: "RS256" }), is("response_invalid"));
  });

  it("an encrypted answer is decrypted first; one in the clear is then refused (§2.2)", async () => {
    const { privateKey, publicKey } = await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, [
      "deriveBits",
    ]);
    const jwkOf = async (one: CryptoKey) => {
      const { kty = "", crv = "", x = "", y = "", d } = await crypto.subtle.exportKey("jwk", one);
      return { kty, crv, x, y, ...(d === undefined ? {} : { d }) };
    };
    const decryption = { keys: [await jwkOf(privateKey)] };
    const signed = await sign(good);
    const sealed = await encryptJwt(signed, { key: await jwkOf(publicKey), alg: "ECDH-ES", enc: "A256GCM" });
    assert.equal((await read(sealed, { decryption })).code, "code-1");
    assert.equal(await decryptJwt(sealed, decryption), signed);
    await assert.rejects(read(signed, { decryption }), is("response_invalid"));
    await assert.rejects(read(sealed), is("response_invalid"));
  });
});
