import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deriveHandle, readHandle } from "@valetkey/protocol/random";
import type { Store } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";
import {
  authorizeUrl,
  codeFor,
  createWorld,
  issuer,
  locationOf,
  rp,
  signIn,
  start,
  verifier,
  type World,
} from "./op.ts";
import {
  activeOf,
  api,
  assertError,
  isActive,
  other,
  post,
  pub,
  redeem,
  sendAs,
  service,
  snapshot,
  tokensFor,
  tokensOf,
  userinfo,
} from "./token-side.ts";

const basicOf = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;

describe("redeeming a code (RFC 6749 §4.1.3 and §4.1.4)", () => {
  it("gives a Bearer token, its lifetime and its scope, never cached (§5.1)", async () => {
    const world = await createWorld();
    const tokens = await tokensFor(world, { scope: "openid email" });
    assert.equal(tokens.token_type, "Bearer");
    assert.equal(tokens.expires_in, 900);
    assert.equal(tokens.scope, "openid email");
    assert.match(tokens.access_token, /^vk_access_/);
    assert.match(tokens.refresh_token ?? "", /^vk_refresh_/);
    assert.equal(await activeOf(world, tokens), "access refresh");
  });

  it("gives no refresh token to a client that did not register the grant type", async () => {
    const world = await createWorld();
    const once = { ...rp, client_id: "once", grant_types: ["authorization_code"] };
    await world.addClient(once);
    assert.equal((await tokensFor(world, {}, once)).refresh_token, undefined);
  });

  it("works once; a replay that is otherwise valid cuts everything the code gave (§4.1.2, P2)", async () => {
    const world = await createWorld();
    const code = await codeFor(world, "alice");
    const tokens = await tokensOf(await redeem(world, code));
    await assertError(await redeem(world, code), "invalid_grant");
    assert.equal(await activeOf(world, tokens), "");
    assert.equal((await userinfo(world, tokens.access_token)).status, 401);
    assert.ok(world.lines.some(({ level, fields }) => level === "warn" && fields.event === "code.replayed"));
  });

  it("is of no use once its session has ended; redeemed before, it outlives that with offline_access (P11, CD-10)", async () => {
    const world = await createWorld();
    const ask = { scope: "openid offline_access" };
    const [tokens, late] = [await tokensFor(world, ask), await codeFor(world, "alice", ask)];
    await world.provider.sessions.endAll("alice");
    await assertError(await redeem(world, late), "invalid_grant");
    assert.equal(await activeOf(world, tokens), "access refresh");
  });

  it("sets off no alarm for a replay by somebody who could not have redeemed it (P2)", async () => {
    const world = await createWorld();
    await world.addClient(other);
    await world.addClient(pub);
    const code = await codeFor(world, "alice");
    const tokens = await tokensOf(await redeem(world, code));
    await assertError(await redeem(world, code, {}, other), "invalid_grant");
    await assertError(await redeem(world, code, {}, pub), "invalid_grant");
    await assertError(await redeem(world, code, { code_verifier: "x".repeat(43) }), "invalid_grant");
    await assertError(await redeem(world, code, { redirect_uri: "https://evil.test/" }), "invalid_grant");
    assert.equal(await activeOf(world, tokens), "access refresh");
  });

  it("cannot be made to overlook a replay by failing on purpose before it", async () => {
    const world = await createWorld();
    const code = await codeFor(world, "alice");
    const tokens = await tokensOf(await redeem(world, code));
    for (let time = 0; time < 6; time++) await redeem(world, code, { code_verifier: "x".repeat(43) });
    await redeem(world, code);
    assert.equal(await activeOf(world, tokens), "");
  });

  it("spends and mints in one commit", async () => {
    const commits: string[][] = [];
    const real = memoryStore({ now: () => start });
    const commit: Store["commit"] = (changes) => {
      commits.push(changes.map((change) => `${change.do} ${change.entry.kind}`).sort());
      return real.commit(changes);
    };
    const world = await createWorld({ store: { ...real, commit } });
    const code = await codeFor(world, "alice");
    commits.length = 0;
    const { refresh_token } = await tokensOf(await redeem(world, code));
    await post(world, "/token", { grant_type: "refresh_token", refresh_token });
    assert.deepEqual(commits, [
      ["insert access", "insert refresh", "replace code", "replace grant"],
      ["insert access", "insert refresh", "replace refresh"],
    ]);
  });

  it("still notices a replay after the expired was swept away, for a day (CD-12)", async () => {
    const world = await createWorld();
    const code = await codeFor(world, "alice");
    const tokens = await tokensOf(await redeem(world, code));
    world.clock.advance(11 * 3600);
    await world.store.sweep();
    assert.equal(await isActive(world, tokens.refresh_token), true);
    await assertError(await redeem(world, code), "invalid_grant");
    assert.equal(await isActive(world, tokens.refresh_token), false);
  });

  it("compares redirect_uri byte for byte with the request's (§4.1.3, CD-05)", async () => {
    const world = await createWorld();
    await world.addClient({ ...rp, client_id: "two", redirect_uris: ["https://rp.test/cb", "https://rp.test/cb2"] });
    for (const redirect_uri of ["https://rp.test/cb2", "https://rp.test/cb/", "https://RP.test/cb", undefined]) {
      const code = await codeFor(world, "alice", { client_id: "two" });
      await assertError(await redeem(world, code, { redirect_uri }, { ...rp, client_id: "two" }), "invalid_grant");
    }
  });

  it("lets redirect_uri be left out if it was left out before, and compares it if it comes all the same", async () => {
    const world = await createWorld();
    const without = () => codeFor(world, "alice", { redirect_uri: undefined, scope: "email" });
    await tokensOf(await redeem(world, await without(), { redirect_uri: undefined }));
    await tokensOf(await redeem(world, await without()));
    await assertError(await redeem(world, await without(), { redirect_uri: "https://rp.test/else" }), "invalid_grant");
  });

  it("refuses a code from its last second on (CD-07)", async () => {
    const world = await createWorld();
    const code = await codeFor(world, "alice");
    world.clock.advance(59);
    const late = await codeFor(world, "alice");
    await tokensOf(await redeem(world, code));
    world.clock.advance(60);
    await assertError(await redeem(world, late), "invalid_grant");
  });

  it("uses one sentence for unknown, expired, foreign and malformed codes", async () => {
    const world = await createWorld();
    await world.addClient(other);
    const code = await codeFor(world, "alice");
    const foreign = await assertError(await redeem(world, code, {}, other), "invalid_grant");
    const changed = `${code.slice(0, -1)}${code.endsWith("A") ? "B" : "A"}`;
    world.clock.advance(61);
    for (const text of [code, changed, "nonsense", "vk_code_", "x".repeat(5000)]) {
      assert.equal(await assertError(await redeem(world, text), "invalid_grant"), foreign);
    }
  });

  it("knows codes and tokens by their secret, not by their id", async () => {
    const world = await createWorld();
    const code = await codeFor(world, "alice");
    const forge = async (kind: string, text = "") =>
      (await deriveHandle(kind, readHandle(text, kind)?.id ?? "", "x", "y")).handle;
    await assertError(await redeem(world, await forge("code", code)), "invalid_grant");
    const tokens = await tokensOf(await redeem(world, code));
    assert.equal(await isActive(world, await forge("access", tokens.access_token)), false);
    assert.equal(await isActive(world, await forge("refresh", tokens.refresh_token)), false);
    const forged = await forge("refresh", tokens.refresh_token);
    await assertError(
      await post(world, "/token", { grant_type: "refresh_token", refresh_token: forged }),
      "invalid_grant",
    );
  });

  it("is not hurt by a wrong client, however often (P1)", async () => {
    const world = await createWorld();
    await world.addClient(other);
    const code = await codeFor(world, "alice");
    const before = await snapshot(world, "code", "grant");
    for (let time = 0; time < 7; time++) await assertError(await redeem(world, code, {}, other), "invalid_grant");
    assert.equal(await snapshot(world, "code", "grant"), before);
    await tokensOf(await redeem(world, code));
  });

  it("survives four mistakes and is dead after the fifth (P1)", async () => {
    const world = await createWorld();
    const wrong = [
      { code_verifier: "y".repeat(43) },
      { redirect_uri: "https://rp.test/x" },
      { code_verifier: undefined },
      { redirect_uri: undefined },
    ];
    const code = await codeFor(world, "alice");
    for (const mistake of wrong) await assertError(await redeem(world, code, mistake), "invalid_grant");
    await tokensOf(await redeem(world, code));
    const dead = await codeFor(world, "alice");
    for (const mistake of [...wrong, { code_verifier: "short" }])
      await assertError(await redeem(world, dead, mistake), "invalid_grant");
    await assertError(await redeem(world, dead), "invalid_grant");
  });

  it("counts mistakes that are made at the same time", async () => {
    const world = await createWorld();
    const code = await codeFor(world, "alice");
    const responses = await Promise.all(
      Array.from({ length: 50 }, () => redeem(world, code, { code_verifier: "z".repeat(43) })),
    );
    assert.deepEqual([...new Set(responses.map(({ status }) => status))], [400]);
    await assertError(await redeem(world, code), "invalid_grant");
  });

  it("has one winner among fifty, and never tokens that survive the replay (CD, races)", async () => {
    const world = await createWorld();
    const code = await codeFor(world, "alice");
    const responses = await Promise.all(Array.from({ length: 50 }, () => redeem(world, code)));
    const won = responses.filter(({ status }) => status === 200);
    assert.equal(won.length, 1);
    for (const lost of responses.filter(({ status }) => status !== 200)) await assertError(lost, "invalid_grant");
    assert.equal(await activeOf(world, await tokensOf(won[0] as Response)), "");
    assert.equal((await world.store.list("access", {})).length, 1);
  });

  it("is over with the session that began it (CD-10)", async () => {
    const world = await createWorld();
    const browser = world.browser();
    const code = await codeFor(world, "alice", {}, browser);
    await world.provider.sessions.end(browser.request("/"));
    await assertError(await redeem(world, code), "invalid_grant");
  });

  it("is over when the person is disabled in between", async () => {
    const world = await createWorld();
    const code = await codeFor(world, "alice");
    world.people.delete("alice");
    await assertError(await redeem(world, code), "invalid_grant");
  });

  it("never gives the tokens of another person than accounts answers for (RT-16)", async () => {
    const world = await createWorld();
    const code = await codeFor(world, "alice");
    world.people.set("alice", { sub: "bob", claims: {} });
    await assertError(await redeem(world, code), "invalid_grant");
  });
});

