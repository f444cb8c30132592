import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { generateKey } from "@valetkey/protocol/jose";
import { writeForwarded } from "@valetkey/protocol/oauth1/forwarded-request";
import { OAuth1Problem } from "@valetkey/protocol/oauth1/problem";
import { oauth1 } from "@valetkey/provider/oauth1";
import type { Store } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";
import { onEachStore } from "./each-store.ts";
import {
  api,
  bird,
  birdWorld,
  callback,
  connect,
  decide,
  exchange,
  formOf,
  initiate,
  overlaid,
  refused,
  secret,
  send,
  signed,
  userinfo,
  verifierOf,
} from "./oauth1-side.ts";
import { createWorld, issuer, type TestClient, type World } from "./op.ts";
import { post, pub, service as serviceClient } from "./token-side.ts";

const service: TestClient = { ...serviceClient, scope: "openid" };

onEachStore("RFC 5849 §2.3, §3.3: races", (open) => {
  const worldOn = async (): Promise<Awaited<ReturnType<typeof birdWorld>>> => {
    const store: Store = await open();
    return birdWorld({ store });
  };

  it("of ten requests for one token one gets it", async () => {
    const world = await worldOn();
    const temporary = await initiate(world);
    const { parameters } = await decide(world, temporary);
    const all = Array.from({ length: 10 }, () => exchange(world, temporary, verifierOf(parameters)));
    const statuses = (await Promise.all(all)).map(({ status }) => status);
    assert.deepEqual(statuses.sort(), [200, ...Array(9).fill(401)]);
    assert.equal((await world.store.list("oauth1-token", { client: "bird" })).length, 1);
  });

  it("of ten copies of one signed request one counts (O1-13)", async () => {
    const world = await worldOn();
    const token = await connect(world);
    const request = await signed(world, "/userinfo", { method: "GET", token });
    const copies = Array.from({ length: 10 }, () => world.provider.handle(request.clone()));
    const statuses = (await Promise.all(copies)).map((response) => response?.status);
    assert.deepEqual(statuses.sort(), [200, ...Array(9).fill(401)]);
  });

  it("wrong verifiers sent together are counted together", async () => {
    const world = await worldOn();
    const temporary = await initiate(world);
    const { parameters } = await decide(world, temporary);
    for (let round = 0; round < 3; round++)
      await Promise.all(Array.from({ length: 2 }, () => exchange(world, temporary, "wrong")));
    await refused(await exchange(world, temporary, verifierOf(parameters)), 401, "token_rejected");
  });
});

describe("RFC 5849 §3.2, §3.3: what a request must have", () => {
  it("O1-02 a timestamp five minutes off is refused with what would do; one that is no positive integer is 400", async () => {
    const world = await birdWorld();
    const now = Math.floor(world.clock.now / 1000);
    const at = (oauth_timestamp: string | undefined) =>
      send(world, "/oauth1/initiate", { protocol: { oauth_callback: callback, oauth_timestamp } });
    for (const off of [-300, 300, 0]) assert.equal((await at(String(now + off))).status, 200, String(off));
    for (const off of [-600, -301, 301, 600]) {
      const form = await refused(await at(String(now + off)), 401, "timestamp_refused");
      assert.equal(form.oauth_acceptable_timestamps, `${now - 300}-${now + 300}`);
    }
    for (const wrong of [`-${now}`, `${now}.5`, `0${now}`, "abc", "1e9", ` ${now}`, "9".repeat(30), `+${now}`])
      await refused(await at(wrong), 400, "timestamp_refused");
    await refused(await at(undefined), 400, "parameter_absent");
    await refused(await at(""), 400, "parameter_absent");
  });

  it("the same nonce is refused with the same timestamp, token and client, and only then (§3.3)", async () => {
    const world = await birdWorld();
    const token = await connect(world);
    const other = await connect(world);
    const now = Math.floor(world.clock.now / 1000);
    const ask = (oauth_timestamp: number, by = token) =>
      userinfo(world, by, { protocol: { oauth_nonce: "n", oauth_timestamp: String(oauth_timestamp) } });
    assert.equal((await ask(now)).status, 200);
    await refused(await ask(now), 401, "nonce_used");
    assert.equal((await ask(now - 1)).status, 200);
    assert.equal((await ask(now, other)).status, 200);
    // Remembered for as long as it would be accepted, seen from either end of the window.
    const early = await signed(world, "/userinfo", {
      method: "GET",
      token,
      protocol: { oauth_timestamp: String(now + 300) },
    });
    assert.equal((await world.provider.handle(early.clone()))?.status, 200);
    world.clock.advance(600);
    await refused((await world.provider.handle(early.clone())) ?? assert.fail(), 401, "nonce_used");
    world.clock.advance(1);
    await refused((await world.provider.handle(early.clone())) ?? assert.fail(), 401, "timestamp_refused");
  });

  it("O1-13 a request with a wrong signature leaves nothing in the store, and none of many is forgotten within its time", async () => {
    const world = await birdWorld();
    const token = await connect(world);
    const seen = async () => (await world.store.list("seen", { limit: 1000 })).length;
    const before = await seen();
    for (let count = 0; count < 20; count++)
      await refused(await userinfo(world, token, { spoil: () => "AAAA" }), 401, "signature_invalid");
    assert.equal(await seen(), before);
    const first = await signed(world, "/userinfo", { method: "GET", token });
    assert.equal((await world.provider.handle(first.clone()))?.status, 200);
    for (let count = 0; count < 500; count++) assert.equal((await userinfo(world, token)).status, 200);
    await refused((await world.provider.handle(first)) ?? assert.fail(), 401, "nonce_used");
    // What is over can be swept away: the store does not grow for ever.
    world.clock.advance(3600);
    await world.store.sweep();
    assert.equal(await seen(), 0);
  });

  it("O1-07 unknown methods, other spellings, missing or empty parameters, another version", async () => {
    const world = await birdWorld();
    const sent = (protocol: Record<string, string | undefined>) =>
      send(world, "/oauth1/initiate", { protocol: { oauth_callback: callback, ...protocol } });
    for (const oauth_signature_method of ["hmac-sha1", "HMAC-MD5", "none", "PLAINTEXT", "RSA-SHA1", "HMAC-SHA512"])
      await refused(await sent({ oauth_signature_method }), 400, "signature_method_rejected");
    for (const name of ["oauth_consumer_key", "oauth_signature_method", "oauth_signature", "oauth_nonce"]) {
      for (const value of [undefined, ""]) {
        const form = await refused(await sent({ [name]: value }), 400, "parameter_absent");
        assert.equal(form.oauth_parameters_absent, name);
      }
    }
    await refused(await sent({ oauth_version: "2.0" }), 400, "version_rejected");
    await initiate(world, callback, { protocol: { oauth_callback: callback, oauth_version: undefined } });
    const none = await world.send("/oauth1/initiate", { method: "POST" });
    await refused(none, 400, "parameter_absent");
    await refused(await sent({ oauth_consumer_key: "nobody" }), 401, "consumer_key_unknown");
  });

  it("a parameter twice, in one place or in two, and what cannot be read is 400 (§3.1, §3.2)", async () => {
    const world = await birdWorld();
    const token = await connect(world);
    const twice = await signed(world, "/userinfo?oauth_nonce=x", { method: "GET", token });
    await refused((await world.provider.handle(twice)) ?? assert.fail(), 400, "parameter_rejected");
    for (const authorization of [
      'OAuth a="%"',
      "OAuth x",
      'OAuth oauth_nonce="a", oauth_nonce="b"',
      'OAuth oauth_nonce="%FF"',
    ]) {
      const response = await world.send("/oauth1/initiate", { method: "POST", headers: { authorization } });
      await refused(response, 400, "parameter_rejected");
    }
    const many = await send(world, "/oauth1/initiate", {
      form: Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`a${at}`, ""])),
    });
    await refused(many, 400, "parameter_rejected");
    const large = await send(world, "/oauth1/initiate", { form: { a: "x".repeat(1_100_000) } });
    await refused(large, 413, "parameter_rejected");
  });

  it("only POST gets credentials (§2.1, §2.3)", async () => {
    const world = await birdWorld();
    for (const path of ["/oauth1/initiate", "/oauth1/token"]) assert.equal((await world.send(path)).status, 405);
  });
});