describe("client authentication at the token endpoint (RFC 6749 §2.3, §3.2.1, §5.2)", () => {
  const grant = { grant_type: "client_credentials" };
  const withApi = () => createWorld({ resources: [api] });

  it("takes Basic with both halves form-encoded, and a secret with a colon in it (TK-01)", async () => {
    const world = await withApi();
    const odd = { ...service, client_id: "svc:%é+ /", client_secret: "s3cret: with %, + and / and spaces in it é" };
    await assert.rejects(
      world.provider.clients.add({ ...service, client_id: odd.client_id }, { provenance: "admin" }),
      /printable ASCII/,
    );
    const plain = { ...odd, client_id: "svc:%+ /", client_secret: "s3cret: with %, + and / and spaces in it, long" };
    await world.addClient(plain);
    await tokensOf(await post(world, "/token", grant, plain));
    const colon = { ...service, client_id: "colon", client_secret: "a:secret:with:colons:that:is:long:enough" };
    await world.addClient(colon);
    const raw = {
      method: "POST",
      body: new URLSearchParams(grant),
      headers: { authorization: basicOf(`colon:${colon.client_secret}`) },
    };
    await tokensOf(await sendAs(world, "/token", raw));
  });

  it("says the same for unknown client, wrong secret, wrong method and disabled client, with 401 and a challenge (P7)", async () => {
    const world = await withApi();
    await world.addClient(service);
    await world.addClient({ ...service, client_id: "off", disabled: true });
    await world.addClient({ ...service, client_id: "post", token_endpoint_auth_method: "client_secret_post" });
    const said = new Set<string>();
    for (const client of [
      { ...service, client_id: "nobody" },
      { ...service, client_secret: "wrong" },
      { ...service, client_id: "off" },
      { ...service, client_id: "post" },
      { ...service, client_id: "x".repeat(3000) },
    ]) {
      const response = await post(world, "/token", grant, client);
      assert.match(response.headers.get("www-authenticate") ?? "", /^Basic /);
      said.add(await assertError(response, "invalid_client"));
    }
    assert.equal(said.size, 1);
    const inForm = await post(
      world,
      "/token",
      { ...grant, client_id: "svc", client_secret: "wrong" },
      { client_id: "svc" },
    );
    assert.equal(inForm.headers.get("www-authenticate"), null);
    await assertError(inForm, "invalid_client");
  });

  it("takes client_secret_post from a client that registered it, and from no other", async () => {
    const world = await withApi();
    await world.addClient(service);
    await world.addClient({ ...service, client_id: "post", token_endpoint_auth_method: "client_secret_post" });
    const { client_secret } = service;
    await tokensOf(await post(world, "/token", { ...grant, client_id: "post", client_secret }, { client_id: "post" }));
    await assertError(
      await post(world, "/token", { ...grant, client_id: "svc", client_secret }, { client_id: "svc" }),
      "invalid_client",
    );
  });

  it("refuses two methods at once, another client_id in the body, and a header of another scheme (TK-04)", async () => {
    const world = await withApi();
    await world.addClient(service);
    await world.addClient(pub);
    const before = await snapshot(world, "access");
    const { client_secret } = service;
    await assertError(
      await post(world, "/token", { ...grant, client_id: "svc", client_secret }, service),
      "invalid_request",
    );
    await assertError(await post(world, "/token", { ...grant, client_id: "rp" }, service), "invalid_request");
    await tokensOf(await post(world, "/token", { ...grant, client_id: "svc" }, service));
    const form = { ...grant, client_id: "svc", client_secret: client_secret ?? "" };
    const bearer = { method: "POST", body: new URLSearchParams(form), headers: { authorization: "Bearer abc" } };
    await assertError(await sendAs(world, "/token", bearer), "invalid_request");
    const asPublic = { ...bearer, body: new URLSearchParams({ ...grant, client_id: "pub" }) };
    await assertError(await sendAs(world, "/token", asPublic), "invalid_client");
    assert.notEqual(await snapshot(world, "access"), before);
  });

  it("refuses a confidential client that shows no secret, for everything (TK-06)", async () => {
    const world = await withApi();
    await world.addClient(service);
    const tokens = await tokensFor(world);
    const bare = { client_id: "rp" };
    const code = await codeFor(world, "alice");
    await assertError(
      await redeem(world, code, { client_id: "rp" }, { ...rp, ...bare, client_secret: undefined } as never),
      "invalid_client",
    );
    for (const [path, fields] of [
      ["/token", { grant_type: "refresh_token", refresh_token: tokens.refresh_token }],
      ["/token", { ...grant, client_id: "svc" }],
      ["/revoke", { token: tokens.access_token }],
      ["/introspect", { token: tokens.access_token }],
    ] as const) {
      await assertError(await post(world, path, fields, bare), "invalid_client");
    }
    assert.equal(await activeOf(world, tokens), "access refresh");
  });

  it("refuses Basic that is not base64, has no colon, or is not UTF-8, as invalid_client", async () => {
    const world = await withApi();
    for (const authorization of [
      "Basic",
      "Basic ???",
      basicOf("nocolon"),
      basicOf(":x"),
      "Basic //8=",
      basicOf("a:%zz"),
    ]) {
      const init = { method: "POST", body: new URLSearchParams(grant), headers: { authorization } };
      await assertError(await sendAs(world, "/token", init), "invalid_client");
    }
  });

  it("slows down an address that guesses, and nobody else (TK-13)", async () => {
    const world = await withApi();
    await world.addClient(service);
    let last: Response | undefined;
    for (let time = 0; time < 31; time++)
      last = await post(world, "/token", grant, { ...service, client_secret: "guess" }, "203.0.113.9");
    assert.equal(last?.status, 429);
    assert.equal(last?.headers.get("retry-after"), "60");
    assert.equal((await post(world, "/token", grant, service, "203.0.113.9")).status, 429);
    await tokensOf(await post(world, "/token", grant, service, "203.0.113.10"));
    // Another client behind the same address is not locked out.
    const neighbour = { ...service, client_id: "neighbour" };
    await world.addClient(neighbour);
    await tokensOf(await post(world, "/token", grant, neighbour, "203.0.113.9"));
    world.clock.advance(60);
    await tokensOf(await post(world, "/token", grant, service, "203.0.113.9"));
  });

  it("counts an IPv6 subscriber as one, and whoever tries many names, but lets what is right pass (TK-13)", async () => {
    const world = await withApi();
    await world.addClient(service);
    let last: Response | undefined;
    for (let time = 0; time < 31; time++)
      last = await post(world, "/token", grant, { ...service, client_secret: "guess" }, `2001:db8:1:2::${time}`);
    assert.equal(last?.status, 429);
    await tokensOf(await post(world, "/token", grant, service, "2001:db8:1:3::1"));
    for (let time = 0; time < 301; time++)
      last = await post(world, "/token", grant, { ...service, client_id: `nobody-${time}` }, "203.0.113.77");
    assert.equal(last?.status, 429);
    await tokensOf(await post(world, "/token", grant, service, "203.0.113.77"));
  });

  it("ends a disabled client's tokens at once, and lets them count again when it is enabled (TK-24)", async () => {
    const world = await createWorld();
    const tokens = await tokensFor(world);
    await world.provider.clients.set("rp", { disabled: true });
    assert.equal(await activeOf(world, tokens), "");
    await assertError(
      await post(world, "/token", { grant_type: "refresh_token", refresh_token: tokens.refresh_token }),
      "invalid_client",
    );
    await assertError(await post(world, "/introspect", { token: tokens.access_token }), "invalid_client");
    await world.provider.clients.set("rp", { disabled: false });
    assert.equal(await activeOf(world, tokens), "access refresh");
  });
});