describe("RFC 5849 §3.4: signatures", () => {
  it("a wrong client secret, token secret, method, path, query or form is refused", async () => {
    const world = await birdWorld();
    const token = await connect(world);
    const key = {
      signature_method: "HMAC-SHA1",
      client_secret: secret,
      token_secret: token.oauth_token_secret,
    } as const;
    await refused(await userinfo(world, token, { key: { ...key, client_secret: "wrong" } }), 401, "signature_invalid");
    await refused(await userinfo(world, token, { key: { ...key, token_secret: "" } }), 401, "signature_invalid");
    const good = await signed(world, "/userinfo?a=1", { token, form: { status: "hello" } });
    const changed = async (url: string, init: RequestInit) => {
      const response = await world.provider.handle(
        new Request(url, { method: "POST", headers: good.headers, ...init }),
      );
      await refused(response ?? assert.fail(), 401, "signature_invalid");
    };
    await changed(`${issuer}/userinfo?a=2`, { body: "status=hello" });
    await changed(`${issuer}/userinfo?a=1&b=`, { body: "status=hello" });
    await changed(`${issuer}/userinfo?a=1`, { body: "status=goodbye" });
    await changed(`${issuer}/userinfo?a=1`, { method: "GET", body: null });
    await changed(`${issuer}/userinfo?a=1`, { body: "status=hello&x=1" });
    assert.equal((await world.provider.handle(good))?.status, 200);
  });

  it("HMAC-SHA256, and every placement: header, query, body (§3.5)", async () => {
    const world = await birdWorld();
    const token = await connect(world);
    const key = {
      signature_method: "HMAC-SHA256",
      client_secret: secret,
      token_secret: token.oauth_token_secret,
    } as const;
    for (const placement of ["header", "query", "body"] as const) {
      const response = await userinfo(world, token, { method: placement === "body" ? "POST" : "GET", key, placement });
      assert.equal(response.status, 200, placement);
    }
    for (const placement of ["header", "query", "body"] as const)
      await initiate(world, callback, { protocol: { oauth_callback: callback }, placement });
  });

  it("behind a proxy the URL that counts is the issuer's, and a path that begins with slashes names no host (§3.4.1.2)", async () => {
    const world = await birdWorld();
    const request = await signed(world, "/oauth1/initiate", { protocol: { oauth_callback: callback } });
    const inside = new Request("http://10.0.0.7:8080/oauth1/initiate", request);
    assert.equal((await world.provider.handle(inside))?.status, 200);
    const elsewhere = await signed(world, "/oauth1/initiate", {
      url: "https://evil.test",
      protocol: { oauth_callback: callback },
    });
    await refused((await world.provider.handle(elsewhere)) ?? assert.fail(), 401, "signature_invalid");
    const token = await connect(world);
    const odd = await signed(world, "https://api.test//evil.test/x", { method: "GET", token });
    const moved = new Request("http://10.0.0.7//evil.test/x", odd);
    assert.equal((await world.provider.tokens.readOAuth1(moved, { origin: "https://api.test" })).subject, "alice");
  });

  it("a client with a public key signs with the private one; the public key is no shared secret (§3.4.3, O1-07)", async () => {
    const [own, foreign] = [await generateKey("RS256"), await generateKey("RS256")];
    const { d, p, q, dp, dq, qi, ...publicKey } = own.privateJwk;
    const world = await birdWorld(
      {},
      { client_secret: undefined, jwks: { keys: [publicKey] }, oauth1_signature_methods: ["RSA-SHA1", "RSA-SHA256"] },
    );
    for (const signature_method of ["RSA-SHA1", "RSA-SHA256"] as const) {
      const key = { signature_method, key: own.privateJwk };
      const temporary = await initiate(world, callback, { protocol: { oauth_callback: callback }, key });
      const { parameters } = await decide(world, temporary);
      const token = await formOf(
        await exchange(world, temporary, verifierOf(parameters), {
          key,
          protocol: { oauth_verifier: parameters.oauth_verifier },
        }),
      );
      const { oauth_token = "", oauth_token_secret = "" } = token;
      assert.equal((await userinfo(world, { oauth_token, oauth_token_secret }, { key })).status, 200);
      const wrong = { signature_method, key: foreign.privateJwk };
      await refused(
        await userinfo(world, { oauth_token, oauth_token_secret }, { key: wrong }),
        401,
        "signature_invalid",
      );
    }
    for (const client_secret of ["", publicKey.n ?? "", JSON.stringify(publicKey)]) {
      const key = { signature_method: "HMAC-SHA1", client_secret } as const;
      const response = await send(world, "/oauth1/initiate", { protocol: { oauth_callback: callback }, key });
      await refused(response, 400, "signature_method_rejected");
    }
  });

  it("PLAINTEXT only if the provider and the client name it, and over https only (§3.4.4, O1-07)", async () => {
    const methods = { oauth1_signature_methods: ["PLAINTEXT"] };
    const plain = oauth1({ signatureMethods: ["PLAINTEXT"] });
    const key = { signature_method: "PLAINTEXT", client_secret: secret } as const;
    const world = await birdWorld({ oauth1: plain }, methods);
    const timeless = { oauth_callback: callback, oauth_timestamp: undefined, oauth_nonce: undefined };
    await initiate(world, callback, { protocol: timeless, key });
    const half = await send(world, "/oauth1/initiate", { protocol: { ...timeless, oauth_nonce: "n" }, key });
    await refused(half, 400, "parameter_absent");
    const http = await createWorld({ issuer: "http://127.0.0.1:9", oauth1: plain });
    await http.provider.clients.add({ ...bird, scope: "openid", ...methods }, { provenance: "admin" });
    const request = await signed(http, "/oauth1/initiate", {
      url: "http://127.0.0.1:9",
      protocol: { oauth_callback: callback },
      key,
    });
    const response = await http.provider.handle(request);
    assert.match((await response?.text()) ?? "", /^oauth_problem=signature_method_rejected&/);
    await assert.rejects(birdWorld({}, methods), /oauth1_signature_methods must be among/);
  });

  it("a method the provider no longer accepts is refused, whatever its clients were registered for (O1-07)", async () => {
    const store = memoryStore();
    const before = await birdWorld({ store });
    const { metadata } = (await before.provider.clients.find("bird")) ?? assert.fail();
    assert.deepEqual(metadata.oauth1_signature_methods, ["HMAC-SHA1", "HMAC-SHA256"]);
    const token = await connect(before);
    const keys = (["HMAC-SHA1", "HMAC-SHA256"] as const).map((signature_method) => ({
      signature_method,
      client_secret: secret,
      token_secret: token.oauth_token_secret,
    }));
    const { provider } = await createWorld({
      store: overlaid(store),
      oauth1: oauth1({ signatureMethods: ["HMAC-SHA256"] }),
    });
    const world = { ...before, provider };
    const [old, newer] = await Promise.all(keys.map((key) => userinfo(world, token, { key })));
    await refused(old ?? assert.fail(), 400, "signature_method_rejected");
    assert.equal(newer?.status, 200);
  });

  it("O1-08 a body that is no form is covered by its hash only; a hash that is there must be right", async () => {
    const world = await birdWorld();
    const token = await connect(world);
    const body = '{"status":"hello"}';
    const hashes = await Promise.all(
      ["SHA-1", "SHA-256"].map(async (name) =>
        btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest(name, new TextEncoder().encode(body))))),
      ),
    );
    const read = async (oauth_body_hash: string | undefined, sent = body, place = {}, type = "application/json") => {
      const request = await signed(world, "/1/update", {
        url: "https://api.test",
        token,
        protocol: { oauth_body_hash },
        body: sent,
        type,
      });
      const state = await world.provider.tokens.readOAuth1(request, place);
      // The body is left for whoever answers.
      assert.equal(await request.text(), sent);
      return state.subject;
    };
    for (const hash of hashes) assert.equal(await read(hash, body, { bodyHash: "required" }), "alice");
    assert.equal(await read(undefined), "alice");
    const is = (problem: string) => (error: unknown) => error instanceof OAuth1Problem && error.problem === problem;
    for (const hash of hashes) await assert.rejects(read(hash, body.replace("hello", "bye")), is("signature_invalid"));
    await assert.rejects(read("AAAA"), is("signature_invalid"));
    await assert.rejects(read(undefined, body, { bodyHash: "required" }), is("parameter_absent"));
    await assert.rejects(read(hashes[0], "a=b", {}, "application/x-www-form-urlencoded"), is("parameter_rejected"));
  });

  it("during a rotation the old secret and the new one sign; after it the new one alone (§4.5)", async () => {
    const world = await birdWorld();
    const token = await connect(world);
    const rotated = await world.provider.clients.rotate("bird", { overlap: 60 });
    const key = {
      signature_method: "HMAC-SHA1",
      client_secret: rotated?.client_secret ?? "",
      token_secret: token.oauth_token_secret,
    } as const;
    assert.equal((await userinfo(world, token)).status, 200);
    assert.equal((await userinfo(world, token, { key })).status, 200);
    world.clock.advance(61);
    await refused(await userinfo(world, token), 401, "signature_invalid");
    assert.equal((await userinfo(world, token, { key })).status, 200);
  });
});

describe("RFC 7662 §2: an API elsewhere asks about a signed request", () => {
  const forwarded = async (world: World, request: Request, client = service) => {
    const text = await writeForwarded(request, undefined);
    const response = await post(world, "/introspect", { token: text }, client);
    return (await response.json()) as Record<string, unknown>;
  };

  it("the answer is what it would be for a token, with a type of its own, and once", async () => {
    const world = await birdWorld();
    await world.addClient({ ...service, introspects: [api.resource] });
    const token = await connect(world);
    const url = "https://api.test/timeline?count=20";
    const request = await signed(world, url, { token, form: { status: "a b" } });
    const answer = await forwarded(world, request);
    assert.equal(answer.active, true);
    assert.equal(answer.sub, "alice");
    assert.equal(answer.client_id, "bird");
    assert.equal(answer.token_type, "OAuth1");
    assert.deepEqual(answer.aud, [issuer, api.resource]);
    assert.equal((await forwarded(world, request)).oauth_problem, "nonce_used");
    const changed = await signed(world, url, { token, spoil: () => "AAAA" });
    assert.deepEqual(Object.keys(await forwarded(world, changed)), ["active", "oauth_problem", "oauth_problem_advice"]);
  });

  it("an API learns nothing about tokens that are not for it, and nobody else about any", async () => {
    const world = await birdWorld();
    await world.addClient(service);
    const request = async () => signed(world, "https://api.test/", { token: await connect(world) });
    assert.deepEqual(await forwarded(world, await request()), { active: false });
    assert.equal((await forwarded(world, await request(), pub)).error, "invalid_client");
  });

  it("what is no request is a token nobody knows, also where OAuth 1.0a is not served", async () => {
    const world = await birdWorld();
    await world.addClient({ ...service, introspects: [api.resource] });
    const encoded = (text: string) => `oauth1_request:${btoa(text).replaceAll("=", "")}`;
    for (const token of [
      encoded("{}"),
      encoded("null"),
      encoded('{"url":"file:///etc/passwd"}'),
      "oauth1_request:é",
      encoded('{"url":"https://api.test/","method":"GET","form":"a=b"}'),
    ]) {
      const response = await post(world, "/introspect", { token }, service);
      assert.deepEqual(await response.json(), { active: false }, token);
    }
    const without = await createWorld({ resources: [api] });
    await without.addClient({ ...service, introspects: [api.resource] });
    assert.deepEqual(await forwarded(without, await signed(world, "https://api.test/")), { active: false });
  });

  it("a request is no access token anywhere else (RFC 7009 §2.1, RFC 6750 §2.1)", async () => {
    const world = await birdWorld();
    const request = await signed(world, "/userinfo", { method: "GET", token: await connect(world) });
    const text = await writeForwarded(request, undefined);
    assert.equal(await world.provider.tokens.read(text), undefined);
    const response = await world.send("/userinfo", { headers: { authorization: `Bearer ${text}` } });
    assert.equal(response.status, 400);
    assert.equal((await world.provider.handle(request))?.status, 200);
  });
});