describe("the form of a token request (RFC 6749 §3.2)", () => {
  const send = (world: World, init: RequestInit) => sendAs(world, "/token", { method: "POST", ...init });
  const authorization = basicOf(`rp:${encodeURIComponent(rp.client_secret ?? "")}`);

  it("is POST only (TK-09)", async () => {
    const world = await createWorld();
    for (const method of ["GET", "PUT", "DELETE", "HEAD"]) {
      const response = await sendAs(world, "/token?grant_type=x", { method });
      assert.equal(response.status, 405);
      assert.equal(response.headers.get("allow"), "POST, OPTIONS");
    }
  });

  it("must be form-encoded; other types, broken types and no body are no server errors (TK-09)", async () => {
    const world = await createWorld();
    for (const type of [
      "application/json",
      ";",
      "multipart/form-data; boundary=x",
      "text/plain",
      "application/x-www-form-urlencoded; charset=latin1",
    ]) {
      await assertError(
        await send(world, { body: "grant_type=x", headers: { authorization, "content-type": type } }),
        "invalid_request",
        415,
      );
    }
    await assertError(await send(world, { headers: { authorization } }), "invalid_request");
    const type = "application/x-www-form-urlencoded; charset=utf-8";
    await assertError(
      await send(world, { body: "grant_type=x", headers: { authorization, "content-type": type } }),
      "unsupported_grant_type",
    );
    await assertError(
      await send(world, { body: `a=${"x".repeat(70_000)}`, headers: { authorization, "content-type": type } }),
      "invalid_request",
      413,
    );
  });

  it("has no parameter twice (TK-10, P16)", async () => {
    const world = await createWorld();
    for (const name of ["grant_type", "code", "code_verifier", "refresh_token", "client_id", "scope"]) {
      await assertError(await post(world, "/token", { [name]: ["a", "a"] }), "invalid_request");
    }
  });

  it("names a grant type that exists and that the client registered (TK-11)", async () => {
    const world = await createWorld();
    for (const grant_type of ["password", "implicit", "bogus", "__proto__", "constructor"]) {
      await assertError(await post(world, "/token", { grant_type }), "unsupported_grant_type");
    }
    await assertError(await post(world, "/token", {}), "invalid_request");
    await assertError(await post(world, "/token", { grant_type: "client_credentials" }), "unauthorized_client");
    assert.deepEqual(world.provider.metadata.grant_types_supported, [
      "authorization_code",
      "refresh_token",
      "client_credentials",
    ]);
    await assertError(await post(world, "/token", { grant_type: "authorization_code" }), "invalid_request");
    await assertError(await post(world, "/token", { grant_type: "refresh_token" }), "invalid_request");
  });
});

describe("client credentials (RFC 6749 §4.4, RFC 9700 §4.15)", () => {
  const ask = (world: World, fields = {}, client = service) =>
    post(world, "/token", { grant_type: "client_credentials", ...fields }, client);
  const withService = async () => {
    const world = await createWorld({ resources: [api] });
    await world.addClient(service);
    return world;
  };

  it("gives an access token alone, with the scopes the registration lists and none that speak of a person (TK-23)", async () => {
    const world = await withService();
    const tokens = await tokensOf(await ask(world));
    assert.deepEqual(Object.keys(tokens).sort(), ["access_token", "expires_in", "scope", "token_type"]);
    assert.equal(tokens.scope, "api:read");
    const state = await world.provider.tokens.read(tokens.access_token);
    assert.equal(state?.subject, undefined);
    assert.deepEqual(state?.aud, [api.resource]);
  });

  it("refuses scopes beyond that, and gives a client that has none of its own a token without scope (TK-23, §3.3)", async () => {
    const world = await withService();
    for (const scope of ["openid", "offline_access", "profile", "api:write", "api:read openid", "bogus"]) {
      await assertError(await ask(world, { scope }), "invalid_scope");
    }
    const unlimited = {
      client_id: "free",
      client_secret: service.client_secret ?? "",
      grant_types: ["client_credentials"],
    };
    await world.addClient(unlimited);
    const bare = await tokensOf(await ask(world, {}, unlimited));
    assert.deepEqual(Object.keys(bare).sort(), ["access_token", "expires_in", "token_type"]);
    const state = await world.provider.tokens.read(bare.access_token);
    assert.deepEqual([state?.scope, state?.aud, state?.subject], [[], ["https://id.test"], undefined]);
    await assertError(await ask(world, { scope: "api:read" }, unlimited), "invalid_scope");
    // The answer does not say which names were too much; the log does, and within bounds.
    const refused = () =>
      world.lines.filter(({ fields }) => fields.event === "token.refused").map(({ fields }) => fields);
    assert.deepEqual(
      refused()
        .map(({ client_id, scope }) => [client_id, scope])
        .slice(-3),
      [
        [service.client_id, "openid"],
        [service.client_id, "bogus"],
        ["free", "api:read"],
      ],
    );
    const flood = Array.from({ length: 100 }, (_, at) => `made:up:${at}`).join(" ");
    await assertError(await ask(world, { scope: flood }), "invalid_scope");
    assert.equal(String(refused().at(-1)?.scope).length, 256);
    await assertError(await ask(world, { resource: "https://else.test/" }), "invalid_target");
  });

  it("is not for public clients, whatever they registered (TK-23)", async () => {
    const world = await withService();
    const loud = {
      client_id: "loud",
      token_endpoint_auth_method: "none",
      grant_types: ["client_credentials"],
      scope: "api:read",
    };
    await world.addClient(loud);
    await assertError(await ask(world, {}, loud), "unauthorized_client");
  });

  it("has a sub no person can have: an account whose sub looks like a client's is nobody (RS-10)", async () => {
    const world = await withService();
    await world.addClient({ ...other, introspects: [api.resource] });
    const { access_token } = await tokensOf(await ask(world));
    const body = (await (await post(world, "/introspect", { token: access_token }, other)).json()) as { sub: string };
    assert.equal(body.sub, "client:svc");
    world.people.set("client:svc", { sub: "client:svc", claims: {} });
    const browser = world.browser();
    await signIn(world, browser, "client:svc");
    const asked = locationOf(await browser.get(authorizeUrl()));
    assert.equal(asked.page, `${issuer}/login`, "whoever has that session is nobody");
  });

  it("dies with the client", async () => {
    const world = await withService();
    const tokens = await tokensOf(await ask(world));
    await world.provider.clients.remove("svc");
    assert.equal(await isActive(world, tokens.access_token), false);
    await world.addClient(service);
    assert.equal(await isActive(world, tokens.access_token), false);
  });
});

describe("what a token response and the log never say", () => {
  it("no secret, code or token is in the log (CD-11)", async () => {
    const world = await createWorld();
    const code = await codeFor(world, "alice");
    const tokens = await tokensOf(await redeem(world, code));
    await redeem(world, code, { code_verifier: "w".repeat(43) });
    await redeem(world, code);
    await post(world, "/token", {}, { ...rp, client_secret: "guessed secret" });
    const log = JSON.stringify(world.lines);
    const secrets = [
      code,
      tokens.access_token,
      tokens.refresh_token,
      tokens.id_token,
      verifier,
      rp.client_secret,
      "guessed secret",
    ];
    for (const one of secrets) assert.ok(one !== undefined && !log.includes(one));
  });

  it("errors echo nothing that was sent", async () => {
    const world = await createWorld();
    const text = await (await redeem(world, "vk_code_secretsecret", { grant_type: "pass<word>" })).text();
    assert.doesNotMatch(text, /secretsecret|pass<word>/);
    assert.ok(text.length < 300 && !text.includes(issuer));
  });
});
